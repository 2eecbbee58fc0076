/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "metrics.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "exposition.h"
#include "figures.h"
#include "op.h"
#include "view.h"

#define PID_LEN 12

enum exposition metrics_choose(const char *accept)
{
	return accept && strstr(accept, "application/openmetrics-text") ? EXPOSITION_OPENMETRICS
									: EXPOSITION_PROMETHEUS;
}

const char *metrics_content_type(enum exposition exposition)
{
	return exposition == EXPOSITION_OPENMETRICS ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
						    : "text/plain; version=0.0.4; charset=utf-8";
}

/* ---- processes, the fullest of them ---- */

typedef double figure_fn(const struct process *process, const struct metrics_facts *facts);

static double maps_of(const struct process *process, const struct metrics_facts *facts)
{
	(void)facts;
	return process->account.map_count;
}

static double ratio_of(const struct process *process, const struct metrics_facts *facts)
{
	return process_ratio(process, facts->limit);
}

static double high_water_of(const struct process *process, const struct metrics_facts *facts)
{
	(void)facts;
	return process->account.high_water;
}

static double opened_of(const struct process *process, const struct metrics_facts *facts)
{
	(void)facts;
	return (double)process->account.opened;
}

static double closed_of(const struct process *process, const struct metrics_facts *facts)
{
	(void)facts;
	return (double)process->account.closed;
}

static double rate_of(const struct process *process, const struct metrics_facts *facts)
{
	(void)facts;
	return figures_rate_per_s(process);
}

static double eta_of(const struct process *process, const struct metrics_facts *facts)
{
	(void)facts;
	return figures_eta_s(process);
}

/* Of what is not known, or in no sight, there is no sample. */
static void add_processes(struct exposition_writer *writer, const struct metrics_facts *facts,
			  const struct view_top *top, figure_fn *figure)
{
	for (unsigned int i = 0; i < top->count; i++) {
		double value = figure(top->rows[i], facts);
		char pid[PID_LEN];

		if (!isfinite(value))
			continue;
		snprintf(pid, sizeof(pid), "%u", top->rows[i]->key.pid);
		exposition_begin(writer);
		exposition_label(writer, "pid", pid);
		exposition_label(writer, "comm", top->rows[i]->comm);
		exposition_double(writer, value);
	}
}

static void add_top(struct exposition_writer *writer, const struct metrics_facts *facts, const struct view_top *top)
{
	exposition_gauge(writer, "process_maps", "Memory maps of a process, of those nearest to the limit.");
	add_processes(writer, facts, top, maps_of);
	exposition_gauge(writer, "process_maps_ratio", "Memory maps of a process as a share of the limit.");
	add_processes(writer, facts, top, ratio_of);
	exposition_gauge(writer, "process_maps_high_water", "Most memory maps a process was seen with.");
	add_processes(writer, facts, top, high_water_of);
	exposition_gauge(writer, "process_maps_growth_per_second", "Memory maps a process gains per second.");
	add_processes(writer, facts, top, rate_of);
	exposition_gauge(writer, "process_limit_reached_in_seconds",
			 "Seconds until a process reaches the limit, where that is in sight.");
	add_processes(writer, facts, top, eta_of);
	exposition_counter(writer, "process_maps_opened", "Memory maps that came to a process.");
	add_processes(writer, facts, top, opened_of);
	exposition_counter(writer, "process_maps_closed", "Memory maps that went from a process.");
	add_processes(writer, facts, top, closed_of);
}

/* ---- groups ---- */

struct group {
	const char *name;
	uint64_t processes, maps, high_water;
	double worst;
};

struct grouping {
	struct group *groups; /* owned */
	unsigned int count;
};

static int by_name(const void *a, const void *b)
{
	const struct group *left = a, *right = b;

	return strcmp(left->name, right->name);
}

static int by_maps(const void *a, const void *b)
{
	const struct group *left = a, *right = b;

	if (left->maps != right->maps)
		return left->maps > right->maps ? -1 : 1;
	return by_name(a, b);
}

static void add_up(struct group *to, const struct group *group)
{
	to->processes += group->processes;
	to->maps += group->maps;
	if (group->high_water > to->high_water)
		to->high_water = group->high_water;
	if (group->worst > to->worst)
		to->worst = group->worst;
}

