/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/forecast.c: when the limit comes, as a range. */
#include "fake.h"

#include "forecast.h"

typedef double curve_fn(double at_s);

/* Ticks of step_s until end_s along a curve, each off by up to `noise` maps. */
static void draw(struct history *history, curve_fn *curve, double step_s, double end_s, double noise, uint64_t *seed)
{
	history_reset(history);
	for (unsigned int tick = 0; tick * step_s <= end_s + 1e-9; tick++) {
		double count = curve(tick * step_s) + fake_noise(seed) * noise;
		struct sample sample = fake_sample(tick * step_s, count > 0 ? (uint32_t)lround(count) : 0);

		history_add(history, &sample);
	}
}

static struct forecast forecast_at(const struct history *history, uint32_t limit, double age_s)
{
	struct forecast forecast;
	struct views views;

	memset(&forecast, 0xff, sizeof(forecast));
	trend_look(history, &views);
	forecast_make(&views, limit, age_s, &forecast);
	return forecast;
}

static struct forecast forecast_of(curve_fn *curve, double step_s, double end_s)
{
	struct history history;
	uint64_t seed = 3;

	draw(&history, curve, step_s, end_s, 0, &seed);
	return forecast_at(&history, LIMIT, 0);
}

static void range_is_sane(const struct forecast *forecast)
{
	assert_true(isfinite(forecast->rate_per_s));
	assert_true(forecast->eta_low_s >= 0);
	assert_true(forecast->eta_low_s <= forecast->eta_s);
	assert_true(forecast->eta_s <= forecast->eta_high_s);
	assert_true(isfinite(forecast->span_s) && forecast->span_s >= 0);
}

static void not_in_sight(const struct forecast *forecast)
{
	range_is_sane(forecast);
	assert_true(isinf(forecast->eta_s) && isinf(forecast->eta_low_s) && isinf(forecast->eta_high_s));
}

static void is_now(const struct forecast *forecast)
{
	range_is_sane(forecast);
	assert_true(forecast->eta_s == 0 && forecast->eta_low_s == 0 && forecast->eta_high_s == 0);
}

static void is_about(double got, double expected, double part)
{
	if (!(fabs(got - expected) <= fabs(expected) * part))
		fail_msg("%g is not about %g", got, expected);
}

static void holds(const struct forecast *forecast, double truth_s)
{
	range_is_sane(forecast);
	if (forecast->eta_low_s > truth_s || forecast->eta_high_s < truth_s)
		fail_msg("%g is not within %g to %g", truth_s, forecast->eta_low_s, forecast->eta_high_s);
}

static double line(double at_s)
{
	return 30 + at_s * 100;
}

static double flat(double at_s)
{
	return 60000 + 0 * at_s;
}

static double falling(double at_s)
{
	return 60000 - at_s * 50;
}

/* A warm-up or a cache: 20 000 maps in the end, two thirds of them within 10 s. */
static double saturating(double at_s)
{
	return 20000 * (1 - exp(-at_s / 10));
}

static double accelerating(double at_s)
{
	return 30 + at_s * at_s;
}

/* Doubles in 69 s. */
static double exponential(double at_s)
{
	return 1000 * exp(at_s / 100);
}

/* Two hours of rest, then ten maps a second. */
static double resting(double at_s)
{
	return at_s < 7200 ? 5000 : 5000 + (at_s - 7200) * 10;
}

/* A collector each minute takes back all. */
static double sawtooth(double at_s)
{
	return 500 + fmod(at_s, 60) * 100;
}

/* A collector each ten seconds takes back all but 200. */
static double leaky_sawtooth(double at_s)
{
	double rounds = floor(at_s / 10);

	return 500 + rounds * 200 + (at_s - rounds * 10) * 300;
}

