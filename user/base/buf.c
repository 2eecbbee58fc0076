/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "buf.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "digits.h"

#define CAP_MIN 256

bool buf_reserve(struct buf *buf, size_t len)
{
	size_t cap = buf->cap ? buf->cap : CAP_MIN;
	char *data;

	if (buf->failed)
		return false;
	if (buf->data && len <= buf->cap - buf->len)
		return true;
	/* a half of the address space is out of reach anyhow, and cannot overflow when doubled */
	buf->failed = len > SIZE_MAX / 2 - buf->len;
	if (buf->failed)
		return false;
	while (cap < buf->len + len)
		cap *= 2;
	data = realloc(buf->data, cap);
	buf->failed = !data;
	if (!data)
		return false;
	buf->data = data;
	buf->cap = cap;
	return true;
}

void buf_add_u64(struct buf *buf, uint64_t value)
{
	unsigned int digits = digits_count(value);
	char *at = buf_room(buf, digits);

	if (!at)
		return;
	digits_put(at + digits, value);
	buf->len += digits;
}

void buf_add_i64(struct buf *buf, int64_t value)
{
	if (value < 0)
		buf_add_char(buf, '-');
	/* INT64_MIN has no positive counterpart, its unsigned negation has */
	buf_add_u64(buf, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buf_add_hex(struct buf *buf, uint64_t value)
{
	unsigned int digits = value ? (67 - (unsigned int)__builtin_clzll(value)) / 4 : 1;
	char *at = buf_room(buf, digits);

	if (!at)
		return;
	buf->len += digits;
	for (unsigned int i = digits; i--; value >>= 4)
		at[i] = "0123456789abcdef"[value & 15];
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	size_t spare = buf->cap - buf->len;
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	/* most often it fits at once: printing is what a line of JSON costs most */
	len = buf->failed ? 0 : vsnprintf(spare ? buf->data + buf->len : NULL, spare, format, args);
	va_end(args);
	/* it ends with a NUL, which needs room but is not kept */
	if (len > 0 && (size_t)len >= spare && buf_reserve(buf, (size_t)len + 1))
		vsnprintf(buf->data + buf->len, (size_t)len + 1, format, again);
	va_end(again);
	if (len > 0 && !buf->failed)
		buf->len += (size_t)len;
}

void buf_consume(struct buf *buf, size_t len)
{
	if (len >= buf->len) {
		buf->len = 0;
		return;
	}
	memmove(buf->data, buf->data + len, buf->len - len);
	buf->len -= len;
}

void buf_free(struct buf *buf)
{
	free(buf->data);
	memset(buf, 0, sizeof(*buf));
}
