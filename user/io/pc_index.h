/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Stretches of code, each with what it belongs to, to be found by an address. */
#ifndef IO_PC_INDEX_H
#define IO_PC_INDEX_H

#include <stdbool.h>
#include <stdint.h>

struct pc_range {
	uint64_t start, end;
	uint64_t what;
};

/* Zero-initialised is empty. */
struct pc_index {
	struct pc_range *ranges;
	uint32_t count, cap, max; /* max 0: a million */
	bool sorted;
};

/* Empty ranges are not taken. 0, -ENOSPC or -ENOMEM. */
int pc_index_add(struct pc_index *index, uint64_t start, uint64_t end, uint64_t what);
/* The shortest of those that begin last before pc and hold it. False: none. */
bool pc_index_find(struct pc_index *index, uint64_t pc, uint64_t *ret_what);
void pc_index_free(struct pc_index *index);

#endif
