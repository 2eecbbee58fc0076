// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 7: splits that are never undone, while mmap and munmap balance. A transfer engine registers a piece of its heap
 * for each transfer, as RDMA libraries do: MADV_DONTFORK, so that a child does not get the pages the hardware writes
 * to. It maps and unmaps a bounce buffer for each, in perfect balance. What it forgets is MADV_DOFORK (Mooncake#3639:
 * 17 to 70 maps a minute; here it is faster).
 *
 *     dontfork_splits [TRANSFERS [PACE_US]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE_SIZE  4096UL
#define BOUNCE_SIZE (64 * 1024UL)

static char *heap_make(long pieces)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *heap = mmap(NULL, 2 * pieces * PIECE_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (heap == MAP_FAILED) {
		fprintf(stderr, "malloc failed\n");
		exit(1);
	}
	return heap;
}

__attribute__((noinline)) static int piece_register(char *piece)
{
	int error = madvise(piece, PIECE_SIZE, MADV_DONTFORK); /* LEAK */

	return error ? -1 : 0;
}

static int transfer(char *piece, long number)
{
	char *bounce = mmap(NULL, BOUNCE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (bounce == MAP_FAILED || piece_register(piece) < 0) {
		fprintf(stderr, "transfer %ld: failed to register memory: bad address\n", number);
		return -1;
	}
	snprintf(bounce, BOUNCE_SIZE, "transfer %ld", number);
	memcpy(piece, bounce, PIECE_SIZE);
	return munmap(bounce, BOUNCE_SIZE);
}

int main(int argc, char **argv)
{
	long transfers = argc > 1 ? atol(argv[1]) : 100000;
	long pace_us = argc > 2 ? atol(argv[2]) : 1000;
	char *heap = heap_make(transfers);

	for (long number = 0; number < transfers; number++) {
		if (transfer(heap + 2 * number * PIECE_SIZE, number) < 0)
			return 1;
		usleep(pace_us);
	}
	return 0;
}
