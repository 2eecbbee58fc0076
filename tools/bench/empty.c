// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Programs that do nothing, on given hooks: what hooking costs before anything is done there.
 *
 *     empty KIND:NAME...   attaches one program to each, says "ready", and stays until stdin ends
 *     empty --of PID       the hooks that the BPF programs of a process are attached to, one a line
 *
 * KIND is tp (CATEGORY/EVENT), tp_btf, raw_tp, kprobe, kretprobe, fentry, fexit. So a tracer is compared with just what
 * it attaches, on every kernel and whichever way it took.
 */
#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <dirent.h>
#include <errno.h>
#include <glob.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"

#define NAME_LEN   128
#define EVENTS_DIR "/sys/kernel/tracing/events/"

static long number_of_file(const char *path)
{
	FILE *file = fopen(path, "re");
	long number;

	if (!file)
		return -errno;
	if (fscanf(file, "%ld", &number) != 1)
		number = -EINVAL;
	fclose(file);
	return number;
}

/* A 0 from a program on a perf event (tracepoint, kprobe) would hide the event from everybody else's perf. */
static int load(enum bpf_prog_type type, enum bpf_attach_type attach, const char *name)
{
	const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K,
		 .imm = type == BPF_PROG_TYPE_TRACEPOINT || type == BPF_PROG_TYPE_KPROBE},
		{.code = BPF_JMP | BPF_EXIT},
	};
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = attach);

	if (type == BPF_PROG_TYPE_TRACING) {
		int id = libbpf_find_vmlinux_btf_id(name, attach);

		if (id < 0)
			return id;
		opts.attach_btf_id = (__u32)id;
	}
	return bpf_prog_load(type, "empty", "GPL", nothing, ARRAY_SIZE(nothing), &opts);
}

/* fentry, fexit and tp_btf take the target from the program, raw_tp takes it here. */
static int attach_raw(enum bpf_prog_type type, enum bpf_attach_type attach, const char *name)
{
	int program = load(type, attach, name);

	return program < 0 ? program : bpf_raw_tracepoint_open(type == BPF_PROG_TYPE_TRACING ? NULL : name, program);
}

/* pid 0, cpu -1: an event of this thread alone, as perf counts it; -1, 0: of all on CPU 0. BPF runs for everyone. */
static int attach_perf(enum bpf_prog_type type, struct perf_event_attr *attr, pid_t pid, int cpu)
{
	int program = load(type, 0, NULL), event;

	if (program < 0)
		return program;
	attr->size = sizeof(*attr);
	event = (int)syscall(SYS_perf_event_open, attr, pid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (event < 0 || ioctl(event, PERF_EVENT_IOC_SET_BPF, program) || ioctl(event, PERF_EVENT_IOC_ENABLE, 0))
		return -errno;
	return event;
}

/* Many hooks share one program, as a tracer's would; loading is not what is measured. */
static int attach_tp(const char *name)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .sample_period = 1, .wakeup_events = 1};
	char path[NAME_LEN + sizeof(EVENTS_DIR "/id")];
	long id;

	snprintf(path, sizeof(path), EVENTS_DIR "%s/id", name);
	id = number_of_file(path);
	if (id < 0)
		return (int)id;
	attr.config = (__u64)id;
	return attach_perf(BPF_PROG_TYPE_TRACEPOINT, &attr, 0, -1);
}

static int attach_probe(const char *function, bool at_return)
{
	long type = number_of_file("/sys/bus/event_source/devices/kprobe/type");
	struct perf_event_attr attr = {
		.type = (__u32)type, .config = at_return, .config1 = (__u64)(uintptr_t)function, .sample_period = 1};

	return type < 0 ? (int)type : attach_perf(BPF_PROG_TYPE_KPROBE, &attr, -1, 0);
}

static int attach(const char *hook)
{
	const char *name = strchr(hook, ':');
	size_t len = name ? (size_t)(name++ - hook) : 0;

	if (len == 2 && !strncmp(hook, "tp", len))
		return attach_tp(name);
	if (len == 6 && !strncmp(hook, "tp_btf", len))
		return attach_raw(BPF_PROG_TYPE_TRACING, BPF_TRACE_RAW_TP, name);
	if (len == 6 && !strncmp(hook, "raw_tp", len))
		return attach_raw(BPF_PROG_TYPE_RAW_TRACEPOINT, 0, name);
	if (len == 6 && !strncmp(hook, "fentry", len))
		return attach_raw(BPF_PROG_TYPE_TRACING, BPF_TRACE_FENTRY, name);
	if (len == 5 && !strncmp(hook, "fexit", len))
		return attach_raw(BPF_PROG_TYPE_TRACING, BPF_TRACE_FEXIT, name);
	if (len == 6 && !strncmp(hook, "kprobe", len))
		return attach_probe(name, false);
	if (len == 9 && !strncmp(hook, "kretprobe", len))
		return attach_probe(name, true);
	return -EINVAL;
}