/* One a process at first, those of the same name then made one. False: no memory. */
static bool group_all(const struct metrics_facts *facts, struct grouping *grouping)
{
	unsigned int all = HASH_COUNT(facts->model->processes), kept = 0;
	const struct process *process;

	grouping->groups = calloc(all + 1, sizeof(*grouping->groups));
	if (!grouping->groups)
		return false;
	for (process = facts->model->processes; process; process = process->hh.next) {
		const char *name = facts->by_cgroup ? process->cgroup : process->comm;

		grouping->groups[grouping->count++] = (struct group){
			.name = name ? name : "(unknown)",
			.processes = 1,
			.maps = process->account.map_count,
			.high_water = process->account.high_water,
			.worst = process_ratio(process, facts->limit),
		};
	}
	qsort(grouping->groups, grouping->count, sizeof(*grouping->groups), by_name);
	for (unsigned int i = 0; i < grouping->count; i++) {
		if (kept && !by_name(&grouping->groups[kept - 1], &grouping->groups[i]))
			add_up(&grouping->groups[kept - 1], &grouping->groups[i]);
		else
			grouping->groups[kept++] = grouping->groups[i];
	}
	qsort(grouping->groups, kept, sizeof(*grouping->groups), by_maps);
	for (unsigned int i = METRICS_GROUPS_MAX; i < kept; i++)
		add_up(&grouping->groups[METRICS_GROUPS_MAX - 1], &grouping->groups[i]);
	if (kept > METRICS_GROUPS_MAX)
		grouping->groups[METRICS_GROUPS_MAX - 1].name = "(others)";
	grouping->count = kept < METRICS_GROUPS_MAX ? kept : METRICS_GROUPS_MAX;
	return true;
}

static void add_groups(struct exposition_writer *writer, const struct metrics_facts *facts)
{
	const char *label = facts->by_cgroup ? "cgroup" : "comm";
	struct grouping grouping = {0};

	if (!group_all(facts, &grouping)) {
		writer->buf->failed = true;
		return;
	}
#define EACH_GROUP(field, put)                                                                                         \
	for (unsigned int i = 0; i < grouping.count; i++) {                                                            \
		exposition_begin(writer);                                                                              \
		exposition_label(writer, label, grouping.groups[i].name);                                              \
		put(writer, grouping.groups[i].field);                                                                 \
	}
	exposition_gauge(writer, "group_processes", "Processes of a group.");
	EACH_GROUP(processes, exposition_u64)
	exposition_gauge(writer, "group_maps", "Memory maps of all processes of a group.");
	EACH_GROUP(maps, exposition_u64)
	exposition_gauge(writer, "group_maps_worst_ratio",
			 "Share of the limit that the fullest process of a group has.");
	EACH_GROUP(worst, exposition_double)
	exposition_gauge(writer, "group_maps_high_water",
			 "Most memory maps a living process of a group was seen with.");
	EACH_GROUP(high_water, exposition_u64)
#undef EACH_GROUP
	free(grouping.groups);
}

/* ---- all of them ---- */

struct sums {
	uint64_t maps, opened, closed;
	uint64_t open[FINDING_KINDS][SEVERITY_CRITICAL + 1];
	double worst, eta_s;
};

static struct sums sum_up(const struct metrics_facts *facts)
{
	struct sums sums = {.opened = facts->lifetime->opened, .closed = facts->lifetime->closed, .eta_s = INFINITY};
	const struct process *process;

	for (process = facts->model->processes; process; process = process->hh.next) {
		sums.maps += process->account.map_count;
		sums.opened += process->account.opened;
		sums.closed += process->account.closed;
		sums.worst = fmax(sums.worst, process_ratio(process, facts->limit));
		sums.eta_s = fmin(sums.eta_s, figures_eta_s(process));
		for (unsigned int kind = 0; kind < FINDING_KINDS; kind++)
			sums.open[kind][process_open_finding(process, kind).severity]++;
	}
	return sums;
}

