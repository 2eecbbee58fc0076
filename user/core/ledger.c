/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_FIRST 256

int ledger_add(struct ledger *ledger, const struct ledger_entry *entry)
{
	size_t room = ledger->room ? ledger->room * 2 : ROOM_FIRST;

	if (ledger->count == ledger->room) {
		struct ledger_entry *entries = realloc(ledger->entries, room * sizeof(*entries));

		if (!entries)
			return -ENOMEM;
		ledger->entries = entries;
		ledger->room = room;
	}
	ledger->entries[ledger->count++] = *entry;
	return 0;
}

static int by_start(const void *a, const void *b)
{
	const struct ledger_entry *left = a, *right = b;

	return left->start < right->start ? -1 : left->start > right->start;
}

int ledger_sort(struct ledger *ledger)
{
	if (!ledger->count)
		return 0;
	ledger->heap = calloc(ledger->count, sizeof(*ledger->heap));
	if (!ledger->heap)
		return -ENOMEM;
	qsort(ledger->entries, ledger->count, sizeof(*ledger->entries), by_start);
	return 0;
}

static bool is_later(const struct ledger *ledger, size_t a, size_t b)
{
	return ledger->entries[ledger->heap[a]].ts_ns > ledger->entries[ledger->heap[b]].ts_ns;
}

static void heap_swap(struct ledger *ledger, size_t a, size_t b)
{
	uint32_t held = ledger->heap[a];

	ledger->heap[a] = ledger->heap[b];
	ledger->heap[b] = held;
}

/* A binary heap (Williams, 1964). */
static void heap_push(struct ledger *ledger, uint32_t entry)
{
	size_t at = ledger->heap_count++;

	ledger->heap[at] = entry;
	for (; at && is_later(ledger, at, (at - 1) / 2); at = (at - 1) / 2)
		heap_swap(ledger, at, (at - 1) / 2);
}

static void heap_pop(struct ledger *ledger)
{
	size_t at = 0, child;

	ledger->heap[0] = ledger->heap[--ledger->heap_count];
	while ((child = 2 * at + 1) < ledger->heap_count) {
		if (child + 1 < ledger->heap_count && is_later(ledger, child + 1, child))
			child++;
		if (!is_later(ledger, child, at))
			return;
		heap_swap(ledger, at, child);
		at = child;
	}
}

uint32_t ledger_owner(struct ledger *ledger, uint64_t addr)
{
	while (ledger->next < ledger->count && ledger->entries[ledger->next].start <= addr)
		heap_push(ledger, (uint32_t)ledger->next++);
	/* What ends below this address ends below all that will be asked for. */
	while (ledger->heap_count && ledger->entries[ledger->heap[0]].end <= addr)
		heap_pop(ledger);
	return ledger->heap_count ? ledger->entries[ledger->heap[0]].site : LEDGER_NOBODY;
}

void ledger_free(struct ledger *ledger)
{
	free(ledger->entries);
	free(ledger->heap);
	memset(ledger, 0, sizeof(*ledger));
}
