/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "reason.h"

#include <errno.h>

#include "cause.h"
#include "mman.h"
#include "walk.h"

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
		[REASON_NOT_MAPPED] = "not_mapped",
		[REASON_NO_ROOM] = "no_room",
	};

	return (unsigned int)reason < sizeof(names) / sizeof(names[0]) ? names[reason] : "unknown";
}

/* One of the kernel's checks, and what its refusal is called. */
struct check {
	enum reason reason;
	cause_fn *cause; /* NULL: after the last */
};

/* Each in the order of the kernel, 5.10 to 7.3. */
static const struct check mmap_checks[] = {
	{REASON_LENGTH, cause_length},
	{REASON_MAX_MAP_COUNT, cause_count},
	{REASON_ADDRESS_SPACE, cause_gap},
	{REASON_MEMLOCK, cause_memlock},
	{REASON_MAX_MAP_COUNT, cause_split_first},
	{REASON_RLIMIT_AS, cause_as},
	{REASON_RLIMIT_DATA, cause_data},
	{REASON_MAX_MAP_COUNT, cause_split_last},
	{REASON_OVERCOMMIT, cause_commit},
	{0},
};
static const struct check mremap_checks[] = {
	{REASON_MAX_MAP_COUNT, cause_count_fixed},
	{REASON_MEMLOCK, cause_memlock},
	{REASON_RLIMIT_AS, cause_as},
	{REASON_RLIMIT_DATA, cause_data},
	{REASON_OVERCOMMIT, cause_commit},
	{REASON_NO_ROOM, cause_room},
	{REASON_ADDRESS_SPACE, cause_gap},
	{REASON_MAX_MAP_COUNT, cause_count_moved},
	{0},
};
static const struct check brk_checks[] = {
	{REASON_NO_ROOM, cause_room},	     {REASON_ADDRESS_SPACE, cause_gap},
	{REASON_RLIMIT_AS, cause_as},	     {REASON_RLIMIT_DATA, cause_data},
	{REASON_MAX_MAP_COUNT, cause_count}, {REASON_OVERCOMMIT, cause_commit},
	{REASON_MEMLOCK, cause_memlock},     {0},
};
static const struct check mprotect_checks[] = {
	{REASON_LENGTH, cause_length},
	{REASON_NOT_MAPPED, cause_hole_first},
	{REASON_RLIMIT_DATA, cause_data},
	{REASON_OVERCOMMIT, cause_commit},
	{REASON_MAX_MAP_COUNT, cause_split},
	{REASON_NOT_MAPPED, cause_hole},
	{0},
};
static const struct check range_checks[] = {
	{REASON_MEMLOCK, cause_memlock},
	{REASON_NOT_MAPPED, cause_hole_first},
	{REASON_MAX_MAP_COUNT, cause_split},
	{REASON_NOT_MAPPED, cause_hole},
	{0},
};
/* Those go on behind a hole, and complain at the end. */
static const struct check advice_checks[] = {
	{REASON_MAX_MAP_COUNT, cause_split},
	{REASON_NOT_MAPPED, cause_hole},
	{0},
};
static const struct check split_checks[] = {{REASON_MAX_MAP_COUNT, cause_split}, {0}};
static const struct check lockall_checks[] = {{REASON_MEMLOCK, cause_memlock}, {0}};
static const struct check no_checks[] = {{0}};

