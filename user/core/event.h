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
#include "stack.h"

enum event_type { EVENT_OP, EVENT_FORK, EVENT_EXEC, EVENT_EXIT, EVENT_STEP, EVENT_FAIL, EVENT_STACK };

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
	uint64_t stack_id;	   /* 0: not taken, or not known */
	const struct stack *stack; /* borrowed; NULL: not wanted, or not known */
	bool tells_stack;	   /* it is wanted, known or not */
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
	bool above;	/* more maps than allowed, under the lock, and nothing done */
	bool alone;	/* nobody else uses the address space: nothing has changed since the refusal */
	bool may_lock;	/* CAP_IPC_LOCK: RLIMIT_MEMLOCK does not hold */
	bool is_admin;	/* CAP_SYS_ADMIN */
	bool is_stack;	/* a part of the stack that the same thread has mapped just before */
	uint32_t entry_map_count;
	bool has_map; /* map: at the call's address when it began; empty if there was none */
	struct mt_peek map;
	struct mt_walk walk; /* of its range */
	uint64_t entry_len;  /* bytes asked of do_mmap; 0: not seen */
	int32_t segment;     /* shmat's, with has_args */
	struct op_args args;
	uint64_t total_vm_pages, data_vm_pages, locked_vm_pages;
	uint64_t stack_id;						  /* FAIL; 0: not known */
	uint64_t rlimit_as, rlimit_data, rlimit_data_max, rlimit_memlock; /* bytes, UINT64_MAX: none */
	uint64_t brk, start_brk, data_segment;				  /* addresses; bytes of the program's data */
	struct file_id file;
};

/* A call stack seen for the first time. */
struct stack_event {
	uint64_t id;
	uint64_t start_ns; /* of the process */
	uint32_t pid;
	uint32_t count;
	enum mt_stack_end end;
	const uint64_t *ips; /* borrowed from the record; innermost first */
};

struct event {
	enum event_type type;
	uint64_t ts_ns;
	uint32_t parent;	   /* FORK */
	struct mt_process account; /* all but OP and STACK */
	union {
		struct op_event op;
		struct alarm_event alarm;
		struct stack_event stack;
	};
};

/* A file as the kernel's records have it. */
void file_decode(const struct mt_file *file, struct file_id *ret_id);
/* One of `stacks`; borrows its addresses. 0, or -EBADMSG if it has more than it can hold. */
int stack_decode(uint64_t id, const struct mt_stack *stack, struct stack_event *ret_stack);

/*
 * Decodes one record. 0, or -EBADMSG (size), -EPROTONOSUPPORT (version),
 * -ENOTSUP (type): the caller counts it and goes on.
 */
int event_decode(const void *data, size_t size, struct event *ret_event);

#endif
