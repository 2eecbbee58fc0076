/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The past of one process in constant memory: the same counters sampled at
 * several resolutions, each coarser by a factor, each ring of equal length.
 */
#ifndef CORE_HISTORY_H
#define CORE_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#define HISTORY_LEVELS	9
#define HISTORY_SAMPLES 13	     /* 12 windows between 13 samples */
#define HISTORY_BASE_NS 250000000ULL /* spacing of level 0; level n: 4^n times that (4.5 h at the last) */

struct sample {
	uint64_t ts_ns; /* any clock that only goes forward */
	uint32_t map_count;
	uint32_t at_peak;	 /* the address space is as large as it ever was, or nearly: 1, else 0 */
	uint64_t opened, closed; /* running sums */
	int64_t mapping;	 /* running sum of what mmap and its like added; the rest is splits and merges */
};

struct history {
	struct sample ring[HISTORY_LEVELS][HISTORY_SAMPLES];
	uint8_t next[HISTORY_LEVELS], used[HISTORY_LEVELS];
	struct sample last;  /* newest of all, on no grid */
	struct sample first; /* oldest of all */
};

void history_reset(struct history *history);
/* Takes a sample; one older than the newest is ignored. O(levels) worst, O(1) amortised. */
void history_add(struct history *history, const struct sample *sample);
/*
 * Nothing has changed between the newest sample and this one: what samples every
 * step_ns would have left, this one not among them. O(levels * samples) at most.
 */
void history_hold(struct history *history, const struct sample *sample, uint64_t step_ns);
/* Spacing of a level in ns. */
uint64_t history_spacing(unsigned int level);
/*
 * Copies a level's samples, oldest first, with the newest sample of all as the
 * last when it is younger. Returns their number (at most HISTORY_SAMPLES + 1).
 */
unsigned int history_read(const struct history *history, unsigned int level, struct sample *ret_samples);

#endif
