/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The past of one process in constant memory, from a quarter of a second to a month: windows of time, each level's
 * twice as long as those of the level before, a few of each kept (an exponential histogram). What is t seconds old is
 * known to about t/3, whatever t is. 16 bytes a window, 1.7 kB when all are there.
 */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_LEVELS	22
#define HISTORY_WINDOWS 5	     /* of each level */
#define HISTORY_BASE_NS 250000000ULL /* length of a window of level 0; of level n 2^n times that */

struct sample {
	uint64_t ts_ns; /* any clock that only goes forward */
	uint32_t map_count;
	uint32_t at_peak;	 /* the address space is as large as it ever was, or nearly: 1, else 0 */
	uint64_t opened, closed; /* running sums */
	int64_t mapping;	 /* running sum of what mmap and its like added; the rest is splits and merges */
};

/* A time, and what happened between the end of the window before it and its own. Amounts as short floats. */
struct window {
	uint32_t end;		 /* in units of 2^22 ns, modulo 2^32 */
	uint32_t last;		 /* map count at its end */
	uint16_t below, above;	 /* by how much it was lower, and higher, within */
	uint16_t closed, mapped; /* maps closed; maps added by mmap and its like, in sum */
};

struct history {
	struct sample last; /* newest of all, on no grid */
	struct sample base; /* as it was at the end of the newest window of level 0 */
	uint64_t first_ns;  /* oldest of all */
	uint32_t first_count;
	uint32_t low, high; /* since base */
	uint32_t high_lost; /* of the time before the oldest window that is left */
	uint8_t used[HISTORY_LEVELS];
	struct window levels[HISTORY_LEVELS][HISTORY_WINDOWS]; /* oldest first */
};

/* A window as it is read: seconds from the newest sample back, so that 0 is now. */
struct stretch {
	double begin_s, end_s; /* both positive; begin_s is the larger */
	int64_t before;	       /* map count when it began */
	int64_t last, low, high;
	double closed, mapped;
};

/* At most so many cover all the past: HISTORY_WINDOWS of each level, and the time since. */
#define HISTORY_STRETCHES (HISTORY_LEVELS * HISTORY_WINDOWS + 1)

void history_reset(struct history *history);
/* Takes a sample; one that is not newer than the newest is ignored. O(1) amortised. After 13 days without any all but
 * the newest and the highest count is forgotten. */
void history_add(struct history *history, const struct sample *sample);
/* Nothing has changed from the newest sample to this one, which is not added: what came between is told as flat. */
void history_hold(struct history *history, const struct sample *sample, uint64_t step_ns);
/* All the past without a gap, oldest first, ever finer to the newest sample. Returns how many, 0 of one sample only. */
unsigned int history_read(const struct history *history, struct stretch *ret_stretches);
/* The length of a level's windows in ns. */
uint64_t history_spacing(unsigned int level);

#endif
