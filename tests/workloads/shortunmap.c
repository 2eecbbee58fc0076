// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The usual mistake: unmaps less than it has mapped. shortunmap COUNT PACE_US */
#include "common.h"

#include <sys/mman.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long count = argc > 1 ? number_parse(argv[1]) : 1000, pace_us = argc > 2 ? number_parse(argv[2]) : 0;
	size_t page = page_size();

	for (long i = 0; i < count; i++) {
		int prot = i % 2 ? PROT_READ : PROT_NONE;
		char *start = mmap(NULL, 5 * page, prot, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* line: mapped */

		if (start == MAP_FAILED || munmap(start, 3 * page) < 0)
			die("mmap");
		if (pace_us)
			usleep(pace_us);
	}
	return 0;
}
