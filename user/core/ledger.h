/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose are the maps that are there? The kernel side enters where each call has made
 * a map; what was unmapped in part, or by a call that began elsewhere, or mapped over,
 * is still in its ledger. Of all entries that cover the beginning of a map which the
 * kernel lists, the latest is the one that made it.
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
};

/* Filled with ledger_add, then asked for the owners of addresses in ascending order. */
struct ledger {
	struct ledger_entry *entries; /* owned */
	size_t count, room;
	size_t next;	/* first entry that begins above the last address asked for */
	uint32_t *heap; /* owned; entries begun, the latest made first */
	size_t heap_count;
};

/* 0 or -ENOMEM. */
int ledger_add(struct ledger *ledger, const struct ledger_entry *entry);
/* To be called once, when all have been added. 0 or -ENOMEM. */
int ledger_sort(struct ledger *ledger);
/* The site that made the map at this address, which is not below that of the call before; or LEDGER_NOBODY. */
uint32_t ledger_owner(struct ledger *ledger, uint64_t addr);
void ledger_free(struct ledger *ledger);

#endif
