/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "op.h"
#include "syscalls.h"
#include "tracer_private.h"

#define DETACH_THREADS 24

static void configure(struct mmaptrace_bpf *bpf, const struct tracer_options *options)
{
	const struct plan *plan = &options->plan;

	bpf_program__set_autoload(bpf->progs.witness, plan->witness);
	bpf_program__set_autoload(bpf->progs.witness_memcg, plan->witness_memcg);
	bpf_program__set_autoload(bpf->progs.process_unmap, plan->exit_mmap);
	bpf_program__set_autoload(bpf->progs.process_rename, plan->rename);
	bpf_program__set_autoload(bpf->progs.operation_enter, plan->syscalls && options->operations);
	bpf_program__set_autoload(bpf->progs.operation_enter_vma, plan->find_vma && options->operations);
	bpf_program__set_autoload(bpf->progs.operation_exit, plan->syscalls);
	/* One attaches to many tracepoints, the iterator runs when it is read. */
	bpf_program__set_autoattach(bpf->progs.operation_enter, false);
	bpf_program__set_autoattach(bpf->progs.operation_enter_vma, false);
	bpf_program__set_autoattach(bpf->progs.operation_exit, false);
	bpf_program__set_autoattach(bpf->progs.seed_process, false);

	bpf_map__set_max_entries(bpf->maps.processes, options->max_processes);
	bpf_map__set_max_entries(bpf->maps.owners, options->max_processes);
	bpf_map__set_max_entries(bpf->maps.targets, options->operations ? options->max_processes : 1);
	bpf_map__set_max_entries(bpf->maps.contexts, options->operations ? options->max_processes : 1);
	bpf_map__set_max_entries(bpf->maps.events, options->ring_bytes);

	syscalls_fill((__u8 *)bpf->rodata->cfg_op_of_nr);
	bpf->rodata->cfg_witness = plan->witness || plan->witness_memcg;
	bpf->rodata->cfg_syscalls = plan->syscalls;
	bpf->rodata->cfg_self = (__u32)getpid();
	bpf->rodata->cfg_exit_mmap = plan->exit_mmap;
	bpf->rodata->cfg_stop_all = options->stop_all;
	if (options->stop_comm)
		strncpy((char *)bpf->rodata->cfg_stop_comm, options->stop_comm, sizeof(bpf->rodata->cfg_stop_comm) - 1);
	bpf->rodata->cfg_wake_bytes = options->ring_bytes / 4;
	bpf->bss->stop_at_maps = options->stop_at;
	bpf->data->limit_maps = options->limit;
}

/* Attaches to one system call's tracepoint; one that this kernel lacks is left out. */
static int attach_syscall(struct tracer *tracer, struct bpf_program *program, const char *edge, uint32_t op)
{
	char name[64];
	struct bpf_link *link;

	snprintf(name, sizeof(name), "sys_%s_%s", edge, op_name(op));
	link = bpf_program__attach_tracepoint(program, "syscalls", name);
	if (!link && errno == ENOENT) {
		log_debug("this kernel has no tracepoint syscalls:%s", name);
		return 0;
	}
	if (!link) {
		int error = errno;

		log_error("cannot attach to tracepoint syscalls:%s: %s", name, strerror(error));
		return -error;
	}
	tracer->links[tracer->link_count++] = link;
	return 0;
}

/* Operations whose first argument is an address in a map that exists already. */
static bool acts_on_map(uint32_t op)
{
	return op == MT_OP_MUNMAP || op == MT_OP_MPROTECT || op == MT_OP_PKEY_MPROTECT || op == MT_OP_MREMAP ||
	       op == MT_OP_MADVISE || op == MT_OP_MLOCK || op == MT_OP_MLOCK2 || op == MT_OP_MUNLOCK ||
	       op == MT_OP_MBIND || op == MT_OP_MSEAL || op == MT_OP_SHMDT;
}

/*
 * All exits come before the first enter: an operation whose enter is seen must be
 * sure of its exit, or what was credited to it would never be told.
 */
static int attach_syscalls(struct tracer *tracer, const struct tracer_options *options)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;
	int error = 0;

	for (uint32_t op = MT_OP_OTHER + 1; op < MT_OP_MAX && !error; op++)
		error = attach_syscall(tracer, bpf->progs.operation_exit, "exit", op);
	for (uint32_t op = MT_OP_OTHER + 1; op < MT_OP_MAX && options->operations && !error; op++) {
		bool with_vma = options->plan.find_vma && acts_on_map(op);

		error = attach_syscall(tracer, with_vma ? bpf->progs.operation_enter_vma : bpf->progs.operation_enter,
				       "enter", op);
	}
	return error;
}

static void tracer_release(struct tracer **tracer)
{
	tracer_free(*tracer);
}

static int load_failed(int error)
{
	if (error == -ENOMEM || error == -E2BIG)
		log_error("cannot load the BPF programs: %s; try a smaller --ring-size or --max-procs",
			  strerror(-error));
	else
		log_error("cannot load the BPF programs: %s; 'mmaptrace doctor' tells what is missing (-v: the "
			  "kernel's log)",
			  strerror(-error));
	return error;
}

int tracer_open(const struct tracer_options *options, struct tracer **ret_tracer)
{
	struct tracer *tracer _cleanup_(tracer_release) = calloc(1, sizeof(*tracer));
	int error;

	if (!tracer)
		return -ENOMEM;
	tracer->bpf = mmaptrace_bpf__open();
	if (!tracer->bpf)
		return load_failed(-errno);
	configure(tracer->bpf, options);
	error = mmaptrace_bpf__load(tracer->bpf);
	if (error)
		return load_failed(error);
	error = tracer_open_rings(tracer);
	if (error)
		return load_failed(error);
	*ret_tracer = TAKE_PTR(tracer);
	return 0;
}

int tracer_attach(struct tracer *tracer, const struct tracer_options *options)
{
	int error = mmaptrace_bpf__attach(tracer->bpf);

	if (error) {
		log_error("cannot attach the BPF programs: %s", strerror(-error));
		return error;
	}
	return options->plan.syscalls ? attach_syscalls(tracer, options) : 0;
}

static void *destroy_links(void *arg)
{
	struct tracer *tracer = arg;
	unsigned int i;

	while ((i = __atomic_fetch_add(&tracer->link_next, 1, __ATOMIC_RELAXED)) < tracer->link_count)
		bpf_link__destroy(tracer->links[i]);
	return NULL;
}

/*
 * Each syscall tracepoint waits for RCU grace periods when it is let go: 48 of
 * them took 3.4 s one after the other, and take 0.1 s side by side.
 */
static void detach_syscalls(struct tracer *tracer)
{
	pthread_t threads[DETACH_THREADS];
	unsigned int started = 0;

	while (started < DETACH_THREADS && started + 1 < tracer->link_count &&
	       !pthread_create(&threads[started], NULL, destroy_links, tracer))
		started++;
	destroy_links(tracer);
	while (started)
		pthread_join(threads[--started], NULL);
}

void tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	detach_syscalls(tracer);
	ring_buffer__free(tracer->events.ring);
	ring_buffer__free(tracer->alarms.ring);
	mmaptrace_bpf__destroy(tracer->bpf);
	free(tracer->batch);
	free(tracer);
}
