/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Walks up a user stack, frame by frame: by the rules that user space has made of a
 * module's call frame information where there are any, by frame pointers elsewhere.
 * bpf_get_stack knows frame pointers alone, and so leaves out whoever calls a function
 * without one: for libc's mmap, that is the very line that is asked for.
 */
#ifndef UNWIND_BPF_H
#define UNWIND_BPF_H

#include "kernel.bpf.h"
#include "maps.bpf.h"

/* All modules' rules, each module's ascending by pc. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mt_unwind_row);
} unwind_rows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mt_unwind_space);
} unwind_spaces SEC(".maps");

/* tgid -> its place in unwind_spaces. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} unwind_places SEC(".maps");

/* The stack is read by blocks, as reading 8 bytes takes as long as reading 500. A block lies within a page. */
#define UNWIND_BLOCK_WORDS 64
#define UNWIND_BLOCK_NONE  1 /* no block begins there */

/* A walk under way. */
struct unwind_walk {
	__u32 owner; /* tid */
	__u32 place; /* in unwind_spaces */
	__u32 generation;
	__u32 pad0;
	__u64 ip, sp, fp, lr;
	__u8 has_space;
	__u8 is_compat;
	__u8 ip_is_exact; /* not a return address */
	__u8 pad[5];
	__u64 block; /* address of the words */
	__u64 words[UNWIND_BLOCK_WORDS];
	struct mt_stack stack;
};

/*
 * A preemptible kernel may let another task's program run on this processor before
 * this one is done: it takes another walk's place, or is found out by its owner.
 */
#define UNWIND_WALKS 4
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, UNWIND_WALKS);
	__type(key, __u32);
	__type(value, struct unwind_walk);
} unwind_walks SEC(".maps");

/*
 * Which row an address was found to have: programs take the same ways again and again. Read and
 * written by all processors at once; a mix of two entries is found out by its check.
 */
#define UNWIND_MEMOS 2048
struct unwind_memo {
	__u64 check;  /* address and place, mixed with the answer */
	__u64 answer; /* generation of the rules, row; UNWIND_NO_ROW: none */
};
static volatile struct unwind_memo unwind_memos[UNWIND_MEMOS];

#define UNWIND_NO_ROW	   (~0U)
#define UNWIND_PLACE_SHIFT 56 /* above all addresses of user space; there are at most 256 places */

/* Counts up when rules or places have changed: what was found before holds no longer. */
volatile __u32 unwind_generation;

#define UNWIND_RANGE_STEPS 9  /* of a search among MT_UNWIND_RANGES_MAX */
#define UNWIND_ROW_STEPS   24 /* of one among 16 million rows */

enum unwind_next { UNWIND_ON, UNWIND_STOP };

static __always_inline enum unwind_next unwind_end(struct unwind_walk *walk, enum mt_stack_end end)
{
	walk->stack.end = end;
	return UNWIND_STOP;
}

static __always_inline bool unwind_read(struct unwind_walk *walk, __u64 addr, __u64 *ret_word)
{
	__u64 block = addr & -sizeof(walk->words);

	if (addr % sizeof(*ret_word))
		return !bpf_probe_read_user(ret_word, sizeof(*ret_word), (void *)addr);
	if (walk->block != block) {
		walk->block = UNWIND_BLOCK_NONE;
		if (bpf_probe_read_user(walk->words, sizeof(walk->words), (void *)block))
			return false;
		walk->block = block;
	}
	*ret_word = walk->words[addr / sizeof(*ret_word) % UNWIND_BLOCK_WORDS];
	return true;
}

static __always_inline enum unwind_next unwind_to(struct unwind_walk *walk, __u64 ip, __u64 sp, __u64 fp)
{
	walk->ip = ip;
	walk->sp = sp;
	walk->fp = fp;
	walk->lr = 0;
	walk->ip_is_exact = 0;
	return ip ? UNWIND_ON : unwind_end(walk, MT_STACK_COMPLETE);
}

/* The last row of a range that begins at pc or before; UNWIND_NO_ROW. */
static __always_inline __u32 unwind_row_at(const struct mt_unwind_range *range, __u32 pc)
{
	__u32 low = range->first_row, high = low + range->rows, first = low;
	struct mt_unwind_row *row;
	__u32 middle;

	for (int i = 0; i < UNWIND_ROW_STEPS && low < high; i++) {
		middle = low + (high - low) / 2;
		row = bpf_map_lookup_elem(&unwind_rows, &middle);
		if (!row)
			return UNWIND_NO_ROW;
		if (row->pc <= pc)
			low = middle + 1;
		else
			high = middle;
	}
	return low == first ? UNWIND_NO_ROW : low - 1;
}

