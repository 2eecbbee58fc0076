/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A daemon gives up what it does not need: before it starts threads, so that all of them have. */
#include <errno.h>
#include <seccomp.h>
#include <stdbool.h>
#include <string.h>
#include <linux/capability.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "privilege.h"

/* Nothing that a tracer does: whoever gets hold of it is not to change the machine, nor who it is. */
static const char *const forbidden[] = {
	"mount",
	"umount2",
	"pivot_root",
	"chroot",
	"move_mount",
	"open_tree",
	"fsopen",
	"fsmount",
	"mount_setattr",
	"swapon",
	"swapoff",
	"reboot",
	"kexec_load",
	"kexec_file_load",
	"init_module",
	"finit_module",
	"delete_module",
	"settimeofday",
	"clock_settime",
	"adjtimex",
	"clock_adjtime",
	"sethostname",
	"setdomainname",
	"setns",
	"unshare",
	"ptrace",
	"process_vm_writev",
	"userfaultfd",
	"io_uring_setup",
	"add_key",
	"request_key",
	"keyctl",
	"acct",
	"quotactl",
	"iopl",
	"ioperm",
	"personality",
	"mknod",
	"mknodat",
	"lookup_dcookie",
	"nfsservctl",
	"vhangup",
};

static int forbid(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
	int error = filter ? 0 : -ENOMEM;

	for (size_t i = 0; !error && i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
		int number = seccomp_syscall_resolve_name(forbidden[i]);

		if (number != __NR_SCMP_ERROR)
			error = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
		if (error == -EDOM || error == -EACCES)
			error = 0; /* this architecture has no such call */
	}
	if (!error)
		error = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	return error;
}

static bool rules_signal(const struct rule_list *rules)
{
	for (unsigned int i = 0; i < rules->count; i++) {
		if (rules->rules[i].stop || rules->rules[i].signal)
			return true;
	}
	return false;
}

int daemon_confine(struct session *session)
{
	/*
	 * BPF and PERFMON: programs for suspects are loaded and attached when there are some. SYS_PTRACE: maps and
	 * files of other users' processes. DAC_READ_SEARCH: their binaries, tracefs. SETUID, SETGID: the symbolizer
	 * becomes nobody. KILL: signals to other users' processes, last so that it can be left out.
	 */
	static const unsigned int kept[] = {CAP_BPF,	CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH,
					    CAP_SETUID, CAP_SETGID,  CAP_KILL};
	size_t count = sizeof(kept) / sizeof(kept[0]);
	int error;

	if (!rules_signal(&session->options->daemon.rules) && geteuid())
		count--;
	error = privilege_keep_only(kept, count, false);
	if (!error)
		error = forbid();
	if (error)
		log_error("cannot give up privileges: %s", strerror(-error));
	else
		log_debug("privileges given up but for cap_bpf, cap_perfmon, cap_sys_ptrace, cap_dac_read_search, "
			  "cap_setuid, cap_setgid%s; %zu system calls are forbidden",
			  count == sizeof(kept) / sizeof(kept[0]) ? ", cap_kill" : "",
			  sizeof(forbidden) / sizeof(forbidden[0]));
	return error;
}
