/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "reading.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int reading_init(struct reading *reading, unsigned int room)
{
	memset(reading, 0, sizeof(*reading));
	reading->room = room;
	reading->all_left = 1;
	reading->due = calloc((size_t)room * READING_TIMES + 1, sizeof(*reading->due));
	for (unsigned int i = 0; i < READING_TIMES; i++)
		reading->noted[i] = calloc((size_t)room + 1, sizeof(*reading->noted[i]));
	for (unsigned int i = 0; i < READING_TIMES; i++) {
		if (reading->noted[i] && reading->due)
			continue;
		reading_free(reading);
		return -ENOMEM;
	}
	return 0;
}

void reading_free(struct reading *reading)
{
	for (unsigned int i = 0; i < READING_TIMES; i++)
		free(reading->noted[i]);
	free(reading->due);
	memset(reading, 0, sizeof(*reading));
}

void reading_begin(struct reading *reading, uint64_t missed)
{
	reading->now = (reading->now + 1) % READING_TIMES;
	reading->count[reading->now] = 0;
	if (++reading->since_all >= READING_ALL_EVERY)
		reading_ask_again(reading);
	if (missed != reading->missed)
		reading_ask_all(reading);
	reading->missed = missed;
}

void reading_note(struct reading *reading, uint64_t mm)
{
	if (reading->count[reading->now] < reading->room)
		reading->noted[reading->now][reading->count[reading->now]++] = mm;
	else
		reading_ask_all(
			reading); /* notes are made while they are taken: there may be more than there is room for */
}

void reading_ask_all(struct reading *reading)
{
	reading->all_left = READING_TIMES;
}

void reading_ask_again(struct reading *reading)
{
	if (!reading->all_left)
		reading->all_left = 1;
}

bool reading_is_all(struct reading *reading)
{
	if (!reading->all_left)
		return false;
	reading->all_left--;
	reading->since_all = 0;
	return true;
}

static int mm_compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

const uint64_t *reading_due(struct reading *reading, unsigned int *ret_count)
{
	unsigned int all = 0, count = 0;

	for (unsigned int i = 0; i < READING_TIMES; i++) {
		if (reading->count[i])
			memcpy(reading->due + all, reading->noted[i], reading->count[i] * sizeof(*reading->due));
		all += reading->count[i];
	}
	qsort(reading->due, all, sizeof(*reading->due), mm_compare);
	for (unsigned int i = 0; i < all; i++) {
		if (!count || reading->due[count - 1] != reading->due[i])
			reading->due[count++] = reading->due[i];
	}
	*ret_count = count;
	return reading->due;
}
