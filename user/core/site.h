/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call sites: what one process has done to its maps by one operation from one call stack. */
#ifndef CORE_SITE_H
#define CORE_SITE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "files.h"
#include "ledger.h"
#include "mmaptrace.h"
#include "stack.h"

struct site {
	uint32_t op;		    /* enum mt_op */
	uint64_t stack_id;	    /* 0: its stack is not known */
	const struct stack *stack;  /* borrowed; NULL: not known */
	uint64_t calls;		    /* that succeeded */
	int64_t delta;		    /* maps credited */
	int64_t live;		    /* maps it made that are still there */
	uint64_t bytes;		    /* of those */
	uint64_t deleted;	    /* of those, how many are of deleted files; known where live is exact */
	uint32_t stacks;	    /* call stacks it was called from; more than one after site_list_merge */
	uint64_t unmapped;	    /* maps it made that are not */
	uint64_t cut;		    /* of its maps, those that a munmap shorter than they were has left a part of */
	uint64_t rests;		    /* of those live, what is left of mappings that were else unmapped from behind */
	uint64_t map_len, cut_len;  /* bytes: the last map so cut, and that munmap */
	int64_t booked;		    /* live, as the kernel side has it, and */
	uint64_t booked_bytes;	    /* bytes */
	uint64_t first_ns, last_ns; /* boot clock, of its first and last call */
	bool has_file, many_files;  /* file: of its first call that had one; others had others */
	int32_t fd;		    /* it was mapped by; -1: none */
	int64_t growth;		    /* of the process, as far as is known: nobody holds more of it */
	uint32_t args[2];	    /* third and fourth argument of its first call: prot and flags, advice ... */
	struct file_id file;
};

/* The sites of one process. */
struct site_list {
	struct site *sites; /* owned */
	unsigned int count, room;
	bool is_exact;	  /* live and bytes are those of the kernel's own list, address by address */
	uint64_t nobodys; /* is_exact: maps that no site made: older than the trace, inherited, the kernel's own */
	uint64_t all;	  /* is_exact: maps in all */
};

/* What an exact list said of a site that the kernel side has counted otherwise. */
struct site_share {
	uint64_t stack_id;
	uint32_t op;
	int64_t live, booked;
	uint64_t rests, map_len, cut_len;
};

/* Zero-initialised is empty. */
struct site_shares {
	struct site_share *at; /* owned */
	unsigned int count;
};

/* Maps that a munmap shorter than they were has left a part of, from whichever end. */
uint64_t site_cut(const struct site *site);
/* The map count that has come of it and has stayed. */
int64_t site_held(const struct site *site);
/* The frame that answers "which line": the innermost outside of what only passes calls on; NULL: none known. */
const struct frame *site_culprit(const struct site *site);
/* The same of a stack; NULL is one without frames. */
const struct frame *stack_culprit(const struct stack *stack);

/* One site as the kernel's table has it. 0 or -ENOMEM. */
int site_list_add(struct site_list *list, const struct mt_site_key *key, const struct mt_site *site);
/* By how much the map count has grown in all. */
void site_list_set_growth(struct site_list *list, int64_t growth);
/* To be called before the next three, when all have been added. */
void site_list_sort(struct site_list *list);
/* An entry of the ledger, as it has been read, for the owners to be asked of ledger. 0 or -ENOMEM. */
int site_list_enter(const struct site_list *list, const struct mt_map_key *key, const struct mt_map *map,
		    struct ledger *ledger);
/* Begins to count what is live anew. */
void site_list_recount(struct site_list *list);
/* Back to what the kernel side has: the count could not be finished. */
void site_list_restore(struct site_list *list);
/* A map that the kernel lists, and the site that made it (LEDGER_NOBODY: none). */
void site_list_count(struct site_list *list, uint32_t site, uint64_t bytes, bool deleted);
/* When all are counted: which of them are the rests of mappings that were unmapped but for these. */
void site_list_count_rests(struct site_list *list, const struct ledger *ledger);
/*
 * later: the same sites, read after the kernel's list was. A count there that lies between the two booked is what
 * happened meanwhile, and no difference to be carried on. Both sorted.
 */
void site_list_settle(struct site_list *list, const struct site_list *later);
/* Of a list that is exact: keeps in shares, which are replaced, where the kernel side's counts are not. */
void site_list_keep(const struct site_list *list, struct site_shares *shares);
/* Of one that is not, as the process has ended: as much of each site is taken to be live as last was. */
void site_list_carry(struct site_list *list, const struct site_shares *shares);
void site_shares_free(struct site_shares *shares);
/* Puts those first that hold most. */
void site_list_rank(struct site_list *list);
/*
 * Makes one of those that one line is to blame for, whoever called it: of one operation,
 * with one culprit. It keeps the stack of the one that held most. To be ranked before, and is after.
 */
void site_list_merge(struct site_list *list);
void site_list_free(struct site_list *list);

#endif