static void add_all(struct exposition_writer *writer, const struct metrics_facts *facts, const struct sums *sums)
{
	exposition_gauge(writer, "maps_limit", "Memory maps that a process may have (vm.max_map_count, or --limit).");
	exposition_one(writer, facts->limit);
	exposition_gauge(writer, "processes", "Processes watched.");
	exposition_one(writer, HASH_COUNT(facts->model->processes));
	exposition_gauge(writer, "maps", "Memory maps of all processes.");
	exposition_one(writer, sums->maps);
	exposition_gauge(writer, "maps_worst_ratio", "Share of the limit that the fullest process has.");
	exposition_begin(writer);
	exposition_double(writer, sums->worst);
	exposition_gauge(writer, "limit_reached_in_seconds",
			 "Seconds until the first process reaches the limit; +Inf: none "
			 "is on its way.");
	exposition_begin(writer);
	exposition_double(writer, sums->eta_s);
	exposition_counter(writer, "maps_opened", "Memory maps that came, of all processes there were.");
	exposition_one(writer, sums->opened);
	exposition_counter(writer, "maps_closed", "Memory maps that went, of all processes there were.");
	exposition_one(writer, sums->closed);
	exposition_counter(writer, "processes_ended", "Processes that have ended.");
	exposition_one(writer, facts->lifetime->ended);
}

static void add_severities(struct exposition_writer *writer, const uint64_t counts[][SEVERITY_CRITICAL + 1])
{
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		for (enum severity severity = SEVERITY_INFO; severity <= SEVERITY_CRITICAL; severity++) {
			exposition_begin(writer);
			exposition_label(writer, "kind", finding_kind_name(kind));
			exposition_label(writer, "severity", severity_name(severity));
			exposition_u64(writer, counts[kind][severity]);
		}
	}
}

static void add_findings(struct exposition_writer *writer, const struct metrics_facts *facts, const struct sums *sums)
{
	exposition_gauge(writer, "findings_open", "Findings that hold now.");
	add_severities(writer, sums->open);
	exposition_counter(writer, "findings", "Findings raised.");
	add_severities(writer, facts->lifetime->findings);
	exposition_counter(writer, "refusals", "Operations that were refused, of processes followed in detail.");
	for (uint32_t op = 0; op < MT_OP_MAX; op++) {
		for (unsigned int reason = 0; reason < REASONS; reason++) {
			if (!facts->lifetime->refusals[op][reason])
				continue;
			exposition_begin(writer);
			exposition_label(writer, "op", op_name(op));
			exposition_label(writer, "reason", reason_name((enum reason)reason));
			exposition_u64(writer, facts->lifetime->refusals[op][reason]);
		}
	}
}

/* ---- ourselves ---- */

static void add_counts(struct exposition_writer *writer, const char *label, const struct metric_count *counts,
		       unsigned int count, bool of_room)
{
	for (unsigned int i = 0; i < count; i++) {
		exposition_begin(writer);
		exposition_label(writer, label, counts[i].name);
		exposition_u64(writer, of_room ? counts[i].room : counts[i].count);
	}
}

static void add_programs(struct exposition_writer *writer, const struct metrics_facts *facts)
{
	exposition_counter(writer, "bpf_runs", "Runs of a BPF program; 0 without kernel.bpf_stats_enabled.");
	add_counts(writer, "program", facts->programs, facts->program_count, false);
	exposition_counter(writer, "bpf_run_seconds",
			   "Time spent in a BPF program; 0 without kernel.bpf_stats_enabled.");
	for (unsigned int i = 0; i < facts->program_count; i++) {
		exposition_begin(writer);
		exposition_label(writer, "program", facts->programs[i].name);
		exposition_double(writer, facts->programs[i].seconds);
	}
}

static void add_logs(struct exposition_writer *writer, const struct metrics_facts *facts)
{
	exposition_counter(writer, "log_lines", "Lines for a log, by what became of them.");
	for (unsigned int i = 0; i < facts->log_count; i++) {
		const struct metric_log *log = &facts->logs[i];
		const struct metric_count results[] = {{.name = "written", .count = log->written},
						       {.name = "failed", .count = log->failed},
						       {.name = "lost", .count = log->lost}};

		for (unsigned int j = 0; j < sizeof(results) / sizeof(results[0]); j++) {
			exposition_begin(writer);
			exposition_label(writer, "log", log->name);
			exposition_label(writer, "result", results[j].name);
			exposition_u64(writer, results[j].count);
		}
	}
	exposition_gauge(writer, "log_lines_queued", "Lines that wait for a log.");
	for (unsigned int i = 0; i < facts->log_count; i++) {
		exposition_begin(writer);
		exposition_label(writer, "log", facts->logs[i].name);
		exposition_u64(writer, facts->logs[i].queued);
	}
}

