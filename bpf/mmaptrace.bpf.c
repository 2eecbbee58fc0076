// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The hooks. Each is a stub over a handler of one of the headers below,
 * so that every road to an event shares its logic. User space loads those of
 * the plan and leaves out the others.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "mmaptrace.h"
#include "maps.bpf.h"
#include "kernel.bpf.h"
#include "process.bpf.h"
#include "operation.bpf.h"
#include "witness.bpf.h"
#include "core.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

/*
 * What programs on tracepoints and kprobes return: 0 would take the event away from
 * every other perf user of the machine (perf_syscall_enter, kprobe_perf_func).
 */
#define PASS 1

/* ---- the witness. 6.16 dropped the memcg path from its arguments. ---- */

SEC("tp_btf/mmap_lock_released")
int BPF_PROG(witness, struct mm_struct *mm, bool write)
{
	return on_lock_released(mm, write);
}

SEC("tp_btf/mmap_lock_released")
int BPF_PROG(witness_memcg, struct mm_struct *mm, const char *memcg_path, bool write)
{
	return on_lock_released(mm, write);
}

/* ---- calls, by tracepoints: one pair of programs serves every system call ---- */

/* What syscalls:sys_enter_* and sys_exit_* hand over (kernel/trace/trace_syscalls.c); arguments are in the registers.
 */
struct syscall_event {
	__u64 common;
	__s32 nr;
	__u32 pad;
	__s64 ret; /* sys_exit */
};

SEC("tp")
int operation_enter(struct syscall_event *event)
{
	on_enter(event->nr, false);
	return PASS;
}

/* For operations on maps that exist; a program by itself, as older kernels refuse bpf_find_vma. */
SEC("tp")
int operation_enter_vma(struct syscall_event *event)
{
	on_enter(event->nr, true);
	return PASS;
}

SEC("tp")
int operation_exit(struct syscall_event *event)
{
	on_exit(event->nr, event->ret);
	return PASS;
}

/* ---- calls, by kprobes on the functions behind them (__x64_sys_mmap ...), 32-bit ones included ---- */

SEC("kprobe")
int call_enter_kprobe(struct pt_regs *ctx)
{
	on_enter(task_syscall(task_current()), false);
	return PASS;
}

SEC("kprobe")
int call_enter_vma_kprobe(struct pt_regs *ctx)
{
	on_enter(task_syscall(task_current()), true);
	return PASS;
}

SEC("kretprobe")
int call_exit_kprobe(struct pt_regs *ctx)
{
	on_exit(task_syscall(task_current()), PT_REGS_RC(ctx));
	return PASS;
}

/* ---- calls, by fentry and fexit on the same functions: each needs a program of its own ---- */

static __noinline int call_enter(void)
{
	return on_enter(task_syscall(task_current()), false);
}

static __noinline int call_enter_vma(void)
{
	return on_enter(task_syscall(task_current()), true);
}

static __noinline int call_exit(__s64 ret)
{
	return on_exit(task_syscall(task_current()), ret);
}

/* These functions have one argument, the registers; the result comes after it. The programs must return 0. */
#define CALL_PROGRAMS(id, name, nargs)                                                                                 \
	SEC("fentry")                                                                                                  \
	int fentry_enter_##id(__u64 *ctx)                                                                              \
	{                                                                                                              \
		call_enter();                                                                                          \
		return 0;                                                                                              \
	}                                                                                                              \
	SEC("fexit")                                                                                                   \
	int fentry_exit_##id(__u64 *ctx)                                                                               \
	{                                                                                                              \
		call_exit(ctx[1]);                                                                                     \
		return 0;                                                                                              \
	}
MT_CALLS(CALL_PROGRAMS)

/* For those that act on maps that exist. */
#define CALL_VMA_PROGRAM(id)                                                                                           \
	SEC("fentry")                                                                                                  \
	int fentry_enter_vma_##id(__u64 *ctx)                                                                          \
	{                                                                                                              \
		call_enter_vma();                                                                                      \
		return 0;                                                                                              \
	}
CALL_VMA_PROGRAM(MUNMAP)
CALL_VMA_PROGRAM(MPROTECT)
CALL_VMA_PROGRAM(PKEY_MPROTECT)
CALL_VMA_PROGRAM(MREMAP)
CALL_VMA_PROGRAM(MADVISE)
CALL_VMA_PROGRAM(MLOCK)
CALL_VMA_PROGRAM(MLOCK2)
CALL_VMA_PROGRAM(MUNLOCK)
CALL_VMA_PROGRAM(MBIND)
CALL_VMA_PROGRAM(MSEAL)
CALL_VMA_PROGRAM(SHMDT)

/* ---- do_mmap, the munmap core, and what makes them refuse ---- */

SEC("kprobe/do_mmap")
int BPF_KPROBE(do_mmap_enter_kprobe, struct file *file, __u64 addr, __u64 len, __u64 prot, __u64 flags)
{
	struct core_mmap call = {.file = file, .addr = addr, .len = len, .prot = prot, .flags = flags};

	on_do_mmap_enter(&call);
	return PASS;
}

SEC("kretprobe/do_mmap")
int do_mmap_exit_kprobe(struct pt_regs *ctx)
{
	on_do_mmap_exit(PT_REGS_RC(ctx));
	return PASS;
}

SEC("fentry/do_mmap")
int BPF_PROG(do_mmap_enter_fentry, struct file *file, __u64 addr, __u64 len, __u64 prot, __u64 flags)
{
	struct core_mmap call = {.file = file, .addr = addr, .len = len, .prot = prot, .flags = flags};

	return on_do_mmap_enter(&call);
}

