/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/reading.c: what a tick reads. */
#include "fake.h"

#include "reading.h"

#define ROOM 4

static struct reading reading_make(void)
{
	struct reading reading;

	assert_int_equal(reading_init(&reading, ROOM), 0);
	return reading;
}

/* A tick with these notes; true if it reads all. */
static bool tick(struct reading *reading, uint64_t missed, const uint64_t *mms, unsigned int count)
{
	reading_begin(reading, missed);
	for (unsigned int i = 0; i < count; i++)
		reading_note(reading, mms[i]);
	return reading_is_all(reading);
}

static bool quiet_tick(struct reading *reading)
{
	return tick(reading, 0, NULL, 0);
}

static void assert_due(struct reading *reading, const uint64_t *mms, unsigned int count)
{
	unsigned int due_count;
	const uint64_t *due = reading_due(reading, &due_count);

	assert_int_equal(due_count, count);
	for (unsigned int i = 0; i < count; i++)
		assert_int_equal(due[i], mms[i]);
}

static void first_tick_reads_all(void **state)
{
	struct reading reading = reading_make();

	(void)state;
	assert_true(quiet_tick(&reading));
	assert_false(quiet_tick(&reading));
	assert_due(&reading, NULL, 0);
	reading_free(&reading);
	reading_free(&reading); /* twice does no harm */
}

/* 10 000 processes at rest: nothing to read, but all of them once in 60 ticks. */
static void quiet_ticks_read_nothing(void **state)
{
	struct reading reading = reading_make();
	unsigned int all = 0;

	(void)state;
	for (unsigned int i = 0; i < 1 + 10 * READING_ALL_EVERY; i++) {
		if (quiet_tick(&reading))
			all++;
		else
			assert_due(&reading, NULL, 0);
	}
	assert_int_equal(all, 1 + 10);
	reading_free(&reading);
}

/* In its own tick, and in two more: see reading.h. */
static void noted_is_read_three_times(void **state)
{
	struct reading reading = reading_make();
	const uint64_t a[] = {7}, b[] = {5}, both[] = {5, 7};

	(void)state;
	quiet_tick(&reading);
	assert_false(tick(&reading, 0, a, 1));
	assert_due(&reading, a, 1);
	assert_false(tick(&reading, 0, b, 1));
	assert_due(&reading, both, 2);
	assert_false(quiet_tick(&reading));
	assert_due(&reading, both, 2);
	assert_false(quiet_tick(&reading));
	assert_due(&reading, b, 1);
	assert_false(quiet_tick(&reading));
	assert_due(&reading, NULL, 0);
	reading_free(&reading);
}

/* Noted in each tick, or twice in one: once is enough. */
static void read_once_a_tick(void **state)
{
	struct reading reading = reading_make();
	const uint64_t notes[] = {9, 3, 9, UINT64_MAX}, due[] = {3, 9, UINT64_MAX};

	(void)state;
	quiet_tick(&reading);
	for (unsigned int i = 0; i < 10; i++) {
		assert_false(tick(&reading, 0, notes, COUNT(notes)));
		assert_due(&reading, due, COUNT(due));
	}
	reading_free(&reading);
}

static unsigned int ticks_reading_all(struct reading *reading, uint64_t missed)
{
	unsigned int all = 0;

	while (tick(reading, missed, NULL, 0))
		all++;
	return all;
}

/* A note that found no room may have been anybody's, and is as young as any. */
static void missed_notes_read_all(void **state)
{
	struct reading reading = reading_make();

	(void)state;
	quiet_tick(&reading);
	assert_int_equal(ticks_reading_all(&reading, 0), 0);
	assert_int_equal(ticks_reading_all(&reading, 1), READING_TIMES);
	assert_int_equal(ticks_reading_all(&reading, 1), 0); /* no more than told before */
	assert_true(tick(&reading, 2, NULL, 0));
	assert_int_equal(ticks_reading_all(&reading, 3), READING_TIMES); /* and again while at it */
	assert_int_equal(ticks_reading_all(&reading, 0), READING_TIMES); /* a counter that wrapped */
	reading_free(&reading);
}

/* More notes than there is room for here. */
static void too_many_notes_read_all(void **state)
{
	struct reading reading = reading_make();
	const uint64_t notes[ROOM + 1] = {1, 2, 3, 4, 5};

	(void)state;
	quiet_tick(&reading);
	assert_false(tick(&reading, 0, notes, ROOM));
	assert_due(&reading, notes, ROOM);
	assert_true(tick(&reading, 0, notes, ROOM + 1));
	assert_int_equal(ticks_reading_all(&reading, 0), READING_TIMES - 1);
	reading_free(&reading);
}

