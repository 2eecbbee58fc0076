/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/detect.c: the limit within the horizon, fast climbs, refusals; each threshold from both sides. */
#include "fake.h"

#include "detect.h"

static struct verdict exhaustion_of_history(const struct history *history, const struct climb *climb,
					    const struct thresholds *thresholds, double now_s)
{
	struct verdict verdict;

	memset(&verdict, 0xff, sizeof(verdict));
	detect_exhaustion(history, climb, thresholds, fake_ns(now_s), &verdict);
	assert_int_equal(verdict.kind, FINDING_EXHAUSTION);
	return verdict;
}

static enum severity exhaustion_of(const struct past *past, uint32_t limit)
{
	static const struct climb none;
	struct thresholds thresholds;
	struct history history;

	thresholds_default(&thresholds, limit);
	past_make(&history, past);
	return exhaustion_of_history(&history, &none, &thresholds, past_end_s(past)).severity;
}

/* ---- exhaustion by the forecast ---- */

/* A sixteenth of the limit within five windows makes the forecast worth a word. */
static void exhaustion_growth_floor(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		int64_t growth = LIMIT / 16 + off;
		struct past past = {1, 5, growth, 0, growth, 40000};

		assert_int_equal(exhaustion_of(&past, LIMIT), off >= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
	}
}

static void exhaustion_takes_five_windows_and_a_second(void **state)
{
	struct past short_one = {0.24, 4, 20000, 0, 20000, 30}, long_one = {0.25, 5, 20000, 0, 20000, 30};

	(void)state;
	for (unsigned int windows = 1; windows <= 7; windows++) {
		struct past past = {1, windows, 20000, 0, 20000, 30};

		assert_int_equal(exhaustion_of(&past, LIMIT) != SEVERITY_NONE, windows >= 5);
	}
	assert_int_equal(exhaustion_of(&short_one, LIMIT), SEVERITY_NONE);
	assert_int_equal(exhaustion_of(&long_one, LIMIT), SEVERITY_CRITICAL);
}

/* stress-ng climbs high too, but closes as much as it opens. */
static void exhaustion_keeps_half(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct past past = {1, 5, 20000, 20000 + off, 20000, 30};

		assert_int_equal(exhaustion_of(&past, LIMIT) != SEVERITY_NONE, off <= 0);
	}
}

static void exhaustion_does_not_fall(void **state)
{
	static const uint32_t counts[] = {0, 5000, 10000, 15000, 14999, 25000};
	static const struct climb none;
	struct thresholds thresholds;
	struct history history;

	(void)state;
	thresholds_default(&thresholds, LIMIT);
	fake_history(&history, 1, counts, COUNT(counts));
	assert_int_equal(exhaustion_of_history(&history, &none, &thresholds, 5).severity, SEVERITY_NONE);
}

/* 40 000 maps at 200 a second; the limit is put where it is so many seconds away, and 5 ms more or less. */
static enum severity severity_at(double eta_s, int off, double horizon_s, double critical_s)
{
	struct past past = {20, 10, 40000, 0, 40000, 0};
	struct thresholds thresholds = {.limit = (uint32_t)(40000 + eta_s * 200 - 1 + off)};
	static const struct climb none;
	struct history history;

	thresholds.horizon_s = horizon_s;
	thresholds.critical_s = critical_s;
	past_make(&history, &past);
	return exhaustion_of_history(&history, &none, &thresholds, 200).severity;
}

static void severities_by_horizon(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		assert_int_equal(severity_at(300, off, 3600, 300), off <= 0 ? SEVERITY_CRITICAL : SEVERITY_WARNING);
		assert_int_equal(severity_at(1000, off, 1000, 300), off <= 0 ? SEVERITY_WARNING : SEVERITY_NONE);
		/* a horizon nearer than critical: what lies beyond it is not wanted at all */
		assert_int_equal(severity_at(100, off, 100, 300), off <= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
	}
}

