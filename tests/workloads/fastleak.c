// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Leaks maps as fast as the machine can, from its first map to the real limit, and tells when the first failing call
 * began. Prints "refused <ns> <time> maps <n>" with CLOCK_REALTIME.
 */
#include "common.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* Returns the time just before the call that failed. */
static int64_t maps_leak(void)
{
	int64_t before_ns;
	void *page;

	for (unsigned long sequence = 0;; sequence++) {
		before_ns = realtime_ns();
		page = page_map(sequence);
		if (page == MAP_FAILED)
			return before_ns;
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"wait", no_argument, NULL, 'w'},
		{"hold", no_argument, NULL, 'h'},
		{0},
	};
	bool wait = false, hold = false;
	char when[TIME_TEXT_SIZE];
	int64_t before_ns;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == '?') {
			text_write(STDERR_FILENO, "usage: fastleak [--wait: for a line on stdin first] "
						  "[--hold: until stdin closes]\n");
			return 2;
		}
		wait |= c == 'w';
		hold |= c == 'h';
	}
	if (wait) {
		text_write(STDOUT_FILENO, "ready\n");
		line_wait(STDIN_FILENO);
	}
	before_ns = maps_leak();
	time_format(before_ns, when);
	text_write(STDOUT_FILENO, "refused %lld %s maps %ld\n", (long long)before_ns, when, maps_count());
	if (hold)
		stdin_wait();
	return 0;
}
