/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From verdicts to findings: raised once, updated when they change, cleared with a word. */
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How long a verdict must be absent before its finding is cleared. */
static const uint64_t hold_ns[FINDING_KINDS] = {
	[FINDING_LEAK] = 15000000000ULL, [FINDING_EXHAUSTION] = 10000000000ULL, [FINDING_ENOMEM] = 0, /* its detector
													 remembers */
};

#define UPDATE_EVERY_NS 1000000000ULL
#define RATE_SHOWN	0.05 /* maps a second that a table does not round to 0: they are followed until they are gone */

/* A severity more, or twice as near and not just said: less would be chatter. */
static bool changed_materially(const struct open_finding *open, const struct verdict *verdict, uint64_t now_ns)
{
	if (verdict->severity > open->severity)
		return true;
	return verdict->forecast.eta_s < open->eta_s / 2 && now_ns > open->told_ns + UPDATE_EVERY_NS;
}

static enum change finding_settle(struct open_finding *open, const struct verdict *verdict, uint32_t map_count,
				  uint64_t now_ns)
{
	bool released = verdict->kind != FINDING_ENOMEM && map_count < open->map_count / 2;

	if (verdict->severity == SEVERITY_NONE) {
		if (open->severity == SEVERITY_NONE)
			return CHANGE_NONE;
		/* What gave back half of its maps has no need of a second look. */
		if (!released && now_ns < open->held_ns + hold_ns[verdict->kind])
			return CHANGE_NONE;
		open->severity = SEVERITY_NONE;
		open->map_count = 0;
		return CHANGE_CLEARED;
	}
	open->held_ns = now_ns;
	if (map_count > open->map_count)
		open->map_count = map_count;
	if (open->severity == SEVERITY_NONE) {
		open->raised_ns = open->told_ns = now_ns;
		open->severity = verdict->severity;
		open->eta_s = verdict->forecast.eta_s;
		return CHANGE_RAISED;
	}
	if (!changed_materially(open, verdict, now_ns))
		return CHANGE_NONE;
	open->told_ns = now_ns;
	open->severity = verdict->severity > open->severity ? verdict->severity : open->severity;
	open->eta_s = verdict->forecast.eta_s;
	return CHANGE_UPDATED;
}

struct open_finding process_open_finding(const struct process *process, enum finding_kind kind)
{
	return process->open ? process->open[kind] : (struct open_finding){.severity = SEVERITY_NONE};
}

static bool is_open(const struct process *process, enum finding_kind kind)
{
	return process->open && process->open[kind].severity != SEVERITY_NONE;
}

static enum process_state state_of(const struct process *process)
{
	if (is_open(process, FINDING_ENOMEM))
		return PROCESS_FAILING;
	if (is_open(process, FINDING_EXHAUSTION))
		return PROCESS_EXHAUSTING;
	if (is_open(process, FINDING_LEAK))
		return PROCESS_LEAKING;
	return isfinite(process->forecast.eta_s) ? PROCESS_GROWING : PROCESS_STEADY;
}

bool model_needs_judgement(const struct process *process)
{
	bool changed = process->account.last_change_ns != process->judged_change_ns;

	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++)
		changed |= is_open(process, kind);
	changed |= process->state != PROCESS_STEADY || fabs(process->forecast.rate_per_s) >= RATE_SHOWN;
	return changed && (process->trail || process->last_fail_ns);
}

void model_calm(struct model *model, struct process *process)
{
	if (process->lively)
		DL_DELETE2(model->lively, process, lively_prev, lively_next);
	process->lively = false;
}

void model_enliven(struct model *model, struct process *process)
{
	if (!model_needs_judgement(process)) {
		model_calm(model, process);
	} else if (!process->lively) {
		DL_APPEND2(model->lively, process, lively_prev, lively_next);
		process->lively = true;
	}
}

/*
 * Where its findings are kept open; made when there is one. NULL: there is none,
 * or no memory: it is raised when there is.
 */
static struct open_finding *process_findings(struct model *model, struct process *process,
					     const struct verdict *verdicts)
{
	bool found = false;

	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++)
		found |= verdicts[kind].severity != SEVERITY_NONE;
	if (process->open || !found)
		return process->open;
	process->open = calloc(FINDING_KINDS, sizeof(*process->open));
	model->dropped += !process->open;
	return process->open;
}

/* What the detectors say, kind by kind. */
static void detect(const struct model *model, struct process *process, const struct trail *trail, uint64_t now_ns,
		   struct verdict *ret_verdicts)
{
	static const struct climb no_climb;
	const struct thresholds *thresholds = &model->thresholds;
	const struct history *history = trail ? &trail->history : NULL;

	memset(ret_verdicts, 0, FINDING_KINDS * sizeof(*ret_verdicts));
	ret_verdicts[FINDING_LEAK].kind = FINDING_LEAK;
	if (history) {
		forecast_make(history, thresholds->limit, now_ns, &process->forecast);
		detect_leak(history, thresholds, now_ns, &ret_verdicts[FINDING_LEAK]);
	}
	detect_exhaustion(history, trail ? &trail->climb : &no_climb, thresholds, now_ns,
			  &ret_verdicts[FINDING_EXHAUSTION]);
	detect_enomem(process->last_fail_ns, now_ns, &ret_verdicts[FINDING_ENOMEM]);
}

void model_judge_by(struct model *model, struct process *process, const struct trail *trail, uint64_t now_ns,
		    struct judgement *ret_judgements)
{
	struct verdict verdicts[FINDING_KINDS];
	struct open_finding *findings;

	detect(model, process, trail, now_ns, verdicts);
	findings = process_findings(model, process, verdicts);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		struct judgement *judgement = &ret_judgements[kind];
		struct open_finding none = {.severity = SEVERITY_NONE}, *open = findings ? &findings[kind] : &none;

		if (!findings)
			verdicts[kind].severity = SEVERITY_NONE;
		judgement->verdict = verdicts[kind];
		/* A leak that has slowed down is not over. */
		if (kind == FINDING_LEAK && open->severity && trail && detect_goes_on(&trail->history))
			open->held_ns = now_ns;
		judgement->change = finding_settle(open, &verdicts[kind], process->account.map_count, now_ns);
		judgement->raised_ns = open->raised_ns;
		model->open_findings += judgement->change == CHANGE_RAISED;
		model->open_findings -= judgement->change == CHANGE_CLEARED;
	}
	process->state = state_of(process);
	process->judged_change_ns = process->account.last_change_ns;
	model_enliven(model, process);
}

void model_judge(struct model *model, struct process *process, uint64_t now_ns, struct judgement *ret_judgements)
{
	if (process->trail)
		trail_unpack(process->trail, &model->trail);
	model_judge_by(model, process, process->trail ? &model->trail : NULL, now_ns, ret_judgements);
}