static void nothing_known(void **state)
{
	struct history history;
	struct forecast forecast;

	(void)state;
	history_reset(&history);
	forecast = forecast_at(&history, LIMIT, 0);
	not_in_sight(&forecast);
	assert_near(forecast.rate_per_s, 0);
	fake_history(&history, 1, (const uint32_t[]){40000}, 1);
	forecast = forecast_at(&history, LIMIT, 0);
	not_in_sight(&forecast);
	assert_near(forecast.rate_per_s, 0);
}

/* Five steps and a second of evidence are the least. */
static void too_little_to_tell(void **state)
{
	struct forecast forecast;

	(void)state;
	forecast = forecast_of(line, 1, 4);
	not_in_sight(&forecast);
	is_about(forecast.rate_per_s, 100, 0.01); /* what it does now, all the same */
	forecast = forecast_of(line, 1, 6);
	is_about(forecast.eta_s, (LIMIT + 1 - 630) / 100.0, 0.01);
	forecast = forecast_of(line, 0.12, 0.96);
	not_in_sight(&forecast);
	forecast = forecast_of(line, 0.25, 1.5);
	is_about(forecast.rate_per_s, 100, 0.02);
	assert_true(isfinite(forecast.eta_s));
}

/* Most pairs of steps have to rise: three up and one down will do, two of each are no trend. */
static void most_steps_rise(void **state)
{
	static const uint32_t most[] = {0, 100, 200, 150, 300, 400, 500}, half[] = {100, 200, 100, 200, 100, 200, 100};
	struct history history;
	struct forecast forecast;

	(void)state;
	fake_history(&history, 1, most, COUNT(most));
	forecast = forecast_at(&history, LIMIT, 0);
	range_is_sane(&forecast);
	assert_true(isfinite(forecast.eta_s));
	fake_history(&history, 1, half, COUNT(half));
	forecast = forecast_at(&history, LIMIT, 0);
	not_in_sight(&forecast);
}

/* mmap fails at limit + 1 (KERNEL.md section 1): that is what is left. */
static void a_line_is_continued(void **state)
{
	static const double ends_s[] = {6, 10, 60, 500, 640};

	(void)state;
	for (size_t i = 0; i < COUNT(ends_s); i++) {
		struct forecast forecast = forecast_of(line, 1, ends_s[i]);
		double truth_s = (LIMIT + 1 - line(ends_s[i])) / 100;

		is_about(forecast.rate_per_s, 100, 0.01);
		is_about(forecast.eta_s, truth_s, 0.01);
		holds(&forecast, truth_s);
		is_about(forecast.eta_low_s, truth_s, 0.2);
		is_about(forecast.eta_high_s, truth_s, 0.2);
	}
}

/* From the sixth second on there is no moment without. */
static void a_line_is_never_lost(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick < 640; tick++) {
		struct sample sample = fake_sample(tick, (uint32_t)line(tick));
		struct forecast forecast;

		history_add(&history, &sample);
		if (tick < 6)
			continue;
		forecast = forecast_at(&history, LIMIT, 0);
		is_about(forecast.eta_s, (LIMIT + 1 - line(tick)) / 100, 0.01);
	}
}

/* By days, as by seconds. */
static void a_slow_line_is_continued(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	for (unsigned int hour = 0; hour <= 24 * 14; hour++) {
		struct sample sample = fake_sample(hour * 3600.0, 500 + hour * 100);
		struct forecast forecast;

		history_add(&history, &sample);
		if (hour < 6)
			continue;
		forecast = forecast_at(&history, LIMIT, 0);
		is_about(forecast.eta_s, (LIMIT + 1 - 500 - hour * 100) * 36.0, 0.01);
	}
}

/* solana#19320: 450 k maps are normal there. */
static void flat_and_high(void **state)
{
	struct forecast forecast = forecast_of(flat, 1, 300);

	(void)state;
	not_in_sight(&forecast);
	assert_near(forecast.rate_per_s, 0);
}

static void falling_has_a_negative_rate(void **state)
{
	struct forecast forecast = forecast_of(falling, 1, 300);

	(void)state;
	not_in_sight(&forecast);
	is_about(forecast.rate_per_s, -50, 0.3); /* a step's fall is taken for a swing */
}

