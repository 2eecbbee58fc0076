/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From verdicts to findings: raised once, updated when they change, cleared with a word. */
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How long a verdict must be absent before its finding is cleared; at least, and as a part of the view it came by. */
static const uint64_t hold_ns[FINDING_KINDS] = {
	[FINDING_LEAK] = 15000000000ULL, [FINDING_EXHAUSTION] = 10000000000ULL, [FINDING_ENOMEM] = 0, /* its detector
													 remembers */
};
static const double hold_part[FINDING_KINDS] = {[FINDING_LEAK] = 0.33, [FINDING_EXHAUSTION] = 0.2};

#define UPDATE_EVERY_NS 1000000000ULL
#define ONE_FILE_PART	64   /* of the limit, by which it has grown before its files are looked through */
#define RATE_SHOWN	0.05 /* maps a second that a table does not round to 0: they are followed until they are gone */

/* A severity more, or twice as near and not just said: less would be chatter. */
static bool changed_materially(const struct open_finding *open, const struct verdict *verdict, uint64_t now_ns)
{
	if (verdict->severity > open->severity)
		return true;
	return verdict->forecast.eta_s < open->eta_s / 2 && now_ns > open->told_ns + UPDATE_EVERY_NS;
}

static uint64_t held_for_ns(const struct open_finding *open, enum finding_kind kind)
{
	uint64_t by_view = (uint64_t)(hold_part[kind] * (double)open->span_s * 1e9);

	return by_view > hold_ns[kind] ? by_view : hold_ns[kind];
}

/* A note is not told of again in the verdict that it becomes. */
static bool is_raised(const struct open_finding *open, const struct verdict *verdict)
{
	return open->severity == SEVERITY_NONE ||
	       (open->severity == SEVERITY_INFO && verdict->severity > SEVERITY_INFO);
}

static void finding_raise(struct open_finding *open, const struct verdict *verdict, uint64_t now_ns)
{
	open->raised_ns = open->told_ns = now_ns;
	open->severity = verdict->severity;
	open->eta_s = verdict->forecast.eta_s;
	open->span_s = (float)verdict->basis.view.span_s;
	open->rate_per_s = (float)view_rate(&verdict->basis.view);
}

static enum change finding_settle(struct open_finding *open, struct verdict *verdict, uint32_t map_count,
				  uint64_t now_ns)
{
	bool released = verdict->kind != FINDING_ENOMEM && map_count < open->map_count / 2;

	/* What is no more than a note does not hold a verdict. */
	if (verdict->severity == SEVERITY_NONE ||
	    (verdict->severity == SEVERITY_INFO && open->severity > SEVERITY_INFO)) {
		if (open->severity == SEVERITY_NONE)
			return CHANGE_NONE;
		/* What gave back half of its maps has no need of a second look. */
		if (!released && now_ns < open->held_ns + held_for_ns(open, verdict->kind))
			return CHANGE_NONE;
		verdict->severity = open->severity;
		open->severity = SEVERITY_NONE;
		open->map_count = 0;
		return CHANGE_CLEARED;
	}
	open->held_ns = now_ns;
	if (map_count > open->map_count)
		open->map_count = map_count;
	if (is_raised(open, verdict)) {
		finding_raise(open, verdict, now_ns);
		return CHANGE_RAISED;
	}
	if ((float)verdict->basis.view.span_s > open->span_s)
		open->span_s = (float)verdict->basis.view.span_s;
	if (!changed_materially(open, verdict, now_ns))
		return CHANGE_NONE;
	open->told_ns = now_ns;
	if (verdict->severity > open->severity)
		open->severity = verdict->severity;
	verdict->severity = open->severity; /* what has been said is not made less */
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
	if (process_open_finding(process, FINDING_LEAK).severity >= SEVERITY_WARNING)
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

/* The maps of the file that has most; 0: none is known, or too few were made for it to matter. */
static uint32_t one_file_maps(const struct process *process, const struct views *views, uint32_t limit)
{
	struct file_use use;

	if (views->grown * ONE_FILE_PART < limit)
		return 0;
	return file_table_top(&process->files, &use, 1) && !file_anonymous(use.id.kind) && use.maps > 0
		       ? (uint32_t)use.maps
		       : 0;
}

/* What the detectors say, kind by kind. */
static void detect(const struct model *model, struct process *process, const struct trail *trail,
		   const struct views *views, uint64_t now_ns, struct verdict *ret_verdicts)
{
	static const struct climb no_climb;
	const struct thresholds *thresholds = &model->thresholds;
	uint64_t last_ns = trail ? trail->history.last.ts_ns : 0;
	double age_s = now_ns > last_ns && last_ns ? (double)(now_ns - last_ns) / 1e9 : 0;

	memset(ret_verdicts, 0, FINDING_KINDS * sizeof(*ret_verdicts));
	forecast_make(views, thresholds->limit, age_s, &process->forecast);
	detect_leak(views, one_file_maps(process, views, thresholds->limit), thresholds, age_s,
		    &ret_verdicts[FINDING_LEAK]);
	detect_exhaustion(views, trail ? &trail->climb : &no_climb, &ret_verdicts[FINDING_LEAK], thresholds, age_s,
			  &ret_verdicts[FINDING_EXHAUSTION]);
	detect_enomem(process->last_fail_ns, now_ns, &ret_verdicts[FINDING_ENOMEM]);
}

/* A leak that has slowed down is not over, nor a danger that has moved a little further away. */
static bool goes_on(const struct model *model, const struct process *process, const struct views *views,
		    enum finding_kind kind, const struct open_finding *open)
{
	double span_s = (double)open->span_s, rate_per_s = (double)open->rate_per_s;

	if (process->account.map_count >= model->thresholds.limit)
		return true; /* there is no way further */

	if (kind == FINDING_EXHAUSTION)
		return detect_stays_near(views, &process->forecast, &model->thresholds, span_s, rate_per_s);
	return kind == FINDING_LEAK && detect_goes_on(views, span_s, rate_per_s);
}

void model_judge_by(struct model *model, struct process *process, const struct trail *trail, uint64_t now_ns,
		    struct judgement *ret_judgements)
{
	struct verdict verdicts[FINDING_KINDS];
	struct open_finding *findings;
	struct views views = {.count = 0};

	if (trail)
		trend_look(&trail->history, &views);
	detect(model, process, trail, &views, now_ns, verdicts);
	findings = process_findings(model, process, verdicts);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		struct judgement *judgement = &ret_judgements[kind];
		struct open_finding none = {.severity = SEVERITY_NONE}, *open = findings ? &findings[kind] : &none;

		if (!findings)
			verdicts[kind].severity = SEVERITY_NONE;
		judgement->verdict = verdicts[kind];
		if (open->severity && goes_on(model, process, &views, kind, open))
			open->held_ns = now_ns;
		judgement->change = finding_settle(open, &judgement->verdict, process->account.map_count, now_ns);
		judgement->raised_ns = open->raised_ns;
		if (judgement->verdict.severity > SEVERITY_INFO) {
			model->open_findings += judgement->change == CHANGE_RAISED;
			model->open_findings -= judgement->change == CHANGE_CLEARED;
		}
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
