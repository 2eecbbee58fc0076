/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether what the options ask for makes sense together, and can be had here. */
#include "check.h"

#include <errno.h>
#include <unistd.h>

#include "log.h"
#include "procfs.h"
#include "target.h"

int check_targets(const struct options *options)
{
	if (!options->pid_count && options->command != COMMAND_RUN)
		return 0;
	if (!procfs_in_initial_pid_namespace()) {
		log_error("-p and -- CMD: this is a pid namespace of its own, the kernel counts by the host's pids: "
			  "run mmaptrace "
			  "on the host, or in a container that shares its pids (--pid=host)");
		return -EINVAL;
	}
	for (size_t i = 0; i < options->pid_count; i++) {
		int error = target_check("-p", options->pids[i]);

		if (error)
			return error;
	}
	return 0;
}

/* What only the whole-system table can do, or only a choice of processes, is not silently ignored. */
int check_combination(const struct options *options)
{
	bool filtered = options->filter.comm || options->cgroup;

	if (options->record && !options->output) {
		log_error("record: -o FILE must say where to");
		return -EINVAL;
	}
	if (options->record && filtered) {
		log_error("record keeps all processes: -n chooses in the replay");
		return -EINVAL;
	}
	if (options->record && (options->json || options->profile)) {
		log_error("record writes a recording: lines and profiles come from replay");
		return -EINVAL;
	}
	if (filtered && options->command != COMMAND_TABLE && options->command != COMMAND_DAEMON) {
		log_error("-n and -c choose rows of the table: not with -p or a command");
		return -EINVAL;
	}
	if ((options->profile || options->stacks) && options->command == COMMAND_TABLE) {
		log_error("%s takes -p or a command: the table has no call stacks", options->stacks ? "--stacks"
										    : options->profile == PROFILE_FOLDED
											    ? "--folded"
											    : "--pprof");
		return -EINVAL;
	}
	if ((options->profile || options->stacks) && options->unwind == UNWIND_OFF) {
		log_error("--unwind=off leaves no call stacks for --stacks, --folded or --pprof");
		return -EINVAL;
	}
	if (options->profile && options->json) {
		log_error("--json writes lines, --folded and --pprof a profile: one or the other");
		return -EINVAL;
	}
	if (options->profile == PROFILE_PPROF && !options->output && isatty(STDOUT_FILENO)) {
		log_error("--pprof writes no text: add -o FILE");
		return -EINVAL;
	}
	if (options->cgroup && options->stop_at_percent) {
		log_error("--stop-at cannot choose by cgroup: use -n, -p or a command");
		return -EINVAL;
	}
	return 0;
}
