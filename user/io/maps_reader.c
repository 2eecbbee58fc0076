/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "maps_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"

#define ROOM 65536 /* for some lines: a path has 4096 bytes at most, and its newlines stand as \012 */

struct reading_of_maps {
	size_t len; /* bytes of text that are there */
	char text[ROOM];
};

/* Hands on the whole lines that are there and keeps the rest. */
static int take_lines(struct reading_of_maps *maps, maps_fn *fn, void *arg)
{
	char *at = maps->text, *end = maps->text + maps->len, *line_end;
	struct vma vma;
	int error = 0;

	while (!error && (line_end = memchr(at, '\n', (size_t)(end - at)))) {
		error = vma_parse(at, (size_t)(line_end - at), &vma);
		if (!error)
			error = fn(&vma, arg);
		else if (error == -ENOENT)
			error = 0; /* [vsyscall] */
		at = line_end + 1;
	}
	maps->len = (size_t)(end - at);
	memmove(maps->text, at, maps->len);
	return error;
}

int maps_read(uint32_t pid, maps_fn *fn, void *arg)
{
	int fd _cleanup_close_ = -1;
	struct reading_of_maps maps = {0};
	char path[64];
	int error = 0;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (!error) {
		ssize_t got = read(fd, maps.text + maps.len, sizeof(maps.text) - maps.len);

		if (got < 0)
			return -errno;
		if (!got)
			return maps.len ? -EIO : 0; /* a line that does not end */
		maps.len += (size_t)got;
		error = take_lines(&maps, fn, arg);
	}
	return error;
}
