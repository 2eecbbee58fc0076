// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 6: an allocator's purge. For a while the program only fills its heap; then a background thread begins to give
 * unused runs of pages back, each of them a hole between two that are used: 445 maps become 44 982, and 65 530, within
 * minutes (flowlog#177). An average over the program's life says nothing of that.
 *
 *     allocator_purge [RUNS [PACE_US [QUIET_MS]]]
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define RUN_SIZE (4 * 4096UL)

struct heap {
	char *runs;
	long count;
	long pace_us;
	long quiet_ms;
};

/* Only what is unused, and every other run is. */
static int run_is_unused(const struct heap *heap, long run)
{
	return heap->runs[run * RUN_SIZE] == 0;
}

static int heap_purge(const struct heap *heap)
{
	for (long run = 0; run < heap->count; run++) {
		if (!run_is_unused(heap, run))
			continue;
		if (munmap(heap->runs + run * RUN_SIZE, RUN_SIZE) < 0) /* LEAK */
			return -1;
		usleep(heap->pace_us);
	}
	return 0;
}

static void *purge_thread(void *arg)
{
	const struct heap *heap = arg;

	usleep(heap->quiet_ms * 1000);
	if (heap_purge(heap) < 0)
		fprintf(stderr, "allocator: purge failed, memory may grow\n");
	return NULL;
}

static void heap_fill(struct heap *heap)
{
	heap->runs = mmap(NULL, heap->count * RUN_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (heap->runs == MAP_FAILED) {
		fprintf(stderr, "malloc failed\n");
		exit(1);
	}
	for (long run = 0; run < heap->count; run += 2)
		strcpy(heap->runs + run * RUN_SIZE, "used");
}

int main(int argc, char **argv)
{
	struct heap heap = {
		.count = argc > 1 ? 2 * atol(argv[1]) : 200000,
		.pace_us = argc > 2 ? atol(argv[2]) : 1000,
		.quiet_ms = argc > 3 ? atol(argv[3]) : 1000,
	};
	pthread_t thread;

	heap_fill(&heap);
	if (pthread_create(&thread, NULL, purge_thread, &heap)) {
		fprintf(stderr, "cannot start a thread\n");
		return 1;
	}
	pthread_join(thread, NULL);
	return 0;
}
