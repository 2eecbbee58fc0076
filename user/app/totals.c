/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is said of the run as a whole: losses as they grow, the end. */
#include <string.h>

#include "json_lines.h"
#include "log.h"
#include "session.h"
#include "units.h"

#define STACKS_WORTH_A_WORD 1000

static bool json(const struct session *session)
{
	return session->options->json;
}

static const struct line_context *line(const struct session *session)
{
	return &session->style.line;
}

uint64_t report_losses_total(const struct session *session)
{
	uint64_t total = 0;

	for (size_t i = 0; i < sizeof(session->loss_shown) / sizeof(session->loss_shown[0]); i++)
		total += session->loss_shown[i];
	return total;
}

static bool is_of_stacks(unsigned int slot)
{
	return slot == MT_LOSS_STACKS || slot == MT_LOSS_WALKS || slot == MT_LOSS_STACK_RECORDS ||
	       slot == MT_LOSS_SITES || slot == MT_LOSS_LEDGER || slot == LOSS_SYMBOLS || slot == LOSS_RULES ||
	       slot == LOSS_SYMBOLIZER;
}

/* What was lost cost a record or a detail only: the counts are what they are. */
static bool count_is_exact(unsigned int slot)
{
	return slot == MT_LOSS_OP_RECORDS || slot == MT_LOSS_ALARM_RECORDS || slot == MT_LOSS_LIFE_RECORDS ||
	       slot == MT_LOSS_CONTEXTS || slot == MT_LOSS_EXITS || slot == MT_LOSS_FILES || is_of_stacks(slot);
}

void report_loss(struct session *session, unsigned int slot, const char *what, uint64_t count)
{
	uint64_t more = count - session->loss_shown[slot];

	if (!more)
		return;
	session->loss_shown[slot] = count;
	record_loss(session, slot, what, more);
	if (json(session) && outlet_has_room(session, LINE_NEWS))
		json_loss(&session->buf, line(session), session_now(), what, more);
	else if (!json(session) && !session->style.redraw)
		log_warn("lost: %llu %s%s", (unsigned long long)more, what,
			 count_is_exact(slot) ? " (map counts stay exact)" : "");
}

void report_losses(struct session *session, bool at_end)
{
	struct symbolizer_losses symbols = {0};
	struct tracer_losses losses;

	if (!session->tracer)
		return; /* a replay is told of them one by one */
	tracer_read_losses(session->tracer, &losses);
	for (unsigned int what = 0; what < MT_LOSS_MAX; what++) {
		/* In threaded programs the lock is often taken when a file is to be looked up: no news each second. */
		if (what != MT_LOSS_FILES || at_end)
			report_loss(session, what, tracer_loss_text(what), losses.counts[what]);
	}
	report_loss(session, LOSS_MISSED_RUNS, "runs of BPF programs: skipped by the kernel", losses.missed_runs);
	report_loss(session, LOSS_TORN, "accounts not read: changing too fast", losses.torn);
	report_loss(session, LOSS_UNDECODED, "records not understood", session->undecoded);
	report_loss(session, LOSS_MEMORY, "lines or processes: out of memory",
		    session->memory_lost + session->model.dropped + session->stacks.table.dropped);
	report_loss(session, LOSS_FILE_USES, "uses of files: a process's table of files is full",
		    session->model.files_dropped);
	report_loss(session, LOSS_EARLY_EXITS, "ends of processes told before their last operations: too many at once",
		    session->early_exits);
	report_loss(session, LOSS_UNREAD, "records not read by the end", session->unread);
	if (session->stacks.symbolizer) {
		symbolizer_read_losses(session->stacks.symbolizer, &symbols);
		/* Programs that live for a millisecond are many in a shell script: no news each second. */
		if (at_end)
			report_loss(session, LOSS_SYMBOLS, "call stacks without names: their process had ended already",
				    symbols.gone);
		report_loss(session, LOSS_SYMBOLIZER, "ends of the symbolizer: it was started again", symbols.restarts);
	}
	report_loss(session, LOSS_RULES, "modules or processes without unwind rules: their stacks may be cut off",
		    session->stacks.rules_lost + symbols.rules_left_out);
	report_loss(session, LOSS_OUTPUT_OPS, "output: lines of operations, read too slowly", session->ops_left_out);
	report_loss(session, LOSS_OUTPUT_LINES, "output: other lines, read too slowly", session->lines_left_out);
}

/*
 * What share of call stacks is whole, and what helps where it is not much. What a program
 * does in its first millisecond comes before its rules, and is rarely asked about.
 */
static void tell_stacks(const struct session *session, const uint64_t *ends)
{
	uint64_t early = ends[MT_STACK_CUT_EARLY], all = 0;
	char share[UNITS_LEN], count[UNITS_LEN];

	for (unsigned int end = 0; end < MT_STACK_ENDS; end++)
		all += ends[end];
	all -= early;
	if (!all)
		return;
	units_percent((double)ends[MT_STACK_COMPLETE] / (double)all, share, sizeof(share));
	units_plural(all, "call stack", count, sizeof(count));
	if (ends[MT_STACK_COMPLETE] * 20 >= all * 19 || all < STACKS_WORTH_A_WORD)
		log_debug("%s, %s of them complete; %llu more came before unwind rules were made", count, share,
			  (unsigned long long)early);
	else if (session->options->unwind == UNWIND_FP)
		log_info("%s, only %s of them complete: --unwind=dwarf needs no frame pointers", count, share);
	else
		log_info("%s, only %s of them complete: the others lead into code without unwind information "
			 "(.eh_frame) "
			 "and without frame pointers",
			 count, share);
}

void report_end(struct session *session)
{
	uint64_t now = session_now();
	struct end_facts facts = {
		.duration_s = (double)(now - session->start_ns) / 1e9,
		.events = session->events,
		.lost = report_losses_total(session),
		.findings = session->findings,
	};

	if (session->tracer)
		tracer_read_stack_ends(session->tracer, session->stack_ends);
	memcpy(facts.stack_ends, session->stack_ends, sizeof(facts.stack_ends));
	record_end(session, facts.stack_ends);
	if (json(session) && outlet_has_room(session, LINE_NEWS))
		json_end(&session->buf, line(session), now, &facts);
	if (!json(session))
		tell_stacks(session, facts.stack_ends);
	if (!json(session) && session->enomem_held)
		log_info("of %llu more refused operations the reason was not shown (--json shows all)",
			 (unsigned long long)session->enomem_held);
}