/* The row for ip; UNWIND_NO_ROW. */
static __always_inline __u32 unwind_search(const struct unwind_walk *walk, __u64 ip)
{
	__u32 place = walk->place, low = 0, high, middle;
	const struct mt_unwind_space *space;
	const struct mt_unwind_range *range;

	space = bpf_map_lookup_elem(&unwind_spaces, &place);
	if (!space)
		return UNWIND_NO_ROW;
	high = space->count;
	for (int i = 0; i < UNWIND_RANGE_STEPS && low < high; i++) {
		middle = (low + high) / 2;
		if (space->ranges[middle & (MT_UNWIND_RANGES_MAX - 1)].start <= ip)
			low = middle + 1;
		else
			high = middle;
	}
	if (!low)
		return UNWIND_NO_ROW;
	range = &space->ranges[(low - 1) & (MT_UNWIND_RANGES_MAX - 1)];
	return ip < range->end ? unwind_row_at(range, ip - range->bias) : UNWIND_NO_ROW;
}

/* Fibonacci hashing (Knuth, The art of computer programming 3, 6.4). */
static __always_inline __u64 unwind_mix(__u64 word)
{
	return word * 0x9e3779b97f4a7c15ULL;
}

/* The rules at ip; NULL: there are none. */
static __always_inline struct mt_unwind_row *unwind_row(const struct unwind_walk *walk, __u64 ip)
{
	__u64 key = ip ^ (__u64)walk->place << UNWIND_PLACE_SHIFT, answer, check;
	volatile struct unwind_memo *memo = &unwind_memos[unwind_mix(key) >> 32 & (UNWIND_MEMOS - 1)];
	__u32 row;

	if (!walk->has_space || ip >> UNWIND_PLACE_SHIFT)
		return NULL;
	answer = memo->answer;
	check = memo->check;
	row = answer;
	if ((check ^ unwind_mix(answer)) != key || answer >> 32 != walk->generation) {
		row = unwind_search(walk, ip);
		answer = (__u64)walk->generation << 32 | row;
		memo->answer = answer;
		memo->check = key ^ unwind_mix(answer);
	}
	return row == UNWIND_NO_ROW ? NULL : bpf_map_lookup_elem(&unwind_rows, &row);
}

/* Who has called a function that has no frame of its own, as libc's are that make system calls. */
static __always_inline bool unwind_leaf_caller(struct unwind_walk *walk, __u64 *ret_ip)
{
#if defined(__TARGET_ARCH_x86)
	return unwind_read(walk, walk->sp, ret_ip);
#else
	*ret_ip = walk->lr;
	return true;
#endif
}

#define UNWIND_LEAST_IP 4096

/*
 * No further by what is known. Of the first frame the caller is told all the same, by its
 * likeliest place: in a program that has just begun, whose rules are still being made, it
 * is the line that is asked for. What is no code has no name.
 */
static __always_inline enum unwind_next unwind_lost(struct unwind_walk *walk)
{
	__u64 ip;

	if (walk->stack.count == 1 && walk->ip_is_exact && !walk->is_compat && unwind_leaf_caller(walk, &ip) &&
	    ip >= UNWIND_LEAST_IP) {
		walk->stack.ips[1] = ip;
		walk->stack.count = 2;
	}
	return unwind_end(walk, walk->has_space ? MT_STACK_CUT_NO_RULE : MT_STACK_CUT_EARLY);
}

/* A frame pointer leads to the caller's, and the return address behind it. */
static __always_inline enum unwind_next unwind_by_fp(struct unwind_walk *walk)
{
	__u32 halves[2];
	__u64 ip, fp;

	if (!walk->fp)
		return walk->ip_is_exact ? unwind_lost(walk) : unwind_end(walk, MT_STACK_COMPLETE);
	if (walk->fp < walk->sp)
		return unwind_lost(walk); /* it is used for something else */
	if (walk->is_compat) {
		if (bpf_probe_read_user(halves, sizeof(halves), (void *)walk->fp))
			return unwind_lost(walk);
		return unwind_to(walk, halves[1], walk->fp + sizeof(halves), halves[0]);
	}
	if (!unwind_read(walk, walk->fp, &fp) || !unwind_read(walk, walk->fp + sizeof(fp), &ip))
		return unwind_lost(walk);
	return unwind_to(walk, ip_unsigned(ip), walk->fp + sizeof(fp) + sizeof(ip), fp);
}

/* Registers as they were when the signal came. */
static __always_inline enum unwind_next unwind_by_signal(struct unwind_walk *walk)
{
	__u64 ip, sp, fp;

	if (!unwind_read(walk, walk->sp + SIGNAL_FRAME_IP, &ip) ||
	    !unwind_read(walk, walk->sp + SIGNAL_FRAME_SP, &sp) || !unwind_read(walk, walk->sp + SIGNAL_FRAME_FP, &fp))
		return unwind_end(walk, MT_STACK_CUT_UNREAD);
	unwind_to(walk, ip, sp, fp);
	unwind_read(walk, walk->sp + SIGNAL_FRAME_LR, &walk->lr);
	walk->ip_is_exact = 1;
	return ip ? UNWIND_ON : unwind_end(walk, MT_STACK_CUT_UNREAD);
}

