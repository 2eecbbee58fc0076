/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Operations: what the current task is doing, from enter to exit, and the
 * crediting of each witnessed change to exactly one of them.
 */
#ifndef OPERATION_BPF_H
#define OPERATION_BPF_H

#include "process.bpf.h"

#define ENOENT	  2
#define EAGAIN	  11
#define ENOMEM	  12
#define MAX_ERRNO 4095

static __always_inline __u32 op_of_syscall(int nr)
{
	return nr >= 0 ? cfg_op_of_nr[nr & (MT_NR_MAX - 1)] : MT_OP_OTHER;
}

static __always_inline bool op_is_exec(__u32 op)
{
	return op == MT_OP_EXECVE || op == MT_OP_EXECVEAT;
}

/*
 * Operations that change the map count and then give up the lock as readers
 * (mmap_write_downgrade). Any other reader only sees what they did, and must
 * not be credited with it.
 */
static __always_inline bool op_downgrades(__u32 op)
{
	return op == MT_OP_MUNMAP || op == MT_OP_BRK || op == MT_OP_MREMAP || op == MT_OP_IO_DESTROY;
}

static __always_inline struct op_context *context_active(struct task_struct *task)
{
	__u32 tid = task->pid;
	struct op_context *context = bpf_map_lookup_elem(&contexts, &tid);

	return context && context->active ? context : NULL;
}

/*
 * Is this release of the lock, held for reading, the end of a change? Not if the
 * task only peeks (below), nor if its operation is over and it takes a fault on
 * its way to user space, when its registers still name the call.
 */
static __always_inline bool ends_downgrade(struct task_struct *task, __u32 op)
{
	__u32 tid = task->pid;
	struct op_context *context;

	if (!op_downgrades(op))
		return false;
	context = bpf_map_lookup_elem(&contexts, &tid);
	return !context || (context->active && !context->peeking);
}

struct op_outcome {
	__u32 op;
	__u32 syscall;
	__u16 flags; /* enum mt_op_flags */
	__s64 ret;
	__s32 delta;
	__u32 map_count;
	__u64 now_ns;
};

static __always_inline void op_fill(struct mt_op_record *record, const struct mt_process *process,
				    struct task_struct *task, const struct op_context *context,
				    const struct op_outcome *outcome)
{
	record->mm = process->mm;
	record->start_ns = process->start_ns;
	record->tgid = process->tgid;
	record->tid = task->pid;
	if (context)
		__builtin_memcpy(record->args, context->args, sizeof(record->args));
	else
		__builtin_memset(record->args, 0, sizeof(record->args));
	record->ret = outcome->ret;
	record->duration_ns = context ? outcome->now_ns - context->enter_ns : 0;
	record->map_count = outcome->map_count;
	record->delta = outcome->delta;
	record->op = outcome->op;
	record->flags = outcome->flags;
	record->syscall = outcome->syscall;
}

/* Streams one operation; context may be NULL. file_of: describes its file, or NULL. */
static __always_inline void op_report(const struct mt_process *process, struct task_struct *task,
				      const struct op_context *context, const struct mt_file *file,
				      struct op_outcome *outcome)
{
	const __u32 bare_size = offsetof(struct mt_op_record, file);
	struct mt_op_record *record;

	if (context)
		outcome->flags |= MT_OP_HAS_ENTER | (context->anon ? MT_OP_ANON : 0);
	if (file) {
		record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
		if (!record) {
			loss_count(MT_LOSS_OP_RECORDS);
			return;
		}
		outcome->flags |= MT_OP_HAS_FILE;
		head_fill(&record->head, MT_TYPE_OP, sizeof(*record), outcome->now_ns);
		op_fill(record, process, task, context, outcome);
		__builtin_memcpy(&record->file, file, sizeof(record->file));
	} else {
		record = bpf_ringbuf_reserve(&events, bare_size, 0);
		if (!record) {
			loss_count(MT_LOSS_OP_RECORDS);
			return;
		}
		head_fill(&record->head, MT_TYPE_OP, bare_size, outcome->now_ns);
		op_fill(record, process, task, context, outcome);
	}
	bpf_ringbuf_submit(record, wake_flags());
}

