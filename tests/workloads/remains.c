// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * What is left of maps when they are unmapped in part, mapped over, moved, split, inherited. Each way has a place of
 * its own, so that nothing merges, and each call a function of its own. Says "ready", does it all after a line on
 * stdin, says "FUNCTION START END" (hex) for each range whose maps FUNCTION has made, then "done", and stays until its
 * stdin is closed. With "exec" as its argument the program does so in a second image; with "fork" its child does, and
 * says so with "child PID" before.
 */
#include "common.h"

#include <linux/aio_abi.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#define PAGE	 4096
#define NOINLINE __attribute__((noinline, noclone))
#define LAST()	 __asm__ volatile("" ::: "memory") /* no call before it is a function's last deed */
#define FIRST	 ((char *)0x100000000000)
#define APART	 0x10000000L

static long places;

static char *place(void)
{
	return FIRST + APART * places++;
}

static void own(const char *function, const char *start, long pages)
{
	text_write(STDOUT_FILENO, "%s %lx %lx\n", function, (unsigned long)start, (unsigned long)start + pages * PAGE);
}

static char *map(char *at, long pages, int prot)
{
	char *start = mmap(at, pages * PAGE, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	if (start != at)
		die("mmap");
	return start;
}

static void unmap(char *start, long pages)
{
	if (munmap(start, pages * PAGE) < 0)
		die("munmap");
}

/* ---- unmapped in part ---- */

NOINLINE static void case_head(void)
{
	char *a = map(place(), 8, PROT_READ);

	unmap(a, 3);
	own("case_head", a, 8);
}

NOINLINE static void case_tail(void)
{
	char *a = map(place(), 8, PROT_READ);

	unmap(a + 5 * PAGE, 3);
	own("case_tail", a, 8);
}

/* One map has become two. */
NOINLINE static void case_middle(void)
{
	char *a = map(place(), 8, PROT_READ);

	unmap(a + 3 * PAGE, 2);
	own("case_middle", a, 8);
}

/* Of the first and the last of three a part stays. */
NOINLINE static void case_across(void)
{
	char *a = map(place(), 4, PROT_READ);

	map(a + 4 * PAGE, 4, PROT_NONE);
	map(a + 8 * PAGE, 4, PROT_READ);
	unmap(a + 2 * PAGE, 8);
	own("case_across", a, 12);
}

NOINLINE static void case_all(void)
{
	char *a = map(place(), 4, PROT_READ);

	map(a + 4 * PAGE, 4, PROT_NONE);
	unmap(a, 8);
	own("case_all", a, 8);
}

NOINLINE static void case_reused(char *at)
{
	map(at, 2, PROT_NONE);
	own("case_reused", at, 2);
}

/* A tail is unmapped and used anew; then the rest of the first goes, by the length that it has had left. */
NOINLINE static void case_trimmed(void)
{
	char *a = map(place(), 8, PROT_READ);

	unmap(a + 6 * PAGE, 2);
	case_reused(a + 6 * PAGE);
	unmap(a, 6);
	own("case_trimmed", a, 6);
}

/* ---- mapped over ---- */

NOINLINE static void case_over(char *at, long pages)
{
	map(at, pages, PROT_WRITE);
	own("case_over", at, pages);
}

/* Parts of two, then the head of one, then the middle of another. */
NOINLINE static void case_under(void)
{
	char *a = map(place(), 4, PROT_READ), *b = map(place(), 8, PROT_READ), *c = map(place(), 8, PROT_READ);

	map(a + 4 * PAGE, 4, PROT_NONE);
	case_over(a + 2 * PAGE, 4);
	own("case_under", a, 2);
	own("case_under", a + 6 * PAGE, 2);
	case_over(b, 3);
	own("case_under", b + 3 * PAGE, 5);
	case_over(c + 3 * PAGE, 2);
	own("case_under", c, 3);
	own("case_under", c + 5 * PAGE, 3);
}

/* ---- mremap ---- */

NOINLINE static void *remap(void *at, long from, long to, int flags, void *target)
{
	void *start = mremap(at, from * PAGE, to * PAGE, flags, target);

	if (start == MAP_FAILED)
		die("mremap");
	return start;
}

NOINLINE static void case_moved(char *at, long from, long to, int flags)
{
	char *target = place();

	remap(at, from, to, MREMAP_MAYMOVE | MREMAP_FIXED | flags, target);
	own("case_moved", target, to);
}

NOINLINE static void case_resized(void)
{
	char *a = map(place(), 4, PROT_READ), *b = map(place(), 8, PROT_READ), *c = map(place(), 4, PROT_READ);
	char *d = map(place(), 4, PROT_READ | PROT_WRITE), *e = map(place(), 8, PROT_READ);

	remap(a, 4, 8, 0, NULL);
	own("case_resized", a, 8);
	remap(b, 8, 3, 0, NULL);
	own("case_resized", b, 8);
	case_moved(c, 4, 9, 0);
	own("case_resized", c, 4);
	case_moved(d, 4, 4, MREMAP_DONTUNMAP);
	own("case_resized", d, 4);
	case_moved(e, 2, 2, 0);
	own("case_resized", e, 8);
}

/* ---- split and joined again ---- */

NOINLINE static void protect(char *at, long pages, int prot)
{
	if (mprotect(at, pages * PAGE, prot) < 0)
		die("mprotect");
	LAST();
}

NOINLINE static void case_split(char *at, long pages)
{
	protect(at, pages, PROT_NONE);
	own("case_split", at, pages);
}

NOINLINE static void case_whole(void)
{
	char *a = map(place(), 9, PROT_READ), *b = map(place(), 9, PROT_READ);

	case_split(a + 3 * PAGE, 3);
	own("case_whole", a, 3);
	own("case_whole", a + 6 * PAGE, 3);
	protect(b + 3 * PAGE, 3, PROT_NONE);
	protect(b + 3 * PAGE, 3, PROT_READ);
	own("case_whole", b, 9);
}

/* ---- others ---- */

NOINLINE static void case_segment(void)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
	char *gone = shmat(id, place(), 0), *stays = shmat(id, place(), 0);

	if (shmctl(id, IPC_RMID, NULL) < 0 || shmdt(gone) < 0)
		die("shm");
	own("case_segment", gone, 4);
	own("case_segment", stays, 4);
}

