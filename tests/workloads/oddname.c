// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Untrusted bytes: a comm and a file name full of control characters, quotes, backslashes, escape sequences and invalid
 * UTF-8, and a small leak of maps of that file. "oddname DIR [MAPS]"; holds its maps until stdin closes.
 */
#include "common.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

/* 15 bytes, all a comm can hold. */
#define ODD_COMM "\x1b[31m\"\\\n\t\xff\xc3\x28,\x7f)"

/* An overlong and a truncated sequence, a surrogate, quotes, a newline, a bell, an OSC title and a CSI clear. */
#define ODD_FILE "a \"b\" \\c\n\r\t\b\f\a\x01\x1f\x7f'<&>%s\x1b]0;title\x07\x1b[2J\xc0\xaf\xed\xa0\x80\xff\xfe \xe2\x82"

int main(int argc, char **argv)
{
	long maps = argc > 2 ? number_parse(argv[2]) : 200;
	int dir, fd;

	if (argc < 2) {
		text_write(STDERR_FILENO, "usage: oddname DIR [MAPS]\n");
		return 2;
	}
	dir = open(argv[1], O_RDONLY | O_DIRECTORY);
	fd = dir < 0 ? -1 : openat(dir, ODD_FILE, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, page_size()) < 0)
		die(argv[1]);
	if (prctl(PR_SET_NAME, ODD_COMM) < 0)
		die("prctl");
	text_write(STDOUT_FILENO, "ready\n");
	line_wait(STDIN_FILENO);
	for (long i = 0; i < maps; i++) {
		if (mmap(NULL, page_size(), PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED)
			die("mmap");
	}
	text_write(STDOUT_FILENO, "pid %d maps %ld\n", getpid(), maps_count());
	stdin_wait();
	unlinkat(dir, ODD_FILE, 0);
	return 0;
}