static void add_health(struct exposition_writer *writer, const struct metrics_facts *facts)
{
	exposition_counter(writer, "lost", "What was lost, by what it was.");
	add_counts(writer, "what", facts->losses, facts->loss_count, false);
	exposition_gauge(writer, "table_entries", "Entries of a BPF map.");
	add_counts(writer, "table", facts->tables, facts->table_count, false);
	exposition_gauge(writer, "table_capacity", "Entries that a BPF map has room for.");
	add_counts(writer, "table", facts->tables, facts->table_count, true);
	exposition_gauge(writer, "ring_unread_bytes", "Records in a ring buffer that wait to be read.");
	add_counts(writer, "ring", facts->rings, facts->ring_count, false);
	exposition_gauge(writer, "ring_size_bytes", "Size of a ring buffer.");
	add_counts(writer, "ring", facts->rings, facts->ring_count, true);
	add_programs(writer, facts);
	add_logs(writer, facts);
	exposition_gauge(writer, "trace_gear_on", "1 while suspects are followed in detail.");
	exposition_one(writer, facts->gear_is_on);
	exposition_gauge(writer, "suspects", "Processes followed in detail.");
	exposition_one(writer, facts->suspects);
	exposition_gauge(writer, "suspects_waiting", "Suspects there is no room for (--max-suspects).");
	exposition_one(writer, facts->suspects_waiting);
	exposition_counter(writer, "suspects_followed", "Suspects followed so far.");
	exposition_one(writer, facts->suspects_followed);
	exposition_counter(writer, "trace_gear_failures", "Attempts to follow suspects that failed.");
	exposition_one(writer, facts->gear_failures);
	exposition_counter(writer, "web_requests", "HTTP requests answered.");
	exposition_one(writer, facts->web_requests);
	exposition_counter(writer, "web_connections_evicted", "HTTP connections closed for taking too long.");
	exposition_one(writer, facts->web_evicted);
	exposition_gauge(writer, "resident_memory_bytes", "Memory of this daemon.");
	exposition_one(writer, facts->resident_bytes);
	exposition_gauge(writer, "open_files", "File descriptors of this daemon.");
	exposition_one(writer, facts->open_files);
	exposition_counter(writer, "cpu_seconds", "Processor time of this daemon.");
	exposition_begin(writer);
	exposition_double(writer, facts->cpu_s);
	exposition_gauge(writer, "start_time_seconds", "When this daemon was started, since the epoch.");
	exposition_begin(writer);
	exposition_double(writer, facts->start_unix_s);
	exposition_gauge(writer, "tick_age_seconds", "Time since all accounts were last read.");
	exposition_begin(writer);
	exposition_double(writer, facts->tick_age_s);
	exposition_gauge(writer, "build_info", "Always 1: which program this is, and where it runs.");
	exposition_begin(writer);
	exposition_label(writer, "version", facts->version);
	exposition_label(writer, "kernel", facts->kernel);
	exposition_label(writer, "plan", facts->plan);
	exposition_u64(writer, 1);
}

void metrics_add(struct buf *buf, enum exposition exposition, const struct metrics_facts *facts)
{
	struct exposition_writer writer = {.buf = buf, .exposition = exposition};
	const struct process **rows _cleanup_free_ = calloc(facts->top + 1, sizeof(*rows));
	struct view_top top = {.rows = rows, .room = facts->top, .key = SORT_RATIO};
	struct sums sums = sum_up(facts);
	const struct process *process;

	if (!rows) {
		buf->failed = true;
		return;
	}
	for (process = facts->model->processes; process && top.room; process = process->hh.next)
		view_offer(&top, process);
	view_finish(&top);
	add_all(&writer, facts, &sums);
	add_findings(&writer, facts, &sums);
	add_top(&writer, facts, &top);
	add_groups(&writer, facts);
	add_health(&writer, facts);
	if (exposition == EXPOSITION_OPENMETRICS)
		buf_add_str(buf, "# EOF\n");
}
