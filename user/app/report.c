/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cgroup.h"
#include "cleanup.h"
#include "daemon.h"
#include "json_lines.h"
#include "log.h"
#include "procfs.h"
#include "session.h"
#include "text.h"
#include "units.h"

#define ROWS_WITHOUT_TERMINAL 20
#define TABLE_FRAME_ROWS      3 /* headline, header, one line to spare */
#define REFUSAL_LINE_EVERY_NS 1000000000ULL
#define TABLE_FLUSH_BYTES     (64 * 1024)
#define NAMES_MS	      50   /* waited for the names of a stack that is shown at once */
#define NAMES_LONG_MS	      500  /* the same, while those after it can wait in the ring */
#define NAMES_REFUSAL_MS      1000 /* one that may be the last thing a process does */
#define PLACED_AT_ONCE	      256
#define BYSTANDER_SHARE	      64 /* of the limit, at most, has one of a command's children that needs no verdict */
/* Reading maps of a process that is about to fail would slow down the news of it. */
#define FILES_READ_ETA_S 2.0

static bool json(const struct session *session)
{
	return session->options->json;
}

static const struct line_context *line(const struct session *session)
{
	return &session->style.line;
}

void report_start(struct session *session, int argc, char **argv)
{
	struct start_facts facts = {
		.version = MMAPTRACE_VERSION,
		.kernel = session->kernel,
		.plan = session->plan_text,
		.limit = session->limit,
		.argc = argc,
		.argv = argv,
	};

	if (json(session))
		json_start(&session->buf, line(session), session->start_ns, &facts);
	else if (!session_is_wide(session))
		text_op_header(&session->buf, &session->style);
}

/* With its names, if they come soon enough not to hold up the others. */
static const struct stack *stack_of(struct session *session, uint64_t id, uint32_t wait_ms)
{
	if (!id)
		return NULL;
	stacks_find(&session->stacks, id);
	stacks_await(&session->stacks, id, wait_ms);
	return stacks_find(&session->stacks, id);
}

/* Those after it can't wait for long. */
static bool ring_is_full(const struct session *session)
{
	return session->tracer && tracer_events_unread(session->tracer) > session->options->ring_bytes / 4;
}

void report_op(struct session *session, const struct process *process, struct op_event *op)
{
	/* -x: no place in PATH that a program was not at; the others are read all the same, for the files in the
	 * verdict. */
	if (session->watch && session->watch->options->daemon.events < EVENTS_OPS)
		return;
	if ((session->options->failed_only && (!op->error || op_is_search(op->op, op->error))) ||
	    !outlet_has_room(session, LINE_OP))
		return;
	op->tells_stack = session->options->stacks;
	if (op->tells_stack)
		op->stack = stack_of(session, op->stack_id, ring_is_full(session) ? NAMES_MS : NAMES_LONG_MS);
	if (json(session))
		json_op(&session->buf, line(session), process, op);
	else
		text_op(&session->buf, &session->style, process, op);
}

void report_process(struct session *session, struct process *process)
{
	if (session->watch)
		return; /* whoever watches tells of it */
	source_identify(session, process);
	process->shown = true;
	if (json(session) && outlet_has_room(session, LINE_STATE))
		json_process(&session->buf, line(session), session_now(), process, session->limit);
}

/* A loop that retries for ever fails a million times a second: of each operation, reason and place one a second. */
static bool is_news(struct process *process, const struct refusal *refusal, uint64_t stack_id)
{
	struct told_refusal *oldest = &process->refusals[0];

	for (unsigned int i = 0; i < REFUSALS_TOLD; i++) {
		struct told_refusal *told = &process->refusals[i];

		if (told->ts_ns < oldest->ts_ns)
			oldest = told;
		if (!told->ts_ns || told->op != refusal->op || told->reason != refusal->reason ||
		    told->stack_id != stack_id)
			continue;
		if (refusal->ts_ns < told->ts_ns + REFUSAL_LINE_EVERY_NS)
			return false;
		oldest = told;
		break;
	}
	*oldest = (struct told_refusal){refusal->ts_ns, stack_id, refusal->op, (uint32_t)refusal->reason};
	return true;
}

