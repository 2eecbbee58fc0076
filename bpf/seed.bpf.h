/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Walks over all tasks: accounts for every process that lives when tracing starts,
 * and what has changed since where no hook looks.
 */
#ifndef SEED_BPF_H
#define SEED_BPF_H

#include "witness.bpf.h"

/* One reader at a time iterates, so one place to build a value is enough. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mt_process);
} seeds SEC(".maps");

/*
 * What has changed where no hook could see it: the witness's place, once a second.
 * What is found for the first time may be the work of a call that has not ended
 * yet; what a second walk still finds, with nothing booked in between and no call
 * seen under way, is not: io_destroy waits for a grace period after it has unmapped.
 */
#define SWEPT_BUSY (1U << 31)
static __always_inline void sweep(struct mt_process *process, struct task_struct *task, struct mm_struct *mm)
{
	__u32 count = mm_map_count(mm), walk = (__u32)(last_sweep_ns >> 10 | 1) & ~SWEPT_BUSY;
	__u64 now_ns;
	__s32 delta;

	if ((cfg_witness && seed_pass != MT_SEED_CATCH_UP) || finished)
		return;
	if (count == process->map_count) {
		process->swept = 0;
		return;
	}
	if (context_active(task)) {
		process->swept = walk | SWEPT_BUSY;
		return;
	}
	/* Every thread of a process is visited. */
	if ((process->swept & ~SWEPT_BUSY) == walk)
		return;
	if (!process->swept || process->swept & SWEPT_BUSY || process->last_change_ns > last_sweep_ns) {
		process->swept = walk;
		return;
	}
	process->swept = 0;
	now_ns = bpf_ktime_get_boot_ns();
	delta = process_settle(process->mm, MT_OP_OTHER, now_ns);
	if (!delta)
		return;
	change_report(process, task, MT_OP_OTHER, -1, delta, now_ns);
	if (delta > 0)
		process_rose(process, MT_OP_OTHER, false);
}

/* One task of a walk; NULL at its end. */
static __always_inline int on_task_visit(struct task_struct *task)
{
	struct mm_struct *mm;
	struct mt_process *seed, *process;
	struct task_struct *owner;
	__u32 zero = 0, tgid;
	__u64 key;

	if (!task || task_is_kernel(task))
		return 0;
	mm = task->mm;
	if (!mm)
		return 0; /* a zombie; its living threads come on their own */
	key = (__u64)mm;
	tgid = task->tgid;
	if (seed_pass == MT_SEED_TARGETS && !bpf_map_lookup_elem(&targets, &tgid))
		return 0;
	if (seed_pass >= MT_SEED_SWEEP && cfg_targets && !target_maybe(tgid))
		return 0;
	if (seed_pass == MT_SEED_SHARERS) {
		if (bpf_map_lookup_elem(&processes, &key))
			target_mark(tgid);
		return 0;
	}
	/* Who shares an mm comes after its owner; where targets alone count, he is looked up. */
	owner = mm_owner(mm, task);
	if (seed_pass == MT_SEED_OWNERS && owner != task)
		return 0;
	if (seed_pass != MT_SEED_TARGETS)
		owner = task;
	bpf_map_update_elem(&owners, &tgid, &key, BPF_NOEXIST);
	process = bpf_map_lookup_elem(&processes, &key);
	if (process) {
		if (seed_pass >= MT_SEED_SWEEP)
			sweep(process, task, mm);
		return 0;
	}
	seed = bpf_map_lookup_elem(&seeds, &zero);
	if (!seed)
		return 0;
	seed->flags = 0;
	process_init(seed, mm, owner, mm_map_count(mm));
	/* The witness may have opened the account since: its word is the better one. */
	if (bpf_map_update_elem(&processes, &key, seed, BPF_NOEXIST) && !bpf_map_lookup_elem(&processes, &key))
		loss_count(MT_LOSS_PROCESSES);
	/* Ended while we looked: exit_mmap came too early to close this account. */
	if (task->mm != mm || mm_is_dying(mm))
		bpf_map_delete_elem(&processes, &key);
	return 0;
}

#endif /* SEED_BPF_H */
