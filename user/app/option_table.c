/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "option_table.h"

#include <stdlib.h>
#include <string.h>

#include "option_daemon.h"
#include "parse.h"
#include "plan.h"

#define SECOND_NS	1000000000ULL
#define INTERVAL_MIN_NS (10 * 1000000ULL)
#define RING_MIN	4096
#define RING_MAX	(1U << 30)
#define DURATION_FORM	"a time such as 10, 500ms, 5m, 2h or 7d"

const char *option_set_pid(struct options *options, const char *text)
{
	uint32_t *pids;
	size_t count, bad = 0;

	if (parse_pids(text, &pids, &count, &bad))
		return "process ids from 1 to 4194304, with commas between";
	free(options->pids);
	options->pids = pids;
	options->pid_count = count;
	return NULL;
}

static const char *set_name(struct options *options, const char *text)
{
	options->filter.comm = text;
	return *text ? NULL : "part of a process name";
}

static const char *set_cgroup(struct options *options, const char *text)
{
	options->cgroup = text;
	options->filter.in_cgroup = true;
	return *text == '/' ? NULL : "the path of a cgroup, beginning with /";
}

static const char *set_duration(struct options *options, const char *text)
{
	return parse_duration(text, &options->duration_ns) || !options->duration_ns ? DURATION_FORM : NULL;
}

static const char *set_interval(struct options *options, const char *text)
{
	uint64_t ns;

	if (parse_duration(text, &ns) || ns < INTERVAL_MIN_NS)
		return DURATION_FORM ", at least 10ms";
	options->interval_ns = ns;
	options->interval_given = true;
	return NULL;
}

static const char *set_rows(struct options *options, const char *text)
{
	return parse_u32(text, 1, 1000000, &options->rows) ? "a number from 1 to 1000000" : NULL;
}

static const char *set_sort(struct options *options, const char *text)
{
	return sort_key_parse(text, &options->sort) ? sort_key_names() : NULL;
}

static const char *set_failed(struct options *options, const char *text)
{
	(void)text;
	options->failed_only = options->filter.failed_only = true;
	return NULL;
}

static const char *set_timestamp(struct options *options, const char *text)
{
	(void)text;
	options->timestamps = true;
	return NULL;
}

static const char *set_verbose(struct options *options, const char *text)
{
	(void)text;
	options->verbose = true;
	return NULL;
}

static const char *set_json(struct options *options, const char *text)
{
	(void)text;
	options->json = true;
	return NULL;
}

static const char *set_output(struct options *options, const char *text)
{
	options->output = text;
	return *text ? NULL : "the path of a file";
}

static const char *set_limit(struct options *options, const char *text)
{
	return parse_u32(text, 16, 2147483647, &options->limit) ? "a number of maps from 16 to 2147483647" : NULL;
}

static const char *set_horizon(struct options *options, const char *text)
{
	return parse_duration(text, &options->horizon_ns) ? DURATION_FORM : NULL;
}

static const char *set_stop_at(struct options *options, const char *text)
{
	return parse_percent(text, &options->stop_at_percent) ? "a share of the limit from 1% to 100%" : NULL;
}

static const char *set_exit_code(struct options *options, const char *text)
{
	(void)text;
	options->exit_code = true;
	return NULL;
}

static const char *set_hooks(struct options *options, const char *text)
{
	const char *bad;

	return hooks_parse(text, &options->hooks, &bad)
		       ? "names out of witness, syscalls, fentry, kprobe, with commas between"
		       : NULL;
}

static const char *set_ring_size(struct options *options, const char *text)
{
	uint64_t bytes;

	if (parse_size(text, &bytes) || bytes < RING_MIN || bytes > RING_MAX || (bytes & (bytes - 1)))
		return "a power of two from 4K to 1G";
	options->ring_bytes = (uint32_t)bytes;
	return NULL;
}

static const char *set_max_maps(struct options *options, const char *text)
{
	return parse_u32(text, 1, 100000000, &options->max_maps) ? "a number from 1 to 100000000" : NULL;
}

static const char *set_stacks(struct options *options, const char *text)
{
	(void)text;
	options->stacks = true;
	return NULL;
}

static const char *set_folded(struct options *options, const char *text)
{
	options->profile = PROFILE_FOLDED;
	return text && profile_value_parse(text, &options->profile_value) ? profile_value_names() : NULL;
}

static const char *set_pprof(struct options *options, const char *text)
{
	(void)text;
	options->profile = PROFILE_PPROF;
	return NULL;
}

static const char *set_unwind(struct options *options, const char *text)
{
	static const char *const names[] = {[UNWIND_OFF] = "off", [UNWIND_FP] = "fp", [UNWIND_DWARF] = "dwarf"};

	for (unsigned int mode = 0; mode < sizeof(names) / sizeof(names[0]); mode++) {
		if (!strcmp(text, names[mode])) {
			options->unwind = (enum unwind_mode)mode;
			return NULL;
		}
	}
	return "dwarf, fp or off";
}

static const char *set_max_procs(struct options *options, const char *text)
{
	return parse_u32(text, 1, 4194304, &options->max_processes) ? "a number from 1 to 4194304" : NULL;
}

static const char *set_help(struct options *options, const char *text)
{
	(void)text;
	options->command = COMMAND_HELP;
	return NULL;
}

static const char *set_version(struct options *options, const char *text)
{
	(void)text;
	options->command = COMMAND_VERSION;
	return NULL;
}

