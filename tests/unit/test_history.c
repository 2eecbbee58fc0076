/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/history.c: a past of any length in constant memory. */
#include "fake.h"

#include "history.h"

static struct sample samples[HISTORY_SAMPLES + 1];

static void add(struct history *history, double at_s, uint32_t map_count)
{
	struct sample sample = fake_sample(at_s, map_count);

	history_add(history, &sample);
}

static void spacings(void **state)
{
	(void)state;
	assert_int_equal(history_spacing(0), SECOND / 4);
	assert_int_equal(history_spacing(1), SECOND);
	assert_int_equal(history_spacing(2), 4 * SECOND);
	assert_int_equal(history_spacing(HISTORY_LEVELS - 1), 16384 * SECOND); /* four hours and a half */
}

static void empty(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++)
		assert_int_equal(history_read(&history, level, samples), 0);
}

static void one_sample_is_on_every_level_once(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	add(&history, 0, 7);
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		assert_int_equal(history_read(&history, level, samples), 1);
		assert_int_equal(samples[0].map_count, 7);
	}
	assert_int_equal(history.first.map_count, 7);
	assert_int_equal(history.last.map_count, 7);
}

/* Every counter comes back as it went in. */
static void samples_stay_whole(void **state)
{
	struct sample sample = {.ts_ns = 5 * SECOND, .map_count = UINT32_MAX, .opened = UINT64_MAX, .closed = 3};
	struct history history;

	(void)state;
	sample.mapping = INT64_MIN;
	history_reset(&history);
	history_add(&history, &sample);
	assert_int_equal(history_read(&history, 3, samples), 1);
	assert_memory_equal(&samples[0], &sample, sizeof(sample));
}

/* A tick that comes a tenth early still counts; earlier is only the newest of all. */
static void grid_boundary(void **state)
{
	static const uint64_t due = SECOND / 4 * 9 / 10;
	struct sample sample = fake_sample(0, 1);
	const uint64_t start = sample.ts_ns;

	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct history history;

		history_reset(&history);
		sample.ts_ns = start;
		history_add(&history, &sample);
		sample.ts_ns = start + due + (uint64_t)off;
		history_add(&history, &sample);
		assert_int_equal(history.used[0], off < 0 ? 1 : 2);
		assert_int_equal(history.used[1], 1);
		assert_int_equal(history_read(&history, 0, samples), 2); /* the newest is always there */
		assert_int_equal(samples[1].ts_ns, sample.ts_ns);
	}
}

/* Levels get their own grid out of even ticks. */
static void levels_thin_out(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick <= 48; tick++)
		add(&history, tick * 0.25, tick);
	/* level 0: the last 3 s; level 1: all 12 s; level 2: 0, 4, 8, 12 s */
	assert_int_equal(history_read(&history, 0, samples), HISTORY_SAMPLES);
	assert_int_equal(samples[0].map_count, 36);
	assert_int_equal(samples[HISTORY_SAMPLES - 1].map_count, 48);
	assert_int_equal(history_read(&history, 1, samples), HISTORY_SAMPLES);
	for (unsigned int i = 0; i < HISTORY_SAMPLES; i++)
		assert_int_equal(samples[i].map_count, i * 4);
	assert_int_equal(history_read(&history, 2, samples), 4);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(samples[i].map_count, i * 16);
	assert_int_equal(history_read(&history, 3, samples), 2); /* 0, and the newest */
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
	for (unsigned int level = 0; level < 3; level++) {
		unsigned int used = history_read(&history, level, samples);
		double spacing_s = (double)history_spacing(level) / 1e9;

		assert_true(used >= HISTORY_SAMPLES);
		for (unsigned int i = 1; i < HISTORY_SAMPLES; i++) {
			double gap_s = (double)(samples[i].ts_ns - samples[i - 1].ts_ns) / 1e9;

			assert_true(gap_s > spacing_s * 0.85 && gap_s < spacing_s * 1.35);
		}
	}
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

	(void)state;
	history_reset(&history);
	for (unsigned int i = 0; i < 5; i++)
		add(&history, i, i);
	add(&history, 86400, 1000);
	for (unsigned int level = 0; level < 2; level++) {
		assert_int_equal(history_read(&history, level, samples), 6);
		assert_int_equal(samples[4].map_count, 4);
		assert_int_equal(samples[5].map_count, 1000);
	}
	assert_int_equal(history_read(&history, HISTORY_LEVELS - 1, samples), 2);
}

