/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The roads to operations: which programs are loaded for each, what they are attached to, how they are let go. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel_btf.h"
#include "log.h"
#include "op.h"
#include "parallel.h"
#include "probe.h"
#include "syscalls.h"
#include "tracer_private.h"

#define NAME_LEN 64

enum edge { EDGE_EXIT, EDGE_ENTER };

/* Operations whose first argument is an address in a map that exists already. */
static bool acts_on_map(uint32_t op)
{
	return op == MT_OP_MUNMAP || op == MT_OP_MPROTECT || op == MT_OP_PKEY_MPROTECT || op == MT_OP_MREMAP ||
	       op == MT_OP_MADVISE || op == MT_OP_MLOCK || op == MT_OP_MLOCK2 || op == MT_OP_MUNLOCK ||
	       op == MT_OP_MBIND || op == MT_OP_MSEAL || op == MT_OP_SHMDT;
}

/* Operations that are about a range, [first argument, + second), and may split what is mapped there. */
static bool acts_on_range(uint32_t op)
{
	return op == MT_OP_MPROTECT || op == MT_OP_PKEY_MPROTECT || op == MT_OP_MADVISE || op == MT_OP_MLOCK ||
	       op == MT_OP_MLOCK2 || op == MT_OP_MUNLOCK || op == MT_OP_MBIND || op == MT_OP_MSEAL;
}

/* ---- before loading ---- */

/* Beginnings of the programs' names; of those for which there is bpf_find_vma, too. */
static const char *fentry_kind(const struct plan *plan, uint32_t op, enum edge edge)
{
	if (edge == EDGE_EXIT)
		return plan->find_vma && acts_on_range(op) ? "exit_range_" : "exit_";
	return plan->find_vma && acts_on_map(op) ? "enter_vma_" : "enter_";
}

/* The program of one system call's function: "fentry_exit_MMAP" ... */
static struct bpf_program *fentry_program(struct mmaptrace_bpf *bpf, const struct plan *plan, uint32_t op,
					  enum edge edge)
{
#define OP_ID(id, name, nargs) #id,
	static const char *const ids[] = {MT_OPS(OP_ID)};
#undef OP_ID
	char name[NAME_LEN];

	snprintf(name, sizeof(name), "fentry_%s%s", fentry_kind(plan, op, edge), ids[op]);
	return bpf_object__find_program_by_name(bpf->obj, name);
}

/* A system call that this kernel does not have is left out. */
static void choose_fentry(struct tracer *tracer, const struct tracer_options *options, const struct btf *btf)
{
	char target[NAME_LEN];

	for (uint32_t op = MT_OP_OTHER + 1; op < MT_OP_MAX; op++) {
		struct bpf_program *exit = fentry_program(tracer->bpf, &options->plan, op, EDGE_EXIT);
		struct bpf_program *enter = fentry_program(tracer->bpf, &options->plan, op, EDGE_ENTER);

		snprintf(target, sizeof(target), SYSCALL_PREFIX "%s", op_name(op));
		if (btf__find_by_name_kind(btf, target, BTF_KIND_FUNC) < 0) {
			log_debug("this kernel has no function %s", target);
			continue;
		}
		bpf_program__set_autoload(exit, true);
		bpf_program__set_attach_target(exit, 0, target);
		if (!options->operations)
			continue;
		bpf_program__set_autoload(enter, true);
		bpf_program__set_attach_target(enter, 0, target);
	}
}

/* The function that munmap(2) ends in, by age. */
static const struct munmap_core {
	const char *name;
	uint8_t arg; /* which argument is the address, from 0 */
	bool unlocks;
} munmap_cores[] = {
	{"do_vmi_munmap", 2, true},  /* 6.3 */
	{"do_mas_munmap", 2, false}, /* 6.1 */
	{"__do_munmap", 1, false},
};

