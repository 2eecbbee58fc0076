/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What each task of a target is doing. A table of our own over an array, as its
 * lookups are a handful of instructions where those of a hash are a chain of calls,
 * and each operation needs three.
 */
#ifndef CONTEXT_BPF_H
#define CONTEXT_BPF_H

#include "kernel.bpf.h"
#include "maps.bpf.h"

#define MAP_STACK 0x20000

/* How things stood when do_mmap began, mmap_lock held: what its refusal is judged by. */
struct op_entry {
	__u64 total_vm_pages, data_vm_pages, locked_vm_pages;
	__u64 len; /* asked of it, bytes */
	__u32 map_count;
	__u32 pad;
};

/* From an operation's enter to its exit. */
struct op_context {
	__u32 tid; /* whose place this is, 0: nobody's */
	__u16 op;
	__u8 active;
	__u8 changed;
	__u64 enter_ns;
	__u64 args[MT_ARGS_MAX];
	__s32 delta;
	__u32 map_count; /* after the last change credited; valid if changed */
	__u64 mm;	 /* of the account that was credited, and is told of; likewise */
	__u64 start_ns;
	__u32 tgid;
	__u8 counted; /* in the account's tallies, by the witness */
	__u8 has_file;
	__u8 anon;    /* the map it acts on has none */
	__u8 peeking; /* it reads the lock only to look up its file */
	__u8 by_core; /* seen by do_mmap or the munmap core alone: no call's exit will follow */
	__u8 has_entry;
	__u8 peeked; /* map is known */
	__u8 walked; /* its range is in `walks` */
	__u8 pad[4];
	struct mt_peek map; /* at the first argument, when it began */
	__u64 stack_len;    /* of the MAP_STACK mmap just before, bytes; 0: it was something else */
	struct op_entry entry;
	struct mt_file file;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 16384); /* a power of 2 */
	__type(key, __u32);
	__type(value, struct op_context);
} contexts SEC(".maps");

/* Places taken: an insert that only one can win is all that a 5.10 kernel has for a compare and swap. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u32);
} context_places SEC(".maps");

/*
 * A task's place is the first free one of these. Spread, as the threads of a pool
 * have neighbouring tids: two pools would lie in each other's way (Fibonacci hashing).
 */
#define CONTEXT_TRIES 4
static __always_inline struct op_context *context_at(__u32 tid, int i, __u32 *ret_place)
{
	*ret_place = ((tid * 2654435769U >> 8) + i) & cfg_context_mask;
	return bpf_map_lookup_elem(&contexts, ret_place);
}

/* The task's context, whatever it holds; NULL: none of its operations has been followed. */
static __always_inline struct op_context *context_find(__u32 tid)
{
	struct op_context *context;
	__u32 place;

	for (int i = 0; i < CONTEXT_TRIES; i++) {
		context = context_at(tid, i, &place);
		if (context && context->tid == tid)
			return context;
	}
	return NULL;
}

/* A place for the task's contexts, until it ends; NULL if there is none (counted). */
static __noinline struct op_context *context_claim(__u32 tid)
{
	struct op_context *context;
	__u32 place;

	for (int i = 0; i < CONTEXT_TRIES; i++) {
		context = context_at(tid, i, &place);
		if (!context || context->tid || bpf_map_update_elem(&context_places, &place, &tid, BPF_NOEXIST))
			continue;
		context->active = 0;
		context->peeking = 0;
		context->op = 0;
		context->tid = tid;
		return context;
	}
	loss_count(MT_LOSS_CONTEXTS);
	return NULL;
}

/* The task has ended, or goes on under another id. */
static __noinline int context_drop(__u32 tid)
{
	struct op_context *context;
	__u32 place;

	for (int i = 0; i < CONTEXT_TRIES; i++) {
		context = context_at(tid, i, &place);
		if (!context || context->tid != tid)
			continue;
		context->tid = 0;
		bpf_map_delete_elem(&context_places, &place);
	}
	return 0;
}

static __always_inline struct op_context *context_of(struct task_struct *task)
{
	return cfg_targets ? context_find(GET(task, pid)) : NULL;
}

static __always_inline struct op_context *context_active(struct task_struct *task)
{
	struct op_context *context = context_of(task);

	return context && context->active ? context : NULL;
}

/* The task's context, empty but for op; NULL if the table is full (counted). */
static __always_inline struct op_context *context_open(struct task_struct *task, struct op_context *context, __u32 op)
{
	if (!context)
		context = context_claim(GET(task, pid));
	if (!context)
		return NULL;
	context->stack_len = context->op == MT_OP_MMAP && context->args[3] & MAP_STACK ? context->args[1] : 0;
	context->op = op;
	context->delta = 0;
	context->changed = 0;
	context->counted = 0;
	context->has_file = 0;
	context->anon = 0;
	context->by_core = 0;
	context->has_entry = 0;
	context->peeked = 0;
	context->walked = 0;
	return context;
}

#endif /* CONTEXT_BPF_H */