/* Seconds of a rise say nothing about hours to come: seven times what was seen, and no further. */
static void exhaustion_within_reach_of_the_evidence(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		/* 500 a second for 10 s: the end may be 70 s away, or 2 ms more or less */
		struct past past = {1, 10, 5000, 0, 5000, 0};
		uint32_t limit = (uint32_t)(5000 + 70 * 500 - 1 + off);

		assert_int_equal(exhaustion_of(&past, limit), off <= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
	}
}

/* A cache that fills ever slower: whatever its slope says, it has begun to end. */
static void exhaustion_does_not_level_off(void **state)
{
	static const struct climb none;
	struct thresholds thresholds;
	struct history history;

	(void)state;
	thresholds_default(&thresholds, LIMIT);
	for (unsigned int tau_s = 4; tau_s <= 32; tau_s *= 2) {
		history_reset(&history);
		for (unsigned int tick = 0; tick <= 4 * tau_s; tick++) {
			struct sample sample = fake_sample(tick, (uint32_t)(20000 * (1 - exp(-(double)tick / tau_s))));

			history_add(&history, &sample);
			assert_int_equal(exhaustion_of_history(&history, &none, &thresholds, tick).severity,
					 SEVERITY_NONE);
		}
	}
}

/* A slow leak ends within the horizon too: the growth floor of quick climbs must not hide that. */
static void exhaustion_of_a_slow_leak(void **state)
{
	static const struct climb none;
	struct thresholds thresholds;
	struct history history;

	(void)state;
	thresholds_default(&thresholds, 4096);
	history_reset(&history);
	for (unsigned int tick = 0; tick <= 600; tick++) {
		struct sample sample = fake_sample(tick, 30 + tick);

		history_add(&history, &sample);
	}
	assert_int_equal(exhaustion_of_history(&history, &none, &thresholds, 600).severity, SEVERITY_WARNING);
}

static void exhaustion_with_nothing_known(void **state)
{
	static const struct climb none;
	struct thresholds thresholds;
	struct verdict verdict;

	(void)state;
	thresholds_default(&thresholds, LIMIT);
	verdict = exhaustion_of_history(NULL, &none, &thresholds, 0);
	assert_int_equal(verdict.severity, SEVERITY_NONE);
	assert_true(isinf(verdict.forecast.eta_s));
}

/* ---- exhaustion by a climb that outruns the sampling ---- */

/* From `from` to `to` maps in seconds_s, of which `mapped` by mmap; `closed` went meanwhile. */
static struct climb climb_of(uint32_t from, uint32_t to, double seconds_s, int64_t mapped, uint64_t closed)
{
	struct climb climb = {.base = fake_sample(0, from), .last = fake_sample(seconds_s, to)};

	/* running sums: what was before is no part of the climb */
	climb.base.opened = climb.base.closed = 1000000;
	climb.base.mapping = 1000000;
	climb.last.opened = 1000000 + to - from + closed;
	climb.last.closed = 1000000 + closed;
	climb.last.mapping = 1000000 + mapped;
	climb.middle = climb.base;
	return climb;
}

static enum severity climb_severity(const struct climb *climb, uint32_t limit)
{
	struct thresholds thresholds;

	thresholds_default(&thresholds, limit);
	return exhaustion_of_history(NULL, climb, &thresholds, 100).severity;
}

static void climb_of_maps(void **state)
{
	const int64_t enough = 64000 * 3 / 16;

	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct climb climb = climb_of(0, (uint32_t)(enough + off), 0.01, enough, 0);

		assert_int_equal(climb_severity(&climb, 64000), off >= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
	}
}

