/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cause.h"

#include <errno.h>

#include "mman.h"

#define EAGAIN_FOR_ADVICE    KERNEL_VERSION_OF(6, 1) /* madvise and prctl say so for want of maps */
#define SPLIT_BEFORE_LIMITS  KERNEL_VERSION_OF(6, 12)
#define EVERY_MREMAP_COUNTED KERNEL_VERSION_OF(7, 1)

static bool is_advice(uint32_t op)
{
	return op == MT_OP_MADVISE || op == MT_OP_PROCESS_MADVISE || op == MT_OP_PRCTL;
}

static bool kernel_is(const struct evidence *evidence, uint32_t version)
{
	return evidence->around->kernel >= version;
}

bool evidence_is_firm(const struct evidence *evidence)
{
	return evidence->alarm->has_entry || evidence->alarm->alone;
}

/* What was found in /proc holds for the moment of the refusal. */
static enum answer by_range(const struct evidence *evidence, bool speaks_for_it)
{
	if (!speaks_for_it)
		return ANSWER_NO;
	return evidence_is_firm(evidence) && evidence->around->range.fresh ? ANSWER_SURE : ANSWER_LIKELY;
}

/* Bytes rounded up to whole pages; what overflows is all of them. */
static uint64_t round_up(uint64_t bytes, uint64_t page_size)
{
	return bytes > UINT64_MAX - page_size + 1 ? UINT64_MAX & ~(page_size - 1)
						  : (bytes + page_size - 1) & ~(page_size - 1);
}

bool evidence_is_huge(const struct alarm_event *alarm)
{
	return alarm->op == MT_OP_MMAP && (alarm->args.flags & MAP_HUGETLB_BIT) &&
	       (alarm->args.flags & MAP_ANONYMOUS_BIT) && !(alarm->args.flags & MAP_NORESERVE_BIT);
}

bool evidence_is_shared_anonymous(const struct alarm_event *alarm)
{
	uint64_t type = alarm->args.flags & MAP_TYPE_MASK;

	if (alarm->op != MT_OP_MMAP || (type != MAP_SHARED_TYPE && type != MAP_VALIDATE_TYPE))
		return false;
	return (alarm->args.flags & MAP_ANONYMOUS_BIT) || (alarm->has_file && alarm->file.kind == FILE_ANON_SHM);
}

static uint64_t mmap_asks(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	uint64_t huge_page = evidence->around->machine.huge_page;

	if ((alarm->args.flags & MAP_HUGETLB_BIT) && (alarm->args.flags & MAP_ANONYMOUS_BIT) && huge_page)
		return round_up(alarm->args.len, huge_page);
	return round_up(alarm->args.len, evidence->page_size);
}

static uint64_t growth(uint64_t from, uint64_t to, uint64_t page_size)
{
	from = round_up(from, page_size);
	to = round_up(to, page_size);
	return to > from ? to - from : 0;
}

bool evidence_asked(const struct evidence *evidence, uint64_t *ret_bytes)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct op_args *args = &alarm->args;

	*ret_bytes = 0;
	switch (alarm->op) {
	case MT_OP_SHMAT: /* as much as the segment has, io_setup as the machine has processors */
	case MT_OP_IO_SETUP:
		*ret_bytes = alarm->entry_len ? alarm->entry_len : evidence->around->segment_bytes;
		*ret_bytes = round_up(*ret_bytes, evidence->page_size);
		return *ret_bytes;
	case MT_OP_MMAP:
		*ret_bytes = mmap_asks(evidence);
		return alarm->has_args;
	case MT_OP_MAP_SHADOW_STACK:
		*ret_bytes = round_up(args->len, evidence->page_size);
		return alarm->has_args;
	case MT_OP_MREMAP:
		*ret_bytes = growth(args->len, args->new_len, evidence->page_size);
		return alarm->has_args;
	case MT_OP_BRK:
		*ret_bytes = growth(alarm->brk, args->addr, evidence->page_size);
		return alarm->has_args;
	}
	return true;
}

/* mmap rounds the length up to nothing; mprotect asks whether the end comes before the beginning, too. */
enum answer cause_length(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	uint64_t len = alarm->args.len, last = UINT64_MAX - evidence->page_size + 1;
	bool protects = alarm->op == MT_OP_MPROTECT || alarm->op == MT_OP_PKEY_MPROTECT;

	if (!alarm->has_args || alarm->error != ENOMEM || (!protects && alarm->op != MT_OP_MMAP) || !len)
		return ANSWER_NO;
	return len > last || (protects && alarm->args.addr > UINT64_MAX - round_up(len, evidence->page_size))
		       ? ANSWER_SURE
		       : ANSWER_NO;
}

