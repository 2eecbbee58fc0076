/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "detect.h"

#include <math.h>
#include <string.h>

#define SECOND_NS	   1000000000ULL
#define FAST_ETA_S	   10.0 /* a climb that outruns the sampling */
#define FAIL_REMEMBERED_NS (60 * SECOND_NS)
#define CLIMB_FALLBACK	   8 /* a fall by this part of the limit ends a climb */
#define CLIMB_MEMORY_NS	   (2 * SECOND_NS)

/* What has grown by a share f of its room in T will, at that pace, take T (1 - f) / f to the limit; growth of which
 * nothing else is known is as likely as not to go on for as long as it has gone on (Gott 1993): at f it comes to its
 * end with a chance of about f. What is known besides makes that more or less. */
#define NEED_COUNTS 0.47 /* by counts alone */
#define NEED_SWINGS 0.25 /* beside falls that were seen again and again, and did not reach as low */
#define NEED_YOUNG  0.55 /* all its life is one quick climb, as a cache's that is filled */
#define NEED_SPLITS 1.5	 /* times as much, by splits: they end when all is split */
#define NEED_QUICK  1.8	 /* the same within minutes */
#define NEED_FILE   0.04 /* one file, mapped again and again, and all of it kept */
#define NEED_HIGH   0.20 /* above HIGH_LEVEL of the limit, where little is left to wait for */
#define HIGH_LEVEL  0.54
#define HIGH_BEFORE 0.25 /* so much more of growth that does not lead beyond an old high */
#define NEED_INFO   0.05 /* worth a note, and no verdict */
#define INFO_REACH  40	 /* times what was seen */

#define LEAK_GROWTH_MIN	 32 /* maps: below this nothing is a leak yet */
#define LEAK_SPAN_S	 3.0
#define LEAK_SPAN_FILE_S 1.2
#define LEAK_SPAN_INFO_S 8.0
#define YOUNG_SPAN_S	 240.0
#define YOUNG_PART	 0.8 /* of all that is known */
#define SWING_GROWTH	 1.1 /* times a swing, that troughs have to rise */
#define SWING_SIGMAS	 3.0 /* growth beside a swing is more than chance */
#define LEAK_TAU	 0.6
#define LATEST_LEAST	 0.125 /* of a view, and */
#define LATEST_MOST	 0.34  /* at most: its latest part, that tells whether it goes on */
#define SLOWING_SIGMAS	 2.0
#define JUMP_PART	 0.28 /* of the growth: what comes at once, or in two steps, is a jump */

#define EXHAUST_TAU    0.8
#define EXHAUST_JUMP   0.50 /* what accelerates has most of it in the last step */
#define EXHAUST_SHARE  0.38
#define EXHAUST_YOUNG  0.45
#define EXHAUST_PART   16   /* of the limit that it has to grow by */
#define SHORT_SPAN_S   16.0 /* in less, splits and holes refilled look like growth */
#define FORECAST_REACH 7    /* times what was seen, for a leak: called by one file it comes early */
#define SLOW_PART      8    /* what grows at less than this part of its pace does not go on */
#define SETTLED_SPAN_S 8.0  /* a view long enough to tell growth from its end */

void thresholds_default(struct thresholds *thresholds, uint32_t limit)
{
	thresholds->limit = limit;
	thresholds->horizon_s = 3600;
	thresholds->critical_s = 300;
}

void climb_note(struct climb *climb, const struct sample *sample, uint32_t limit)
{
	if (!climb->base.ts_ns || sample->map_count <= climb->base.map_count ||
	    sample->map_count + limit / CLIMB_FALLBACK < climb->last.map_count) {
		climb->base = climb->middle = *sample;
	} else if (sample->ts_ns > climb->middle.ts_ns + CLIMB_MEMORY_NS) {
		climb->base = climb->middle;
		climb->middle = climb->last;
	}
	climb->last = *sample;
}

static void verdict_clear(struct verdict *verdict, enum finding_kind kind)
{
	memset(verdict, 0, sizeof(*verdict));
	verdict->kind = kind;
	verdict->forecast.eta_s = verdict->forecast.eta_low_s = verdict->forecast.eta_high_s = INFINITY;
}

/* ---- leak ---- */

