/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The code that a just-in-time compiler has made, by the lines it writes into /tmp/perf-PID.map: "START SIZE NAME", in
 * hexadecimal (tools/perf/Documentation/jit-interface.txt of Linux). Anybody's bytes, and as many as he likes.
 */
#ifndef CORE_PERF_MAP_H
#define CORE_PERF_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define PERF_MAP_ENTRIES_MAX 1000000
#define PERF_MAP_NAMES_MAX   67108864 /* bytes */
#define PERF_MAP_NAME_LEN    1024     /* longer ones are cut */

struct perf_map_entry {
	uint64_t start;
	uint32_t size;
	uint32_t name; /* place in the names */
};

/* Zero-initialised is empty. */
struct perf_map {
	struct perf_map_entry *entries;
	uint32_t count, cap, sorted; /* how many of them are in order */
	struct buf names;
	uint64_t left_out; /* lines that are none, or there was no room for */
};

/* Takes the whole lines among len bytes. Returns the bytes they make: what is behind is to be given again. */
size_t perf_map_feed(struct perf_map *map, const char *text, size_t len);
/* The name of the code at an address, the one told last if there are several; NULL: not known. Good until the next
 * feed. */
const char *perf_map_find(struct perf_map *map, uint64_t addr);
void perf_map_free(struct perf_map *map);

#endif
