// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The refusal points: fills itself to exactly M + OFFSET maps and runs one operation there.
 * "refuse OPERATION OFFSET [--wait]" prints "OPERATION ERRNO RET BEFORE AFTER", ERRNO "0" on success, the counts from
 * /proc. With --wait it prints "ready" once it is full, and waits for a line on stdin before and for its end after.
 */
#include "common.h"
#include "reasons.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/mempolicy.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_mseal
#define SYS_mseal 462
#endif

/* Three pages of one map, with a page on either side that never merges with them. */
static struct {
	char *start;
	size_t page;
	int shm;
	char *brk;
} target;

static long run_mmap(void)
{
	return (long)page_map(0);
}

static long run_mmap_fixed(void)
{
	return (long)mmap(target.start + target.page, target.page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED,
			  -1, 0);
}

static long run_munmap_hole(void)
{
	return munmap(target.start + target.page, target.page);
}

static long run_munmap_head(void)
{
	return munmap(target.start, target.page);
}

static long run_munmap_whole(void)
{
	return munmap(target.start, 3 * target.page);
}

static long run_mprotect_one(void)
{
	return mprotect(target.start, target.page, PROT_READ);
}

static long run_mprotect_two(void)
{
	return mprotect(target.start + target.page, target.page, PROT_READ);
}

static long run_pkey_mprotect_one(void)
{
	return syscall(SYS_pkey_mprotect, target.start, target.page, PROT_READ, -1);
}

/* The page behind is taken, so it has to move. */
static long run_mremap_move(void)
{
	return (long)mremap(target.start, 3 * target.page, 4 * target.page, MREMAP_MAYMOVE);
}

static long run_mremap_shrink(void)
{
	return (long)mremap(target.start, 3 * target.page, target.page, 0);
}

static long run_madvise_one(void)
{
	return madvise(target.start, target.page, MADV_DONTFORK);
}

static long run_madvise_two(void)
{
	return madvise(target.start + target.page, target.page, MADV_DONTFORK);
}

static long run_madvise_dontneed(void)
{
	return madvise(target.start + target.page, target.page, MADV_DONTNEED);
}

static long run_mlock_one(void)
{
	return mlock(target.start, target.page);
}

static long run_mbind_one(void)
{
	unsigned long nodes = 1;

	return syscall(SYS_mbind, target.start, target.page, MPOL_PREFERRED, &nodes, sizeof(nodes) * CHAR_BIT, 0);
}

static long run_mseal_one(void)
{
	return syscall(SYS_mseal, target.start, target.page, 0);
}

/* As libc's brk() sees it: the kernel reports a refusal by returning the old break. */
static long run_brk(void)
{
	long now = syscall(SYS_brk, target.brk + target.page);

	errno = ENOMEM;
	return now == (long)target.brk + (long)target.page ? 0 : -1;
}

static long run_shmat(void)
{
	return (long)shmat(target.shm, NULL, SHM_RDONLY);
}

static long run_io_setup(void)
{
	static aio_context_t context;

	return syscall(SYS_io_setup, 1, &context);
}

static long run_fork(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? -1 : waitpid(pid, NULL, 0);
}

