/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Clean-up attributes: what a function owns is released on every way out of
 * it; what it hands over is taken away first with TAKE_PTR or TAKE_FD.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "buf.h"

/* Calls release(&variable) when the variable goes out of scope. */
#define _cleanup_(release) __attribute__((cleanup(release)))

static inline void cleanup_free(void *pointer)
{
	free(*(void **)pointer);
}

/* Leaves errno alone, so that it can stand between a failure and its report. */
static inline void cleanup_close(const int *fd)
{
	int error = errno;

	if (*fd >= 0)
		close(*fd);
	errno = error;
}

static inline void cleanup_file(FILE **file)
{
	if (*file)
		fclose(*file);
}

#define _cleanup_free_	_cleanup_(cleanup_free)
#define _cleanup_file_	_cleanup_(cleanup_file)	 /* a FILE of stdio; NULL: none */
#define _cleanup_close_ _cleanup_(cleanup_close) /* an fd; negative: none */
#define _cleanup_buf_	_cleanup_(buf_free)

/* The pointer's value; the variable becomes NULL and no longer owns it. */
#define TAKE_PTR(pointer)                                                                                              \
	({                                                                                                             \
		__typeof__(pointer) *take_from_ = &(pointer);                                                          \
		__typeof__(pointer) taken_ = *take_from_;                                                              \
		*take_from_ = NULL;                                                                                    \
		taken_;                                                                                                \
	})

/* The same for a file descriptor, which becomes -1. */
#define TAKE_FD(fd)                                                                                                    \
	({                                                                                                             \
		int *take_from_ = &(fd);                                                                               \
		int taken_ = *take_from_;                                                                              \
		*take_from_ = -1;                                                                                      \
		taken_;                                                                                                \
	})

#endif
