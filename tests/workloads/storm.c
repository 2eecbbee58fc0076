// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A storm of operations, more than any ring can take: mmap/munmap pairs as fast as possible, or with some rest after
 * each, and at the end a known number of maps kept. Prints "pid P maps C pairs N".
 */
#include "common.h"

#include <getopt.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static unsigned long pairs_run(int64_t end_ns, long rest_us)
{
	unsigned long pairs = 0;

	while (pairs % 256 || realtime_ns() < end_ns) {
		void *page = page_map(pairs);

		if (page == MAP_FAILED)
			die("mmap");
		munmap(page, page_size());
		pairs++;
		if (rest_us > 0)
			usleep(rest_us);
	}
	return pairs;
}

static void keep(long maps)
{
	for (long i = 0; i < maps; i++) {
		if (page_map(i) == MAP_FAILED)
			die("mmap");
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"seconds", required_argument, NULL, 's'}, {"keep", required_argument, NULL, 'k'},
		{"rest", required_argument, NULL, 'r'},	   {"wait", no_argument, NULL, 'w'},
		{"hold", no_argument, NULL, 'h'},	   {0},
	};
	bool wait = false, hold = false;
	long seconds = 1, kept = 37, rest_us = 0;
	unsigned long pairs;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 's')
			seconds = number_parse(optarg);
		else if (c == 'k')
			kept = number_parse(optarg);
		else if (c == 'r')
			rest_us = number_parse(optarg);
		else if (c == 'w')
			wait = true;
		else if (c == 'h')
			hold = true;
		else
			exit(2);
	}
	if (wait) {
		text_write(STDOUT_FILENO, "ready\n");
		line_wait(STDIN_FILENO);
	}
	pairs = pairs_run(realtime_ns() + seconds * 1000000000LL, rest_us);
	keep(kept);
	text_write(STDOUT_FILENO, "pid %d maps %ld pairs %lu\n", getpid(), maps_count(), pairs);
	if (hold)
		stdin_wait();
	return 0;
}