static void choose_core(struct tracer *tracer, const struct tracer_options *options, const struct btf *btf)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;
	bool fentry = options->plan.core == ROAD_FENTRY, kprobe = options->plan.core == ROAD_KPROBE;
	const struct munmap_core *core = munmap_cores, *end = core + sizeof(munmap_cores) / sizeof(*core);

	while (core < end && btf__find_by_name_kind(btf, core->name, BTF_KIND_FUNC) < 0)
		core++;
	if (core < end) {
		tracer->munmap_core = core->name;
		bpf->rodata->cfg_munmap_arg = core->arg;
		bpf->rodata->cfg_munmap_unlocks = core->unlocks;
	} else if (options->plan.core) {
		log_warn("this kernel's munmap core is not known here: 32-bit munmaps are seen without results");
	}
	bpf->rodata->cfg_core = options->plan.core != ROAD_NONE;
	bpf_program__set_autoload(bpf->progs.do_mmap_enter_fentry, fentry);
	bpf_program__set_autoload(bpf->progs.do_mmap_exit_fentry, fentry);
	bpf_program__set_autoload(bpf->progs.do_mmap_enter_kprobe, kprobe);
	bpf_program__set_autoload(bpf->progs.do_mmap_exit_kprobe, kprobe);
	bpf_program__set_autoload(bpf->progs.munmap_enter_fentry, fentry && tracer->munmap_core);
	bpf_program__set_autoload(bpf->progs.munmap_exit_fentry, fentry && tracer->munmap_core);
	bpf_program__set_autoload(bpf->progs.munmap_enter_kprobe, kprobe && tracer->munmap_core);
	bpf_program__set_autoload(bpf->progs.munmap_exit_kprobe, kprobe && tracer->munmap_core);
	if (fentry && tracer->munmap_core) {
		bpf_program__set_attach_target(bpf->progs.munmap_enter_fentry, 0, tracer->munmap_core);
		bpf_program__set_attach_target(bpf->progs.munmap_exit_fentry, 0, tracer->munmap_core);
	}
	bpf_program__set_autoload(bpf->progs.commit_asked_fentry, options->plan.commit == ROAD_FENTRY);
	bpf_program__set_autoload(bpf->progs.commit_asked_kprobe, options->plan.commit == ROAD_KPROBE);
	bpf_program__set_autoload(bpf->progs.gap_searched, options->plan.gap);
}

/* Programs that are loaded by the plan and attached in the order that this file keeps. */
static bool is_of_operations(const char *section)
{
	static const char *const kinds[] = {"tp", "kprobe", "kretprobe", "fentry", "fexit"};
	size_t len = strcspn(section, "/");

	for (unsigned int i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strlen(kinds[i]) == len && !strncmp(section, kinds[i], len))
			return true;
	}
	return false;
}

int tracer_choose_operations(struct tracer *tracer, const struct tracer_options *options)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;
	const struct plan *plan = &options->plan;
	const struct btf *btf;
	struct bpf_program *program;
	bool enters = options->operations;
	int error = kernel_btf_get(&btf);

	if (error)
		return error;
	bpf_object__for_each_program(program, bpf->obj)
	{
		if (!is_of_operations(bpf_program__section_name(program)))
			continue;
		bpf_program__set_autoload(program, false);
		bpf_program__set_autoattach(program, false);
	}
	bpf_program__set_autoload(bpf->progs.operation_enter, plan->calls == ROAD_TRACEPOINT && enters);
	bpf_program__set_autoload(bpf->progs.operation_enter_vma,
				  plan->calls == ROAD_TRACEPOINT && enters && plan->find_vma);
	bpf_program__set_autoload(bpf->progs.operation_exit, plan->calls == ROAD_TRACEPOINT);
	bpf_program__set_autoload(bpf->progs.operation_exit_file,
				  plan->calls == ROAD_TRACEPOINT && enters && plan->find_vma);
	bpf_program__set_autoload(bpf->progs.operation_exit_range, plan->calls == ROAD_TRACEPOINT && plan->find_vma);
	bpf_program__set_autoload(bpf->progs.call_enter_kprobe, plan->calls == ROAD_KPROBE && enters);
	bpf_program__set_autoload(bpf->progs.call_enter_vma_kprobe,
				  plan->calls == ROAD_KPROBE && enters && plan->find_vma);
	bpf_program__set_autoload(bpf->progs.call_exit_kprobe, plan->calls == ROAD_KPROBE);
	bpf_program__set_autoload(bpf->progs.call_exit_range_kprobe, plan->calls == ROAD_KPROBE && plan->find_vma);
	if (plan->calls == ROAD_FENTRY)
		choose_fentry(tracer, options, btf);
	choose_core(tracer, options, btf);
	bpf->rodata->cfg_targets = enters;
	bpf->rodata->cfg_calls = plan->calls != ROAD_NONE;
	bpf->rodata->cfg_compat_calls = plan->calls == ROAD_KPROBE;
	return 0;
}

/* ---- attaching ---- */

static int link_keep(struct tracer *tracer, struct bpf_link *link, const char *what)
{
	int error = errno;

	if (link && tracer->link_count < TRACER_LINKS_MAX) {
		tracer->links[tracer->link_count++] = link;
		return 0;
	}
	if (link) {
		bpf_link__destroy(link);
		error = ENOSPC;
	}
	log_error("cannot attach to %s: %s", what, strerror(error));
	return -error;
}

