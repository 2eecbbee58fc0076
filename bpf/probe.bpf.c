// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One tiny program for each hook of the plan. Loaded and attached by itself, it
 * tells whether this kernel offers that hook to this user; it does nothing else.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("tp_btf/mmap_lock_released")
int BPF_PROG(probe_witness, struct mm_struct *mm, bool write)
{
	return write && mm->mm_users.counter < 0;
}

SEC("tp_btf/mmap_lock_released")
int BPF_PROG(probe_witness_memcg, struct mm_struct *mm, const char *memcg_path, bool write)
{
	return write && mm->mm_users.counter < 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(probe_life, struct task_struct *parent, struct task_struct *child)
{
	return parent->pid == -1;
}

SEC("tp_btf/exit_mmap")
int BPF_PROG(probe_exit_mmap, struct mm_struct *mm)
{
	return mm->mm_users.counter < 0;
}

SEC("fentry/exit_mmap")
int BPF_PROG(probe_exit_mmap_fentry, struct mm_struct *mm)
{
	return 0; /* these must */
}

SEC("kprobe/exit_mmap")
int probe_exit_mmap_kprobe(struct pt_regs *ctx)
{
	return 0;
}

SEC("tp_btf/task_rename")
int BPF_PROG(probe_rename, struct task_struct *task)
{
	return task->pid == -1;
}

SEC("iter/task")
int probe_iter(struct bpf_iter__task *iter)
{
	return 0;
}

SEC("tp/syscalls/sys_enter_mmap")
int probe_syscalls(void *event)
{
	return 0;
}

/* Its target is set by user space: the function behind munmap(2). */
SEC("fexit")
int probe_fentry(__u64 *ctx)
{
	return 0;
}

/* Where there are kretprobes there are kprobes. */
SEC("kretprobe/do_mmap")
int probe_kprobe(struct pt_regs *ctx)
{
	return 0;
}

SEC("fexit/do_mmap")
int probe_core_fentry(__u64 *ctx)
{
	__u64 ret;

	bpf_get_func_ret(ctx, &ret);
	return 0;
}

SEC("fexit/__vm_enough_memory")
int probe_commit_fentry(__u64 *ctx)
{
	__u64 ret;

	bpf_get_func_ret(ctx, &ret);
	return 0;
}

SEC("kretprobe/__vm_enough_memory")
int probe_commit_kprobe(struct pt_regs *ctx)
{
	return 0;
}

SEC("tp_btf/vm_unmapped_area")
int BPF_PROG(probe_gap, unsigned long addr)
{
	return addr == 1;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(probe_send_signal, struct task_struct *task)
{
	if (task->pid == -1) /* nobody's */
		bpf_send_signal(19);
	return 0;
}

static long ignore_vma(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(probe_find_vma, struct task_struct *task)
{
	if (task->pid == -1)
		bpf_find_vma(task, 0, ignore_vma, NULL, 0);
	return 0;
}
