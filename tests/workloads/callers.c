// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Maps from call chains that are known: callers STEP... Says "ready", and runs each step after a line on stdin; then
 * "done STEP". Each line of a chain is marked. Built without frame pointers, with them, and twice static at a fixed
 * address, with other names.
 */
#include "common.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define INLINE	 static inline __attribute__((always_inline))
#define KEEP()	 __asm__ volatile("" ::: "memory") /* no call before it is a function's last deed */
#define TIMES	 20
#define THREADS	 4

typedef void *map_fn(size_t len);

static size_t length = 4096;

/* Each of another length: nothing merges, for every second is of another protection. */
NOINLINE void map_here(void)
{
	static unsigned long count;
	int prot = __atomic_add_fetch(&count, 1, __ATOMIC_RELAXED) % 2 ? PROT_READ : PROT_NONE;

	mmap(NULL, length, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); /* line: map_here */
	KEEP();
}

INLINE void inner(void)
{
	map_here(); /* line: inner */
	KEEP();
}

NOINLINE void outer(void)
{
	inner(); /* line: outer */
	KEEP();
}

NOINLINE void descend(int depth)
{
	volatile char room[64];

	room[0] = 1;
	(void)room;
	if (depth)
		descend(depth - 1); /* line: descend */
	else
		outer(); /* line: bottom */
	KEEP();
}

static void *run_thread(void *arg)
{
	for (int i = 0; i < TIMES; i++) {
		outer(); /* line: run_thread */
		KEEP();
	}
	return arg;
}

static void on_signal(int number)
{
	(void)number;
	outer(); /* line: on_signal */
	KEEP();
}

static void threads_run(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++) {
		if (pthread_create(&threads[i], NULL, run_thread, NULL))
			die("pthread_create");
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

#ifndef STATIC
static map_fn *mapper_map;

NOINLINE static void library_load(void)
{
	const char *path = getenv("MAPPER");
	void *library = dlopen(path ? path : "libmapper.so", RTLD_NOW);

	mapper_map = library ? (map_fn *)dlsym(library, "mapper_map") : NULL;
	if (!mapper_map) {
		text_write(STDERR_FILENO, "%s\n", dlerror());
		exit(2);
	}
}

NOINLINE static void library_run(void)
{
	mapper_map(length); /* line: library_run */
	KEEP();
}
#else
static void library_load(void)
{
}

static void library_run(void)
{
}
#endif

/* Code that no file tells of: mmap(2) with the arguments of a C function. */
NOINLINE static void code_run(void)
{
#ifdef __x86_64__
	static const unsigned char code[] = {0x49, 0x89, 0xca, 0xb8, 9, 0, 0, 0, 0x0f, 0x05, 0xc3};
#else
	static const unsigned int code[] = {0xd2801bc8, 0xd4000001, 0xd65f03c0};
#endif
	typedef void *code_fn(void *, size_t, int, int, int, off_t);
	char *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	union {
		void *data;
		code_fn *code;
	} made = {page};

	if (page == MAP_FAILED)
		die("mmap");
	memcpy(page, code, sizeof(code));
	__builtin___clear_cache(page, page + sizeof(code));
	made.code(NULL, 5 * 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* line: code_run */
	KEEP();
}

/* An ELF file's header is of no use to a program that runs. */
NOINLINE static void header_spoil(void)
{
	extern char __ehdr_start[];

	if (mprotect(__ehdr_start, 4096, PROT_READ | PROT_WRITE) < 0)
		die("mprotect");
	memset(__ehdr_start, 0xff, 64);
}

NOINLINE static void refused(void)
{
	mmap(NULL, 1UL << 50, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0); /* line: refused */
	KEEP();
}

static void repeat(void (*step)(void))
{
	for (int i = 0; i < TIMES; i++) {
		step(); /* line: repeat */
		KEEP();
	}
}

static void step_run(const char *step)
{
	if (!strcmp(step, "plain"))
		repeat(outer);
	else if (!strcmp(step, "threads"))
		threads_run();
	else if (!strcmp(step, "deep"))
		descend(300); /* line: deep */
	else if (!strcmp(step, "shallow"))
		descend(40); /* line: shallow */
	else if (!strcmp(step, "signal"))
		raise(SIGUSR1);
	else if (!strcmp(step, "load"))
		library_load();
	else if (!strcmp(step, "library"))
		repeat(library_run);
	else if (!strcmp(step, "code"))
		code_run();
	else if (!strcmp(step, "spoil"))
		header_spoil();
	else if (!strcmp(step, "refused"))
		refused();
	else
		exit(2);
	KEEP();
}

int main(int argc, char **argv)
{
	signal(SIGUSR1, on_signal);
	text_write(STDOUT_FILENO, "ready\n");
	for (int i = 1; i < argc; i++) {
		line_wait(STDIN_FILENO);
		step_run(argv[i]); /* line: main */
		text_write(STDOUT_FILENO, "done %s\n", argv[i]);
	}
	return 0;
}
