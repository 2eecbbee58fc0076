/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "history.h"

#include <stdlib.h>
#include <string.h>

#define LEVEL_FACTOR_BITS 2 /* each level is 4 times coarser */

void history_reset(struct history *history)
{
	memset(history, 0, sizeof(*history));
}

uint64_t history_spacing(unsigned int level)
{
	return HISTORY_BASE_NS << (LEVEL_FACTOR_BITS * level);
}

static const struct sample *level_newest(const struct history *history, unsigned int level)
{
	unsigned int newest = (history->next[level] + HISTORY_SAMPLES - 1) % HISTORY_SAMPLES;

	return history->used[level] ? &history->ring[level][newest] : NULL;
}

static void level_add(struct history *history, unsigned int level, const struct sample *sample)
{
	history->ring[level][history->next[level]] = *sample;
	history->next[level] = (history->next[level] + 1) % HISTORY_SAMPLES;
	if (history->used[level] < HISTORY_SAMPLES)
		history->used[level]++;
}

void history_add(struct history *history, const struct sample *sample)
{
	if (sample->ts_ns <= history->last.ts_ns)
		return;
	if (!history->first.ts_ns)
		history->first = *sample;
	history->last = *sample;
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		const struct sample *newest = level_newest(history, level);

		/* A tick that comes a little early still counts as the grid's next. */
		if (newest && sample->ts_ns - newest->ts_ns < history_spacing(level) * 9 / 10)
			break;
		level_add(history, level, sample);
	}
}

static void level_hold(struct history *history, unsigned int level, const struct sample *sample, uint64_t step_ns)
{
	const struct sample *newest = level_newest(history, level);
	uint64_t from_ns = newest->ts_ns, spacing = history_spacing(level), until_ns = sample->ts_ns, count, i;
	struct sample flat = *sample;

	if (spacing < step_ns)
		spacing = step_ns;
	until_ns -= step_ns / 4; /* one just before the sample would take its place on the grid */
	count = until_ns > from_ns ? (until_ns - from_ns) / spacing : 0;
	for (i = count > HISTORY_SAMPLES ? count - HISTORY_SAMPLES + 1 : 1; i <= count; i++) {
		flat.ts_ns = from_ns + i * spacing;
		if (flat.ts_ns > history->last.ts_ns)
			level_add(history, level, &flat);
	}
}

void history_hold(struct history *history, const struct sample *sample, uint64_t step_ns)
{
	if (!history->last.ts_ns || sample->ts_ns <= history->last.ts_ns)
		return;
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++)
		level_hold(history, level, sample, step_ns);
}

struct packed_history {
	struct sample first, last;
	uint8_t used[HISTORY_LEVELS];
	struct sample samples[]; /* level by level, each oldest first, but for what is `first` */
};

/* The oldest sample of a level that is not full yet is the oldest of all. */
static unsigned int level_begins_with_first(const struct history *history, unsigned int level)
{
	return history->used[level] && history->used[level] < HISTORY_SAMPLES;
}

static struct sample *level_at(struct history *history, unsigned int level, unsigned int place)
{
	unsigned int oldest = history->next[level] + HISTORY_SAMPLES - history->used[level];

	return &history->ring[level][(oldest + place) % HISTORY_SAMPLES];
}

struct packed_history *history_pack(const struct history *history)
{
	unsigned int count = 0;
	struct packed_history *packed;

	for (unsigned int level = 0; level < HISTORY_LEVELS; level++)
		count += history->used[level] - level_begins_with_first(history, level);
	packed = calloc(1, sizeof(*packed) + count * sizeof(packed->samples[0]));
	if (!packed)
		return NULL;
	packed->first = history->first;
	packed->last = history->last;
	count = 0;
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		packed->used[level] = history->used[level];
		for (unsigned int i = level_begins_with_first(history, level); i < history->used[level]; i++)
			packed->samples[count++] = *level_at((struct history *)history, level, i);
	}
	return packed;
}

void history_unpack(const struct packed_history *packed, struct history *ret_history)
{
	const struct sample *sample = packed->samples;

	history_reset(ret_history);
	ret_history->first = packed->first;
	ret_history->last = packed->last;
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		unsigned int i = 0;

		ret_history->used[level] = packed->used[level];
		ret_history->next[level] = packed->used[level] % HISTORY_SAMPLES;
		if (level_begins_with_first(ret_history, level))
			ret_history->ring[level][i++] = packed->first;
		for (; i < packed->used[level]; i++)
			ret_history->ring[level][i] = *sample++;
	}
}

unsigned int history_read(const struct history *history, unsigned int level, struct sample *ret_samples)
{
	unsigned int used = history->used[level];
	unsigned int oldest = (history->next[level] + HISTORY_SAMPLES - used) % HISTORY_SAMPLES;

	for (unsigned int i = 0; i < used; i++)
		ret_samples[i] = history->ring[level][(oldest + i) % HISTORY_SAMPLES];
	if (used && history->last.ts_ns > ret_samples[used - 1].ts_ns)
		ret_samples[used++] = history->last;
	return used;
}