/* stress-ng --mmap splits its way from 171 to 24 131 maps within a second, and back. */
static void climb_of_splits_takes_more(void **state)
{
	const int64_t enough = 64000 * 5 / 8;

	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct climb climb = climb_of(0, (uint32_t)(enough + off), 0.01, 0, 0);

		assert_int_equal(climb_severity(&climb, 64000), off >= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
		climb = climb_of(0, 20000, 0.01, 10000 + off, 0); /* half of it mapped counts as mapped */
		assert_int_equal(climb_severity(&climb, 64000), off >= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
	}
}

/* Within ten seconds: what is slower is for the forecast. */
static void climb_has_to_be_fast(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		/* 32 000 done, 32 000 to go to the refusal at 64 001 */
		struct climb climb = climb_of(1, 32001, 10 + off * 0.001, 32000, 0);

		assert_int_equal(climb_severity(&climb, 64000), off <= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
	}
}

static void climb_that_closes_is_churn(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct climb climb = climb_of(0, 30000, 0.1, 30000, (uint64_t)(10000 + off)); /* a quarter of opened */

		assert_int_equal(climb_severity(&climb, 64000), off <= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
	}
}

/* Below its peak it refills what it had: that ends, so it takes as much as splits. */
static void climb_below_the_peak_takes_more(void **state)
{
	const int64_t enough = 64000 * 5 / 8;

	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct climb climb = climb_of(0, (uint32_t)(enough + off), 0.01, enough, 0);

		climb.last.at_peak = 0;
		assert_int_equal(climb_severity(&climb, 64000), off >= 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
	}
}

static void climb_forecast(void **state)
{
	struct climb climb = climb_of(1, 32001, 1, 32000, 0);
	struct thresholds thresholds;
	struct verdict verdict;

	(void)state;
	thresholds_default(&thresholds, 64000);
	verdict = exhaustion_of_history(NULL, &climb, &thresholds, 1);
	assert_near(verdict.forecast.rate_per_s, 32000);
	assert_near(verdict.forecast.eta_s, 1);
	/* one slope only: a wide range */
	assert_near(verdict.forecast.eta_low_s, 0.5);
	assert_near(verdict.forecast.eta_high_s, 2);
	climb.last.map_count = 70000; /* past the limit: now */
	verdict = exhaustion_of_history(NULL, &climb, &thresholds, 1);
	assert_int_equal(verdict.severity, SEVERITY_CRITICAL);
	assert_near(verdict.forecast.eta_s, 0);
}

static void note(struct climb *climb, double at_s, uint32_t map_count)
{
	struct sample sample = fake_sample(at_s, map_count);

	climb_note(climb, &sample, LIMIT);
}

/* From the first maps on, called at the second eighth: three quarters of the way before the failure. */
static void climb_by_steps_alone(void **state)
{
	struct climb climb = {0};

	(void)state;
	note(&climb, 0, 25);
	assert_int_equal(climb_severity(&climb, LIMIT), SEVERITY_NONE);
	note(&climb, 0.012, 8192);
	assert_int_equal(climb_severity(&climb, LIMIT), SEVERITY_NONE);
	note(&climb, 0.024, 16383);
	assert_int_equal(climb_severity(&climb, LIMIT), SEVERITY_CRITICAL);
}

static void climb_begins_at_the_lowest(void **state)
{
	struct climb climb = {0};

	(void)state;
	note(&climb, 0, 100);
	note(&climb, 0.1, 100);
	assert_int_equal(climb.base.ts_ns, fake_ns(0.1));
	note(&climb, 0.2, 101);
	assert_int_equal(climb.base.ts_ns, fake_ns(0.1));
	note(&climb, 0.3, 99);
	assert_int_equal(climb.base.ts_ns, fake_ns(0.3));
	assert_int_equal(climb.last.ts_ns, fake_ns(0.3));
}

/* A fall by more than an eighth of the limit ends a climb. */
static void climb_ends_with_a_fall(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct climb climb = {0};

		note(&climb, 0, 100);
		note(&climb, 0.1, 30000);
		note(&climb, 0.2, (uint32_t)(30000 - (int)LIMIT / 8 + off));
		assert_int_equal(climb.base.ts_ns, fake_ns(off < 0 ? 0.2 : 0));
	}
}

