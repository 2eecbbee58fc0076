/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/history.c: a past of any length in constant memory. */
#include "fake.h"

#include "history.h"

#define UNIT_NS	    (1ULL << 22) /* to which the ends of windows are kept */
#define UNIT_S	    (UNIT_NS / 1e9)
#define WRAP_NS	    (UNIT_NS << 32)
#define DAY_S	    86400.0
#define FLOAT_PART  2000.0				/* a short float is off by one part in so many, */
#define ROUND_PART  (FLOAT_PART / (HISTORY_LEVELS + 1)) /* at most once a level */
#define SAMPLES_MAX 6000

static struct stretch stretches[HISTORY_STRETCHES];

static void add(struct history *history, double at_s, uint32_t map_count)
{
	struct sample sample = fake_sample(at_s, map_count);

	history_add(history, &sample);
}

static void stretch_is(const struct stretch *stretch, double begin_s, double end_s, int64_t before, int64_t last)
{
	assert_true(fabs(stretch->begin_s - begin_s) <= 2 * UNIT_S);
	assert_true(fabs(stretch->end_s - end_s) <= 2 * UNIT_S);
	assert_int_equal(stretch->before, before);
	assert_int_equal(stretch->last, last);
}

/* In order, without a gap, to this moment. */
static unsigned int read_sound(const struct history *history)
{
	unsigned int count = history_read(history, stretches);

	assert_true(count <= HISTORY_STRETCHES);
	for (unsigned int i = 0; i < count; i++) {
		const struct stretch *stretch = &stretches[i];

		assert_true(stretch->begin_s > stretch->end_s && stretch->end_s >= 0);
		assert_true(stretch->low >= 0 && stretch->low <= stretch->last && stretch->last <= stretch->high);
		assert_true(stretch->closed >= 0 && stretch->mapped >= 0);
		if (!i)
			continue;
		assert_true(fake_is_near(stretch->begin_s, stretches[i - 1].end_s));
		assert_int_equal(stretch->before, stretches[i - 1].last);
	}
	if (count) {
		assert_true(stretches[count - 1].end_s == 0);
		assert_int_equal(stretches[count - 1].last, history->last.map_count);
	}
	return count;
}

static void spacings(void **state)
{
	(void)state;
	assert_int_equal(history_spacing(0), SECOND / 4);
	assert_int_equal(history_spacing(1), SECOND / 2);
	assert_int_equal(history_spacing(2), SECOND);
	assert_int_equal(history_spacing(HISTORY_LEVELS - 1), 524288 * SECOND); /* six days */
}

/* 100 000 processes are to fit into 200 MB. */
static void size(void **state)
{
	(void)state;
	assert_true(sizeof(struct history) <= 1900);
	assert_int_equal(sizeof(struct window), 16);
}

static void empty(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	assert_int_equal(history_read(&history, stretches), 0);
}

static void one_sample_is_no_time(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	add(&history, 0, 7);
	assert_int_equal(history_read(&history, stretches), 0);
	assert_int_equal(history.first_count, 7);
	assert_int_equal(history.first_ns, fake_ns(0));
	assert_int_equal(history.last.map_count, 7);
}

static void two_samples_are_one_stretch(void **state)
{
	static const double steps_s[] = {1e-9, 0.001, 0.224, 0.226, 1, 3600, 13 * DAY_S};

	(void)state;
	for (size_t i = 0; i < COUNT(steps_s); i++) {
		struct history history;

		history_reset(&history);
		add(&history, 0, 100);
		add(&history, steps_s[i], 40);
		assert_int_equal(read_sound(&history), 1);
		stretch_is(&stretches[0], steps_s[i], 0, 100, 40);
		assert_int_equal(stretches[0].low, 40);
		assert_int_equal(stretches[0].high, 100);
	}
}