static void wraps_without_losing_order(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick < 20000; tick++) {
		add(&history, tick * 0.25, tick);
		if (tick % 97)
			continue;
		for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
			unsigned int used = history_read(&history, level, samples);

			assert_in_range(used, 1, HISTORY_SAMPLES + 1);
			assert_int_equal(samples[used - 1].map_count, tick);
			for (unsigned int i = 1; i < used; i++)
				assert_true(samples[i].ts_ns > samples[i - 1].ts_ns);
		}
	}
	assert_int_equal(history.first.map_count, 0);
	/* 5000 s: level 5 (256 s) is full, level 6 (1024 s) is not */
	assert_int_equal(history.used[5], HISTORY_SAMPLES);
	assert_int_equal(history.used[6], 5);
}

/* Read of a full level with a younger newest gives one more: callers' arrays must hold it. */
static void newest_comes_last(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	for (unsigned int tick = 0; tick < 100; tick++)
		add(&history, tick, tick);
	add(&history, 99.1, 5000);
	for (unsigned int level = 0; level < 2; level++) {
		assert_int_equal(history_read(&history, level, samples), HISTORY_SAMPLES + 1);
		assert_int_equal(samples[HISTORY_SAMPLES - 1].map_count, 99);
		assert_int_equal(samples[HISTORY_SAMPLES].map_count, 5000);
	}
}

static void reset_forgets_all(void **state)
{
	struct history history;

	(void)state;
	history_reset(&history);
	add(&history, 1000, 5);
	history_reset(&history);
	add(&history, 1, 6); /* not older than anything now */
	assert_int_equal(history_read(&history, 0, samples), 1);
	assert_int_equal(samples[0].map_count, 6);
	assert_int_equal(history.first.map_count, 6);
}

/* Held over a time without change it is as if it had been sampled all along. */
static void held_is_as_sampled(void **state)
{
	uint64_t seed = 7;

	(void)state;
	for (unsigned int turn = 0; turn < 40; turn++) {
		struct history sampled, held;
		unsigned int at = 1, count = 100;

		history_reset(&sampled);
		history_reset(&held);
		add(&sampled, 0, count);
		add(&held, 0, count);
		for (unsigned int change = 0; change < 20; change++) {
			unsigned int until = at + 1 + fake_below(&seed, fake_below(&seed, 4) ? 20 : 100000);
			struct sample before = fake_sample(until - 1, count);

			for (; at < until; at++)
				add(&sampled, at, count);
			history_hold(&held, &before, SECOND);
			history_add(&held, &before);
			count += fake_below(&seed, 10);
		}
		for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
			struct sample other[HISTORY_SAMPLES + 1];
			unsigned int used = history_read(&sampled, level, samples);

			assert_int_equal(history_read(&held, level, other), used);
			for (unsigned int i = 0; i < used; i++) {
				assert_int_equal(other[i].ts_ns, samples[i].ts_ns);
				assert_int_equal(other[i].map_count, samples[i].map_count);
			}
		}
	}
}

static void nothing_to_hold(void **state)
{
	struct sample sample = fake_sample(100, 5);
	struct history history;

	(void)state;
	history_reset(&history);
	history_hold(&history, &sample, SECOND); /* of no past */
	assert_int_equal(history_read(&history, 0, samples), 0);
	history_add(&history, &sample);
	history_hold(&history, &sample, SECOND);
	assert_int_equal(history_read(&history, 0, samples), 1);
	sample.ts_ns -= SECOND; /* older */
	history_hold(&history, &sample, SECOND);
	assert_int_equal(history_read(&history, 0, samples), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(spacings),
		cmocka_unit_test(empty),
		cmocka_unit_test(one_sample_is_on_every_level_once),
		cmocka_unit_test(samples_stay_whole),
		cmocka_unit_test(grid_boundary),
		cmocka_unit_test(levels_thin_out),
		cmocka_unit_test(jitter_does_not_thin_further),
		cmocka_unit_test(older_and_equal_are_ignored),
		cmocka_unit_test(gaps_stay_gaps),
		cmocka_unit_test(wraps_without_losing_order),
		cmocka_unit_test(newest_comes_last),
		cmocka_unit_test(reset_forgets_all),
		cmocka_unit_test(held_is_as_sampled),
		cmocka_unit_test(nothing_to_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