/* Maps rather than splits. */
static bool view_maps(const struct view *view)
{
	return view->mapped * 4 >= view->growth * 3;
}

/* Of the room there was before this growth, less what a swing takes. */
static double share_of(const struct view *view, double growth, uint32_t limit)
{
	double room = (double)limit - view->swing - (view->stays - growth);

	return room > 0 ? fmin(1, growth / room) : growth > 0;
}

/* The share that the view's growth has taken: where it was higher before, only what goes beyond that, or much more. */
static double view_share(const struct view *view, uint32_t limit)
{
	return fmax(share_of(view, view_credit(view), limit),
		    share_of(view, fmax(0, view->growth), limit) - HIGH_BEFORE);
}

/* It does not slow down by more than chance, or not so that it will end before the limit. */
static bool reaches_limit(const struct view *view, uint32_t limit)
{
	double less = view->first_half - view->second_half;

	if (view->growth <= 0 || view->second_half <= 0)
		return false;
	return less <= SLOWING_SIGMAS * view_chance(view) + view->growth / 16 ||
	       view->stays + view->swing + view_to_come(view) >= (double)limit;
}

/* Nor does its latest part: where a warm-up has ended, or a cache has come to its size, within the view. */
static bool goes_on_to_limit(const struct views *views, const struct view *whole, uint32_t limit)
{
	bool is_known = false;

	for (unsigned int i = 0; i < views->count && views->at[i].span_s <= whole->span_s * LATEST_MOST; i++) {
		const struct view *view = &views->at[i];

		if (view->span_s < whole->span_s * LATEST_LEAST || view->steps < VIEW_STEPS_MIN)
			continue;
		is_known = true;
		if (!reaches_limit(view, limit) || view_rate(view) * SLOW_PART < view_rate(whole))
			return false;
	}
	return is_known || reaches_limit(whole, limit);
}

/* Most of the growth is one file, and much of all there was: files are known from a little later on than counts. It
 * keeps what it maps. */
static bool is_one_file(const struct views *views, const struct view *view, uint32_t one_file)
{
	return one_file * 4.0 >= view->growth * 3 && one_file * 3.0 >= views->grown && one_file && view_maps(view) &&
	       view->closed * 10 <= view->opened;
}

static bool swings(const struct view *view)
{
	return view->swing * 4 >= view->growth && view->growth >= view->swing * SWING_GROWTH;
}

static bool is_young(const struct views *views, const struct view *view)
{
	return view->span_s < YOUNG_SPAN_S && view->span_s >= views->span_s * YOUNG_PART;
}

static double by_splits(const struct view *view)
{
	if (view_maps(view))
		return 1;
	return view->span_s < YOUNG_SPAN_S ? NEED_QUICK : NEED_SPLITS;
}

static double leak_need(const struct views *views, const struct view *view, uint32_t limit)
{
	double need = swings(view) ? NEED_SWINGS : is_young(views, view) ? NEED_YOUNG : NEED_COUNTS;

	if (view->stays >= (double)limit * HIGH_LEVEL && view->span_s >= YOUNG_SPAN_S && view_maps(view))
		need = fmin(need, NEED_HIGH);

	return need * by_splits(view);
}

static bool rises_like_a_leak(const struct view *view, double span_s)
{
	return view->span_s >= span_s && view->steps >= VIEW_STEPS_MIN && view->growth >= LEAK_GROWTH_MIN &&
	       view->tau >= LEAK_TAU && view->jump <= view->growth * JUMP_PART;
}

/* Is there a leak, by this view alone? INFO: growth that may be one. */
static enum severity view_leaks(const struct views *views, const struct view *view, uint32_t one_file, uint32_t limit,
				struct basis *ret_basis)
{
	bool is_file = is_one_file(views, view, one_file);
	double span_s = is_file ? LEAK_SPAN_FILE_S : view_maps(view) ? LEAK_SPAN_S : SHORT_SPAN_S;

