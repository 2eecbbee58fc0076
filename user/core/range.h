/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is mapped where an operation was refused: found out map by map, in order of address. */
#ifndef CORE_RANGE_H
#define CORE_RANGE_H

#include <stdbool.h>
#include <stdint.h>

#include "vma.h"

#define RANGE_ANY_PROT UINT64_MAX

struct range {
	uint64_t start, end; /* whole pages; equal: only what follows is asked for */
	uint64_t prot;	     /* rights to be given; what has them stays as it is. RANGE_ANY_PROT: all is changed */

	bool known; /* all of this has been found out: */
	bool fresh; /* and nothing had been done since the refusal */
	bool has_hole;
	uint64_t hole;		       /* the first address that is not mapped */
	bool splits_start, splits_end; /* it begins, ends within a map that is to be changed */
	bool is_guess;		       /* ... or that has already what it is to get: that is not seen */
	bool is_inside;		       /* both within the same */
	bool is_data;		       /* it begins in private writable memory */
	uint64_t mapped;	       /* bytes; up to the hole, where nobody looked behind it */
	uint64_t new_data;	       /* bytes of the first map that is private and not writable */
	bool room_known;
	uint64_t room; /* bytes free behind it */
};

/* Of these bytes, rounded to pages (of page_size bytes). */
struct range range_of(uint64_t addr, uint64_t len, uint64_t prot, uint32_t page_size);
/* Takes the next map into account. False: those after it don't matter. */
bool range_take(struct range *range, const struct vma *vma);
/* All that matters has been taken. */
void range_end(struct range *range);
/* By one map, [start, end), alone; known if nothing but it matters: it covers the whole, or there is none. */
void range_by_map(struct range *range, const struct vma *vma);

#endif
