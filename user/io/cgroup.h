/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Control groups of processes, in v1, v2 and hybrid hierarchies. */
#ifndef IO_CGROUP_H
#define IO_CGROUP_H

#include <stdbool.h>
#include <stdint.h>

/* First path of /proc/PID/cgroup that is not the root, the unified one if there is one. NULL: none. Caller frees. */
char *cgroup_of(uint32_t pid);
/*
 * The path of a group within its hierarchy, from that or from its directory
 * (/sys/fs/cgroup/system.slice). -ENOENT: a directory that is no mounted
 * hierarchy's, or does not exist. Caller frees *ret_path.
 */
int cgroup_path_parse(const char *text, char **ret_path);
/* True if the process is in the group, or below it, in any hierarchy. */
bool cgroup_contains(const char *path, uint32_t pid);

#endif
