// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Many processes that do nothing, as on a large host: `idlers N [--exec]`. Lines of stdin make some of them move,
 * each told by a "done" when it is over; the end of stdin ends all.
 *
 *   map FIRST COUNT MAPS   each of these maps as many pages, and says "pid PID maps TOTAL"
 *   end FIRST COUNT        these end
 *
 * With --exec each is a program of its own, not a copy of the first.
 */
#include "common.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define ACK_FD 3 /* the children's end of a pipe that says a command has been obeyed */

static pid_t *pids;
static long count;

static void ack(void)
{
	if (write(ACK_FD, "", 1) != 1)
		_exit(1);
}

/* SIGUSR1 brings a number of maps to make. */
static void idle(void)
{
	unsigned long sequence = 0;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	ack();
	for (;;) {
		if (sigwaitinfo(&set, &info) != SIGUSR1)
			continue;
		for (int left = info.si_value.sival_int; left > 0; left--)
			page_map(sequence++);
		text_write(STDOUT_FILENO, "pid %d maps %ld\n", getpid(), maps_count());
		ack();
	}
}

static void acks_wait(int fd, long left)
{
	char bytes[256];

	while (left > 0) {
		ssize_t len = read(fd, bytes, left < (long)sizeof(bytes) ? (size_t)left : sizeof(bytes));

		if (len <= 0)
			die("an idler has ended by itself");
		left -= len;
	}
}

static void idlers_start(bool exec)
{
	for (long i = 0; i < count; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			die("fork");
		if (pids[i] > 0)
			continue;
		if (exec) {
			execl("/proc/self/exe", "idlers", "--idle", NULL);
			die("exec");
		}
		idle();
	}
}

static void idlers_end(long first, long last)
{
	for (long i = first; i < last; i++) {
		if (pids[i] > 0)
			kill(pids[i], SIGKILL);
	}
	for (long i = first; i < last; i++) {
		if (pids[i] > 0)
			waitpid(pids[i], NULL, 0);
		pids[i] = 0;
	}
}

static void obey(const char *line, int acks)
{
	long first = 0, number = 0, maps = 0;

	if (sscanf(line, "map %ld %ld %ld", &first, &number, &maps) != 3 &&
	    sscanf(line, "end %ld %ld", &first, &number) != 2)
		die(line);
	if (first < 0 || number < 0 || first + number > count)
		die(line);
	if (line[0] == 'e') {
		idlers_end(first, first + number);
	} else {
		for (long i = first; i < first + number; i++)
			sigqueue(pids[i], SIGUSR1, (union sigval){.sival_int = (int)maps});
		acks_wait(acks, number);
	}
	text_write(STDOUT_FILENO, "done\n");
}

/* False at the end of stdin. */
static bool line_read(char *line, size_t size)
{
	size_t len = 0;
	char byte;

	while (read(STDIN_FILENO, &byte, 1) == 1 && byte != '\n') {
		if (len < size - 1)
			line[len++] = byte;
	}
	line[len] = '\0';
	return len > 0;
}

int main(int argc, char **argv)
{
	bool exec = argc > 2 && !strcmp(argv[2], "--exec");
	sigset_t set;
	int acks[2];
	char line[128];

	if (argc == 2 && !strcmp(argv[1], "--idle"))
		idle();
	if (argc < 2 || (argc > 2 && !exec)) {
		text_write(STDERR_FILENO, "usage: idlers N [--exec]\n");
		return 2;
	}
	count = number_parse(argv[1]);
	pids = mmap(NULL, ((size_t)count + 1) * sizeof(*pids), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		    0);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (pids == MAP_FAILED || pipe(acks) || dup2(acks[0], 10) < 0 || dup2(acks[1], ACK_FD) < 0)
		die("set-up");
	idlers_start(exec);
	acks_wait(10, count);
	text_write(STDOUT_FILENO, "ready\n");
	while (line_read(line, sizeof(line)))
		obey(line, 10);
	idlers_end(0, count);
	return 0;
}
