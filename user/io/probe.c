/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"
#include "probe.skel.h"
#include "syscalls.h"

#define TRACEFS_PATH	     "/sys/kernel/tracing"
#define TRACEFS_MAGIC_NUMBER 0x74726163

static void btf_release(struct btf **btf)
{
	if (!libbpf_get_error(*btf))
		btf__free(*btf);
}

static void probe_release(struct probe_bpf **probe)
{
	probe_bpf__destroy(*probe);
}

int probe_mount_tracefs(void)
{
	struct statfs fs;

	if (!statfs(TRACEFS_PATH, &fs) && fs.f_type == TRACEFS_MAGIC_NUMBER)
		return 0;
	if (!access("/sys/kernel/debug/tracing/events", F_OK))
		return 0;
	if (mount("tracefs", TRACEFS_PATH, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	return 1;
}

/*
 * Arguments of a BTF tracepoint, -1 if the kernel has none of that name. The
 * verifier would take a program that names them wrongly, so count them first.
 */
static int tracepoint_args(const struct btf *btf, const char *name)
{
	char type_name[64];
	const struct btf_type *type;
	int id;

	snprintf(type_name, sizeof(type_name), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, type_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -1;
	type = btf__type_by_id(btf, btf__type_by_id(btf, id)->type); /* pointer */
	if (!type || !btf_is_ptr(type))
		return -1;
	type = btf__type_by_id(btf, type->type);
	return type && btf_is_func_proto(type) ? btf_vlen(type) - 1 : -1; /* less the leading void * */
}

/* Loads and attaches one program of the probe object alone. Returns errno, 0 if it works. */
static int probe_program(size_t program_offset)
{
	struct probe_bpf *probe _cleanup_(probe_release) = probe_bpf__open();
	struct bpf_program *program = NULL, *wanted;
	struct bpf_link *link;
	int error;

	if (!probe)
		return errno;
	wanted = *(struct bpf_program **)((char *)probe + program_offset);
	bpf_object__for_each_program(program, probe->obj) bpf_program__set_autoload(program, program == wanted);
	if (wanted == probe->progs.probe_fentry)
		bpf_program__set_attach_target(wanted, 0, SYSCALL_PREFIX "munmap");
	error = probe_bpf__load(probe);
	if (error)
		return -error;
	link = bpf_program__attach(wanted);
	if (!link)
		return errno;
	bpf_link__destroy(link);
	return 0;
}

/* An old kernel says EINVAL, a missing capability EPERM. */
static int probe_ringbuf(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, (__u32)sysconf(_SC_PAGESIZE), NULL);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

#define PROGRAM(name) offsetof(struct probe_bpf, progs.name)

void probe_features(struct features *ret_features)
{
	struct btf *btf _cleanup_(btf_release) = btf__load_vmlinux_btf();
	int *error = ret_features->error;
	int witness_args;

	for (unsigned int i = 0; i < FEATURES; i++)
		error[i] = ENOENT;
	error[FEATURE_BTF] = (int)-libbpf_get_error(btf);
	if (error[FEATURE_BTF])
		return; /* nothing else can be found out without it */
	error[FEATURE_RINGBUF] = probe_ringbuf();
	witness_args = tracepoint_args(btf, "mmap_lock_released");
	if (witness_args == 2)
		error[FEATURE_WITNESS] = probe_program(PROGRAM(probe_witness));
	if (witness_args == 3)
		error[FEATURE_WITNESS_MEMCG] = probe_program(PROGRAM(probe_witness_memcg));
	error[FEATURE_LIFE] = probe_program(PROGRAM(probe_life));
	if (tracepoint_args(btf, "exit_mmap") == 1)
		error[FEATURE_EXIT_MMAP] = probe_program(PROGRAM(probe_exit_mmap));
	error[FEATURE_EXIT_MMAP_FENTRY] = probe_program(PROGRAM(probe_exit_mmap_fentry));
	error[FEATURE_EXIT_MMAP_KPROBE] = probe_program(PROGRAM(probe_exit_mmap_kprobe));
	if (tracepoint_args(btf, "task_rename") >= 2)
		error[FEATURE_RENAME] = probe_program(PROGRAM(probe_rename));
	error[FEATURE_ITER] = probe_program(PROGRAM(probe_iter));
	error[FEATURE_SYSCALLS] = probe_program(PROGRAM(probe_syscalls));
	error[FEATURE_FENTRY] = probe_program(PROGRAM(probe_fentry));
	error[FEATURE_KPROBE] = probe_program(PROGRAM(probe_kprobe));
	error[FEATURE_CORE_FENTRY] = probe_program(PROGRAM(probe_core_fentry));
	error[FEATURE_COMMIT_FENTRY] = probe_program(PROGRAM(probe_commit_fentry));
	error[FEATURE_COMMIT_KPROBE] = probe_program(PROGRAM(probe_commit_kprobe));
	if (tracepoint_args(btf, "vm_unmapped_area") >= 1)
		error[FEATURE_GAP] = probe_program(PROGRAM(probe_gap));
	error[FEATURE_FIND_VMA] = probe_program(PROGRAM(probe_find_vma));
	error[FEATURE_SEND_SIGNAL] = probe_program(PROGRAM(probe_send_signal));
}