static const struct check *checks_of(uint32_t op)
{
	static const struct check *const checks[MT_OP_MAX] = {
		[MT_OP_MMAP] = mmap_checks,
		[MT_OP_SHMAT] = mmap_checks,
		[MT_OP_IO_SETUP] = mmap_checks,
		[MT_OP_REMAP_FILE_PAGES] = mmap_checks,
		[MT_OP_MAP_SHADOW_STACK] = mmap_checks,
		[MT_OP_MREMAP] = mremap_checks,
		[MT_OP_BRK] = brk_checks,
		[MT_OP_MPROTECT] = mprotect_checks,
		[MT_OP_PKEY_MPROTECT] = mprotect_checks,
		[MT_OP_MLOCK] = range_checks,
		[MT_OP_MLOCK2] = range_checks,
		[MT_OP_MUNLOCK] = range_checks,
		[MT_OP_MSEAL] = range_checks,
		[MT_OP_MADVISE] = advice_checks,
		[MT_OP_PROCESS_MADVISE] = advice_checks,
		[MT_OP_PRCTL] = advice_checks,
		[MT_OP_MUNMAP] = split_checks,
		[MT_OP_MBIND] = split_checks,
		[MT_OP_SET_MEMPOLICY_HOME_NODE] = split_checks,
		[MT_OP_MLOCKALL] = lockall_checks,
	};

	return op < MT_OP_MAX && checks[op] ? checks[op] : no_checks;
}

/* Operations that have no reasons for ENOMEM but those that are checked, and the want of kernel memory. */
static bool is_fully_checked(const struct alarm_event *alarm)
{
	switch (alarm->op) {
	case MT_OP_MMAP:
	case MT_OP_MUNMAP:
	case MT_OP_MPROTECT:
	case MT_OP_PKEY_MPROTECT:
	case MT_OP_MREMAP:
	case MT_OP_BRK:
		return alarm->has_args && alarm->error == ENOMEM;
	}
	return false;
}

/*
 * The first check that the evidence speaks for, if it is sure and all before it
 * are ruled out for certain: else it is estimated. None: what is left over.
 */
static void judge(const struct evidence *evidence, struct refusal *refusal)
{
	bool open = false;

	for (const struct check *check = checks_of(refusal->op); check->cause; check++) {
		enum answer answer = check->cause(evidence);

		if (answer < ANSWER_LIKELY) {
			open |= answer == ANSWER_OPEN;
			continue;
		}
		refusal->reason = check->reason;
		refusal->estimated = open || answer != ANSWER_SURE;
		return;
	}
	open |= !is_fully_checked(evidence->alarm) || !evidence_is_firm(evidence);
	refusal->reason = open ? REASON_UNKNOWN : REASON_KERNEL_MEMORY;
	refusal->estimated = refusal->reason != REASON_UNKNOWN;
}

/* Overcommit is asked after all the limits, and tells us so itself. Only what was longer than all can come before. */
static void judge_by_word(const struct evidence *evidence, struct refusal *refusal)
{
	if (!evidence->alarm->no_commit || cause_length(evidence) == ANSWER_SURE) {
		judge(evidence, refusal);
		return;
	}
	refusal->reason = REASON_OVERCOMMIT;
	refusal->estimated = false;
}

static bool is_thread_stack(const struct alarm_event *alarm)
{
	return alarm->has_args &&
	       (alarm->op == MT_OP_MMAP ? (alarm->args.flags & MAP_STACK_BIT) != 0 : alarm->is_stack);
}

/* The range that it was about. False: none, or it is not in the arguments. */
static bool range_asked(const struct alarm_event *alarm, uint32_t page_size, struct range *ret_range)
{
	const struct op_args *args = &alarm->args;
	bool protects = alarm->op == MT_OP_MPROTECT || alarm->op == MT_OP_PKEY_MPROTECT;

	if (!alarm->has_args || !args->has_addr || (!args->has_len && alarm->op != MT_OP_BRK) ||
	    (alarm->op == MT_OP_MMAP && !(args->flags & MAP_FIXED_BIT)))
		return false;
	*ret_range = alarm->op == MT_OP_BRK
			     ? range_of(alarm->brk + page_size - 1, 0, RANGE_ANY_PROT, page_size)
			     : range_of(args->addr, args->len, protects ? args->prot : RANGE_ANY_PROT, page_size);
	return true;
}