static int attach_all(char **hooks)
{
	for (; *hooks; hooks++) {
		int fd = attach(*hooks);

		if (fd < 0) {
			fprintf(stderr, "empty: %s: %s\n", *hooks, strerror(-fd));
			return 1;
		}
	}
	puts("ready");
	fflush(stdout);
	stdin_wait();
	return 0;
}

/* ---- what a process has attached ---- */

static enum bpf_prog_type type_of_program(__u32 id)
{
	struct bpf_prog_info info = {0};
	__u32 len = sizeof(info);
	int fd = bpf_prog_get_fd_by_id(id);

	if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
		close(fd);
	return info.type;
}

/* The event's name comes without its category. */
static void print_tp(const char *name)
{
	char pattern[NAME_LEN + sizeof(EVENTS_DIR "*/")];
	glob_t found;

	snprintf(pattern, sizeof(pattern), EVENTS_DIR "*/%s", name);
	if (!glob(pattern, 0, NULL, &found) && found.gl_pathc)
		printf("tp:%s\n", found.gl_pathv[0] + sizeof(EVENTS_DIR) - 1);
	globfree(&found);
}

/* A link of a trampoline: it knows its function by number alone. */
static void print_link(pid_t pid, int number, const struct btf *btf)
{
	struct bpf_link_info info = {0};
	__u32 len = sizeof(info);
	char path[64], line[128];
	FILE *file;
	int id = 0, fd;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, number);
	file = fopen(path, "re");
	while (file && fgets(line, sizeof(line), file))
		(void)sscanf(line, "link_id: %d", &id);
	if (file)
		fclose(file);
	fd = id ? bpf_link_get_fd_by_id((__u32)id) : -1;
	if (fd < 0)
		return;
	if (!bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_LINK_TYPE_TRACING &&
	    (info.tracing.attach_type == BPF_TRACE_FENTRY || info.tracing.attach_type == BPF_TRACE_FEXIT)) {
		const struct btf_type *type = btf__type_by_id(btf, info.tracing.target_btf_id);

		printf("%s:%s\n", info.tracing.attach_type == BPF_TRACE_FENTRY ? "fentry" : "fexit",
		       btf__name_by_offset(btf, type ? type->name_off : 0));
	}
	close(fd);
}

static void print_hook(pid_t pid, int number, const struct btf *btf)
{
	char name[NAME_LEN] = "";
	__u32 len = sizeof(name), program = 0, kind = 0;
	__u64 offset, address;

	if (bpf_task_fd_query(pid, number, 0, name, &len, &program, &kind, &offset, &address)) {
		print_link(pid, number, btf);
		return;
	}
	switch (kind) {
	case BPF_FD_TYPE_RAW_TRACEPOINT:
		printf("%s:%s\n", type_of_program(program) == BPF_PROG_TYPE_TRACING ? "tp_btf" : "raw_tp", name);
		break;
	case BPF_FD_TYPE_TRACEPOINT:
		print_tp(name);
		break;
	case BPF_FD_TYPE_KPROBE:
	case BPF_FD_TYPE_KRETPROBE:
		printf("%s:%s\n", kind == BPF_FD_TYPE_KPROBE ? "kprobe" : "kretprobe", name);
		break;
	}
}

static int print_hooks(pid_t pid)
{
	struct btf *btf = btf__load_vmlinux_btf();
	char path[64];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	if (!dir || !btf) {
		fprintf(stderr, "empty: %s: %s\n", dir ? "BTF of the kernel" : path, strerror(errno));
		return 1;
	}
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			print_hook(pid, atoi(entry->d_name), btf);
	closedir(dir);
	btf__free(btf);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: empty KIND:NAME...; empty --of PID\n", stderr);
		return 2;
	}
	libbpf_set_print(NULL);
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL); /* before 5.11: the memlock limit */
	if (!strcmp(argv[1], "--of") && argc == 3)
		return print_hooks((pid_t)number_parse(argv[2]));
	return attach_all(argv + 1);
}
