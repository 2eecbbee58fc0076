/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "detect.h"

#include <math.h>
#include <string.h>

#include "trend.h"

#define LEAK_WINDOWS	   8
#define EXHAUST_WINDOWS	   5
#define LEAK_GROWTH_MIN	   32	/* maps: below this nothing is a leak yet */
#define FAST_ETA_S	   10.0 /* a climb that outruns the sampling */
#define FAIL_REMEMBERED_NS (60ULL * 1000000000)
#define CLIMB_FALLBACK	   8 /* a fall by this part of the limit ends a climb */
#define CLIMB_MEMORY_NS	   (2ULL * 1000000000)

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

/* Rises window after window and does not level off. */
static bool rise_is_leak(const struct rise *rise, uint32_t limit)
{
	bool keeps_all = rise->closed * 10 <= rise->opened && rise->mapping * 4 >= rise->growth * 3;

	if (rise->windows < LEAK_WINDOWS || rise->falling || rise->rising + 1 < rise->windows)
		return false;
	if (rise->growth < leak_growth_floor(rise->span_s, limit))
		return false;
	if (rise->second_half * 2 < rise->first_half)
		return false; /* a warm-up, on its way to level off */
	/* Seconds of evidence do for one that maps and keeps; a saw-tooth's flank takes longer to tell. */
	return keeps_all || rise->span_s >= 16;
}

void detect_leak(const struct history *history, const struct thresholds *thresholds, uint64_t now_ns,
		 struct verdict *ret_verdict)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct rise rise;

	verdict_clear(ret_verdict, FINDING_LEAK);
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		unsigned int used = history_read(history, level, samples);
		unsigned int skip = used > LEAK_WINDOWS + 1 ? used - (LEAK_WINDOWS + 1) : 0;

		if (used < LEAK_WINDOWS + 1)
			break;
		trend_rise(samples + skip, used - skip, &rise);
		if (!rise_is_leak(&rise, thresholds->limit))
			continue;
		ret_verdict->severity = SEVERITY_WARNING;
		forecast_make(history, thresholds->limit, now_ns, &ret_verdict->forecast);
		return;
	}
}

static enum severity severity_of_eta(double eta_s, const struct thresholds *thresholds)
{
	if (eta_s <= thresholds->critical_s && eta_s <= thresholds->horizon_s)
		return SEVERITY_CRITICAL;
	return eta_s <= thresholds->horizon_s ? SEVERITY_WARNING : SEVERITY_NONE;
}

/* A climb seen by step alarms, faster than any sampling can follow. */
static bool climb_exhausts(const struct climb *climb, const struct thresholds *thresholds,
			   struct forecast *ret_forecast)
{
	const struct sample *base = &climb->base, *last = &climb->last;
	int64_t growth = (int64_t)last->map_count - base->map_count;
	int64_t mapping = last->mapping - base->mapping;
	uint64_t opened = last->opened - base->opened, closed = last->closed - base->closed;
	double seconds = (double)(last->ts_ns - base->ts_ns) / 1e9, left, eta_s;
	/* Splits end when all is split; maps go on until the limit. */
	int64_t enough = mapping * 2 >= growth ? thresholds->limit * 3LL / 16 : thresholds->limit * 5LL / 8;

	if (!base->ts_ns || growth < enough || growth <= 0 || seconds <= 0 || closed * 4 > opened)
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
		unsigned int used = history_read(history, level, samples);
		unsigned int skip = used > EXHAUST_WINDOWS + 1 ? used - (EXHAUST_WINDOWS + 1) : 0;

		if (used < EXHAUST_WINDOWS + 1)
			break;
		trend_rise(samples + skip, used - skip, &rise);
		if (rise.falling || rise.growth < limit / 16 || rise.second_half * 2 < rise.first_half)
			continue;
		if (rise.span_s >= 1 && rise.closed * 2 <= rise.opened)
			return true;
	}
	return false;
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
