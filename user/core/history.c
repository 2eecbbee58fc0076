/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "history.h"

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
