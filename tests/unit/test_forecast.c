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

static struct forecast forecast_at(const struct history *history, uint32_t limit, double now_s)
{
	struct forecast forecast;

	memset(&forecast, 0xff, sizeof(forecast));
	forecast_make(history, limit, fake_ns(now_s), &forecast);
	return forecast;
}

static struct forecast forecast_of(curve_fn *curve, double step_s, double end_s)
{
	struct history history;
	uint64_t seed = 3;

	draw(&history, curve, step_s, end_s, 0, &seed);
	return forecast_at(&history, LIMIT, end_s);
}

static void range_is_sane(const struct forecast *forecast)
{
	assert_true(isfinite(forecast->rate_per_s));
	assert_true(forecast->eta_low_s >= 0);
	assert_true(forecast->eta_low_s <= forecast->eta_s);
	assert_true(forecast->eta_s <= forecast->eta_high_s);
	assert_true(forecast->level < HISTORY_LEVELS);
}

static void not_in_sight(const struct forecast *forecast)
{
	range_is_sane(forecast);
	assert_true(isinf(forecast->eta_s) && isinf(forecast->eta_low_s) && isinf(forecast->eta_high_s));
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

static void nothing_known(void **state)
{
	struct history history;
	struct forecast forecast;

	(void)state;
	history_reset(&history);
	forecast = forecast_at(&history, LIMIT, 0);
	not_in_sight(&forecast);
	assert_near(forecast.rate_per_s, 0);
}

/* Five samples and a second of evidence are the least. */
static void too_little_to_tell(void **state)
{
	struct forecast forecast;

	(void)state;
	forecast = forecast_of(line, 1, 3);
	not_in_sight(&forecast);
	forecast = forecast_of(line, 1, 4);
	assert_near(forecast.eta_s, (LIMIT + 1 - 430) / 100.0);
	forecast = forecast_of(line, 0.24, 0.96);
	not_in_sight(&forecast);
	forecast = forecast_of(line, 0.25, 1);
	assert_near(forecast.rate_per_s, 100);
}

/* Three of four windows have to rise; two of four are no trend. */
static void most_windows_rise(void **state)
{
	static const uint32_t three[] = {0, 100, 100, 200, 300}, two[] = {0, 100, 100, 200, 200};
	struct history history;
	struct forecast forecast;

	(void)state;
	fake_history(&history, 1, three, COUNT(three));
	forecast = forecast_at(&history, LIMIT, 4);
	assert_true(isfinite(forecast.eta_s));
	fake_history(&history, 1, two, COUNT(two));
	forecast = forecast_at(&history, LIMIT, 4);
	not_in_sight(&forecast);
}

/* The second half at a third of the first one's pace still counts as a rise; below, it levels off. */
static void half_that_slows_down(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		const uint32_t counts[] = {0, 150, 300, 350, (uint32_t)(400 + off)};
		struct history history;
		struct forecast forecast;

		fake_history(&history, 1, counts, COUNT(counts));
		forecast = forecast_at(&history, LIMIT, 4);
		assert_int_equal(isfinite(forecast.eta_s), off >= 0);
	}
}

/* mmap fails at limit + 1 (KERNEL.md section 1): that is what is left. */
static void a_line_is_continued(void **state)
{
	static const double ends_s[] = {4, 10, 60, 500};

	(void)state;
	for (size_t i = 0; i < COUNT(ends_s); i++) {
		struct forecast forecast = forecast_of(line, 1, ends_s[i]);
		double truth_s = (LIMIT + 1 - line(ends_s[i])) / 100;

		range_is_sane(&forecast);
		assert_near(forecast.rate_per_s, 100);
		assert_near(forecast.eta_s, truth_s);
		assert_near(forecast.eta_low_s, truth_s);
		assert_near(forecast.eta_high_s, truth_s);
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
	assert_near(forecast.rate_per_s, -50);
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
		assert_true(forecast.eta_s > eta_before_s);
		eta_before_s = forecast.eta_s;
	}
}