static void asked_for(void **state)
{
	struct reading reading = reading_make();

	(void)state;
	quiet_tick(&reading);
	reading_ask_again(&reading);
	assert_int_equal(ticks_reading_all(&reading, 0), 1);
	reading_ask_all(&reading);
	reading_ask_again(&reading); /* asks for no less */
	assert_int_equal(ticks_reading_all(&reading, 0), READING_TIMES);
	reading_free(&reading);
}

/* Any notes: what is due is the set of those of three ticks. */
static void due_is_the_union(void **state)
{
	struct reading reading;
	uint64_t seed = 42;
	bool noted[3][256] = {0};

	(void)state;
	assert_int_equal(reading_init(&reading, 200), 0);
	quiet_tick(&reading);
	for (unsigned int turn = 0; turn < 500; turn++) {
		bool *now = noted[turn % 3];
		uint64_t mms[200];
		unsigned int count = fake_below(&seed, 200), due_count, expected = 0;
		const uint64_t *due;

		memset(now, 0, sizeof(noted[0]));
		for (unsigned int i = 0; i < count; i++)
			now[mms[i] = fake_below(&seed, 256)] = true;
		if (tick(&reading, 0, mms, count))
			continue;
		due = reading_due(&reading, &due_count);
		for (unsigned int mm = 0; mm < 256; mm++) {
			if (noted[0][mm] || noted[1][mm] || noted[2][mm])
				assert_int_equal(due[expected++], mm);
		}
		assert_int_equal(due_count, expected);
	}
	reading_free(&reading);
}

/* ---- the kernel's part of it, step by step, against ours: every change is read in the end ---- */

#define WRITERS	   3
#define TICK_STEPS 40 /* the world's, from one tick to the next; what is booked is held back for less */

struct world {
	struct reading reading;
	uint64_t seed;
	uint32_t tick, account_tick;
	bool noted;
	unsigned int booked, visible;  /* changes, and those of them that others can see by now */
	unsigned int seen;	       /* changes in our copy */
	unsigned int held[TICK_STEPS]; /* changes that come to light in so many steps from now */
	struct {
		unsigned int step;
		uint32_t tick; /* as it looked at it */
	} writers[WRITERS];
};

/* process_note() after a booking; each case is one access to memory. */
static void writer_step(struct world *world, unsigned int writer, bool rest)
{
	unsigned int *step = &world->writers[writer].step;

	switch (*step) {
	case 0:
		if (rest)
			return;
		world->booked++;
		world->held[fake_below(&world->seed, 4) ? 0 : fake_below(&world->seed, TICK_STEPS)]++;
		break;
	case 1:
		world->writers[writer].tick = world->tick;
		break;
	case 2:
		if (world->account_tick == world->writers[writer].tick) {
			*step = 0;
			return;
		}
		world->account_tick = world->writers[writer].tick;
		break;
	default:
		world->noted = true;
		*step = 0;
		return;
	}
	++*step;
}

static void world_steps(struct world *world, unsigned int steps, bool rest)
{
	while (steps--) {
		world->visible += world->held[0];
		memmove(world->held, world->held + 1, sizeof(world->held) - sizeof(world->held[0]));
		world->held[TICK_STEPS - 1] = 0;
		/* Now and then one is kept waiting long. */
		if (fake_below(&world->seed, 8))
			writer_step(world, fake_below(&world->seed, fake_below(&world->seed, 16) ? 2 : WRITERS), rest);
	}
}

static void world_tick(struct world *world, bool rest)
{
	unsigned int pause = fake_below(&world->seed, 6), count;

	reading_begin(&world->reading, 0);
	world->tick++;
	world_steps(world, pause, rest);
	if (world->noted)
		reading_note(&world->reading, 1);
	world->noted = false;
	world_steps(world, fake_below(&world->seed, 6), rest);
	reading_is_all(&world->reading);
	reading_due(&world->reading, &count);
	if (count)
		world->seen = world->visible;
	world_steps(world, TICK_STEPS, rest);
}

static void no_change_is_missed(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 3000; seed++) {
		struct world world = {.reading = reading_make(), .seed = seed, .tick = 1};

		for (unsigned int i = 0; i < 30; i++)
			world_tick(&world, i % 10 > fake_below(&world.seed, 10));
		while (world.writers[0].step || world.writers[1].step || world.writers[2].step)
			world_tick(&world, true);
		for (unsigned int i = 0; i < READING_TIMES; i++)
			world_tick(&world, true);
		assert_int_equal(world.visible, world.booked);
		assert_int_equal(world.seen, world.booked);
		reading_free(&world.reading);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_tick_reads_all),
		cmocka_unit_test(quiet_ticks_read_nothing),
		cmocka_unit_test(noted_is_read_three_times),
		cmocka_unit_test(read_once_a_tick),
		cmocka_unit_test(missed_notes_read_all),
		cmocka_unit_test(too_many_notes_read_all),
		cmocka_unit_test(asked_for),
		cmocka_unit_test(due_is_the_union),
		cmocka_unit_test(no_change_is_missed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
