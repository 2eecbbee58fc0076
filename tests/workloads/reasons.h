/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Refusals that have nothing to do with the number of maps, for refuse.c alone. Each returns what the call does: -1
 * and errno. Whatever takes maps to set up is set up by reasons_init(), before the process fills itself.
 */
#ifndef TESTS_WORKLOADS_REASONS_H
#define TESTS_WORKLOADS_REASONS_H

#include "common.h"

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#define PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS)
#define SHARED	(MAP_SHARED | MAP_ANONYMOUS)
#define RW	(PROT_READ | PROT_WRITE)
#define PAGES	512 /* more than the limits below leave */

/* Each lies between two pages of other rights, so that none merges with its neighbours. */
static struct {
	size_t page;
	char *holed;  /* three pages, the middle one a map of its own until reasons_punch() */
	char *hidden; /* PAGES without rights, and until then a page behind them */
	char *free;   /* PAGES that nothing is mapped on from then on */
	char *huge;   /* without rights, and more than the machine has memory */
	char *locked; /* a page, locked */
	char *data;   /* a page */
	char *spare;  /* SPARE pages, to be split */
	char *across; /* five pages, of one kind but for the third */
	char *many;   /* MANY pages, each a map of its own */
	int shm;      /* a segment of PAGES */
	size_t ram;   /* and swap, bytes */
} room;
#define SPARE 8
#define MANY  40

static char *reserve(size_t pages, int prot)
{
	char *start = mmap(NULL, (pages + 2) * room.page, PROT_READ | PROT_EXEC, PRIVATE, -1, 0);

	if (start == MAP_FAILED || mprotect(start + room.page, pages * room.page, prot) < 0)
		die("mmap");
	return start + room.page;
}

static void limit_set(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit limit = {soft, hard};

	if (setrlimit(resource, &limit) < 0)
		die("setrlimit");
}

static void privilege_drop(void)
{
	if (syscall(SYS_setuid, 65534) < 0)
		die("setuid");
}

static void reasons_init(size_t page)
{
	struct sysinfo info;

	if (sysinfo(&info) < 0)
		die("sysinfo");
	room.page = page;
	room.ram = (info.totalram + info.totalswap) * info.mem_unit;
	room.holed = reserve(3, PROT_NONE);
	room.hidden = reserve(PAGES, PROT_NONE);
	room.free = reserve(PAGES, PROT_NONE);
	room.huge = reserve(room.ram / page + PAGES, PROT_NONE);
	room.locked = reserve(1, RW);
	room.data = reserve(1, RW);
	room.spare = reserve(SPARE, PROT_NONE);
	room.across = reserve(5, RW);
	room.many = reserve(MANY, PROT_NONE);
	for (int i = 0; i < MANY; i += 2)
		mprotect(room.many + i * page, page, PROT_EXEC);
	room.shm = shmget(IPC_PRIVATE, PAGES * page, IPC_CREAT | 0600);
	if (mprotect(room.holed + page, page, PROT_EXEC) < 0 || mlock(room.locked, page) < 0 ||
	    mprotect(room.across + 2 * page, page, PROT_WRITE) < 0)
		die("reasons_init");
	/* Attached once, it lives as long as this process. */
	if (room.shm < 0 || shmat(room.shm, NULL, 0) == (void *)-1 || shmctl(room.shm, IPC_RMID, NULL) < 0)
		die("shmat");
}

/* Holes, made last as other maps would be put there; and as many maps elsewhere as it takes to have so many again. */
static void reasons_punch(long maps)
{
	munmap(room.holed + room.page, room.page);
	munmap(room.hidden + PAGES * room.page, room.page);
	munmap(room.free, PAGES * room.page);
	munmap(room.many + (MANY - 1) * room.page, room.page);
	for (int i = 0; i < SPARE && maps_count() < maps; i++)
		mprotect(room.spare + i * room.page, room.page, i % 2 ? PROT_EXEC : PROT_READ);
}

static long map_rw(size_t pages)
{
	return (long)mmap(NULL, pages * room.page, RW, PRIVATE, -1, 0);
}

/* libc reports it so; the kernel returns the old break. */
static long grow_break(size_t bytes)
{
	char *now = (char *)syscall(SYS_brk, 0);

	errno = ENOMEM;
	return (char *)syscall(SYS_brk, now + bytes) == now ? -1 : 0;
}

/* ---- RLIMIT_AS ---- */

static long run_rlimit_as(void)
{
	limit_set(RLIMIT_AS, 256 * room.page, RLIM_INFINITY);
	return map_rw(PAGES);
}

static long run_rlimit_as_fixed(void)
{
	limit_set(RLIMIT_AS, 256 * room.page, RLIM_INFINITY);
	return (long)mmap(room.free, PAGES * room.page, RW, PRIVATE | MAP_FIXED, -1, 0);
}

static long run_rlimit_as_mremap(void)
{
	limit_set(RLIMIT_AS, 256 * room.page, RLIM_INFINITY);
	return (long)mremap(room.locked, room.page, PAGES * room.page, MREMAP_MAYMOVE);
}