/* Two to four seconds of memory: slow growth never looks like a climb. */
static void climb_forgets(void **state)
{
	struct climb climb = {0};

	(void)state;
	for (unsigned int tick = 0; tick <= 40; tick++) {
		note(&climb, tick * 0.25, 100 + tick);
		assert_true(climb.last.ts_ns - climb.base.ts_ns <= 5 * SECOND);
		if (tick > 20)
			assert_true(climb.last.ts_ns - climb.base.ts_ns >= 2 * SECOND);
	}
}

/* High, and then flat: the alarm is over in seconds, not when the process ends. */
static void climb_that_stops(void **state)
{
	struct climb climb = {0};

	(void)state;
	note(&climb, 0, 25);
	note(&climb, 0.1, 40000);
	assert_int_equal(climb_severity(&climb, LIMIT), SEVERITY_CRITICAL);
	for (unsigned int tick = 1; tick <= 8; tick++)
		note(&climb, tick, 40000);
	assert_int_equal(climb_severity(&climb, LIMIT), SEVERITY_NONE);
}

/* ---- enomem ---- */

static enum severity enomem_of(uint64_t last_fail_ns, uint64_t now_ns)
{
	struct verdict verdict;

	memset(&verdict, 0xff, sizeof(verdict));
	detect_enomem(last_fail_ns, now_ns, &verdict);
	assert_int_equal(verdict.kind, FINDING_ENOMEM);
	return verdict.severity;
}

static void enomem_is_remembered_for_a_minute(void **state)
{
	const uint64_t failed_ns = 500 * SECOND, over_ns = failed_ns + 60 * SECOND;

	(void)state;
	assert_int_equal(enomem_of(0, 0), SEVERITY_NONE);
	assert_int_equal(enomem_of(0, SECOND), SEVERITY_NONE);
	assert_int_equal(enomem_of(failed_ns, failed_ns), SEVERITY_CRITICAL);
	assert_int_equal(enomem_of(failed_ns, failed_ns - 1), SEVERITY_CRITICAL); /* two clocks, a moment apart */
	assert_int_equal(enomem_of(failed_ns, over_ns - 1), SEVERITY_CRITICAL);
	assert_int_equal(enomem_of(failed_ns, over_ns), SEVERITY_NONE);
	assert_int_equal(enomem_of(failed_ns, over_ns + 1), SEVERITY_NONE);
}

static void enomem_is_now(void **state)
{
	struct verdict verdict;

	(void)state;
	detect_enomem(SECOND, SECOND, &verdict);
	assert_near(verdict.forecast.eta_s, 0);
	assert_near(verdict.forecast.eta_high_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exhaustion_growth_floor),
		cmocka_unit_test(exhaustion_takes_five_windows_and_a_second),
		cmocka_unit_test(exhaustion_keeps_half),
		cmocka_unit_test(exhaustion_does_not_fall),
		cmocka_unit_test(severities_by_horizon),
		cmocka_unit_test(exhaustion_within_reach_of_the_evidence),
		cmocka_unit_test(exhaustion_does_not_level_off),
		cmocka_unit_test(exhaustion_of_a_slow_leak),
		cmocka_unit_test(exhaustion_with_nothing_known),
		cmocka_unit_test(climb_of_maps),
		cmocka_unit_test(climb_of_splits_takes_more),
		cmocka_unit_test(climb_has_to_be_fast),
		cmocka_unit_test(climb_that_closes_is_churn),
		cmocka_unit_test(climb_below_the_peak_takes_more),
		cmocka_unit_test(climb_forecast),
		cmocka_unit_test(climb_by_steps_alone),
		cmocka_unit_test(climb_begins_at_the_lowest),
		cmocka_unit_test(climb_ends_with_a_fall),
		cmocka_unit_test(climb_forgets),
		cmocka_unit_test(climb_that_stops),
		cmocka_unit_test(enomem_is_remembered_for_a_minute),
		cmocka_unit_test(enomem_is_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
