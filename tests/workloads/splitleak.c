// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Leaks maps without a single mmap more: one large area is cut into ever more pieces, as an allocator's purge
 * (jemalloc#1328), a tracking collector (bdwgc#324) or MADV_DONTFORK (Mooncake#3639) does. Ends like frames.
 */
#include "common.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct way {
	const char *name;
	int (*split)(void *page, size_t len);
};

static int page_protect(void *page, size_t len)
{
	return mprotect(page, len, PROT_NONE);
}

static int page_advise(void *page, size_t len)
{
	return madvise(page, len, MADV_DONTFORK);
}

static const struct way ways[] = {
	{"munmap", munmap},
	{"mprotect", page_protect},
	{"madvise", page_advise},
};

static const struct way *way_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
		if (strcmp(ways[i].name, name) == 0)
			return &ways[i];
	}
	text_write(STDERR_FILENO,
		   "usage: splitleak --by munmap|mprotect|madvise [--steps N] [--pace USEC] [--wait] [--hold]\n");
	exit(2);
}

/* Every third page, so that each split stands alone. Returns false when refused. */
static bool area_split(const struct way *way, char *area, long steps, long pace_us)
{
	size_t page = page_size();

	for (long step = 1; step <= steps; step++) {
		int64_t before_ns = realtime_ns();

		if (way->split(area + (3 * step - 2) * page, page) < 0) {
			refusal_report(way->name, step, before_ns, errno);
			return false;
		}
		if (pace_us > 0)
			usleep(pace_us);
	}
	return true;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"by", required_argument, NULL, 'b'},	{"steps", required_argument, NULL, 's'},
		{"pace", required_argument, NULL, 'p'}, {"wait", no_argument, NULL, 'w'},
		{"hold", no_argument, NULL, 'h'},	{0},
	};
	const struct way *way = &ways[0];
	long steps = limit_maps(), pace_us = 0;
	bool wait = false, hold = false, done;
	char *area;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 'b' || c == '?')
			way = way_find(c == 'b' ? optarg : "");
		else if (c == 's')
			steps = number_parse(optarg);
		else if (c == 'p')
			pace_us = number_parse(optarg);
		wait |= c == 'w';
		hold |= c == 'h';
	}
	area = mmap(NULL, (3 * steps + 1) * page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	if (wait) {
		text_write(STDOUT_FILENO, "ready\n");
		line_wait(STDIN_FILENO);
	}
	done = area_split(way, area, steps, pace_us);
	text_write(STDOUT_FILENO, "pid %d maps %ld\n", getpid(), maps_count());
	if (hold)
		stdin_wait();
	return done ? 0 : 1;
}