/* ---- the map count ---- */

/* By figures that are taken after it, and judged by alone if nobody else can have changed them. */
static enum answer by_count(const struct evidence *evidence, bool speaks_for_it)
{
	if (!speaks_for_it)
		return ANSWER_NO;
	return evidence_is_firm(evidence) ? ANSWER_SURE : ANSWER_LIKELY;
}

/* One map more than the limit is let in, then none. */
enum answer cause_count(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;

	if (alarm->error != ENOMEM)
		return ANSWER_NO;
	if (alarm->above && alarm->op == MT_OP_MMAP)
		return ANSWER_SURE;
	return by_count(evidence, evidence->map_count > alarm->limit);
}

static bool mremap_meets(const struct evidence *evidence, bool is_placed)
{
	uint32_t point =
		op_refusal_point(MT_OP_MREMAP, is_placed ? MREMAP_PLACED_BITS : 0, evidence->alarm->limit, true);

	return evidence->alarm->error == ENOMEM && evidence->map_count >= point;
}

enum answer cause_count_fixed(const struct evidence *evidence)
{
	bool is_placed = evidence->alarm->args.flags & MREMAP_PLACED_BITS;

	return by_count(evidence,
			(is_placed || kernel_is(evidence, EVERY_MREMAP_COUNTED)) && mremap_meets(evidence, is_placed));
}

enum answer cause_count_moved(const struct evidence *evidence)
{
	const struct op_args *args = &evidence->alarm->args;
	bool moves = (args->flags & MREMAP_MAYMOVE_BIT) || !evidence->alarm->has_args;

	return by_count(evidence, moves && mremap_meets(evidence, false));
}

/* Advice that changes a map's flags, and so may split it: NORMAL to SEQUENTIAL, DONTFORK to KEEPONFORK. */
static bool advice_splits(uint64_t advice)
{
	return advice <= 2 || (advice >= 10 && advice <= 19);
}

/* May this call split maps, and does it report so in this way? */
static bool may_be_split(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;

	if (!is_advice(alarm->op))
		return alarm->error == ENOMEM;
	if (alarm->has_args && alarm->op == MT_OP_PRCTL && !alarm->args.has_len)
		return false;
	if (alarm->has_args && alarm->op != MT_OP_PRCTL && !advice_splits(alarm->args.advice))
		return false;
	if (!evidence->around->kernel)
		return true;
	return (alarm->error == EAGAIN) == kernel_is(evidence, EAGAIN_FOR_ADVICE);
}

/* Is a hole in the range a reason for this? */
static bool needs_all_mapped(const struct alarm_event *alarm)
{
	switch (alarm->op) {
	case MT_OP_MPROTECT:
	case MT_OP_PKEY_MPROTECT:
	case MT_OP_MLOCK:
	case MT_OP_MLOCK2:
	case MT_OP_MUNLOCK:
	case MT_OP_MSEAL:
	case MT_OP_MADVISE:
		return alarm->error == ENOMEM;
	case MT_OP_PRCTL:
		return alarm->error == ENOMEM && (alarm->args.has_len || !alarm->has_args);
	}
	return false;
}

/* Those stop at the first hole: what is mapped behind it was never split. */
static bool goes_on_behind_hole(const struct alarm_event *alarm)
{
	return is_advice(alarm->op);
}

/*
 * Of a range of which only its beginning is known, if that. A munmap is refused only within one map. Others stop where
 * they have to split first; what has a hole may have stopped there.
 */
static enum answer split_unseen(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct range *range = &evidence->around->range;

	if (alarm->op == MT_OP_MUNMAP && alarm->has_args && alarm->has_map && evidence_is_firm(evidence) &&
	    alarm->map.end < alarm->args.addr + alarm->args.len)
		return ANSWER_NO;
	if (range->splits_start && !range->is_guess)
		return by_range(evidence, true);
	return needs_all_mapped(alarm) && !alarm->is_stack ? ANSWER_OPEN : ANSWER_LIKELY;
}

/*
 * A split is refused from M on; who needs two and gets one leaves M behind. One
 * less says so only if others may have unmapped something since.
 */
