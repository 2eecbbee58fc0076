/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/trend.c: slopes and rises. */
#include "fake.h"

#include "trend.h"

/* A sample a second. */
static unsigned int series(struct sample *samples, const uint32_t *map_counts, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		samples[i] = fake_sample(i, map_counts[i]);
	return count;
}

#define SERIES(samples, ...) series(samples, (const uint32_t[]){__VA_ARGS__}, COUNT(((const uint32_t[]){__VA_ARGS__})))

static void slope_is(const struct slope *slope, double low, double median, double high)
{
	assert_near(slope->low, low);
	assert_near(slope->median, median);
	assert_near(slope->high, high);
}

static void too_few_samples(void **state)
{
	struct sample samples[1];
	struct slope slope;
	struct rise rise;

	(void)state;
	for (unsigned int count = 0; count <= 1; count++) {
		memset(&slope, 0xff, sizeof(slope));
		memset(&rise, 0xff, sizeof(rise));
		SERIES(samples, 500);
		trend_slope(samples, count, &slope);
		trend_rise(samples, count, &rise);
		assert_int_equal(slope.pairs, 0);
		slope_is(&slope, 0, 0, 0);
		assert_int_equal(rise.windows, 0);
		assert_int_equal(rise.growth, 0);
	}
}

static void slopes_of_lines(void **state)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct slope slope;

	(void)state;
	trend_slope(samples, SERIES(samples, 10, 15), &slope);
	assert_int_equal(slope.pairs, 1);
	slope_is(&slope, 5, 5, 5);
	trend_slope(samples, SERIES(samples, 0, 7, 14, 21, 28), &slope);
	assert_int_equal(slope.pairs, 10);
	slope_is(&slope, 7, 7, 7);
	trend_slope(samples, SERIES(samples, 9, 9, 9, 9), &slope);
	slope_is(&slope, 0, 0, 0);
	/* counts are unsigned, their differences are not */
	trend_slope(samples, SERIES(samples, UINT32_MAX, UINT32_MAX - 3, UINT32_MAX - 6), &slope);
	slope_is(&slope, -3, -3, -3);
	trend_slope(samples, SERIES(samples, 0, UINT32_MAX), &slope);
	slope_is(&slope, UINT32_MAX, UINT32_MAX, UINT32_MAX);
}

static void slopes_are_per_second(void **state)
{
	struct sample samples[2] = {fake_sample(0, 0), fake_sample(0.25, 100)};
	struct slope slope;

	(void)state;
	trend_slope(samples, 2, &slope);
	slope_is(&slope, 400, 400, 400);
	samples[1] = fake_sample(16384, 16384);
	trend_slope(samples, 2, &slope);
	slope_is(&slope, 1, 1, 1);
}

static void median_of_an_even_number_of_pairs(void **state)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct slope slope;

	(void)state;
	/* slopes by pair: 0, 3, 6 (x2: 0-1 1-2 2-3), 1.5, 4.5, 3 */
	trend_slope(samples, SERIES(samples, 0, 0, 3, 9), &slope);
	assert_int_equal(slope.pairs, 6);
	assert_near(slope.median, 3);
	assert_near(slope.low, 0);
	assert_near(slope.high, 6);
}

/* A quarter of the samples may be anything at all: the median slope stays near the truth. */
static void one_outlier_does_not_move_the_median(void **state)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct slope slope;

	(void)state;
	for (unsigned int at = 0; at < HISTORY_SAMPLES; at++) {
		for (unsigned int i = 0; i < HISTORY_SAMPLES; i++)
			samples[i] = fake_sample(i, 1000 + i * 10);
		samples[at].map_count = 60000;
		trend_slope(samples, HISTORY_SAMPLES, &slope);
		assert_near(slope.median, 10);
	}
}

/* Of 78 pairs, seven are below the tenth part and seven above the nine tenths. */
static void quantiles_by_count(void **state)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct slope slope;
	unsigned int below = 0, above = 0;
	uint64_t seed = 12;

	(void)state;
	for (unsigned int i = 0; i < HISTORY_SAMPLES; i++)
		samples[i] = fake_sample(i * i + 1.0, fake_below(&seed, 1000000)); /* no two slopes alike */
	trend_slope(samples, HISTORY_SAMPLES, &slope);
	for (unsigned int i = 0; i < HISTORY_SAMPLES; i++) {
		for (unsigned int j = i + 1; j < HISTORY_SAMPLES; j++) {
			double pair = ((double)samples[j].map_count - samples[i].map_count) / (j * j - i * i);

			below += pair < slope.low - 1e-9;
			above += pair > slope.high + 1e-9;
		}
	}
	assert_int_equal(slope.pairs, 78);
	assert_int_equal(below, 7);
	assert_int_equal(above, 7);
}

