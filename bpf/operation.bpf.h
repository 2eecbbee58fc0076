/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Operations: what the current task is doing, from enter to exit, and what is
 * told of it. Who credits changes to them: witness.bpf.h.
 */
#ifndef OPERATION_BPF_H
#define OPERATION_BPF_H

#include "process.bpf.h"
#include "site.bpf.h"

#define ENOENT	  2
#define EAGAIN	  11
#define ENOMEM	  12
#define EACCES	  13
#define ENOTDIR	  20
#define MAX_ERRNO 4095

static __always_inline __u32 op_of_syscall(int nr)
{
	return nr >= 0 ? cfg_op_of_nr[nr & (MT_NR_MAX - 1)] : MT_OP_OTHER;
}

static __always_inline bool op_is_exec(__u32 op)
{
	return op == MT_OP_EXECVE || op == MT_OP_EXECVEAT;
}

/* Will an exit hook tell of this call? Tracepoints do not fire for compat tasks. */
static __always_inline bool call_is_told(int nr)
{
	return nr >= 0 && (nr < MT_NR_COMPAT ? cfg_calls : cfg_compat_calls);
}

/* Are this process's operations streamed by now? */
static __always_inline bool is_streamed(__u32 tgid)
{
	struct mt_target *target = target_maybe(tgid) ? bpf_map_lookup_elem(&targets, &tgid) : NULL;

	return target && !(target->flags & MT_TARGET_PENDING);
}

static __always_inline void outcome_is_of(struct op_outcome *outcome, const struct mt_process *process)
{
	outcome->mm = process->mm;
	outcome->start_ns = process->start_ns;
	outcome->tgid = process->tgid;
}

/* The same of an operation that the witness has counted, with all that it was credited with. */
static __always_inline void outcome_is_counted(struct op_outcome *outcome, const struct op_context *context)
{
	outcome->mm = context->mm;
	outcome->start_ns = context->start_ns;
	outcome->tgid = context->tgid;
	outcome->delta = context->delta;
	outcome->map_count = context->map_count;
}

static __always_inline void op_fill(struct mt_op_record *record, struct task_struct *task,
				    const struct op_context *context, const struct op_outcome *outcome)
{
	record->mm = outcome->mm;
	record->start_ns = outcome->start_ns;
	record->tgid = outcome->tgid;
	record->tid = GET(task, pid);
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
	record->stack = outcome->stack;
}

/* Streams one operation; context and file may be NULL. */
static __always_inline void op_tell(struct task_struct *task, const struct op_context *context,
				    const struct mt_file *file, struct op_outcome *outcome)
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
		op_fill(record, task, context, outcome);
		__builtin_memcpy(&record->file, file, sizeof(record->file));
	} else {
		record = bpf_ringbuf_reserve(&events, bare_size, 0);
		if (!record) {
			loss_count(MT_LOSS_OP_RECORDS);
			return;
		}
		head_fill(&record->head, MT_TYPE_OP, bare_size, outcome->now_ns);
		op_fill(record, task, context, outcome);
	}
	bpf_ringbuf_submit(record, wake_flags());
}

/* The same of a change that no result is known of: credited to its call site. */
static __always_inline void op_report(struct task_struct *task, const struct op_context *context,
				      struct op_outcome *outcome)
{
	if (cfg_stacks) {
		outcome->stack = stack_take();
		if (outcome->delta)
			site_credit(outcome);
	}
	op_tell(task, context, NULL, outcome);
}

/* The same of an operation that has ended. */
static __always_inline void op_report_end(struct task_struct *task, const struct op_context *context,
					  struct op_outcome *outcome)
{
	bool is_success = context && !(outcome->flags & MT_OP_FAILED);

