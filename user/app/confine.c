/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A daemon gives up what it does not need: before it starts threads, so that all of them have. */
#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cap-ng.h>
#include <linux/capability.h>

#include "daemon.h"
#include "folder.h"
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

/*
 * Debian's and Ubuntu's kernels ask for CAP_SYS_ADMIN in perf_event_open, by which tracepoints and kprobes are
 * attached, where kernel.perf_event_paranoid is 3 or more (their patch; mainline asks for CAP_PERFMON whatever it is).
 */
static bool perf_wants_admin(void)
{
	char text[16];

	return !folder_read_text(AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid", text, sizeof(text)) &&
	       atoi(text) > 2;
}

/* How many of those kept there are, the last ones being left out where they are not needed. */
static size_t count_kept(const struct session *session, unsigned int *kept)
{
	size_t count = 6;

	if (rules_signal(&session->options->daemon.rules))
		kept[count++] = CAP_KILL;
	if (!perf_wants_admin())
		return count;
	kept[count++] = CAP_SYS_ADMIN;
	capng_get_caps_process();
	if (!capng_have_capability(CAPNG_EFFECTIVE, CAP_SYS_ADMIN))
		log_warn("kernel.perf_event_paranoid is above 2, where this distribution's kernel wants cap_sys_admin "
			 "for "
			 "hooks: set it to 2, or grant that");
	else
		log_debug("cap_sys_admin is kept: kernel.perf_event_paranoid is above 2");
	return count;
}

int daemon_confine(struct session *session)
{
	/*
	 * BPF and PERFMON: programs for suspects are loaded and attached when there are some. SYS_PTRACE: maps and
	 * files of other users' processes. DAC_READ_SEARCH: their binaries, tracefs. SETUID, SETGID: the symbolizer
	 * becomes nobody. KILL: signals to other users' processes, last so that it can be left out.
	 */
	unsigned int kept[8] = {CAP_BPF, CAP_PERFMON, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SETUID, CAP_SETGID};
	size_t count = count_kept(session, kept);
	int error = privilege_keep_only(kept, count, false);
	if (!error)
		error = forbid();
	if (error)
		log_error("cannot give up privileges: %s", strerror(-error));
	else
		log_debug("privileges given up but for cap_bpf, cap_perfmon, cap_sys_ptrace, cap_dac_read_search, "
			  "cap_setuid, cap_setgid%s; %zu system calls are forbidden",
			  rules_signal(&session->options->daemon.rules) ? ", cap_kill" : "",
			  sizeof(forbidden) / sizeof(forbidden[0]));
	return error;
}
