/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What was found to stand at places in modules: most stacks are much like others. */
#ifndef IO_FRAME_CACHE_H
#define IO_FRAME_CACHE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "buf.h"
#include "symbol_wire.h"

struct frame_key {
	uint64_t module; /* its serial */
	uint64_t vaddr;
};

/* One function at an address; texts as places in the entry's, + 1; 0: none. */
struct cached_line {
	uint32_t function, file, line;
	bool inlined;
};

struct cached_frame {
	struct frame_key key;
	bool is_signal; /* a signal handler returns to there: the address before it is of the function interrupted */
	uint32_t count;
	struct cached_line lines[WIRE_INLINES_MAX];
	struct buf texts;
	UT_hash_handle hh;
};

/* Zero-initialised is empty. */
struct frame_cache {
	struct cached_frame *table; /* the oldest first */
};

/* NULL: not there. */
struct cached_frame *frame_cache_find(struct frame_cache *cache, const struct frame_key *key);
/* An empty one, in the place of the oldest if there is no more room. NULL: out of memory. */
struct cached_frame *frame_cache_add(struct frame_cache *cache, const struct frame_key *key);
/* Adds a line; those above WIRE_INLINES_MAX are left out. A symbol_line_fn. */
void cached_frame_add(void *frame, const char *function, const char *file, uint32_t line, bool inlined);
const char *cached_frame_text(const struct cached_frame *frame, uint32_t place);
void frame_cache_free(struct frame_cache *cache);

#endif
