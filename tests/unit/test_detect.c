/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/detect.c: leaks, each threshold from both sides. test_detect_exhaustion.c has the rest. */
#include "fake.h"

#include "detect.h"

static struct verdict leak_of_history(const struct history *history, uint32_t limit, double now_s)
{
	struct thresholds thresholds;
	struct verdict verdict;

	memset(&verdict, 0xff, sizeof(verdict));
	thresholds_default(&thresholds, limit);
	detect_leak(history, &thresholds, fake_ns(now_s), &verdict);
	assert_int_equal(verdict.kind, FINDING_LEAK);
	return verdict;
}

static bool is_leak(const struct past *past, uint32_t limit)
{
	struct history history;

	past_make(&history, past);
	return leak_of_history(&history, limit, past_end_s(past)).severity != SEVERITY_NONE;
}

static void defaults(void **state)
{
	struct thresholds thresholds;

	(void)state;
	memset(&thresholds, 0xff, sizeof(thresholds));
	thresholds_default(&thresholds, 1048576);
	assert_int_equal(thresholds.limit, 1048576);
	assert_near(thresholds.horizon_s, 3600);
	assert_near(thresholds.critical_s, 300);
}

/* ---- leak ---- */

/* How much growth it takes: the shorter the evidence, the more. */
static void leak_growth_floors(void **state)
{
	static const struct {
		double step_s;
		unsigned int windows;
		uint32_t limit;
		int64_t floor;
	} rows[] = {
		{0.25, 12, LIMIT, LIMIT / 32},	/* 3 s */
		{0.334, 12, LIMIT, LIMIT / 64}, /* 4 s */
		{1, 8, LIMIT, LIMIT / 64},
		{1.99, 8, LIMIT, LIMIT / 64},
		{2, 8, LIMIT, LIMIT / 128}, /* 16 s */
		{14, 8, LIMIT, LIMIT / 128},
		{15, 8, LIMIT, LIMIT / 256}, /* 120 s */
		{1, 8, 1048576, 16384},
		{0.25, 12, 1000, 32}, /* never below 32 maps */
		{1, 8, 2048, 32},
		{1, 8, 64, 32},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (int off = -1; off <= 1; off++) {
			int64_t growth = rows[i].floor + off;
			struct past past = {rows[i].step_s, rows[i].windows, growth, 0, growth, 30};

			assert_int_equal(is_leak(&past, rows[i].limit), off >= 0);
		}
	}
}

static void leak_takes_eight_windows(void **state)
{
	(void)state;
	for (unsigned int windows = 2; windows <= 12; windows++) {
		struct past past = {1, windows, 8000, 0, 8000, 30};

		assert_int_equal(is_leak(&past, LIMIT), windows >= 8);
	}
}

/* Of the finest windows, twelve: a jump that takes two seconds is no leak. */
static void leak_takes_three_seconds(void **state)
{
	(void)state;
	for (unsigned int windows = 8; windows <= 14; windows++) {
		struct past past = {0.25, windows, 8000, 0, 8000, 30};

		assert_int_equal(is_leak(&past, LIMIT), windows >= 12);
	}
}

/* A leak has a warning's severity and a forecast of its own. */
static void leak_verdict(void **state)
{
	struct past past = {1, 12, 6000, 0, 6000, 30};
	struct history history;
	struct verdict verdict;

	(void)state;
	past_make(&history, &past);
	verdict = leak_of_history(&history, LIMIT, 12);
	assert_int_equal(verdict.severity, SEVERITY_WARNING);
	assert_near(verdict.forecast.rate_per_s, 500);
	assert_near(verdict.forecast.eta_s, (LIMIT + 1 - 6030) / 500.0);
}

static void nothing_says_nothing(void **state)
{
	struct history history;
	struct verdict verdict;

	(void)state;
	history_reset(&history);
	verdict = leak_of_history(&history, LIMIT, 0);
	assert_int_equal(verdict.severity, SEVERITY_NONE);
	assert_true(isinf(verdict.forecast.eta_s));
}

/* Leaks under a load that pauses: one window may stand still, none may fall. */
static void leak_rises_window_after_window(void **state)
{
	static const struct {
		uint32_t counts[9];
		bool leak;
	} rows[] = {
		{{0, 200, 400, 600, 800, 1000, 1200, 1400, 1600}, true},
		{{0, 200, 400, 600, 800, 800, 1200, 1400, 1600}, true},
		{{0, 200, 400, 600, 800, 800, 1200, 1400, 1400}, false},
		{{0, 200, 400, 600, 800, 799, 1200, 1400, 1600}, false},
		{{0, 200, 400, 600, 800, 1000, 1200, 1400, 1399}, false},
		{{0, 0, 200, 400, 600, 800, 1000, 1200, 1400}, false}, /* only just begun */
		{{0, 0, 0, 0, 0, 0, 0, 0, 1600}, false},	       /* a jump */
		{{1600, 1400, 1200, 1000, 800, 600, 400, 200, 0}, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct history history;

		fake_history(&history, 1, rows[i].counts, 9);
		assert_int_equal(leak_of_history(&history, LIMIT, 8).severity != SEVERITY_NONE, rows[i].leak);
	}
}

/*
 * The second half keeps seven eighths of the first one's pace, but for chance
 * (one sigma): 4000, then 3414; 3414 + sqrt(7414) is just 3500.
 */
static void leak_does_not_level_off(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct history history;
		uint32_t counts[9];

		for (uint32_t i = 0; i < 9; i++)
			counts[i] = i <= 4 ? i * 1000 : 4000 + (i - 4) * 3414 / 4;
		counts[8] = (uint32_t)(4000 + 3414 + off);
		fake_history(&history, 1, counts, 9);
		assert_int_equal(leak_of_history(&history, LIMIT, 8).severity != SEVERITY_NONE, off >= 0);
	}
}

