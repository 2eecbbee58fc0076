/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/detect.c: leaks, each threshold from both sides. test_detect_exhaustion.c has the rest. */
#include "view_fixture.h"

#include "detect.h"

static struct verdict judge(const struct view *view, uint32_t one_file, double life_s)
{
	struct views views = {.count = 1, .grown = view->growth, .span_s = life_s, .at = {*view}};
	struct thresholds thresholds;
	struct verdict verdict;

	memset(&verdict, 0xff, sizeof(verdict));
	thresholds_default(&thresholds, (uint32_t)ROOM);
	detect_leak(&views, one_file, &thresholds, 0, &verdict);
	assert_int_equal(verdict.kind, FINDING_LEAK);
	return verdict;
}

static enum severity severity_of(const struct view *view)
{
	return judge(view, 0, 3600).severity;
}

#define IS_LEAK(view) (severity_of(&(view)) == SEVERITY_WARNING)

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

static void nothing_says_nothing(void **state)
{
	const struct views none = {.count = 0};
	struct thresholds thresholds;
	struct verdict verdict;

	(void)state;
	thresholds_default(&thresholds, LIMIT);
	detect_leak(&none, 0, &thresholds, 0, &verdict);
	assert_int_equal(verdict.severity, SEVERITY_NONE);
	assert_true(isinf(verdict.forecast.eta_s));
	assert_false(detect_goes_on(&none, 0, 0));
}

/* ---- how much of the room it takes ---- */

static void by_counts_alone(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(4700 + off), little = steady(500 + off);

		assert_int_equal(severity_of(&view), off >= 0 ? SEVERITY_WARNING : SEVERITY_INFO);
		assert_int_equal(severity_of(&little), off >= 0 ? SEVERITY_INFO : SEVERITY_NONE);
	}
}

/* What was there before it began to grow is no part of the room. */
static void of_the_room_there_was(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(4230 + off);

		view.now += 1000;
		view.stays += 1000;
		view.before_high = 1000;
		assert_int_equal(IS_LEAK(view), off >= 0);
	}
}

/* All of a short life is one climb: a cache that is filled does so. */
static void of_the_young(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(5500 + off);

		view.span_s = 239;
		assert_int_equal(judge(&view, 0, 250).severity, off >= 0 ? SEVERITY_WARNING : SEVERITY_INFO);
		view = steady(4700);
		view.span_s = 239 + off;
		assert_int_equal(judge(&view, 0, 250).severity, off > 0 ? SEVERITY_WARNING : SEVERITY_INFO);
		view.span_s = 200;
		assert_int_equal(judge(&view, 0, 250 + off).severity, off > 0 ? SEVERITY_WARNING : SEVERITY_INFO);
	}
}

static void by_splits(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off += 2) {
		struct view view = steady(7050 + off);

		view.mapped = 0;
		assert_int_equal(IS_LEAK(view), off >= 0);
		view = steady(4700);
		view.mapped = 3525 + off; /* three quarters mapped counts as mapped */
		assert_int_equal(IS_LEAK(view), off >= 0);
	}
}

/* Troughs that rise: falls of a quarter of the growth in every step make it a saw-tooth, of which enough was seen. */
static void under_a_saw_tooth(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		/* what a swing takes is no room: a quarter of 8,500 */
		struct view view = steady(2125 + off);

		view.swing = 1500;
		view.before_high = 1500; /* the first tooth */
		view.opened = view.closed = 50000;
		assert_int_equal(IS_LEAK(view), off >= 0);
		view = steady(2400);
		view.swing = 600 + off; /* else by counts alone */
		view.before_high = 600;
		assert_int_equal(IS_LEAK(view), off >= 0);
	}
}

/* Random walks go as far by chance. */
static void under_a_saw_tooth_by_chance(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off += 2) {
		struct view view = steady(3000);

		view.swing = 2000;
		view.scatter = 1000 / sqrt(10) * (1 + off * 0.001);
		assert_int_equal(IS_LEAK(view), off < 0);
	}
}

/* Below an old high the growth refills what was there: a quarter more. Above half of the limit less will do. */
static void below_an_old_high(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off += 2) {
		struct view view = steady(5400 + off);

		view.before_high = 9000;
		assert_int_equal(IS_LEAK(view), off >= 0);
		view = steady(7200 + off);
		view.before_high = 9000;
		view.span_s = 200; /* but within minutes */
		assert_int_equal(IS_LEAK(view), off >= 0);
	}
}

