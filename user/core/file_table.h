/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A bounded table of struct file_use, keyed by device and inode. */
#ifndef CORE_FILE_TABLE_H
#define CORE_FILE_TABLE_H

#include "files.h"

#define FILE_TABLE_MAX 1024

struct file_table {
	struct file_use *uses; /* owned; open addressing, size a power of two */
	unsigned int size, used;
	uint64_t evicted;	/* files that held no maps and made room for others */
	uint64_t dropped;	/* operations on files that found no room */
	uint64_t *dropped_sum;	/* borrowed: where those of many tables are added up; NULL: nowhere */
	unsigned int turn_away; /* new files to refuse before making room is tried again */
};

/* The entry of a file, made if need be; NULL (and counted) when full or out of memory. */
struct file_use *file_table_get(struct file_table *table, const struct file_id *id);
/* The entry of a file, or NULL. */
const struct file_use *file_table_find(const struct file_table *table, const struct file_id *id);
/* It was unlinked after it was mapped. */
void file_table_mark_deleted(struct file_table *table, const struct file_id *id);
/* Copies the n entries with the most maps, most first. Returns how many. */
unsigned int file_table_top(const struct file_table *table, struct file_use *ret_uses, unsigned int n);
/* Empties it. */
void file_table_free(struct file_table *table);

#endif
