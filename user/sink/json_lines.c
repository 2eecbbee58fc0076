/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The lines about a run and its processes: start, process, exit, loss, end. */
#include "json_lines.h"

#include <string.h>

#include "figures.h"
#include "json_line.h"

/* "witness syscalls" as {"hooks":["witness","syscalls"]}: an object, so that more can be said of the plan. */
static void put_plan(struct json_writer *json, const char *plan)
{
	json_open_object(json);
	json_add_array(json, "hooks");
	while (*(plan += strspn(plan, " "))) {
		char name[64] = "";
		size_t len = strcspn(plan, " ");

		memcpy(name, plan, len < sizeof(name) ? len : sizeof(name) - 1);
		json_put_text(json, name);
		plan += len;
	}
	json_close_array(json);
	json_close_object(json);
}

void json_start(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct start_facts *facts)
{
	struct line line = line_begin(buf, context, "start", ts_ns);
	struct json_writer *json = &line.json;

	json_add_text(json, "version", facts->version);
	json_add_text(json, "kernel", facts->kernel);
	json_put_key(json, "plan");
	put_plan(json, facts->plan);
	json_add_u64(json, "limit", facts->limit);
	json_add_array(json, "argv");
	for (int i = 0; i < facts->argc; i++)
		json_put_text(json, facts->argv[i]);
	json_close_array(json);
	line_end(&line);
}

static void add_credits(struct json_writer *json, const struct account *account)
{
	json_add_object(json, "credits");
	for (uint32_t op = 0; op < MT_OP_MAX; op++) {
		int64_t delta = account_tally(account, op).delta;

		if (delta)
			json_add_i64(json, op_name(op), delta);
	}
	json_close_object(json);
}

static void add_ops(struct json_writer *json, const struct account *account)
{
	json_add_object(json, "ops");
	for (uint32_t op = 0; op < MT_OP_MAX; op++) {
		struct mt_tally tally = account_tally(account, op);

		if (!tally.calls)
			continue;
		json_add_object(json, op_name(op));
		line_add_tally(json, tally.calls, tally.failed, tally.delta);
		json_close_object(json);
	}
	json_close_object(json);
}

static void add_failures(struct json_writer *json, const struct account *account)
{
	bool open = false;

	for (unsigned int slot = 0; slot < MT_FAIL_MAX; slot++) {
		uint32_t failures = account_failures(account, slot);

		if (!failures)
			continue;
		if (!open) {
			json_add_object(json, "failures");
			open = true;
		}
		json_add_u64(json, figures_fail_name(slot), failures);
	}
	if (open)
		json_close_object(json);
}

/* The account by operation; ends both process and exit lines. */
static void add_account(struct json_writer *json, const struct process *process)
{
	add_credits(json, &process->account);
	add_ops(json, &process->account);
	add_failures(json, &process->account);
}

/* Figures that process and exit lines share, in one order. */
static void add_counts(struct json_writer *json, const struct process *process)
{
	const struct account *account = &process->account;

	json_add_u64(json, "high_water", account->high_water);
	json_add_u64(json, "baseline", account->baseline);
	json_add_u64(json, "mmap_calls", account_tally(account, MT_OP_MMAP).calls);
	json_add_u64(json, "munmap_calls", account_tally(account, MT_OP_MUNMAP).calls);
	json_add_i64(json, "net_calls", process_net_calls(process));
	json_add_u64(json, "opened", account->opened);
	json_add_u64(json, "closed", account->closed);
	json_add_u64(json, "failed", process_failed_calls(process));
}

void json_process(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct process *process,
		  uint32_t limit)
{
	struct line line = line_begin_process(buf, context, "process", ts_ns, process);
	struct json_writer *json = &line.json;

	json_add_u64(json, "map_count", process->account.map_count);
	json_add_u64(json, "limit", limit);
	json_add_double(json, "ratio", process_ratio(process, limit));
	add_counts(json, process);
	json_add_double(json, "rate_per_s", figures_rate_per_s(process));
	json_add_double(json, "eta_s", figures_eta_s(process));
	json_add_double(json, "eta_low_s", process->forecast.eta_low_s);
	json_add_double(json, "eta_high_s", process->forecast.eta_high_s);
	json_add_text(json, "state", process_state_name(process->state));
	json_add_bool(json, "stopped", process->account.flags & MT_PROCESS_STOPPED);
	add_account(json, process);
	line_end(&line);
}

void json_exit(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct process *process)
{
	struct line line = line_begin_process(buf, context, "exit", ts_ns, process);
	struct evidence_site sites[EVIDENCE_MAX];

	json_add_u64(&line.json, "map_count", process->account.map_count);
	add_counts(&line.json, process);
	add_account(&line.json, process);
	line_add_sites(&line.json, sites, evidence_sites(&process->sites, sites));
	line_end(&line);
}

void json_loss(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const char *what, uint64_t count)
{
	struct line line = line_begin(buf, context, "loss", ts_ns);

	json_add_text(&line.json, "what", what);
	json_add_u64(&line.json, "count", count);
	line_end(&line);
}

void json_end(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct end_facts *facts)
{
	struct line line = line_begin(buf, context, "end", ts_ns);

	json_add_double(&line.json, "duration_s", facts->duration_s);
	json_add_u64(&line.json, "events", facts->events);
	json_add_u64(&line.json, "lost", facts->lost);
	json_add_u64(&line.json, "findings", facts->findings);
	json_add_object(&line.json, "stacks");
	for (unsigned int end = 0; end < MT_STACK_ENDS; end++)
		json_add_u64(&line.json, stack_end_name((enum mt_stack_end)end), facts->stack_ends[end]);
	json_close_object(&line.json);
	line_end(&line);
}
