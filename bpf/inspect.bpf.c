// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* `mmaptrace inspect`: what the kernel compares of two maps and /proc does not show. Nothing is traced. */
#include <vmlinux.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

#include "mmaptrace.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

struct mempolicy;
struct userfaultfd_ctx;

struct vm_userfaultfd_ctx___of_map {
	struct userfaultfd_ctx *ctx;
} __attribute__((preserve_access_index));

/* vm_policy is there with CONFIG_NUMA, ctx with CONFIG_USERFAULTFD. */
struct vm_area_struct___of_map {
	struct anon_vma *anon_vma;
	struct mempolicy *vm_policy;
	struct vm_userfaultfd_ctx___of_map vm_userfaultfd_ctx;
} __attribute__((preserve_access_index));

SEC("iter/task_vma")
int map_detail(struct bpf_iter__task_vma *iter)
{
	struct vm_area_struct *vma = iter->vma;
	struct vm_area_struct___of_map *more = (void *)vma;
	struct mt_map_detail detail = {};

	if (!vma)
		return 0;
	detail.start = vma->vm_start;
	detail.end = vma->vm_end;
	detail.flags = vma->vm_flags;
	detail.anon_vma = (__u64)BPF_CORE_READ(more, anon_vma);
	if (bpf_core_field_exists(more->vm_policy))
		detail.policy = (__u64)BPF_CORE_READ(more, vm_policy);
	if (bpf_core_field_exists(more->vm_userfaultfd_ctx.ctx))
		detail.uffd = (__u64)BPF_CORE_READ(more, vm_userfaultfd_ctx.ctx);
	bpf_seq_write(iter->meta->seq, &detail, sizeof(detail));
	return 0;
}