static void quantiles_are_in_order(void **state)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct slope slope;
	uint64_t seed = 2;

	(void)state;
	for (unsigned int round = 0; round < 2000; round++) {
		unsigned int count = 2 + fake_below(&seed, TREND_SAMPLES_MAX - 1);

		for (unsigned int i = 0; i < count; i++)
			samples[i] = fake_sample(i, fake_below(&seed, 1000));
		trend_slope(samples, count, &slope);
		assert_int_equal(slope.pairs, count * (count - 1) / 2);
		assert_true(slope.low <= slope.median && slope.median <= slope.high);
	}
}

static void samples_of_one_instant_make_no_pair(void **state)
{
	struct sample samples[] = {fake_sample(1, 5), fake_sample(1, 500), fake_sample(2, 10)};
	struct slope slope;

	(void)state;
	trend_slope(samples, 2, &slope);
	assert_int_equal(slope.pairs, 0);
	trend_slope(samples, 3, &slope);
	assert_int_equal(slope.pairs, 2);
	assert_true(isfinite(slope.low) && isfinite(slope.high));
}

static void rises_and_falls(void **state)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct rise rise;

	(void)state;
	trend_rise(samples, SERIES(samples, 10, 10, 12, 11, 20), &rise);
	assert_int_equal(rise.windows, 4);
	assert_int_equal(rise.rising, 2);
	assert_int_equal(rise.falling, 1);
	assert_near(rise.span_s, 4);
	assert_int_equal(rise.growth, 10);
	assert_int_equal(rise.first_half, 2);
	assert_int_equal(rise.second_half, 8);
	trend_rise(samples, SERIES(samples, 20, 5), &rise);
	assert_int_equal(rise.windows, 1);
	assert_int_equal(rise.falling, 1);
	assert_int_equal(rise.growth, -15);
}

/* With an odd number of windows the earlier half has one more: a line must not look as if it levelled off much. */
static void halves_of_a_line(void **state)
{
	struct sample samples[TREND_SAMPLES_MAX];
	struct rise rise;

	(void)state;
	for (unsigned int count = 2; count <= TREND_SAMPLES_MAX; count++) {
		for (unsigned int i = 0; i < count; i++)
			samples[i] = fake_sample(i, i * 100);
		trend_rise(samples, count, &rise);
		assert_int_equal(rise.first_half + rise.second_half, rise.growth);
		assert_in_range(rise.first_half - rise.second_half, 0, 100);
	}
}

/*
 * Alarms come in between the ticks, and nothing does while mmaptrace is stopped:
 * halves are halves of the time. A line stays a line, however it is sampled.
 */
static void halves_of_a_line_sampled_unevenly(void **state)
{
	static const double times_s[][9] = {
		{0, 1, 2, 3, 4, 5, 5.25, 5.5, 5.75}, /* alarms at the end */
		{0, 0.25, 0.5, 0.75, 1, 2, 3, 4, 5}, /* at the beginning */
		{0, 1, 2, 3, 4, 64, 65, 66, 67},     /* a gap */
	};
	struct sample samples[9];
	struct rise rise;

	(void)state;
	for (unsigned int row = 0; row < COUNT(times_s); row++) {
		for (unsigned int i = 0; i < 9; i++)
			samples[i] = fake_sample(times_s[row][i], (uint32_t)(times_s[row][i] * 400));
		trend_rise(samples, 9, &rise);
		assert_true(rise.second_half * 5 >= rise.first_half * 4);
		assert_true(rise.first_half * 5 >= rise.second_half * 4);
	}
}

static void rise_adds_up_the_counters(void **state)
{
	struct sample samples[3] = {fake_sample(0, 100), fake_sample(1, 150), fake_sample(2, 130)};
	struct rise rise;

	(void)state;
	samples[0].opened = 1000;
	samples[0].closed = 900;
	samples[0].mapping = 50;
	samples[2].opened = 1100;
	samples[2].closed = 970;
	samples[2].mapping = -20;
	trend_rise(samples, 3, &rise);
	assert_int_equal(rise.opened, 100);
	assert_int_equal(rise.closed, 70);
	assert_int_equal(rise.mapping, -70);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_few_samples),
		cmocka_unit_test(slopes_of_lines),
		cmocka_unit_test(slopes_are_per_second),
		cmocka_unit_test(median_of_an_even_number_of_pairs),
		cmocka_unit_test(one_outlier_does_not_move_the_median),
		cmocka_unit_test(quantiles_by_count),
		cmocka_unit_test(quantiles_are_in_order),
		cmocka_unit_test(samples_of_one_instant_make_no_pair),
		cmocka_unit_test(rises_and_falls),
		cmocka_unit_test(halves_of_a_line),
		cmocka_unit_test(halves_of_a_line_sampled_unevenly),
		cmocka_unit_test(rise_adds_up_the_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
