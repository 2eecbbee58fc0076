/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every difference between kernels and architectures, and nothing else. What
 * exists is asked of the kernel's BTF, never of its version.
 */
#ifndef KERNEL_BPF_H
#define KERNEL_BPF_H

#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "mmaptrace.h"

#define PF_KTHREAD     0x00200000
#define SB_KERNMOUNT   (1 << 22)
#define RLIMIT_DATA    2
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS      9

/* A series under review renames mm_struct.map_count to vma_count. */
struct mm_struct___renamed {
	int vma_count;
} __attribute__((preserve_access_index));

static __always_inline __u32 mm_map_count(struct mm_struct *mm)
{
	struct mm_struct___renamed *renamed = (void *)mm;

	if (bpf_core_field_exists(renamed->vma_count))
		return renamed->vma_count;
	return mm->map_count;
}

/* No user is left: the address space is being torn down (exit_mmap). */
static __always_inline bool mm_is_dying(struct mm_struct *mm)
{
	return mm->mm_users.counter == 0;
}

/* Users left of an mm known by its address alone; 0 if it is gone. */
static __always_inline int mm_users_at(__u64 mm)
{
	return BPF_CORE_READ((struct mm_struct *)mm, mm_users.counter);
}

/* The process an mm was made for; those who share it (vfork, CLONE_VM) are not. Unknown without CONFIG_MEMCG: any. */
static __always_inline bool mm_is_owned_by(struct mm_struct *mm, struct task_struct *task)
{
	struct task_struct *owner;

	if (!bpf_core_field_exists(mm->owner))
		return true;
	owner = mm->owner;
	return !owner || owner->tgid == task->tgid;
}

static __always_inline bool task_is_kernel(struct task_struct *task)
{
	return task->flags & PF_KTHREAD;
}

/* The last thread of the group has gone (do_exit drops live before the hook). */
static __always_inline bool task_group_is_dead(struct task_struct *task)
{
	return task->signal->live.counter == 0;
}

/*
 * The system call the task is in: an index for cfg_op_of_nr, -1 for none (a
 * fault or an interrupt from user mode). A compat call is MT_NR_COMPAT higher.
 */
static __always_inline int task_syscall(struct task_struct *task)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);
	long nr;

#if defined(__TARGET_ARCH_x86)
	nr = regs->orig_ax;
	if (nr >= 0 && nr < MT_NR_COMPAT && (task->thread_info.status & 2 /* TS_COMPAT */))
		return nr + MT_NR_COMPAT;
#elif defined(__TARGET_ARCH_arm64)
	nr = regs->syscallno;
	if (nr >= 0 && nr < MT_NR_COMPAT && (task->thread_info.flags & (1 << 22) /* TIF_32BIT */))
		return nr + MT_NR_COMPAT;
#else
#error "no system call number on this architecture"
#endif
	return nr >= 0 && nr < MT_NR_COMPAT ? nr : -1;
}

/* The arguments of that call; the registers keep them until it returns. */
static __always_inline void task_syscall_args(struct task_struct *task, __u64 *args)
{
	struct pt_regs *regs = (struct pt_regs *)bpf_task_pt_regs(task);

#if defined(__TARGET_ARCH_x86)
	if (task->thread_info.status & 2 /* TS_COMPAT: the i386 convention */) {
		args[0] = (__u32)regs->bx;
		args[1] = (__u32)regs->cx;
		args[2] = (__u32)regs->dx;
		args[3] = (__u32)regs->si;
		args[4] = (__u32)regs->di;
		args[5] = (__u32)regs->bp;
		return;
	}
	args[0] = regs->di;
	args[1] = regs->si;
	args[2] = regs->dx;
	args[3] = regs->r10;
	args[4] = regs->r8;
	args[5] = regs->r9;
#elif defined(__TARGET_ARCH_arm64)
	args[0] = regs->orig_x0; /* regs[0] holds the result on the way out */
	args[1] = regs->regs[1];
	args[2] = regs->regs[2];
	args[3] = regs->regs[3];
	args[4] = regs->regs[4];
	args[5] = regs->regs[5];
#endif
}

#endif /* KERNEL_BPF_H */
