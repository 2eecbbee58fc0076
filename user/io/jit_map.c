/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "jit_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "perf_map.h"
#include "rooted.h"

#define CHUNK	 262144
#define READ_MAX 67108864  /* bytes at a time: 64 MiB are parsed in less than a second */
#define HELD_MAX 536870912 /* bytes of all maps, above which none grows */

struct jit_map {
	struct perf_map map;
	uint64_t inode;
	uint64_t taken; /* bytes of the file */
	uint64_t held;	/* bytes of memory */
	uint32_t users;
};

static uint64_t held; /* by all of them */

static void count_held(struct jit_map *jit)
{
	held -= jit->held;
	jit->held = jit->map.names.cap + jit->map.cap * sizeof(*jit->map.entries);
	held += jit->held;
}

struct jit_map *jit_map_new(void)
{
	struct jit_map *jit = calloc(1, sizeof(*jit));

	if (jit)
		jit->users = 1;
	return jit;
}

struct jit_map *jit_map_use(struct jit_map *jit)
{
	if (jit)
		jit->users++;
	return jit;
}

void jit_map_put(struct jit_map *jit)
{
	if (!jit || --jit->users)
		return;
	perf_map_free(&jit->map);
	count_held(jit);
	free(jit);
}

/* The process's own number for itself: the innermost of "NSpid:\t1234\t1". */
static int read_own_pid(int proc, uint32_t *ret_pid)
{
	int fd _cleanup_close_ = openat(proc, "status", O_RDONLY | O_CLOEXEC);
	char text[4096], *at, *end;
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	if (got < 0)
		return -errno;
	text[got] = '\0';
	at = strstr(text, "\nNSpid:");
	end = at ? strchr(at + 1, '\n') : NULL;
	if (!end)
		return -ENOENT;
	*end = '\0';
	*ret_pid = (uint32_t)strtoul(strrchr(at, '\t') ? strrchr(at, '\t') : at + 7, NULL, 10);
	return 0;
}

/* That of another user would let him name our frames. */
static bool is_its_own(int proc, const struct stat *file)
{
	struct stat st;

	return !fstat(proc, &st) && (file->st_uid == st.st_uid || !file->st_uid);
}

static int open_map(int proc, struct stat *ret_stat)
{
	int root _cleanup_close_ = -1, fd _cleanup_close_ = -1;
	uint32_t pid = 0;
	char path[64];
	int error = read_own_pid(proc, &pid);

	if (error)
		return error;
	root = openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	snprintf(path, sizeof(path), "tmp/perf-%u.map", pid);
	fd = rooted_open(root, path, ret_stat);
	if (fd < 0)
		return fd;
	return is_its_own(proc, ret_stat) ? TAKE_FD(fd) : -EPERM;
}

/* From where the last reading ended; the line that is being written is left for the next one. */
static int read_on(struct jit_map *jit, int fd)
{
	char *text _cleanup_free_ = malloc(CHUNK);
	uint64_t most = jit->taken + READ_MAX;

	if (!text)
		return -ENOMEM;
	while (jit->taken < most && held < HELD_MAX) {
		ssize_t got = pread(fd, text, CHUNK, (off_t)jit->taken);
		size_t used;

		if (got < 0)
			return -errno;
		used = perf_map_feed(&jit->map, text, (size_t)got);
		count_held(jit);
		/* a line without an end, as long as all the room, is none */
		if (!used && got < CHUNK)
			return 0;
		jit->taken += used ? used : (size_t)got;
	}
	return 0;
}

int jit_map_read(struct jit_map *jit, int proc)
{
	struct stat st;
	int fd _cleanup_close_ = open_map(proc, &st);

	if (fd < 0)
		return fd;
	if (st.st_ino != jit->inode || (uint64_t)st.st_size < jit->taken) {
		perf_map_free(&jit->map);
		count_held(jit);
		jit->taken = 0;
		jit->inode = st.st_ino;
	}
	if ((uint64_t)st.st_size == jit->taken)
		return 0;
	return read_on(jit, fd);
}

const char *jit_map_find(struct jit_map *jit, uint64_t addr)
{
	return perf_map_find(&jit->map, addr);
}