static __always_inline bool unwind_cfa(struct unwind_walk *walk, const struct mt_unwind_row *row, __u64 *ret_cfa)
{
	switch (row->rule) {
	case MT_UNWIND_SP:
		*ret_cfa = walk->sp + row->cfa_offset;
		return true;
	case MT_UNWIND_PLT:
		*ret_cfa = walk->sp + 8 + ((walk->ip & 15) >= 11 ? 8 : 0);
		return true;
	case MT_UNWIND_FP:
		*ret_cfa = walk->fp + row->cfa_offset;
		return true;
	case MT_UNWIND_FP_MEM:
		return unwind_read(walk, walk->fp + row->cfa_offset, ret_cfa);
	}
	return false;
}

static __always_inline enum unwind_next unwind_by_row(struct unwind_walk *walk, const struct mt_unwind_row *row)
{
	__u64 cfa, ip = walk->lr, fp = walk->fp;

	if (!unwind_cfa(walk, row, &cfa))
		return unwind_end(walk, MT_STACK_CUT_UNREAD);
	/* A caller's frame is higher up; but for a function that has none, where the way back is in a register. */
	if (cfa < walk->sp || (cfa == walk->sp && row->ra_offset))
		return unwind_end(walk, MT_STACK_CUT_NO_RULE);
	if (row->ra_offset && !unwind_read(walk, cfa + row->ra_offset, &ip))
		return unwind_end(walk, MT_STACK_CUT_UNREAD);
	if (row->fp_offset ? !unwind_read(walk, cfa + row->fp_offset, &fp)
			   : row->rule == MT_UNWIND_FP_MEM && !unwind_read(walk, walk->fp, &fp))
		return unwind_end(walk, MT_STACK_CUT_UNREAD);
	return unwind_to(walk, ip_unsigned(ip), cfa, fp);
}

/* One frame of the walk: notes it and goes on to its caller's. */
static __always_inline enum unwind_next unwind_frame(struct unwind_walk *walk)
{
	struct mt_unwind_row *row;
	__u32 count = walk->stack.count;

	if (count >= MT_STACK_FRAMES_MAX)
		return unwind_end(walk, MT_STACK_CUT_DEPTH);
	walk->stack.ips[count & (MT_STACK_FRAMES_MAX - 1)] = walk->ip;
	walk->stack.count = count + 1;
	/* A call may be the last instruction of its function: its return address lies in the next one. */
	row = unwind_row(walk, walk->ip_is_exact ? walk->ip : walk->ip - 1);
	if (!row || row->rule == MT_UNWIND_NONE)
		return unwind_by_fp(walk);
	if (row->rule == MT_UNWIND_END)
		return unwind_end(walk, MT_STACK_COMPLETE);
	if (row->rule == MT_UNWIND_SIGNAL)
		return unwind_by_signal(walk);
	return unwind_by_row(walk, row);
}

/*
 * Some frames of the walk in this place. Returns enum unwind_next. A function that the verifier looks at by itself,
 * or it would at 128 frames; and not one a frame, as each return may cost (mitigations) what the frame does. With 8 a
 * call the deepest stacks cost 7 % less, and loading the programs takes twice as long.
 */
#define UNWIND_STRIDE 2
__noinline int unwind_some(__u32 slot)
{
	struct unwind_walk *walk = bpf_map_lookup_elem(&unwind_walks, &slot);

	if (!walk)
		return UNWIND_STOP;
	for (int i = 0; i < UNWIND_STRIDE; i++) {
		if (unwind_frame(walk) != UNWIND_ON)
			return UNWIND_STOP;
	}
	return UNWIND_ON;
}

/* Begins at the registers that the task has entered the kernel with. */
static __always_inline void unwind_begin(struct unwind_walk *walk, struct task_struct *task)
{
	__u32 tgid = GET(task, tgid), *place = bpf_map_lookup_elem(&unwind_places, &tgid);
	struct pt_regs *regs = task_registers(task);
	struct task_struct *leader = GET(task, group_leader);

	walk->owner = GET(task, pid);
	walk->generation = unwind_generation; /* before anything is searched */
	walk->has_space = place != NULL;
	walk->place = place ? *place : 0;
	walk->is_compat = task_is_compat(task);
	walk->ip_is_exact = 1;
	walk->ip = regs_ip(regs);
	walk->sp = regs_sp(regs);
	walk->fp = regs_fp(regs);
	walk->lr = regs_lr(regs);
	walk->block = UNWIND_BLOCK_NONE;
	walk->stack.mm = (__u64)GET(task, mm);
	walk->stack.start_ns = GET(leader, start_boottime);
	walk->stack.tgid = tgid;
	walk->stack.count = 0;
	walk->stack.end = MT_STACK_CUT_DEPTH;
}

/* A child has its parent's code, until it executes another program. */
static __always_inline void unwind_inherit(__u32 parent, __u32 child)
{
	__u32 *place = cfg_stacks ? bpf_map_lookup_elem(&unwind_places, &parent) : NULL, copy;

	if (!place)
		return;
	copy = *place;
	bpf_map_update_elem(&unwind_places, &child, &copy, BPF_NOEXIST);
}

static __always_inline void unwind_forget(__u32 tgid)
{
	if (cfg_stacks)
		bpf_map_delete_elem(&unwind_places, &tgid);
}

#endif /* UNWIND_BPF_H */
