/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Samples of any time, count and sum, from damaged copies too, through history,
 * trail, views and forecast: no overflow (the sanitizers see to that), no time
 * out of order, and no NaN. The same numbers each time; FUZZ_SEED and
 * FUZZ_ROUNDS choose others.
 */
#include "fake.h"

#include <stdlib.h>

#include "forecast.h"
#include "trail.h"

#define ROUNDS	   100000
#define LOOK_EVERY 8 /* samples */
#define DAY_NS	   (86400 * SECOND)

struct fuzz {
	uint64_t seed;
	unsigned int round;
	bool wild; /* samples have nothing to do with one another */
	struct trail trail;
	struct packed_trail *packed;
	struct sample sample;
};

static uint64_t setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : fallback;
}

static uint64_t odd_value(uint64_t *seed)
{
	static const uint64_t values[] = {
		0,	    1,		2047,	   2048,       4095,	   4096,      INT32_MAX, 1ULL << 31,
		UINT32_MAX, 1ULL << 42, INT64_MAX, 1ULL << 63, UINT64_MAX, LIMIT + 1, SECOND,
	};

	return fake_below(seed, 2) ? values[fake_below(seed, COUNT(values))]
				   : fake_random(seed) >> fake_below(seed, 64);
}

/* From nanoseconds to months, mostly ticks; now and then back. */
static uint64_t time_next(struct fuzz *fuzz)
{
	uint64_t *seed = &fuzz->seed, now_ns = fuzz->sample.ts_ns;

	switch (fake_below(seed, 40)) {
	case 0:
		return now_ns + fake_random(seed) % (200 * DAY_NS);
	case 1:
		return now_ns + fake_random(seed) % DAY_NS;
	case 2:
		return now_ns - fake_random(seed) % (now_ns / 2 + 1);
	case 3:
		return now_ns + fake_below(seed, 10);
	case 4:
		return fake_below(seed, 50) ? now_ns : odd_value(seed);
	default:
		return now_ns + SECOND / 4 + fake_below(seed, SECOND);
	}
}

static void sample_next(struct fuzz *fuzz)
{
	struct sample *sample = &fuzz->sample;
	uint64_t *seed = &fuzz->seed;

	sample->ts_ns = time_next(fuzz);
	sample->at_peak = fake_below(seed, 2);
	if (fuzz->wild && !fake_below(seed, 4)) {
		sample->map_count = (uint32_t)odd_value(seed);
		sample->opened = odd_value(seed);
		sample->closed = odd_value(seed);
		sample->mapping = (int64_t)odd_value(seed);
		return;
	}
	sample->map_count += fake_below(seed, 100);
	sample->map_count -= fake_below(seed, 4) ? fake_below(seed, 50) : fake_below(seed, 1000);
	sample->opened += fake_below(seed, 100);
	sample->closed += fake_below(seed, 100);
	sample->mapping = (int64_t)((uint64_t)sample->mapping + fake_below(seed, 100));
}

static void is_finite(const struct fuzz *fuzz, double value)
{
	if (!isfinite(value))
		fail_msg("round %u: %g", fuzz->round, value);
}

static void stretches_are_sound(const struct fuzz *fuzz)
{
	static struct stretch stretches[HISTORY_STRETCHES];
	unsigned int count = history_read(&fuzz->trail.history, stretches);

	assert_true(count <= HISTORY_STRETCHES);
	for (unsigned int i = 0; i < count; i++) {
		const struct stretch *stretch = &stretches[i];

		is_finite(fuzz, stretch->begin_s);
		if (!(stretch->begin_s > stretch->end_s) || !(stretch->end_s >= 0))
			fail_msg("round %u: from %g to %g s ago", fuzz->round, stretch->begin_s, stretch->end_s);
		assert_true(stretch->low >= 0 && stretch->low <= stretch->last && stretch->last <= stretch->high);
		assert_true(stretch->high <= UINT32_MAX);
		is_finite(fuzz, stretch->closed);
		is_finite(fuzz, stretch->mapped);
		assert_true(i + 1 < count ? stretch->end_s > 0 : stretch->end_s == 0);
		if (i)
			assert_true(fake_is_near(stretch->begin_s, stretches[i - 1].end_s));
	}
}

