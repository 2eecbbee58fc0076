/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A growing byte buffer: what sinks write into and io writes out. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/*
 * Zero-initialised is empty. After a failed allocation it stays as it was and
 * `failed` is set; until the owner clears that, whatever is added is dropped,
 * so that no line continues behind a hole.
 */
struct buf {
	char *data;
	size_t len, cap;
	bool failed;
};

/* Makes room for len more bytes, if there is memory. */
bool buf_reserve(struct buf *buf, size_t len);

/*
 * Where the next len bytes go, or NULL if there is no room for them. Whoever has written some there says so by
 * buf_end, with a pointer behind the last. (In the header as is all that a line of JSON does a hundred times.)
 */
static inline char *buf_room(struct buf *buf, size_t len)
{
	if (__builtin_expect(len >= buf->cap - buf->len || buf->failed, 0) && !buf_reserve(buf, len))
		return NULL;
	return buf->data + buf->len;
}

static inline void buf_end(struct buf *buf, const char *end)
{
	buf->len = (size_t)(end - buf->data);
}

static inline void buf_add(struct buf *buf, const void *data, size_t len)
{
	char *at = len ? buf_room(buf, len) : NULL;

	if (!at)
		return;
	memcpy(at, data, len);
	buf->len += len;
}

static inline void buf_add_str(struct buf *buf, const char *str)
{
	buf_add(buf, str, strlen(str));
}

static inline void buf_add_char(struct buf *buf, char c)
{
	buf_add(buf, &c, 1);
}

/* In decimal, and in lower-case hexadecimal without a prefix. Several times faster than buf_printf. */
void buf_add_u64(struct buf *buf, uint64_t value);
void buf_add_i64(struct buf *buf, int64_t value);
void buf_add_hex(struct buf *buf, uint64_t value);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Drops the first len bytes (all of them if len is larger). */
void buf_consume(struct buf *buf, size_t len);
void buf_free(struct buf *buf);

#endif
