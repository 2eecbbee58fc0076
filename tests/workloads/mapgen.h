/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What mapgen draws from: random numbers, and the areas that each of its threads has mapped. */
#ifndef TESTS_WORKLOADS_MAPGEN_H
#define TESTS_WORKLOADS_MAPGEN_H

#include "common.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <unistd.h>

#define AREAS_MAX      512
#define AREA_PAGES_MAX 16
#define FILE_PAGES     64
#define SHM_PAGES      6
#define BRK_PAGES_MAX  64
#define THREADS_MAX    16

enum area_kind { AREA_ANON, AREA_SHARED, AREA_FILE, AREA_SHM };

struct area {
	char *start;
	size_t pages;
	enum area_kind kind;
};

/* One per thread: each changes only areas of its own. */
struct generator {
	uint64_t random;
	unsigned long ops;
	size_t pages_max;
	size_t pages;
	size_t areas_count;
	struct area areas[AREAS_MAX];
	aio_context_t aio;
};

static struct {
	unsigned long seed, ops;
	unsigned long threads;
	bool fork, exec;
	const char *results, *verify, *log, *start, *pause;
	int results_fd, verify_fd, log_fd;
} opts = {.ops = 2000, .threads = 1, .results_fd = -1, .verify_fd = -1, .log_fd = -1};

static struct {
	char *program;
	size_t page;
	int file, memfd, shm;
	char *brk_start, *brk_now;
	unsigned long sequence;
	const char *running; /* the function that was drawn */
	long maps;	     /* as counted after the call before */
} self;

static struct generator generators[THREADS_MAX];

/* Random numbers: splitmix64. */

static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

static size_t pick(struct generator *g, size_t below)
{
	return random_next(&g->random) % below;
}

static bool chance(struct generator *g, size_t one_in)
{
	return pick(g, one_in) == 0;
}

static _Thread_local unsigned long calls_made;

/* Before called(), of a call that succeeded: what it has done to a range. errno is kept. */
static void did(const char *what, const void *start, size_t bytes)
{
	int error = errno;

	if (opts.log_fd >= 0)
		text_write(opts.log_fd, "%d %s %lx %zx\n", getpid(), what, (unsigned long)start, bytes);
	errno = error;
}

static void call_log(const char *call)
{
	long now = maps_count();

	text_write(opts.log_fd, "%d call %s %ld %s\n", getpid(), call, now - self.maps, self.running);
	self.maps = now;
}

/* After each call: what /proc says now. errno is kept for the caller. */
static void called(const char *call)
{
	int error = errno;

	calls_made++;
	if (opts.log_fd >= 0)
		call_log(call);
	if (opts.verify_fd >= 0)
		text_write(opts.verify_fd, "%d %lu %s %ld\n", getpid(), self.sequence++, call, maps_count());
	errno = error;
}

/* Areas. */

static bool area_add(struct generator *g, void *start, size_t pages, enum area_kind kind)
{
	if (start == MAP_FAILED || g->areas_count == AREAS_MAX)
		return false;
	g->areas[g->areas_count++] = (struct area){start, pages, kind};
	g->pages += pages;
	return true;
}

static void area_forget(struct generator *g, struct area *area)
{
	g->pages -= area->pages;
	*area = g->areas[--g->areas_count];
}

/* Whether count more areas of at most pages fit into the budget. */
static bool room(const struct generator *g, size_t count, size_t pages)
{
	return g->areas_count + count <= AREAS_MAX && g->pages + pages <= g->pages_max;
}

/* Any area but a System V one (those go by shmdt alone), or NULL. */
static struct area *area_pick(struct generator *g)
{
	struct area *area;

	if (g->areas_count == 0)
		return NULL;
	area = &g->areas[pick(g, g->areas_count)];
	return area->kind == AREA_SHM ? NULL : area;
}

struct range {
	char *start;
	size_t pages;
};

static struct range range_pick(struct generator *g, const struct area *area)
{
	size_t first = pick(g, area->pages);
	size_t pages = 1 + pick(g, area->pages - first);

	return (struct range){area->start + first * self.page, pages};
}

static int prot_pick(struct generator *g)
{
	static const int prots[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE, PROT_READ | PROT_WRITE};

	return prots[pick(g, ARRAY_SIZE(prots))];
}

#endif
