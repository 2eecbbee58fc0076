/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who sees a change of the map count and credits it, exactly once: the witness
 * under the lock; without it, whoever comes by when a call or the walk of the
 * iterator ends.
 */
#ifndef WITNESS_BPF_H
#define WITNESS_BPF_H

#include "walk.bpf.h"

/*
 * Operations that change the map count and then give up the lock as readers
 * (mmap_write_downgrade). Any other reader only sees what they did, and must
 * not be credited with it.
 */
static __always_inline bool op_downgrades(__u32 op)
{
	return op == MT_OP_MUNMAP || op == MT_OP_BRK || op == MT_OP_MREMAP || op == MT_OP_IO_DESTROY;
}

/* Calls that no exit hook tells of are counted here; what do_mmap's hooks count is left to them. */
static __always_inline bool witness_counts(__u32 op, int nr)
{
	if (!op || op >= MT_OP_MAX || op_is_exec(op) || call_is_told(nr))
		return false;
	return !cfg_core || (op != MT_OP_MMAP && op != MT_OP_MUNMAP && op != MT_OP_SHMAT);
}

/*
 * No hook tells results, yet this one is certain: do_mmap refuses anything but a
 * bad length when more maps are there than allowed (mm/mmap.c: do_mmap).
 */
static __always_inline void refusal_infer(struct mt_process *process, struct task_struct *task, __u32 count)
{
	__u64 args[MT_ARGS_MAX];

	if (count <= sysctl_maps)
		return;
	task_syscall_args(task, args);
	if (!args[1] || args[1] >> 62)
		return;
	tally_failure(process, MT_OP_MMAP);
	__sync_fetch_and_add(&process->failed[MT_FAIL_ENOMEM], 1);
	alarm_report(process->mm, CAUSE(MT_TYPE_FAIL, MT_OP_MMAP) | CAUSE_IN_SYSCALL, ENOMEM, 0);
}

/* Books what the one who holds the lock has changed: in his context, or told at once. */
static __always_inline void change_credit(struct mt_process *process, struct task_struct *task, struct mm_struct *mm,
					  struct op_context *context, __u32 op, int nr)
{
	__s32 delta = process_book(process, mm_map_count(mm), GET(mm, total_vm), op, 0);

	if (context && context->active) {
		context->delta += delta;
		context->map_count = process->map_count;
		context->changed = 1;
		if (!context->counted && !op_is_exec(op)) {
			tally_call(process, op);
			context->mm = process->mm;
			context->start_ns = process->start_ns;
			context->tgid = process->tgid;
			context->counted = 1;
		}
	} else if (cfg_targets) {
		change_report(process, task, op, nr, delta, bpf_ktime_get_boot_ns());
	}
	if (delta > 0)
		process_rose(process, op, GET(task, mm) == mm);
}

/*
 * Is this release of the lock, held for reading, the end of a change? Not if the
 * task's operation is over and it takes a fault on its way to user space, when its
 * registers still name the call.
 */
static __always_inline bool ends_downgrade(const struct op_context *context, __u32 op)
{
	return op_downgrades(op) && (!context || context->active);
}

/* Somebody changes an mm that has no account, or one left by its owner. NULL: not ours to account for. */
static __noinline struct mt_process *process_meet(struct mt_process *process, struct mm_struct *mm,
						  struct task_struct *task, __u32 op)
{
	if (!process)
		return mm_is_dying(mm) ? NULL : process_adopt(mm, task, op_is_exec(op));
	if (process->tgid) /* else it lives on in another mm */
		life_report(process->mm, MT_TYPE_EXIT, 0);
	process_set_owner(process, task);
	process_note(process);
	return process;
}

/*
 * The witness: mmap_lock is about to be released. Whatever the map count has
 * become since it was last looked at was done by the one who held the lock.
 */
