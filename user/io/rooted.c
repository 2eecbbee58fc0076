/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "rooted.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cleanup.h"

/* What it is, is looked at before it is opened for good. */
static int open_regular(int place, struct stat *ret_stat)
{
	char path[64];
	int fd;

	if (fstat(place, ret_stat))
		return -errno;
	if (!S_ISREG(ret_stat->st_mode))
		return -EINVAL;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", place);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

int rooted_open(int root, const char *path, struct stat *ret_stat)
{
	struct open_how how = {.flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	int place _cleanup_close_ = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));

	return place < 0 ? -errno : open_regular(place, ret_stat);
}

int rooted_follow(int dir, const char *link, struct stat *ret_stat)
{
	int place _cleanup_close_ = openat(dir, link, O_PATH | O_CLOEXEC);

	return place < 0 ? -errno : open_regular(place, ret_stat);
}
