/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The trace gear of a daemon: while a detector suspects somebody, hooks for calls, call stacks and the ledger of maps
 * are there for him alone; when nobody is suspected any more they are taken away again.
 *
 * It is a session of its own beside the one that watches all: another set of BPF programs and maps, that knows of
 * nobody but suspects. Its lines, if any, are that one's.
 */
#ifndef APP_GEAR_H
#define APP_GEAR_H

#include "session.h"

struct gear; /* opaque */

/* For this session's suspects. Nothing is loaded yet. 0 or negative errno. */
int gear_new(struct session *watch, struct gear **ret_gear);
/* Waits until its hooks are gone. Takes NULL. */
void gear_free(struct gear *gear);
/* After all have been judged: chooses the suspects, follows them, lets go of who is none. */
void gear_tick(struct gear *gear);
/*
 * What is known in detail of a process that is judged by the watching session: *ret_session is whose it is. NULL: it
 * is not followed, or there is nothing yet.
 */
struct process *gear_find(struct gear *gear, const struct process *process, struct session **ret_session);
/* Once for each suspect: there are call sites now that tell where its maps come from. */
bool gear_take_completion(struct gear *gear, const struct process *process);
/* It has ended: its last words are taken from the ring, so that gear_find tells them. */
void gear_catch_up(struct gear *gear);

struct gear_counts {
	bool is_on;	       /* hooks are attached */
	unsigned int suspects; /* followed now */
	uint64_t followed;     /* in all */
	uint64_t waiting;      /* suspected now, and not followed for want of room (--max-suspects) */
	uint64_t failures;     /* of attaching */
};
void gear_read(const struct gear *gear, struct gear_counts *ret_counts);
/* Size of the ring that its operations come by. */
uint32_t gear_ring_bytes(const struct gear *gear);
/* NULL while it is off. */
struct tracer *gear_tracer(const struct gear *gear);

#endif
