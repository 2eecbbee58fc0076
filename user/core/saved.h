/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a daemon knows of its processes beyond what the kernel side keeps: their pasts, the findings that are open,
 * sums of what has ended. Packed for the next run to go on from, with a checksum. Pure: bytes in, bytes out.
 */
#ifndef CORE_SAVED_H
#define CORE_SAVED_H

#include "buf.h"
#include "model.h"
#include "pack.h"
#include "reason.h"

#define BOOT_ID_LEN 36

/* Sums since the daemon was first started on this boot. */
struct lifetime {
	uint64_t findings[FINDING_KINDS][SEVERITY_CRITICAL + 1]; /* raised */
	uint64_t refusals[MT_OP_MAX][REASONS];			 /* of those followed in detail */
	/* of processes that have ended; what the living have done is in their accounts */
	uint64_t opened, closed;
	uint64_t calls[MT_OP_MAX];
	uint64_t ended;
};

/* Adds what a process that has ended had done. */
void lifetime_add(struct lifetime *lifetime, const struct account *account);

/* One process, as it was saved. Borrows the bytes it was unpacked from. */
struct saved_process {
	struct process_key key;
	uint64_t seen_ns, last_fail_ns;
	bool shown;
	const void *trail; /* NULL: none */
	size_t trail_len;
	const struct open_finding *open;  /* FINDING_KINDS of them, not aligned: copy; NULL: none */
	const struct mt_process *account; /* the same; NULL: it is pinned elsewhere */
};

/* The accounts too: nothing else keeps them. Appends to buf; buf->failed: no memory. */
void saved_pack(struct buf *buf, const char *boot_id, const struct lifetime *lifetime, const struct model *model,
		bool with_accounts);

/* NULL: it is whole, of this version and this boot. Else why it is not. ret_rest: for saved_next. */
const char *saved_open(const struct buf *buf, const char *boot_id, struct lifetime *ret_lifetime,
		       struct unpack *ret_rest);
/* False: there are no more. */
bool saved_next(struct unpack *rest, struct saved_process *ret_process);
/* Gives a process of the model its past back, if its account goes on from there. */
void saved_restore(struct model *model, struct process *process, const struct saved_process *saved);

#endif
