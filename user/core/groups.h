/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names of cgroups, each kept once: thousands of processes share a few. Pure. */
#ifndef CORE_GROUPS_H
#define CORE_GROUPS_H

struct groups; /* opaque; NULL: none yet */

/*
 * The kept copy of a path, and the container it speaks of (NULL: none), both
 * borrowed until as many groups_release() as there were groups_take(). NULL: no memory.
 */
const char *groups_take(struct groups **groups, const char *path, const char **ret_container_id);
/* Takes NULL. */
void groups_release(struct groups **groups, const char *path);

#endif
