/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_STEP  4
#define ROOM_MAX   (HISTORY_LEVELS * HISTORY_WINDOWS)
#define ROOM_WASTE 16 /* windows that may stay unused before room is given back */
#define HEAD_BYTES offsetof(struct history, levels)

struct packed_trail {
	uint16_t room; /* windows that fit behind the climb's samples */
	bool climbs;   /* else its samples are the newest one */
	unsigned char head[HEAD_BYTES];
	/* struct sample base, middle if it climbs; then struct window, level by level */
	unsigned char rest[];
};

_Static_assert(sizeof(struct packed_trail) + 2 * sizeof(struct sample) + ROOM_MAX * sizeof(struct window) <= 2000,
	       "100,000 pasts take less than 200 MB");

void trail_reset(struct trail *trail)
{
	memset(trail, 0, sizeof(*trail));
}

static bool sample_same(const struct sample *a, const struct sample *b)
{
	return !memcmp(a, b, sizeof(*a));
}

static size_t packed_size(bool climbs, unsigned int room)
{
	return sizeof(struct packed_trail) + (climbs ? 2 * sizeof(struct sample) : 0) + room * sizeof(struct window);
}

size_t trail_size(const struct packed_trail *packed)
{
	return packed_size(packed->climbs, packed->room);
}

static unsigned int windows_of(const struct history *history)
{
	unsigned int count = 0;

	for (unsigned int level = 0; level < HISTORY_LEVELS; level++)
		count += history->used[level];
	return count;
}

static unsigned int room_for(unsigned int count)
{
	unsigned int room = (count + ROOM_STEP - 1U) / ROOM_STEP * ROOM_STEP;

	return room < ROOM_MAX ? room : ROOM_MAX;
}

static bool is_climbing(const struct trail *trail)
{
	const struct climb *climb = &trail->climb;

	return !sample_same(&climb->base, &trail->history.last) || !sample_same(&climb->middle, &trail->history.last) ||
	       !sample_same(&climb->last, &trail->history.last);
}

int trail_pack(const struct trail *trail, struct packed_trail **packed)
{
	const struct history *history = &trail->history;
	unsigned int count = windows_of(history), room = room_for(count);
	struct packed_trail *made = *packed;
	bool climbs = is_climbing(trail);
	unsigned char *at;

	if (!made || made->climbs != climbs || made->room < count || made->room > room + ROOM_WASTE) {
		made = realloc(*packed, packed_size(climbs, room));
		if (!made)
			return -ENOMEM;
		made->room = (uint16_t)room;
		made->climbs = climbs;
	}
	*packed = made;
	memcpy(made->head, history, HEAD_BYTES);
	at = made->rest;
	if (climbs) {
		memcpy(at, &trail->climb.base, sizeof(struct sample));
		memcpy(at + sizeof(struct sample), &trail->climb.middle, sizeof(struct sample));
		at += 2 * sizeof(struct sample);
	}
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		memcpy(at, history->levels[level], history->used[level] * sizeof(struct window));
		at += history->used[level] * sizeof(struct window);
	}
	return 0;
}

/* Are there as many windows as it says, and as much room? */
static bool is_trail(const struct packed_trail *packed, size_t len)
{
	struct history history;
	unsigned int count = 0;

	if (packed->room > ROOM_MAX || trail_size(packed) != len)
		return false;
	memcpy(&history, packed->head, HEAD_BYTES);
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		if (history.used[level] > HISTORY_WINDOWS)
			return false;
		count += history.used[level];
	}
	return count <= packed->room;
}

struct packed_trail *trail_from_bytes(const void *bytes, size_t len)
{
	struct packed_trail *packed;

	if (len < sizeof(*packed))
		return NULL;
	packed = malloc(len);
	if (!packed)
		return NULL;
	memcpy(packed, bytes, len);
	if (is_trail(packed, len))
		return packed;
	free(packed);
	return NULL;
}

void trail_unpack(const struct packed_trail *packed, struct trail *ret_trail)
{
	struct history *history = &ret_trail->history;
	struct climb *climb = &ret_trail->climb;
	const unsigned char *at = packed->rest;

	trail_reset(ret_trail);
	memcpy(history, packed->head, HEAD_BYTES);
	climb->base = climb->middle = climb->last = history->last;
	if (packed->climbs) {
		memcpy(&climb->base, at, sizeof(climb->base));
		memcpy(&climb->middle, at + sizeof(climb->base), sizeof(climb->middle));
		at += sizeof(climb->base) + sizeof(climb->middle);
	}
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		memcpy(history->levels[level], at, history->used[level] * sizeof(struct window));
		at += history->used[level] * sizeof(struct window);
	}
}