SEC("fexit/do_mmap")
int do_mmap_exit_fentry(__u64 *ctx)
{
	__u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	return on_do_mmap_exit(ret);
}

/* The function changes its name and its first arguments: cfg_munmap_arg is the place of the address. */
SEC("kprobe")
int BPF_KPROBE(munmap_enter_kprobe, __u64 first, __u64 second, __u64 third, __u64 fourth)
{
	if (cfg_munmap_arg == 1)
		on_munmap_enter(second, third);
	else
		on_munmap_enter(third, fourth);
	return PASS;
}

SEC("kretprobe")
int munmap_exit_kprobe(struct pt_regs *ctx)
{
	on_munmap_exit((__s32)PT_REGS_RC(ctx));
	return PASS;
}

SEC("fentry")
int munmap_enter_fentry(__u64 *ctx)
{
	return cfg_munmap_arg == 1 ? on_munmap_enter(ctx[1], ctx[2]) : on_munmap_enter(ctx[2], ctx[3]);
}

SEC("fexit")
int munmap_exit_fentry(__u64 *ctx)
{
	__u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	return on_munmap_exit((__s32)ret);
}

SEC("tp_btf/vm_unmapped_area")
int BPF_PROG(gap_searched, unsigned long addr)
{
	return on_gap_searched(addr);
}

SEC("kretprobe/__vm_enough_memory")
int commit_asked_kprobe(struct pt_regs *ctx)
{
	on_commit_asked(PT_REGS_RC(ctx));
	return PASS;
}

SEC("fexit/__vm_enough_memory")
int commit_asked_fentry(__u64 *ctx)
{
	__u64 ret = 0;

	bpf_get_func_ret(ctx, &ret);
	return on_commit_asked(ret);
}

/* ---- process life cycle ---- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
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
	if (process) {
		process->flags |= MT_PROCESS_TARGET;
		life_report(process->mm, MT_TYPE_FORK, parent_tgid);
	}
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct mm_struct *mm = task->mm;
	__u64 key = (__u64)mm;
	__u32 tgid = task->tgid, tid = old_pid;
	struct mt_process *process = bpf_map_lookup_elem(&processes, &key);
	struct mt_target *target = bpf_map_lookup_elem(&targets, &tgid);
	struct op_context *context = bpf_map_lookup_elem(&contexts, &tid);
	struct op_outcome outcome = {.op = MT_OP_EXECVE, .flags = MT_OP_HAS_RESULT};

	if (cfg_targets && !process && !target_maybe(tgid))
		return 0;
	/* An account that is not ours was left behind at this address by another mm. */
	if (!process || process->tgid != tgid)
		process = process_adopt(mm, task, true);
	if (!process || finished)
		return 0;
	outcome.now_ns = bpf_ktime_get_boot_ns();
	outcome.map_count = mm_map_count(mm);
	if (context && context->active && context->op == MT_OP_EXECVEAT)
		outcome.op = MT_OP_EXECVEAT;
	process_book(process, outcome.map_count, GET(mm, total_vm), outcome.op, outcome.now_ns);
	outcome.delta = process->exec_delta;
	process->exec_delta = 0;
	process->execs++;
	process->flags &= ~MT_PROCESS_STOPPED;
	process_set_comm(process, task);
	tally_call(process, outcome.op, false);
	process_note(process);
	if (target) {
		struct op_context *shown = context && context->active ? context : NULL;
		struct mt_file file = {};

		target->flags &= ~MT_TARGET_PENDING;
		file_describe(mm->exe_file, &file);
		life_report(process->mm, MT_TYPE_EXEC, 0);
		op_report(process, task, shown, &file, &outcome);
	}
	if (context)
		context->active = 0;
	if (tid != tgid)
		bpf_map_delete_elem(&contexts, &tid); /* the thread goes on under another id */
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(process_rename, struct task_struct *task, const char *comm)
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

/* Fires for each thread, on its way out. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	__u32 tid = task->pid, tgid = task->tgid;
	__u64 *mm;
	struct mt_process *process;

	bpf_map_delete_elem(&contexts, &tid);
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

SEC("tp_btf/exit_mmap")
int BPF_PROG(process_unmap, struct mm_struct *mm)
{
	return on_exit_mmap((__u64)mm);
}

/* Before the tracepoint (6.1). */
SEC("fentry/exit_mmap")
int BPF_PROG(process_unmap_fentry, struct mm_struct *mm)
{
	return on_exit_mmap((__u64)mm);
}

SEC("kprobe/exit_mmap")
int BPF_KPROBE(process_unmap_kprobe, struct mm_struct *mm)
{
	on_exit_mmap((__u64)mm);
	return PASS;
}

/* ---- seeding: every process that lives when tracing starts ---- */

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
 * yet; what a second walk still finds, with nothing booked in between, is not.
 */
static __always_inline void sweep(struct mt_process *process, struct task_struct *task, struct mm_struct *mm)
{
	__u64 now_ns = bpf_ktime_get_boot_ns();
	__u32 count = mm_map_count(mm);
	__s32 delta;

	if (cfg_witness || finished || count == process->map_count)
		return;
	if (process->swept != count || process->last_change_ns > last_sweep_ns) {
		process->swept = count;
		return;
	}
	delta = process_settle(process->mm, MT_OP_OTHER, now_ns);
	if (!delta)
		return;
	change_report(process, task, MT_OP_OTHER, -1, delta, now_ns);
	if (delta > 0)
		process_rose(process, MT_OP_OTHER, false);
}

SEC("iter/task")
int seed_process(struct bpf_iter__task *iter)
{
	struct task_struct *task = iter->task;
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
		if (seed_pass == MT_SEED_SWEEP)
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