/* The newest comes back as it went in. */
static void samples_stay_whole(void **state)
{
	struct sample sample = {.ts_ns = 5 * SECOND, .map_count = UINT32_MAX, .opened = UINT64_MAX, .closed = 3};
	struct history history;

	(void)state;
	sample.mapping = INT64_MIN;
	history_reset(&history);
	history_add(&history, &sample);
	assert_memory_equal(&history.last, &sample, sizeof(sample));
	sample.ts_ns += SECOND;
	sample.mapping = INT64_MAX;
	history_add(&history, &sample);
	assert_memory_equal(&history.last, &sample, sizeof(sample));
	assert_memory_equal(&history.base, &sample, sizeof(sample));
}

/* A tick that comes a tenth early still makes a window; earlier is only the newest of all. */
static void grid_boundary(void **state)
{
	static const uint64_t due = SECOND / 4 * 9 / 10 / UNIT_NS * UNIT_NS;
	struct sample sample = fake_sample(0, 1);
	const uint64_t start = sample.ts_ns / UNIT_NS * UNIT_NS;

	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct history history;

		history_reset(&history);
		sample.ts_ns = start;
		history_add(&history, &sample);
		sample.ts_ns = start + due + (uint64_t)off;
		history_add(&history, &sample);
		assert_int_equal(history.used[0], off < 0 ? 0 : 1);
		assert_int_equal(history.used[1], 0);
		assert_int_equal(read_sound(&history), 1); /* the newest is always there */
	}
}

/* Levels get their own grid out of even ticks. */
static void levels_thin_out(void **state)
{
	struct history history;
	double end_s = 0;
	unsigned int count;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick <= 48; tick++)
		add(&history, tick * 0.25, tick);
	for (unsigned int level = 0; level < 4; level++)
		assert_int_equal(history.used[level], HISTORY_WINDOWS);
	assert_int_equal(history.used[4], 3); /* 4, 8 and 12 s */
	assert_int_equal(history.used[5], 1);
	assert_int_equal(history.used[6], 0);
	count = read_sound(&history);
	/* As fine as a tick at first, never finer than an eighth of the age. */
	for (unsigned int i = count; i-- > 0;) {
		double length_s = stretches[i].begin_s - stretches[i].end_s;

		assert_true(length_s <= 0.25 + end_s / 2 + 2 * UNIT_S);
		assert_true(length_s >= end_s / 8);
		end_s = stretches[i].begin_s;
	}
	assert_true(fabs(end_s - 12) <= 2 * UNIT_S);
	stretch_is(&stretches[count - 1], 0.25, 0, 47, 48);
}

/* Timers jitter by some milliseconds; the grid must not lose every other tick for it. */
static void jitter_does_not_thin_further(void **state)
{
	struct history history;
	uint64_t seed = 1;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick < 400; tick++)
		add(&history, tick * 0.25 + fake_noise(&seed) * 0.01, tick);
	for (unsigned int level = 0; level < 6; level++) {
		double spacing_s = (double)history_spacing(level) / 1e9;

		assert_int_equal(history.used[level], HISTORY_WINDOWS);
		for (unsigned int i = 1; i < HISTORY_WINDOWS; i++) {
			const struct window *windows = history.levels[level];
			double length_s = (windows[i].end - windows[i - 1].end) * UNIT_S;

			assert_true(length_s > spacing_s * 0.85 && length_s < spacing_s * 1.35);
		}
	}
	read_sound(&history);
}

static void older_and_equal_are_ignored(void **state)
{
	struct history history, before;

	(void)state;
	history_reset(&history);
	add(&history, 10, 100);
	before = history;
	add(&history, 10, 999);
	assert_memory_equal(&history, &before, sizeof(history));
	add(&history, 9.999999999, 999);
	assert_memory_equal(&history, &before, sizeof(history));
	add(&history, 10.000000001, 101);
	assert_int_equal(history.last.map_count, 101);
}

/* A suspended machine, a process without news: nothing is made up in between. */
static void gaps_stay_gaps(void **state)
{
	struct history history;
	unsigned int count;

	(void)state;
	history_reset(&history);
	for (unsigned int i = 0; i < 5; i++)
		add(&history, i, i);
	add(&history, DAY_S, 1000);
	count = read_sound(&history);
	stretch_is(&stretches[count - 1], DAY_S - 4, 0, 4, 1000);
	stretch_is(&stretches[0], DAY_S, stretches[0].end_s, 0, stretches[0].last);
}

