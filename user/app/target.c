/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "target.h"

#include <errno.h>

#include "log.h"
#include "procfs.h"

int target_check(const char *what, uint32_t pid)
{
	uint32_t tgid;

	switch (procfs_pid_state(pid, &tgid)) {
	case PID_ALIVE:
		return 0;
	case PID_NONE:
		log_error("%s %u: no such process", what, pid);
		break;
	case PID_ZOMBIE:
		log_error("%s %u: a zombie: it has ended and holds no maps", what, pid);
		break;
	case PID_KERNEL_THREAD:
		log_error("%s %u: a kernel thread: it has no maps", what, pid);
		break;
	case PID_THREAD:
		log_error("%s %u: a thread of process %u: use %s %u", what, pid, tgid, what, tgid);
		break;
	}
	return -ESRCH;
}