static long run_rlimit_as_brk(void)
{
	limit_set(RLIMIT_AS, 256 * room.page, RLIM_INFINITY);
	return grow_break(PAGES * room.page);
}

static long run_rlimit_as_shmat(void)
{
	limit_set(RLIMIT_AS, 256 * room.page, RLIM_INFINITY);
	return (long)shmat(room.shm, NULL, 0);
}

/* ---- RLIMIT_DATA ---- */

static long run_rlimit_data(void)
{
	limit_set(RLIMIT_DATA, 256 * room.page, RLIM_INFINITY);
	return map_rw(PAGES);
}

/* A limit of 0 is none, as long as the hard one holds. */
static long run_rlimit_data_zero(void)
{
	limit_set(RLIMIT_DATA, 0, 256 * room.page);
	return map_rw(PAGES);
}

static long run_rlimit_data_brk(void)
{
	limit_set(RLIMIT_DATA, 256 * room.page, RLIM_INFINITY);
	return grow_break(PAGES * room.page);
}

static long run_rlimit_data_mprotect(void)
{
	limit_set(RLIMIT_DATA, 256 * room.page, RLIM_INFINITY);
	return mprotect(room.hidden, PAGES * room.page, RW);
}

/* ---- RLIMIT_MEMLOCK: holds only for those without CAP_IPC_LOCK ---- */

static long run_memlock(void)
{
	limit_set(RLIMIT_MEMLOCK, 256 * room.page, 256 * room.page);
	privilege_drop();
	return mlock(room.hidden, PAGES * room.page);
}

static long run_memlock_mmap(void)
{
	limit_set(RLIMIT_MEMLOCK, 256 * room.page, 256 * room.page);
	privilege_drop();
	return (long)mmap(NULL, PAGES * room.page, RW, PRIVATE | MAP_LOCKED, -1, 0);
}

static long run_memlock_mremap(void)
{
	limit_set(RLIMIT_MEMLOCK, 256 * room.page, 256 * room.page);
	privilege_drop();
	return (long)mremap(room.locked, room.page, PAGES * room.page, MREMAP_MAYMOVE);
}

static long run_memlock_all(void)
{
	limit_set(RLIMIT_MEMLOCK, 16 * room.page, 16 * room.page);
	privilege_drop();
	return mlockall(MCL_CURRENT);
}

/* ---- overcommit ---- */

static long run_overcommit_private(void)
{
	return map_rw(room.ram / room.page + PAGES);
}

static long run_overcommit_shared(void)
{
	return (long)mmap(NULL, room.ram + PAGES * room.page, PROT_READ, SHARED, -1, 0);
}

static long run_overcommit_mprotect(void)
{
	return mprotect(room.huge, room.ram + PAGES * room.page, RW);
}

static long run_overcommit_mremap(void)
{
	return (long)mremap(room.data, room.page, room.ram + PAGES * room.page, MREMAP_MAYMOVE);
}

/* What the machine has, but not half of it: for vm.overcommit_memory 2, which does not hear MAP_NORESERVE either. */
static long run_commit_private(void)
{
	return (long)mmap(NULL, room.ram / 4 * 3, RW, PRIVATE | MAP_NORESERVE, -1, 0);
}

static long run_commit_shared(void)
{
	return (long)mmap(NULL, room.ram / 4 * 3, RW, SHARED, -1, 0);
}

/* ---- the address space, and arguments ---- */

/* Rounding up to whole pages wraps round to none. */
static long run_length(void)
{
	return (long)mmap(NULL, SIZE_MAX - 1, PROT_READ, PRIVATE, -1, 0);
}

static long run_length_mprotect(void)
{
	return mprotect(room.data, SIZE_MAX - 1, PROT_READ);
}

/* More than any address space has. */
static long run_address_space(void)
{
	return (long)mmap(NULL, SIZE_MAX / 4, PROT_NONE, PRIVATE | MAP_NORESERVE, -1, 0);
}

/*
 * Shorter than the address space, and longer than any gap in it. The space ends a little above the stack: 2^47 on
 * x86-64, on arm64 2^48 or what the kernel was made for.
 */
static long run_no_gap(void)
{
	size_t len = 0xb0000000;

	if (sizeof(void *) == 8)
		len = (SIZE_MAX >> __builtin_clzl((size_t)__builtin_frame_address(0))) - ((size_t)1 << 30);
	return (long)mmap(NULL, len, PROT_NONE, PRIVATE | MAP_NORESERVE, -1, 0);
}

/* Beyond the end of user space. */
static long run_beyond(void)
{
	return (long)mmap((void *)(SIZE_MAX / 2 & -room.page), room.page, PROT_NONE, PRIVATE | MAP_FIXED, -1, 0);
}

static long run_in_place(void)
{
	return (long)mremap(room.data, room.page, 2 * room.page, 0);
}

