// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 4: munmap itself is refused. A pool cuts buffers out of large areas and gives them back one by one; each one
 * given back between two that are not divides a map, and at the limit the kernel refuses to. The result is not looked
 * at (jemalloc#970, ocaml#14865, golang#20882): from there on memory is never given back, and nothing says why.
 *
 *     munmap_refused [BUFFERS [PACE_US]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define BUFFER_SIZE 4096UL

static char *area_make(long buffers)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *area = mmap(NULL, buffers * BUFFER_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (area == MAP_FAILED) {
		fprintf(stderr, "pool: out of memory\n");
		exit(1);
	}
	return area;
}

/* Returns nothing, as free() does. */
__attribute__((noinline)) static void buffer_free(char *buffer, long *freed)
{
	munmap(buffer, BUFFER_SIZE); /* LEAK */
	++*freed;
}

int main(int argc, char **argv)
{
	long buffers = argc > 1 ? atol(argv[1]) : 140000;
	long pace_us = argc > 2 ? atol(argv[2]) : 0;
	char *area = area_make(buffers);
	long freed = 0;

	for (long i = 0; i < buffers; i++) {
		/* The work of every sixteenth is larger. */
		if (i % 16 == 0)
			area[i * BUFFER_SIZE] = 1;
		if (i % 2 == 0)
			continue;
		buffer_free(area + i * BUFFER_SIZE, &freed);
		if (pace_us > 0)
			usleep(pace_us);
	}
	printf("%ld of %ld buffers freed\n", freed, buffers);
	return 0;
}
