/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ring buffer records decoded: bytes in, checked structs out. */
#ifndef CORE_EVENT_H
#define CORE_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "files.h"
#include "mmaptrace.h"
#include "op.h"

enum event_type { EVENT_OP, EVENT_FORK, EVENT_EXEC, EVENT_EXIT, EVENT_STEP, EVENT_FAIL };

/* One operation of a streamed process. */
struct op_event {
	uint64_t ts_ns; /* boot clock, of its end */
	uint64_t start_ns;
	uint64_t mm; /* key of its account */
	uint32_t pid, tid;
	uint32_t op, syscall;
	bool has_result; /* ret, error */
	bool has_args;	 /* args, duration_ns */
	bool has_file;
	bool is_anon; /* the map it acts on is known to have no file */
	struct op_args args;
	int64_t ret;
	int error; /* positive errno, 0 for success */
	uint64_t duration_ns;
	uint32_t map_count; /* after it */
	int32_t delta;
	struct file_id file;
};

/* A step crossed or an operation refused. */
struct alarm_event {
	uint64_t ts_ns;
	uint32_t tid, op, limit;
	int error; /* FAIL only */
	bool has_args, has_file;
	bool has_entry; /* entry_map_count; the sizes below are those at the operation's beginning too */
	bool no_gap;	/* the kernel has searched the address space and found no room */
	bool no_commit; /* the kernel's overcommit accounting has refused */
	uint32_t entry_map_count;
	struct op_args args;
	uint64_t total_vm_pages, data_vm_pages, locked_vm_pages;
	uint64_t rlimit_as, rlimit_data, rlimit_memlock; /* bytes, UINT64_MAX: none */
	struct file_id file;
};

struct event {
	enum event_type type;
	uint64_t ts_ns;
	uint32_t parent;	   /* FORK */
	struct mt_process account; /* all but OP */
	union {
		struct op_event op;
		struct alarm_event alarm;
	};
};

/*
 * Decodes one record. 0, or -EBADMSG (size), -EPROTONOSUPPORT (version),
 * -ENOTSUP (type): the caller counts it and goes on.
 */
int event_decode(const void *data, size_t size, struct event *ret_event);

#endif
