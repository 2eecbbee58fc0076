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

/* How the address space stood at the operation's beginning, if that is known, or stands now. */
static __always_inline void alarm_sizes(struct mt_alarm_record *record, struct task_struct *task, __u64 mm,
					bool has_entry)
{
	struct mm_struct *at = (struct mm_struct *)mm;
	struct op_context *context = has_entry ? context_find(GET(task, pid)) : NULL;

	record->entry_map_count = 0;
	if (context) {
		record->facts |= MT_FACT_ENTRY;
		record->entry_map_count = context->entry.map_count;
		record->total_vm_pages = context->entry.total_vm_pages;
		record->data_vm_pages = context->entry.data_vm_pages;
		record->locked_vm_pages = context->entry.locked_vm_pages;
	} else {
		record->total_vm_pages = BPF_CORE_READ(at, total_vm);
		record->data_vm_pages = BPF_CORE_READ(at, data_vm);
		record->locked_vm_pages = BPF_CORE_READ(at, locked_vm);
	}
}

static __always_inline void alarm_limits(struct mt_alarm_record *record, struct task_struct *task)
{
	struct signal_struct *signal = GET(task, signal);

	record->rlimit_as = BPF_CORE_READ(signal, rlim[RLIMIT_AS].rlim_cur);
	record->rlimit_data = BPF_CORE_READ(signal, rlim[RLIMIT_DATA].rlim_cur);
	record->rlimit_memlock = BPF_CORE_READ(signal, rlim[RLIMIT_MEMLOCK].rlim_cur);
}

/* The act that set an alarm off, as one number. */
#define CAUSE(type, op)	 ((type) | (op) << 8)
#define CAUSE_IN_SYSCALL (1 << 16) /* its arguments can be read */
#define CAUSE_HAS_ENTRY	 (1 << 17) /* the task's context tells how things stood at its beginning */

/* error: positive errno of a refusal. */
__noinline int alarm_report(__u64 mm, __u32 cause, __u32 error)
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
	__builtin_memset(record->args, 0, sizeof(record->args));
	__builtin_memset(&record->file, 0, sizeof(record->file));
	if (cause & CAUSE_IN_SYSCALL) {
		task_syscall_args(task, record->args);
		record->flags |= MT_OP_HAS_ENTER;
		if (record->op == MT_OP_MMAP && file_of_mmap(task, record->args, &record->file))
			record->flags |= MT_OP_HAS_FILE;
	}
	record->facts = error ? wants_take(task) : 0;
	/* What is longer than any address space is not even searched room for (get_unmapped_area). */
	if (error && record->op == MT_OP_MMAP && record->args[1] > mm_task_size_at(mm))
		record->facts |= MT_FACT_NO_GAP;
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