static const struct operation {
	const char *name;
	long (*run)(void);
} operations[] = {
	{"mmap", run_mmap},
	{"mmap_beside", run_mmap},
	{"mmap_fixed", run_mmap_fixed},
	{"munmap_hole", run_munmap_hole},
	{"munmap_head", run_munmap_head},
	{"munmap_whole", run_munmap_whole},
	{"mprotect_one", run_mprotect_one},
	{"mprotect_two", run_mprotect_two},
	{"pkey_mprotect_one", run_pkey_mprotect_one},
	{"mremap_move", run_mremap_move},
	{"mremap_shrink", run_mremap_shrink},
	{"madvise_one", run_madvise_one},
	{"madvise_two", run_madvise_two},
	{"madvise_dontneed", run_madvise_dontneed},
	{"mlock_one", run_mlock_one},
	{"mbind_one", run_mbind_one},
	{"mseal_one", run_mseal_one},
	{"brk", run_brk},
	{"shmat", run_shmat},
	{"io_setup", run_io_setup},
	{"fork", run_fork},
	{"rlimit_as", run_rlimit_as},
	{"rlimit_as_beside", run_rlimit_as},
	{"rlimit_as_fixed", run_rlimit_as_fixed},
	{"rlimit_as_mremap", run_rlimit_as_mremap},
	{"rlimit_as_brk", run_rlimit_as_brk},
	{"rlimit_as_shmat", run_rlimit_as_shmat},
	{"rlimit_data", run_rlimit_data},
	{"rlimit_data_zero", run_rlimit_data_zero},
	{"rlimit_data_brk", run_rlimit_data_brk},
	{"rlimit_data_mprotect", run_rlimit_data_mprotect},
	{"memlock", run_memlock},
	{"memlock_mmap", run_memlock_mmap},
	{"memlock_mremap", run_memlock_mremap},
	{"memlock_all", run_memlock_all},
	{"overcommit_private", run_overcommit_private},
	{"overcommit_shared", run_overcommit_shared},
	{"overcommit_mprotect", run_overcommit_mprotect},
	{"overcommit_mremap", run_overcommit_mremap},
	{"commit_private", run_commit_private},
	{"commit_shared", run_commit_shared},
	{"length", run_length},
	{"length_mprotect", run_length_mprotect},
	{"address_space", run_address_space},
	{"no_gap", run_no_gap},
	{"beyond", run_beyond},
	{"in_place", run_in_place},
	{"break_hemmed", run_break_hemmed},
	{"mprotect_gap", run_mprotect_gap},
	{"mprotect_gap_split", run_mprotect_gap_split},
	{"madvise_gap", run_madvise_gap},
	{"mlock_gap", run_mlock_gap},
	{"munlock_gap", run_munlock_gap},
	{"mlock_unread", run_mlock_unread},
	{"mprotect_gap_moving", run_mprotect_gap_moving},
	{"mprotect_gap_split_moving", run_mprotect_gap_split_moving},
	{"madvise_gap_moving", run_madvise_gap_moving},
	{"mlock_gap_moving", run_mlock_gap_moving},
	{"munlock_gap_moving", run_munlock_gap_moving},
	{"mlock_many_moving", run_mlock_many_moving},
	{"mprotect_across_moving", run_mprotect_across_moving},
	{"mlock_across_moving", run_mlock_across_moving},
	{"hugetlb", run_hugetlb},
	{"thread", run_thread},
	{"thread_as", run_thread_as},
	{"thread_data", run_thread_data},
};

static const struct operation *operation_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	}
	text_write(STDERR_FILENO, "refuse: no such operation: %s\n", name);
	exit(2);
}

static bool needs_holes(long (*run)(void))
{
	static long (*const runs[])(void) = {
		run_rlimit_as_fixed,	run_mprotect_gap,     run_mprotect_gap_split,  run_madvise_gap,
		run_mlock_gap,		run_munlock_gap,      run_mprotect_gap_moving, run_mprotect_gap_split_moving,
		run_madvise_gap_moving, run_mlock_gap_moving, run_munlock_gap_moving,  run_mlock_many_moving,
	};

	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		if (runs[i] == run)
			return true;
	}
	return false;
}

static void target_init(void)
{
	size_t page = page_size();
	char *area = mmap(NULL, 5 * page, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED || mprotect(area + page, 3 * page, PROT_READ | PROT_WRITE) < 0)
		die("mmap");
	target.page = page;
	target.start = area + page;
	target.brk = (char *)syscall(SYS_brk, 0);
	target.shm = shmget(IPC_PRIVATE, page, IPC_CREAT | 0600);
	/* One attachment keeps the segment alive to this process's end and no longer. */
	if (target.shm < 0 || shmat(target.shm, NULL, 0) == (void *)-1 || shmctl(target.shm, IPC_RMID, NULL) < 0)
		die("shmat");
}

int main(int argc, char **argv)
{
	const struct operation *operation;
	bool wait = argc == 4 && strcmp(argv[3], "--wait") == 0;
	long before, result;
	const char *error;

	if (argc != 3 && !wait) {
		text_write(STDERR_FILENO, "usage: refuse OPERATION OFFSET [--wait]\n");
		return 2;
	}
	operation = operation_find(argv[1]);
	target_init();
	reasons_init(target.page);
	if (strstr(operation->name, "_beside"))
		beside_start();
	maps_fill(limit_maps() + number_parse(argv[2]));
	if (needs_holes(operation->run))
		reasons_punch(limit_maps() + number_parse(argv[2]));
	if (wait) {
		text_write(STDOUT_FILENO, "ready\n");
		line_wait(STDIN_FILENO);
	}
	before = maps_count();
	result = operation->run();
	error = result == -1 ? strerrorname_np(errno) : "0";
	text_write(STDOUT_FILENO, "%s %s %ld %ld %ld\n", operation->name, error, result, before, maps_count());
	if (wait)
		stdin_wait();
	return 0;
}
