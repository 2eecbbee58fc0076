// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 3: an allocator that takes pages out of the middle of its chunks, by mapping PROT_NONE over them with MAP_FIXED
 * (jemalloc#1328). Nothing is unmapped and no address space is added, yet each hole makes three maps of one.
 *
 *     guard_holes [OBJECTS [PACE_US]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define CHUNK_SIZE (4UL << 20)
#define PAGE	   4096UL

struct heap {
	char *chunk;
	size_t used;
};

static char *page_allocate(struct heap *heap)
{
	if (!heap->chunk || heap->used + PAGE > CHUNK_SIZE) {
		heap->chunk = mmap(NULL, CHUNK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		heap->used = 0;
		if (heap->chunk == MAP_FAILED)
			return NULL;
	}
	heap->used += PAGE;
	return heap->chunk + heap->used - PAGE;
}

/* Gives the memory back, and makes a use after free fault. */
__attribute__((noinline)) static int page_decommit(char *page)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE;
	void *at = mmap(page, PAGE, PROT_NONE, flags, -1, 0); /* LEAK */

	return at == page ? 0 : -1;
}

/* Two objects that live on, and one between them that does not. */
static int request_serve(struct heap *heap, long number)
{
	char *session = page_allocate(heap), *scratch = page_allocate(heap), *reply = page_allocate(heap);

	if (!session || !scratch || !reply) {
		fprintf(stderr, "request %ld: malloc failed\n", number);
		return -1;
	}
	snprintf(session, PAGE, "session %ld", number);
	snprintf(scratch, PAGE, "parsing %s", session);
	memcpy(reply, scratch, PAGE);
	if (page_decommit(scratch) < 0) {
		fprintf(stderr, "request %ld: free() of an invalid pointer\n", number);
		return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	long objects = argc > 1 ? atol(argv[1]) : 100000;
	long pace_us = argc > 2 ? atol(argv[2]) : 1000;
	struct heap heap = {0};

	for (long number = 1; number <= objects; number++) {
		if (request_serve(&heap, number) < 0)
			return 1;
		usleep(pace_us);
	}
	return 0;
}
