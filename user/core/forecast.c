/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A slope for each resolution of the history. Those that rise steadily each
 * give a time to the limit; the forecast is the middle one, its range spans
 * them all and the spread of their slopes. A shorter view that no longer rises
 * opens the range upwards: growth may have ended.
 */
#include "forecast.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "trend.h"

#define SAMPLES_MIN 5
#define SPAN_MIN_S  1.0

struct view {
	double rate, eta_s, low_s, high_s;
	unsigned int level;
};

static double eta_of(double maps_left, double rate)
{
	return rate > 0 ? maps_left / rate : INFINITY;
}

/* Rises in most of its windows, and has not levelled off in the second half. */
static bool rise_is_steady(const struct rise *rise)
{
	return rise->growth > 0 && rise->rising * 4 >= rise->windows * 3 && rise->second_half * 3 >= rise->first_half;
}

static bool rise_has_ended(const struct rise *rise)
{
	return rise->growth <= 0 || rise->second_half <= 0;
}

/* Insertion keeps the few views in order of their time to the limit. */
static void view_insert(struct view *views, unsigned int count, const struct view *view)
{
	while (count && views[count - 1].eta_s > view->eta_s) {
		views[count] = views[count - 1];
		count--;
	}
	views[count] = *view;
}

void forecast_make(const struct history *history, uint32_t limit, uint64_t now_ns, struct forecast *ret_forecast)
{
	struct view views[HISTORY_LEVELS];
	struct sample samples[TREND_SAMPLES_MAX];
	unsigned int count = 0;
	bool ended = false, have_rate = false;
	double maps_left = (double)limit + 1 - history->last.map_count;
	double age_s = now_ns > history->last.ts_ns ? (double)(now_ns - history->last.ts_ns) / 1e9 : 0;

	memset(ret_forecast, 0, sizeof(*ret_forecast));
	ret_forecast->eta_s = ret_forecast->eta_low_s = ret_forecast->eta_high_s = INFINITY;
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		unsigned int used = history_read(history, level, samples);
		struct rise rise;
		struct slope slope;

		trend_rise(samples, used, &rise);
		if (!level && rise.span_s > 0) /* too little to foretell from, but it is what it does now */
			ret_forecast->rate_per_s = (double)rise.growth / rise.span_s;
		if (used < SAMPLES_MIN)
			break; /* coarser levels hold even fewer */
		if (rise.span_s < SPAN_MIN_S)
			continue;
		trend_slope(samples, used, &slope);
		if (!have_rate) {
			ret_forecast->rate_per_s = slope.median;
			ret_forecast->level = level;
			have_rate = true;
		}
		if (rise_is_steady(&rise) && slope.median > 0) {
			struct view view = {slope.median, eta_of(maps_left, slope.median),
					    eta_of(maps_left, slope.high), eta_of(maps_left, slope.low), level};

			view_insert(views, count++, &view);
		} else if (!count && rise_has_ended(&rise)) {
			ended = true;
		}
	}
	if (!count)
		return;
	ret_forecast->rate_per_s = views[count / 2].rate;
	ret_forecast->level = views[count / 2].level;
	ret_forecast->eta_s = fmax(0, views[count / 2].eta_s - age_s);
	ret_forecast->eta_low_s = INFINITY;
	ret_forecast->eta_high_s = 0;
	for (unsigned int i = 0; i < count; i++) {
		ret_forecast->eta_low_s = fmin(ret_forecast->eta_low_s, fmax(0, views[i].low_s - age_s));
		ret_forecast->eta_high_s = fmax(ret_forecast->eta_high_s, fmax(0, views[i].high_s - age_s));
	}
	if (ended)
		ret_forecast->eta_high_s = INFINITY;
}
