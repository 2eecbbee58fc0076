/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "walk.h"

#include "mman.h"

/* vm_flags (include/linux/mm.h), the same from 5.10 to 7.3. */
#define VM_PROT		0x00000007
#define VM_WRITE	0x00000002
#define VM_SHARED	0x00000008
#define VM_LOCKED	0x00002000
#define VM_LOCKONFAULT	0x00080000
#define VM_NEVER_LOCKED 0x10444400 /* VM_PFNMAP, VM_IO, VM_DONTEXPAND, VM_HUGETLB, VM_MIXEDMAP: mlock_fixup */

enum change { CHANGE_NO, CHANGE_OPEN, CHANGE_YES };

static enum change change_by_lock(const struct alarm_event *alarm, uint64_t flags)
{
	uint64_t wanted = VM_LOCKED;

	if (flags & VM_NEVER_LOCKED)
		return CHANGE_NO;
	if (alarm->op == MT_OP_MLOCK2 && (alarm->args.flags & MLOCK_ONFAULT_BIT))
		wanted |= VM_LOCKONFAULT;
	return (flags & (VM_LOCKED | VM_LOCKONFAULT)) == wanted ? CHANGE_NO : CHANGE_YES;
}

/* Would the call have to change a map with these flags? */
static enum change change_of(const struct alarm_event *alarm, uint64_t flags)
{
	switch (alarm->op) {
	case MT_OP_MPROTECT:
		return (alarm->args.prot ^ flags) & VM_PROT ? CHANGE_YES : CHANGE_NO;
	case MT_OP_PKEY_MPROTECT: /* the key may differ */
		return (alarm->args.prot ^ flags) & VM_PROT ? CHANGE_YES : CHANGE_OPEN;
	case MT_OP_MLOCK:
	case MT_OP_MLOCK2:
		return change_by_lock(alarm, flags);
	case MT_OP_MUNLOCK:
		return flags & VM_LOCKED ? CHANGE_YES : CHANGE_NO;
	}
	return CHANGE_OPEN;
}

static void take_edges(const struct alarm_event *alarm, struct range *range)
{
	const struct mt_peek *first = &alarm->walk.first, *last = &alarm->walk.last;
	enum change at_start = change_of(alarm, first->flags), at_end = change_of(alarm, last->flags);
	bool before = first->end && first->start<range->start, behind = last->end> range->end;

	range->splits_start = before && at_start != CHANGE_NO;
	range->splits_end = behind && at_end != CHANGE_NO;
	range->is_inside = before && first->end > range->end;
	range->is_guess = (before && at_start == CHANGE_OPEN) || (behind && at_end == CHANGE_OPEN);
	range->is_data = first->end && (first->flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;
}

bool walk_take(const struct alarm_event *alarm, uint32_t page_size, struct range *range)
{
	const struct mt_walk *walk = &alarm->walk;
	uint64_t to = walk->mapped_to & ~(uint64_t)(page_size - 1);

	if (walk->verdict == MT_WALK_NONE)
		return false;
	take_edges(alarm, range);
	range->hole = to > range->end ? range->end : to < range->start ? range->start : to;
	range->has_hole = walk->verdict == MT_WALK_HOLE;
	range->mapped = range->hole - range->start;
	range->new_data = walk->new_data;
	range->known = walk->verdict != MT_WALK_LONG;
	range->fresh = true;
	return true;
}