/* What comes sooner than a window can end is kept as the newest of all, with how high and low it went meanwhile. */
static void newest_comes_last(void **state)
{
	struct history history;
	unsigned int count;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick < 100; tick++)
		add(&history, tick, tick);
	add(&history, 99.05, 7000);
	add(&history, 99.08, 3);
	add(&history, 99.1, 5000);
	count = read_sound(&history);
	stretch_is(&stretches[count - 1], 0.1, 0, 99, 5000);
	assert_int_equal(stretches[count - 1].low, 3);
	assert_int_equal(stretches[count - 1].high, 7000);
	stretch_is(&stretches[count - 2], 1.1, 0.1, 98, 99);
}

static void reset_forgets_all(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	add(&history, 1000, 5);
	add(&history, 1001, 50);
	history_reset(&history);
	add(&history, 1, 6); /* not older than anything now */
	assert_int_equal(history_read(&history, stretches), 0);
	assert_int_equal(history.first_count, 6);
	add(&history, 2, 6);
	assert_int_equal(read_sound(&history), 1);
	assert_int_equal(stretches[0].high, 6);
}

/* ---- short floats ---- */

/* What a window keeps of a sum, and of how far the map count fell and rose. */
static double kept(uint64_t amount, uint32_t depth, int64_t *ret_low, int64_t *ret_high)
{
	struct history history;
	struct sample sample = fake_sample(0, UINT32_MAX / 2);

	history_reset(&history);
	history_add(&history, &sample);
	sample = fake_sample(0.1, UINT32_MAX / 2 - depth);
	history_add(&history, &sample);
	sample = fake_sample(0.2, UINT32_MAX / 2 + depth);
	history_add(&history, &sample);
	sample = fake_sample(0.25, UINT32_MAX / 2);
	sample.closed = amount;
	sample.mapping = (int64_t)(sample.map_count + amount);
	history_add(&history, &sample);
	assert_int_equal(history.used[0], 1);
	assert_int_equal(history_read(&history, stretches), 1);
	*ret_low = stretches[0].low;
	*ret_high = stretches[0].high;
	if (amount < 1ULL << 62)
		assert_true(stretches[0].mapped >= stretches[0].closed); /* a little more */
	return stretches[0].closed;
}

static void short_floats(void **state)
{
	int64_t low, high;
	uint64_t seed = 5;

	(void)state;
	for (uint32_t amount = 0; amount <= 4096; amount++) {
		assert_near(kept(amount, amount, &low, &high), amount);
		assert_int_equal(low, UINT32_MAX / 2 - amount);
		assert_int_equal(high, UINT32_MAX / 2 + amount);
	}
	for (unsigned int round = 0; round < 20000; round++) {
		uint64_t amount = fake_random(&seed) >> (22 + fake_below(&seed, 42)); /* up to 2^42 */
		uint32_t depth = (uint32_t)(amount & INT32_MAX) >> 1;
		double got = kept(amount, depth, &low, &high);

		assert_true(fabs(got - (double)amount) <= (double)amount / FLOAT_PART);
		assert_true(fabs((double)(low - (int64_t)(UINT32_MAX / 2 - depth))) <= depth / FLOAT_PART);
		assert_true(fabs((double)(high - (int64_t)(UINT32_MAX / 2 + depth))) <= depth / FLOAT_PART);
	}
}

static void short_floats_saturate(void **state)
{
	const uint64_t most = 1ULL << 42;
	uint64_t amounts[] = {most - 1, most, most + 1, 1ULL << 62, INT64_MAX, UINT64_MAX};
	int64_t low, high;

	(void)state;
	for (size_t i = 0; i < COUNT(amounts); i++) {
		double got = kept(amounts[i], 0, &low, &high);

		assert_true(got <= (double)most && got >= (double)most * (1 - 1 / FLOAT_PART));
	}
}

