/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/detect.c: the limit within the horizon, fast climbs, refusals; each threshold from both sides. */
#include "view_fixture.h"

#include "detect.h"

static const struct views nothing;

static struct verdict exhaustion_of(const struct views *views, const struct climb *climb,
				    const struct thresholds *thresholds)
{
	struct verdict verdict, leak;

	memset(&verdict, 0xff, sizeof(verdict));
	detect_leak(views, 0, thresholds, 0, &leak);
	detect_exhaustion(views, climb, &leak, thresholds, 0, &verdict);
	assert_int_equal(verdict.kind, FINDING_EXHAUSTION);
	return verdict;
}

static struct verdict judge(const struct view *view, bool at_peak, double life_s, double horizon_s)
{
	const struct climb climb = {.last = {.map_count = (uint32_t)view->now, .at_peak = at_peak}};
	struct views views = {.count = 1, .grown = view->growth, .span_s = life_s, .at = {*view}};
	struct thresholds thresholds;

	thresholds_default(&thresholds, (uint32_t)ROOM);
	thresholds.horizon_s = horizon_s;
	return exhaustion_of(&views, &climb, &thresholds);
}

#define IS_CALLED(view) (judge(&(view), true, 3600, 3600).severity != SEVERITY_NONE)

/* ---- exhaustion by the forecast ---- */

static void by_its_share_of_the_room(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(3800 + off);

		assert_int_equal(IS_CALLED(view), off >= 0);
		view = steady(4500 + off); /* all of a short life */
		view.span_s = 200;
		assert_int_equal(judge(&view, true, 200, 3600).severity != SEVERITY_NONE, off >= 0);
	}
}

static void by_splits_takes_more(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off += 2) {
		struct view view = steady(5700 + off);

		view.mapped = 0;
		assert_int_equal(IS_CALLED(view), off > 0);
	}
}

static void rises_without_a_fall(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(3900);

		view.tau = 0.8 + off * 0.01;
		assert_int_equal(IS_CALLED(view), off >= 0);
		view = steady(3900);
		view.steps = (unsigned int)(5 + off);
		assert_int_equal(IS_CALLED(view), off >= 0);
		view = steady(3900);
		view.jump = 1950 + off; /* what comes at once is a jump */
		assert_int_equal(IS_CALLED(view), off <= 0);
		view = steady(3900);
		view.first_half = 2600 + off * 2; /* slower than half of what it was */
		view.second_half = 1300 - off * 2;
		assert_false(IS_CALLED(view)); /* and it ends before the limit, too */
	}
}

/* Within seconds splits, and holes refilled, look like growth: it has to map, keep, and be larger than ever. */
static void within_seconds_it_has_to_be_sure(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(3900);

		view.span_s = 15;
		view.opened = 7800;
		view.closed = 3900 + off;
		assert_int_equal(IS_CALLED(view), off <= 0);
		assert_int_equal(judge(&view, false, 3600, 3600).severity, SEVERITY_NONE);
		view.span_s = 16;
		assert_true(IS_CALLED(view));
		assert_int_equal(judge(&view, false, 3600, 3600).severity != SEVERITY_NONE, true);
		view.span_s = 0.99 + off * 0.01;
		view.closed = 0;
		assert_int_equal(IS_CALLED(view), off > 0);
	}
}

/* 5,000 in 600 s: 5,001 to go take 600.12 s. */
static void severities_by_horizon(void **state)
{
	struct view view = steady(5000);

	(void)state;
	assert_int_equal(judge(&view, true, 3600, 601).severity, SEVERITY_WARNING);
	assert_int_equal(judge(&view, true, 3600, 600).severity, SEVERITY_NONE);
	view.span_s = 299; /* 299.06 s to go */
	assert_int_equal(judge(&view, true, 3600, 601).severity, SEVERITY_CRITICAL);
	assert_int_equal(judge(&view, true, 3600, 300).severity, SEVERITY_CRITICAL);
	view.span_s = 301;
	assert_int_equal(judge(&view, true, 3600, 601).severity, SEVERITY_WARNING);
	/* a horizon nearer than critical: what lies beyond it is not wanted at all */
	view.span_s = 250;
	assert_int_equal(judge(&view, true, 3600, 200).severity, SEVERITY_NONE);
}

