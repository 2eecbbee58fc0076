// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Tiny programs for the hooks that libbpf attaches to by name; those that go by
 * the kernel's types are assembled in probe.c. Nothing here may ask for a kernel
 * type's layout or id: libbpf would read all of them again for each load.
 */
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

SEC("kprobe")
int probe_kprobe(struct pt_regs *ctx)
{
	return 1; /* 0 would take the event away from other perf users */
}

SEC("tp/syscalls/sys_enter_mmap")
int probe_syscalls(void *event)
{
	return 1;
}

static long ignore_vma(struct task_struct *task, struct vm_area_struct *vma, void *arg)
{
	return 0;
}

SEC("raw_tp/sched_process_exec")
int probe_find_vma(void *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (bpf_get_current_pid_tgid() == (__u64)-1) /* nobody's */
		bpf_find_vma(task, 0, ignore_vma, NULL, 0);
	return 0;
}
