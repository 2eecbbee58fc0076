/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why was an operation refused with ENOMEM or EAGAIN? (KERNEL.md section 2) */
#ifndef CORE_REASON_H
#define CORE_REASON_H

#include <stdint.h>

#include "event.h"
#include "stack.h"
#include "surroundings.h"

enum reason {
	REASON_UNKNOWN,
	REASON_MAX_MAP_COUNT,
	REASON_RLIMIT_AS,
	REASON_RLIMIT_DATA,
	REASON_OVERCOMMIT,
	REASON_ADDRESS_SPACE,
	REASON_LENGTH,
	REASON_MEMLOCK,
	REASON_KERNEL_MEMORY, /* what is left when all others are ruled out: allocations, drivers, huge pages */
	REASON_NOT_MAPPED,    /* a hole in a range that has to be mapped */
	REASON_NO_ROOM,	      /* to grow in place */
	REASONS
};

/* A refusal with the figures that prove its reason. */
struct refusal {
	uint64_t ts_ns;
	uint32_t tid, op;
	int error;
	enum reason reason;
	bool estimated; /* by figures that may have changed in between, or by exclusion; not by the kernel's own word */
	uint32_t map_count, limit;
	uint32_t refusal_point; /* map count from which this operation fails */
	struct op_args args;
	bool has_args, no_gap, no_commit;		 /* as in alarm_event */
	bool thread_stack;				 /* it was a thread's stack that could not be had */
	bool shared_anonymous;				 /* it was for shared anonymous memory */
	bool huge;					 /* it was for huge pages */
	uint64_t asked;					 /* bytes to be added, or locked; 0: none, or not known */
	uint64_t total_vm, data_vm, locked_vm;		 /* bytes */
	uint64_t rlimit_as, rlimit_data, rlimit_memlock; /* bytes, UINT64_MAX: none */
	const struct stack *stack;			 /* borrowed; NULL: not known. Left to the caller */
	struct machine machine;
	struct range range;
};

const char *reason_name(enum reason reason);
/* Pure: the reason follows from the arguments alone. page_size in bytes. */
void refusal_explain(const struct alarm_event *alarm, uint32_t map_count, uint32_t page_size,
		     const struct surroundings *around, struct refusal *ret_refusal);
/* Would it help to know how the machine stands? */
bool refusal_asks_for_machine(const struct refusal *refusal);
/* Would it help to know the size of the segment that it names? */
bool refusal_asks_for_segment(const struct alarm_event *alarm, const struct refusal *refusal);
/*
 * What was found in a range after the process had gone on: does it still tell something? Of a single page that is
 * mapped it does: that there was a hole is possible, not likely.
 */
bool refusal_takes_stale(const struct alarm_event *alarm, const struct range *range, uint32_t page_size);
/* Would it help to know what is mapped? Then in which range. */
bool refusal_asks_for_range(const struct alarm_event *alarm, const struct refusal *refusal, uint32_t page_size,
			    struct range *ret_range);

#endif