/* A change seen outside any operation whose enter we saw: say so at once. */
static __always_inline void change_report(const struct mt_process *process, struct task_struct *task, __u32 op, int nr,
					  __s32 delta, __u64 now_ns)
{
	__u32 tgid = process->tgid, task_tgid = task->tgid;
	struct mt_target *target = bpf_map_lookup_elem(&targets, &tgid);
	struct op_outcome outcome = {
		.op = op,
		.syscall = nr >= 0 ? nr & (MT_NR_COMPAT - 1) : ~0U,
		.delta = delta,
		.map_count = process->map_count,
		.now_ns = now_ns,
	};

	if (!target)
		target = bpf_map_lookup_elem(&targets, &task_tgid);
	if (!target || (target->flags & MT_TARGET_PENDING) || op_is_exec(op))
		return; /* an exec is reported whole, when it has succeeded */
	op_report(process, task, NULL, NULL, &outcome);
}

/*
 * The witness: mmap_lock is about to be released. Whatever the map count has
 * become since it was last looked at was done by the one who held the lock.
 */
static __always_inline int on_lock_released(struct mm_struct *mm, bool write)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 key = (__u64)mm, now_ns;
	struct mt_process *process = bpf_map_lookup_elem(&processes, &key);
	__u32 count = mm_map_count(mm), op;
	bool own = task->mm == mm && !task_is_kernel(task);
	struct op_context *context;
	__s32 delta;
	int nr;

	if (finished || (process && process->map_count == count && cfg_syscalls))
		return 0; /* nearly always */
	nr = own ? task_syscall(task) : -1;
	op = op_of_syscall(nr);
	if (!write && !ends_downgrade(task, op))
		return 0;
	if (!process) {
		/* A forked child's mm is first seen here in its parent: not ours to open. */
		if (!own || mm_is_dying(mm))
			return 0;
		process = process_adopt(mm, task, op_is_exec(op));
		if (!process)
			return 0;
	}
	if (own && process->tgid != (__u32)task->tgid && (process->flags & MT_PROCESS_OWNER_DEAD)) {
		if (process->tgid) /* else it lives on in another mm */
			life_report(MT_TYPE_EXIT, process, 0, BPF_RB_NO_WAKEUP);
		process_set_owner(process, task);
	}
	if (own && op && op < MT_OP_MAX && !op_is_exec(op) && (!cfg_syscalls || nr >= MT_NR_COMPAT))
		__sync_fetch_and_add(&process->tallies[op].calls, 1);
	if (process->map_count == count)
		return 0;

	now_ns = bpf_ktime_get_boot_ns();
	delta = process_book(process, mm, count, op, now_ns);
	context = own ? context_active(task) : NULL;
	if (context) {
		context->delta += delta;
		context->map_count = count;
		context->changed = 1;
	} else {
		change_report(process, task, op, nr, delta, now_ns);
	}
	if (delta > 0)
		process_rose(process, task, mm, op, own, now_ns);
	return 0;
}

/* bpf_find_vma's callback: the file of the map an operation is about to change. */
static long peek_vma(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	__u32 tid = task->pid;
	struct op_context *context = bpf_map_lookup_elem(&contexts, &tid);

	if (!context)
		return 0;
	context->has_file = file_describe(vma->vm_file, &context->file);
	context->anon = !context->has_file;
	return 0;
}

/* Looks up the file at addr; it fails, and is counted, if a writer has the lock. */
static __always_inline void peek(struct task_struct *task, struct op_context *context, __u64 addr)
{
	long error;

	context->peeking = 1;
	error = bpf_find_vma(task, addr, peek_vma, NULL, 0);
	context->peeking = 0;
	if (error && error != -ENOENT)
		loss_count(MT_LOSS_FILES);
}

