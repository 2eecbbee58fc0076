// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What the benchmarks measure: `ops CPU FILE` sits on one CPU and does what it is told on stdin, a line each:
 *
 *     slice KIND MS [DEPTH]   as many calls as fit into MS: "KIND calls C median_ns M mean_ns A"
 *     run KIND RATE MS        RATE calls a second (0: as fast as it can) for MS: "KIND calls C wall_ns W"
 *
 * A call is one getppid, or one pair of mmap and munmap of four pages that nobody touches: `anon`, or `shm` with FILE
 * behind it. The median is that of batches, so that neither an interrupt nor whoever else had the CPU is in it. It
 * paces itself by the clock alone (vDSO): between two calls it makes no other. DEPTH is the number of functions that it
 * calls first, one from the other: for tracers that take call stacks.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define PAIR_PAGES     4
#define BATCHES_MAX    65536
#define BATCH_PAIRS    16
#define BATCH_GETPPIDS 512
#define NS_PER_MS      1000000ULL
#define NS_PER_S       1000000000ULL
#define KIND_LEN       16
#define FRAME_BYTES    48 /* of locals: with what is saved, frames of 64 to 80 bytes */

static int file = -1;
static size_t length;
static uint32_t batches_ns[BATCHES_MAX];

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* By number: libc may keep a pid, and a probe on its mmap is no part of what is measured here but for memleak's. */
static void do_getppid(void)
{
	syscall(SYS_getppid);
}

static void pair(int prot, int flags, int fd)
{
	void *map = mmap(NULL, length, prot, flags, fd, 0);

	if (map == MAP_FAILED || munmap(map, length))
		die("mmap and munmap");
}

/* Readable only: writable memory would merge with the heaps of libc, and change no count. */
static void do_anon(void)
{
	pair(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
}

static void do_shm(void)
{
	pair(PROT_READ | PROT_WRITE, MAP_SHARED, file);
}

struct kind {
	const char *name;
	void (*call)(void);
	unsigned int batch;
};

static const struct kind kinds[] = {
	{"getppid", do_getppid, BATCH_GETPPIDS},
	{"anon", do_anon, BATCH_PAIRS},
	{"shm", do_shm, BATCH_PAIRS},
};

static const struct kind *kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!strcmp(kinds[i].name, name))
			return &kinds[i];
	}
	text_write(STDERR_FILENO, "ops: no kind %s\n", name);
	exit(2);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static __attribute__((noinline)) void slice(const struct kind *kind, unsigned int ms)
{
	uint64_t begin = now_ns(), end = begin + ms * NS_PER_MS, last = begin;
	uint32_t count = 0;

	while (last < end && count < BATCHES_MAX) {
		uint64_t now;

		for (unsigned int i = 0; i < kind->batch; i++)
			kind->call();
		now = now_ns();
		batches_ns[count++] = (uint32_t)(now - last);
		last = now;
	}
	qsort(batches_ns, count, sizeof(batches_ns[0]), by_size);
	text_write(STDOUT_FILENO, "%s calls %u median_ns %.2f mean_ns %.2f\n", kind->name, count * kind->batch,
		   (double)batches_ns[count / 2] / kind->batch, (double)(last - begin) / count / kind->batch);
}

/* What may use the locals after the call keeps it from becoming a jump. */
static __attribute__((noinline)) void slice_below(const struct kind *kind, unsigned int ms, unsigned int depth)
{
	char locals[FRAME_BYTES];

	if (depth)
		slice_below(kind, ms, depth - 1);
	else
		slice(kind, ms);
	__asm__ volatile("" : : "r"(locals) : "memory");
}

static void run(const struct kind *kind, unsigned int rate, unsigned int ms)
{
	uint64_t begin = now_ns(), end = begin + ms * NS_PER_MS, now = begin, calls = 0;

	while (now < end) {
		uint64_t due = rate ? (now - begin) * rate / NS_PER_S : calls + BATCH_PAIRS;

		for (; calls < due; calls++)
			kind->call();
		now = now_ns();
	}
	text_write(STDOUT_FILENO, "%s calls %llu wall_ns %llu\n", kind->name, (unsigned long long)calls,
		   (unsigned long long)(now - begin));
}

static void sit_on(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

static void open_file(const char *path)
{
	file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file < 0 || ftruncate(file, (off_t)length))
		die(path);
}

/* A pair that merged with a neighbour would change nothing, and its price would be another. */
static void check_that_maps_count(void)
{
	long before = maps_count();
	void *map = mmap(NULL, length, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (map == MAP_FAILED || maps_count() != before + 1) {
		text_write(STDERR_FILENO, "ops: a new map merged with another\n");
		exit(1);
	}
	munmap(map, length);
}

static void obey(const char *line)
{
	char name[KIND_LEN];
	unsigned int rate, ms, depth = 0;

	if (sscanf(line, "slice %15s %u %u", name, &ms, &depth) >= 2) {
		slice_below(kind_of(name), ms, depth);
	} else if (sscanf(line, "run %15s %u %u", name, &rate, &ms) == 3) {
		run(kind_of(name), rate, ms);
	} else {
		text_write(STDERR_FILENO, "ops: not understood: %s\n", line);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	static char input[BUFSIZ];
	char line[128];

	if (argc != 3) {
		text_write(STDERR_FILENO, "usage: ops CPU FILE\n");
		return 2;
	}
	length = PAIR_PAGES * page_size();
	setvbuf(stdin, input, _IOLBF, sizeof(input));
	sit_on((int)number_parse(argv[1]));
	open_file(argv[2]);
	check_that_maps_count();
	text_write(STDOUT_FILENO, "ready\n");
	while (fgets(line, sizeof(line), stdin))
		obey(line);
	return 0;
}
