/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "maps_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cleanup.h"

#define ROOM 65536 /* for some lines: a path has 4096 bytes at most, and its newlines stand as \012 */

/* include/uapi/linux/fs.h of Linux 6.11 */
struct query_of_map {
	uint64_t size, flags, addr;
	uint64_t start, end, vma_flags, page_size, offset, inode;
	uint32_t dev_major, dev_minor, name_size, build_id_size;
	uint64_t name_addr, build_id_addr;
};
#define QUERY_MAP    _IOWR('f', 17, struct query_of_map)
#define QUERY_NEXT   0x10 /* the map at the address, or else the one after it */
#define QUERY_PROT   0x7
#define QUERY_SHARED 0x8

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

int maps_query(uint32_t pid, uint64_t addr, char *ret_name, size_t size, uint64_t *ret_inode)
{
	struct query_of_map query = {
		.size = sizeof(query),
		.addr = addr,
		.name_size = (uint32_t)size,
		.name_addr = (uint64_t)ret_name,
	};
	int fd _cleanup_close_ = -1;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, QUERY_MAP, &query))
		return -errno;
	if (!query.name_size)
		ret_name[0] = '\0';
	*ret_inode = query.inode;
	return 0;
}

static struct vma vma_of_query(const struct query_of_map *query)
{
	return (struct vma){
		.start = query->start,
		.end = query->end,
		.offset = query->offset,
		.inode = query->inode,
		.dev_major = query->dev_major,
		.dev_minor = query->dev_minor,
		.prot = query->vma_flags & QUERY_PROT,
		.shared = query->vma_flags & QUERY_SHARED,
		.name = "",
	};
}

/* One map after the other, until there are no more of them. */
static int query_from(int fd, uint64_t addr, maps_fn *fn, void *arg)
{
	int error = 0;

	while (!error) {
		struct query_of_map query = {.size = sizeof(query), .flags = QUERY_NEXT, .addr = addr};
		struct vma vma;

		if (ioctl(fd, QUERY_MAP, &query))
			return errno == ENOENT ? 0 : -errno;
		vma = vma_of_query(&query);
		addr = vma.end;
		error = fn(&vma, arg);
	}
	return error;
}

int maps_read_from(uint32_t pid, uint64_t addr, maps_fn *fn, void *arg)
{
	int fd _cleanup_close_ = -1;
	char path[64];
	int error;

	snprintf(path, sizeof(path), "/proc/%u/maps", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	error = query_from(fd, addr, fn, arg);
	return error == -ENOTTY ? maps_read(pid, fn, arg) : error;
}