static __always_inline int on_lock_released(struct mm_struct *mm, bool write)
{
	struct task_struct *task = task_current();
	bool own = GET(task, mm) == mm && !task_is_kernel(task);
	struct mt_process *process;
	struct op_context *context;
	__u64 key = (__u64)mm;
	__u32 count, op;
	int nr = -1;

	if (finished || (own && cfg_targets && !target_maybe(GET(task, tgid))))
		return 0; /* somebody else */
	context = own ? context_of(task) : NULL;
	if (!write && context && context->peeking)
		return 0;
	process = bpf_map_lookup_elem(&processes, &key);
	count = mm_map_count(mm);
	/* At the limit there is more to see: what is refused to a call that no hook tells of. */
	if (process && process->map_count == count && cfg_calls && count <= sysctl_maps)
		return 0; /* nearly always */
	/* A forked child's mm is first seen here in its parent: not ours to open. */
	if (!process && !own)
		return 0;
	if (context && context->active) {
		op = context->op;
	} else {
		nr = own ? task_syscall(task) : -1;
		op = op_of_syscall(nr);
		/* What no hook opens one for, 32-bit calls but mmap's and munmap's, has none: it is another call's. */
		if (nr >= MT_NR_COMPAT && !cfg_compat_calls && !(cfg_core && op == MT_OP_MUNMAP))
			context = NULL;
	}
	if (!write && !ends_downgrade(context, op))
		return 0;
	if (!process || (own && (process->flags & MT_PROCESS_OWNER_DEAD) && process->tgid != (__u32)GET(task, tgid))) {
		process = process_meet(process, mm, task, op);
		if (!process)
			return 0;
	}
	/* It held the lock all along: so many maps it began with. */
	if (own && op == MT_OP_MMAP && process->map_count == count && count > sysctl_maps)
		want_note(MT_FACT_ABOVE);
	/* What has an active context is counted at its end. */
	if (own && !(context && context->active) && witness_counts(op, nr)) {
		tally_call(process, op);
		if (op == MT_OP_MMAP && process->map_count == count && !cfg_core)
			refusal_infer(process, task, count);
		process_note(process);
	}
	if (process->map_count != count)
		change_credit(process, task, mm, context, op, nr);
	return 0;
}

/*
 * Without a witness, nobody who looks at the count holds the lock. Two who book at
 * once would both credit the same change; so the first to come books, and looks
 * again when done for what has come meanwhile. Returns what was credited to op.
 */
__noinline int process_settle(__u64 mm, __u32 op, __u64 now_ns)
{
	struct mt_process *process = bpf_map_lookup_elem(&processes, &mm);
	__s32 delta = 0;
	__u8 one = 1;

	for (int tries = 0; process && tries < 2; tries++) {
		if (mm_map_count_at(mm) == process->map_count)
			break;
		/* An insert that only one can win: all that a 5.10 kernel has for a lock here. */
		if (bpf_map_update_elem(&bookings, &mm, &one, BPF_NOEXIST))
			break;
		delta += process_book(process, mm_map_count_at(mm), mm_total_vm_at(mm), op, now_ns);
		bpf_map_delete_elem(&bookings, &mm);
	}
	return delta;
}

/* What a program at calls' exits looks up besides; for the last two it takes bpf_find_vma. */
enum exit_look {
	EXIT_LOOKS_AT_NONE,
	EXIT_LOOKS_AT_FILE,  /* of the map that it has made: shmat, where do_mmap is not seen */
	EXIT_LOOKS_AT_RANGE, /* if refused near the limit */
};

/* The exit of a call. */
static __always_inline int on_exit(int nr, __s64 ret, enum exit_look look)
{
	struct task_struct *task = task_current();
	__u64 key = (__u64)GET(task, mm);
	struct op_outcome outcome = {.ret = ret};
	struct mt_process *process;
	struct op_context *context;

	if (cfg_targets && !target_maybe(GET(task, tgid)))
		return 0;
	if (nr == NR_OF_TASK)
		nr = task_syscall(task);
	outcome.op = op_of_syscall(nr);
	outcome.syscall = nr & (MT_NR_COMPAT - 1);
	context = context_active(task);
	if (context)
		context->active = 0;
	if (!outcome.op || (op_is_exec(outcome.op) && ret >= 0))
		return 0; /* an exec was told, and counted, when it succeeded */
	if (context && context->op != outcome.op) {
		context_flush(context, task); /* an end and a beginning have not been seen */
		context = NULL;
	}
	outcome.now_ns = bpf_ktime_get_boot_ns();
	/* A shmat has made the map that the others are given. */
	if (look == EXIT_LOOKS_AT_RANGE && context && walk_is_due(task, ret))
		range_walk(context);
	if (look == EXIT_LOOKS_AT_FILE && context && !context->has_file && !op_error(task, outcome.op, ret))
		peek(task, context, ret);
	if (context && operation_end_counted(task, context, &outcome))
		return 0;
	process = bpf_map_lookup_elem(&processes, &key);
	if (!process)
		return 0;
	if (!cfg_witness && !finished) {
		outcome.delta = process_settle(process->mm, outcome.op, outcome.now_ns);
		if (outcome.delta > 0)
			process_rose(process, outcome.op, true);
	}
	operation_end(process, task, context, &outcome);
	return 0;
}

#endif /* WITNESS_BPF_H */