static void saturated_is_not_in_sight(void **state)
{
	struct forecast forecast = forecast_of(saturating, 1, 120);

	(void)state;
	not_in_sight(&forecast);
}

/* The longer it levels off, the later the answer: never again as near as it was. */
static void saturating_recedes(void **state)
{
	double eta_before_s = 0;

	(void)state;
	for (unsigned int end_s = 10; end_s <= 40; end_s += 10) {
		struct forecast forecast = forecast_of(saturating, 1, end_s);

		range_is_sane(&forecast);
		assert_true(forecast.eta_s > eta_before_s || isinf(forecast.eta_s));
		eta_before_s = forecast.eta_s;
	}
}

/* flowlog#177: a rate that rises, not a lifetime average. */
static void accelerating_is_seen(void **state)
{
	static const double ends_s[] = {30, 60, 120, 200};

	(void)state;
	for (size_t i = 0; i < COUNT(ends_s); i++) {
		struct forecast forecast = forecast_of(accelerating, 1, ends_s[i]);
		double left = LIMIT + 1 - accelerating(ends_s[i]);
		double truth_s = sqrt(LIMIT - 29.0) - ends_s[i];

		range_is_sane(&forecast);
		assert_true(forecast.eta_s < left / ends_s[i]);	      /* the average since the start is end_s maps/s */
		assert_true(forecast.eta_s < left / (2 * ends_s[i])); /* nor is it the rate of this moment, */
		assert_true(forecast.eta_s > truth_s / 3);	      /* for it may rise still faster */
		holds(&forecast, truth_s);
	}
}

/* What doubles again and again comes sooner than by a steady change of its rate. */
static void exponential_is_seen(void **state)
{
	static const double ends_s[] = {150, 200, 300, 400};

	(void)state;
	for (size_t i = 0; i < COUNT(ends_s); i++) {
		struct forecast forecast = forecast_of(exponential, 1, ends_s[i]);
		double truth_s = 100 * log((LIMIT + 1) / 1000.0) - ends_s[i];

		holds(&forecast, truth_s);
		is_about(forecast.eta_s, truth_s, 0.6);
		/* by the rate of this moment */
		assert_true(forecast.eta_s < (LIMIT + 1 - exponential(ends_s[i])) * 100 / exponential(ends_s[i]) * 1.1);
	}
}

/* The rest before says nothing of how fast it goes now. */
static void a_leak_after_a_long_rest(void **state)
{
	static const double after_s[] = {16, 20, 120, 480, 1920, 5400};

	(void)state;
	for (size_t i = 0; i < COUNT(after_s); i++) {
		struct forecast forecast = forecast_of(resting, 1, 7200 + after_s[i]);
		double truth_s = (LIMIT + 1 - resting(7200 + after_s[i])) / 10;

		holds(&forecast, truth_s);
		is_about(forecast.eta_s, truth_s, 0.3);
	}
}

/* Its flanks lead to where it was: nobody goes by their rate, nor is sure that it goes on. */
static void a_flank_is_no_rise(void **state)
{
	(void)state;
	for (double end_s = 610; end_s < 660; end_s++) {
		struct forecast forecast = forecast_of(sawtooth, 1, end_s);

		range_is_sane(&forecast);
		assert_true(forecast.rate_per_s <= 20 || isinf(forecast.eta_low_s));
		assert_true(forecast.eta_low_s > 1000 && isinf(forecast.eta_high_s));
	}
}

/* What stays rises by 20 a second; the top is what hits the limit. */
static void beside_a_collector(void **state)
{
	struct forecast forecast = forecast_of(leaky_sawtooth, 0.5, 1205);

	(void)state;
	range_is_sane(&forecast);
	is_about(forecast.rate_per_s, 20, 0.15);
	is_about(forecast.eta_s, (LIMIT + 1 - 500 - 120 * 200 - 3000) / 20.0, 0.2);
}

