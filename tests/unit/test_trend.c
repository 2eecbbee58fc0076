/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/trend.c: what each look back shows. */
#include "fake.h"

#include "trend.h"

typedef double curve_fn(double at_s);

static struct views views;

/* Ticks of step_s until end_s along a curve. */
static void look(curve_fn *curve, double step_s, double end_s)
{
	struct history history;

	history_reset(&history);
	for (unsigned int tick = 0; tick * step_s <= end_s + 1e-9; tick++) {
		struct sample sample = fake_sample(tick * step_s, (uint32_t)lround(curve(tick * step_s)));

		history_add(&history, &sample);
	}
	trend_look(&history, &views);
}

static const struct view *longest(void)
{
	assert_true(views.count > 0);
	return &views.at[views.count - 1];
}

/* The shortest that is at least so long. */
static const struct view *view_of(double span_s)
{
	for (unsigned int i = 0; i < views.count; i++) {
		if (views.at[i].span_s >= span_s - 0.05)
			return &views.at[i];
	}
	fail_msg("no view of %g s", span_s);
	return NULL;
}

static void is_about(double got, double expected, double part)
{
	if (fabs(got - expected) > fabs(expected) * part)
		fail_msg("%g is not about %g", got, expected);
}

static void views_are_sound(void)
{
	assert_true(views.count <= VIEWS_MAX);
	for (unsigned int i = 0; i < views.count; i++) {
		const struct view *view = &views.at[i];

		assert_true(view->span_s > 0);
		assert_true(!i || view->span_s > views.at[i - 1].span_s);
		assert_in_range(view->steps, 1, 2 * VIEW_STEPS);
		assert_true(view->swing >= 0 && view->scatter >= 0 && view->jump >= 0);
		assert_true(view->tau >= -1 && view->tau <= 1);
		assert_true(fake_is_near(view->first_half + view->second_half, view->growth));
		assert_true(view->opened >= 0 && view->closed >= 0 && view->mapped >= 0);
		assert_int_equal(view->now, views.at[0].now);
		assert_true(view_credit(view) >= 0 && view_chance(view) >= 0 && view_to_come(view) >= 0);
	}
}

static double line(double at_s)
{
	return 1000 + at_s * 100;
}

static double falling(double at_s)
{
	return 60000 - at_s * 50;
}

static double flat(double at_s)
{
	return 9 + 0 * at_s;
}

static double squares(double at_s)
{
	return 30 + at_s * at_s;
}

/* 100 maps a minute. */
static double staircase(double at_s)
{
	return 500 + floor(at_s / 60) * 100;
}

/* A collector that runs every ten seconds, and each time leaves 20 maps more. */
static double sawtooth(double at_s)
{
	double rounds = floor(at_s / 10);

	return 500 + rounds * 20 + (at_s - rounds * 10) * 100;
}

/* A hundred seconds up, and down at once to where it was. */
static double teeth(double at_s)
{
	return 500 + fmod(at_s, 100) * 100;
}

/* Half way. */
static double jump(double at_s)
{
	return at_s < 50 ? 500 : 2500;
}

static double saturating(double at_s)
{
	return 20000 * (1 - exp(-at_s / 50));
}

static void too_few_samples(void **state)
{
	struct history history;
	struct sample sample = fake_sample(5, 500);

	(void)state;
	history_reset(&history);
	memset(&views, 0xff, sizeof(views));
	trend_look(&history, &views);
	assert_int_equal(views.count, 0);
	assert_near(views.span_s, 0);
	assert_near(views.grown, 0);
	history_add(&history, &sample);
	trend_look(&history, &views);
	assert_int_equal(views.count, 0);
	assert_near(views.span_s, 0);
	sample = fake_sample(6, 505);
	history_add(&history, &sample);
	trend_look(&history, &views);
	assert_int_equal(views.count, 1);
	views_are_sound();
	assert_int_equal(longest()->steps, 1);
	assert_near(longest()->growth, 5);
	assert_near(views.grown, 5);
}

