/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pc_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"

#define MAX	  1000000
#define LOOK_BACK 32 /* ranges that begin before an address and may still reach it */

int pc_index_add(struct pc_index *index, uint64_t start, uint64_t end, uint64_t what)
{
	if (end <= start)
		return 0;
	if (index->count == (index->max ? index->max : MAX))
		return -ENOSPC;
	if (index->count == index->cap) {
		uint32_t cap = index->cap ? index->cap * 2 : 64;
		struct pc_range *grown = realloc(index->ranges, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		index->ranges = grown;
		index->cap = cap;
	}
	index->ranges[index->count++] = (struct pc_range){.start = start, .end = end, .what = what};
	index->sorted = false;
	return 0;
}

/* Of those that begin together the shortest comes last. */
static int compare(const void *a, const void *b)
{
	const struct pc_range *first = a, *second = b;

	if (first->start != second->start)
		return first->start < second->start ? -1 : 1;
	return (first->end < second->end) - (first->end > second->end);
}

bool pc_index_find(struct pc_index *index, uint64_t pc, uint64_t *ret_what)
{
	uint32_t at;

	if (!index->sorted && index->count)
		qsort(index->ranges, index->count, sizeof(*index->ranges), compare);
	index->sorted = true;
	at = (uint32_t)SEARCH_UNTIL(index->ranges, index->count, start, pc);
	for (uint32_t i = 0; i < LOOK_BACK && i < at; i++) {
		const struct pc_range *range = &index->ranges[at - 1 - i];

		if (pc < range->end) {
			*ret_what = range->what;
			return true;
		}
	}
	return false;
}

void pc_index_free(struct pc_index *index)
{
	free(index->ranges);
	memset(index, 0, sizeof(*index));
}