/* A range that does not hold the truth is worth nothing: 19 of 20 must, however noisy. */
static void range_holds_the_truth(void **state)
{
	static const struct {
		double step_s, end_s, noise;
	} rows[] = {{0.25, 5, 5}, {0.25, 30, 20}, {1, 12, 40}, {1, 60, 100}, {1, 300, 200}, {10, 600, 400}};
	uint64_t seed = 4;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		double truth_s = (LIMIT + 1 - line(rows[i].end_s)) / 100;
		unsigned int held = 0, made = 0;

		for (unsigned int round = 0; round < 200; round++) {
			struct history history;
			struct forecast forecast;

			draw(&history, line, rows[i].step_s, rows[i].end_s, rows[i].noise, &seed);
			forecast = forecast_at(&history, LIMIT, 0);
			range_is_sane(&forecast);
			/* the line the noise sits on; the last sample alone may be off by `noise` */
			made += isfinite(forecast.eta_s);
			held += forecast.eta_low_s <= truth_s * 1.01 && truth_s * 0.99 <= forecast.eta_high_s;
		}
		if (made < 180 || held < 190)
			fail_msg("row %zu: %u made, %u held", i, made, held);
	}
}

/* Rose for minutes, flat for a fifth of the time: it may be over, so the range is open upwards. */
static void growth_that_may_have_ended(void **state)
{
	struct history history;
	struct forecast forecast;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick <= 600; tick++) {
		struct sample sample = fake_sample(tick, tick < 480 ? tick * 100 : 48000);

		history_add(&history, &sample);
	}
	forecast = forecast_at(&history, LIMIT, 0);
	range_is_sane(&forecast);
	assert_true(isfinite(forecast.eta_s));
	assert_true(isinf(forecast.eta_high_s));
}

static void later_than_the_last_sample(void **state)
{
	struct history history;
	struct forecast fresh, stale;
	uint64_t seed = 5;

	(void)state;
	draw(&history, line, 1, 60, 0, &seed);
	fresh = forecast_at(&history, LIMIT, 0);
	stale = forecast_at(&history, LIMIT, 10);
	assert_near(fresh.eta_s - stale.eta_s, 10);
	assert_near(fresh.eta_low_s - stale.eta_low_s, 10);
	assert_near(fresh.eta_high_s - stale.eta_high_s, 10);
	stale = forecast_at(&history, LIMIT, 86400);
	is_now(&stale);
	draw(&history, flat, 1, 60, 0, &seed);
	stale = forecast_at(&history, LIMIT, 86400);
	not_in_sight(&stale);
}

/* ELF loading and a lowered sysctl take a count past the limit (KERNEL.md section 1): the time is now. */
static void at_and_past_the_limit(void **state)
{
	static const uint32_t limits[] = {0, 1, 100, 6029, 6030};
	struct history history;
	uint64_t seed = 6;

	(void)state;
	draw(&history, line, 1, 60, 0, &seed); /* to 6030 */
	for (size_t i = 0; i < COUNT(limits); i++) {
		struct forecast forecast = forecast_at(&history, limits[i], 0);

		range_is_sane(&forecast);
		is_about(forecast.rate_per_s, 100, 0.01);
		if (limits[i] < 6030)
			is_now(&forecast);
		else
			is_about(forecast.eta_s, 0.01, 0.01);
	}
}

/* Whether or not it rises any more. */
static void stays_past_the_limit(void **state)
{
	struct forecast forecast;
	struct history history;
	uint64_t seed = 6;

	(void)state;
	draw(&history, flat, 1, 60, 0, &seed);
	for (uint32_t limit = 60001; limit >= 59998; limit--) {
		forecast = forecast_at(&history, limit, 0);
		assert_near(forecast.rate_per_s, 0);
		if (limit < 60000)
			is_now(&forecast);
		else
			not_in_sight(&forecast);
	}
	draw(&history, saturating, 1, 120, 0, &seed);
	forecast = forecast_at(&history, 19000, 5);
	is_now(&forecast);
	draw(&history, falling, 1, 120, 0, &seed);
	forecast = forecast_at(&history, 100, 5);
	is_now(&forecast);
	is_about(forecast.rate_per_s, -50, 0.3);
}