	if (cfg_stacks) {
		if (!outcome->stack &&
		    (cfg_stacks == MT_STACKS_ALL || outcome->delta || (is_success && op_maps(outcome->op))))
			outcome->stack = stack_take();
		if (is_success && (outcome->delta || op_maps(outcome->op) || op_unmaps(outcome->op)))
			site_book(outcome, context);
		else if (outcome->delta)
			site_credit(outcome);
	}
	op_tell(task, context, context && context->has_file ? &context->file : NULL, outcome);
}

/* Tells of a change outside any operation whose enter we saw. */
static __always_inline void change_tell(const struct mt_process *process, struct task_struct *task, __u32 op, int nr,
					__s32 delta, __u64 now_ns)
{
	struct op_outcome outcome = {
		.op = op,
		.syscall = nr >= 0 ? nr & (MT_NR_COMPAT - 1) : ~0U,
		.delta = delta,
		.map_count = process->map_count,
		.now_ns = now_ns,
	};

	outcome_is_of(&outcome, process);
	op_report(task, NULL, &outcome);
}

/* The same if its process, or the one who did it, is streamed. */
static __always_inline void change_report(const struct mt_process *process, struct task_struct *task, __u32 op, int nr,
					  __s32 delta, __u64 now_ns)
{
	if (op_is_exec(op))
		return; /* an exec is reported whole, when it has succeeded */
	if (is_streamed(process->tgid) || is_streamed(GET(task, tgid)))
		change_tell(process, task, op, nr, delta, now_ns);
}

struct peeked {
	struct mt_file file;
	struct mt_peek map;
	bool found, has_file;
};

/* bpf_find_vma's callback: the file of the map an operation is about to change. */
static long peek_vma(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	struct peeked *peeked = arg;

	peeked->found = true;
	peeked->map.start = vma->vm_start;
	peeked->map.end = vma->vm_end;
	peeked->map.flags = vma->vm_flags;
	peeked->has_file = file_describe_typed(vma->vm_file, &peeked->file);
	return 0;
}

/* Looks up the file at addr; it fails, and is counted, if a writer has the lock. */
static __noinline void peek(struct task_struct *task, struct op_context *context, __u64 addr)
{
	struct peeked peeked = {};
	long error;

	context->peeking = 1;
	error = bpf_find_vma(task, address_untagged(addr), peek_vma, &peeked, 0);
	context->peeking = 0;
	if (error && error != -ENOENT)
		loss_count(MT_LOSS_FILES);
	context->peeked = !error || error == -ENOENT;
	context->map = peeked.map;
	context->has_file = peeked.has_file;
	context->anon = peeked.found && !peeked.has_file;
	if (peeked.has_file)
		context->file = peeked.file;
}

/*
 * The exit of the operation before this one was not seen: a kretprobe found no free
 * instance, or the kernel skipped the program. It is counted, and what was credited
 * to the operation is told before the next one takes its place, or the thread ends.
 */
static __noinline int context_flush(struct op_context *context, struct task_struct *task)
{
	struct op_outcome outcome = {.op = context->op, .syscall = ~0U};

	loss_count(MT_LOSS_EXITS);
	if (!context->counted || !context->delta)
		return 0;
	outcome_is_counted(&outcome, context);
	outcome.now_ns = bpf_ktime_get_boot_ns();
	op_report(task, context, &outcome);
	return 0;
}

/* In place of a system call's number: that of the task's registers, read for those alone whom it is about. */
#define NR_OF_TASK (-0x7fffffff)

/* A call begins. with_vma: also look up the file of the map at the first argument (Linux 5.17). */
static __always_inline int on_enter(int nr, bool with_vma)
{
	struct task_struct *task = task_current();
	struct op_context *context;
	__u32 op;

	if (finished || !target_maybe(GET(task, tgid)))
		return 0;
	if (nr == NR_OF_TASK)
		nr = task_syscall(task);
	op = op_of_syscall(nr);
	context = context_of(task);
	/* Who has a context is followed. */
	if (!op || (!context && !is_streamed(GET(task, tgid))))
		return 0;
	if (context && context->active)
		context_flush(context, task);
	context = context_open(task, context, op);
	if (!context)
		return 0;
	task_syscall_args(task, context->args);
	if (op == MT_OP_MMAP)
		context->has_file = file_of_mmap(task, context->args, &context->file);
	else if (with_vma)
		peek(task, context, context->args[0]);
	context->enter_ns = bpf_ktime_get_boot_ns();
	context->active = 1;
	return 0;
}

