/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "log_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "cleanup.h"
#include "log.h"

#define SECOND_NS 1000000000ULL
#define LOOK_NS	  SECOND_NS /* between looks whether the path is still this file */
#define MODE	  0640
#define WAIT_MS	  500 /* for the reader of a pipe */
#define CHUNK	  (64 << 10)

struct log_file {
	char *path; /* owned */
	struct log_file_options options;
	int fd; /* -1: to be opened */
	bool is_regular;
	uint64_t size, born_ns, looked_ns; /* bytes; CLOCK_REALTIME; CLOCK_MONOTONIC */
	size_t torn;			   /* bytes of a line that a pipe has taken, the rest of which is to follow */
};

static uint64_t now_of(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static int open_file(struct log_file *file)
{
	int fd = open(file->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, MODE);
	struct stat status;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status)) {
		close(fd);
		return -errno;
	}
	file->fd = fd;
	file->is_regular = S_ISREG(status.st_mode);
	file->size = file->is_regular ? (uint64_t)status.st_size : 0;
	/* When one that was there already was begun nobody knows: not before it was last changed. */
	file->born_ns = file->size ? (uint64_t)status.st_mtim.tv_sec * SECOND_NS : now_of(CLOCK_REALTIME);
	file->looked_ns = now_of(CLOCK_MONOTONIC);
	return 0;
}

static void close_file(struct log_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}

/* Somebody has moved or deleted it: what follows belongs to a new one. */
static bool is_moved(struct log_file *file)
{
	uint64_t now = now_of(CLOCK_MONOTONIC);
	struct stat there, ours;

	if (now < file->looked_ns + LOOK_NS)
		return false;
	file->looked_ns = now;
	return stat(file->path, &there) || fstat(file->fd, &ours) || there.st_ino != ours.st_ino ||
	       there.st_dev != ours.st_dev;
}

/* ---- rotation ---- */

static void name_of(const struct log_file *file, unsigned int number, const char *suffix, char name[PATH_MAX])
{
	snprintf(name, PATH_MAX, "%s.%u%s", file->path, number, suffix);
}

static int copy_compressed(int from, gzFile to)
{
	char *chunk _cleanup_free_ = malloc(CHUNK);
	ssize_t got;

	if (!chunk)
		return -ENOMEM;
	while ((got = read(from, chunk, CHUNK)) > 0) {
		if (gzwrite(to, chunk, (unsigned int)got) != got)
			return -EIO;
	}
	return got < 0 ? -errno : 0;
}

/* Under another name until it is whole. It stays as it is if there is no room. */
static int compress_file(const char *path, const char *to)
{
	int from _cleanup_close_ = open(path, O_RDONLY | O_CLOEXEC), fd, error;
	char part[PATH_MAX];
	gzFile file;

	if (from < 0)
		return -errno;
	if (snprintf(part, sizeof(part), "%s.part", to) >= (int)sizeof(part))
		return -ENAMETOOLONG;
	fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, MODE);
	file = fd < 0 ? NULL : gzdopen(fd, "wb6");
	if (!file) {
		if (fd >= 0)
			close(fd);
		return -EIO;
	}
	error = copy_compressed(from, file);
	if (gzclose(file) != Z_OK && !error)
		error = -EIO;
	if (!error && rename(part, to))
		error = -errno;
	if (error)
		unlink(part);
	else
		unlink(path);
	return error;
}

/* FILE.N.gz, or FILE.N if there was no room to compress it, becomes N+1. */
static void move_up(const struct log_file *file, unsigned int number)
{
	static const char *const suffixes[] = {".gz", ""};
	char from[PATH_MAX], to[PATH_MAX];

	for (unsigned int i = 0; i < 2; i++) {
		name_of(file, number, suffixes[i], from);
		name_of(file, number + 1, suffixes[i], to);
		if (number >= file->options.keep)
			unlink(from);
		else
			rename(from, to);
	}
}

static void rotate(struct log_file *file)
{
	char first[PATH_MAX], second[PATH_MAX], packed[PATH_MAX];
	int error;

	for (unsigned int number = file->options.keep ? file->options.keep : 1; number >= 1; number--)
		move_up(file, number);
	name_of(file, 1, "", first);
	error = file->options.keep ? rename(file->path, first) : unlink(file->path);
	if (error)
		log_warn("%s: cannot be rotated: %s", file->path, strerror(errno));
	close_file(file);
	if (file->options.keep < 2)
		return;
	name_of(file, 2, "", second);
	name_of(file, 2, ".gz", packed);
	error = compress_file(second, packed);
	if (error && error != -ENOENT)
		log_warn("%s: cannot be compressed: %s", second, strerror(-error));
}