/* They saturate as they add up, too. */
static void sums_saturate(void **state)
{
	struct history history;
	double closed = 0;
	unsigned int count;

	(void)state;
	history_reset(&history);
	for (unsigned int i = 0; i < 1000; i++) {
		struct sample sample = fake_sample(i, 1);

		sample.closed = (uint64_t)i << 42;
		history_add(&history, &sample);
	}
	count = read_sound(&history);
	for (unsigned int i = 0; i < count; i++)
		closed += stretches[i].closed;
	assert_true(closed <= 1000.0 * (1ULL << 42));
	assert_true(closed >= (count - 1) * 0.999 * (1ULL << 42));
}

static void highest_counts(void **state)
{
	struct history history;
	uint64_t seed = 8;
	unsigned int count;

	(void)state;
	history_reset(&history);
	for (unsigned int i = 0; i < 5000; i++)
		add(&history, i, fake_below(&seed, 2) ? UINT32_MAX - fake_below(&seed, 2) : fake_below(&seed, 2));
	count = read_sound(&history);
	for (unsigned int i = 0; i < count; i++) {
		assert_true(stretches[i].high <= UINT32_MAX);
		assert_true(stretches[i].last <= UINT32_MAX);
	}
	assert_true((double)stretches[0].high >= UINT32_MAX * (1 - 1 / ROUND_PART));
	assert_true((double)stretches[0].low <= UINT32_MAX / ROUND_PART);
}

/* A copy damaged in its making: what runs backwards is no change. */
static void counters_run_backwards(void **state)
{
	struct history history;
	struct sample sample = fake_sample(0, 100);

	(void)state;
	sample.closed = 1000;
	sample.mapping = 1000;
	history_reset(&history);
	history_add(&history, &sample);
	sample = fake_sample(0.1, 100);
	sample.closed = 999;
	sample.mapping = -1;
	history_add(&history, &sample);
	assert_int_equal(read_sound(&history), 1); /* of the open one */
	assert_near(stretches[0].closed, 0);
	assert_near(stretches[0].mapped, 0);
	sample.ts_ns += SECOND;
	history_add(&history, &sample);
	assert_int_equal(read_sound(&history), 1);
	assert_near(stretches[0].closed, 0);
	assert_near(stretches[0].mapped, 0);
	sample.ts_ns += SECOND;
	sample.mapping = INT64_MIN; /* and on to INT64_MAX: no overflow */
	history_add(&history, &sample);
	sample.ts_ns += SECOND;
	sample.mapping = INT64_MAX;
	history_add(&history, &sample);
	read_sound(&history);
}

/* ---- any past ---- */

/* All that was ever added. */
struct truth {
	struct sample samples[SAMPLES_MAX];
	unsigned int count;
	double gap_s; /* the longest between two */
};

static struct truth truth;

static void truth_add(struct history *history, const struct sample *sample)
{
	if (truth.count) {
		double gap_s = (double)(sample->ts_ns - truth.samples[truth.count - 1].ts_ns) / 1e9;

		truth.gap_s = gap_s > truth.gap_s ? gap_s : truth.gap_s;
	}
	assert_true(truth.count < SAMPLES_MAX);
	truth.samples[truth.count++] = *sample;
	history_add(history, sample);
}

static double truth_age_s(unsigned int i)
{
	return (double)(truth.samples[truth.count - 1].ts_ns - truth.samples[i].ts_ns) / 1e9;
}

/* Ends are kept to one unit, each age is the difference of two. */
static bool was_there(double age_s, int64_t map_count)
{
	for (unsigned int i = truth.count; i-- > 0 && truth_age_s(i) <= age_s + 2 * UNIT_S;) {
		if (truth_age_s(i) >= age_s - 2 * UNIT_S && truth.samples[i].map_count == map_count)
			return true;
	}
	return false;
}

