/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "detect.h"

#include <math.h>
#include <string.h>

#include "trend.h"

#define SECOND_NS	   1000000000ULL
#define LEAK_WINDOWS	   8
#define LEAK_WINDOWS_MIXED 12 /* if it also closes */
#define EXHAUST_WINDOWS	   5
#define LEAK_GROWTH_MIN	   32	/* maps: below this nothing is a leak yet */
#define FAST_ETA_S	   10.0 /* a climb that outruns the sampling */
#define FAIL_REMEMBERED_NS (60 * SECOND_NS)
#define CLIMB_FALLBACK	   8 /* a fall by this part of the limit ends a climb */
#define CLIMB_MEMORY_NS	   (2 * SECOND_NS)
#define LEAK_SPAN_MIXED_S  16.0	 /* of evidence, unless it maps and keeps all it maps */
#define LEAK_SPAN_SURE_S   112.0 /* from here on the past before it no longer counts */
#define SETTLED_SPAN_S	   8.0	 /* a view long enough to tell growth from its end */
#define FORECAST_REACH	   7	 /* times what was seen: a steady leak is called at an eighth of the limit */

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

/* The shorter the evidence, the more maps it takes. */
static int64_t leak_growth_floor(double span_s, uint32_t limit)
{
	int64_t part = span_s < 4 ? 32 : span_s < 16 ? 64 : span_s < 120 ? 128 : 256;
	int64_t growth = limit / part;

	return growth > LEAK_GROWTH_MIN ? growth : LEAK_GROWTH_MIN;
}

/* Slower in its second half, by more than an eighth and more than chance (one sigma) explains. */
static bool rise_levels_off(const struct rise *rise)
{
	return (double)rise->second_half + sqrt(fmax(0, (double)rise->growth)) < (double)rise->first_half * 7 / 8;
}

/* Rises window after window and does not level off. */
static bool rise_is_leak(const struct rise *rise, uint32_t limit)
{
	bool maps = rise->mapping * 4 >= (double)rise->growth * 3;
	bool keeps_all = maps && rise->closed * 10 <= rise->opened;

	if (rise->windows < LEAK_WINDOWS || rise->falling || rise->rising + 1 < rise->windows)
		return false;
	if (rise->growth < leak_growth_floor(rise->span_s, limit) || rise_levels_off(rise))
		return false;
	/* Eight windows do for one that maps and keeps; beside churn, and for a saw-tooth's flank, it takes more. */
	return keeps_all || (maps && rise->windows >= LEAK_WINDOWS_MIXED) || rise->span_s >= LEAK_SPAN_MIXED_S;
}

/* Above all that is known of the time before `since`: a leak makes new highs, a saw-tooth's flank does not. */
static bool history_is_at_new_high(const struct history *history, uint64_t since_ns)
{
	struct sample samples[TREND_SAMPLES_MAX];

	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		unsigned int used = history_read(history, level, samples);

		for (unsigned int i = 0; i < used; i++) {
			if (samples[i].ts_ns < since_ns && samples[i].map_count >= history->last.map_count)
				return false;
		}
	}
	return true;
}

/* The last windows + 1 samples of a level into ret_samples; 0 if there are fewer. */
static unsigned int read_windows(const struct history *history, unsigned int level, unsigned int windows,
				 struct sample *ret_samples)
{
	unsigned int used = history_read(history, level, ret_samples);

	if (used < windows + 1)
		return 0;
	memmove(ret_samples, ret_samples + used - (windows + 1), (windows + 1) * sizeof(*ret_samples));
	return windows + 1;
}

/* The finest windows are a quarter of a second: three seconds of them, so that a jump is no leak. */
static unsigned int leak_windows(unsigned int level)
{
	return history_spacing(level) < SECOND_NS ? HISTORY_SAMPLES - 1 : LEAK_WINDOWS;
}

/* One resolution of the history shows a leak. */
static bool level_leaks(const struct history *history, const struct sample *samples, unsigned int used, uint32_t limit)
{
	struct rise rise;

	trend_rise(samples, used, &rise);
	if (!rise_is_leak(&rise, limit))
		return false;
	if (rise.span_s < LEAK_SPAN_SURE_S && !history_is_at_new_high(history, samples[0].ts_ns))
		return false;
	/* Flat in its first window, it has only just begun: its halves cannot be compared yet. */
	return samples[1].map_count > samples[0].map_count;
}