static void views_are_sound(const struct fuzz *fuzz, const struct views *views)
{
	is_finite(fuzz, views->grown);
	is_finite(fuzz, views->span_s);
	assert_true(views->count <= VIEWS_MAX);
	for (unsigned int i = 0; i < views->count; i++) {
		const struct view *view = &views->at[i];
		const double values[] = {
			view->span_s,	  view->stays,	     view->swing,	view->growth,
			view->first_half, view->second_half, view->jump,	view->scatter,
			view->opened,	  view->closed,	     view->mapped,	view->before_high,
			view->tau,	  view_rate(view),   view_chance(view), view_credit(view),
		};

		for (size_t j = 0; j < COUNT(values); j++)
			is_finite(fuzz, values[j]);
		assert_true(view->span_s > 0 && (!i || view->span_s > views->at[i - 1].span_s));
		assert_in_range(view->steps, 1, 2 * VIEW_STEPS);
		assert_true(view->tau >= -1 && view->tau <= 1);
		assert_true(view->swing >= 0 && view->scatter >= 0 && view->jump >= 0);
		assert_true(view->opened >= 0 && view->closed >= 0 && view->mapped >= 0);
		assert_true(view_to_come(view) >= 0); /* not NaN */
	}
}

static void forecast_is_sound(struct fuzz *fuzz, const struct views *views)
{
	uint32_t limit = fake_below(&fuzz->seed, 2) ? LIMIT : (uint32_t)odd_value(&fuzz->seed);
	double age_s = fake_below(&fuzz->seed, 2) ? 0 : (double)odd_value(&fuzz->seed) / 1e9;
	struct forecast forecast;

	memset(&forecast, 0xff, sizeof(forecast));
	forecast_make(views, limit, age_s, &forecast);
	is_finite(fuzz, forecast.rate_per_s);
	is_finite(fuzz, forecast.span_s);
	if (!(forecast.eta_low_s >= 0 && forecast.eta_low_s <= forecast.eta_s && forecast.eta_s <= forecast.eta_high_s))
		fail_msg("round %u: %g to %g to %g", fuzz->round, forecast.eta_low_s, forecast.eta_s,
			 forecast.eta_high_s);
}

static void look(struct fuzz *fuzz)
{
	struct trail copy;
	struct views views;

	stretches_are_sound(fuzz);
	trend_look(&fuzz->trail.history, &views);
	views_are_sound(fuzz, &views);
	forecast_is_sound(fuzz, &views);
	assert_int_equal(trail_pack(&fuzz->trail, &fuzz->packed), 0);
	assert_in_range(trail_size(fuzz->packed), 1, 2000);
	trail_unpack(fuzz->packed, &copy);
	assert_memory_equal(&copy.history, &fuzz->trail.history, sizeof(copy.history));
}

static void begin(struct fuzz *fuzz)
{
	trail_reset(&fuzz->trail);
	memset(&fuzz->sample, 0, sizeof(fuzz->sample));
	fuzz->sample.ts_ns = 1 + fake_random(&fuzz->seed) % (400 * DAY_NS);
	fuzz->sample.map_count = fake_below(&fuzz->seed, LIMIT);
	fuzz->wild = fake_below(&fuzz->seed, 2);
}

static void samples_of_any_kind(void **state)
{
	struct fuzz fuzz = {.seed = setting("FUZZ_SEED", 2024)};
	unsigned int rounds = (unsigned int)setting("FUZZ_ROUNDS", ROUNDS);

	(void)state;
	for (fuzz.round = 0; fuzz.round < rounds; fuzz.round++) {
		if (!fuzz.round || !fake_below(&fuzz.seed, 300))
			begin(&fuzz);
		sample_next(&fuzz);
		if (!fake_below(&fuzz.seed, 10))
			history_hold(&fuzz.trail.history, &fuzz.sample,
				     fake_below(&fuzz.seed, 4) ? SECOND : odd_value(&fuzz.seed));
		history_add(&fuzz.trail.history, &fuzz.sample);
		climb_note(&fuzz.trail.climb, &fuzz.sample, LIMIT);
		if (fuzz.round % LOOK_EVERY == 0)
			look(&fuzz);
	}
	free(fuzz.packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_of_any_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