/* Between what it was well within the stretch, and what it was within or just beside it. */
static void extremes_are_true(const struct stretch *stretch)
{
	int64_t inner_low = INT64_MAX, inner_high = 0, outer_low = INT64_MAX, outer_high = 0;
	double slack;

	for (unsigned int i = truth.count; i-- > 0 && truth_age_s(i) <= stretch->begin_s + 2 * UNIT_S;) {
		int64_t map_count = truth.samples[i].map_count;
		double age_s = truth_age_s(i);

		if (age_s < stretch->end_s - 2 * UNIT_S)
			continue;
		outer_low = map_count < outer_low ? map_count : outer_low;
		outer_high = map_count > outer_high ? map_count : outer_high;
		if (age_s > stretch->begin_s - 2 * UNIT_S || age_s < stretch->end_s + 2 * UNIT_S)
			continue;
		inner_low = map_count < inner_low ? map_count : inner_low;
		inner_high = map_count > inner_high ? map_count : inner_high;
	}
	slack = 1 + (double)(outer_high - outer_low) / ROUND_PART;
	assert_true((double)stretch->low >= (double)outer_low - slack);
	assert_true((double)stretch->high <= (double)outer_high + slack);
	assert_true((double)stretch->low <= (double)inner_low + slack);
	assert_true((double)stretch->high >= (double)inner_high - slack);
}

static void sums_are_true(const struct history *history, unsigned int count)
{
	const struct sample *last = &truth.samples[truth.count - 1], *first = &truth.samples[0];
	double closed = 0, mapped = 0;

	for (unsigned int i = 0; i < count; i++) {
		closed += stretches[i].closed;
		mapped += stretches[i].mapped;
	}
	closed /= (double)(last->closed - first->closed) + 1e-9;
	mapped /= (double)(last->mapping - first->mapping) + 1e-9;
	assert_true(closed <= 1.0001 + 1 / ROUND_PART && mapped <= 1.0001 + 1 / ROUND_PART);
	if (history->used[HISTORY_LEVELS - 1] == HISTORY_WINDOWS)
		return; /* some may have been dropped */
	assert_true(closed >= 0.9999 - 1 / ROUND_PART || last->closed == first->closed);
	assert_true(mapped >= 0.9999 - 1 / ROUND_PART || last->mapping == first->mapping);
	assert_true(fabs(stretches[0].begin_s - truth_age_s(0)) <= 2 * UNIT_S);
}

/* How much longer than half its age a stretch is, and than its part of the grid. */
static void history_is_true(const struct history *history, double age_part)
{
	unsigned int count = read_sound(history);

	for (unsigned int i = 0; i < count; i++) {
		double length_s = stretches[i].begin_s - stretches[i].end_s;

		assert_true(was_there(stretches[i].end_s, stretches[i].last));
		assert_true(was_there(stretches[i].begin_s, stretches[i].before));
		extremes_are_true(&stretches[i]);
		if (length_s > stretches[i].end_s * age_part + 0.5 + truth.gap_s)
			fail_msg("%g s long, %g s ago", length_s, stretches[i].end_s);
	}
	if (truth.count > 1)
		sums_are_true(history, count);
}

static double step_make(uint64_t *seed, unsigned int mode)
{
	static const struct {
		double low_s, high_s;
	} modes[] = {{0.001, 0.01}, {0.1, 0.4}, {0.25, 0.25}, {1, 1}, {0.9, 1.1}, {1, 600}, {60, 40000}};

	if (mode >= COUNT(modes)) /* of any length, with pauses of up to ten days */
		return exp(fake_noise(seed) * 4) * (fake_below(seed, 200) ? 1 : 15000);
	return modes[mode].low_s + (modes[mode].high_s - modes[mode].low_s) * (fake_noise(seed) + 1) / 2;
}

static struct sample sample_next(uint64_t *seed, const struct sample *before, double step_s)
{
	uint32_t grown = fake_below(seed, 3) ? fake_below(seed, 50) : 0;
	uint32_t gone = fake_below(seed, 30) ? fake_below(seed, 40) : fake_below(seed, 5000);
	struct sample sample = *before;

