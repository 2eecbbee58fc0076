/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "reason.h"

#include <errno.h>
#include <string.h>

#define PROT_WRITE_BIT	  0x2
#define MAP_TYPE_MASK	  0xf
#define MAP_PRIVATE_TYPE  0x2
#define MAP_GROWSDOWN_BIT 0x100

const char *reason_name(enum reason reason)
{
	static const char *const names[] = {
		[REASON_UNKNOWN] = "unknown",
		[REASON_MAX_MAP_COUNT] = "max_map_count",
		[REASON_RLIMIT_AS] = "rlimit_as",
		[REASON_RLIMIT_DATA] = "rlimit_data",
		[REASON_OVERCOMMIT] = "overcommit",
		[REASON_ADDRESS_SPACE] = "address_space",
		[REASON_LENGTH] = "length",
		[REASON_MEMLOCK] = "memlock",
		[REASON_KERNEL_MEMORY] = "kernel_memory",
	};

	return (unsigned int)reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}

/* Bytes an operation would have added to the address space, 0 if none. */
static uint64_t bytes_wanted(const struct refusal *refusal)
{
	const struct op_args *args = &refusal->args;

	if (refusal->op == MT_OP_MMAP)
		return args->len;
	if (refusal->op == MT_OP_MREMAP && args->new_len > args->len)
		return args->new_len - args->len;
	return 0;
}

/* The kernel compares pages: what is wanted rounded up, the limit rounded down. */
static bool exceeds(uint64_t used, uint64_t wanted, uint64_t limit, uint32_t page_size)
{
	uint64_t used_pages = used / page_size, limit_pages = limit / page_size;
	uint64_t wanted_pages = wanted / page_size + (wanted % page_size != 0);

	return limit != UINT64_MAX && wanted && (used_pages > limit_pages || wanted_pages > limit_pages - used_pages);
}

static bool length_overflows(const struct refusal *refusal, uint32_t page_size)
{
	uint64_t len = refusal->op == MT_OP_MREMAP ? refusal->args.new_len : refusal->args.len;

	return refusal->has_args && (refusal->op == MT_OP_MMAP || refusal->op == MT_OP_MPROTECT) && len &&
	       len > UINT64_MAX - page_size + 1;
}

static bool locks_memory(uint32_t op)
{
	return op == MT_OP_MMAP || op == MT_OP_MREMAP || op == MT_OP_MLOCK || op == MT_OP_MLOCK2 || op == MT_OP_BRK ||
	       op == MT_OP_MLOCKALL;
}

/* RLIMIT_DATA counts private writable memory that is no stack (mm/mmap.c: is_data_mapping). */
static bool counts_as_data(const struct op_args *args)
{
	return (args->prot & PROT_WRITE_BIT) && (args->flags & MAP_TYPE_MASK) == MAP_PRIVATE_TYPE &&
	       !(args->flags & MAP_GROWSDOWN_BIT);
}

/* Advice that changes a map's flags, and so may split it: NORMAL to SEQUENTIAL, DONTFORK to KEEPONFORK. */
static bool advice_splits(uint64_t advice)
{
	return advice <= 2 || (advice >= 10 && advice <= 19);
}

/* Can this operation have failed in this way for want of maps? */
static bool count_refuses(const struct refusal *refusal)
{
	bool advises = refusal->op == MT_OP_MADVISE || refusal->op == MT_OP_PROCESS_MADVISE;

	if (refusal->map_count < refusal->refusal_point)
		return false;
	if (advises && refusal->has_args && !advice_splits(refusal->args.advice))
		return false;
	/* EAGAIN stands for it since 6.1, in these calls alone. */
	return refusal->error != EAGAIN || advises || refusal->op == MT_OP_PRCTL;
}

/* In the order in which the kernel checks. */
static enum reason reason_of(const struct refusal *refusal, uint32_t page_size)
{
	uint64_t wanted = refusal->has_args ? bytes_wanted(refusal) : 0;
	bool locks = refusal->op == MT_OP_MLOCK || refusal->op == MT_OP_MLOCK2;

	if (length_overflows(refusal, page_size))
		return REASON_LENGTH;
	if (count_refuses(refusal))
		return REASON_MAX_MAP_COUNT;
	/* The kernel's own words; overcommit is asked last, when all limits are passed. */
	if (refusal->no_gap)
		return REASON_ADDRESS_SPACE;
	if (refusal->no_commit)
		return REASON_OVERCOMMIT;
	if (refusal->error == EAGAIN)
		return locks_memory(refusal->op) ? REASON_MEMLOCK : REASON_UNKNOWN;
	/* mlock(2) itself says ENOMEM for it (mm/mlock.c: do_mlock) */
	if (locks && refusal->has_args &&
	    exceeds(refusal->locked_vm, refusal->args.len, refusal->rlimit_memlock, page_size))
		return REASON_MEMLOCK;
	if (exceeds(refusal->total_vm, wanted, refusal->rlimit_as, page_size))
		return REASON_RLIMIT_AS;
	if (refusal->op == MT_OP_MMAP && counts_as_data(&refusal->args) &&
	    exceeds(refusal->data_vm, wanted, refusal->rlimit_data, page_size))
		return REASON_RLIMIT_DATA;
	return REASON_UNKNOWN;
}

void refusal_explain(const struct alarm_event *alarm, uint32_t map_count, uint32_t page_size,
		     struct refusal *ret_refusal)
{
	struct refusal refusal = {
		.ts_ns = alarm->ts_ns,
		.tid = alarm->tid,
		.op = alarm->op,
		.error = alarm->error,
		.map_count = alarm->has_entry ? alarm->entry_map_count : map_count,
		.limit = alarm->limit,
		.args = alarm->args,
		.has_args = alarm->has_args,
		.no_gap = alarm->no_gap,
		.no_commit = alarm->no_commit,
		.total_vm = alarm->total_vm_pages * page_size,
		.data_vm = alarm->data_vm_pages * page_size,
		.locked_vm = alarm->locked_vm_pages * page_size,
		.rlimit_as = alarm->rlimit_as,
		.rlimit_data = alarm->rlimit_data,
		.rlimit_memlock = alarm->rlimit_memlock,
	};

	refusal.refusal_point = op_refusal_point(alarm->op, alarm->args.flags, alarm->limit, true);
	refusal.reason = reason_of(&refusal, page_size);
	*ret_refusal = refusal;
}