/* As the hook at its beginning has seen it, if that says it all. */
static void range_peek(const struct alarm_event *alarm, uint32_t page_size, struct range *range)
{
	const struct vma vma = {
		.start = alarm->map.start,
		.end = alarm->map.end,
		.prot = alarm->map.flags & 7,
		.shared = alarm->map.flags & 8,
	};

	if (!alarm->has_map || !range_asked(alarm, page_size, range))
		return;
	range_by_map(range, &vma);
	range->fresh = true;
	/* mlock fails after all splits as well, for what can't be brought into memory. */
	if ((alarm->op == MT_OP_MLOCK || alarm->op == MT_OP_MLOCK2) && !range->has_hole)
		range->known = false;
}

/* The kernel side's own look comes before one into /proc, and that before what was there when the call began. */
static struct range range_best(const struct alarm_event *alarm, uint32_t page_size, const struct range *looked)
{
	struct range range = {0};

	if (range_asked(alarm, page_size, &range) && walk_take(alarm, page_size, &range) &&
	    (range.known || !looked->known))
		return range;
	range = *looked;
	if (!range.known)
		range_peek(alarm, page_size, &range);
	return range;
}

void refusal_explain(const struct alarm_event *alarm, uint32_t map_count, uint32_t page_size,
		     const struct surroundings *around, struct refusal *ret_refusal)
{
	struct surroundings seen = *around;
	struct evidence evidence = {
		.alarm = alarm,
		.around = &seen,
		.map_count = alarm->has_entry ? alarm->entry_map_count : map_count,
		.page_size = page_size,
	};
	struct refusal refusal = {
		.ts_ns = alarm->ts_ns,
		.tid = alarm->tid,
		.op = alarm->op,
		.error = alarm->error,
		.map_count = evidence.map_count,
		.limit = alarm->limit,
		.args = alarm->args,
		.has_args = alarm->has_args,
		.no_gap = alarm->no_gap,
		.no_commit = alarm->no_commit,
		.thread_stack = is_thread_stack(alarm),
		.shared_anonymous = evidence_is_shared_anonymous(alarm),
		.huge = evidence_is_huge(alarm),
		.total_vm = alarm->total_vm_pages * page_size,
		.data_vm = alarm->data_vm_pages * page_size,
		.locked_vm = alarm->locked_vm_pages * page_size,
		.rlimit_as = alarm->rlimit_as,
		.rlimit_data = alarm->rlimit_data,
		.rlimit_memlock = alarm->rlimit_memlock,
		.machine = around->machine,
	};

	seen.range = range_best(alarm, page_size, &around->range);
	refusal.range = seen.range;
	refusal.refusal_point = op_refusal_point(alarm->op, alarm->args.flags, alarm->limit, true);
	refusal.asked = evidence_weight(&evidence);
	judge_by_word(&evidence, &refusal);
	*ret_refusal = refusal;
}

static bool is_doubtful(const struct refusal *refusal)
{
	return refusal->estimated || refusal->reason == REASON_UNKNOWN;
}

bool refusal_asks_for_machine(const struct refusal *refusal)
{
	return is_doubtful(refusal) || refusal->reason == REASON_OVERCOMMIT || refusal->huge;
}

bool refusal_asks_for_range(const struct alarm_event *alarm, const struct refusal *refusal, uint32_t page_size,
			    struct range *ret_range)
{
	if (!is_doubtful(refusal) || (refusal->range.known && alarm->walk.verdict))
		return false;
	return range_asked(alarm, page_size, ret_range);
}

bool refusal_asks_for_segment(const struct alarm_event *alarm, const struct refusal *refusal)
{
	return is_doubtful(refusal) && alarm->op == MT_OP_SHMAT && alarm->has_args && !alarm->entry_len &&
	       alarm->rlimit_as != UINT64_MAX;
}

bool refusal_takes_stale(const struct alarm_event *alarm, const struct range *range, uint32_t page_size)
{
	return alarm->op != MT_OP_MMAP && range->end - range->start == page_size && !range->has_hole;
}
