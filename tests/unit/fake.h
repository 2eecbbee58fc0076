/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Made-up accounts, samples and randomness for the tests of user/core; brings cmocka along. */
#ifndef FAKE_H
#define FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "history.h"
#include "mmaptrace.h"

#define SECOND	     1000000000ULL
#define LIMIT	     65530U /* the kernel's default */
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* splitmix64 (Steele, Lea, Flood 2014): the same numbers everywhere for the same seed. */
static inline uint64_t fake_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* Below `bound`, which is not 0. */
static inline uint32_t fake_below(uint64_t *state, uint32_t bound)
{
	return (uint32_t)(fake_random(state) % bound);
}

/* -1 to 1 */
static inline double fake_noise(uint64_t *state)
{
	return (double)(fake_random(state) >> 11) / (double)(1ULL << 52) - 1;
}

/* To nine digits. */
static inline bool fake_is_near(double got, double expected)
{
	return fabs(got - expected) <= 1e-9 * fmax(1, fabs(expected));
}

#define assert_near(got, expected) assert_true(fake_is_near(got, expected))

/* A sample `at_s` seconds after an hour of uptime, in which every map was mapped, none unmapped. */
static inline struct sample fake_sample(double at_s, uint32_t map_count)
{
	return (struct sample){
		.ts_ns = 3600 * SECOND + (uint64_t)llround(at_s * 1e9),
		.map_count = map_count,
		.opened = map_count,
		.mapping = map_count,
		.at_peak = 1,
	};
}

static inline uint64_t fake_ns(double at_s)
{
	return fake_sample(at_s, 0).ts_ns;
}

/* A sample a step, of the counts given. */
static inline void fake_history(struct history *history, double step_s, const uint32_t *map_counts, unsigned int count)
{
	history_reset(history);
	for (unsigned int i = 0; i < count; i++) {
		struct sample sample = fake_sample(i * step_s, map_counts[i]);

		history_add(history, &sample);
	}
}

/* A past of regular ticks, whose last window ends now. */
struct past {
	double step_s;
	unsigned int windows;
	int64_t growth;	 /* maps, spread evenly over the windows */
	int64_t closed;	 /* maps that went meanwhile; as many more were opened */
	int64_t mapping; /* of the growth, by mmap and its like */
	uint32_t base;
};

static inline double past_end_s(const struct past *past)
{
	return past->step_s * past->windows;
}

static inline void past_make(struct history *history, const struct past *past)
{
	history_reset(history);
	for (unsigned int i = 0; i <= past->windows; i++) {
		int64_t grown = past->growth * i / past->windows, closed = past->closed * i / past->windows;
		struct sample sample = fake_sample(i * past->step_s, (uint32_t)(past->base + grown));

		sample.opened = (uint64_t)(grown + closed);
		sample.closed = (uint64_t)closed;
		sample.mapping = past->mapping * i / past->windows;
		history_add(history, &sample);
	}
}

/* A process that nothing has happened to yet. */
static inline struct mt_process fake_account(uint32_t pid, uint32_t baseline)
{
	struct mt_process account = {
		.mm = 0xffff888000000000ULL + pid,
		.start_ns = 60 * SECOND,
		.tgid = pid,
		.map_count = baseline,
		.baseline = baseline,
		.high_water = baseline,
	};

	memcpy(account.comm, "fake", 5);
	return account;
}

/* Books calls of op that changed the map count by delta together, as the kernel side would. */
static inline void fake_change(struct mt_process *account, uint32_t op, uint32_t calls, int32_t delta, uint64_t ts_ns)
{
	account->tallies[op].calls += calls;
	account->tallies[op].delta += delta;
	account->map_count += (uint32_t)delta;
	if (delta > 0)
		account->opened += (uint64_t)delta;
	else
		account->closed += (uint64_t) - (int64_t)delta;
	if (account->map_count > account->high_water)
		account->high_water = account->map_count;
	if (!account->first_change_ns)
		account->first_change_ns = ts_ns;
	account->last_change_ns = ts_ns;
}

#endif