	gone = gone < sample.map_count + grown ? gone : sample.map_count + grown;
	sample.ts_ns += (uint64_t)(step_s * 1e9);
	sample.map_count += grown;
	sample.map_count -= gone;
	sample.opened += grown;
	sample.closed += gone;
	sample.mapping += grown;
	return sample;
}

static void no_gap_whatever_the_sampling(void **state)
{
	static const uint64_t starts_ns[] = {1, 3600 * SECOND, WRAP_NS - 600 * SECOND, 3 * WRAP_NS - 2 * SECOND};
	uint64_t seed = 11;

	(void)state;
	for (unsigned int round = 0; round < 160; round++) {
		struct sample sample = {.ts_ns = starts_ns[round % COUNT(starts_ns)], .map_count = 1000};
		unsigned int mode = round / COUNT(starts_ns) % 8, length = fake_below(&seed, round % 3 ? 200 : 5000);
		struct history history;

		history_reset(&history);
		memset(&truth, 0, sizeof(truth));
		truth_add(&history, &sample);
		for (unsigned int i = 0; i < length; i++) {
			sample = sample_next(&seed, &sample, step_make(&seed, mode));
			truth_add(&history, &sample);
			if (i < 30 || i % 61 == 0 || i + 1 == length)
				history_is_true(&history, mode == 2 || mode == 3 ? 2.0 / 3 : 1);
		}
	}
}

/* Through months, tick by tick, the memory is enough for a month and more. */
static void months_of_ticks(void **state)
{
	struct history history;
	unsigned int count;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick < 100 * 24 * 60; tick++)
		add(&history, tick * 60.0, tick);
	count = read_sound(&history);
	assert_true(stretches[0].begin_s > 24 * DAY_S && stretches[0].begin_s < 62 * DAY_S);
	for (unsigned int i = 0; i < count; i++)
		assert_true(stretches[i].begin_s - stretches[i].end_s <= stretches[i].end_s * 2 / 3 + 60.5);
	assert_true(history.high_lost > 0);
	/* What is not told of any more is known to have been lower. */
	assert_in_range(stretches[0].before - history.high_lost, 0, stretches[0].before);
}

/* The highest of all is known, though what it was part of is not told of any more. */
static void high_is_never_lost(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	add(&history, 0, 100);
	for (unsigned int day = 1; day < 150; day++) {
		unsigned int count;
		int64_t high;

		add(&history, day * DAY_S - 1, day == 3 ? 5000 : 100);
		add(&history, day * DAY_S, 100);
		count = read_sound(&history);
		high = history.high_lost;
		for (unsigned int i = 0; i < count; i++)
			high = stretches[i].high > high ? stretches[i].high : high;
		assert_in_range(high, day < 3 ? 100 : 4950, day < 3 ? 100 : 5000);
	}
}

/* Units of time are 32 bits wide, which is 208 days. */
static void units_wrap(void **state)
{
	static struct stretch before[HISTORY_STRETCHES];
	unsigned int before_count = 0;

	(void)state;
	/* The same past, far from the wrap and across it. */
	for (unsigned int across = 0; across < 2; across++) {
		struct sample sample = {.ts_ns = across ? WRAP_NS - 500 * UNIT_NS : WRAP_NS / 2};
		struct history history;
		unsigned int count;

		history_reset(&history);
		for (unsigned int i = 0; i < 3000; i++) {
			sample.map_count = i * 10;
			history_add(&history, &sample);
			sample.ts_ns += SECOND;
		}
		count = read_sound(&history);
		if (across) {
			assert_int_equal(count, before_count);
			assert_memory_equal(before, stretches, count * sizeof(before[0]));
		}
		before_count = count;
		memcpy(before, stretches, sizeof(before));
	}
}

