/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "tracer.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account.h"
#include "cleanup.h"
#include "log.h"
#include "mmaptrace.skel.h"
#include "op.h"
#include "syscalls.h"

#define LINKS_MAX  (2 * MT_OP_MAX)
#define READ_BATCH 256
#define DETACH_THREADS 24
#define READ_TRIES 100 /* a copy is torn within nanoseconds; this many never are */

/* One ring, drained by a budget: libbpf 1.1 ends a drain early only by an error of its callback. */
struct drain {
	struct ring_buffer *ring;
	tracer_take_fn *take;
	void *arg;
	unsigned int left;
};

struct tracer {
	struct mmaptrace_bpf *bpf;
	struct bpf_link *links[LINKS_MAX];
	unsigned int link_count, link_next; /* link_next: for detaching */
	struct drain events, alarms;
	struct mt_process *batch; /* READ_BATCH values */
	uint64_t torn;
};

static int drain_take(void *arg, void *data, size_t size)
{
	struct drain *drain = arg;

	drain->take(data, size, drain->arg);
	return --drain->left ? 0 : -E2BIG;
}

static unsigned int drain_run(struct drain *drain, unsigned int budget, tracer_take_fn *take, void *arg)
{
	drain->take = take;
	drain->arg = arg;
	drain->left = budget;
	ring_buffer__consume(drain->ring);
	return budget - drain->left;
}

unsigned int tracer_drain_events(struct tracer *tracer, unsigned int budget, tracer_take_fn *take, void *arg)
{
	return drain_run(&tracer->events, budget, take, arg);
}

unsigned int tracer_drain_alarms(struct tracer *tracer, unsigned int budget, tracer_take_fn *take, void *arg)
{
	return drain_run(&tracer->alarms, budget, take, arg);
}

int tracer_events_fd(const struct tracer *tracer)
{
	return ring_buffer__epoll_fd(tracer->events.ring);
}

int tracer_alarms_fd(const struct tracer *tracer)
{
	return ring_buffer__epoll_fd(tracer->alarms.ring);
}

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
	bpf->rodata->cfg_exit_mmap = plan->exit_mmap;
	bpf->rodata->cfg_stop_all = options->stop_all;
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

static int attach_syscalls(struct tracer *tracer, const struct tracer_options *options)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;

	for (uint32_t op = MT_OP_OTHER + 1; op < MT_OP_MAX; op++) {
		bool with_vma = options->plan.find_vma && acts_on_map(op);
		int error = 0;

		if (options->operations)
			error = attach_syscall(tracer, with_vma ? bpf->progs.operation_enter_vma : bpf->progs.operation_enter,
					       "enter", op);
		if (!error)
			error = attach_syscall(tracer, tracer->bpf->progs.operation_exit, "exit", op);
		if (error)
			return error;
	}
	return 0;
}

static int open_rings(struct tracer *tracer)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;

	tracer->events.ring = ring_buffer__new(bpf_map__fd(bpf->maps.events), drain_take, &tracer->events, NULL);
	tracer->alarms.ring = ring_buffer__new(bpf_map__fd(bpf->maps.alarms), drain_take, &tracer->alarms, NULL);
	tracer->batch = calloc(READ_BATCH, sizeof(*tracer->batch));
	return tracer->events.ring && tracer->alarms.ring && tracer->batch ? 0 : -ENOMEM;
}

static void tracer_release(struct tracer **tracer)
{
	tracer_free(*tracer);
}

