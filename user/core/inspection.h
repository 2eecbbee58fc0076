/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What `mmaptrace inspect` finds out about a process: its maps, and how far it is from each refusal. */
#ifndef CORE_INSPECTION_H
#define CORE_INSPECTION_H

#include "anatomy.h"

/* Bytes of memory and what it may be; UINT64_MAX: no limit. */
struct allowance {
	uint64_t used, limit;
};

struct inspection {
	uint32_t pid, threads;
	uint32_t limit;					     /* maps */
	char comm[64];					     /* untrusted */
	struct allowance address_space, data, locked, stack; /* RLIMIT_AS, _DATA, _MEMLOCK, _STACK */
	unsigned int overcommit;			     /* vm.overcommit_memory */
	struct allowance commit;			     /* of the machine: Committed_AS, CommitLimit */
	struct anatomy anatomy;
	int detail_error; /* errno for want of which flags were not compared; 0: they were */
};

/* Operations that the map count can refuse, each with another distance. */
struct refusal_distance {
	const char *name; /* "mmap, brk, shmat" */
	uint32_t point;	  /* refused from this map count on */
	uint64_t left;	  /* maps more until then */
};

#define REFUSAL_DISTANCES 4
void inspection_distances(const struct inspection *inspection, struct refusal_distance *ret_distances);
/* vm.overcommit_memory in a word: "heuristic", "always", "never". */
const char *inspection_overcommit(const struct inspection *inspection);

#endif
