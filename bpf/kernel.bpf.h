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
#define PF_IO_WORKER   0x00000010 /* 5.12 */
#define PF_USER_WORKER 0x00004000 /* 6.4 */
#define SB_KERNMOUNT   (1 << 22)
#define RLIMIT_DATA    2
#define RLIMIT_MEMLOCK 8
#define RLIMIT_AS      9
#define THREAD_SIZE    16384 /* kernels without bpf_task_pt_regs, 4 KiB pages, no KASAN */

/*
 * The current task as a typed pointer, whose fields are read like one's own, came
 * with bpf_get_current_task_btf (5.11). Before, each has to be copied out. Both
 * branches are compiled, the kernel's BTF strikes one when the program is loaded.
 */
static __always_inline bool kernel_types_current(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf);
}

static __always_inline struct task_struct *task_current(void)
{
	if (kernel_types_current())
		return bpf_get_current_task_btf();
	return (struct task_struct *)bpf_get_current_task();
}

/* A field of a kernel struct: the only way to one reached from task_current(). */
#define GET(ptr, field)                                                                                                \
	({                                                                                                             \
		typeof((ptr)->field) got_, copy_;                                                                      \
		if (kernel_types_current())                                                                            \
			got_ = (ptr)->field;                                                                           \
		else                                                                                                   \
			bpf_core_read(&copy_, sizeof(copy_), &(ptr)->field), got_ = copy_;                             \
		got_;                                                                                                  \
	})

/* A series under review renames mm_struct.map_count to vma_count. */
struct mm_struct___renamed {
	int vma_count;
} __attribute__((preserve_access_index));

static __always_inline __u32 mm_map_count(struct mm_struct *mm)
{
	struct mm_struct___renamed *renamed = (void *)mm;

	if (bpf_core_field_exists(renamed->vma_count))
		return GET(renamed, vma_count);
	return GET(mm, map_count);
}

/* The same of an mm known by its address alone. */
static __always_inline __u32 mm_map_count_at(__u64 mm)
{
	struct mm_struct___renamed *renamed = (void *)mm;

	if (bpf_core_field_exists(renamed->vma_count))
		return BPF_CORE_READ(renamed, vma_count);
	return BPF_CORE_READ((struct mm_struct *)mm, map_count);
}

static __always_inline __u64 mm_total_vm_at(__u64 mm)
{
	return BPF_CORE_READ((struct mm_struct *)mm, total_vm);
}

/* Fields that vmlinux/ leaves out: only refusals ask for them. */
struct mm_struct___segments {
	unsigned long start_data, end_data;
} __attribute__((preserve_access_index));

/* Of the program's own initialised data, bytes. */
static __always_inline __u64 mm_data_segment_at(__u64 mm)
{
	struct mm_struct___segments *segments = (void *)mm;

	return BPF_CORE_READ(segments, end_data) - BPF_CORE_READ(segments, start_data);
}

struct user_namespace___depth {
	int level;
} __attribute__((preserve_access_index));

/* kernel_cap_t is two words to 6.2, one of 64 bits since: 8 bytes in any case. */
struct capabilities {
	__u64 bits;
};

struct cred___privileges {
	struct capabilities cap_effective;
	struct user_namespace___depth *user_ns;
} __attribute__((preserve_access_index));

#define CAP_IPC_LOCK  14
#define CAP_SYS_ADMIN 21

/* A bit for each capability that counts for limits: one had in the first user namespace. */
static __always_inline __u64 task_capabilities(struct task_struct *task)
{
	struct cred___privileges *cred = (void *)BPF_CORE_READ(task, cred);
	__u64 bits = 0;

	if (BPF_CORE_READ(cred, user_ns, level) == 0)
		bpf_core_read(&bits, sizeof(bits), &cred->cap_effective);
	return bits;
}

/* Where user space ends, by the process's own ABI. */
static __always_inline __u64 mm_task_size_at(__u64 mm)
{
	return BPF_CORE_READ((struct mm_struct *)mm, task_size);
}

/* No user is left: the address space is being torn down (exit_mmap). */
static __always_inline bool mm_is_dying(struct mm_struct *mm)
{
	return GET(mm, mm_users.counter) == 0;
}

/* Users left of an mm known by its address alone; 0 if it is gone. */
static __always_inline int mm_users_at(__u64 mm)
{
	return BPF_CORE_READ((struct mm_struct *)mm, mm_users.counter);
}

