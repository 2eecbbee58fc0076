/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cleanup.h"
#include "kernel_btf.h"
#include "log.h"
#include "syscalls.h"
#include "tracer_private.h"

/* A power of two, so that a task's place is found by a mask. */
static void contexts_size(struct mmaptrace_bpf *bpf, uint32_t least)
{
	uint32_t places = 1;

	while (places < least && places < 1U << 31)
		places <<= 1;
	bpf_map__set_max_entries(bpf->maps.contexts, places);
	bpf_map__set_max_entries(bpf->maps.context_places, places);
	bpf->rodata->cfg_context_mask = places - 1;
}

#define UNWIND_SPACES 256

static uint32_t room(bool wanted, uint32_t entries)
{
	return wanted && entries ? entries : 1;
}

static void configure_stacks(struct mmaptrace_bpf *bpf, const struct tracer_options *options)
{
	bool wanted = options->operations && options->stacks;

	bpf->rodata->cfg_stacks = wanted ? (__u8)options->stacks : MT_STACKS_NONE;
	bpf_map__set_max_entries(bpf->maps.stacks, room(wanted, options->max_stacks));
	bpf_map__set_max_entries(bpf->maps.sites, room(wanted, options->max_sites));
	bpf_map__set_max_entries(bpf->maps.ledger, room(wanted, options->max_maps));
	bpf_map__set_max_entries(bpf->maps.unwind_rows, room(wanted, options->max_rules));
	bpf_map__set_max_entries(bpf->maps.unwind_spaces, room(wanted, UNWIND_SPACES));
	bpf_map__set_max_entries(bpf->maps.unwind_places, room(wanted, UNWIND_SPACES));
}

static void configure(struct mmaptrace_bpf *bpf, const struct tracer_options *options)
{
	const struct plan *plan = &options->plan;

	bpf_program__set_autoload(bpf->progs.witness, plan->witness);
	bpf_program__set_autoload(bpf->progs.witness_memcg, plan->witness_memcg);
	bpf_program__set_autoload(bpf->progs.process_unmap, plan->exit_mmap == ROAD_TRACEPOINT);
	bpf_program__set_autoload(bpf->progs.process_unmap_fentry, plan->exit_mmap == ROAD_FENTRY);
	bpf_program__set_autoload(bpf->progs.process_unmap_kprobe, plan->exit_mmap == ROAD_KPROBE);
	bpf_program__set_autoload(bpf->progs.process_rename, plan->rename);
	bpf_program__set_autoattach(bpf->progs.process_unmap_fentry, true);
	bpf_program__set_autoattach(bpf->progs.process_unmap_kprobe, true);
	/* The iterator runs when it is read. */
	bpf_program__set_autoattach(bpf->progs.seed_process, false);

	bpf_map__set_max_entries(bpf->maps.processes, options->max_processes);
	bpf_map__set_max_entries(bpf->maps.owners, options->max_processes);
	bpf_map__set_max_entries(bpf->maps.changed, options->notes ? options->notes : 1);
	bpf_map__set_max_entries(bpf->maps.targets, options->operations ? options->max_processes : 1);
	contexts_size(bpf, options->operations ? options->max_processes : 1);
	bpf_map__set_max_entries(bpf->maps.events, options->ring_bytes);

	configure_stacks(bpf, options);

	syscalls_fill((__u8 *)bpf->rodata->cfg_op_of_nr);
	bpf->rodata->cfg_witness = plan_has_witness(plan);
	bpf->rodata->cfg_page_size = (__u32)sysconf(_SC_PAGESIZE);
	bpf->rodata->cfg_self = (__u32)getpid();
	bpf->rodata->cfg_exit_mmap = plan->exit_mmap;
	bpf->rodata->cfg_stop_all = options->stop_all;
	if (options->stop_comm)
		strncpy((char *)bpf->rodata->cfg_stop_comm, options->stop_comm, sizeof(bpf->rodata->cfg_stop_comm) - 1);
	bpf->rodata->cfg_wake_bytes = options->ring_bytes / 4;
	bpf->bss->stop_at_maps = options->stop_at;
	bpf->bss->tick = options->notes ? 1 : 0;
	bpf->data->limit_maps = options->limit;
	bpf->data->sysctl_maps = options->real_limit;
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
	error = tracer_choose_operations(tracer, options);
	kernel_btf_drop(); /* nobody asks again, and libbpf reads its own */
	if (error)
		return load_failed(error);
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
	return tracer_attach_operations(tracer, options);
}

void tracer_free(struct tracer *tracer)
{
	if (!tracer)
		return;
	tracer_detach_operations(tracer);
	if (tracer->positions)
		munmap((void *)tracer->positions, 2 * tracer->page_size);
	ring_buffer__free(tracer->events.ring);
	ring_buffer__free(tracer->alarms.ring);
	mmaptrace_bpf__destroy(tracer->bpf);
	free(tracer->batch);
	free(tracer);
}
