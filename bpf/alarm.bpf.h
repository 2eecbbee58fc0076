/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is told of a process at once, and what is done about it: its birth and end,
 * alarms, SIGSTOP. All of it is rare. Functions that are not static are checked by
 * the verifier once each instead of along every way that leads to them, at the
 * price that their arguments are numbers: an account is named by its mm.
 */
#ifndef ALARM_BPF_H
#define ALARM_BPF_H

#include "context.bpf.h"
#include "file.bpf.h"
#include "kernel.bpf.h"
#include "maps.bpf.h"

/* MT_TYPE_FORK, EXEC or EXIT; parent: for FORK. */
__noinline int life_report(__u64 mm, __u32 type, __u32 parent)
{
	struct mt_process *process = bpf_map_lookup_elem(&processes, &mm);
	struct mt_life_record *record;
	__u64 flags = BPF_RB_NO_WAKEUP;

	if (!process)
		return 0;
	record = type == MT_TYPE_EXIT ? bpf_ringbuf_reserve(&alarms, sizeof(*record), 0)
				      : bpf_ringbuf_reserve(&events, sizeof(*record), 0);
	if (!record) {
		loss_count(MT_LOSS_LIFE_RECORDS);
		return 0;
	}
	/* Ends come in thousands: the timer would be too late. */
	if (type == MT_TYPE_EXIT && bpf_ringbuf_query(&alarms, BPF_RB_AVAIL_DATA) >= ALARMS_WAKE_BYTES)
		flags = BPF_RB_FORCE_WAKEUP;
	head_fill(&record->head, type, sizeof(*record), bpf_ktime_get_boot_ns());
	record->parent = parent;
	record->pad = 0;
	__builtin_memcpy(&record->process, process, sizeof(*process));
	bpf_ringbuf_submit(record, flags);
	return 0;
}

/* The kernel finds something wanting in the task's call. */
static __always_inline void want_note(__u32 fact)
{
	struct task_struct *task = task_current();
	struct op_want want = {.nr = task_syscall(task), .facts = fact};
	__u32 tid = GET(task, pid);

	if (want.nr < 0)
		return; /* a fault's affair */
	bpf_map_update_elem(&wants, &tid, &want, BPF_ANY);
	wants_left = 1;
}

/* What the kernel found wanting in the task's call; asked once. */
static __always_inline __u32 wants_take(struct task_struct *task)
{
	__u32 tid = GET(task, pid), facts;
	struct op_want *want;

	if (!wants_left)
		return 0;
	want = bpf_map_lookup_elem(&wants, &tid);
	if (!want)
		return 0;
	facts = want->nr == task_syscall(task) ? want->facts : 0;
	bpf_map_delete_elem(&wants, &tid);
	return facts;
}

/* What was left in the range of the call; asked once. */
static __always_inline void walk_take(struct mt_alarm_record *record, struct op_context *context)
{
	struct mt_walk *walk = NULL;
	__u32 tid = record->tid;

	__builtin_memset(&record->walk, 0, sizeof(record->walk));
	if (!context || !context->walked || record->op != context->op)
		return;
	context->walked = 0;
	walk = bpf_map_lookup_elem(&walks, &tid);
	if (!walk)
		return;
	record->walk = *walk;
	bpf_map_delete_elem(&walks, &tid);
}

/* How the address space stood at the operation's beginning, if that is known, or stands now. */
static __always_inline void alarm_sizes(struct mt_alarm_record *record, struct task_struct *task, __u64 mm,
					bool has_entry)
{
	struct mm_struct *at = (struct mm_struct *)mm;
	struct op_context *context = context_find(GET(task, pid));

	record->entry_map_count = 0;
	record->entry_len = 0;
	if (context && has_entry) {
		record->facts |= MT_FACT_ENTRY;
		record->entry_map_count = context->entry.map_count;
		record->entry_len = context->entry.len;
		record->total_vm_pages = context->entry.total_vm_pages;
		record->data_vm_pages = context->entry.data_vm_pages;
		record->locked_vm_pages = context->entry.locked_vm_pages;
	} else {
		record->total_vm_pages = BPF_CORE_READ(at, total_vm);
		record->data_vm_pages = BPF_CORE_READ(at, data_vm);
		record->locked_vm_pages = BPF_CORE_READ(at, locked_vm);
	}
	__builtin_memset(&record->map, 0, sizeof(record->map));
	if (context && context->peeked && record->op == context->op) {
		record->facts |= MT_FACT_PEEKED;
		record->map = context->map;
	}
	walk_take(record, context);
	/* What glibc does to a new stack: maps it without rights, then opens all but its guard. */
	if (context && record->op == MT_OP_MPROTECT && record->args[1] <= context->stack_len)
		record->facts |= MT_FACT_STACK;
	record->brk = BPF_CORE_READ(at, brk);
	record->start_brk = BPF_CORE_READ(at, start_brk);
	record->data_segment_bytes = mm_data_segment_at(mm);
}

