// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Leaks maps as fast as the machine can, from its first map to the real limit, and tells when the first failing call
 * began. The maps are pages of its own, or with --shm attachments of one System V segment. Prints "refused <ns> <time>
 * maps <n>" with CLOCK_REALTIME.
 */
#include "common.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <unistd.h>

/* Removed at once: it lives as long as it is attached. */
static int segment_make(void)
{
	int shm = shmget(IPC_PRIVATE, page_size(), IPC_CREAT | 0600);

	if (shm < 0 || shmat(shm, NULL, 0) == (void *)-1 || shmctl(shm, IPC_RMID, NULL) < 0)
		die("shmget");
	return shm;
}

/* Attaches the segment, or without one maps a page. Returns the time just before the call that failed. */
static int64_t maps_leak(int shm)
{
	int64_t before_ns;
	void *page;

	for (unsigned long sequence = 0;; sequence++) {
		before_ns = realtime_ns();
		page = shm >= 0 ? shmat(shm, NULL, 0) : page_map(sequence);
		if (page == MAP_FAILED)
			return before_ns;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"wait", no_argument, NULL, 'w'},
		{"hold", no_argument, NULL, 'h'},
		{"shm", no_argument, NULL, 's'},
		{0},
	};
	bool wait = false, hold = false;
	int shm = -1;
	char when[TIME_TEXT_SIZE];
	int64_t before_ns;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == '?') {
			text_write(STDERR_FILENO, "usage: fastleak [--wait: for a line on stdin first] "
						  "[--hold: until stdin closes] [--shm: by shmat]\n");
			return 2;
		}
		wait |= c == 'w';
		hold |= c == 'h';
		if (c == 's')
			shm = segment_make();
	}
	if (wait) {
		text_write(STDOUT_FILENO, "ready\n");
		line_wait(STDIN_FILENO);
	}
	before_ns = maps_leak(shm);
	time_format(before_ns, when);
	text_write(STDOUT_FILENO, "refused %lld %s maps %ld\n", (long long)before_ns, when, maps_count());
	if (hold)
		stdin_wait();
	return 0;
}
