/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From a process's birth to its end: what each step does to accounts, owners and targets. */
#ifndef LIFE_BPF_H
#define LIFE_BPF_H

#include "witness.bpf.h"

/* A task is born: fork, vfork, clone. */
static __always_inline int on_fork(struct task_struct *parent, struct task_struct *child)
{
	struct mm_struct *mm = child->mm;
	__u32 tgid = child->tgid, parent_tgid = parent->tgid;
	struct mt_target *target, follow = {};
	struct mt_process *process = NULL;

	if (!mm || tgid == parent_tgid)
		return 0; /* a kernel thread, or one more thread */
	if (cfg_targets && !target_maybe(parent_tgid))
		return 0;
	owner_set(tgid, (__u64)mm);
	if (mm != parent->mm)
		process = process_create(mm, child, mm_map_count(mm));
	else if (cfg_targets)
		target_mark(tgid); /* what it maps, it maps for its parent */
	target = bpf_map_lookup_elem(&targets, &parent_tgid);
	if (!target || !(target->flags & MT_TARGET_FOLLOW))
		return 0;
	follow.flags = target->flags;
	target_mark(tgid);
	if (bpf_map_update_elem(&targets, &tgid, &follow, BPF_ANY))
		loss_count(MT_LOSS_TARGETS);
	unwind_inherit(parent_tgid, tgid);
	if (process) {
		process->flags |= MT_PROCESS_TARGET;
		life_report(process->mm, MT_TYPE_FORK, parent_tgid);
	}
	return 0;
}

/* The new image is complete: books it, and tells of the exec. target, context: NULL if there is none. */
static __noinline void exec_book(struct mt_process *process, struct task_struct *task, struct mt_target *target,
				 const struct op_context *context)
{
	struct mm_struct *mm = task->mm;
	struct op_outcome outcome = {.flags = MT_OP_HAS_RESULT, .now_ns = bpf_ktime_get_boot_ns()};
	struct mt_file file = {};

	outcome.map_count = mm_map_count(mm);
	outcome.op = op_of_syscall(task_syscall(task)) == MT_OP_EXECVEAT ? MT_OP_EXECVEAT : MT_OP_EXECVE;
	process_book(process, outcome.map_count, GET(mm, total_vm), outcome.op, outcome.now_ns);
	outcome.delta = process->exec_delta;
	process->exec_delta = 0;
	process->execs++;
	process->flags &= ~MT_PROCESS_STOPPED;
	process_set_comm(process, task);
	tally_call(process, outcome.op);
	process_note(process);
	if (!target)
		return;
	target->flags &= ~MT_TARGET_PENDING;
	file_describe(mm->exe_file, &file);
	life_report(process->mm, MT_TYPE_EXEC, 0);
	outcome_is_of(&outcome, process);
	op_tell(task, context, &file, &outcome); /* of no call site: the program that called is no more */
}

/* An exec has succeeded; tid: what the thread went by until now. */
static __always_inline int on_exec(struct task_struct *task, __u32 tid)
{
	struct mm_struct *mm = task->mm;
	__u64 key = (__u64)mm;
	__u32 tgid = task->tgid;
	struct mt_process *process = bpf_map_lookup_elem(&processes, &key);
	struct mt_target *target = bpf_map_lookup_elem(&targets, &tgid);
	struct op_context *context = cfg_targets ? context_find(tid) : NULL;

	if (cfg_targets && !process && !target_maybe(tgid))
		return 0;
	/* An account that is not ours was left behind at this address by another mm. */
	if (!process || process->tgid != tgid)
		process = process_adopt(mm, task, true);
	if (context && context->active && !op_is_exec(context->op)) {
		context_flush(context, task);
		context->active = 0;
	}
	unwind_forget(tgid);
	if (process && !finished)
		exec_book(process, task, target, context && context->active ? context : NULL);
	if (context)
		context->active = 0;
	if (tid != tgid)
		context_drop(tid); /* the thread goes on under another id */
	return 0;
}

static __always_inline int on_rename(struct task_struct *task, const char *comm)
{
	__u64 key = (__u64)task->mm;
	struct mt_process *process;

	if (!key || task->pid != task->tgid)
		return 0;
	process = bpf_map_lookup_elem(&processes, &key);
	if (process && process->tgid == task->tgid) {
		bpf_probe_read_kernel_str(process->comm, sizeof(process->comm), comm);
		process_note(process);
	}
	return 0;
}

/* A thread is on its way out. */
static __always_inline int on_task_exit(struct task_struct *task)
{
	__u32 tid = task->pid, tgid = task->tgid;
	__u64 *mm;
	struct mt_process *process;
	struct op_context *context;

	if (cfg_targets && target_maybe(tgid)) {
		context = context_active(task);
		if (context)
			context_flush(context, task);
		context_drop(tid);
	}
	if (!task_group_is_dead(task))
		return 0;
	mm = bpf_map_lookup_elem(&owners, &tgid);
	process = mm ? bpf_map_lookup_elem(&processes, mm) : NULL;
	if (process && process->tgid == tgid) {
		/* An mm without maps ends without exit_mmap. */
		if (cfg_exit_mmap && process->map_count) {
			process->flags |= MT_PROCESS_OWNER_DEAD;
		} else {
			__u64 key = process->mm;

			life_report(process->mm, MT_TYPE_EXIT, 0);
			process_drop(key);
		}
	}
	bpf_map_delete_elem(&owners, &tgid);
	bpf_map_delete_elem(&targets, &tgid);
	unwind_forget(tgid);
	return 0;
}

/*
 * What no hook has seen until the end. With a witness that is nothing, unless its
 * last runs were skipped: a preemptible kernel runs no program of ours on a
 * processor where the same one was interrupted (prog->active).
 */
static __always_inline void settle_last(struct mt_process *process, struct task_struct *task)
{
	__u64 now_ns = bpf_ktime_get_boot_ns();
	__s32 delta;

	if (finished)
		return;
	delta = process_settle(process->mm, MT_OP_OTHER, now_ns);
	/* From 6.17 on it is no target any more: sched_process_exit comes before this. */
	if (delta && (process->flags & MT_PROCESS_TARGET))
		change_tell(process, task, MT_OP_OTHER, -1, delta, now_ns);
}

/* The last user of an address space is gone: its process has ended, or exec'ed. */
static __always_inline int on_exit_mmap(__u64 key)
{
	struct task_struct *task = task_current();
	struct mt_process *process = bpf_map_lookup_elem(&processes, &key);
	struct mm_struct *now = GET(task, mm);

	if (!process)
		return 0;
	if (now && (__u64)now != key && GET(task, tgid) == process->tgid && !task_is_kernel(task)) {
		process_move(process, now);
		return 0;
	}
	settle_last(process, task);
	if (process->tgid) /* else it lives on in another mm */
		life_report(process->mm, MT_TYPE_EXIT, 0);
	process_drop(key);
	return 0;
}

#endif /* LIFE_BPF_H */
