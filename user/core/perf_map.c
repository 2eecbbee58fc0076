/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "perf_map.h"

#include <stdlib.h>
#include <string.h>

#include "search.h"

#define LOOK_BACK 16 /* entries that begin before an address and may still reach it */

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* A number, which may begin with 0x, and the blank behind it. Returns the place behind that; NULL: there is none. */
static const char *take_number(const char *at, const char *end, uint64_t *ret_number)
{
	uint64_t number = 0;
	const char *first;

	if (end - at > 2 && at[0] == '0' && (at[1] | 0x20) == 'x')
		at += 2;
	for (first = at; at < end && digit_of(*at) >= 0; at++) {
		if (number >> 60)
			return NULL;
		number = number << 4 | (uint64_t)digit_of(*at);
	}
	if (at == first || at == end || *at != ' ')
		return NULL;
	*ret_number = number;
	return at + 1;
}

static bool make_room(struct perf_map *map)
{
	uint32_t cap = map->cap ? map->cap * 2 : 256;
	struct perf_map_entry *entries;

	if (map->count >= PERF_MAP_ENTRIES_MAX)
		return false;
	if (map->count < map->cap)
		return true;
	entries = realloc(map->entries, cap * sizeof(*entries));
	if (!entries)
		return false;
	map->entries = entries;
	map->cap = cap;
	return true;
}

static void take_line(struct perf_map *map, const char *at, const char *end)
{
	struct perf_map_entry entry = {.name = (uint32_t)map->names.len};
	uint64_t size;
	size_t len;

	at = take_number(at, end, &entry.start);
	at = at ? take_number(at, end, &size) : NULL;
	if (!at || at == end || !size || size > UINT32_MAX || map->names.failed ||
	    map->names.len > PERF_MAP_NAMES_MAX - PERF_MAP_NAME_LEN || !make_room(map)) {
		map->left_out++;
		return;
	}
	len = (size_t)(end - at);
	len = len < PERF_MAP_NAME_LEN ? len : PERF_MAP_NAME_LEN - 1;
	buf_add(&map->names, at, len);
	buf_add_char(&map->names, '\0');
	if (map->names.failed) {
		map->left_out++;
		return;
	}
	entry.size = (uint32_t)size;
	map->entries[map->count++] = entry;
}

size_t perf_map_feed(struct perf_map *map, const char *text, size_t len)
{
	const char *at = text, *end = text + len, *line_end;

	while ((line_end = memchr(at, '\n', (size_t)(end - at)))) {
		take_line(map, at, line_end);
		at = line_end + 1;
	}
	return (size_t)(at - text);
}

/* By address; what was told later, and so has its name further back, comes behind. */
static int compare(const void *a, const void *b)
{
	const struct perf_map_entry *first = a, *second = b;

	if (first->start != second->start)
		return first->start < second->start ? -1 : 1;
	return (first->name > second->name) - (first->name < second->name);
}

const char *perf_map_find(struct perf_map *map, uint64_t addr)
{
	const struct perf_map_entry *found = NULL;
	uint32_t at;

	if (map->sorted < map->count)
		qsort(map->entries, map->count, sizeof(*map->entries), compare);
	map->sorted = map->count;
	at = (uint32_t)SEARCH_UNTIL(map->entries, map->count, start, addr);
	for (uint32_t i = 0; i < LOOK_BACK && i < at; i++) {
		const struct perf_map_entry *entry = &map->entries[at - 1 - i];

		/* Code is moved and freed without a word, so the newest entry holds. */
		if (addr - entry->start < entry->size && (!found || entry->name > found->name))
			found = entry;
	}
	return found ? map->names.data + found->name : NULL;
}

void perf_map_free(struct perf_map *map)
{
	free(map->entries);
	buf_free(&map->names);
	memset(map, 0, sizeof(*map));
}
