/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "inspection.h"

#include "op.h"

void inspection_distances(const struct inspection *inspection, struct refusal_distance *ret_distances)
{
	static const struct {
		const char *name;
		uint32_t op;
		bool worst;
	} operations[REFUSAL_DISTANCES] = {
		{"mmap, brk, shmat", MT_OP_MMAP, false},
		{"munmap, mprotect, madvise: one split", MT_OP_MUNMAP, true},
		{"mprotect, madvise: the middle of a map", MT_OP_MPROTECT, true},
		{"mremap that moves", MT_OP_MREMAP, false},
	};

	for (unsigned int i = 0; i < REFUSAL_DISTANCES; i++) {
		uint64_t maps = inspection->anatomy.maps;
		uint32_t point = op_refusal_point(operations[i].op, 0, inspection->limit, operations[i].worst);

		ret_distances[i] =
			(struct refusal_distance){operations[i].name, point, maps < point ? point - maps : 0};
	}
}

const char *inspection_overcommit(const struct inspection *inspection)
{
	static const char *const modes[] = {"heuristic", "always", "never"};

	return inspection->overcommit < sizeof(modes) / sizeof(modes[0]) ? modes[inspection->overcommit] : "unknown";
}