/* In text; JSON has all. */
void report_refusal(struct session *session, struct process *process, struct refusal *refusal, uint64_t stack_id)
{
	if (session->recorder)
		stack_of(session, stack_id, NAMES_REFUSAL_MS); /* for the replay */
	if (json(session)) {
		if (!outlet_has_room(session, LINE_STATE))
			return;
		refusal->stack = stack_of(session, stack_id, NAMES_REFUSAL_MS);
		json_enomem(&session->buf, line(session), process, refusal);
		return;
	}
	if (!is_news(process, refusal, stack_id)) {
		session->enomem_held++;
		return;
	}
	if (!outlet_has_room(session, LINE_STATE))
		return;
	refusal->stack = stack_of(session, stack_id, NAMES_REFUSAL_MS);
	text_enomem(&session->buf, &session->style, process, refusal);
}

void report_exit(struct session *session, struct process *process, uint64_t ts_ns)
{
	if (session->watch)
		return;
	source_identify(session, process);
	if (!outlet_has_room(session, LINE_NEWS))
		return;
	if (json(session))
		json_exit(&session->buf, line(session), ts_ns, process);
	else if (process->target)
		text_exit(&session->buf, &session->style, ts_ns, process);
}

/* Without streamed operations a process's files are read once, when there is something to say about it. */
static void gather_files(struct session *session, struct process *process, const struct judgement *judgement)
{
	if (process->target || judgement->verdict.forecast.eta_s < FILES_READ_ETA_S)
		return;
	file_table_free(&process->files);
	process->files_at = process->account.map_count;
	source_count_files(session, process);
}

static void recent_add(struct session *session, const char *text, size_t len)
{
	struct buf *recent = &session->recent[session->recent_next++ % RECENT_FINDINGS];

	buf_consume(recent, recent->len);
	buf_add(recent, text, len);
}

static void put_finding(struct session *session, const struct process *process, const struct finding *finding)
{
	size_t before = session->buf.len;

	if (json(session)) {
		json_finding(&session->buf, line(session), process, finding);
		return;
	}
	text_finding(&session->buf, &session->style, process, finding);
	if (!session->style.redraw)
		return;
	/* Under the next table, which comes at once: between two it would push the first off the screen. */
	recent_add(session, session->buf.data + before, session->buf.len - before);
	session->buf.len = before;
}

/* What a daemon's gear knows: calls and what they did since it follows the process. */
static void take_detail(struct process *told, const struct process *detail)
{
	uint32_t map_count = told->account.map_count;

	told->account = detail->account;
	told->account.map_count = map_count;
	if (!told->files.used)
		told->files = detail->files;
}

static uint32_t limit_of(struct session *session, struct process *process)
{
	const struct rule *rule = daemon_rule(session, process);

	return rule && rule->limit ? rule->limit : session->limit;
}

static void report_finding(struct session *session, struct process *process, const struct judgement *judgement,
			   uint64_t ts_ns)
{
	struct session *of = session;
	struct process *evidence = daemon_evidence(session, process, &of), told;
	struct finding finding;

	gather_files(session, process, judgement);
	session_gather_sites(of, evidence,
			     judgement->verdict.forecast.eta_s < FILES_READ_ETA_S ? GATHER_IN_A_HURRY : GATHER_EXACT);
	site_list_merge(&evidence->sites);
	source_identify(session, process);
	told = *process;
	told.sites = evidence->sites;
	if (evidence != process)
		take_detail(&told, evidence);
	finding_make(&told, judgement, limit_of(session, process), ts_ns, &finding);
	process->shown = true;
	daemon_take_finding(session, process, &finding);
	session->findings += !finding.update && finding.verdict.severity > SEVERITY_INFO;
	session->serious_findings += finding.verdict.severity >= SEVERITY_WARNING;
	if (outlet_has_room(session, LINE_NEWS))
		put_finding(session, &told, &finding);
	site_list_free(&evidence->sites); /* they borrow stacks, whose names may come yet */
}

