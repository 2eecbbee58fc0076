/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose are the maps that are there? The kernel side enters where each call has made
 * a map; what was unmapped in part, or by a call that began elsewhere, or mapped over,
 * is still in its ledger. Of all entries that cover the beginning of a map which the
 * kernel lists, the latest is the one that made it.
 *
 * Entries are of mappings, or of splits, that set a part of a mapping apart. What is
 * left of each mapping is summed up, whoever has set it apart meanwhile.
 */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEDGER_NOBODY UINT32_MAX

struct ledger_entry {
	uint64_t start, end; /* bytes, end excluded */
	uint64_t ts_ns;	     /* boot clock, when it was made */
	uint32_t site;	     /* as the caller numbers them */
	bool splits;
	/* Of a mapping, filled in by ledger_owner: */
	uint64_t left;	    /* bytes of it that are still mapped */
	uint32_t owned;	    /* maps that are its own */
	uint32_t last_site; /* whose the last one is */
};

/* Entries that have begun at an address, the latest made first. */
struct ledger_heap {
	uint32_t *at; /* owned; indices of entries */
	size_t count;
};

/* Filled with ledger_add, then asked for the owners of maps in ascending order. */
struct ledger {
	struct ledger_entry *entries; /* owned */
	size_t count, room;
	size_t next; /* first entry that begins above the last address asked for */
	struct ledger_heap all, mappings;
};

/* Of a mapping only a small part is left. site: whose that is; len, left: bytes. */
typedef void ledger_rest_fn(uint32_t site, uint64_t len, uint64_t left, void *arg);

/* 0 or -ENOMEM. */
int ledger_add(struct ledger *ledger, const struct ledger_entry *entry);
/* To be called once, when all have been added. 0 or -ENOMEM. */
int ledger_sort(struct ledger *ledger);
/* The site that made this map, which is not below that of the call before; or LEDGER_NOBODY. */
uint32_t ledger_owner(struct ledger *ledger, uint64_t start, uint64_t end);
/*
 * When all maps have been asked for: those mappings of which less than half is left. (Who maps more than is needed, to
 * cut it to an aligned piece, keeps half.)
 */
void ledger_rests(const struct ledger *ledger, ledger_rest_fn *take, void *arg);
void ledger_free(struct ledger *ledger);

#endif
