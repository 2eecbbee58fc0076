/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's library, which is in every process and in no file; on arm64 signal handlers return by it. */
#ifndef IO_VDSO_H
#define IO_VDSO_H

#include <stdint.h>
#include <sys/stat.h>

/*
 * A file descriptor of our own process's, as a file in memory. It is that of another process too if it has the same
 * size: -ENOENT if not (a 32-bit process has another).
 */
int vdso_open(uint64_t size, struct stat *ret_stat);

#endif