void report_evidence(struct session *session, struct process *process)
{
	uint64_t now = session_now();

	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		struct open_finding open = process_open_finding(process, kind);
		struct judgement judgement = {
			.change = CHANGE_UPDATED,
			.verdict = {.kind = kind, .severity = open.severity, .forecast = process->forecast},
			.raised_ns = open.raised_ns,
		};

		if (open.severity >= SEVERITY_WARNING)
			report_finding(session, process, &judgement, now);
	}
}

static void report_cleared(struct session *session, const struct process *process, const struct judgement *judgement,
			   uint64_t ts_ns)
{
	if (!outlet_has_room(session, LINE_NEWS))
		return;
	if (json(session))
		json_cleared(&session->buf, line(session), ts_ns, process, &judgement->verdict, judgement->raised_ns);
	else
		text_cleared(&session->buf, &session->style, process, &judgement->verdict, ts_ns, judgement->raised_ns);
}

static void tell_stop(const struct session *session, struct process *process)
{
	bool stopped = process->account.flags & MT_PROCESS_STOPPED;

	if (stopped && !process->stop_told && !session->answers)
		log_info("%s[%u] has been stopped at %u maps (SIGSTOP); to let it go on: kill -CONT %u", process->comm,
			 process->key.pid, process->account.map_count, process->key.pid);
	process->stop_told = stopped;
}

/* By the thresholds of its rule, if it has one. */
static void judge(struct session *session, struct process *process, const struct rule *rule, uint64_t ts_ns,
		  struct judgement *judgements)
{
	struct thresholds all = session->model.thresholds;

	session->model.thresholds = daemon_thresholds(session, rule);
	model_judge(&session->model, process, ts_ns, judgements);
	session->model.thresholds = all;
}

void report_judgement(struct session *session, struct process *process, uint64_t ts_ns)
{
	struct judgement judgements[FINDING_KINDS];
	bool news = false;

	const struct rule *rule;

	/* A finding nobody is told must not count as raised. */
	if (session->watch || !session_wants(session, process))
		return;
	rule = daemon_rule(session, process);
	if (rule && rule->ignore) {
		model_calm(&session->model, process);
		return;
	}
	judge(session, process, rule, ts_ns, judgements);
	tell_stop(session, process);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		const struct judgement *judgement = &judgements[kind];

		if (judgement->change == CHANGE_NONE)
			continue;
		if (judgement->change == CHANGE_CLEARED)
			process->acted &= ~(1U << kind);
		if (judgement->change == CHANGE_CLEARED)
			report_cleared(session, process, judgement, ts_ns);
		else
			report_finding(session, process, judgement, ts_ns);
		news = true;
	}
	if (news && session->style.redraw)
		report_table(session);
	if (news)
		report_flush(session); /* an alarm does not wait for the next tick */
}

/* Lines that the findings under a redrawn table take. */
static unsigned int recent_lines(const struct session *session)
{
	unsigned int lines = 0;

	for (unsigned int i = 0; i < RECENT_FINDINGS; i++) {
		for (size_t at = 0; at < session->recent[i].len; at++)
			lines += session->recent[i].data[at] == '\n';
	}
	return lines;
}

static unsigned int rows_wanted(const struct session *session)
{
	unsigned int columns, rows, frame = TABLE_FRAME_ROWS + recent_lines(session);

	if (session->options->rows)
		return session->options->rows;
	if (json(session))
		return UINT32_MAX;
	if (!output_terminal_size(&session->output, &columns, &rows))
		return ROWS_WITHOUT_TERMINAL;
	return rows > frame + 3 ? rows - frame : 3;
}

static void table_text(struct session *session, struct table_totals *totals, const struct process **rows,
		       unsigned int count)
{
	unsigned int height;

	output_terminal_size(&session->output, &session->style.width, &height);
	totals->shown = count;
	text_table(&session->buf, &session->style, totals, rows, count);
	for (unsigned int i = 0; session->style.redraw && i < RECENT_FINDINGS; i++)
		buf_add(&session->buf, session->recent[i].data, session->recent[i].len);
}

/* JSON lines of thousands of processes are written out as they come, not gathered. */
static void table_json(struct session *session, const struct process **rows, unsigned int count)
{
	if (session->daemon && session->options->daemon.events < EVENTS_PROCESS)
		return;
	for (unsigned int i = 0; i < count; i++) {
		report_process(session, (struct process *)rows[i]);
		if (session->buf.len >= TABLE_FLUSH_BYTES && report_flush(session))
			return;
	}
}

