// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 10: neighbours that stop merging. A sandbox keeps the memory of its guests in one memfd and maps it page by
 * page into their address space. As long as pages come from the file in order they are one map; once its free list is
 * shuffled, each page is a map of its own, though nothing lies between them (gVisor PR#11360).
 *
 *     scattered_offsets [PAGES [PACE_US [PAGES_IN_ORDER]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE 4096UL

struct guest {
	int fd;
	long pages;
	long in_order;
	char *space;
};

static int guest_make(struct guest *guest)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	guest->fd = memfd_create("runsc-memory", MFD_CLOEXEC);
	if (guest->fd < 0 || ftruncate(guest->fd, 2 * guest->pages * PAGE) < 0)
		return -1;
	guest->space = mmap(NULL, guest->pages * PAGE, PROT_NONE, flags, -1, 0);
	return guest->space == MAP_FAILED ? -1 : 0;
}

/* Where in the file the next free page is: at first behind the last one, later anywhere. */
static long page_place(const struct guest *guest, long page)
{
	return page < guest->in_order ? page : guest->pages + page / 2 + (page % 2) * (guest->pages / 2);
}

__attribute__((noinline)) static int page_fault(struct guest *guest, long page)
{
	const off_t offset = page_place(guest, page) * PAGE;
	char *at = guest->space + page * PAGE;

	at = mmap(at, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, guest->fd, offset); /* LEAK */
	if (at == MAP_FAILED)
		return -1;
	*at = 1;
	return 0;
}

int main(int argc, char **argv)
{
	struct guest guest = {
		.pages = argc > 1 ? atol(argv[1]) : 100000,
		.in_order = argc > 3 ? atol(argv[3]) : 1000,
	};
	long pace_us = argc > 2 ? atol(argv[2]) : 1000;

	if (guest_make(&guest) < 0) {
		fprintf(stderr, "sandbox: cannot make the guest's memory\n");
		return 1;
	}
	for (long page = 0; page < guest.pages; page++) {
		if (page_fault(&guest, page) < 0) {
			fprintf(stderr, "sandbox: guest killed by SIGBUS at page %ld\n", page);
			return 1;
		}
		usleep(pace_us);
	}
	return 0;
}
