/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "range.h"

#define PROT_ALL     0x7
#define PROT_WRITING 0x2

struct range range_of(uint64_t addr, uint64_t len, uint64_t prot, uint32_t page_size)
{
	struct range range = {.prot = prot};

	range.start = addr & ~(uint64_t)(page_size - 1);
	range.end = len > UINT64_MAX - addr - page_size + 1 ? UINT64_MAX & ~(uint64_t)(page_size - 1)
							    : (addr + len + page_size - 1) & ~(uint64_t)(page_size - 1);
	range.hole = range.start; /* so far nothing is mapped */
	return range;
}

static void take_inside(struct range *range, const struct vma *vma)
{
	uint64_t start = vma->start > range->start ? vma->start : range->start;
	uint64_t end = vma->end < range->end ? vma->end : range->end;
	bool changes = range->prot == RANGE_ANY_PROT || ((range->prot ^ vma->prot) & PROT_ALL);

	if (!range->mapped)
		range->is_data = !vma->shared && (vma->prot & PROT_WRITING);
	if (start == range->hole)
		range->hole = end;
	range->mapped += end - start;
	if (!changes)
		return;
	range->splits_start |= vma->start < range->start;
	range->splits_end |= vma->end > range->end;
	range->is_guess |= range->prot == RANGE_ANY_PROT && (vma->start < range->start || vma->end > range->end);
	range->is_inside |= vma->start < range->start && vma->end > range->end;
	if (!range->new_data && !vma->shared && !(vma->prot & PROT_WRITING))
		range->new_data = end - start;
}

bool range_take(struct range *range, const struct vma *vma)
{
	if (vma->end <= range->start)
		return true;
	if (vma->start >= range->end) {
		range->room = vma->start - range->end;
		range->room_known = true;
		return false;
	}
	take_inside(range, vma);
	return true;
}

void range_end(struct range *range)
{
	range->has_hole = range->hole < range->end;
	range->known = true;
}

void range_by_map(struct range *range, const struct vma *vma)
{
	bool is_none = vma->start == vma->end;

	if (!is_none && (vma->start > range->start || vma->end < range->end))
		return;
	if (!is_none)
		range_take(range, vma);
	range_end(range);
}
