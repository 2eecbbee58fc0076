/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pack.h"

#include <string.h>

#define VARINT_MAX 10 /* bytes of a number of 64 bits, 7 each */

void pack_u64(struct buf *buf, uint64_t value)
{
	char *at = buf_room(buf, VARINT_MAX);

	if (!at)
		return;
	for (; value >= 0x80; value >>= 7)
		*at++ = (char)(value | 0x80);
	*at++ = (char)value;
	buf_end(buf, at);
}

void pack_i64(struct buf *buf, int64_t value)
{
	pack_u64(buf, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

void pack_bytes(struct buf *buf, const void *data, size_t len)
{
	pack_u64(buf, len);
	buf_add(buf, data, len);
}

void pack_text(struct buf *buf, const char *text)
{
	pack_bytes(buf, text, text ? strlen(text) + 1 : 0);
}

uint64_t unpack_u64(struct unpack *unpack)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < 64 && unpack->at < unpack->end; shift += 7) {
		uint8_t byte = *unpack->at++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	unpack->failed = true;
	unpack->at = unpack->end;
	return 0;
}

int64_t unpack_i64(struct unpack *unpack)
{
	uint64_t value = unpack_u64(unpack);

	return (int64_t)(value >> 1 ^ -(value & 1));
}

uint32_t unpack_u32(struct unpack *unpack)
{
	uint64_t value = unpack_u64(unpack);

	if (value <= UINT32_MAX)
		return (uint32_t)value;
	unpack->failed = true;
	unpack->at = unpack->end;
	return 0;
}

static const void *take(struct unpack *unpack, uint64_t len)
{
	const uint8_t *data = unpack->at;

	if (len > (size_t)(unpack->end - unpack->at)) {
		unpack->failed = true;
		unpack->at = unpack->end;
		return NULL;
	}
	unpack->at += len;
	return data;
}

const void *unpack_bytes(struct unpack *unpack, size_t *ret_len)
{
	uint64_t len = unpack_u64(unpack);
	const void *data = take(unpack, len);

	*ret_len = data ? (size_t)len : 0;
	return data;
}

const char *unpack_text(struct unpack *unpack)
{
	size_t len;
	const char *text = unpack_bytes(unpack, &len);

	if (!text || !len)
		return NULL;
	if (!memchr(text, '\0', len))
		unpack->failed = true;
	return unpack->failed ? NULL : text;
}

bool unpack_text_to(struct unpack *unpack, char *out, size_t size)
{
	const char *text = unpack_text(unpack);
	size_t len = text ? strnlen(text, size - 1) : 0;

	memcpy(out, text ? text : "", len);
	out[len] = '\0';
	return text != NULL;
}
