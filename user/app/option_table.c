/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "option_table.h"

#include <stdlib.h>
#include <string.h>

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

static const char *set_events(struct options *options, const char *text)
{
	static const char *const names[] = {
		[EVENTS_FINDINGS] = "findings", [EVENTS_PROCESS] = "process", [EVENTS_OPS] = "ops"};

	for (unsigned int choice = 0; choice < sizeof(names) / sizeof(names[0]); choice++) {
		if (!strcmp(text, names[choice])) {
			options->daemon.events = (enum event_choice)choice;
			return NULL;
		}
	}
	return "findings, process or ops";
}

static const char *set_folder(const char **folder, const char *text)
{
	*folder = strcmp(text, "none") ? text : NULL;
	return *text == '/' || !*folder ? NULL : "the path of a folder, beginning with /, or none";
}

static const char *set_state_dir(struct options *options, const char *text)
{
	return set_folder(&options->daemon.state_dir, text);
}

static const char *set_pin_dir(struct options *options, const char *text)
{
	return set_folder(&options->daemon.pin_dir, text);
}

static const char *set_max_suspects(struct options *options, const char *text)
{
	return parse_u32(text, 0, 256, &options->daemon.max_suspects) ? "a number from 0 to 256" : NULL;
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
	{"pid", 'p', "PID[,PID]", "stream the operations of these processes; a verdict at the end", option_set_pid},
	{"name", 'n', "TEXT", "only processes whose name contains TEXT", set_name},
	{"cgroup", 'c', "PATH", "only processes in this cgroup or below it", set_cgroup},
	{"duration", 'd', "TIME", "stop after TIME (10, 500ms, 5m); ends the command, if one is run", set_duration},
	{"interval", 'i', "TIME", "a table, or process lines, every TIME (1s)", set_interval},
	{"rows", 'r', "N", "rows of the table (as many as fit; 20 if not on a terminal; all in JSON)", set_rows},
	{"sort", 's', "KEY", "ratio, maps, rate, eta, opened, closed, mmaps, failed, pid or comm", set_sort},
	{"failed", 'x', NULL, "only failed operations, or processes that had some", set_failed},
	{"timestamp", 'T', NULL, "time of day (UTC) instead of seconds since the start", set_timestamp},
	{"verbose", 'v', NULL, "more on stderr: the plan, what the kernel says", set_verbose},
	{"json", 0, NULL, "JSON lines, schema 1", set_json},
	{"output", 'o', "FILE", "append to FILE instead of writing to stdout", set_output},
	{"limit", 0, "N", "pretend that the limit is N maps", set_limit},
	{"horizon", 0, "TIME", "warn of a limit reached within TIME (1h)", set_horizon},
	{"stop-at", 0, "N%", "SIGSTOP a process that reaches N% of the limit (with -p or a command: only those)",
	 set_stop_at},
	{"exit-code", 0, NULL, "exit with 3 if a finding of severity warning or above was made", set_exit_code},
	{"hooks", 0, "LIST", "force the hooks: witness, syscalls, fentry, kprobe", set_hooks},
	{"ring-size", 0, "SIZE", "ring buffer for operations, a power of two (16M)", set_ring_size},
	{"max-procs", 0, "N", "processes counted at a time (16384)", set_max_procs},
	{"stacks", 0, NULL, "the call stack of each operation", set_stacks},
	{"unwind", 0, "HOW", "stacks by dwarf (unwind information), by fp (frame pointers), or off", set_unwind},
	{"folded", 0, "[=WHAT]", "at the end folded stacks, for flame graphs: live maps, growth, bytes or calls",
	 set_folded},
	{"pprof", 0, NULL, "at the end a profile for pprof (-o FILE)", set_pprof},
	{"max-maps", 0, "N", "maps whose call sites are kept (twice the limit, up to 262144)", set_max_maps},
	{"events", 0, "HOW", "daemon: findings alone, process lines each interval too (1m), or ops of suspects too",
	 set_events},
	{"state-dir", 0, "PATH", "daemon: what outlives it (/var/lib/mmaptrace); none", set_state_dir},
	{"pin-dir", 0, "PATH", "daemon: on a bpffs, counts that outlive a kill (/sys/fs/bpf/mmaptrace); none",
	 set_pin_dir},
	{"max-suspects", 0, "N", "daemon: processes followed in detail at a time (8); 0: none", set_max_suspects},
	{"version", 0, NULL, "print the version", set_version},
	{"help", 'h', NULL, "print this", set_help},
};