/* Whoever sleeps for longer than units can tell: what was before is not placed after. */
static void longest_sleeps(void **state)
{
	static const double days[] = {20, 60, 103, 105, 120, 160, 200, 207, 209, 215, 300, 420, 1000};

	(void)state;
	for (size_t i = 0; i < COUNT(days); i++) {
		for (unsigned int held = 0; held < 2; held++) {
			double at_s = days[i] * DAY_S;
			struct sample until = fake_sample(at_s - 1, 150);
			struct history history;
			unsigned int count;

			history_reset(&history);
			for (unsigned int tick = 0; tick < 50; tick++)
				add(&history, tick, 100 + tick);
			add(&history, 60, 150);
			if (held)
				history_hold(&history, &until, SECOND);
			history_add(&history, &until);
			for (unsigned int tick = 0; tick < 100; tick++)
				add(&history, at_s + tick, 150 + 10 * tick);
			count = read_sound(&history);
			/* All that grew since was within these 100 s, and the sleep was flat. */
			assert_true(stretches[0].begin_s >= 10 * DAY_S);
			for (unsigned int j = 0; j < count; j++) {
				if (stretches[j].end_s < 100 - UNIT_S)
					assert_true(stretches[j].begin_s < 200 || stretches[j].before == 150);
			}
			assert_int_equal(stretches[count - 1].last, 1140);
		}
	}
}

/* ---- hold ---- */

/* Flat for hours, then a change: it is known to the step when it came. */
static void held_then_changed(void **state)
{
	static const double hours[] = {0.01, 1, 5, 240};

	(void)state;
	for (size_t i = 0; i < COUNT(hours); i++) {
		double until_s = floor(hours[i] * 3600);
		struct sample flat = fake_sample(until_s, 100);
		struct history history;
		unsigned int count;

		history_reset(&history);
		add(&history, 0, 100);
		history_hold(&history, &flat, SECOND);
		assert_true(history.last.ts_ns < flat.ts_ns);
		assert_true(history.last.ts_ns + 3 * SECOND / 2 >= flat.ts_ns);
		history_add(&history, &flat);
		add(&history, until_s + 1, 900);
		count = read_sound(&history);
		stretch_is(&stretches[count - 1], 1, 0, 100, 900);
		assert_true(fabs(stretches[0].begin_s - until_s - 1) <= 2 * UNIT_S);
		for (unsigned int j = 0; j + 1 < count; j++) {
			assert_int_equal(stretches[j].low, 100);
			assert_int_equal(stretches[j].high, 100);
			assert_true(stretches[j].begin_s - stretches[j].end_s <= stretches[j].end_s + 2);
		}
	}
}

/* To the last bit, if it was for minutes. */
static void held_for_minutes_is_as_sampled(void **state)
{
	uint64_t seed = 17;

	(void)state;
	for (unsigned int turn = 0; turn < 40; turn++) {
		struct history sampled, held;
		unsigned int at = 1, count = 100;

		history_reset(&sampled);
		history_reset(&held);
		add(&sampled, 0, count);
		add(&held, 0, count);
		for (unsigned int change = 0; change < 20; change++) {
			unsigned int until = at + 1 + fake_below(&seed, fake_below(&seed, 4) ? 20 : 500);
			struct sample before = fake_sample(until - 1, count);

			for (; at < until; at++)
				add(&sampled, at, count);
			history_hold(&held, &before, SECOND);
			history_add(&held, &before);
			assert_memory_equal(&held, &sampled, sizeof(held));
			count += fake_below(&seed, 10);
		}
	}
}

/* Held over the times without change, as sampled all along: counts at the same times, with the same extremes. */
static void held_is_as_sampled(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned int turn = 0; turn < 40; turn++) {
		uint32_t count = 100;
		unsigned int at = 1;
		struct history held;
		struct sample sample = fake_sample(0, count);

		memset(&truth, 0, sizeof(truth));
		history_reset(&held);
		truth_add(&held, &sample);
		for (unsigned int change = 0; change < 20; change++) {
			unsigned int until = at + 1 + fake_below(&seed, 300);

			for (; at < until; at++) {
				/* known here, not told */
				truth.samples[truth.count++] = fake_sample(at, count);
			}
			sample = fake_sample(until - 1, count);
			history_hold(&held, &sample, SECOND);
			history_add(&held, &sample);
			count = fake_below(&seed, 3) ? count + fake_below(&seed, 100) : count - count / 3;
			truth_add(&held, &(struct sample){.ts_ns = fake_ns(until), .map_count = count});
			at = until + 1;
			for (unsigned int i = read_sound(&held); i-- > 0;)
				extremes_are_true(&stretches[i]);
		}
	}
}