static void views_double_about(void **state)
{
	(void)state;
	look(line, 1, 3600);
	views_are_sound();
	assert_in_range(views.count, 8, 20);
	for (unsigned int i = 2; i + 1 < views.count; i++)
		assert_true(views.at[i].span_s >= views.at[i - 1].span_s * 1.7);
	is_about(longest()->span_s, 3600, 1e-5);
	is_about(views.span_s, 3600, 1e-5);
	assert_near(views.grown, 360000);
}

static void lines(void **state)
{
	static const double steps_s[] = {0.25, 1, 60};

	(void)state;
	for (size_t row = 0; row < COUNT(steps_s); row++) {
		look(line, steps_s[row], 1000 * steps_s[row]);
		views_are_sound();
		for (unsigned int i = 0; i < views.count; i++) {
			const struct view *view = &views.at[i];

			if (view->span_s < 1)
				continue;
			is_about(view_rate(view), 100, 0.01);
			assert_near(view->swing, 0);
			assert_near(view->tau, 1);
			is_about(view->first_half, view->second_half, 0.03);
			/* within what the ends are rounded to */
			assert_true(view_chance(view) <= 1 + view->growth * 0.005);
			is_about(view->stays, (double)view->now, 1e-9);
			is_about(view_credit(view), view->growth, 1e-9);
		}
		assert_true(longest()->steps >= 5);
		assert_true(longest()->jump <= longest()->growth * 0.01);
	}
}

static void falling_and_flat(void **state)
{
	(void)state;
	look(falling, 1, 600);
	views_are_sound();
	assert_true(longest()->growth < 0 && view_rate(longest()) < 0);
	assert_near(longest()->tau, -1);
	assert_near(longest()->jump, 0);
	assert_near(view_credit(longest()), 0);
	look(flat, 1, 600);
	views_are_sound();
	for (unsigned int i = 0; i < views.count; i++) {
		assert_near(views.at[i].growth, 0);
		assert_near(views.at[i].tau, 0);
		assert_near(view_chance(&views.at[i]), 0);
	}
}

/* Counts are unsigned, their differences are not. */
static void highest_counts(void **state)
{
	static const uint32_t falls[] = {UINT32_MAX, UINT32_MAX - 3, UINT32_MAX - 6}, rises[] = {0, UINT32_MAX};
	struct history history;

	(void)state;
	fake_history(&history, 1, falls, COUNT(falls));
	trend_look(&history, &views);
	views_are_sound();
	is_about(views.grown, -6, 1e-9);
	assert_true(longest()->growth < 0 && longest()->growth >= -6);
	fake_history(&history, 1, rises, COUNT(rises));
	trend_look(&history, &views);
	views_are_sound();
	assert_near(views.grown, UINT32_MAX);
	is_about(longest()->growth, UINT32_MAX, 0.001);
	is_about(view_rate(longest()), UINT32_MAX, 0.01);
}

static void staircases(void **state)
{
	const struct view *view;

	(void)state;
	look(staircase, 1, 3600);
	views_are_sound();
	view = longest();
	assert_near(view->growth, 6000);
	assert_near(view->swing, 0);
	assert_near(view->tau, 1);
	is_about(view->first_half, 3000, 0.1);
	/* within a stair there is nothing to see */
	look(staircase, 1, 3650);
	assert_near(view_of(16)->growth, 0);
	assert_near(view_of(16)->tau, 0);
}

static void sawtooth_with_rising_troughs(void **state)
{
	const struct view *view;

	(void)state;
	look(sawtooth, 0.5, 600);
	views_are_sound();
	view = longest();
	is_about(view->swing, 930, 0.15);
	is_about(view->growth, 1200, 0.25); /* 59 to 60 rounds of 20 */
	assert_true(view->tau > 0.8);
	assert_true(view->jump < view->growth * 0.2);
	is_about(view->stays, 500 + 60 * 20, 0.25);
}

