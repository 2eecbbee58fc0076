/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "file_table.h"

#include <stdlib.h>
#include <string.h>

#define SIZE_FIRST    16
#define POOR_EVICTION (FILE_TABLE_MAX / 4)

const struct file_id *file_anonymous(enum file_kind kind)
{
	static const struct file_id private_memory = {.kind = FILE_ANON, .path = "[anon]"},
				    shared_memory = {.kind = FILE_ANON_SHM, .path = "[anon_shmem]"},
				    huge_memory = {.kind = FILE_ANON_HUGETLB, .path = "[anon_hugetlb]"};

	switch (kind) {
	case FILE_ANON:
		return &private_memory;
	case FILE_ANON_SHM:
		return &shared_memory;
	case FILE_ANON_HUGETLB:
		return &huge_memory;
	default:
		return NULL;
	}
}

/* Device and inode identify a file; anonymous memory of each kind is a file 0:0 of inode 0. */
static bool id_same(const struct file_id *a, const struct file_id *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor &&
	       (a->inode || a->kind == b->kind);
}

/* Fibonacci hashing (Knuth, TAOCP vol. 3, 6.4). */
static unsigned int id_hash(const struct file_id *id)
{
	uint64_t key = id->inode ^ ((uint64_t)id->dev_major << 52) ^ ((uint64_t)id->dev_minor << 40);

	return (unsigned int)((key * 0x9e3779b97f4a7c15ULL) >> 32);
}

static bool use_is_free(const struct file_use *use)
{
	return !use->id.path[0] && !use->id.inode;
}

static struct file_use *slot_of(struct file_use *uses, unsigned int size, const struct file_id *id)
{
	unsigned int i = id_hash(id) & (size - 1);

	while (!use_is_free(&uses[i]) && !id_same(&uses[i].id, id))
		i = (i + 1) & (size - 1);
	return &uses[i];
}

const struct file_use *file_table_find(const struct file_table *table, const struct file_id *id)
{
	const struct file_use *use = table->size ? slot_of(table->uses, table->size, id) : NULL;

	return use && !use_is_free(use) ? use : NULL;
}

void file_table_mark_deleted(struct file_table *table, const struct file_id *id)
{
	struct file_use *use = table->size ? slot_of(table->uses, table->size, id) : NULL;

	if (use && !use_is_free(use))
		use->id.deleted = true;
}

/* Forgets files that hold no maps any more, for want of room. False: none could go, or no memory. */
static bool table_evict(struct file_table *table)
{
	struct file_use *uses = calloc(table->size, sizeof(*uses));
	unsigned int used = 0;

	for (unsigned int i = 0; uses && i < table->size; i++) {
		const struct file_use *use = &table->uses[i];

		if (use_is_free(use) || use->maps <= 0)
			continue;
		*slot_of(uses, table->size, &use->id) = *use;
		used++;
	}
	if (!uses || used == table->used) {
		free(uses);
		return false;
	}
	table->evicted += table->used - used;
	table->used = used;
	free(table->uses);
	table->uses = uses;
	return true;
}

/* Eviction reads the whole table: where it frees little or nothing, it is not tried at each new file. */
static bool table_make_room(struct file_table *table)
{
	unsigned int before = table->used;

	if (table->turn_away) {
		table->turn_away--;
		return false;
	}
	if (!table_evict(table)) {
		table->turn_away = FILE_TABLE_MAX;
		return false;
	}
	if (before - table->used < POOR_EVICTION)
		table->turn_away = POOR_EVICTION;
	return true;
}

/* Doubles the table at three quarters. False: no memory; the table is as it was. */
static bool table_grow(struct file_table *table)
{
	unsigned int size = table->size ? table->size * 2 : SIZE_FIRST;
	struct file_use *uses;

	if (table->used * 4 < table->size * 3)
		return true;
	uses = calloc(size, sizeof(*uses));
	if (!uses)
		return false;
	for (unsigned int i = 0; i < table->size; i++) {
		if (!use_is_free(&table->uses[i]))
			*slot_of(uses, size, &table->uses[i].id) = table->uses[i];
	}
	free(table->uses);
	table->uses = uses;
	table->size = size;
	return true;
}

struct file_use *file_table_get(struct file_table *table, const struct file_id *id)
{
	const struct file_id *anonymous = file_anonymous(id->kind);
	struct file_use *use;

	if (anonymous)
		id = anonymous;
	use = table->size ? slot_of(table->uses, table->size, id) : NULL;
	if (use && !use_is_free(use))
		return use;
	if ((table->used >= FILE_TABLE_MAX && !table_make_room(table)) || !table_grow(table)) {
		table->dropped++;
		if (table->dropped_sum)
			++*table->dropped_sum;
		return NULL;
	}
	use = slot_of(table->uses, table->size, id);
	use->id = *id;
	if (use_is_free(use))
		memcpy(use->id.path, "?", 2); /* a file without name or inode is still one */
	table->used++;
	return use;
}

static bool use_is_more(const struct file_use *a, const struct file_use *b)
{
	return a->maps != b->maps ? a->maps > b->maps : a->calls > b->calls;
}

unsigned int file_table_top(const struct file_table *table, struct file_use *ret_uses, unsigned int n)
{
	unsigned int count = 0;

	for (unsigned int i = 0; i < table->size; i++) {
		const struct file_use *use = &table->uses[i];
		unsigned int at = count;

		if (use_is_free(use))
			continue;
		while (at && use_is_more(use, &ret_uses[at - 1])) {
			if (at < n)
				ret_uses[at] = ret_uses[at - 1];
			at--;
		}
		if (at >= n)
			continue;
		ret_uses[at] = *use;
		if (count < n)
			count++;
	}
	return count;
}

void file_table_free(struct file_table *table)
{
	free(table->uses);
	*table = (struct file_table){.dropped_sum = table->dropped_sum};
}