static void nothing_to_hold(void **state)
{
	struct sample sample = fake_sample(100, 5);
	struct history history, before;

	(void)state;
	history_reset(&history);
	history_hold(&history, &sample, SECOND); /* of no past */
	assert_int_equal(history_read(&history, stretches), 0);
	assert_int_equal(history.last.ts_ns, 0);
	history_add(&history, &sample);
	before = history;
	history_hold(&history, &sample, SECOND);
	sample.ts_ns -= SECOND; /* older */
	history_hold(&history, &sample, SECOND);
	sample.ts_ns += 101 * SECOND; /* of no step */
	history_hold(&history, &sample, 0);
	assert_memory_equal(&history, &before, sizeof(history));
}

/* A step and a half is one step, for ticks jitter. */
static void hold_boundary(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct sample sample = fake_sample(100, 5);
		struct history history;

		history_reset(&history);
		history_add(&history, &sample);
		sample.ts_ns += 3 * SECOND / 2 + (uint64_t)off;
		history_hold(&history, &sample, SECOND);
		assert_int_equal(history.last.ts_ns, off > 0 ? fake_ns(101) : fake_ns(100));
	}
}

/* Times that no clock shows, from a damaged record: it comes to an end. */
static void hold_to_the_end_of_time(void **state)
{
	const uint64_t times_ns[] = {1, SECOND, UINT64_MAX - 2 * SECOND, UINT64_MAX - 1, UINT64_MAX};
	const uint64_t steps_ns[] = {1, 2, SECOND, UINT64_MAX / 2, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(times_ns) * COUNT(times_ns) * COUNT(steps_ns); i++) {
		struct sample from = {.ts_ns = times_ns[i % COUNT(times_ns)], .map_count = 5}, to = from;
		struct history history;

		to.ts_ns = times_ns[i / COUNT(times_ns) % COUNT(times_ns)];
		history_reset(&history);
		history_add(&history, &from);
		history_hold(&history, &to, steps_ns[i / COUNT(times_ns) / COUNT(times_ns)]);
		assert_true(history.last.ts_ns == from.ts_ns || history.last.ts_ns <= to.ts_ns);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spacings),
		cmocka_unit_test(size),
		cmocka_unit_test(empty),
		cmocka_unit_test(one_sample_is_no_time),
		cmocka_unit_test(two_samples_are_one_stretch),
		cmocka_unit_test(samples_stay_whole),
		cmocka_unit_test(grid_boundary),
		cmocka_unit_test(levels_thin_out),
		cmocka_unit_test(jitter_does_not_thin_further),
		cmocka_unit_test(older_and_equal_are_ignored),
		cmocka_unit_test(gaps_stay_gaps),
		cmocka_unit_test(newest_comes_last),
		cmocka_unit_test(reset_forgets_all),
		cmocka_unit_test(short_floats),
		cmocka_unit_test(short_floats_saturate),
		cmocka_unit_test(sums_saturate),
		cmocka_unit_test(highest_counts),
		cmocka_unit_test(counters_run_backwards),
		cmocka_unit_test(no_gap_whatever_the_sampling),
		cmocka_unit_test(months_of_ticks),
		cmocka_unit_test(high_is_never_lost),
		cmocka_unit_test(units_wrap),
		cmocka_unit_test(longest_sleeps),
		cmocka_unit_test(held_then_changed),
		cmocka_unit_test(held_for_minutes_is_as_sampled),
		cmocka_unit_test(held_is_as_sampled),
		cmocka_unit_test(nothing_to_hold),
		cmocka_unit_test(hold_boundary),
		cmocka_unit_test(hold_to_the_end_of_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
