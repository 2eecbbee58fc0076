/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System calls that wait rather than work, made side by side. */
#ifndef IO_PARALLEL_H
#define IO_PARALLEL_H

typedef void parallel_fn(void *arg, unsigned int i);

/* Calls fn(arg, i) once for each i below count, in any order and on several threads; returns when all have. */
void parallel_each(unsigned int count, parallel_fn *fn, void *arg);

#endif
