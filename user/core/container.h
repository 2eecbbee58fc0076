/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The container a cgroup path speaks of. Pure. */
#ifndef CORE_CONTAINER_H
#define CORE_CONTAINER_H

#include <stdbool.h>

#define CONTAINER_ID_LEN 64

/*
 * Finds the last run of exactly 64 hex digits in a cgroup path: how docker,
 * containerd, CRI-O and podman name theirs (/docker/ID, cri-containerd-ID.scope).
 * ret_id holds CONTAINER_ID_LEN + 1 bytes. False, and untouched, if there is none.
 */
bool container_id_find(const char *cgroup, char *ret_id);

#endif
