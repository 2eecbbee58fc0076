/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* /tmp/perf-PID.map of a process, as it is named where the process lives: read, and read on when it has grown. */
#ifndef IO_JIT_MAP_H
#define IO_JIT_MAP_H

#include <stdint.h>

struct jit_map;

/* Nothing read yet. NULL: out of memory. One user. */
struct jit_map *jit_map_new(void);
/* One user more; returns jit. NULL is fine here and below. */
struct jit_map *jit_map_use(struct jit_map *jit);
/* One user less; the last one frees it. */
void jit_map_put(struct jit_map *jit);

/* proc: of the process's folder in /proc. 0 (also if nothing is new) or negative errno: there is none, or no access. */
int jit_map_read(struct jit_map *jit, int proc);
/* The name of the code at an address; NULL: not known. Good until the next reading. */
const char *jit_map_find(struct jit_map *jit, uint64_t addr);

#endif