const struct option_spec option_specs[OPTIONS_MAX + 1] = {
	{"pid", 'p', "PID[,PID]", "stream the operations of these processes; a verdict at the end", option_set_pid,
	 OF_OTHERS},
	{"name", 'n', "TEXT", "only processes whose name contains TEXT", set_name, OF_ALL},
	{"cgroup", 'c', "PATH", "only processes in this cgroup or below it", set_cgroup, OF_ALL},
	{"duration", 'd', "TIME", "stop after TIME (10, 500ms, 5m); ends the command, if one is run", set_duration,
	 OF_ALL},
	{"interval", 'i', "TIME", "a table, or process lines, every TIME (1s)", set_interval, OF_ALL},
	{"rows", 'r', "N", "rows of the table (as many as fit; 20 if not on a terminal; all in JSON)", set_rows,
	 OF_OTHERS},
	{"sort", 's', "KEY", "ratio, maps, rate, eta, opened, closed, mmaps, failed, pid or comm", set_sort, OF_OTHERS},
	{"failed", 'x', NULL, "only failed operations, or processes that had some", set_failed, OF_OTHERS},
	{"timestamp", 'T', NULL, "time of day (UTC) instead of seconds since the start", set_timestamp, OF_OTHERS},
	{"verbose", 'v', NULL, "more on stderr: the plan, what the kernel says", set_verbose, OF_ALL},
	{"json", 0, NULL, "JSON lines, schema 1", set_json, OF_ALL},
	{"output", 'o', "FILE", "append to FILE instead of writing to stdout", set_output, OF_ALL},
	{"limit", 0, "N", "pretend that the limit is N maps", set_limit, OF_ALL},
	{"horizon", 0, "TIME", "warn of a limit reached within TIME (1h)", set_horizon, OF_ALL},
	{"stop-at", 0, "N%", "SIGSTOP a process that reaches N% of the limit (with -p or a command: only those)",
	 set_stop_at, OF_OTHERS},
	{"exit-code", 0, NULL, "exit with 3 if a finding of severity warning or above was made", set_exit_code,
	 OF_OTHERS},
	{"hooks", 0, "LIST", "force the hooks: witness, syscalls, fentry, kprobe", set_hooks, OF_ALL},
	{"ring-size", 0, "SIZE", "ring buffer for operations, a power of two (16M)", set_ring_size, OF_ALL},
	{"max-procs", 0, "N", "processes counted at a time (16384)", set_max_procs, OF_ALL},
	{"stacks", 0, NULL, "the call stack of each operation", set_stacks, OF_ALL},
	{"unwind", 0, "HOW", "stacks by dwarf (unwind information), by fp (frame pointers), or off", set_unwind,
	 OF_ALL},
	{"folded", 0, "[=WHAT]", "at the end folded stacks, for flame graphs: live maps, growth, bytes or calls",
	 set_folded, OF_OTHERS},
	{"pprof", 0, NULL, "at the end a profile for pprof (-o FILE)", set_pprof, OF_OTHERS},
	{"max-maps", 0, "N", "maps whose call sites are kept (twice the limit, up to 262144)", set_max_maps, OF_ALL},
	{"version", 0, NULL, "print the version", set_version, OF_ALL},
	{"help", 'h', NULL, "print this", set_help, OF_ALL},
	{"config", 0, "FILE", "options and rules, read again on SIGHUP", option_set_config, OF_DAEMON},
	{"check-config", 0, NULL, "say what is wrong with them, or that nothing is, and end", option_set_check_config,
	 OF_DAEMON},
	{"events", 0, "WHAT", "findings; process: each process too; ops: operations of suspects too", option_set_events,
	 OF_DAEMON},
	{"report-every", 0, "TIME", "lines of processes every TIME (1m)", option_set_report_every, OF_DAEMON},
	{"log-file", 0, "PATH", "lines into a file that is rotated", option_set_log_file, OF_DAEMON},
	{"log-max-size", 0, "SIZE", "rotate it at SIZE (64M); 0: never", option_set_log_max_size, OF_DAEMON},
	{"log-max-age", 0, "TIME", "rotate it after TIME (1d); 0: never", option_set_log_max_age, OF_DAEMON},
	{"log-keep", 0, "N", "rotated files that are kept (7)", option_set_log_keep, OF_DAEMON},
	{"log-queue", 0, "SIZE", "lines that wait for a destination, each (8M)", option_set_log_queue, OF_DAEMON},
	{"journald", 0, NULL, "lines into the journal of systemd", option_set_journald, OF_DAEMON},
	{"syslog", 0, "[=ADDR]", "lines to /dev/log, another socket, udp:HOST:PORT or tcp:HOST:PORT", option_set_syslog,
	 OF_DAEMON},
	{"web.listen-address", 0, "ADDR", "metrics at HOST:PORT, unix:/PATH, systemd or none (127.0.0.1:9797)",
	 option_set_web_address, OF_DAEMON},
	{"metrics-top", 0, "N", "processes with metrics of their own (20)", option_set_metrics_top, OF_DAEMON},
	{"metrics-group", 0, "KEY", "metrics summed up by comm or cgroup", option_set_metrics_group, OF_DAEMON},
	{"state-dir", 0, "PATH", "what the next run takes up again (/var/lib/mmaptrace), or none", option_set_state_dir,
	 OF_DAEMON},
	{"pin-dir", 0, "PATH", "what counts on while no daemon runs (/sys/fs/bpf/mmaptrace), or none",
	 option_set_pin_dir, OF_DAEMON},
	{"max-suspects", 0, "N", "processes followed in detail at a time (8)", option_set_max_suspects, OF_DAEMON},
};

const struct option_spec *option_find(const char *name)
{
	for (size_t i = 0; option_specs[i].name; i++) {
		if (!strcmp(option_specs[i].name, name))
			return &option_specs[i];
	}
	return NULL;
}
