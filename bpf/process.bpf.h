/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The account of one address space: its birth, its passing from one owner or
 * mm to the next, every change of its map count, the alarms that follow.
 *
 * Who may write: an account changes in the hook that fires while mmap_lock is
 * held for writing, or while its holder has downgraded to reading; no other
 * writer can be there then. Tallies of calls are the exception, and atomic.
 */
#ifndef PROCESS_BPF_H
#define PROCESS_BPF_H

#include "alarm.bpf.h"

static const struct mt_process process_zero = {};

/* The next map count worth an alarm: eighths of the limit, then per cents. */
static __always_inline __u32 step_after(__u32 count, __u32 limit)
{
	__u64 eighth, percent, next_eighth, next_percent;

	if (!limit || count >= limit)
		return ~0U;
	eighth = (__u64)count * 8 / limit + 1;
	next_eighth = (eighth * limit + 7) / 8;
	percent = (__u64)count * 100 / limit + 1;
	if (percent < 90)
		percent = 90;
	next_percent = (percent * limit + 99) / 100;
	return next_eighth < next_percent ? next_eighth : next_percent;
}

static __always_inline void process_set_comm(struct mt_process *process, struct task_struct *task)
{
	struct task_struct *leader = GET(task, group_leader);

	bpf_probe_read_kernel(process->comm, sizeof(process->comm), leader->comm);
}

static __always_inline void owner_set(__u32 tgid, __u64 mm)
{
	if (bpf_map_update_elem(&owners, &tgid, &mm, BPF_ANY))
		loss_count(MT_LOSS_OWNERS);
}

static __always_inline void process_set_owner(struct mt_process *process, struct task_struct *task)
{
	struct task_struct *leader = GET(task, group_leader);

	process->tgid = GET(task, tgid);
	process->start_ns = GET(leader, start_boottime);
	process->flags &= ~MT_PROCESS_OWNER_DEAD;
	if (bpf_map_lookup_elem(&targets, &process->tgid))
		process->flags |= MT_PROCESS_TARGET;
	process_set_comm(process, task);
}

static __always_inline void process_init(struct mt_process *process, struct mm_struct *mm, struct task_struct *task,
					 __u32 baseline)
{
	process->mm = (__u64)mm;
	process->map_count = baseline;
	process->baseline = baseline;
	process->high_water = baseline;
	process->total_vm_pages = GET(mm, total_vm);
	process->peak_vm_pages = GET(mm, hiwater_vm);
	if (process->peak_vm_pages < process->total_vm_pages)
		process->peak_vm_pages = process->total_vm_pages;
	process_set_owner(process, task);
}

/*
 * Puts an account on the list of the changed, once a tick. To be called after
 * the change; core/reading.h tells why none is missed.
 */
static __always_inline void process_note(struct mt_process *process)
{
	__u64 key = process->mm;
	__u8 yes = 1;
	__u32 now;

	barrier(); /* the compiler must leave what was booked before this */
	now = tick;
	if (process->tick == now)
		return;
	process->tick = now;
	if (bpf_map_update_elem(&changed, &key, &yes, BPF_ANY))
		__sync_fetch_and_add(&notes_missed, 1);
}

/* Closes an account, and takes it off the list: whoever has ended leaves no room taken there. */
static __always_inline void process_drop(__u64 key)
{
	bpf_map_delete_elem(&processes, &key);
	bpf_map_delete_elem(&changed, &key);
}

/*
 * Opens an account for mm, owned by task's process; NULL if the table is full.
 * Call it where nobody else can book in this mm: see above.
 */
static __always_inline struct mt_process *process_create(struct mm_struct *mm, struct task_struct *task, __u32 baseline)
{
	__u64 key = (__u64)mm;
	struct mt_process *process;

	if (bpf_map_update_elem(&processes, &key, &process_zero, BPF_ANY)) {
		loss_count(MT_LOSS_PROCESSES);
		return NULL;
	}
	process = bpf_map_lookup_elem(&processes, &key);
	if (process) {
		process_init(process, mm, task, baseline);
		process_note(process);
	}
	return process;
}

/* Puts old's account under the key of mm, old's own entry gone or left to those who share it. */
static __always_inline struct mt_process *process_rekey(struct mt_process *old, __u64 key)
{
	__u64 old_key = old->mm;
	__u32 zero = 0;
	struct mt_process *copy;
	bool shared = mm_users_at(old_key) > 0;

	if (!bpf_map_update_elem(&processes, &key, old, BPF_ANY)) {
		if (shared) {
			/* Others live in the old mm (or somebody looks at it): whoever changes it next takes it over.
			 */
			old->tgid = 0;
			old->flags = MT_PROCESS_OWNER_DEAD;
		} else {
			process_drop(old_key);
		}
		return bpf_map_lookup_elem(&processes, &key);
	}
	/* The table is full: its own slot, if it can be spared, is all there is. */
	copy = shared ? NULL : bpf_map_lookup_elem(&scratch, &zero);
	if (copy) {
		__builtin_memcpy(copy, old, sizeof(*copy));
		process_drop(old_key);
		if (!bpf_map_update_elem(&processes, &key, copy, BPF_ANY))
			return bpf_map_lookup_elem(&processes, &key);
	}
	loss_count(MT_LOSS_PROCESSES);
	return NULL;
}

/* -- CMD: what came before its exec was our own copy. */
static __always_inline void process_forget_past(struct mt_process *process)
{
	process->baseline = 0;
	process->map_count = 0;
	process->high_water = 0;
	process->opened = 0;
	process->closed = 0;
	process->first_change_ns = 0;
	__builtin_memset(process->tallies, 0, sizeof(process->tallies));
	__builtin_memset(process->failed, 0, sizeof(process->failed));
}