/* with_vma: also look up the file of the map at the first argument (Linux 5.17). */
static __always_inline int on_enter(int nr, const void *args, bool with_vma)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 tgid = task->tgid, tid = task->pid, op = op_of_syscall(nr);
	struct mt_target *target = bpf_map_lookup_elem(&targets, &tgid);
	struct op_context *context;

	if (finished || !target || (target->flags & MT_TARGET_PENDING))
		return 0;
	context = bpf_map_lookup_elem(&contexts, &tid);
	if (!context) {
		struct op_context zero = {};

		if (bpf_map_update_elem(&contexts, &tid, &zero, BPF_ANY)) {
			loss_count(MT_LOSS_CONTEXTS);
			return 0;
		}
		context = bpf_map_lookup_elem(&contexts, &tid);
		if (!context)
			return 0;
	}
	bpf_probe_read_kernel(context->args, sizeof(context->args), args);
	context->op = op;
	context->delta = 0;
	context->changed = 0;
	context->has_file = 0;
	context->anon = 0;
	if (op == MT_OP_MMAP)
		context->has_file = file_of_mmap(task, context->args, &context->file);
	else if (with_vma)
		peek(task, context, op == MT_OP_SHMAT ? 0 : context->args[0]);
	context->enter_ns = bpf_ktime_get_boot_ns();
	context->active = 1;
	return 0;
}

static __always_inline __u32 fail_slot(__u32 error)
{
	switch (error) {
#define FAIL_CASE(id, number)                                                                                          \
	case number:                                                                                                   \
		return MT_FAIL_##id;
		MT_ERRNOS(FAIL_CASE)
#undef FAIL_CASE
	}
	return MT_FAIL_REST;
}

/* Positive errno of an operation's result, 0 for success. */
static __always_inline __u32 op_error(struct task_struct *task, __u32 op, __s64 ret)
{
	if (ret < 0 && ret >= -MAX_ERRNO)
		return -ret;
	if (op == MT_OP_BRK) {
		__u64 args[MT_ARGS_MAX];

		/* brk(2) has no error: it returns the old break. libc says ENOMEM. */
		task_syscall_args(task, args);
		if (args[0] > (__u64)ret)
			return ENOMEM;
	}
	return 0;
}

static __always_inline int on_exit(int nr, __s64 ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct mm_struct *mm = task->mm;
	__u64 key = (__u64)mm;
	struct mt_process *process = bpf_map_lookup_elem(&processes, &key);
	struct op_context *context = context_active(task);
	__u32 op = op_of_syscall(nr), error;
	struct op_outcome outcome = {.op = op, .syscall = nr, .flags = MT_OP_HAS_RESULT, .ret = ret};

	if (context)
		context->active = 0;
	if (!process || !op || op >= MT_OP_MAX)
		return 0;
	error = op_error(task, op, ret);
	if (op_is_exec(op) && !error)
		return 0; /* told, and counted, when it succeeded */
	if (!cfg_witness && !finished) {
		/* No witness: what has changed since the last exit was done by this call, threads apart. */
		__s32 delta = process_book(process, mm, mm_map_count(mm), op, bpf_ktime_get_boot_ns());

		outcome.delta = delta;
		if (delta > 0)
			process_rose(process, task, mm, op, true, process->last_change_ns);
	}
	__sync_fetch_and_add(&process->tallies[op].calls, 1);
	outcome.now_ns = bpf_ktime_get_boot_ns();
	if (error) {
		__u32 slot = fail_slot(error);

		outcome.flags |= MT_OP_FAILED;
		__sync_fetch_and_add(&process->tallies[op].failed, 1);
		if (slot < MT_FAIL_MAX)
			__sync_fetch_and_add(&process->failed[slot], 1);
	}
	if (context && context->op == op) {
		if (cfg_witness)
			outcome.delta = context->delta;
		outcome.map_count = context->changed ? context->map_count : process->map_count;
		op_report(process, task, context, context->has_file ? &context->file : NULL, &outcome);
	}
	if (error == ENOMEM || error == EAGAIN) {
		struct alarm_cause cause = {.type = MT_TYPE_FAIL, .op = op, .error = error, .in_syscall = true};

		alarm_report(process, task, mm, &cause, outcome.now_ns);
	}
	return 0;
}

#endif /* OPERATION_BPF_H */