/* The number that perf knows a system call's tracepoint by, or negative errno; ENOENT: this kernel lacks it. */
static long long tracepoint_id(const char *name)
{
	static const char *const roots[] = {TRACEFS_PATH, TRACEFS_DEBUG_PATH};
	char path[sizeof(TRACEFS_DEBUG_PATH "/events/syscalls//id") + NAME_LEN];
	long long id;

	for (unsigned int i = 0; i < sizeof(roots) / sizeof(roots[0]); i++) {
		FILE *file _cleanup_file_ = NULL;

		snprintf(path, sizeof(path), "%s/events/syscalls/%s/id", roots[i], name);
		file = fopen(path, "re");
		if (!file && errno != ENOENT)
			return -errno;
		if (file)
			return fscanf(file, "%lld", &id) == 1 ? id : -EIO;
	}
	return -ENOENT;
}

/*
 * Opens an event at a tracepoint for this thread alone. Its BPF program runs for
 * everyone all the same; but perf's own event, which libbpf would open for all of
 * CPU 0, would be counted there at each system call, at the price of the program.
 * Returns a file descriptor or negative errno.
 */
static int tracepoint_open(const char *name)
{
	struct perf_event_attr attr = {.type = PERF_TYPE_TRACEPOINT, .size = sizeof(attr)};
	long long id = tracepoint_id(name);
	int fd;

	if (id < 0)
		return (int)id;
	attr.config = (__u64)id;
	fd = (int)syscall(SYS_perf_event_open, &attr, 0 /* this thread */, -1, -1, PERF_FLAG_FD_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Attaches to one system call's tracepoint; one that this kernel lacks is left out. */
static int attach_tracepoint(struct tracer *tracer, struct bpf_program *program, enum edge edge, uint32_t op)
{
	int fd _cleanup_close_ = -1;
	char name[NAME_LEN];
	struct bpf_link *link;

	snprintf(name, sizeof(name), "sys_%s_%s", edge == EDGE_EXIT ? "exit" : "enter", op_name(op));
	fd = tracepoint_open(name);
	if (fd == -ENOENT) {
		log_debug("this kernel has no tracepoint syscalls:%s", name);
		return 0;
	}
	if (fd < 0) {
		log_error("cannot open tracepoint syscalls:%s: %s", name, strerror(-fd));
		return fd;
	}
	link = bpf_program__attach_perf_event(program, fd);
	if (link)
		TAKE_FD(fd); /* it is the link's from now on */
	return link_keep(tracer, link, name);
}

/* A function that this kernel lacks is left out; perf_event_open says so in several ways. */
static int attach_kprobe(struct tracer *tracer, struct bpf_program *program, enum edge edge, const char *function)
{
	struct bpf_link *link = bpf_program__attach_kprobe(program, edge == EDGE_EXIT, function);

	if (!link && (errno == ENOENT || errno == EINVAL || errno == EADDRNOTAVAIL)) {
		log_debug("this kernel has no function %s", function);
		return 0;
	}
	return link_keep(tracer, link, function);
}

/* A call without arguments has one function for both ABIs, by two names (SYSCALL_DEFINE0). */
static bool is_one_for_all(uint32_t op)
{
#define OP_NARGS(id, name, nargs) nargs,
	static const uint8_t counts[] = {MT_OPS(OP_NARGS)};
#undef OP_NARGS
	return counts[op] == 0;
}

static int attach_call_kprobes(struct tracer *tracer, struct bpf_program *program, enum edge edge, uint32_t op)
{
	char name[NAME_LEN];
	int error;

	snprintf(name, sizeof(name), SYSCALL_PREFIX "%s", op_name(op));
	error = attach_kprobe(tracer, program, edge, name);
	for (unsigned int i = 0; syscall_compat_prefixes[i] && !error && !is_one_for_all(op); i++) {
		snprintf(name, sizeof(name), "%s%s", syscall_compat_prefixes[i], op_name(op));
		error = attach_kprobe(tracer, program, edge, name);
	}
	return error;
}

static int attach_fentry(struct tracer *tracer, struct bpf_program *program)
{
	if (bpf_program__fd(program) < 0)
		return 0; /* not loaded: no such system call here */
	return link_keep(tracer, bpf_program__attach(program), bpf_program__name(program));
}

static struct bpf_program *tracepoint_program(struct mmaptrace_bpf *bpf, const struct plan *plan, uint32_t op,
					      enum edge edge)
{
	if (edge == EDGE_ENTER)
		return plan->find_vma && acts_on_map(op) ? bpf->progs.operation_enter_vma : bpf->progs.operation_enter;
	if (plan->find_vma && acts_on_range(op))
		return bpf->progs.operation_exit_range;
	if (op == MT_OP_SHMAT && bpf_program__autoload(bpf->progs.operation_exit_file))
		return bpf->progs.operation_exit_file;
	return bpf->progs.operation_exit;
}

static struct bpf_program *kprobe_program(struct mmaptrace_bpf *bpf, const struct plan *plan, uint32_t op,
					  enum edge edge)
{
	if (edge == EDGE_ENTER)
		return plan->find_vma && acts_on_map(op) ? bpf->progs.call_enter_vma_kprobe
							 : bpf->progs.call_enter_kprobe;
	return plan->find_vma && acts_on_range(op) ? bpf->progs.call_exit_range_kprobe : bpf->progs.call_exit_kprobe;
}

static int attach_call(struct tracer *tracer, const struct plan *plan, enum edge edge, uint32_t op)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;

	switch (plan->calls) {
	case ROAD_TRACEPOINT:
		return attach_tracepoint(tracer, tracepoint_program(bpf, plan, op, edge), edge, op);
	case ROAD_KPROBE:
		return attach_call_kprobes(tracer, kprobe_program(bpf, plan, op, edge), edge, op);
	case ROAD_FENTRY:
		return attach_fentry(tracer, fentry_program(bpf, plan, op, edge));
	case ROAD_NONE:
		break;
	}
	return 0;
}

/* Functions behind 32-bit calls that are not named after the call. */
static int attach_compat_names(struct tracer *tracer, const struct plan *plan, enum edge edge)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;
	int error = 0;

	if (plan->calls != ROAD_KPROBE)
		return 0;
	for (unsigned int i = 0; syscall_compat_names[i] && !error; i++)
		error = attach_kprobe(tracer,
				      edge == EDGE_EXIT ? bpf->progs.call_exit_kprobe : bpf->progs.call_enter_kprobe,
				      edge, syscall_compat_names[i]);
	return error;
}

