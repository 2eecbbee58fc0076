/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads /proc/PID/maps, once: before Linux 6.17 it takes mmap_lock, so never poll it. */
#ifndef IO_MAPS_READER_H
#define IO_MAPS_READER_H

#include <stddef.h>
#include <stdint.h>

#include "vma.h"

/* 0, or negative errno to stop. The map's name is gone when it returns. */
typedef int maps_fn(const struct vma *vma, void *arg);

/* Calls fn for each map in order of address, [vsyscall] left out. 0, or negative errno: of the file, or of fn. */
int maps_read(uint32_t pid, maps_fn *fn, void *arg);
/*
 * The same from addr on; before Linux 6.11 those before it come, too. Names are left out where the kernel is asked for
 * single maps. fn ends it with a positive number as well, which is returned.
 */
int maps_read_from(uint32_t pid, uint64_t addr, maps_fn *fn, void *arg);
/*
 * The name of the map at addr, as its line in maps has it, and the inode of its file (0: none); by PROCMAP_QUERY, which
 * reads that map alone (Linux 6.11). 0 or negative errno: -ENOENT if nothing is mapped there, -ENOTTY on older kernels.
 */
int maps_query(uint32_t pid, uint64_t addr, char *ret_name, size_t size, uint64_t *ret_inode);

#endif
