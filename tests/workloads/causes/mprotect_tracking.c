// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 11: writes tracked by mprotect. A collector makes its heap read-only to learn which pages are written to; each
 * write faults, and the handler opens that page (bdwgc#324, DynamoRIO#3733). Two maps more for each page that is
 * written between two that are not, until the next collection: and this heap is so large that none comes.
 *
 *     mprotect_tracking [PAGES [PACE_US]]
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL

static struct heap {
	char *start;
	size_t size;
	unsigned char *dirty;
} heap;

__attribute__((noinline)) static int page_open(char *page)
{
	int error = mprotect(page, PAGE, PROT_READ | PROT_WRITE); /* LEAK */

	heap.dirty[(page - heap.start) / PAGE] = 1;
	return error;
}

static void write_handle(int signal, siginfo_t *info, void *context)
{
	static const char message[] = "GC: unexpected SIGSEGV\n";
	char *at = info->si_addr;

	(void)signal;
	(void)context;
	if (at < heap.start || at >= heap.start + heap.size || page_open(at - (at - heap.start) % PAGE) < 0) {
		if (write(STDERR_FILENO, message, sizeof(message) - 1) < 0)
			_exit(2);
		_exit(1);
	}
}

static int heap_make(long pages)
{
	struct sigaction action = {.sa_sigaction = write_handle, .sa_flags = SA_SIGINFO};

	heap.size = pages * PAGE;
	heap.dirty = calloc(pages, 1);
	heap.start = mmap(NULL, heap.size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!heap.dirty || heap.start == MAP_FAILED)
		return -1;
	return sigaction(SIGSEGV, &action, NULL);
}

/* Objects lie three pages apart. */
__attribute__((noinline)) static int object_write(long object)
{
	int len = snprintf(heap.start + (3 * object + 1) * PAGE, 64, "object %ld", object);

	return len > 0 && len < 64 ? 0 : -1;
}

int main(int argc, char **argv)
{
	long pages = argc > 1 ? atol(argv[1]) : 300000;
	long pace_us = argc > 2 ? atol(argv[2]) : 1000;

	if (heap_make(pages) < 0) {
		fprintf(stderr, "GC: cannot allocate the heap\n");
		return 1;
	}
	for (long object = 0; object < pages / 3; object++) {
		if (object_write(object) < 0)
			return 1;
		usleep(pace_us);
	}
	return 0;
}
