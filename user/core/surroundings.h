/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a refusal is judged by besides its record: how the machine and the maps about it stood right after. */
#ifndef CORE_SURROUNDINGS_H
#define CORE_SURROUNDINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "range.h"

enum overcommit { OVERCOMMIT_HEURISTIC, OVERCOMMIT_ALWAYS, OVERCOMMIT_NEVER }; /* vm.overcommit_memory */

/* Bytes, from /proc/meminfo, /proc/sys/vm and /sys/kernel/mm/hugepages. */
struct machine {
	bool known;
	enum overcommit overcommit;
	uint64_t ram, swap, commit_limit, committed;
	uint64_t admin_reserve, user_reserve;
	bool ignores_rlimit_data; /* kernel parameter ignore_rlimit_data */
	uint64_t huge_page;	  /* size of the huge pages asked for, or of the usual ones */
	bool huge_known;	  /* the next two */
	uint64_t huge_free;	  /* pages that nobody has reserved */
	uint64_t huge_more;	  /* pages that may still be made (nr_overcommit_hugepages) */
};

#define KERNEL_VERSION_OF(major, minor) ((uint32_t)(major) << 16 | (minor))

struct surroundings {
	uint32_t kernel;	    /* KERNEL_VERSION_OF; 0: not known */
	bool gap_told, commit_told; /* vm_unmapped_area and __vm_enough_memory are hooked: their silence counts */
	struct machine machine;
	struct range range;
	uint64_t segment_bytes; /* of the segment that shmat names, 0: not known */
};

#endif
