/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * do_mmap and the core of munmap, under the calls that lead there: what 32-bit
 * calls, shmat, ELF loading and the like do without a syscall event, and how
 * things stood, mmap_lock held, when an mmap was refused.
 */
#ifndef CORE_BPF_H
#define CORE_BPF_H

#include "witness.bpf.h"

/* The arguments that have kept their places since 5.10. */
struct core_mmap {
	struct file *file;
	__u64 addr, len, prot, flags;
};

static __always_inline void entry_note(struct op_context *context, struct mm_struct *mm, __u64 len)
{
	context->entry.len = len;
	context->entry.map_count = mm_map_count(mm);
	context->entry.total_vm_pages = GET(mm, total_vm);
	context->entry.data_vm_pages = GET(mm, data_vm);
	context->entry.locked_vm_pages = GET(mm, locked_vm);
	context->has_entry = 1;
}

/* The operation that do_mmap is the whole of, MT_OP_OTHER for one that goes on after it. */
static __always_inline __u32 core_mmap_op(int nr)
{
	__u32 op = op_of_syscall(nr);

	/* No call of ours: somebody in the kernel maps for the task. */
	return op == MT_OP_OTHER || op == MT_OP_MMAP ? MT_OP_MMAP : op == MT_OP_SHMAT ? op : MT_OP_OTHER;
}

/* do_mmap begins, mmap_lock is held for writing. */
static __always_inline int on_do_mmap_enter(const struct core_mmap *call)
{
	struct task_struct *task = task_current();
	struct mm_struct *mm = GET(task, mm);
	struct op_context *context;
	__u32 op;
	int nr;

	if (finished || !mm || !is_streamed(GET(task, tgid)))
		return 0;
	context = context_active(task);
	if (!context) {
		nr = task_syscall(task);
		op = core_mmap_op(nr);
		if (!op || call_is_told(nr))
			return 0;
		context = context_open(task, context_of(task), op);
		if (!context)
			return 0;
		task_syscall_args(task, context->args);
		if (op == MT_OP_MMAP) {
			context->args[0] = call->addr;
			context->args[1] = call->len;
			context->args[2] = call->prot;
			context->args[3] = call->flags;
		}
		context->by_core = 1;
		context->enter_ns = bpf_ktime_get_boot_ns();
		context->active = 1;
	}
	if (context->by_core || context->op == MT_OP_SHMAT)
		context->has_file = file_describe(call->file, &context->file);
	entry_note(context, mm, call->len);
	return 0;
}

/* The munmap core begins. It is also a part of mremap, brk, shmdt and MAP_FIXED: only a munmap's is looked at. */
static __always_inline int on_munmap_enter(__u64 addr, __u64 len)
{
	struct task_struct *task = task_current();
	struct op_context *context;
	int nr;

	if (finished || !is_streamed(GET(task, tgid)))
		return 0;
	nr = task_syscall(task);
	if (op_of_syscall(nr) != MT_OP_MUNMAP || call_is_told(nr))
		return 0;
	context = context_of(task);
	if (context && context->active && !context->by_core)
		return 0; /* its call's exit will tell: arm64's 32-bit munmap is the native one */
	context = context_open(task, context, MT_OP_MUNMAP);
	if (!context)
		return 0;
	context->args[0] = addr;
	context->args[1] = len;
	context->by_core = 1;
	context->enter_ns = bpf_ktime_get_boot_ns();
	context->active = 1;
	return 0;
}

/*
 * Books what was done so far, as the lock is still held. Without a witness another
 * call's exit may come at the same time, so it has to be settled.
 */
static __always_inline __s32 core_book(struct mt_process *process, struct mm_struct *mm, __u32 op, __u64 now_ns)
{
	__s32 delta = cfg_witness ? process_book(process, mm_map_count(mm), GET(mm, total_vm), op, now_ns)
				  : process_settle(process->mm, op, now_ns);

	if (delta > 0)
		process_rose(process, op, true);
	return delta;
}

/* do_mmap or the munmap core ends. locked: nobody else can have changed the map count yet. */
static __always_inline int on_core_exit(__u32 op, int nr, __s64 ret, bool locked)
{
	struct task_struct *task = task_current();
	struct mm_struct *mm = GET(task, mm);
	__u64 key = (__u64)mm;
	struct mt_process *process = bpf_map_lookup_elem(&processes, &key);
	struct op_context *context = context_active(task);
	struct op_outcome outcome = {.op = op, .syscall = nr & (MT_NR_COMPAT - 1), .ret = ret};

	if (!process || finished)
		return 0;
	if (context && !context->by_core)
		return 0; /* its call's exit will tell */
	if (context) {
		context->active = 0;
		outcome.op = context->op;
	}
	outcome.now_ns = bpf_ktime_get_boot_ns();
	if (locked || !cfg_witness)
		outcome.delta = core_book(process, mm, outcome.op, outcome.now_ns);
	operation_end(process, task, context, &outcome);
	return 0;
}

static __always_inline int on_do_mmap_exit(__s64 ret)
{
	struct task_struct *task = task_current();
	__u32 op;
	int nr;

	if (cfg_targets && !target_maybe(GET(task, tgid)))
		return 0;
	nr = task_syscall(task);
	op = core_mmap_op(nr);
	return op && !call_is_told(nr) ? on_core_exit(op, nr, ret, true) : 0;
}

static __always_inline int on_munmap_exit(__s64 ret)
{
	struct task_struct *task = task_current();
	int nr;

	if (cfg_targets && !target_maybe(GET(task, tgid)))
		return 0;
	nr = task_syscall(task);
	if (op_of_syscall(nr) != MT_OP_MUNMAP || call_is_told(nr))
		return 0;
	/* From 6.6 on a success has given up the lock inside, and the witness has seen it. */
	return on_core_exit(MT_OP_MUNMAP, nr, ret, ret || !cfg_munmap_unlocks);
}

/* The search for a gap has ended; x86 tries again from below when there is none above. */
static __always_inline int on_gap_searched(__u64 addr)
{
	struct task_struct *task;
	__u32 tid;

	if (addr >= (__u64)-MAX_ERRNO) {
		want_note(MT_FACT_NO_GAP);
	} else if (wants_left) {
		task = task_current();
		tid = GET(task, pid);
		bpf_map_delete_elem(&wants, &tid);
	}
	return 0;
}

static __always_inline int on_commit_asked(__s64 ret)
{
	if ((__s32)ret)
		want_note(MT_FACT_NO_COMMIT);
	return 0;
}

#endif /* CORE_BPF_H */