static void widest_limit(void **state)
{
	struct history history;
	struct forecast forecast;
	uint64_t seed = 7;

	(void)state;
	draw(&history, line, 1, 60, 0, &seed);
	forecast = forecast_at(&history, UINT32_MAX, 0);
	range_is_sane(&forecast);
	is_about(forecast.eta_s, ((double)UINT32_MAX + 1 - 6030) / 100, 0.01);
	fake_history(&history, 1, (const uint32_t[]){0, 0, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}, 6);
	forecast = forecast_at(&history, UINT32_MAX, 0);
	range_is_sane(&forecast);
}

static void same_question_same_answer(void **state)
{
	struct history history;
	struct forecast one, two;
	uint64_t seed = 8;

	(void)state;
	draw(&history, line, 1, 60, 50, &seed);
	one = forecast_at(&history, LIMIT, 1);
	two = forecast_at(&history, LIMIT, 1);
	assert_memory_equal(&one, &two, sizeof(one));
}

/* ---- by views made up ---- */

static struct forecast forecast_by(const struct view *view, uint32_t limit)
{
	struct views views = {.count = 1, .at = {*view}};
	struct forecast forecast;

	memset(&forecast, 0xff, sizeof(forecast));
	forecast_make(&views, limit, 0, &forecast);
	range_is_sane(&forecast);
	return forecast;
}

static struct view view_rising(double first_half, double second_half)
{
	return (struct view){
		.span_s = 100,
		.steps = 10,
		.now = 1000,
		.stays = 1000,
		.growth = first_half + second_half,
		.first_half = first_half,
		.second_half = second_half,
		.tau = 1,
	};
}

static void what_does_not_rise(void **state)
{
	struct view view = view_rising(500, 500);
	struct forecast forecast = forecast_by(&view, LIMIT);

	(void)state;
	is_about(forecast.eta_s, (LIMIT + 1 - 1000) / 10.0, 1e-9);
	view.steps = 4;
	forecast = forecast_by(&view, LIMIT);
	not_in_sight(&forecast);
	view.steps = 5;
	view.tau = 0.49;
	forecast = forecast_by(&view, LIMIT);
	not_in_sight(&forecast);
	view.tau = 0.5;
	forecast = forecast_by(&view, LIMIT);
	assert_true(isfinite(forecast.eta_s));
	view.before_high = 501; /* more than half of it was there before */
	forecast = forecast_by(&view, LIMIT);
	not_in_sight(&forecast);
	view.before_high = 500;
	forecast = forecast_by(&view, LIMIT);
	assert_true(isfinite(forecast.eta_s));
	view.span_s = 0.99;
	forecast = forecast_by(&view, LIMIT);
	not_in_sight(&forecast);
}

/* Between what a steady change and a steady factor say. */
static void between_change_and_factor(void **state)
{
	struct view view = view_rising(200, 400);
	struct forecast forecast =
		forecast_by(&view, 3800 - 1); /* 2 800 are left: 400 (2 + 4 + ...), 600 + 800 + ... */
	double by_factor = 50 * log2(1 + 2800.0 / 800), by_change;

	(void)state;
	/* now 10 maps/s, in the middle of the halves 4 and 8, 50 s apart: 0.08 more each second */
	by_change = (sqrt(10 * 10 + 2 * 0.08 * 2800) - 10) / 0.08;
	is_about(forecast.eta_s, sqrt(by_change * by_factor), 1e-6);
	assert_true(forecast.eta_low_s <= by_factor && by_factor < forecast.eta_s);
	assert_true(forecast.eta_s < by_change && by_change <= forecast.eta_high_s);
}

