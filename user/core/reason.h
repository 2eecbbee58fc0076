/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Why was an operation refused with ENOMEM or EAGAIN? (KERNEL.md section 2) */
#ifndef CORE_REASON_H
#define CORE_REASON_H

#include <stdint.h>

#include "event.h"

enum reason {
	REASON_UNKNOWN,
	REASON_MAX_MAP_COUNT,
	REASON_RLIMIT_AS,
	REASON_RLIMIT_DATA,
	REASON_OVERCOMMIT,
	REASON_ADDRESS_SPACE,
	REASON_LENGTH,
	REASON_MEMLOCK,
	REASON_KERNEL_MEMORY,
};

/* A refusal with the figures that prove its reason. */
struct refusal {
	uint64_t ts_ns;
	uint32_t tid, op;
	int error;
	enum reason reason;
	uint32_t map_count, limit;
	uint32_t refusal_point; /* map count from which this operation fails */
	struct op_args args;
	bool has_args, no_gap, no_commit;		 /* as in alarm_event */
	uint64_t total_vm, data_vm, locked_vm;		 /* bytes */
	uint64_t rlimit_as, rlimit_data, rlimit_memlock; /* bytes, UINT64_MAX: none */
};

const char *reason_name(enum reason reason);
/* Pure: the reason follows from the record alone. page_size in bytes. */
void refusal_explain(const struct alarm_event *alarm, uint32_t map_count, uint32_t page_size,
		     struct refusal *ret_refusal);

#endif
