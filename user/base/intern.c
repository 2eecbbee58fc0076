/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The entry of a key, made if need be; NULL: out of memory. */
static struct interned *intern_get(struct intern *intern, const void *key, size_t len)
{
	struct interned *entry;

	HASH_FIND(hh, intern->first, key, (unsigned int)len, entry);
	if (entry)
		return entry;
	entry = malloc(sizeof(*entry) + len + 1);
	if (!entry)
		return NULL;
	entry->index = intern_count(intern);
	entry->len = len;
	memcpy(entry->key, key, len);
	entry->key[len] = '\0';
	HASH_ADD_KEYPTR(hh, intern->first, entry->key, (unsigned int)len, entry);
	if (!entry->hh.tbl) {
		free(entry); /* uthash had no memory */
		return NULL;
	}
	return entry;
}

int intern_index(struct intern *intern, const void *key, size_t len, uint64_t *ret_index)
{
	const struct interned *entry = intern_get(intern, key, len);

	if (!entry)
		return -ENOMEM;
	*ret_index = entry->index;
	return 0;
}

const char *intern_text(struct intern *intern, const char *text)
{
	const struct interned *entry = text ? intern_get(intern, text, strlen(text)) : NULL;

	return entry ? entry->key : NULL;
}

uint64_t intern_count(const struct intern *intern)
{
	return HASH_COUNT(intern->first);
}

void intern_free(struct intern *intern)
{
	struct interned *entry, *next;

	HASH_ITER(hh, intern->first, entry, next)
	{
		HASH_DEL(intern->first, entry);
		free(entry);
	}
}