/* A collector's flank: as high as before, and down again. A leak goes where the process has never been. */
static void leak_makes_new_highs(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct history history;
		uint32_t counts[12] = {(uint32_t)(5000 - off), 2000};

		for (uint32_t i = 2; i < 12; i++)
			counts[i] = 2000 + (i - 1) * 300;
		counts[11] = 5000;
		fake_history(&history, 1, counts, 12);
		assert_int_equal(leak_of_history(&history, LIMIT, 11).severity != SEVERITY_NONE, off > 0);
	}
}

/*
 * After two minutes of nothing but growth what was before no longer counts: it
 * may have been another phase of life. And so at every tick from then on, not
 * just when a window has come full.
 */
static void leak_below_an_old_high(void **state)
{
	struct sample sample = fake_sample(0, 60000);
	struct history history;

	(void)state;
	history_reset(&history);
	history_add(&history, &sample);
	for (unsigned int tick = 1; tick <= 400; tick++) {
		sample = fake_sample(tick, 2000 + tick * 50);
		history_add(&history, &sample);
		if (tick < 100)
			assert_int_equal(leak_of_history(&history, LIMIT, tick).severity, SEVERITY_NONE);
		if (tick > 150)
			assert_int_equal(leak_of_history(&history, LIMIT, tick).severity, SEVERITY_WARNING);
	}
}

/* Ten maps opened for one closed: mmap calls outrun munmap calls. */
static void leak_within_seconds_keeps_nine_of_ten(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		/* opened = growth + closed; closed * 10 <= opened */
		struct past past = {1, 8, 9000, 1000 + off, 9000, 30};

		assert_int_equal(is_leak(&past, LIMIT), off <= 0);
	}
}

/* Splits end when all is split: three quarters of quick growth have to be mapped. */
static void leak_within_seconds_is_mapped(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct past past = {1, 8, 8000, 0, 6000 + off, 30};

		assert_int_equal(is_leak(&past, LIMIT), off >= 0);
	}
}

/* Mooncake#3639: madvise splits, mmap and munmap balance. Told from a saw-tooth's flank by its length. */
static void leak_by_splits_takes_sixteen_seconds(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct past past = {2 + off * 0.001, 8, 4000, 0, 0, 30};

		assert_int_equal(is_leak(&past, LIMIT), off >= 0);
	}
}

/* Ten maps a minute: days to go, and found out within the day. */
static void leak_over_hours(void **state)
{
	struct past past = {4096, 8, 5461, 0, 5461, 30};

	(void)state;
	assert_true(is_leak(&past, LIMIT));
}

/* The present counts: what leaked an hour ago and stands still since is no leak now. */
static void leak_that_has_ended(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick <= 1200; tick++) {
		struct sample sample = fake_sample(tick, tick < 600 ? tick * 10 : 6000);

		history_add(&history, &sample);
	}
	assert_int_equal(leak_of_history(&history, LIMIT, 1200).severity, SEVERITY_NONE);
}

/* ---- is a leak over? ---- */

static bool goes_on(double step_s, const uint32_t *counts, unsigned int count)
{
	struct history history;

	fake_history(&history, step_s, counts, count);
	return detect_goes_on(&history);
}

#define GOES_ON(step_s, ...) goes_on(step_s, (const uint32_t[]){__VA_ARGS__}, COUNT(((const uint32_t[]){__VA_ARGS__})))

/* Slower is not over; flat is, and falling is. Eight seconds tell. */
static void what_still_grows_goes_on(void **state)
{
	(void)state;
	assert_true(GOES_ON(1, 0, 9, 9, 9, 9, 10, 10, 10, 10, 11));
	assert_false(GOES_ON(1, 0, 9, 9, 9, 9, 9, 9, 9, 9, 9));
	assert_false(GOES_ON(1, 0, 1, 2, 3, 4, 5, 6, 7, 8, 7));
	assert_false(GOES_ON(1, 0, 1, 2, 3, 4, 5, 6, 7)); /* 7 s */
	assert_true(GOES_ON(1, 0, 1, 2, 3, 4, 5, 6, 7, 8));
	assert_true(GOES_ON(4, 5, 6, 7));
	assert_false(GOES_ON(1, 50, 1, 2, 3, 4, 5, 6, 7, 8, 9)); /* lower than it has been: a flank */
	assert_false(GOES_ON(1, 0));
}

static void nothing_known_does_not_go_on(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	assert_false(detect_goes_on(&history));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(leak_growth_floors),
		cmocka_unit_test(leak_takes_eight_windows),
		cmocka_unit_test(leak_takes_three_seconds),
		cmocka_unit_test(leak_verdict),
		cmocka_unit_test(nothing_says_nothing),
		cmocka_unit_test(leak_rises_window_after_window),
		cmocka_unit_test(leak_does_not_level_off),
		cmocka_unit_test(leak_makes_new_highs),
		cmocka_unit_test(leak_below_an_old_high),
		cmocka_unit_test(leak_within_seconds_keeps_nine_of_ten),
		cmocka_unit_test(leak_within_seconds_is_mapped),
		cmocka_unit_test(leak_by_splits_takes_sixteen_seconds),
		cmocka_unit_test(leak_over_hours),
		cmocka_unit_test(leak_that_has_ended),
		cmocka_unit_test(what_still_grows_goes_on),
		cmocka_unit_test(nothing_known_does_not_go_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
