/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Stands still in a call chain that is known: target WHAT [LIBRARY]. Says "ready ADDRESS" and waits for its stdin.
 * Built with -O2, once without frame pointers, and once without its debug information.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NOINLINE __attribute__((noinline, noclone))
#define INLINE	 static inline __attribute__((always_inline))
#define KEEP()	 __asm__ volatile("" ::: "memory") /* no call before it is a function's last deed */

typedef void call_fn(void (*fn)(void));

NOINLINE void wait_here(void *address)
{
	char text[64];
	int len = snprintf(text, sizeof(text), "ready %lx\n", (unsigned long)address);

	if (write(1, text, (size_t)len) != len || read(0, text, 1) < 0) /* line: wait_here */
		exit(1);
	KEEP();
}

INLINE void inner(void)
{
	wait_here((void *)wait_here); /* line: inner */
	KEEP();
}

INLINE void middle(void)
{
	inner(); /* line: middle */
	KEEP();
}

NOINLINE void outer(int depth)
{
	volatile char room[128];

	room[depth] = 1;
	(void)room;
	if (depth)
		outer(depth - 1); /* line: deeper */
	else
		middle(); /* line: outer */
	KEEP();
}

static void call_outer(void)
{
	outer(2);
	KEEP();
}

static void *run_thread(void *arg)
{
	outer(1);
	KEEP();
	return arg;
}

static void on_signal(int number)
{
	(void)number;
	outer(0);
	KEEP();
}

/* Vectors make the compiler realign the stack, for which the canonical frame address is in memory. */
NOINLINE __attribute__((optimize("no-omit-frame-pointer"))) void realigned(int size)
{
	volatile char room[64] __attribute__((aligned(64)));
	volatile char *more = __builtin_alloca((size_t)size);

	room[0] = more[0] = 1;
	(void)room;
	outer(0);
	KEEP();
}

static void in_library(const char *path)
{
	void *library = dlopen(path, RTLD_NOW);
	call_fn *call = library ? (call_fn *)dlsym(library, "_ZN4plug8Thingies4callEPFvvE") : NULL;

	if (!call)
		exit(2);
	unlink(path);
	call(call_outer);
	KEEP();
}

/* Code without a file, with its name in a perf map; the line after it comes when there has been a word on stdin. */
static void just_in_time(void)
{
	char *code = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char path[64];
	FILE *map;

	snprintf(path, sizeof(path), "/tmp/perf-%d.map", (int)getpid());
	map = fopen(path, "w");
	if (code == MAP_FAILED || !map)
		exit(2);
	fprintf(map, "%lx 40 LazyCompile:*first /app.js:1\nno line\n", (unsigned long)code);
	fflush(map);
	wait_here(code);
	fprintf(map, "%lx 40 LazyCompile:*second /app.js:2\n", (unsigned long)code + 64);
	fflush(map);
	wait_here(code);
	unlink(path);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";
	pthread_t thread;

	if (!strcmp(what, "plain"))
		outer(3);
	if (!strcmp(what, "realigned"))
		realigned(argc * 16);
	if (!strcmp(what, "library"))
		in_library(argv[2]);
	if (!strcmp(what, "jit"))
		just_in_time();
	if (!strcmp(what, "signal")) {
		signal(SIGUSR1, on_signal);
		raise(SIGUSR1);
	}
	if (!strcmp(what, "thread") && !pthread_create(&thread, NULL, run_thread, NULL))
		pthread_join(thread, NULL);
	if (!strcmp(what, "leaderless") && !pthread_create(&thread, NULL, run_thread, NULL))
		pthread_exit(NULL);
	KEEP();
	return 0;
}
