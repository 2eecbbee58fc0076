/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call stacks: each is kept once, under a number that stands for it. */
#ifndef STACK_BPF_H
#define STACK_BPF_H

#include "unwind.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u64);
	__type(value, struct mt_stack);
} stacks SEC(".maps");

/* Walks by how they ended: what share of stacks is whole. */
volatile __u64 stack_ends[MT_STACK_ENDS];

/* After 64-bit finalizers of hashes (Steele, Lea, Flood: Fast splittable pseudorandom number generators). */
static __noinline __u64 stack_hash(const struct mt_stack *stack)
{
	__u64 hash = stack->mm ^ stack->start_ns << 16 ^ stack->end;

	for (__u32 i = 0; i < MT_STACK_FRAMES_MAX && i < stack->count; i++) {
		hash = (hash ^ stack->ips[i]) * 0xbf58476d1ce4e5b9ULL;
		hash ^= hash >> 29;
	}
	return hash ? hash : 1;
}

static __noinline int stack_same(const struct mt_stack *a, const struct mt_stack *b)
{
	if (a->mm != b->mm || a->start_ns != b->start_ns || a->tgid != b->tgid || a->count != b->count ||
	    a->end != b->end)
		return 0;
	for (__u32 i = 0; i < MT_STACK_FRAMES_MAX && i < a->count; i++) {
		if (a->ips[i] != b->ips[i])
			return 0;
	}
	return 1;
}

/* It is looked up, and forgotten, with the process that the mm is booked to: another one may share it (vfork). */
static __always_inline void stack_set_owner(struct mt_stack *stack)
{
	__u64 mm = stack->mm;
	struct mt_process *process = bpf_map_lookup_elem(&processes, &mm);

	if (process && process->tgid) {
		stack->tgid = process->tgid;
		stack->start_ns = process->start_ns;
	}
}

/* User space looks up its names while the process lives. */
static __always_inline void stack_tell(__u64 id, const struct mt_stack *stack)
{
	struct mt_stack_record *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (!record) {
		loss_count(MT_LOSS_STACK_RECORDS);
		return;
	}
	head_fill(&record->head, MT_TYPE_STACK, sizeof(*record), bpf_ktime_get_boot_ns());
	record->id = id;
	bpf_probe_read_kernel(&record->stack, sizeof(record->stack), stack);
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
}

/* The number of a stack that is made known if it is new. Two with one hash are told apart. 0: no room (counted). */
#define STACK_TRIES 4
static __always_inline __u64 stack_intern(struct unwind_walk *walk, __u32 tid)
{
	struct mt_stack *known;
	__u64 id;

	stack_set_owner(&walk->stack);
	id = stack_hash(&walk->stack);

	for (int i = 0; i < STACK_TRIES; i++, id++) {
		known = bpf_map_lookup_elem(&stacks, &id);
		if (known && stack_same(known, &walk->stack))
			return id;
		if (known)
			continue;
		if (walk->owner != tid) {
			loss_count(MT_LOSS_WALKS);
			return 0;
		}
		if (bpf_map_update_elem(&stacks, &id, &walk->stack, BPF_NOEXIST))
			break;
		if (walk->owner != tid) {
			bpf_map_delete_elem(&stacks, &id);
			loss_count(MT_LOSS_WALKS);
			return 0;
		}
		stack_tell(id, &walk->stack);
		return id;
	}
	loss_count(MT_LOSS_STACKS);
	return 0;
}

/* Where the current task is in its program: a key of `stacks`; 0: not known (counted). */
__noinline __u64 stack_take(void)
{
	struct task_struct *task = task_current();
	__u32 tid = GET(task, pid), slot = tid % UNWIND_WALKS, end;
	struct unwind_walk *walk = bpf_map_lookup_elem(&unwind_walks, &slot);

	if (!walk)
		return 0;
	unwind_begin(walk, task);
	for (int i = 0; i <= MT_STACK_FRAMES_MAX / UNWIND_STRIDE; i++) {
		if (unwind_some(slot) != UNWIND_ON)
			break;
	}
	if (walk->owner != tid) {
		loss_count(MT_LOSS_WALKS);
		return 0;
	}
	end = walk->stack.end;
	if (end < MT_STACK_ENDS)
		__sync_fetch_and_add(&stack_ends[end], 1);
	return stack_intern(walk, tid);
}

#endif /* STACK_BPF_H */
