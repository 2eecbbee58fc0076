/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads /proc/PID/maps, once: before Linux 6.17 it takes mmap_lock, so never poll it. */
#ifndef IO_MAPS_READER_H
#define IO_MAPS_READER_H

#include <stdint.h>

#include "vma.h"

/* 0, or negative errno to stop. The map's name is gone when it returns. */
typedef int maps_fn(const struct vma *vma, void *arg);

/* Calls fn for each map in order of address, [vsyscall] left out. 0, or negative errno: of the file, or of fn. */
int maps_read(uint32_t pid, maps_fn *fn, void *arg);

#endif