/* A fifth of the room, from 54 % of the limit on. */
static void near_the_limit_less_will_do(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off += 2) {
		struct view view = steady(1100 + off);

		view.stays = 5600 + off;
		view.before_high = view.stays - view.growth;
		assert_int_equal(IS_LEAK(view), off > 0); /* of 5,500 */
		view.stays = 5399;
		view.before_high = view.stays - view.growth;
		assert_false(IS_LEAK(view));
	}
}

/* ---- one file ---- */

static void of_one_file(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(400 + off);

		view.span_s = 2;
		assert_int_equal(judge(&view, 400, 2).severity, off >= 0 ? SEVERITY_WARNING : SEVERITY_NONE);
		view = steady(400);
		view.span_s = 1.2 + off * 0.01;
		assert_int_equal(judge(&view, 400, 2).severity, off >= 0 ? SEVERITY_WARNING : SEVERITY_NONE);
		view.span_s = 2;
		assert_int_equal(judge(&view, (uint32_t)(300 + off), 2).severity,
				 off >= 0 ? SEVERITY_WARNING : SEVERITY_NONE);
	}
}

static void of_one_file_that_is_kept(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(900);

		view.closed = 100 + off;
		view.opened = 1000 + off;
		view.mapped = 1000;
		assert_int_equal(judge(&view, 900, 3600).basis.one_file, off <= 0);
	}
}

/* ---- the shape of it ---- */

static void rises_in_order(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(5000);

		view.tau = 0.6 + off * 0.01;
		assert_int_equal(IS_LEAK(view), off >= 0);
		view = steady(5000);
		view.steps = (unsigned int)(5 + off);
		assert_int_equal(IS_LEAK(view), off >= 0);
		view = steady(5000);
		view.span_s = 3 + off * 0.01;
		view.mapped = 5000;
		assert_int_equal(IS_LEAK(view), off >= 0);
	}
}

static void is_no_jump(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(5000);

		view.jump = 1400 + off;
		assert_int_equal(IS_LEAK(view), off <= 0);
	}
}

/* Splits and refilled holes look like growth for a while. */
static void by_splits_takes_sixteen_seconds(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct view view = steady(9000);

		view.mapped = 0;
		view.span_s = 16 + off * 0.01;
		assert_int_equal(IS_LEAK(view), off >= 0);
	}
}

/* Slower in its second half by more than a sixteenth of the growth, and by more than chance, it will have ended. */
static void does_not_end_before_the_limit(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off += 2) {
		struct view view = steady(4800);

		view.first_half = 3600; /* 600 are to come; 2,400 less in the second half */
		view.second_half = 1200;
		view.scatter = (1050 + off) / sqrt(10); /* two sigma and a sixteenth of the growth are as much */
		assert_int_equal(severity_of(&view), off > 0 ? SEVERITY_WARNING : SEVERITY_NONE);
	}
}

static void has_not_stopped(void **state)
{
	struct view view = steady(9000);

	(void)state;
	view.first_half = 9000;
	view.second_half = 0;
	assert_int_equal(severity_of(&view), SEVERITY_NONE);
}

static void of_a_tiny_limit(void **state)
{
	struct thresholds thresholds;
	struct verdict verdict;

	(void)state;
	thresholds_default(&thresholds, 50);
	for (int off = -1; off <= 1; off++) {
		struct views views = {.count = 1, .span_s = 3600, .at = {steady(32 + off)}};

		detect_leak(&views, 0, &thresholds, 0, &verdict);
		assert_int_equal(verdict.severity, off >= 0 ? SEVERITY_WARNING : SEVERITY_NONE);
	}
}

/* Of several views the one that leaves least doubt is shown, and a warning before a note. */
static void by_the_view_that_is_surest(void **state)
{
	struct views views = {.count = 3, .span_s = 3600, .at = {steady(4800), steady(5000), steady(600)}};
	struct thresholds thresholds;
	struct verdict verdict;

	(void)state;
	thresholds_default(&thresholds, (uint32_t)ROOM);
	detect_leak(&views, 0, &thresholds, 0, &verdict);
	assert_int_equal(verdict.severity, SEVERITY_WARNING);
	assert_near(verdict.basis.view.growth, 5000);
	assert_near(verdict.basis.share, 0.50);
	assert_near(verdict.basis.need, 0.47);
}

/* ---- from samples on ---- */

