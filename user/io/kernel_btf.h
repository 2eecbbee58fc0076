/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's types, read once for all who ask. */
#ifndef IO_KERNEL_BTF_H
#define IO_KERNEL_BTF_H

#include <bpf/btf.h>

/* Read at the first call. 0 or negative errno. Borrowed: valid until kernel_btf_drop(). */
int kernel_btf_get(const struct btf **ret_btf);
/* Gives its memory back (12 MiB); a later kernel_btf_get() reads again. */
void kernel_btf_drop(void);

/* Type ids, or negative errno: -ENOENT if the kernel has none of that name. */
int kernel_btf_function(const struct btf *btf, const char *name);
int kernel_btf_tracepoint(const struct btf *btf, const char *name, int *ret_args);

#endif
