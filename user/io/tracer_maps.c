/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <bpf/bpf.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "account.h"
#include "cleanup.h"
#include "tracer_private.h"

#define READ_TRIES    100     /* a copy is torn within nanoseconds; this many are when its writer has been preempted */
#define PATIENT_READS 10      /* more of them, with time between them for that writer to go on */
#define READ_PAUSE_NS 2000000 /* between those */

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
	/* Before the drain: what comes during it may ask for another. */
	__atomic_store_n(&tracer->bpf->bss->reader_woken, 0, __ATOMIC_SEQ_CST);
	return drain_run(&tracer->events, budget, take, arg);
}

unsigned int tracer_drain_alarms(struct tracer *tracer, unsigned int budget, tracer_take_fn *take, void *arg)
{
	return drain_run(&tracer->alarms, budget, take, arg);
}

bool tracer_events_are_read(const struct tracer *tracer)
{
	struct pollfd ring = {.fd = bpf_map__fd(tracer->bpf->maps.events), .events = POLLIN};

	return poll(&ring, 1, 0) == 0; /* the map itself: the ring's epoll fd knows only what it was woken for */
}

/* The first page of a ring buffer's map holds the reader's position, the second the writer's (kernel/bpf/ringbuf.c). */
static int map_positions(struct tracer *tracer)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *pages = mmap(NULL, 2 * page, PROT_READ, MAP_SHARED, bpf_map__fd(tracer->bpf->maps.events), 0);

	if (pages == MAP_FAILED)
		return -errno;
	tracer->positions = pages;
	tracer->page_size = page;
	return 0;
}

size_t tracer_events_unread(const struct tracer *tracer)
{
	const unsigned long *read_to = (const void *)tracer->positions;
	const unsigned long *written_to = (const void *)(tracer->positions + tracer->page_size);

	return __atomic_load_n(written_to, __ATOMIC_ACQUIRE) - __atomic_load_n(read_to, __ATOMIC_ACQUIRE);
}

int tracer_events_fd(const struct tracer *tracer)
{
	return ring_buffer__epoll_fd(tracer->events.ring);
}

int tracer_alarms_fd(const struct tracer *tracer)
{
	return ring_buffer__epoll_fd(tracer->alarms.ring);
}

int tracer_open_rings(struct tracer *tracer)
{
	struct mmaptrace_bpf *bpf = tracer->bpf;

	tracer->events.ring = ring_buffer__new(bpf_map__fd(bpf->maps.events), drain_take, &tracer->events, NULL);
	if (!tracer->events.ring)
		return -errno;
	tracer->alarms.ring = ring_buffer__new(bpf_map__fd(bpf->maps.alarms), drain_take, &tracer->alarms, NULL);
	if (!tracer->alarms.ring)
		return -errno;
	tracer->batch = calloc(TRACER_READ_BATCH, sizeof(*tracer->batch));
	if (!tracer->batch)
		return -ENOMEM;
	return map_positions(tracer);
}

/* One walk over all tasks. */
static int seed_walk(struct tracer *tracer, enum mt_seed_pass pass)
{
	struct bpf_link *link = bpf_program__attach_iter(tracer->bpf->progs.seed_process, NULL);
	int fd _cleanup_close_ = -1;
	char sink[64];
	ssize_t len;

	if (!link)
		return -errno;
	tracer->bpf->bss->seed_pass = pass;
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
	bool targets_alone = tracer->bpf->rodata->cfg_targets;
	int error = seed_walk(tracer, MT_SEED_TARGETS);

	if (!error)
		error = seed_walk(tracer, targets_alone ? MT_SEED_SHARERS : MT_SEED_OWNERS);
	if (!error && !targets_alone)
		error = seed_walk(tracer, MT_SEED_REST);
	return error;
}

static int sweep(struct tracer *tracer, enum mt_seed_pass pass)
{
	struct timespec now;
	int error;

	clock_gettime(CLOCK_BOOTTIME, &now);
	error = seed_walk(tracer, pass);
	tracer->bpf->bss->last_sweep_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	return error;
}

int tracer_sweep(struct tracer *tracer)
{
	return tracer->bpf->rodata->cfg_witness ? 0 : sweep(tracer, MT_SEED_SWEEP);
}

int tracer_catch_up(struct tracer *tracer)
{
	/* What the first walk finds, the second one books. */
	int error = sweep(tracer, MT_SEED_CATCH_UP);

	return error ? error : sweep(tracer, MT_SEED_CATCH_UP);
}

int tracer_target_add(struct tracer *tracer, uint32_t pid, uint32_t flags)
{
	struct mt_target target = {.flags = flags};

	tracer->bpf->bss->target_marks[pid % MT_TARGET_MARKS] = 1;
	return bpf_map__update_elem(tracer->bpf->maps.targets, &pid, sizeof(pid), &target, sizeof(target), BPF_ANY);
}