/* Its arguments are no range. */
NOINLINE static void case_ring(void)
{
	aio_context_t ring = 0;

	if (syscall(SYS_io_setup, 1, &ring) < 0)
		die("io_setup");
	own("case_ring", (char *)ring, 1);
}

static void all_run(void)
{
	case_head();
	case_tail();
	case_middle();
	case_across();
	case_all();
	case_trimmed();
	case_under();
	case_resized();
	case_whole();
	case_segment();
	case_ring();
}

/* Maps the parent or the program before has made: nobody's of ours. */
NOINLINE static void case_before(void)
{
	for (int i = 0; i < 5; i++)
		map(place(), 2, PROT_READ);
	LAST();
}

int main(int argc, char **argv)
{
	const char *way = argc > 1 ? argv[1] : "";
	char *again[] = {argv[0], "executed", NULL};
	pid_t child;

	if (strcmp(way, "executed") != 0) {
		text_write(STDOUT_FILENO, "ready\n");
		line_wait(STDIN_FILENO);
	}
	if (strcmp(way, "exec") == 0 || strcmp(way, "fork") == 0)
		case_before();
	if (strcmp(way, "exec") == 0)
		execv("/proc/self/exe", again);
	child = strcmp(way, "fork") == 0 ? fork() : -1;
	if (child > 0)
		return 0; /* the child stays */
	if (child == 0)
		text_write(STDOUT_FILENO, "child %d\n", getpid());
	if (child == 0 || strcmp(way, "executed") == 0)
		line_wait(STDIN_FILENO);
	all_run();
	text_write(STDOUT_FILENO, "done\n");
	stdin_wait();
	return 0;
}
