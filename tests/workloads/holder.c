// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A process that had its maps long before anybody looked: holds N of them until its stdin closes. */
#include "common.h"

#include <getopt.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	static const struct option options[] = {{"maps", required_argument, NULL, 'm'}, {0}};
	long target = 60000;

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c != 'm') {
			text_write(STDERR_FILENO, "usage: holder [--maps N]\n");
			return 2;
		}
		target = number_parse(optarg);
	}
	maps_fill(target);
	text_write(STDOUT_FILENO, "ready\n");
	stdin_wait();
	return 0;
}
