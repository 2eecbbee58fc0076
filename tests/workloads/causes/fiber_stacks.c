// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 8: stacks with guard pages, two maps each. A server gives each connection a fiber, and keeps the fibers of
 * those that have gone quiet (ClickHouse#5369, corretto-11#308). Threads' stacks are made the same way.
 *
 *     fiber_stacks [CONNECTIONS [PACE_US]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define PAGE	   4096UL
#define STACK_SIZE (16 * PAGE)

struct fiber {
	ucontext_t context;
	struct fiber *next;
	char *stack;
	long served;
};

static ucontext_t scheduler;
static struct fiber *running;

static void fiber_main(void)
{
	for (;;) {
		running->served++;
		swapcontext(&running->context, &scheduler);
	}
}

/* A page below the stack that faults when it overflows. */
__attribute__((noinline)) static char *stack_make(void)
{
	char *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* LEAK */

	if (stack == MAP_FAILED)
		return NULL;
	if (mprotect(stack, PAGE, PROT_NONE) < 0) {
		munmap(stack, STACK_SIZE);
		return NULL;
	}
	return stack;
}

static struct fiber *fiber_make(struct fiber *next)
{
	struct fiber *fiber = calloc(1, sizeof(*fiber));

	if (fiber && (fiber->stack = stack_make())) {
		fiber->next = next;
		return fiber;
	}
	free(fiber);
	return NULL;
}

static void fiber_start(struct fiber *fiber)
{
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = STACK_SIZE;
	makecontext(&fiber->context, fiber_main, 0);
	running = fiber;
	swapcontext(&scheduler, &fiber->context);
}

int main(int argc, char **argv)
{
	long connections = argc > 1 ? atol(argv[1]) : 100000;
	long pace_us = argc > 2 ? atol(argv[2]) : 1000;
	struct fiber *fibers = NULL;

	for (long number = 1; number <= connections; number++) {
		struct fiber *fiber = fiber_make(fibers);

		if (!fiber) {
			fprintf(stderr, "connection %ld: too many threads\n", number);
			return 1;
		}
		fibers = fiber;
		fiber_start(fiber);
		usleep(pace_us);
	}
	return 0;
}