/* exec: the account follows the process from its old mm to its new one. */
static __always_inline struct mt_process *process_move(struct mt_process *old, struct mm_struct *mm)
{
	__u64 key = (__u64)mm;
	__u32 tgid = old->tgid;
	struct mt_target *target = bpf_map_lookup_elem(&targets, &tgid);
	struct mt_process *process = process_rekey(old, key);

	if (!process)
		return NULL;
	process->mm = key;
	process->exec_delta = 0;
	process->step_limit = 0;
	process->peak_vm_pages = 0;
	if (target && (target->flags & MT_TARGET_PENDING))
		process_forget_past(process);
	process->tick = 0; /* noted under its old key, if at all */
	process_note(process);
	owner_set(tgid, key);
	return process;
}

/*
 * The account of the current task's own mm when none is found under its key:
 * moved here from the mm the process had before an exec, or opened anew.
 */
static __noinline struct mt_process *process_adopt(struct mm_struct *mm, struct task_struct *task, bool in_exec)
{
	__u32 tgid = GET(task, tgid);
	__u64 *old_mm = bpf_map_lookup_elem(&owners, &tgid);
	struct mt_process *old = old_mm && *old_mm != (__u64)mm ? bpf_map_lookup_elem(&processes, old_mm) : NULL;

	if (old && old->tgid == tgid)
		return process_move(old, mm);
	owner_set(tgid, (__u64)mm);
	/* A new image's maps are all its exec's doing; anything else we met late. */
	return process_create(mm, task, in_exec ? 0 : mm_map_count(mm));
}

/* After a fall by a quarter of the limit the steps above raise their alarms again. */
static __always_inline void process_rearm(struct mt_process *process, __u32 count)
{
	__u32 limit = process->step_limit, next = process->next_step;

	if (next > limit)
		next = limit;
	if ((__u64)count + limit / 4 < next)
		process->next_step = step_after(count, limit);
}

/*
 * Functions of their own: inlined, the checked index may wait on the stack, and
 * kernels before 5.16 forget what was checked.
 */
static __noinline void tally_credit(struct mt_process *process, __u32 op, __s32 delta)
{
	if (op < MT_OP_MAX)
		process->tallies[op].delta += delta;
}

static __noinline void tally_call(struct mt_process *process, __u32 op)
{
	if (op < MT_OP_MAX)
		__sync_fetch_and_add(&process->tallies[op].calls, 1);
}

static __noinline void tally_failure(struct mt_process *process, __u32 op)
{
	if (op < MT_OP_MAX)
		__sync_fetch_and_add(&process->tallies[op].failed, 1);
}

/*
 * Notes the time of a change. now_ns 0: not read yet, and not worth reading more
 * than once a jiffy (a clock read costs as much as all else a change needs); what
 * matters is that it moves on.
 */
static __always_inline void process_stamp(struct mt_process *process, __u64 now_ns)
{
	__u32 jiffy;

	if (!now_ns) {
		jiffy = (__u32)bpf_jiffies64();
		if (process->change_jiffy == jiffy && process->last_change_ns) {
			process->last_change_ns++;
			return;
		}
		process->change_jiffy = jiffy;
		now_ns = bpf_ktime_get_boot_ns();
	}
	process->last_change_ns = now_ns;
	if (!process->first_change_ns)
		process->first_change_ns = now_ns;
}

/* Books the map count and size now witnessed, credits the difference to op, returns it. */
static __always_inline __s32 process_book(struct mt_process *process, __u32 count, __u64 total_vm_pages, __u32 op,
					  __u64 now_ns)
{
	__s32 delta = count - process->map_count;

	if (!delta)
		return 0;
	process->map_count = count;
	if (delta > 0)
		process->opened += delta;
	else
		process->closed += -delta;
	tally_credit(process, op, delta);
	if (op == MT_OP_EXECVE || op == MT_OP_EXECVEAT)
		process->exec_delta += delta;
	process_stamp(process, now_ns);
	if (count > process->high_water)
		process->high_water = count;
	if (delta < 0)
		process_rearm(process, count);
	process->total_vm_pages = total_vm_pages;
	if (total_vm_pages > process->peak_vm_pages)
		process->peak_vm_pages = total_vm_pages;
	process_note(process);
	return delta;
}

/* True when count crosses the next step; arms the one after it. */
static __always_inline bool process_step(struct mt_process *process, __u32 count)
{
	__u32 limit = limit_maps;

	if (process->step_limit != limit) {
		/* First use, or another limit: steps already passed raise no alarm. */
		process->step_limit = limit;
		process->next_step = step_after(count, limit);
		return false;
	}
	if (count < process->next_step)
		return false;
	process->next_step = step_after(count, limit);
	return true;
}

/*
 * What a rise of the map count calls for: an alarm at a step, SIGSTOP at the
 * stop. own: the current task lives in this mm, so it may be asked and stopped.
 */
static __always_inline void process_rose(struct mt_process *process, __u32 op, bool own)
{
	__u32 count = process->map_count;

	if (process_step(process, count))
		alarm_report(process->mm, CAUSE(MT_TYPE_STEP, op) | (own ? CAUSE_IN_SYSCALL : 0), 0, 0);
	if (stop_at_maps && count >= stop_at_maps && own && !(process->flags & MT_PROCESS_STOPPED)) {
		process_stop(process->mm);
		process_note(process);
	}
}

#endif /* PROCESS_BPF_H */
