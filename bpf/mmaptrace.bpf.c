// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The hooks. Each is a thin program over a handler of one of the headers below,
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
#include "life.bpf.h"
#include "seed.bpf.h"

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
	on_exit(event->nr, event->ret, EXIT_LOOKS_AT_NONE);
	return PASS;
}

SEC("tp")
int operation_exit_file(struct syscall_event *event)
{
	on_exit(event->nr, event->ret, EXIT_LOOKS_AT_FILE);
	return PASS;
}

SEC("tp")
int operation_exit_range(struct syscall_event *event)
{
	on_exit(event->nr, event->ret, EXIT_LOOKS_AT_RANGE);
	return PASS;
}

/* ---- calls, by kprobes on the functions behind them (__x64_sys_mmap ...), 32-bit ones included ---- */

SEC("kprobe")
int call_enter_kprobe(struct pt_regs *ctx)
{
	on_enter(NR_OF_TASK, false);
	return PASS;
}

SEC("kprobe")
int call_enter_vma_kprobe(struct pt_regs *ctx)
{
	on_enter(NR_OF_TASK, true);
	return PASS;
}

SEC("kretprobe")
int call_exit_kprobe(struct pt_regs *ctx)
{
	on_exit(NR_OF_TASK, PT_REGS_RC(ctx), EXIT_LOOKS_AT_NONE);
	return PASS;
}

SEC("kretprobe")
int call_exit_range_kprobe(struct pt_regs *ctx)
{
	on_exit(NR_OF_TASK, PT_REGS_RC(ctx), EXIT_LOOKS_AT_RANGE);
	return PASS;
}

/* ---- calls, by fentry and fexit on the same functions: each needs a program of its own ---- */

static __noinline int call_enter(void)
{
	return on_enter(NR_OF_TASK, false);
}

static __noinline int call_enter_vma(void)
{
	return on_enter(NR_OF_TASK, true);
}

static __noinline int call_exit(__s64 ret)
{
	return on_exit(NR_OF_TASK, ret, EXIT_LOOKS_AT_NONE);
}

static __noinline int call_exit_range(__s64 ret)
{
	return on_exit(NR_OF_TASK, ret, EXIT_LOOKS_AT_RANGE);
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

/* For those that are about a range, and may split what is mapped there. */
#define CALL_RANGE_PROGRAM(id)                                                                                         \
	SEC("fexit")                                                                                                   \
	int fentry_exit_range_##id(__u64 *ctx)                                                                         \
	{                                                                                                              \
		call_exit_range(ctx[1]);                                                                               \
		return 0;                                                                                              \
	}
CALL_RANGE_PROGRAM(MPROTECT)
CALL_RANGE_PROGRAM(PKEY_MPROTECT)
CALL_RANGE_PROGRAM(MADVISE)
CALL_RANGE_PROGRAM(MLOCK)
CALL_RANGE_PROGRAM(MLOCK2)
CALL_RANGE_PROGRAM(MUNLOCK)
CALL_RANGE_PROGRAM(MBIND)
CALL_RANGE_PROGRAM(MSEAL)

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

/* ---- processes: birth, exec, name, end ---- */

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	return on_fork(parent, child);
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	return on_exec(task, old_pid);
}

SEC("tp_btf/task_rename")
int BPF_PROG(process_rename, struct task_struct *task, const char *comm)
{
	return on_rename(task, comm);
}

/* Fires for each thread. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	return on_task_exit(task);
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

/* ---- the walk over all tasks ---- */

SEC("iter/task")
int seed_process(struct bpf_iter__task *iter)
{
	return on_task_visit(iter->task);
}