/* A map where the break is to go. */
static long run_break_hemmed(void)
{
	size_t now = ((size_t)syscall(SYS_brk, 0) + room.page - 1) & -room.page;

	if (mmap((void *)(now + room.page), room.page, PROT_NONE, PRIVATE | MAP_FIXED_NOREPLACE, -1, 0) == MAP_FAILED)
		die("mmap");
	return grow_break(2 * room.page);
}

/* ---- ranges with a hole in them ---- */

static long run_mprotect_gap(void)
{
	return mprotect(room.holed, 3 * room.page, PROT_READ);
}

/* It begins within a map, so that has to be split before the hole is met. */
static long run_mprotect_gap_split(void)
{
	return mprotect(room.hidden + room.page, PAGES * room.page, PROT_READ);
}

static long run_madvise_gap(void)
{
	return madvise(room.holed, 3 * room.page, MADV_DONTFORK);
}

static long run_mlock_gap(void)
{
	return mlock(room.holed, 3 * room.page);
}

static long run_munlock_gap(void)
{
	return munlock(room.holed, 3 * room.page);
}

/* Without rights there is nothing to be brought into memory: mlock says ENOMEM when it has split already. */
static long run_mlock_unread(void)
{
	return mlock(room.hidden, room.page);
}

/* ---- those who go on at once: what is looked up later is no longer what it was ---- */

/* One map less, one more at addr: as many as before, all the time at most so many as the limit allows. */
static long go_on(long result, char *addr, int prot)
{
	int error = errno;

	munmap(room.data, room.page);
	if (mmap(addr, room.page, prot, PRIVATE | MAP_FIXED, -1, 0) == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < 20; i++) {
		munmap(room.locked, room.page);
		mmap(room.locked, room.page, RW, PRIVATE | MAP_FIXED, -1, 0);
	}
	errno = error;
	return result;
}

/* The hole is gone. */
static long run_mprotect_gap_moving(void)
{
	return go_on(run_mprotect_gap(), room.holed + room.page, PROT_EXEC);
}

static long run_mprotect_gap_split_moving(void)
{
	return go_on(run_mprotect_gap_split(), room.hidden + PAGES * room.page, PROT_EXEC);
}

static long run_madvise_gap_moving(void)
{
	return go_on(run_madvise_gap(), room.holed + room.page, PROT_EXEC);
}

static long run_mlock_gap_moving(void)
{
	return go_on(run_mlock_gap(), room.holed + room.page, PROT_EXEC);
}

static long run_munlock_gap_moving(void)
{
	return go_on(run_munlock_gap(), room.holed + room.page, PROT_EXEC);
}

/* More maps than anybody looks at while the caller waits. */
static long run_mlock_many_moving(void)
{
	return go_on(mlock(room.many, MANY * room.page), room.many + (MANY - 1) * room.page, PROT_WRITE);
}

/* All of it was mapped; then a page in its middle is not. */
static long gap_make(long result)
{
	int error = errno;

	if (mmap(NULL, room.page, PROT_WRITE | PROT_EXEC, PRIVATE, -1, 0) == MAP_FAILED)
		die("mmap");
	munmap(room.across + 2 * room.page, room.page);
	for (int i = 0; i < 20; i++) {
		munmap(room.locked, room.page);
		mmap(room.locked, room.page, RW, PRIVATE | MAP_FIXED, -1, 0);
	}
	errno = error;
	return result;
}

static long run_mprotect_across_moving(void)
{
	return gap_make(mprotect(room.across + room.page, 3 * room.page, PROT_READ));
}

static long run_mlock_across_moving(void)
{
	return gap_make(mlock(room.across + room.page, 3 * room.page));
}

/* ---- what is left over ---- */

/* None is set aside unless the administrator did so. */
static long run_hugetlb(void)
{
	return (long)mmap(NULL, 1 << 21, RW, PRIVATE | MAP_HUGETLB, -1, 0);
}

/* ---- threads: pthread_create's own word for it is EAGAIN ---- */

static void *thread(void *arg)
{
	return arg;
}

static long thread_start(size_t stack_bytes)
{
	pthread_attr_t attr;
	pthread_t id;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, stack_bytes);
	errno = pthread_create(&id, &attr, thread, NULL);
	return errno ? -1 : pthread_join(id, NULL);
}

/* Another user of the address space, who does nothing. */
static void *sleeper(void *arg)
{
	for (;;)
		pause();
	return arg;
}

static void beside_start(void)
{
	pthread_t id;

	if (pthread_create(&id, NULL, sleeper, NULL))
		die("pthread_create");
}

static long run_thread(void)
{
	return thread_start(PAGES * room.page);
}

static long run_thread_as(void)
{
	limit_set(RLIMIT_AS, 256 * room.page, RLIM_INFINITY);
	return run_thread();
}

/* A stack is mapped without rights, which is no data yet. */
static long run_thread_data(void)
{
	limit_set(RLIMIT_DATA, 256 * room.page, RLIM_INFINITY);
	return run_thread();
}

#endif