/* Sums up all processes, and picks the rows. */
static void table_fill(struct session *session, struct table_totals *totals, struct view_top *top)
{
	/* Who changes is placed as it does; of all others some each time: each takes a file to read. */
	unsigned int rounds = HASH_COUNT(session->model.processes) / PLACED_AT_ONCE + 1;
	unsigned int round = session->placing++ % rounds;
	struct process *process, *next;

	MODEL_EACH (&session->model, process, next) {
		totals->maps += process->account.map_count;
		totals->growing += process->state != PROCESS_STEADY;
		if (!process->placed || totals->processes % rounds == round)
			session_place(session, process);
		totals->processes++;
		if (view_wants(&session->options->filter, process))
			view_offer(top, process);
	}
	view_finish(top);
}

void report_table(struct session *session)
{
	struct table_totals totals = {
		.ts_ns = session_now(),
		.limit = session->limit,
		.interval_s = (double)session->options->interval_ns / 1e9,
		.open_findings = session->model.open_findings,
		.losses = report_losses_total(session),
	};
	unsigned int processes = HASH_COUNT(session->model.processes), wanted = rows_wanted(session);
	const struct process **rows _cleanup_free_ = NULL;
	struct view_top top = {.room = wanted < processes ? wanted : processes, .key = session->options->sort};

	/* A screen that stands still is drawn anew when it goes on: no frames in between. */
	if (session->style.redraw && output_queued(&session->output))
		return;
	top.rows = rows = calloc(top.room + 1, sizeof(*rows));
	if (!rows) {
		session->memory_lost++;
		return;
	}
	table_fill(session, &totals, &top);
	if (json(session))
		table_json(session, rows, top.count);
	else if (outlet_has_room(session, LINE_STATE))
		table_text(session, &totals, rows, top.count);
}

/* A shell script has many children that map a little and end: their exit lines say enough. */
static bool is_bystander(const struct session *session, const struct process *process)
{
	if (account_failures(&process->account, MT_FAIL_ENOMEM) || account_failures(&process->account, MT_FAIL_EAGAIN))
		return false;
	return session->options->command == COMMAND_RUN && process->key.pid != (uint32_t)session->child.pid &&
	       process->account.high_water < session->limit / BYSTANDER_SHARE;
}

bool report_has_verdict(const struct session *session, const struct process *process)
{
	if (session->options->json || !process->target)
		return false;
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		if (process_open_finding(process, kind).severity > SEVERITY_INFO)
			return true;
	}
	return !is_bystander(session, process);
}

/* It has ended, and had given back what it was called for. */
static bool has_given_back(const struct process *process, enum finding_kind kind)
{
	return process->ended && kind != FINDING_ENOMEM &&
	       process->account.map_count < process_open_finding(process, kind).map_count / 2;
}

void report_verdict(struct session *session, struct process *process, uint64_t ts_ns)
{
	struct finding findings[FINDING_KINDS];
	unsigned int count = 0;

	if (!report_has_verdict(session, process))
		return;
	site_list_merge(&process->sites);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		struct open_finding open = process_open_finding(process, kind);
		struct judgement judgement = {
			.verdict = {.kind = kind, .severity = open.severity, .forecast = process->forecast},
			.raised_ns = open.raised_ns,
		};

		if (process->ended)
			judgement.verdict.forecast.eta_s = INFINITY; /* it has no time any more */
		if (judgement.verdict.severity != SEVERITY_NONE && !has_given_back(process, kind))
			finding_make(process, &judgement, session->limit, ts_ns, &findings[count++]);
	}
	if (outlet_has_room(session, LINE_NEWS))
		text_verdict(&session->buf, &session->style, ts_ns, process, session->limit, findings, count);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		struct open_finding open = process_open_finding(process, kind);
		struct verdict verdict = {.kind = kind, .severity = open.severity};

		if (has_given_back(process, kind) && outlet_has_room(session, LINE_NEWS))
			text_cleared(&session->buf, &session->style, process, &verdict, ts_ns, open.raised_ns);
	}
}
