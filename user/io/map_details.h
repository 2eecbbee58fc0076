/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the kernel knows of a process's maps besides /proc/PID/maps, by a BPF iterator (Linux 6.1). Nothing is traced.
 */
#ifndef IO_MAP_DETAILS_H
#define IO_MAP_DETAILS_H

#include <stdint.h>

#include "anatomy.h"

struct map_details;

/* 0, or negative errno: -EPERM without CAP_BPF and CAP_PERFMON, others where the kernel has no such iterator. */
int map_details_new(uint32_t pid, struct map_details **ret_details);
/* Of the map with these bounds; asked for in order of address. NULL: the kernel did not list it. Borrowed until asked
 * again. */
const struct vma_detail *map_details_get(struct map_details *details, uint64_t start, uint64_t end);
void map_details_free(struct map_details *details);

#endif
