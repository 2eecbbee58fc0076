/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which accounts a tick reads: those the kernel has noted as changed, and now
 * and then all of them. Pure.
 *
 * Why no change is missed. The kernel books a change, then looks at `tick`, and
 * notes the account unless that very tick has been noted in it already
 * (process_note in bpf/). We raise `tick`, then take the notes, then read.
 *
 * - A change that makes a note comes before it, so whoever takes the note reads
 *   the change.
 * - A change that finds its account noted is of the same tick as that note, so it
 *   comes before we raise `tick` the next time. But notes are also made while we
 *   take them, and such a one may be taken, and its account read, before that
 *   change. Hence whoever was noted is read again in the tick after.
 * - No barrier stands between the booking and the look at `tick`, as the witness
 *   must be cheap: a CPU may hold back what it has booked for a moment after we
 *   raised `tick`. Not for a whole tick: hence once more.
 * - A note that found no room is counted, after the change: all accounts are read,
 *   as often as a noted one.
 */
#ifndef CORE_READING_H
#define CORE_READING_H

#include <stdbool.h>
#include <stdint.h>

#define READING_TIMES	  3  /* in which a noted account is read: its own tick and two more */
#define READING_ALL_EVERY 60 /* ticks: a net for what the rules above do not foresee */

struct reading {
	uint64_t *noted[READING_TIMES]; /* owned: mms noted in this tick and in those before */
	unsigned int count[READING_TIMES];
	uint64_t *due; /* owned: of all those */
	unsigned int room;
	unsigned int now;      /* index of this tick's */
	unsigned int all_left; /* ticks that have to read all accounts */
	unsigned int since_all;
	uint64_t missed; /* as last told */
};

/* room: notes a tick may bring; more lead to a reading of all. 0 or -ENOMEM. The first tick reads all. */
int reading_init(struct reading *reading, unsigned int room);
void reading_free(struct reading *reading);
/* A tick begins. missed: running sum of what was lost and only a reading of all makes good. */
void reading_begin(struct reading *reading, uint64_t missed);
/* An mm that the kernel has noted. Any number of times, once is enough. */
void reading_note(struct reading *reading, uint64_t mm);
/* Asks for a reading of all accounts from now on, until each change before it has been read. */
void reading_ask_all(struct reading *reading);
/* Asks for one in the next tick, to be sure of what this one seemed to show. */
void reading_ask_again(struct reading *reading);
/* After this tick's notes: is it to read all? */
bool reading_is_all(struct reading *reading);
/* The mms to read in this tick, if not all: each once. Borrowed, until the next call. */
const uint64_t *reading_due(struct reading *reading, unsigned int *ret_count);

#endif
