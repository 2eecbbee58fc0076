/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Files by paths that somebody else has chosen. To open a device or a pipe can do things, or take for ever, and a link
 * can lead anywhere: so nothing is opened but regular files, and by links not out of the root that is given.
 */
#ifndef IO_ROOTED_H
#define IO_ROOTED_H

#include <sys/stat.h>

/* Below the folder `root`, absolute or not. A file descriptor for reading, or negative errno; -EINVAL: no regular file.
 */
int rooted_open(int root, const char *path, struct stat *ret_stat);
/* By a link that the kernel makes (/proc/PID/map_files/...), relative to the folder dir. The same. */
int rooted_follow(int dir, const char *link, struct stat *ret_stat);

#endif
