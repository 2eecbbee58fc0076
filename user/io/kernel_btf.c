/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "kernel_btf.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>

#define NAME_LEN 64

/* A reading is 6 ms of work, and fifty times that in an emulated guest. */
static struct btf *kernel_btf;

int kernel_btf_get(const struct btf **ret_btf)
{
	if (!kernel_btf)
		kernel_btf = btf__load_vmlinux_btf();
	if (!kernel_btf)
		return -errno;
	*ret_btf = kernel_btf;
	return 0;
}

void kernel_btf_drop(void)
{
	btf__free(kernel_btf);
	kernel_btf = NULL;
}

int kernel_btf_function(const struct btf *btf, const char *name)
{
	return btf__find_by_name_kind(btf, name, BTF_KIND_FUNC);
}

/* Behind it stands a pointer to a function whose first argument is the tracepoint's own: a void *. */
int kernel_btf_tracepoint(const struct btf *btf, const char *name, int *ret_args)
{
	char type_name[NAME_LEN];
	const struct btf_type *type;
	int id;

	snprintf(type_name, sizeof(type_name), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, type_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return id;
	type = btf__type_by_id(btf, btf__type_by_id(btf, (__u32)id)->type);
	type = type && btf_is_ptr(type) ? btf__type_by_id(btf, type->type) : NULL;
	if (!type || !btf_is_func_proto(type))
		return -EINVAL;
	*ret_args = btf_vlen(type) - 1;
	return id;
}
