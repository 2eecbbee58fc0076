/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLES_MAX   (2 + HISTORY_LEVELS * HISTORY_SAMPLES + CLIMB_SAMPLES)
#define ROOM_STEP     4
#define ROOM_WASTE    16 /* samples that may stay unused before room is given back */
#define CLIMB_SAMPLES 3

/* Where a climb's sample is to be found. */
enum source { SOURCE_NONE, SOURCE_FIRST, SOURCE_LAST, SOURCE_OWN };

struct packed_trail {
	uint16_t room, count;	 /* samples */
	uint16_t ends_with_last; /* bit n: so does level n */
	uint8_t used[HISTORY_LEVELS];
	uint8_t climb[CLIMB_SAMPLES]; /* enum source */
	/* first, last; level by level, oldest first, what is not first or last; what of the climb is neither */
	struct sample samples[];
};

void trail_reset(struct trail *trail)
{
	memset(trail, 0, sizeof(*trail));
}

static bool sample_same(const struct sample *a, const struct sample *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static const struct sample *level_at(const struct history *history, unsigned int level, unsigned int place)
{
	unsigned int oldest = history->next[level] + HISTORY_SAMPLES - history->used[level];

	return &history->ring[level][(oldest + place) % HISTORY_SAMPLES];
}

/* The oldest sample of a level that is not full yet is the oldest of all. */
static unsigned int begins_with_first(const uint8_t *used, unsigned int level)
{
	return used[level] && used[level] < HISTORY_SAMPLES;
}

static void level_pack(const struct history *history, unsigned int level, struct packed_trail *packed)
{
	unsigned int used = history->used[level], from = begins_with_first(history->used, level), to = used;

	packed->used[level] = (uint8_t)used;
	if (to > from && sample_same(level_at(history, level, to - 1), &history->last)) {
		packed->ends_with_last |= (uint16_t)(1U << level);
		to--;
	}
	for (unsigned int i = from; i < to; i++)
		packed->samples[packed->count++] = *level_at(history, level, i);
}

static enum source climb_sample_pack(const struct sample *sample, struct packed_trail *packed)
{
	if (!sample->ts_ns)
		return SOURCE_NONE;
	if (sample_same(sample, &packed->samples[0]))
		return SOURCE_FIRST;
	if (sample_same(sample, &packed->samples[1]))
		return SOURCE_LAST;
	packed->samples[packed->count++] = *sample;
	return SOURCE_OWN;
}

static void pack(const struct trail *trail, struct packed_trail *ret_packed)
{
	const struct climb *climb = &trail->climb;
	const struct sample *samples[CLIMB_SAMPLES] = {&climb->base, &climb->middle, &climb->last};

	memset(ret_packed, 0, sizeof(*ret_packed));
	ret_packed->samples[ret_packed->count++] = trail->history.first;
	ret_packed->samples[ret_packed->count++] = trail->history.last;
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++)
		level_pack(&trail->history, level, ret_packed);
	for (unsigned int i = 0; i < CLIMB_SAMPLES; i++)
		ret_packed->climb[i] = (uint8_t)climb_sample_pack(samples[i], ret_packed);
}

static size_t packed_size(unsigned int samples)
{
	return sizeof(struct packed_trail) + samples * sizeof(struct sample);
}

size_t trail_size(const struct packed_trail *packed)
{
	return packed_size(packed->room);
}

int trail_pack(const struct trail *trail, struct packed_trail **packed)
{
	uint64_t place[(sizeof(struct packed_trail) + SAMPLES_MAX * sizeof(struct sample)) / sizeof(uint64_t)];
	struct packed_trail *made = (struct packed_trail *)place, *grown = *packed;
	unsigned int room;

	pack(trail, made);
	room = (made->count + ROOM_STEP - 1U) / ROOM_STEP * ROOM_STEP;
	if (!grown || grown->room < made->count || grown->room > room + ROOM_WASTE)
		grown = realloc(*packed, packed_size(room));
	else
		room = grown->room;
	if (!grown)
		return -ENOMEM;
	made->room = (uint16_t)room;
	memcpy(grown, made, packed_size(made->count));
	*packed = grown;
	return 0;
}

static const struct sample *level_unpack(const struct packed_trail *packed, unsigned int level,
					 const struct sample *next, struct history *history)
{
	unsigned int used = packed->used[level], i = 0, stored;

	history->used[level] = (uint8_t)used;
	history->next[level] = (uint8_t)(used % HISTORY_SAMPLES);
	if (begins_with_first(packed->used, level))
		history->ring[level][i++] = packed->samples[0];
	stored = used - (packed->ends_with_last >> level & 1);
	for (; i < stored; i++)
		history->ring[level][i] = *next++;
	if (i < used)
		history->ring[level][i] = packed->samples[1];
	return next;
}

void trail_unpack(const struct packed_trail *packed, struct trail *ret_trail)
{
	const struct sample *next = packed->samples + 2;
	struct climb *climb = &ret_trail->climb;
	struct sample *samples[CLIMB_SAMPLES] = {&climb->base, &climb->middle, &climb->last};

	trail_reset(ret_trail);
	ret_trail->history.first = packed->samples[0];
	ret_trail->history.last = packed->samples[1];
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++)
		next = level_unpack(packed, level, next, &ret_trail->history);
	for (unsigned int i = 0; i < CLIMB_SAMPLES; i++) {
		if (packed->climb[i] == SOURCE_OWN)
			*samples[i] = *next++;
		else if (packed->climb[i] != SOURCE_NONE)
			*samples[i] = packed->samples[packed->climb[i] == SOURCE_LAST];
	}
}
