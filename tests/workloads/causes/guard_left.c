// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 8 once more: stacks with a guard page, of which only the usable part is unmapped. What is left is a page each
 * that nothing can be read from: no memory is lost, and a map for each stack there ever was.
 *
 *     guard_left [STACKS [PACE_US]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define STACK_SIZE 65536UL
#define GUARD_SIZE 4096UL

__attribute__((noinline)) static void guard_make(char *start)
{
	if (mprotect(start, GUARD_SIZE, PROT_NONE) < 0) /* LEAK */
		perror("mprotect");
	__asm__ volatile("" ::: "memory");
}

__attribute__((noinline)) static char *stack_make(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;
	char *start = mmap(NULL, GUARD_SIZE + STACK_SIZE, PROT_READ | PROT_WRITE, flags, -1, 0);

	if (start == MAP_FAILED) {
		fprintf(stderr, "fiber: out of memory\n");
		exit(1);
	}
	guard_make(start);
	return start + GUARD_SIZE;
}

static void stack_free(char *stack)
{
	munmap(stack, STACK_SIZE);
}

int main(int argc, char **argv)
{
	long stacks = argc > 1 ? atol(argv[1]) : 70000;
	long pace_us = argc > 2 ? atol(argv[2]) : 0;

	for (long i = 0; i < stacks; i++) {
		char *stack = stack_make();

		stack[STACK_SIZE - 1] = 1;
		stack_free(stack);
		if (pace_us > 0)
			usleep(pace_us);
	}
	printf("%ld fibers have run\n", stacks);
	return 0;
}