/* flowlog#177: a recent slope, not a lifetime average. */
static void accelerating_is_seen(void **state)
{
	static const double ends_s[] = {30, 60, 120, 200};

	(void)state;
	for (size_t i = 0; i < COUNT(ends_s); i++) {
		struct forecast forecast = forecast_of(accelerating, 1, ends_s[i]);
		double left = LIMIT + 1 - accelerating(ends_s[i]);
		double truth_s = sqrt(LIMIT - 29.0) - ends_s[i];

		range_is_sane(&forecast);
		assert_true(forecast.eta_s < left / ends_s[i]); /* the average since the start is end_s maps/s */
		/* the slope of this moment, 2 end_s, is the fastest seen: the range begins near it */
		assert_true(forecast.eta_low_s < left / (2 * ends_s[i]) * 1.15);
		assert_true(forecast.eta_high_s > truth_s);
	}
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
			forecast = forecast_at(&history, LIMIT, rows[i].end_s);
			range_is_sane(&forecast);
			/* the line the noise sits on; the last sample alone may be off by `noise` */
			made += isfinite(forecast.eta_s);
			held += forecast.eta_low_s <= truth_s * 1.01 && truth_s * 0.99 <= forecast.eta_high_s;
		}
		assert_in_range(made, 180, 200);
		assert_in_range(held, 190, 200);
	}
}

/* Rose for an hour, flat for some seconds: it may be over, so the range is open upwards. */
static void growth_that_may_have_ended(void **state)
{
	struct history history;
	struct forecast forecast;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick <= 600; tick++) {
		struct sample sample = fake_sample(tick, tick < 590 ? tick * 10 : 5900);

		history_add(&history, &sample);
	}
	forecast = forecast_at(&history, LIMIT, 600);
	range_is_sane(&forecast);
	assert_true(isfinite(forecast.eta_s));
	assert_true(isinf(forecast.eta_high_s));
}

static void now_later_than_the_last_sample(void **state)
{
	struct history history;
	struct forecast fresh, stale;
	uint64_t seed = 5;

	(void)state;
	draw(&history, line, 1, 60, 0, &seed);
	fresh = forecast_at(&history, LIMIT, 60);
	stale = forecast_at(&history, LIMIT, 70);
	assert_near(fresh.eta_s - stale.eta_s, 10);
	assert_near(fresh.eta_low_s - stale.eta_low_s, 10);
	assert_near(fresh.eta_high_s - stale.eta_high_s, 10);
	stale = forecast_at(&history, LIMIT, 86400);
	assert_near(stale.eta_s, 0);
	assert_near(stale.eta_low_s, 0);
	range_is_sane(&stale);
	/* two clocks read one after the other may be apart the other way round */
	stale = forecast_at(&history, LIMIT, 59);
	assert_near(stale.eta_s, fresh.eta_s);
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
		struct forecast forecast = forecast_at(&history, limits[i], 60);

		range_is_sane(&forecast);
		assert_near(forecast.eta_s, limits[i] == 6030 ? 0.01 : 0);
		assert_near(forecast.eta_low_s, forecast.eta_s);
	}
}

static void widest_limit(void **state)
{
	struct history history;
	struct forecast forecast;
	uint64_t seed = 7;

	(void)state;
	draw(&history, line, 1, 60, 0, &seed);
	forecast = forecast_at(&history, UINT32_MAX, 60);
	range_is_sane(&forecast);
	assert_near(forecast.eta_s, ((double)UINT32_MAX + 1 - 6030) / 100);
}

static void same_question_same_answer(void **state)
{
	struct history history;
	struct forecast one, two;
	uint64_t seed = 8;

	(void)state;
	draw(&history, line, 1, 60, 50, &seed);
	one = forecast_at(&history, LIMIT, 61);
	two = forecast_at(&history, LIMIT, 61);
	assert_memory_equal(&one, &two, sizeof(one));
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
		forecast = forecast_at(&history, fake_below(&seed, bound), at_s);
		range_is_sane(&forecast);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_known),
		cmocka_unit_test(too_little_to_tell),
		cmocka_unit_test(most_windows_rise),
		cmocka_unit_test(half_that_slows_down),
		cmocka_unit_test(a_line_is_continued),
		cmocka_unit_test(flat_and_high),
		cmocka_unit_test(falling_has_a_negative_rate),
		cmocka_unit_test(saturated_is_not_in_sight),
		cmocka_unit_test(saturating_recedes),
		cmocka_unit_test(accelerating_is_seen),
		cmocka_unit_test(range_holds_the_truth),
		cmocka_unit_test(growth_that_may_have_ended),
		cmocka_unit_test(now_later_than_the_last_sample),
		cmocka_unit_test(at_and_past_the_limit),
		cmocka_unit_test(widest_limit),
		cmocka_unit_test(same_question_same_answer),
		cmocka_unit_test(any_past_gives_a_sane_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