/* The first flank is growth like any other; the third leads to where it has been. */
static void flanks_of_a_sawtooth(void **state)
{
	const struct view *view;

	(void)state;
	look(teeth, 1, 90);
	views_are_sound();
	view = longest();
	assert_near(view->swing, 0);
	is_about(view_credit(view), view->growth, 1e-9);
	assert_near(view->before_high, 500);
	look(teeth, 1, 290);
	views_are_sound();
	view = view_of(32);
	is_about(view_rate(view), 100, 0.05);
	is_about(view->before_high, 10400, 0.01);
	assert_near(view_credit(view), 0);
	assert_true(longest()->swing > 5000);
	assert_true(longest()->growth < longest()->swing);
}

static void jumps(void **state)
{
	const struct view *view;

	(void)state;
	look(jump, 1, 100);
	views_are_sound();
	view = longest();
	assert_near(view->growth, 2000);
	is_about(view->jump, 2000 * 5 / 6.0, 0.1);
	look(line, 1, 100);
	assert_true(longest()->jump < longest()->growth * 0.01);
}

static void tau_is_of_ranks(void **state)
{
	static const uint32_t rising[] = {0, 1, 2, 1000, 60000}, mixed[] = {10, 10, 12, 12, 20}, down[] = {9, 8, 7, 6};
	struct history history;

	(void)state;
	fake_history(&history, 1, rising, COUNT(rising));
	trend_look(&history, &views);
	views_are_sound();
	assert_near(longest()->tau, 1);
	assert_int_equal(longest()->steps, 4);
	fake_history(&history, 1, mixed, COUNT(mixed));
	trend_look(&history, &views);
	assert_near(longest()->tau, 1); /* ties say nothing */
	fake_history(&history, 1, down, COUNT(down));
	trend_look(&history, &views);
	assert_near(longest()->tau, -1);
}

