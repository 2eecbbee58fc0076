// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Changes that no memory call explains: "other userfaultfd" splits an area by an ioctl, "other io_uring" has a kernel
 * worker of this process do the madvise. Waits for a line, adds two maps, prints "pid P maps C", waits for stdin's end.
 */
#include "common.h"

#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* A queue of one entry: only what a single submission needs. */
struct ring {
	int fd;
	struct io_uring_params params;
	char *queue;
	struct io_uring_sqe *entries;
};

static struct ring ring;
static int faults;

static void ring_init(void)
{
	size_t size;

	ring.fd = syscall(SYS_io_uring_setup, 1, &ring.params);
	if (ring.fd < 0)
		die("io_uring_setup");
	size = ring.params.sq_off.array + ring.params.sq_entries * sizeof(unsigned);
	ring.queue = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQ_RING);
	ring.entries = mmap(NULL, sizeof(*ring.entries), PROT_READ | PROT_WRITE, MAP_SHARED, ring.fd, IORING_OFF_SQES);
	if (ring.queue == MAP_FAILED || ring.entries == MAP_FAILED)
		die("mmap");
}

static void ring_split(void *page, size_t len)
{
	unsigned *tail = (unsigned *)(ring.queue + ring.params.sq_off.tail);

	ring.entries[0] = (struct io_uring_sqe){.opcode = IORING_OP_MADVISE,
						.flags = IOSQE_ASYNC,
						.addr = (uintptr_t)page,
						.len = len,
						.fadvise_advice = MADV_DONTFORK};
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring.fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		die("io_uring_enter");
}

static void faults_init(void)
{
	struct uffdio_api api = {.api = UFFD_API};

	faults = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (faults < 0 || ioctl(faults, UFFDIO_API, &api) < 0)
		die("userfaultfd");
}

static void faults_split(void *page, size_t len)
{
	struct uffdio_register range = {.range = {(uintptr_t)page, len}, .mode = UFFDIO_REGISTER_MODE_MISSING};

	if (ioctl(faults, UFFDIO_REGISTER, &range) < 0)
		die("UFFDIO_REGISTER");
}

int main(int argc, char **argv)
{
	bool by_ring = argc == 2 && strcmp(argv[1], "io_uring") == 0;
	size_t page = page_size();
	char *area = mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (argc != 2 || (!by_ring && strcmp(argv[1], "userfaultfd") != 0)) {
		text_write(STDERR_FILENO, "usage: other io_uring|userfaultfd\n");
		return 2;
	}
	/* Another protection, or the area could be part of a larger map. */
	if (area == MAP_FAILED || mprotect(area, 3 * page, PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
		die("mmap");
	by_ring ? ring_init() : faults_init();
	text_write(STDOUT_FILENO, "ready\n");
	line_wait(STDIN_FILENO);
	by_ring ? ring_split(area + page, page) : faults_split(area + page, page);
	text_write(STDOUT_FILENO, "pid %d maps %ld\n", getpid(), maps_count());
	stdin_wait();
	return 0;
}