/* A task of the process an mm was made for; user, if that is it, or unknown (no CONFIG_MEMCG). */
static __always_inline struct task_struct *mm_owner(struct mm_struct *mm, struct task_struct *user)
{
	struct task_struct *owner;

	if (!bpf_core_field_exists(mm->owner))
		return user;
	owner = GET(mm, owner);
	return owner && GET(owner, tgid) != GET(user, tgid) ? owner : user;
}

static __always_inline bool task_is_kernel(struct task_struct *task)
{
	return GET(task, flags) & PF_KTHREAD;
}

/* The last thread of the group has gone (do_exit drops live before the hook). */
static __always_inline bool task_group_is_dead(struct task_struct *task)
{
	return task->signal->live.counter == 0;
}

static __always_inline bool kernel_tells_registers(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs);
}

/* The registers that the task entered the kernel with. Before bpf_task_pt_regs (5.15): at the top of its stack. */
static __always_inline struct pt_regs *task_registers(struct task_struct *task)
{
	if (kernel_tells_registers())
		return (struct pt_regs *)bpf_task_pt_regs(task);
	return (struct pt_regs *)(GET(task, stack) + THREAD_SIZE - bpf_core_type_size(struct pt_regs));
}

#define REGISTER(regs, field)                                                                                          \
	({                                                                                                             \
		typeof((regs)->field) got_, copy_;                                                                     \
		if (kernel_tells_registers())                                                                          \
			got_ = (regs)->field;                                                                          \
		else                                                                                                   \
			bpf_core_read(&copy_, sizeof(copy_), &(regs)->field), got_ = copy_;                            \
		got_;                                                                                                  \
	})

/* In a system call of the 32-bit ABI. */
static __always_inline bool task_is_compat(struct task_struct *task)
{
#if defined(__TARGET_ARCH_x86)
	return GET(task, thread_info.status) & 2 /* TS_COMPAT */;
#elif defined(__TARGET_ARCH_arm64)
	return GET(task, thread_info.flags) & (1 << 22) /* TIF_32BIT */;
#endif
}

#if defined(__TARGET_ARCH_x86)
/* i386 calls whose registers hold something else than the arguments (arch/x86/entry/syscalls/syscall_32.tbl). */
#define I386_OLD_MMAP	 90  /* one pointer to six words */
#define I386_IPC	 117 /* the call's number comes first */
#define I386_MMAP2	 192 /* the offset in pages */
#define I386_SHMAT	 397
#define I386_SHMDT	 398
#define I386_IPC_SHMAT	 21
#define I386_IPC_SHMDT	 22
#define I386_MMAP2_SHIFT 12

static __always_inline int compat_syscall(struct pt_regs *regs, int nr)
{
	__u32 call;

	if (nr != I386_IPC)
		return nr;
	call = REGISTER(regs, bx) & 0xffff;
	return call == I386_IPC_SHMAT ? I386_SHMAT : call == I386_IPC_SHMDT ? I386_SHMDT : nr;
}

static __always_inline void compat_args(struct pt_regs *regs, __u64 *args)
{
	__u32 nr = REGISTER(regs, orig_ax), words[MT_ARGS_MAX];

	args[0] = (__u32)REGISTER(regs, bx);
	args[1] = (__u32)REGISTER(regs, cx);
	args[2] = (__u32)REGISTER(regs, dx);
	args[3] = (__u32)REGISTER(regs, si);
	args[4] = (__u32)REGISTER(regs, di);
	args[5] = (__u32)REGISTER(regs, bp);
	if (nr == I386_MMAP2) {
		args[5] <<= I386_MMAP2_SHIFT;
	} else if (nr == I386_OLD_MMAP && !bpf_probe_read_user(words, sizeof(words), (void *)args[0])) {
		for (int i = 0; i < MT_ARGS_MAX; i++)
			args[i] = words[i];
	} else if (nr == I386_IPC) { /* call, first, second, third, ptr */
		args[0] = (REGISTER(regs, bx) & 0xffff) == I386_IPC_SHMDT ? args[4] : args[1];
		args[1] = args[4];
	}
}
#endif

/*
 * The system call the task is in: an index for cfg_op_of_nr, -1 for none (a
 * fault or an interrupt from user mode). A compat call is MT_NR_COMPAT higher.
 */