/* A rate that falls to nothing before the limit, or just after. */
static void slowing_down(void **state)
{
	struct view view = view_rising(400, 200); /* now 2 maps/s, 0.08 less each second: 25 maps more */
	struct forecast forecast = forecast_by(&view, 1024);

	(void)state;
	is_about(forecast.eta_s, 25, 0.01);
	forecast = forecast_by(&view, 1025);
	assert_true(isinf(forecast.eta_s));
	view.second_half = 0;
	view.growth = 400;
	forecast = forecast_by(&view, LIMIT);
	not_in_sight(&forecast);
	forecast = forecast_by(&view, 999); /* there is nothing left, however it goes on */
	is_now(&forecast);
	view.second_half = -100;
	view.growth = 300;
	forecast = forecast_by(&view, LIMIT);
	not_in_sight(&forecast);
}

static void chance_widens_the_range(void **state)
{
	struct view view = view_rising(500, 500);
	struct forecast forecast = forecast_by(&view, LIMIT), wide;

	(void)state;
	assert_true(forecast.eta_low_s < forecast.eta_s && forecast.eta_s < forecast.eta_high_s);
	view.scatter = 100; /* 316 of 1 000 */
	wide = forecast_by(&view, LIMIT);
	assert_near(wide.eta_s, forecast.eta_s);
	is_about(wide.eta_low_s, forecast.eta_s / 1.63246, 0.001);
	is_about(wide.eta_high_s, forecast.eta_s / 0.36754, 0.001);
	view.scatter = 200;
	wide = forecast_by(&view, LIMIT);
	assert_near(wide.eta_s, forecast.eta_s);
	assert_true(isinf(wide.eta_high_s));
}

/* Whatever the past: no NaN, and the range in order. */
static void any_past_gives_a_sane_range(void **state)
{
	uint64_t seed = 9;

	(void)state;
	for (unsigned int round = 0; round < 3000; round++) {
		unsigned int count = fake_below(&seed, 60);
		uint32_t bound = 1U << fake_below(&seed, 32);
		struct history history;
		struct forecast forecast;
		double at_s = 0;

		history_reset(&history);
		for (unsigned int i = 0; i < count; i++) {
			struct sample sample = fake_sample(at_s, fake_below(&seed, bound));

			at_s += fake_below(&seed, 4000) / 1000.0;
			history_add(&history, &sample);
		}
		forecast = forecast_at(&history, fake_below(&seed, bound), fake_below(&seed, 10));
		range_is_sane(&forecast);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(too_little_to_tell),
		cmocka_unit_test(most_steps_rise),
		cmocka_unit_test(a_line_is_continued),
		cmocka_unit_test(a_line_is_never_lost),
		cmocka_unit_test(a_slow_line_is_continued),
		cmocka_unit_test(flat_and_high),
		cmocka_unit_test(falling_has_a_negative_rate),
		cmocka_unit_test(saturated_is_not_in_sight),
		cmocka_unit_test(saturating_recedes),
		cmocka_unit_test(accelerating_is_seen),
		cmocka_unit_test(exponential_is_seen),
		cmocka_unit_test(a_leak_after_a_long_rest),
		cmocka_unit_test(a_flank_is_no_rise),
		cmocka_unit_test(beside_a_collector),
		cmocka_unit_test(range_holds_the_truth),
		cmocka_unit_test(growth_that_may_have_ended),
		cmocka_unit_test(later_than_the_last_sample),
		cmocka_unit_test(at_and_past_the_limit),
		cmocka_unit_test(stays_past_the_limit),
		cmocka_unit_test(widest_limit),
		cmocka_unit_test(same_question_same_answer),
		cmocka_unit_test(what_does_not_rise),
		cmocka_unit_test(between_change_and_factor),
		cmocka_unit_test(slowing_down),
		cmocka_unit_test(chance_widens_the_range),
		cmocka_unit_test(any_past_gives_a_sane_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