/* A table, as branches would multiply the ways that the verifier has to go. */
#define FAIL_SLOT(id, number) [number] = MT_FAIL_##id + 1,
static const __u8 fail_slots[] = {MT_ERRNOS(FAIL_SLOT)};
#undef FAIL_SLOT

static __noinline void fail_count(struct mt_process *process, __u32 error)
{
	__u32 slot = error < sizeof(fail_slots) && fail_slots[error] ? fail_slots[error] - 1 : MT_FAIL_REST;

	if (slot < MT_FAIL_MAX)
		__sync_fetch_and_add(&process->failed[slot], 1);
}

/* Did a search of PATH come by a place where the program is not? It goes on after these (execvp(3)). */
static __always_inline bool op_is_search(__u32 op, __u32 error)
{
	return op_is_exec(op) && (error == ENOENT || error == EACCES || error == ENOTDIR);
}

/* Positive errno of an operation's result, 0 for success. */
static __always_inline __u32 op_error(struct task_struct *task, __u32 op, __s64 ret)
{
	if (ret < 0 && ret >= -MAX_ERRNO)
		return -ret;
	/* brk(2) has no error: it returns the old break. libc says ENOMEM. */
	if (op == MT_OP_BRK && task_syscall_arg0(task) > (__u64)ret)
		return ENOMEM;
	return 0;
}

/*
 * An operation has ended: counts it, tells of it if its beginning was seen, or if
 * it has done something, raises the alarm if it was refused. context may be NULL.
 */
static __always_inline void operation_end(struct mt_process *process, struct task_struct *task,
					  const struct op_context *context, struct op_outcome *outcome)
{
	__u32 op = outcome->op, error;

	error = op_error(task, op, outcome->ret);
	outcome->flags |= MT_OP_HAS_RESULT;
	if (!context || !context->counted)
		tally_call(process, op);
	if (error) {
		outcome->flags |= MT_OP_FAILED;
		tally_failure(process, op);
		if (!op_is_search(op, error))
			fail_count(process, error);
	}
	if (cfg_stacks && cfg_targets && (error == ENOMEM || error == EAGAIN) && is_streamed(GET(task, tgid)))
		outcome->stack = stack_take();
	process_note(process);
	outcome_is_of(outcome, process);
	outcome->map_count = process->map_count;
	if (context) {
		outcome->delta += context->delta;
		if (context->changed)
			outcome->map_count = context->map_count;
		op_report_end(task, context, outcome);
	} else if (outcome->delta && is_streamed(process->tgid)) {
		op_report_end(task, NULL, outcome);
	}
	if (error == ENOMEM || error == EAGAIN)
		alarm_report(process->mm,
			     CAUSE(MT_TYPE_FAIL, op) | CAUSE_IN_SYSCALL |
				     (context && context->has_entry ? CAUSE_HAS_ENTRY : 0),
			     error, outcome->stack);
}

/*
 * The same for what nearly always happens: all that the account had to be told of it
 * was told under the lock (change_credit), so it need not be looked up again.
 */
static __always_inline bool operation_end_counted(struct task_struct *task, const struct op_context *context,
						  struct op_outcome *outcome)
{
	if (!context->counted || op_error(task, outcome->op, outcome->ret))
		return false;
	outcome->flags |= MT_OP_HAS_RESULT;
	outcome_is_counted(outcome, context);
	op_report_end(task, context, outcome);
	return true;
}

#endif /* OPERATION_BPF_H */
