/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/trail.c: packed and unpacked, a trail is what it was. */
#include "fake.h"

#include <stdlib.h>

#include "trail.h"

#define SMALL_BYTES 300
#define FULL_BYTES  2000

static void add(struct trail *trail, double at_s, uint32_t map_count)
{
	struct sample sample = fake_sample(at_s, map_count);

	history_add(&trail->history, &sample);
	climb_note(&trail->climb, &sample, LIMIT);
}

static void assert_same(const struct trail *a, const struct trail *b)
{
	struct stretch one[HISTORY_STRETCHES], other[HISTORY_STRETCHES];
	unsigned int count = history_read(&a->history, one);

	assert_int_equal(history_read(&b->history, other), count);
	assert_memory_equal(one, other, count * sizeof(one[0]));
	assert_memory_equal(a, b, sizeof(*a));
}

static void empty(void **state)
{
	struct packed_trail *packed = NULL;
	struct trail trail, copy;

	(void)state;
	trail_reset(&trail);
	memset(&copy, 0xff, sizeof(copy));
	assert_int_equal(trail_pack(&trail, &packed), 0);
	assert_in_range(trail_size(packed), 1, SMALL_BYTES);
	trail_unpack(packed, &copy);
	assert_memory_equal(&copy, &trail, sizeof(copy));
	free(packed);
}

/* Of any length and shape; and it goes on as if it had never been packed. */
static void comes_back_as_it_was(void **state)
{
	struct packed_trail *packed = NULL;
	uint64_t seed = 3;

	(void)state;
	for (unsigned int turn = 0; turn < 100; turn++) {
		unsigned int count = fake_below(&seed, turn % 4 ? 20 : 2000), climbs = fake_below(&seed, 2);
		double at_s = 0, pace = fake_below(&seed, 3) ? 1 : 1000;
		struct trail trail, copy;
		uint32_t maps = 100;

		trail_reset(&trail);
		trail_reset(&copy);
		for (unsigned int i = 0; i < count; i++) {
			at_s += (1 + fake_below(&seed, 40)) / 10.0 * pace;
			maps = climbs ? maps + fake_below(&seed, 50) : fake_below(&seed, 1000);
			add(&trail, at_s, maps);
			add(&copy, at_s, maps);
			assert_int_equal(trail_pack(&copy, &packed), 0);
			assert_in_range(trail_size(packed), 1, FULL_BYTES);
			memset(&copy, 0xff, sizeof(copy));
			trail_unpack(packed, &copy);
			if (i < 30 || i + 1 == count)
				assert_same(&trail, &copy);
		}
	}
	free(packed);
}

/* A program that has started and now sleeps: 10 000 of them are to fit into a few megabytes. */
static void a_short_one_is_small(void **state)
{
	struct packed_trail *packed = NULL;
	struct trail trail;

	(void)state;
	trail_reset(&trail);
	add(&trail, 0, 0);
	add(&trail, 0.4, 23);
	assert_int_equal(trail_pack(&trail, &packed), 0);
	assert_in_range(trail_size(packed), 1, SMALL_BYTES);
	free(packed);
}

/* After months, with a climb on top. */
static void the_longest_one(void **state)
{
	struct packed_trail *packed = NULL;
	struct trail trail, copy;
	uint32_t maps = 0;
	double at_s = 0;

	(void)state;
	trail_reset(&trail);
	for (double step_s = 6.2 * 86400; step_s > 0.2; step_s /= 2) {
		for (unsigned int i = 0; i < HISTORY_WINDOWS; i++) {
			at_s += step_s;
			add(&trail, at_s, maps += 100);
		}
	}
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++)
		assert_int_equal(trail.history.used[level], HISTORY_WINDOWS);
	add(&trail, at_s + 1e-3, UINT32_MAX);
	assert_int_equal(trail_pack(&trail, &packed), 0);
	assert_in_range(trail_size(packed), HISTORY_LEVELS * HISTORY_WINDOWS * sizeof(struct window), FULL_BYTES);
	trail_unpack(packed, &copy);
	assert_same(&trail, &copy);
	free(packed);
}

/* What was long and begins anew, at an exec, gives its room back. */
static void room_is_given_back(void **state)
{
	struct packed_trail *packed = NULL;
	struct trail trail, copy;

	(void)state;
	trail_reset(&trail);
	for (unsigned int i = 0; i < 2000; i++)
		add(&trail, i, i);
	assert_int_equal(trail_pack(&trail, &packed), 0);
	assert_in_range(trail_size(packed), SMALL_BYTES * 2, FULL_BYTES);
	trail_reset(&trail);
	add(&trail, 2000, 5);
	assert_int_equal(trail_pack(&trail, &packed), 0);
	assert_in_range(trail_size(packed), 1, SMALL_BYTES);
	trail_unpack(packed, &copy);
	assert_same(&trail, &copy);
	free(packed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(comes_back_as_it_was),
		cmocka_unit_test(a_short_one_is_small),
		cmocka_unit_test(the_longest_one),
		cmocka_unit_test(room_is_given_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