/* Its growth is told of early, and it is called a leak when it has taken its part; the forecast is its own. */
static void a_leak_from_the_beginning(void **state)
{
	enum severity said = SEVERITY_NONE;
	struct thresholds thresholds;
	struct history history;
	struct verdict verdict;
	struct views views;

	(void)state;
	thresholds_default(&thresholds, (uint32_t)ROOM);
	history_reset(&history);
	for (unsigned int tick = 0; tick <= 500; tick++) {
		struct sample sample = fake_sample(tick, tick * 10);

		history_add(&history, &sample);
		trend_look(&history, &views);
		detect_leak(&views, 0, &thresholds, 0, &verdict);
		if (verdict.severity > said) {
			said = verdict.severity;
			if (said == SEVERITY_INFO)
				assert_in_range(tick, 49, 60);
			else
				assert_in_range(tick, 465, 490);
			assert_near(round(verdict.forecast.rate_per_s), 10);
		}
	}
	assert_int_equal(said, SEVERITY_WARNING);
}

/* All in all it has slowed down since its start: but what it does since then goes on to the limit. */
static void a_leak_behind_a_warm_up(void **state)
{
	const uint32_t limit = 65530;
	struct thresholds thresholds;
	struct verdict verdict = {0};
	struct history history;
	struct views views;
	uint32_t count = 0;

	(void)state;
	thresholds_default(&thresholds, limit);
	history_reset(&history);
	for (unsigned int minute = 0; count < limit && verdict.severity < SEVERITY_WARNING; minute++) {
		struct sample sample;

		count = (uint32_t)(1061 + 22900 * (1 - exp(-(double)minute / 450)) + minute * 7.75);
		sample = fake_sample(minute * 60.0, count);
		history_add(&history, &sample);
		trend_look(&history, &views);
		detect_leak(&views, 0, &thresholds, 0, &verdict);
	}
	assert_in_range(count, limit / 2, limit * 6 / 10);
	assert_true(verdict.forecast.eta_s < 1e6);
}

/* ---- is a leak over? ---- */

static void what_still_grows_goes_on(void **state)
{
	struct views views = {.count = 2, .at = {steady(3), steady(300)}};

	(void)state;
	views.at[0].span_s = 7; /* too short to say */
	views.at[0].growth = -3;
	views.at[1].span_s = 8;
	assert_true(detect_goes_on(&views, 60, 300));
	assert_false(detect_goes_on(&views, 65, 300));	 /* a longer leak takes a longer look */
	assert_false(detect_goes_on(&views, 60, 300.1)); /* an eighth of the pace: 37.5 of 8 s */
	views.at[1].scatter = 300 / sqrt(10) + 0.1;
	assert_false(detect_goes_on(&views, 60, 300)); /* as by chance */
	views.at[1].scatter = 0;
	views.at[1].second_half = 0;
	assert_false(detect_goes_on(&views, 60, 300));
	views.at[1].second_half = 1;
	views.at[1].before_high = 301; /* a flank */
	assert_false(detect_goes_on(&views, 60, 300));
	views.at[1].swing = 1;
	assert_true(detect_goes_on(&views, 60, 300));
	views.at[1].steps = 4;
	assert_false(detect_goes_on(&views, 60, 300));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(nothing_says_nothing),
		cmocka_unit_test(by_counts_alone),
		cmocka_unit_test(of_the_room_there_was),
		cmocka_unit_test(of_the_young),
		cmocka_unit_test(by_splits),
		cmocka_unit_test(under_a_saw_tooth),
		cmocka_unit_test(under_a_saw_tooth_by_chance),
		cmocka_unit_test(below_an_old_high),
		cmocka_unit_test(near_the_limit_less_will_do),
		cmocka_unit_test(of_one_file),
		cmocka_unit_test(of_one_file_that_is_kept),
		cmocka_unit_test(rises_in_order),
		cmocka_unit_test(is_no_jump),
		cmocka_unit_test(by_splits_takes_sixteen_seconds),
		cmocka_unit_test(does_not_end_before_the_limit),
		cmocka_unit_test(has_not_stopped),
		cmocka_unit_test(of_a_tiny_limit),
		cmocka_unit_test(by_the_view_that_is_surest),
		cmocka_unit_test(a_leak_from_the_beginning),
		cmocka_unit_test(a_leak_behind_a_warm_up),
		cmocka_unit_test(what_still_grows_goes_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