enum answer cause_split(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct range *range = &evidence->around->range;
	uint32_t point = op_refusal_point(alarm->op, alarm->args.flags, alarm->limit, evidence_is_firm(evidence) == 0);

	if (!may_be_split(evidence) || evidence->map_count < point)
		return ANSWER_NO;
	if (!range->known)
		return split_unseen(evidence);
	if (alarm->op == MT_OP_MUNMAP)
		return by_range(evidence, range->is_inside);
	if (!range->splits_start && (!range->splits_end || (range->has_hole && !goes_on_behind_hole(alarm))))
		return ANSWER_NO;
	return range->has_hole && range->is_guess ? ANSWER_OPEN : by_range(evidence, true);
}

static enum answer fixed_split(const struct evidence *evidence, enum answer unknown)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct range *range = &evidence->around->range;

	if (alarm->error != ENOMEM || alarm->op != MT_OP_MMAP || !(alarm->args.flags & MAP_FIXED_BIT) ||
	    evidence->map_count < alarm->limit)
		return ANSWER_NO;
	return range->known ? by_range(evidence, range->is_inside) : unknown;
}

enum answer cause_split_first(const struct evidence *evidence)
{
	return kernel_is(evidence, SPLIT_BEFORE_LIMITS) ? fixed_split(evidence, ANSWER_OPEN) : ANSWER_NO;
}

enum answer cause_split_last(const struct evidence *evidence)
{
	return fixed_split(evidence, ANSWER_LIKELY);
}

/* ---- what is mapped there ---- */

/* ENOMEM of these is a hole, if it was not a split: they use no other memory, and have no other limit. */
static bool is_only_by_hole(const struct alarm_event *alarm)
{
	uint64_t advice = alarm->args.advice;

	switch (alarm->has_args ? alarm->op : MT_OP_OTHER) {
	case MT_OP_MUNLOCK:
	case MT_OP_MSEAL:
	case MT_OP_PRCTL:
		return true;
	case MT_OP_MPROTECT:
	case MT_OP_PKEY_MPROTECT:
		return !(alarm->args.prot & PROT_WRITE_BIT);
	case MT_OP_MADVISE:
		return advice != MADV_POPULATE_READ_NR && advice != MADV_POPULATE_WRITE_NR &&
		       advice != MADV_COLLAPSE_NR;
	}
	return false;
}

enum answer cause_hole(const struct evidence *evidence)
{
	const struct range *range = &evidence->around->range;

	if (!needs_all_mapped(evidence->alarm))
		return ANSWER_NO;
	if (range->known && !range->has_hole)
		return ANSWER_NO;
	if (cause_split(evidence) == ANSWER_OPEN)
		return ANSWER_OPEN; /* either */
	if (range->known)
		return by_range(evidence, true);
	return is_only_by_hole(evidence->alarm) ? ANSWER_LIKELY : ANSWER_OPEN;
}

enum answer cause_hole_first(const struct evidence *evidence)
{
	const struct range *range = &evidence->around->range;
	bool at_once = range->has_hole && range->hole == range->start;

	if (!needs_all_mapped(evidence->alarm) || !range->known)
		return ANSWER_NO; /* cause_hole will be asked */
	return by_range(evidence, at_once || (range->has_hole && evidence->alarm->op == MT_OP_MSEAL));
}

/* The break keeps a page's distance to what follows (mm/mmap.c: brk). */
enum answer cause_room(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct range *range = &evidence->around->range;
	bool breaks = alarm->op == MT_OP_BRK;
	uint64_t asked;

	if (!alarm->has_args || alarm->error != ENOMEM || (!breaks && (alarm->args.flags & MREMAP_MAYMOVE_BIT)) ||
	    !evidence_asked(evidence, &asked) || !asked)
		return ANSWER_NO;
	if (range->room_known)
		return by_range(evidence, range->room < asked || (breaks && range->room - asked < evidence->page_size));
	return breaks ? ANSWER_OPEN : ANSWER_LIKELY;
}

/* The kernel's own search; asked for less than all of it, mremap may have grown in place. */
enum answer cause_gap(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	bool stays = alarm->op == MT_OP_MREMAP && alarm->has_args && !(alarm->args.flags & MREMAP_MAYMOVE_BIT);

	if (alarm->no_gap)
		return ANSWER_SURE;
	if (evidence->around->gap_told || alarm->error != ENOMEM || stays || alarm->op == MT_OP_BRK)
		return ANSWER_NO;
	if (alarm->op == MT_OP_MMAP && (alarm->args.flags & MAP_FIXED_BIT))
		return ANSWER_NO;
	return ANSWER_OPEN;
}