void detect_leak(const struct history *history, const struct thresholds *thresholds, uint64_t now_ns,
		 struct verdict *ret_verdict)
{
	struct sample samples[TREND_SAMPLES_MAX];

	verdict_clear(ret_verdict, FINDING_LEAK);
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		unsigned int used = read_windows(history, level, leak_windows(level), samples);

		bool leaks = used && level_leaks(history, samples, used, thresholds->limit);

		if (!leaks && history_spacing(level) >= SECOND_NS) {
			used = read_windows(history, level, LEAK_WINDOWS_MIXED, samples);
			leaks = used && level_leaks(history, samples, used, thresholds->limit);
		}
		if (!leaks)
			continue;
		ret_verdict->severity = SEVERITY_WARNING;
		forecast_make(history, thresholds->limit, now_ns, &ret_verdict->forecast);
		return;
	}
}

/* The rise over the last SETTLED_SPAN_S or little more; false if less is known. */
static bool settled_rise(const struct history *history, struct rise *ret_rise)
{
	struct sample samples[TREND_SAMPLES_MAX];

	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		unsigned int used = history_read(history, level, samples);

		for (unsigned int count = 2; count <= used; count++) {
			trend_rise(samples + used - count, count, ret_rise);
			if (ret_rise->span_s >= SETTLED_SPAN_S)
				return true;
		}
	}
	return false;
}

bool detect_goes_on(const struct history *history)
{
	struct rise rise;

	if (!settled_rise(history, &rise) || rise.growth <= 0 || rise.falling || rise.second_half <= 0)
		return false;
	return history_is_at_new_high(history, history->last.ts_ns - (uint64_t)(rise.span_s * SECOND_NS));
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

/* Enough growth, steady enough, to take the forecast at its word. */
static bool rise_exhausts(const struct history *history, uint32_t limit)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct rise rise;

	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		unsigned int used = read_windows(history, level, EXHAUST_WINDOWS, samples);

		if (!used)
			break;
		trend_rise(samples, used, &rise);
		if (rise.falling || rise.growth < limit / 16 || rise.second_half * 2 < rise.first_half)
			continue;
		if (rise.span_s < LEAK_SPAN_MIXED_S &&
		    !is_believable((double)rise.growth, rise.mapping, &samples[used - 1], limit))
			continue;
		if (rise.span_s >= 1 && rise.closed * 2 <= rise.opened)
			return true;
	}
	return false;
}

static bool rise_is_steady(const struct rise *rise)
{
	return rise->growth > 0 && !rise->falling && rise->rising * 4 >= rise->windows * 3 && !rise_levels_off(rise);
}

/* For how long it has been seen to rise steadily, seconds. */
static double steady_for_s(const struct history *history)
{
	struct sample samples[TREND_SAMPLES_MAX];
	double longest_s = 0;

	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		unsigned int used = history_read(history, level, samples);

		for (unsigned int skip = 0; skip + EXHAUST_WINDOWS < used; skip++) {
			struct rise rise;

			trend_rise(samples + skip, used - skip, &rise);
			if (!rise_is_steady(&rise))
				continue;
			longest_s = fmax(longest_s, rise.span_s);
			break;
		}
	}
	return longest_s;
}

static bool history_levels_off(const struct history *history)
{
	struct rise rise;

	return settled_rise(history, &rise) && rise_levels_off(&rise);
}

void detect_exhaustion(const struct history *history, const struct climb *climb, const struct thresholds *thresholds,
		       uint64_t now_ns, struct verdict *ret_verdict)
{
	struct verdict leak;

	verdict_clear(ret_verdict, FINDING_EXHAUSTION);
	if (climb_exhausts(climb, thresholds, &ret_verdict->forecast)) {
		ret_verdict->severity = SEVERITY_CRITICAL;
		return;
	}
	if (!history)
		return;
	detect_leak(history, thresholds, now_ns, &leak);
	if (!rise_exhausts(history, thresholds->limit) && leak.severity == SEVERITY_NONE)
		return;
	forecast_make(history, thresholds->limit, now_ns, &ret_verdict->forecast);
	/* Seconds of a rise say nothing about hours to come. */
	if (ret_verdict->forecast.eta_s > FORECAST_REACH * steady_for_s(history) || history_levels_off(history))
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