/* A leak that one file has given away needs no more of the room; seven times what was seen, and no further. */
static void of_a_leak_within_reach(void **state)
{
	struct thresholds thresholds;
	static const struct climb none;

	(void)state;
	thresholds_default(&thresholds, (uint32_t)ROOM);
	for (int off = -1; off <= 1; off++) {
		struct views views = {.count = 1, .grown = 1250, .span_s = 10, .at = {steady(1250 + off * 3)}};
		struct verdict leak, verdict;

		views.at[0].span_s = 10;
		detect_leak(&views, 1250, &thresholds, 0, &leak);
		assert_int_equal(leak.severity, SEVERITY_WARNING);
		detect_exhaustion(&views, &none, &leak, &thresholds, 0, &verdict);
		assert_int_equal(verdict.severity, off > 0 ? SEVERITY_CRITICAL : SEVERITY_NONE);
		assert_int_equal(verdict.basis.one_file, true);
	}
}

/* A danger that has moved a little further away is the same one. */
static void stays_near(void **state)
{
	struct views views = {.count = 1, .at = {steady(5000)}};
	struct forecast forecast = {.eta_low_s = 3600};
	struct thresholds thresholds;

	(void)state;
	thresholds_default(&thresholds, (uint32_t)ROOM);
	assert_true(detect_stays_near(&views, &forecast, &thresholds, 600, 5000 / 600.0));
	forecast.eta_low_s = 3601;
	assert_false(detect_stays_near(&views, &forecast, &thresholds, 600, 5000 / 600.0));
	forecast.eta_low_s = 10;
	views.at[0].growth = 0;
	assert_false(detect_stays_near(&views, &forecast, &thresholds, 600, 5000 / 600.0));
}

/* A cache that fills ever slower: whatever its slope says, it will have ended. */
static void of_a_cache_that_saturates(void **state)
{
	static const struct climb none;
	struct thresholds thresholds;
	struct history history;
	struct views views;

	(void)state;
	thresholds_default(&thresholds, LIMIT);
	for (unsigned int tau_s = 4; tau_s <= 256; tau_s *= 2) {
		history_reset(&history);
		for (unsigned int tick = 0; tick <= 6 * tau_s; tick++) {
			double count = 0.8 * LIMIT * (1 - exp(-(double)tick / tau_s));
			struct sample sample = fake_sample(tick, (uint32_t)count);

			history_add(&history, &sample);
			trend_look(&history, &views);
			assert_int_equal(exhaustion_of(&views, &none, &thresholds).severity, SEVERITY_NONE);
		}
	}
}

static void exhaustion_with_nothing_known(void **state)
{
	static const struct climb none;
	struct thresholds thresholds;
	struct verdict verdict;

	(void)state;
	thresholds_default(&thresholds, LIMIT);
	verdict = exhaustion_of(&nothing, &none, &thresholds);
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
	return exhaustion_of(&nothing, climb, &thresholds).severity;
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
	verdict = exhaustion_of(&nothing, &climb, &thresholds);
	assert_near(verdict.forecast.rate_per_s, 32000);
	assert_near(verdict.forecast.eta_s, 1);
	/* one slope only: a wide range */
	assert_near(verdict.forecast.eta_low_s, 0.5);
	assert_near(verdict.forecast.eta_high_s, 2);
	climb.last.map_count = 70000; /* past the limit: now */
	verdict = exhaustion_of(&nothing, &climb, &thresholds);
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
		cmocka_unit_test(by_its_share_of_the_room),
		cmocka_unit_test(by_splits_takes_more),
		cmocka_unit_test(rises_without_a_fall),
		cmocka_unit_test(within_seconds_it_has_to_be_sure),
		cmocka_unit_test(severities_by_horizon),
		cmocka_unit_test(of_a_leak_within_reach),
		cmocka_unit_test(stays_near),
		cmocka_unit_test(of_a_cache_that_saturates),
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
