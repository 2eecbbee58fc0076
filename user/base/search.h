/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Binary search by a 64-bit member of an array's items, which are sorted by it. */
#ifndef BASE_SEARCH_H
#define BASE_SEARCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* How many of the items have a key of at most `value`; the key lies key_offset bytes into an item of item_size. */
static inline size_t search_until(const void *items, size_t count, size_t item_size, size_t key_offset, uint64_t value)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		uint64_t key;

		memcpy(&key, (const char *)items + middle * item_size + key_offset, sizeof(key));
		if (key <= value)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

#define SEARCH_UNTIL(items, count, member, value)                                                                      \
	search_until(items, count, sizeof(*(items)), offsetof(__typeof__(*(items)), member), value)

#endif