static int load_failed(int error)
{
	if (error == -ENOMEM || error == -E2BIG)
		log_error("cannot load the BPF programs: %s; try a smaller --ring-size or --max-procs", strerror(-error));
	else
		log_error("cannot load the BPF programs: %s; 'mmaptrace doctor' tells what is missing (-v: the kernel's log)",
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
	error = open_rings(tracer);
	if (error)
		return load_failed(error);
	error = mmaptrace_bpf__attach(tracer->bpf);
	if (error) {
		log_error("cannot attach the BPF programs: %s", strerror(-error));
		return error;
	}
	if (options->plan.syscalls) {
		error = attach_syscalls(tracer, options);
		if (error)
			return error;
	}
	*ret_tracer = TAKE_PTR(tracer);
	return 0;
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

/* One walk over all tasks. */
static int seed_walk(struct tracer *tracer, bool targets_only)
{
	struct bpf_link *link = bpf_program__attach_iter(tracer->bpf->progs.seed_process, NULL);
	int fd _cleanup_close_ = -1;
	char sink[64];
	ssize_t len;

	if (!link)
		return -errno;
	tracer->bpf->bss->seed_targets_only = targets_only;
	fd = bpf_iter_create(bpf_link__fd(link));
	bpf_link__destroy(link);
	if (fd < 0)
		return fd;
	do {
		len = read(fd, sink, sizeof(sink)); /* it writes nothing: reading drives it */
	} while (len > 0 || (len < 0 && (errno == EAGAIN || errno == EINTR)));
	return len < 0 ? -errno : 0;
}

int tracer_seed(struct tracer *tracer)
{
	int error = seed_walk(tracer, true);

	return error ? error : seed_walk(tracer, false);
}

int tracer_target_add(struct tracer *tracer, uint32_t pid, uint32_t flags)
{
	struct mt_target target = {.flags = flags};

	return bpf_map__update_elem(tracer->bpf->maps.targets, &pid, sizeof(pid), &target, sizeof(target), BPF_ANY);
}

bool tracer_has_targets(struct tracer *tracer)
{
	uint32_t pid;

	return !bpf_map__get_next_key(tracer->bpf->maps.targets, NULL, &pid, sizeof(pid));
}

void tracer_targets_clear(struct tracer *tracer)
{
	uint32_t pid;

	while (!bpf_map__get_next_key(tracer->bpf->maps.targets, NULL, &pid, sizeof(pid))) {
		if (bpf_map__delete_elem(tracer->bpf->maps.targets, &pid, sizeof(pid), 0))
			break;
	}
}

void tracer_set_limit(struct tracer *tracer, uint32_t limit, uint32_t stop_at)
{
	tracer->bpf->data->limit_maps = limit;
	tracer->bpf->bss->stop_at_maps = stop_at;
}

int tracer_mm_of(struct tracer *tracer, uint32_t pid, uint64_t *ret_mm)
{
	return bpf_map__lookup_elem(tracer->bpf->maps.owners, &pid, sizeof(pid), ret_mm, sizeof(*ret_mm), 0);
}

/* A zeroed entry is one still being opened; one that breaks the law fell into a change. */
static bool is_readable(const struct mt_process *account)
{
	return account->tgid && account_is_whole(account);
}

int tracer_read(struct tracer *tracer, uint64_t mm, struct mt_process *ret_account)
{
	for (unsigned int i = 0; i < READ_TRIES; i++) {
		int error = bpf_map__lookup_elem(tracer->bpf->maps.processes, &mm, sizeof(mm), ret_account,
						 sizeof(*ret_account), 0);

		if (error)
			return error;
		if (is_readable(ret_account))
			return 0;
	}
	tracer->torn++;
	return -EAGAIN;
}

int tracer_read_all(struct tracer *tracer, void (*take)(const struct mt_process *account, void *arg), void *arg)
{
	int fd = bpf_map__fd(tracer->bpf->maps.processes), total = 0, error;
	uint64_t keys[READ_BATCH];
	uint32_t position, *in = NULL;

	do {
		__u32 count = READ_BATCH;

		error = bpf_map_lookup_batch(fd, in, &position, keys, tracer->batch, &count, NULL);
		if (error && error != -ENOENT)
			return error;
		for (__u32 i = 0; i < count; i++) {
			struct mt_process *account = &tracer->batch[i];

			if (!is_readable(account) && tracer_read(tracer, keys[i], account))
				continue;
			take(account, arg);
			total++;
		}
		in = &position;
	} while (!error);
	return total;
}

const char *tracer_loss_text(enum mt_loss what)
{
#define LOSS_TEXT(id, text) text,
	static const char *const texts[] = {MT_LOSSES(LOSS_TEXT)};
#undef LOSS_TEXT

	return texts[what];
}

/* Runs skipped because the program was running on that CPU already (recursion). */
static uint64_t missed_runs(struct tracer *tracer)
{
	struct bpf_program *program;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, tracer->bpf->obj) {
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}

void tracer_read_losses(struct tracer *tracer, struct tracer_losses *ret_losses)
{
	int cpus = libbpf_num_possible_cpus();
	uint64_t *values _cleanup_free_ = cpus > 0 ? calloc((size_t)cpus, sizeof(*values)) : NULL;

	memset(ret_losses, 0, sizeof(*ret_losses));
	for (__u32 what = 0; values && what < MT_LOSS_MAX; what++) {
		if (bpf_map__lookup_elem(tracer->bpf->maps.losses, &what, sizeof(what), values,
					 (size_t)cpus * sizeof(*values), 0))
			continue;
		for (int cpu = 0; cpu < cpus; cpu++)
			ret_losses->counts[what] += values[cpu];
	}
	ret_losses->missed_runs = missed_runs(tracer);
	ret_losses->torn = tracer->torn;
}