	if (!rises_like_a_leak(view, span_s) || !goes_on_to_limit(views, view, limit))
		return SEVERITY_NONE;
	if (swings(view) && view->growth < SWING_SIGMAS * view_chance(view))
		return SEVERITY_NONE;
	ret_basis->view = *view;
	ret_basis->one_file = is_file;
	ret_basis->share = view_share(view, limit);
	ret_basis->need = is_file ? NEED_FILE : leak_need(views, view, limit);
	if (ret_basis->share >= ret_basis->need)
		return SEVERITY_WARNING;
	ret_basis->need = NEED_INFO;
	return ret_basis->share >= NEED_INFO && view->span_s >= LEAK_SPAN_INFO_S ? SEVERITY_INFO : SEVERITY_NONE;
}

/*
 * All that was seen slows down, and will not come to the limit: but its latest part may be a leak by itself, behind a
 * warm-up that was quicker.
 */
static void forecast_latest(const struct views *views, uint32_t limit, double age_s, struct verdict *verdict)
{
	struct views latest = *views;
	struct basis found;

	while (latest.count > 1 && isinf(verdict->forecast.eta_s)) {
		const struct view *view = &latest.at[--latest.count - 1];

		if (view_leaks(&latest, view, 0, limit, &found) != SEVERITY_WARNING || !reaches_limit(view, limit))
			continue;
		forecast_make(&latest, limit, age_s, &verdict->forecast);
		verdict->basis = found;
	}
}

void detect_leak(const struct views *views, uint32_t one_file, const struct thresholds *thresholds, double age_s,
		 struct verdict *ret_verdict)
{
	struct basis *basis = &ret_verdict->basis, found;

	verdict_clear(ret_verdict, FINDING_LEAK);
	for (unsigned int i = 0; i < views->count; i++) {
		enum severity severity = view_leaks(views, &views->at[i], one_file, thresholds->limit, &found);

		/* The one that leaves least doubt. */
		if (severity == SEVERITY_NONE || severity < ret_verdict->severity ||
		    (severity == ret_verdict->severity && found.share - found.need <= basis->share - basis->need))
			continue;
		*basis = found;
		ret_verdict->severity = severity;
	}
	if (ret_verdict->severity == SEVERITY_NONE)
		return;
	forecast_make(views, thresholds->limit, age_s, &ret_verdict->forecast);
	if (basis->one_file)
		return;
	if (isinf(ret_verdict->forecast.eta_s) && ret_verdict->severity == SEVERITY_WARNING)
		forecast_latest(views, thresholds->limit, age_s, ret_verdict);
	/* What will not be at the limit is growth at most, and not even that if it is ages away. */
	if (isinf(ret_verdict->forecast.eta_s))
		ret_verdict->severity = SEVERITY_INFO;
	if (ret_verdict->severity == SEVERITY_INFO && ret_verdict->forecast.eta_s > INFO_REACH * basis->view.span_s)
		ret_verdict->severity = SEVERITY_NONE;
}

bool detect_goes_on(const struct views *views, double span_s, double rate_per_s)
{
	for (unsigned int i = 0; i < views->count; i++) {
		const struct view *view = &views->at[i];

		if (view->span_s < fmax(SETTLED_SPAN_S, span_s / 8) || view->steps < VIEW_STEPS_MIN)
			continue;
		return view->growth > view_chance(view) && view->second_half > 0 &&
		       view_rate(view) * SLOW_PART >= rate_per_s && view->stays + view->swing >= view->before_high;
	}
	return false;
}

/* ---- exhaustion ---- */

bool detect_stays_near(const struct views *views, const struct forecast *forecast, const struct thresholds *thresholds,
		       double span_s, double rate_per_s)
{
	return forecast->eta_low_s <= thresholds->horizon_s && detect_goes_on(views, span_s, rate_per_s);
}

static enum severity severity_of_eta(double eta_s, const struct thresholds *thresholds)
{
	if (eta_s <= thresholds->critical_s && eta_s <= thresholds->horizon_s)
		return SEVERITY_CRITICAL;
	return eta_s <= thresholds->horizon_s ? SEVERITY_WARNING : SEVERITY_NONE;
}

/*
 * Splits end when all is split, and a hole refilled is no growth: a leak adds to
 * an address space that is larger than ever. What does not is believed later.
 */
static bool is_believable(double growth, double mapping, const struct sample *last, uint32_t limit)
{
	return (mapping * 2 >= growth && last->at_peak) || last->map_count >= limit * 5LL / 8;
}

