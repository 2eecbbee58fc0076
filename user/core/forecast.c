/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who wants to see so far ahead must look as far back: of all views, the forecast goes by the shortest that is as long
 * as the time it foretells, or by the longest that shows one and the same growth. Views half and twice as long, a
 * steady change of the rate, and chance (the scatter of the steps) make the range.
 */
#include "forecast.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define RISING_TAU    0.5
#define NEW_PART      0.5 /* of the growth, that leads beyond all that was before */
#define REACH_BACK    0.7 /* of the time to the limit, by which a view is long enough */
#define NEAR_VIEWS    4.0 /* longer or shorter by this factor, views have a say in the range */
#define BALANCED      0.3 /* of one half's growth that the other has at least, unless growth began within the view */
#define SURE_SIGMAS   2.0 /* a rate changes when its halves differ by so much more than chance */
#define RANGE_SIGMAS  2.0
#define RANGE_PART    0.10 /* the range is no narrower than this part of the forecast, either way */
#define RANGE_PART_UP 0.15

/* A saw-tooth's flank, which leads to where it was before, does not rise, unless it is half the way to the limit. */
static bool is_rising(const struct view *view, uint32_t limit)
{
	return view->steps >= VIEW_STEPS_MIN && view->span_s >= VIEW_SPAN_MIN_S && view->growth > 0 &&
	       view->tau >= RISING_TAU && (view_credit(view) >= view->growth * NEW_PART || view->growth * 2 >= limit);
}

static bool is_balanced(const struct view *view)
{
	return view->first_half >= view->second_half * BALANCED && view->second_half >= view->first_half * BALANCED;
}

/* The highest point of a swing is what hits the limit. */
static double maps_left(const struct view *view, uint32_t limit)
{
	double top = fmax((double)view->now, view->stays + view->swing);

	return fmax(0, (double)limit + 1 - top);
}

static double eta_by_rate(double left, double rate)
{
	return rate > 0 ? left / rate : INFINITY;
}

/* The rate changes as it did from the first half to the second. INFINITY: it will have ended before. */
static double eta_by_change(const struct view *view, double left)
{
	double half_s = view->span_s / 2, change = view_change(view);
	double rate = view->second_half / half_s + change * half_s / 2; /* now */
	double root = rate * rate + 2 * change * left;

	if (change == 0)
		return eta_by_rate(left, rate);
	if (root < 0 || (change < 0 && rate <= 0))
		return INFINITY;
	return (sqrt(root) - rate) / change;
}

/* Each half adds as many times more than the one before as the second did to the first. */
static double eta_by_factor(const struct view *view, double left)
{
	double factor = view->first_half > 0 ? view->second_half / view->first_half : 0, halves;

	if (factor <= 1)
		return INFINITY;
	halves = log1p(left * (factor - 1) / (view->second_half * factor)) / log(factor);
	return halves * view->span_s / 2;
}

static bool rate_changes(const struct view *view)
{
	return fabs(view->second_half - view->first_half) > SURE_SIGMAS * view_chance(view) + view->growth / 16;
}

static double view_eta(const struct view *view, uint32_t limit)
{
	double left = maps_left(view, limit), by_change, by_factor;

	if (left <= 0)
		return 0;
	if (!rate_changes(view))
		return eta_by_rate(left, view_rate(view));
	by_change = eta_by_change(view, left);
	by_factor = eta_by_factor(view, left);
	/* Quadratic or exponential: who knows. */
	return isfinite(by_factor) ? sqrt(by_change * by_factor) : by_change;
}

/* NULL: none rises. */
static const struct view *view_choose(const struct views *views, uint32_t limit)
{
	const struct view *longest = NULL, *balanced = NULL;

	for (unsigned int i = 0; i < views->count; i++) {
		const struct view *view = &views->at[i];

		if (!is_rising(view, limit))
			continue;
		/* What has levelled off does not go on as it did on the whole. */
		if (view->second_half > view->first_half)
			longest = view;
		if (!is_balanced(view))
			continue;
		balanced = view;
		if (view->span_s >= REACH_BACK * view_eta(view, limit))
			return view;
	}
	return balanced ? balanced : longest;
}

static void range_take(struct forecast *forecast, double low_s, double high_s)
{
	forecast->eta_low_s = fmin(forecast->eta_low_s, low_s);
	forecast->eta_high_s = fmax(forecast->eta_high_s, high_s);
}

/* What a view says, with a rate that is higher and lower by chance. */
static void range_by_view(struct forecast *forecast, const struct view *view, uint32_t limit)
{
	double left = maps_left(view, limit), rate = view_rate(view);
	double chance = RANGE_SIGMAS * view_chance(view) / view->span_s;

	if (!rate_changes(view)) {
		range_take(forecast, eta_by_rate(left, rate + chance), eta_by_rate(left, rate - chance));
		return;
	}
	range_take(forecast, fmin(eta_by_change(view, left), eta_by_factor(view, left)) * (1 - RANGE_PART),
		   eta_by_change(view, left) * (1 + RANGE_PART_UP));
}

static void range_make(struct forecast *forecast, const struct views *views, const struct view *chosen, uint32_t limit)
{
	bool ended = false;

	forecast->eta_low_s = forecast->eta_s * (1 - RANGE_PART);
	forecast->eta_high_s = forecast->eta_s * (1 + RANGE_PART_UP);
	for (unsigned int i = 0; i < views->count; i++) {
		const struct view *view = &views->at[i];
		bool near = view->span_s <= chosen->span_s * NEAR_VIEWS && view->span_s * NEAR_VIEWS >= chosen->span_s;

		if (near && is_rising(view, limit) && (is_balanced(view) || view == chosen))
			range_by_view(forecast, view, limit);
		/* A shorter view that does not rise any more: it may be over. */
		ended |= near && view->span_s < chosen->span_s && view->steps >= VIEW_STEPS_MIN && view->growth <= 0;
	}
	if (ended)
		forecast->eta_high_s = INFINITY;
}

/* What it does now, though nothing can be foretold by it. */
static double rate_now(const struct views *views)
{
	for (unsigned int i = 0; i < views->count; i++) {
		if (views->at[i].steps >= VIEW_STEPS_MIN && views->at[i].span_s >= VIEW_SPAN_MIN_S)
			return view_rate(&views->at[i]);
	}
	return views->count ? view_rate(&views->at[views->count - 1]) : 0;
}

void forecast_make(const struct views *views, uint32_t limit, double age_s, struct forecast *ret_forecast)
{
	const struct view *chosen = view_choose(views, limit);

	memset(ret_forecast, 0, sizeof(*ret_forecast));
	ret_forecast->eta_s = ret_forecast->eta_low_s = ret_forecast->eta_high_s = INFINITY;
	ret_forecast->rate_per_s = chosen ? view_rate(chosen) : rate_now(views);
	if (views->count && views->at[0].now > limit) {
		/* It has been reached, whatever comes. */
		ret_forecast->eta_s = ret_forecast->eta_low_s = ret_forecast->eta_high_s = 0;
		return;
	}
	if (!chosen)
		return;
	ret_forecast->span_s = chosen->span_s;
	ret_forecast->eta_s = view_eta(chosen, limit);
	range_make(ret_forecast, views, chosen, limit);
	ret_forecast->eta_s = fmax(0, ret_forecast->eta_s - age_s);
	ret_forecast->eta_low_s = fmax(0, ret_forecast->eta_low_s - age_s);
	ret_forecast->eta_high_s = fmax(0, ret_forecast->eta_high_s - age_s);
}
