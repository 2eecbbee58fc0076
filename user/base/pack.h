/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers and bytes put one behind the other, small numbers in few bytes (LEB128; signed ones in zigzag order), and
 * taken out again from memory that may hold anything.
 */
#ifndef BASE_PACK_H
#define BASE_PACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

void pack_u64(struct buf *buf, uint64_t value);
void pack_i64(struct buf *buf, int64_t value);
/* With their number before them. */
void pack_bytes(struct buf *buf, const void *data, size_t len);
/* The same; NULL is told from "". */
void pack_text(struct buf *buf, const char *text);

/* What is left to be taken; once something is not there `failed` is set, and all that follows is 0 or empty. */
struct unpack {
	const uint8_t *at, *end;
	bool failed;
};

uint64_t unpack_u64(struct unpack *unpack);
int64_t unpack_i64(struct unpack *unpack);
/* As a number of 32 bits: a larger one fails. */
uint32_t unpack_u32(struct unpack *unpack);
/* Borrowed from the memory that is unpacked. */
const void *unpack_bytes(struct unpack *unpack, size_t *ret_len);
/* Borrowed as well. NULL: it was. */
const char *unpack_text(struct unpack *unpack);
/* Copies at most size - 1 bytes and a NUL into out. False: it was NULL; then out is "". */
bool unpack_text_to(struct unpack *unpack, char *out, size_t size);

#endif
