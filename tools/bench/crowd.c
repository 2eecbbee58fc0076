// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Large numbers. Each step waits for a line on stdin and says when it is done; at the end of stdin all is gone.
 *
 *     crowd processes N    N processes that sleep: "ready"
 *     crowd maps N         maps N single pages, then unmaps them: "ready", "mapped NS", "unmapped NS"
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000ULL + (uint64_t)now.tv_nsec;
}

static void sleep_for_good(pid_t parent)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it died before we could ask to follow it */
	close(STDIN_FILENO);
	close(STDOUT_FILENO);
	for (;;)
		pause();
}

static void hold_processes(long count)
{
	pid_t parent = getpid();

	for (long i = 0; i < count; i++) {
		pid_t pid = fork();

		if (pid < 0)
			die("fork");
		if (!pid)
			sleep_for_good(parent);
	}
	text_write(STDOUT_FILENO, "ready\n");
	stdin_wait();
	/* All at once, and none is left behind when we say so by ending. */
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
}

static void hold_maps(long count)
{
	void **pages = calloc((size_t)count, sizeof(*pages));
	uint64_t began;

	if (!pages)
		die("calloc");
	text_write(STDOUT_FILENO, "ready\n");
	line_wait(STDIN_FILENO);
	began = now_ns();
	for (long i = 0; i < count; i++) {
		pages[i] = page_map((unsigned long)i);
		if (pages[i] == MAP_FAILED)
			die("mmap");
	}
	text_write(STDOUT_FILENO, "mapped %llu\n", (unsigned long long)(now_ns() - began));
	line_wait(STDIN_FILENO);
	began = now_ns();
	for (long i = 0; i < count; i++)
		munmap(pages[i], page_size());
	text_write(STDOUT_FILENO, "unmapped %llu\n", (unsigned long long)(now_ns() - began));
	stdin_wait();
}

int main(int argc, char **argv)
{
	if (argc != 3) {
		text_write(STDERR_FILENO, "usage: crowd processes N; crowd maps N\n");
		return 2;
	}
	if (!strcmp(argv[1], "maps")) {
		hold_maps(number_parse(argv[2]));
		return 0;
	}
	setpgid(0, 0); /* whom we end are ours alone */
	hold_processes(number_parse(argv[2]));
	return 0;
}
