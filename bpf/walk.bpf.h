/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A refused call's range, walked from map to map before the caller goes on: whether
 * it has a hole, and what would still have to be split. Done only near the limit,
 * where the map count may be the reason; bpf_find_vma and bpf_loop came
 * with Linux 5.17. arm64's kprobes run with interrupts off, where bpf_find_vma can
 * give back the lock only once: there a walk ends with -EBUSY at the second map.
 */
#ifndef WALK_BPF_H
#define WALK_BPF_H

#include "operation.bpf.h"

#define WALK_MAPS_MAX 32 /* in one range */
#define WALK_NEAR     3	 /* maps below the limit, from where on a call that splits may be refused */

#define VM_WRITE  0x2
#define VM_SHARED 0x8

struct walk {
	struct mt_walk seen;
	__u64 at, end; /* mapped up to at */
	long error;
};

/* bpf_find_vma's callback: the map at walk->at. */
static long walk_vma(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	struct walk *walk = arg;

	walk->seen.last.start = vma->vm_start;
	walk->seen.last.end = vma->vm_end;
	walk->seen.last.flags = vma->vm_flags;
	return 0;
}

/* bpf_loop's callback: from one map to the next. (A loop around bpf_find_vma is more than verifiers bear.) */
static long walk_step(__u32 step, void *arg)
{
	struct walk *walk = arg;
	const struct mt_peek *map = &walk->seen.last;

	walk->error = bpf_find_vma(task_current(), walk->at, walk_vma, walk, 0);
	if (walk->error)
		return 1;
	if (!step)
		walk->seen.first = *map;
	if (!walk->seen.new_data && !(map->flags & (VM_WRITE | VM_SHARED)))
		walk->seen.new_data = (map->end < walk->end ? map->end : walk->end) - walk->at;
	walk->at = map->end;
	return walk->at >= walk->end;
}

static __always_inline __u32 walk_verdict(const struct walk *walk)
{
	if (walk->error)
		return walk->error == -ENOENT ? MT_WALK_HOLE : MT_WALK_NONE;
	return walk->at >= walk->end ? MT_WALK_WHOLE : MT_WALK_LONG;
}

/* Walks the range, and leaves what it has seen in `walks`. */
static __noinline int range_walk(struct op_context *context)
{
	__u64 start = address_untagged(context->args[0]);
	struct walk walk = {.at = start, .end = start + context->args[1]};
	__u32 tid = context->tid;

	if (walk.end <= start)
		return 0;
	context->peeking = 1;
	bpf_loop(WALK_MAPS_MAX, walk_step, &walk, 0);
	walk.seen.mapped_to = walk.at;
	walk.seen.verdict = walk_verdict(&walk);
	/* Advice goes on behind a hole: the range's end may have to be split as well. */
	if (walk.error == -ENOENT && context->op == MT_OP_MADVISE)
		bpf_find_vma(task_current(), walk.end - 1, walk_vma, &walk, 0);
	context->peeking = 0;
	if (walk.seen.verdict && !bpf_map_update_elem(&walks, &tid, &walk.seen, BPF_ANY))
		context->walked = 1;
	return 0;
}

/* The call has failed: is it worth a walk? */
static __always_inline bool walk_is_due(struct task_struct *task, __s64 ret)
{
	struct mm_struct *mm;

	if (ret != -ENOMEM)
		return false;
	mm = GET(task, mm);
	return mm && mm_map_count(mm) + WALK_NEAR >= limit_maps;
}

#endif /* WALK_BPF_H */