void tracer_account_drop(struct tracer *tracer, uint64_t mm, uint32_t pid)
{
	bpf_map__delete_elem(tracer->bpf->maps.processes, &mm, sizeof(mm), 0);
	bpf_map__delete_elem(tracer->bpf->maps.owners, &pid, sizeof(pid), 0);
}

void tracer_target_drop(struct tracer *tracer, uint32_t pid)
{
	uint64_t mm;

	bpf_map__delete_elem(tracer->bpf->maps.targets, &pid, sizeof(pid), 0);
	if (!tracer_mm_of(tracer, pid, &mm))
		tracer_account_drop(tracer, mm, pid);
}

bool tracer_has_targets(struct tracer *tracer)
{
	const struct bpf_map *targets = tracer->bpf->maps.targets;
	uint32_t pid;

	while (!bpf_map__get_next_key(targets, NULL, &pid, sizeof(pid))) {
		if (!kill((pid_t)pid, 0) || errno != ESRCH)
			return true;
		/* It ended before it became one, or a preemptible kernel skipped the program that tells. */
		if (bpf_map__delete_elem(targets, &pid, sizeof(pid), 0) && errno != ENOENT)
			return true;
	}
	return false;
}

void tracer_finish(struct tracer *tracer)
{
	tracer->bpf->bss->finished = true;
}

void tracer_set_limit(struct tracer *tracer, uint32_t limit, uint32_t stop_at, uint32_t real_limit)
{
	tracer->bpf->data->sysctl_maps = real_limit;
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
	for (unsigned int i = 0; i < READ_TRIES + PATIENT_READS; i++) {
		int error;

		if (i >= READ_TRIES)
			nanosleep(&(struct timespec){.tv_nsec = READ_PAUSE_NS}, NULL);
		error = bpf_map__lookup_elem(tracer->bpf->maps.processes, &mm, sizeof(mm), ret_account,
					     sizeof(*ret_account), 0);
		if (error)
			return error;
		if (is_readable(ret_account))
			return 0;
	}
	if (!ret_account->tgid)
		return -ENOENT;
	account_mend(ret_account);
	tracer->torn++;
	return 0;
}

int tracer_read_all(struct tracer *tracer, void (*take)(const struct mt_process *account, void *arg), void *arg)
{
	int fd = bpf_map__fd(tracer->bpf->maps.processes), total = 0, error;
	uint64_t keys[TRACER_READ_BATCH];
	uint32_t position, *in = NULL;

	do {
		__u32 count = TRACER_READ_BATCH;

		error = bpf_map_lookup_batch(fd, in, &position, keys, tracer->batch, &count, NULL);
		if (error && error != -ENOENT)
			return error;
		for (__u32 i = 0; i < count; i++) {
			struct mt_process *account = &tracer->batch[i];

			if (!is_readable(account) && (!account->tgid || tracer_read(tracer, keys[i], account)))
				continue;
			take(account, arg);
			total++;
		}
		in = &position;
	} while (!error);
	return total;
}

uint64_t tracer_tick(struct tracer *tracer)
{
	struct mmaptrace_bpf__bss *bss = tracer->bpf->bss;

	if (!++bss->tick)
		bss->tick = 1; /* 0 means that nobody asks */
	return bss->notes_missed;
}

int tracer_take_notes(struct tracer *tracer, void (*take)(uint64_t mm, void *arg), void *arg)
{
	int fd = bpf_map__fd(tracer->bpf->maps.changed), error;
	uint64_t mms[TRACER_READ_BATCH];
	uint8_t values[TRACER_READ_BATCH];
	uint32_t position, *in = NULL;

	do {
		__u32 count = TRACER_READ_BATCH;

		error = bpf_map_lookup_and_delete_batch(fd, in, &position, mms, values, &count, NULL);
		if (error && error != -ENOENT)
			return error;
		for (__u32 i = 0; i < count; i++)
			take(mms[i], arg);
		in = &position;
	} while (!error);
	return 0;
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
	struct bpf_program *program = NULL;
	uint64_t missed = 0;

	bpf_object__for_each_program(program, tracer->bpf->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			missed += info.recursion_misses;
	}
	return missed;
}

void tracer_read_programs(const struct tracer *tracer, tracer_program_fn *take, void *arg)
{
	struct bpf_program *program = NULL;

	bpf_object__for_each_program(program, tracer->bpf->obj)
	{
		struct bpf_prog_info info = {0};
		__u32 len = sizeof(info);
		int fd = bpf_program__fd(program);

		if (fd >= 0 && !bpf_obj_get_info_by_fd(fd, &info, &len))
			take(bpf_program__name(program), info.run_cnt, info.run_time_ns, arg);
	}
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
