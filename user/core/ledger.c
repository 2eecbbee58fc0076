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
	ledger->all.at = calloc(ledger->count, sizeof(*ledger->all.at));
	ledger->mappings.at = calloc(ledger->count, sizeof(*ledger->mappings.at));
	if (!ledger->all.at || !ledger->mappings.at)
		return -ENOMEM;
	qsort(ledger->entries, ledger->count, sizeof(*ledger->entries), by_start);
	return 0;
}

static bool is_later(const struct ledger_heap *heap, const struct ledger_entry *entries, size_t a, size_t b)
{
	return entries[heap->at[a]].ts_ns > entries[heap->at[b]].ts_ns;
}

static void heap_swap(struct ledger_heap *heap, size_t a, size_t b)
{
	uint32_t held = heap->at[a];

	heap->at[a] = heap->at[b];
	heap->at[b] = held;
}

/* A binary heap (Williams, 1964). */
static void heap_push(struct ledger_heap *heap, const struct ledger_entry *entries, uint32_t entry)
{
	size_t at = heap->count++;

	heap->at[at] = entry;
	for (; at && is_later(heap, entries, at, (at - 1) / 2); at = (at - 1) / 2)
		heap_swap(heap, at, (at - 1) / 2);
}

static void heap_pop(struct ledger_heap *heap, const struct ledger_entry *entries)
{
	size_t at = 0, child;

	heap->at[0] = heap->at[--heap->count];
	while ((child = 2 * at + 1) < heap->count) {
		if (child + 1 < heap->count && is_later(heap, entries, child + 1, child))
			child++;
		if (!is_later(heap, entries, child, at))
			return;
		heap_swap(heap, at, child);
		at = child;
	}
}

/* The latest that covers the address. NULL: none does. What ends below it ends below all that will be asked for. */
static struct ledger_entry *heap_latest(struct ledger_heap *heap, struct ledger_entry *entries, uint64_t addr)
{
	while (heap->count && entries[heap->at[0]].end <= addr)
		heap_pop(heap, entries);
	return heap->count ? &entries[heap->at[0]] : NULL;
}

uint32_t ledger_owner(struct ledger *ledger, uint64_t start, uint64_t end)
{
	struct ledger_entry *entries = ledger->entries, *owner, *mapping;

	for (; ledger->next < ledger->count && entries[ledger->next].start <= start; ledger->next++) {
		heap_push(&ledger->all, entries, (uint32_t)ledger->next);
		if (!entries[ledger->next].splits)
			heap_push(&ledger->mappings, entries, (uint32_t)ledger->next);
	}
	owner = heap_latest(&ledger->all, entries, start);
	mapping = heap_latest(&ledger->mappings, entries, start);
	if (!owner)
		return LEDGER_NOBODY;
	if (mapping) {
		mapping->left += (end < mapping->end ? end : mapping->end) - start;
		mapping->owned += owner == mapping;
		mapping->last_site = owner->site;
	}
	return owner->site;
}

void ledger_rests(const struct ledger *ledger, ledger_rest_fn *take, void *arg)
{
	for (size_t i = 0; i < ledger->count; i++) {
		const struct ledger_entry *entry = &ledger->entries[i];
		uint64_t len = entry->end - entry->start;

		if (entry->left && entry->left < len / 2)
			take(entry->owned ? entry->site : entry->last_site, len, entry->left, arg);
	}
}

void ledger_free(struct ledger *ledger)
{
	free(ledger->entries);
	free(ledger->all.at);
	free(ledger->mappings.at);
	memset(ledger, 0, sizeof(*ledger));
}