static __always_inline int task_syscall(struct task_struct *task)
{
	struct pt_regs *regs = task_registers(task);
	long nr;

#if defined(__TARGET_ARCH_x86)
	nr = REGISTER(regs, orig_ax);
#elif defined(__TARGET_ARCH_arm64)
	/* A worker of the kernel's in user's clothes (io_uring) has none; 0, as its registers say, is io_setup here. */
	nr = GET(task, flags) & (PF_IO_WORKER | PF_USER_WORKER) ? -1 : REGISTER(regs, syscallno);
#else
#error "no system call number on this architecture"
#endif
	if (nr < 0 || nr >= MT_NR_COMPAT)
		return -1;
#if defined(__TARGET_ARCH_x86)
	return task_is_compat(task) ? compat_syscall(regs, nr) + MT_NR_COMPAT : nr;
#else
	return task_is_compat(task) ? nr + MT_NR_COMPAT : nr;
#endif
}

/* The arguments of that call; the registers keep them until it returns. */
static __always_inline void task_syscall_args(struct task_struct *task, __u64 *args)
{
	struct pt_regs *regs = task_registers(task);

#if defined(__TARGET_ARCH_x86)
	if (task_is_compat(task)) {
		compat_args(regs, args);
		return;
	}
	args[0] = REGISTER(regs, di);
	args[1] = REGISTER(regs, si);
	args[2] = REGISTER(regs, dx);
	args[3] = REGISTER(regs, r10);
	args[4] = REGISTER(regs, r8);
	args[5] = REGISTER(regs, r9);
#elif defined(__TARGET_ARCH_arm64)
	args[0] = REGISTER(regs, orig_x0); /* regs[0] holds the result on the way out */
	args[1] = REGISTER(regs, regs[1]);
	args[2] = REGISTER(regs, regs[2]);
	args[3] = REGISTER(regs, regs[3]);
	args[4] = REGISTER(regs, regs[4]);
	args[5] = REGISTER(regs, regs[5]);
#endif
}

/* The first of them, of a call that does not pack its arguments. */
static __always_inline __u64 task_syscall_arg0(struct task_struct *task)
{
	struct pt_regs *regs = task_registers(task);

#if defined(__TARGET_ARCH_x86)
	return task_is_compat(task) ? (__u32)REGISTER(regs, bx) : REGISTER(regs, di);
#elif defined(__TARGET_ARCH_arm64)
	return REGISTER(regs, orig_x0);
#endif
}

/* Where the task is in its program. A 32-bit one on arm64 has its stack pointer in r13, its frames in nobody's form. */
#if defined(__TARGET_ARCH_x86)
#define regs_ip(regs) REGISTER(regs, ip)
#define regs_sp(regs) REGISTER(regs, sp)
#define regs_fp(regs) REGISTER(regs, bp)
#define regs_lr(regs) 0
/* In a signal's frame, from the stack pointer that its handler returns with (struct rt_sigframe). */
#define SIGNAL_FRAME_IP 168
#define SIGNAL_FRAME_SP 160
#define SIGNAL_FRAME_FP 120
#define SIGNAL_FRAME_LR 0
#elif defined(__TARGET_ARCH_arm64)
#define regs_ip(regs)	REGISTER(regs, pc)
#define regs_sp(regs)	REGISTER(regs, sp)
#define regs_fp(regs)	REGISTER(regs, regs[29])
#define regs_lr(regs)	ip_unsigned(REGISTER(regs, regs[30]))
#define SIGNAL_FRAME_IP 568
#define SIGNAL_FRAME_SP 560
#define SIGNAL_FRAME_FP 544
#define SIGNAL_FRAME_LR 552
#endif

/* A return address without the signature that arm64 puts into its upper bits (pointer authentication). */
static __always_inline __u64 ip_unsigned(__u64 ip)
{
#if defined(__TARGET_ARCH_arm64)
	return ip & ((1ULL << 48) - 1);
#else
	return ip;
#endif
}

/* Where an address given to munmap, mprotect or madvise lies: arm64 ignores its top byte (untagged_addr). */
static __always_inline __u64 address_untagged(__u64 addr)
{
#if defined(__TARGET_ARCH_arm64)
	return addr & (1ULL << 55) ? addr : addr & ((1ULL << 56) - 1);
#else
	return addr;
#endif
}

#endif /* KERNEL_BPF_H */