static int attach_core(struct tracer *tracer, enum road road, enum edge edge)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;
	bool is_exit = edge == EDGE_EXIT;
	int error = 0;

	if (road == ROAD_FENTRY) {
		error = attach_fentry(tracer,
				      is_exit ? bpf->progs.do_mmap_exit_fentry : bpf->progs.do_mmap_enter_fentry);
		if (!error)
			error = attach_fentry(tracer,
					      is_exit ? bpf->progs.munmap_exit_fentry : bpf->progs.munmap_enter_fentry);
	}
	if (road == ROAD_KPROBE) {
		error = attach_kprobe(tracer,
				      is_exit ? bpf->progs.do_mmap_exit_kprobe : bpf->progs.do_mmap_enter_kprobe, edge,
				      "do_mmap");
		if (!error && tracer->munmap_core)
			error = attach_kprobe(tracer,
					      is_exit ? bpf->progs.munmap_exit_kprobe : bpf->progs.munmap_enter_kprobe,
					      edge, tracer->munmap_core);
	}
	return error;
}

static int attach_causes(struct tracer *tracer, const struct plan *plan)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;
	int error = 0;

	if (plan->commit == ROAD_FENTRY)
		error = attach_fentry(tracer, bpf->progs.commit_asked_fentry);
	if (plan->commit == ROAD_KPROBE)
		error = attach_kprobe(tracer, bpf->progs.commit_asked_kprobe, EDGE_EXIT, "__vm_enough_memory");
	return error;
}

/*
 * All exits come before the first enter: an operation whose enter is seen must be
 * sure of its exit, or what was credited to it would never be told.
 */
int tracer_attach_operations(struct tracer *tracer, const struct tracer_options *options)
{
	const struct plan *plan = &options->plan;
	int error = attach_causes(tracer, plan);

	for (enum edge edge = EDGE_EXIT; edge <= EDGE_ENTER && !error; edge++) {
		for (uint32_t op = MT_OP_OTHER + 1; op < MT_OP_MAX && !error; op++) {
			if (edge == EDGE_EXIT || options->operations)
				error = attach_call(tracer, plan, edge, op);
		}
		if (!error && (edge == EDGE_EXIT || options->operations))
			error = attach_compat_names(tracer, plan, edge);
		if (!error)
			error = attach_core(tracer, plan->core, edge);
	}
	return error;
}

/* ---- letting go ---- */

static void destroy_link(void *arg, unsigned int i)
{
	struct tracer *tracer = arg;

	bpf_link__destroy(tracer->links[i]);
}

/*
 * Each syscall tracepoint waits for RCU grace periods when it is let go, most of it
 * under the kernel's event_mutex: 48 of them take two to three seconds one after the
 * other, and somewhat less side by side.
 */
void tracer_detach_operations(struct tracer *tracer)
{
	parallel_each(tracer->link_count, destroy_link, tracer);
}