static bool is_due(const struct log_file *file, size_t more)
{
	const struct log_file_options *options = &file->options;

	if (!file->is_regular || !file->size)
		return false;
	if (options->max_bytes && file->size + more > options->max_bytes)
		return true;
	return options->max_age_ns && now_of(CLOCK_REALTIME) > file->born_ns + options->max_age_ns;
}

/* ---- writing ---- */

/* No more than fits before the next rotation: at least one line. */
static size_t portion(const struct log_file *file, const char *lines, size_t len)
{
	uint64_t max = file->options.max_bytes, room;
	const char *end;

	if (!file->is_regular || !max || file->size + len <= max)
		return len;
	room = file->size < max ? max - file->size : 0;
	end = room ? memrchr(lines, '\n', room) : NULL;
	if (!end)
		end = memchr(lines, '\n', len);
	return end ? (size_t)(end - lines) + 1 : len;
}

static size_t line_length(const char *lines, size_t len)
{
	const char *end = memchr(lines, '\n', len);

	return end ? (size_t)(end - lines) + 1 : len;
}

static size_t whole_lines(const char *lines, size_t len)
{
	const char *end = len ? memrchr(lines, '\n', len) : NULL;

	return end ? (size_t)(end - lines) + 1 : 0;
}

/* A part of a line is taken back: who reads meets whole ones. */
static int write_regular(struct log_file *file, const char *lines, size_t len, size_t *ret_taken)
{
	ssize_t written = write(file->fd, lines, len);
	int error = written < 0 ? -errno : 0;
	size_t whole = written > 0 ? whole_lines(lines, (size_t)written) : 0;

	if (error == -EINTR)
		error = 0;
	if (written > 0 && whole < (size_t)written) {
		if (ftruncate(file->fd, (off_t)(file->size + whole)))
			log_warn("%s: ends in half a line: %s", file->path, strerror(errno));
		error = -ENOSPC;
	}
	file->size += whole;
	*ret_taken += whole;
	return error;
}

/* A pipe takes what it takes: the rest of a line follows, before anything else. */
static int write_pipe(struct log_file *file, const char *lines, size_t len, size_t *ret_taken)
{
	struct pollfd ready = {.fd = file->fd, .events = POLLOUT};
	size_t whole;
	ssize_t written;

	if (poll(&ready, 1, WAIT_MS) <= 0)
		return -EAGAIN;
	written = write(file->fd, lines + file->torn, len - file->torn);
	if (written < 0)
		return -errno;
	file->torn += (size_t)written;
	whole = whole_lines(lines, file->torn);
	file->torn -= whole;
	*ret_taken += whole;
	return 0;
}

static int write_lines(void *arg, const char *lines, size_t len, size_t *ret_taken)
{
	struct log_file *file = arg;
	int error = 0;

	*ret_taken = 0;
	if (file->fd >= 0 && file->is_regular && is_moved(file))
		close_file(file);
	while (!error && *ret_taken < len) {
		size_t part;

		if (file->fd < 0)
			error = open_file(file);
		if (error)
			break;
		if (is_due(file, line_length(lines + *ret_taken, len - *ret_taken))) {
			rotate(file);
			continue;
		}
		part = portion(file, lines + *ret_taken, len - *ret_taken);
		error = file->is_regular ? write_regular(file, lines + *ret_taken, part, ret_taken)
					 : write_pipe(file, lines + *ret_taken, part, ret_taken);
	}
	return error;
}

static void reopen(void *arg)
{
	struct log_file *file = arg;

	if (file->fd >= 0 && !file->is_regular)
		return;
	close_file(file);
	open_file(file); /* if not, the next line tries again, and says why */
}

static void log_file_free(void *arg)
{
	struct log_file *file = arg;

	close_file(file);
	free(file->path);
	free(file);
}

int log_file_new(const struct log_file_options *options, struct destination *ret_destination)
{
	struct log_file *file = calloc(1, sizeof(*file));
	int error;

	if (!file)
		return -ENOMEM;
	file->options = *options;
	file->fd = -1;
	file->path = strdup(options->path);
	error = file->path ? open_file(file) : -ENOMEM;
	if (error) {
		log_file_free(file);
		return error;
	}
	*ret_destination =
		(struct destination){.write = write_lines, .reopen = reopen, .free = log_file_free, .arg = file};
	snprintf(ret_destination->name, sizeof(ret_destination->name), "--log-file %s", options->path);
	return 0;
}