/* A rate that rises from nothing gains a quarter in the first half. */
static void halves_of_squares(void **state)
{
	(void)state;
	for (double step_s = 0.25; step_s <= 4; step_s *= 4) {
		look(squares, step_s, 200);
		views_are_sound();
		is_about(longest()->first_half, 10000, 0.15);
		is_about(longest()->second_half, 30000, 0.05);
		/* a steady change is no chance */
		assert_true(view_chance(longest()) < longest()->growth * 0.25);
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

	(void)state;
	for (unsigned int row = 0; row < COUNT(times_s); row++) {
		struct history history;

		history_reset(&history);
		for (unsigned int i = 0; i < 9; i++) {
			struct sample sample = fake_sample(times_s[row][i], 100000 + (uint32_t)(times_s[row][i] * 400));

			history_add(&history, &sample);
		}
		trend_look(&history, &views);
		views_are_sound();
		is_about(longest()->first_half, longest()->second_half, 0.02);
		is_about(view_rate(longest()), 400, 0.01);
		assert_true(view_chance(longest()) < longest()->growth * 0.02);
	}
}

static void any_line_has_even_halves(void **state)
{
	uint64_t seed = 2;

	(void)state;
	for (unsigned int round = 0; round < 300; round++) {
		double at_s = 0, pace_s = exp(fake_noise(&seed) * 5);
		unsigned int count = 10 + fake_below(&seed, 500);
		struct history history;

		history_reset(&history);
		for (unsigned int i = 0; i < count; i++) {
			struct sample sample = fake_sample(at_s, (uint32_t)lround(1e6 + at_s * 1e4 / pace_s));

			history_add(&history, &sample);
			at_s += (1 + fake_noise(&seed) * 0.9) * pace_s;
		}
		trend_look(&history, &views);
		views_are_sound();
		for (unsigned int i = 0; i < views.count; i++) {
			const struct view *view = &views.at[i];

			if (view->span_s < 1)
				continue;
			is_about(view_rate(view), 1e4 / pace_s, 0.01);
			is_about(view->first_half, view->growth / 2, 0.02);
			assert_true(view_chance(view) < 1 + view->growth * 0.03);
		}
	}
}

static void views_add_up_the_counters(void **state)
{
	struct sample samples[3] = {fake_sample(0, 100), fake_sample(1, 150), fake_sample(2, 130)};
	struct history history;

	(void)state;
	samples[0].closed = 900;
	samples[0].mapping = 50;
	samples[1].closed = 900;
	samples[1].mapping = 90;
	samples[2].closed = 970;
	samples[2].mapping = 100;
	history_reset(&history);
	for (unsigned int i = 0; i < COUNT(samples); i++)
		history_add(&history, &samples[i]);
	trend_look(&history, &views);
	views_are_sound();
	assert_near(longest()->closed, 70);
	assert_near(longest()->opened, 100);
	assert_near(longest()->mapped, 50);
	assert_near(views.at[0].closed, 70);
	assert_near(views.at[0].opened, 50);
	assert_near(views.at[0].mapped, 10);
}

/* ---- of one view ---- */

static void credit_is_for_what_is_new(void **state)
{
	struct view view = {.growth = 1000, .stays = 5000, .before_high = 4000};

	(void)state;
	assert_near(view_credit(&view), 1000);
	view.before_high = 3000; /* the rest was there before */
	assert_near(view_credit(&view), 1000);
	view.before_high = 4700;
	assert_near(view_credit(&view), 300);
	view.before_high = 5000;
	assert_near(view_credit(&view), 0);
	view.before_high = 9000;
	assert_near(view_credit(&view), 0);
	view.swing = 4500; /* the top of a swing is what it was */
	assert_near(view_credit(&view), 500);
	view.growth = -5;
	assert_near(view_credit(&view), 0);
}

static void to_come_is_a_geometric_series(void **state)
{
	struct view view = {.first_half = 100, .second_half = 50};

	(void)state;
	assert_near(view_to_come(&view), 50); /* 25 + 12.5 + ... */
	view.second_half = 90;
	assert_near(view_to_come(&view), 810);
	view.second_half = 100;
	assert_true(isinf(view_to_come(&view)));
	view.second_half = 101;
	assert_true(isinf(view_to_come(&view)));
	view.second_half = 0;
	assert_near(view_to_come(&view), 0);
	view.second_half = -10;
	assert_near(view_to_come(&view), 0);
	view.first_half = -20; /* falls ever less */
	assert_true(isinf(view_to_come(&view)));
}

/* What is to come of a curve that levels off is about what comes. */
static void saturation_is_foreseen(void **state)
{
	(void)state;
	for (double end_s = 50; end_s <= 200; end_s += 50) {
		look(saturating, 1, end_s);
		views_are_sound();
		is_about(longest()->stays + view_to_come(longest()), 20000, 0.05);
	}
}

static void rate_of_no_time(void **state)
{
	struct view view = {.growth = 5};

	(void)state;
	assert_near(view_rate(&view), 0);
	view.span_s = 2;
	assert_near(view_rate(&view), 2.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(too_few_samples),
		cmocka_unit_test(views_double_about),
		cmocka_unit_test(lines),
		cmocka_unit_test(falling_and_flat),
		cmocka_unit_test(highest_counts),
		cmocka_unit_test(staircases),
		cmocka_unit_test(sawtooth_with_rising_troughs),
		cmocka_unit_test(flanks_of_a_sawtooth),
		cmocka_unit_test(jumps),
		cmocka_unit_test(tau_is_of_ranks),
		cmocka_unit_test(halves_of_squares),
		cmocka_unit_test(halves_of_a_line_sampled_unevenly),
		cmocka_unit_test(any_line_has_even_halves),
		cmocka_unit_test(views_add_up_the_counters),
		cmocka_unit_test(credit_is_for_what_is_new),
		cmocka_unit_test(to_come_is_a_geometric_series),
		cmocka_unit_test(saturation_is_foreseen),
		cmocka_unit_test(rate_of_no_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
