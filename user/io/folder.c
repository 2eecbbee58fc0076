/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cleanup.h"

#define BPFFS	    "/sys/fs/bpf"
#define CHUNK_BYTES 65536

int folder_make(const char *path, mode_t mode)
{
	char above[PATH_MAX];
	size_t len = strlen(path);

	if (len >= sizeof(above))
		return -ENAMETOOLONG;
	for (size_t at = 1; at < len; at++) {
		if (path[at] != '/')
			continue;
		memcpy(above, path, at);
		above[at] = '\0';
		if (mkdir(above, 0755) && errno != EEXIST)
			return -errno;
	}
	return mkdir(path, mode) && errno != EEXIST ? -errno : 0;
}

static bool is_bpf(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

int folder_make_bpf(const char *path)
{
	int error;

	if (!strncmp(path, BPFFS "/", sizeof(BPFFS)) && !is_bpf(BPFFS) &&
	    mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return -errno;
	error = folder_make(path, 0700);
	if (error)
		return error;
	return is_bpf(path) ? 0 : -EMEDIUMTYPE;
}

int folder_read(int folder, const char *name, size_t max, struct buf *buf)
{
	int fd _cleanup_close_ = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	char chunk[CHUNK_BYTES];
	ssize_t len;

	if (fd < 0)
		return -errno;
	while ((len = read(fd, chunk, sizeof(chunk))) > 0) {
		if (buf->len + (size_t)len > max)
			return -EFBIG;
		buf_add(buf, chunk, (size_t)len);
	}
	if (len < 0)
		return -errno;
	return buf->failed ? -ENOMEM : 0;
}

static int write_all(int fd, const struct buf *buf)
{
	for (size_t done = 0; done < buf->len;) {
		ssize_t len = write(fd, buf->data + done, buf->len - done);

		if (len < 0 && errno != EINTR)
			return -errno;
		done += len > 0 ? (size_t)len : 0;
	}
	return fdatasync(fd) ? -errno : 0;
}

int folder_replace(int folder, const char *name, const struct buf *buf)
{
	char aside[NAME_MAX];
	int fd _cleanup_close_ = -1, error;

	snprintf(aside, sizeof(aside), "%s.new", name);
	fd = openat(folder, aside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	error = write_all(fd, buf);
	if (!error && renameat(folder, aside, folder, name))
		error = -errno;
	if (error)
		unlinkat(folder, aside, 0);
	return error;
}

int folder_read_text(int folder, const char *name, char *text, size_t size)
{
	struct buf buf _cleanup_buf_ = {0};
	int error = folder_read(folder, name, size, &buf);

	if (error)
		return error;
	while (buf.len && buf.data[buf.len - 1] == '\n')
		buf.len--;
	if (buf.len >= size)
		return -EFBIG;
	memcpy(text, buf.data, buf.len);
	text[buf.len] = '\0';
	return 0;
}