static __always_inline void alarm_limits(struct mt_alarm_record *record, struct task_struct *task)
{
	struct signal_struct *signal = GET(task, signal);

	record->rlimit_as = BPF_CORE_READ(signal, rlim[RLIMIT_AS].rlim_cur);
	record->rlimit_data = BPF_CORE_READ(signal, rlim[RLIMIT_DATA].rlim_cur);
	record->rlimit_data_max = BPF_CORE_READ(signal, rlim[RLIMIT_DATA].rlim_max);
	record->rlimit_memlock = BPF_CORE_READ(signal, rlim[RLIMIT_MEMLOCK].rlim_cur);
}

/* What no search is made for: longer than any address space, or fixed beyond its end (get_unmapped_area). */
static __always_inline bool map_leaves_space(const struct mt_alarm_record *record, __u64 mm)
{
	__u64 size = mm_task_size_at(mm), addr = record->args[0], len = record->args[1];

	return len > size || (record->args[3] & (MAP_FIXED | MAP_FIXED_NOREPLACE) && addr > size - len);
}

static __always_inline __u32 alarm_facts(const struct mt_alarm_record *record, struct task_struct *task, __u64 mm)
{
	__u64 capabilities = task_capabilities(task);
	__u32 facts = wants_take(task);

	if (record->op == MT_OP_MMAP && record->flags & MT_OP_HAS_ENTER && map_leaves_space(record, mm))
		facts |= MT_FACT_NO_GAP;
	if (mm_users_at(mm) == 1)
		facts |= MT_FACT_ALONE;
	if (capabilities & 1ULL << CAP_IPC_LOCK)
		facts |= MT_FACT_IPC_LOCK;
	if (capabilities & 1ULL << CAP_SYS_ADMIN)
		facts |= MT_FACT_ADMIN;
	return facts;
}

/* The act that set an alarm off, as one number. */
#define CAUSE(type, op)	 ((type) | (op) << 8)
#define CAUSE_IN_SYSCALL (1 << 16) /* its arguments can be read */
#define CAUSE_HAS_ENTRY	 (1 << 17) /* the task's context tells how things stood at its beginning */

/* error: positive errno of a refusal; stack: where, a key of `stacks`. */
__noinline int alarm_report(__u64 mm, __u32 cause, __u32 error, __u64 stack)
{
	struct mt_process *process = bpf_map_lookup_elem(&processes, &mm);
	struct task_struct *task = task_current();
	struct mt_alarm_record *record;

	if (!process)
		return 0;
	record = bpf_ringbuf_reserve(&alarms, sizeof(*record), 0);
	if (!record) {
		loss_count(MT_LOSS_ALARM_RECORDS);
		return 0;
	}
	head_fill(&record->head, cause & 0xff, sizeof(*record), bpf_ktime_get_boot_ns());
	record->tid = GET(task, pid);
	record->op = cause >> 8 & 0xff;
	record->flags = 0;
	record->error = error;
	record->limit = limit_maps;
	record->stack = stack;
	__builtin_memset(record->args, 0, sizeof(record->args));
	__builtin_memset(&record->file, 0, sizeof(record->file));
	if (cause & CAUSE_IN_SYSCALL) {
		task_syscall_args(task, record->args);
		record->flags |= MT_OP_HAS_ENTER;
		if (record->op == MT_OP_MMAP && file_of_mmap(task, record->args, &record->file))
			record->flags |= MT_OP_HAS_FILE;
	}
	record->facts = error ? alarm_facts(record, task, mm) : 0;
	alarm_sizes(record, task, mm, cause & CAUSE_HAS_ENTRY);
	alarm_limits(record, task);
	__builtin_memcpy(&record->process, process, sizeof(*process));
	bpf_ringbuf_submit(record, BPF_RB_FORCE_WAKEUP);
	return 0;
}

/* Is cfg_stop_comm part of the process's name? */
static __always_inline bool process_is_named(const struct mt_process *process)
{
	for (int at = 0; at < MT_COMM_LEN; at++) {
		int len = 0;

		while (len < MT_COMM_LEN && cfg_stop_comm[len] && at + len < MT_COMM_LEN &&
		       process->comm[(at + len) & (MT_COMM_LEN - 1)] == cfg_stop_comm[len])
			len++;
		if (len == MT_COMM_LEN || !cfg_stop_comm[len & (MT_COMM_LEN - 1)])
			return true;
	}
	return false;
}

/* Sends SIGSTOP to the current process once, when it first reaches stop_at_maps. */
__noinline int process_stop(__u64 mm)
{
	struct mt_process *process = bpf_map_lookup_elem(&processes, &mm);
	__u32 tgid;

	if (!process)
		return 0;
	tgid = process->tgid;
	if (!cfg_stop_all && !bpf_map_lookup_elem(&targets, &tgid))
		return 0;
	if (tgid == cfg_self || tgid == 1)
		return 0; /* who would let them go on? */
	if (cfg_stop_comm[0] && !process_is_named(process))
		return 0;
	process->flags |= MT_PROCESS_STOPPED;
	if (bpf_send_signal(19 /* SIGSTOP */))
		loss_count(MT_LOSS_SIGNALS);
	return 0;
}

#endif /* ALARM_BPF_H */