/* A climb seen by step alarms, faster than any sampling can follow. */
static bool climb_exhausts(const struct climb *climb, const struct thresholds *thresholds,
			   struct forecast *ret_forecast)
{
	const struct sample *base = &climb->base, *last = &climb->last;
	int64_t growth = (int64_t)last->map_count - base->map_count;
	uint64_t opened = last->opened - base->opened, closed = last->closed - base->closed;
	double seconds = (double)(last->ts_ns - base->ts_ns) / 1e9, left, eta_s;

	if (!base->ts_ns || growth < thresholds->limit * 3LL / 16 || growth <= 0 || seconds <= 0 || closed * 4 > opened)
		return false;
	if (!is_believable((double)growth, (double)last->mapping - (double)base->mapping, last, thresholds->limit))
		return false;
	left = last->map_count <= thresholds->limit ? (double)thresholds->limit + 1 - last->map_count : 0;
	eta_s = left * seconds / (double)growth;
	if (eta_s > FAST_ETA_S)
		return false;
	ret_forecast->rate_per_s = (double)growth / seconds;
	ret_forecast->eta_s = eta_s;
	/* One slope only: say so by a wide range. */
	ret_forecast->eta_low_s = eta_s / 2;
	ret_forecast->eta_high_s = eta_s * 2;
	return true;
}

static double exhaust_need(const struct views *views, const struct view *view)
{
	return (is_young(views, view) ? EXHAUST_YOUNG : EXHAUST_SHARE) * (view_maps(view) ? 1 : NEED_SPLITS);
}

/* Enough growth, steady enough, to take the forecast at its word. */
static bool view_exhausts(const struct views *views, const struct view *view, const struct sample *last, uint32_t limit)
{
	if (view->steps < VIEW_STEPS_MIN || view->span_s < VIEW_SPAN_MIN_S || view->tau < EXHAUST_TAU)
		return false;
	if (view->growth < limit / EXHAUST_PART || view->jump > view->growth * EXHAUST_JUMP)
		return false;
	if (view->swing * 4 > view->growth || view->second_half * 2 < view->first_half ||
	    !goes_on_to_limit(views, view, limit))
		return false;
	if (view->span_s < SHORT_SPAN_S &&
	    (view->closed * 2 > view->opened || !is_believable(view->growth, view->mapped, last, limit)))
		return false;
	return view_share(view, limit) >= exhaust_need(views, view);
}

void detect_exhaustion(const struct views *views, const struct climb *climb, const struct verdict *leak,
		       const struct thresholds *thresholds, double age_s, struct verdict *ret_verdict)
{
	struct basis *basis = &ret_verdict->basis;
	bool exhausts = leak->severity >= SEVERITY_WARNING;

	verdict_clear(ret_verdict, FINDING_EXHAUSTION);
	if (climb_exhausts(climb, thresholds, &ret_verdict->forecast)) {
		ret_verdict->severity = SEVERITY_CRITICAL;
		return;
	}
	if (exhausts)
		*basis = leak->basis;
	for (unsigned int i = 0; i < views->count && !exhausts; i++) {
		exhausts = view_exhausts(views, &views->at[i], &climb->last, thresholds->limit);
		if (!exhausts)
			continue;
		basis->view = views->at[i];
		basis->share = view_share(&views->at[i], thresholds->limit);
		basis->need = exhaust_need(views, &views->at[i]);
	}
	if (!exhausts)
		return;
	forecast_make(views, thresholds->limit, age_s, &ret_verdict->forecast);
	/* Seconds of a rise say nothing about hours to come. */
	if (ret_verdict->forecast.eta_s > FORECAST_REACH * ret_verdict->forecast.span_s)
		return;
	ret_verdict->severity = severity_of_eta(ret_verdict->forecast.eta_s, thresholds);
}

void detect_enomem(uint64_t last_fail_ns, uint64_t now_ns, struct verdict *ret_verdict)
{
	verdict_clear(ret_verdict, FINDING_ENOMEM);
	if (last_fail_ns && now_ns < last_fail_ns + FAIL_REMEMBERED_NS) {
		ret_verdict->severity = SEVERITY_CRITICAL;
		ret_verdict->forecast.eta_s = ret_verdict->forecast.eta_low_s = ret_verdict->forecast.eta_high_s = 0;
	}
}
