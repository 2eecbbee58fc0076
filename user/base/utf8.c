/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "utf8.h"

#include <stdbool.h>
#include <string.h>

struct range {
	uint32_t first, last;
};

/* Shown as escapes: controls, and what is invisible or changes the order of its neighbours. */
static const struct range unprintable[] = {
	{0x0000, 0x001f}, {0x007f, 0x009f}, {0x00ad, 0x00ad}, {0x061c, 0x061c}, {0x200b, 0x200b},   {0x200e, 0x200f},
	{0x2028, 0x202e}, {0x2060, 0x206f}, {0xfeff, 0xfeff}, {0xfff9, 0xfffb}, {0xe0000, 0xe0fff},
};

/* Marks that sit on the character before. The common scripts: an error shifts a column, no more. */
static const struct range zero_width[] = {
	{0x0300, 0x036f}, {0x0483, 0x0489}, {0x0591, 0x05bd}, {0x05bf, 0x05bf}, {0x05c1, 0x05c2}, {0x0610, 0x061a},
	{0x064b, 0x065f}, {0x0670, 0x0670}, {0x06d6, 0x06dc}, {0x093c, 0x093c}, {0x0941, 0x0948}, {0x094d, 0x094d},
	{0x0e31, 0x0e31}, {0x0e34, 0x0e3a}, {0x0e47, 0x0e4e}, {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200c, 0x200d},
	{0x20d0, 0x20ff}, {0x302a, 0x302d}, {0x3099, 0x309a}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
};

/* East Asian wide and full width, emoji. */
static const struct range double_width[] = {
	{0x1100, 0x115f},   {0x231a, 0x231b},	{0x2329, 0x232a},   {0x23e9, 0x23ec},	{0x25fd, 0x25fe},
	{0x2614, 0x2615},   {0x2648, 0x2653},	{0x26aa, 0x26ab},   {0x26bd, 0x26be},	{0x2705, 0x2705},
	{0x274c, 0x274c},   {0x2753, 0x2755},	{0x2b1b, 0x2b1c},   {0x2b50, 0x2b50},	{0x2e80, 0x303e},
	{0x3041, 0x4dbf},   {0x4e00, 0xa4cf},	{0xa960, 0xa97f},   {0xac00, 0xd7a3},	{0xf900, 0xfaff},
	{0xfe30, 0xfe6f},   {0xff00, 0xff60},	{0xffe0, 0xffe6},   {0x16fe0, 0x1b2ff}, {0x1f1e6, 0x1f320},
	{0x1f32d, 0x1f335}, {0x1f337, 0x1f37c}, {0x1f37e, 0x1f393}, {0x1f3a0, 0x1f3ca}, {0x1f3e0, 0x1f3f0},
	{0x1f400, 0x1f43e}, {0x1f440, 0x1f4fc}, {0x1f4ff, 0x1f53d}, {0x1f54b, 0x1f567}, {0x1f5fb, 0x1f64f},
	{0x1f680, 0x1f6c5}, {0x1f6d0, 0x1f6df}, {0x1f7e0, 0x1f7f0}, {0x1f90c, 0x1f9ff}, {0x1fa70, 0x1faff},
	{0x20000, 0x3fffd},
};

#define COUNT(array)		(sizeof(array) / sizeof(*(array)))
#define IN_RANGES(ranges, rune) range_has(ranges, COUNT(ranges), rune)

static bool range_has(const struct range *ranges, size_t count, uint32_t rune)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (rune > ranges[middle].last)
			low = middle + 1;
		else
			high = middle;
	}
	return low < count && rune >= ranges[low].first;
}

/*
 * What may follow a lead byte: how many bytes, and the bounds of the first of
 * them, which keep out overlong forms, surrogates and all above U+10FFFF.
 */
static size_t lead_trail(unsigned char lead, unsigned char *ret_low, unsigned char *ret_high)
{
	*ret_low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
	*ret_high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
	if (lead >= 0xc2 && lead <= 0xdf)
		return 1;
	if (lead >= 0xe0 && lead <= 0xef)
		return 2;
	if (lead >= 0xf0 && lead <= 0xf4)
		return 3;
	return 0;
}

size_t utf8_decode(const char *bytes, size_t len, uint32_t *ret_rune)
{
	unsigned char lead = (unsigned char)bytes[0], low, high;
	size_t trail = lead_trail(lead, &low, &high), taken;
	uint32_t rune = lead;

	*ret_rune = UTF8_REPLACEMENT;
	if (lead < 0x80)
		*ret_rune = lead;
	if (!trail)
		return 1;
	rune &= 0x3fU >> trail;
	for (taken = 1; taken <= trail; taken++) {
		unsigned char byte;

		if (taken == len)
			return taken;
		byte = (unsigned char)bytes[taken];
		if (byte < low || byte > high)
			return taken;
		rune = rune << 6 | (byte & 0x3fU);
		low = 0x80;
		high = 0xbf;
	}
	*ret_rune = rune;
	return taken;
}

#define EVERY(byte) (0x0101010101010101ULL * (byte))

/* Nonzero if one of the eight bytes is zero (Warren, Hacker's Delight, 6-1). */
static inline uint64_t zero_byte(uint64_t bytes)
{
	return (bytes - EVERY(0x01)) & ~bytes & EVERY(0x80);
}

static bool is_plain(uint64_t bytes)
{
	uint64_t controls = (bytes - EVERY(' ')) & ~bytes & EVERY(0x80);

	return !((bytes & EVERY(0x80)) | controls | zero_byte(bytes ^ EVERY(0x7f)) | zero_byte(bytes ^ EVERY('"')) |
		 zero_byte(bytes ^ EVERY('\\')));
}

/* The bytes that need no look at all: printable ASCII, but for what JSON quotes. Nearly all there are. */
static size_t plain_span(const char *bytes, size_t len)
{
	size_t i = 0;
	uint64_t eight;

	for (; i + sizeof(eight) <= len; i += sizeof(eight)) {
		memcpy(&eight, bytes + i, sizeof(eight));
		if (!is_plain(eight))
			break;
	}
	while (i < len && bytes[i] >= ' ' && bytes[i] < 0x7f && bytes[i] != '"' && bytes[i] != '\\')
		i++;
	return i;
}

static void add_replacement(struct buf *buf)
{
	buf_add(buf, "\xef\xbf\xbd", 3);
}

/* JSON knows code units of 16 bits alone: above them, a surrogate pair. */
static void add_json_rune(struct buf *buf, uint32_t rune)
{
	if (rune > 0xffff) {
		rune -= 0x10000;
		buf_printf(buf, "\\u%04x", 0xd800 + (rune >> 10));
		rune = 0xdc00 + (rune & 0x3ff);
	}
	buf_printf(buf, "\\u%04x", rune);
}

static void escape_json_rune(struct buf *buf, uint32_t rune)
{
	switch (rune) {
	case '"':
	case '\\':
		buf_add_char(buf, '\\');
		buf_add_char(buf, (char)rune);
		break;
	case '\n':
		buf_add_str(buf, "\\n");
		break;
	case '\t':
		buf_add_str(buf, "\\t");
		break;
	default:
		/* a JSON line may be looked at on a terminal: the rest goes the same way as there */
		add_json_rune(buf, rune);
	}
}

static void escape_terminal_rune(struct buf *buf, uint32_t rune)
{
	if (rune == '\n')
		buf_add_str(buf, "\\n");
	else if (rune == '\t')
		buf_add_str(buf, "\\t");
	else if (rune == '\r')
		buf_add_str(buf, "\\r");
	else if (rune < 0x80)
		buf_printf(buf, "\\x%02x", rune);
	else
		buf_printf(buf, "\\u%04x", rune);
}

void utf8_escape_json(struct buf *buf, const char *bytes, size_t len)
{
	size_t taken;
	uint32_t rune;

	for (; len; bytes += taken, len -= taken) {
		taken = plain_span(bytes, len);
		buf_add(buf, bytes, taken);
		if (taken)
			continue;
		taken = utf8_decode(bytes, len, &rune);
		if (rune == UTF8_REPLACEMENT)
			add_replacement(buf);
		else if (rune == '"' || rune == '\\' || IN_RANGES(unprintable, rune))
			escape_json_rune(buf, rune);
		else
			buf_add(buf, bytes, taken);
	}
}

void utf8_escape_terminal(struct buf *buf, const char *bytes, size_t len)
{
	size_t taken;
	uint32_t rune;

	for (; len; bytes += taken, len -= taken) {
		taken = plain_span(bytes, len);
		buf_add(buf, bytes, taken);
		if (taken)
			continue;
		taken = utf8_decode(bytes, len, &rune);
		if (rune == UTF8_REPLACEMENT)
			add_replacement(buf);
		else if (IN_RANGES(unprintable, rune))
			escape_terminal_rune(buf, rune);
		else
			buf_add(buf, bytes, taken);
	}
}

static unsigned int rune_width(uint32_t rune)
{
	if (rune < 0x300)
		return 1;
	if (IN_RANGES(zero_width, rune))
		return 0;
	return IN_RANGES(double_width, rune) ? 2 : 1;
}

unsigned int utf8_width(const char *bytes, size_t len)
{
	unsigned int columns = 0;
	size_t taken;
	uint32_t rune;

	for (; len; bytes += taken, len -= taken) {
		taken = plain_span(bytes, len);
		columns += (unsigned int)taken;
		if (taken)
			continue;
		taken = utf8_decode(bytes, len, &rune);
		columns += rune_width(rune);
	}
	return columns;
}

unsigned int utf8_clip(struct buf *buf, const char *bytes, size_t len, unsigned int columns)
{
	unsigned int width = utf8_width(bytes, len), used = 0;
	size_t kept = 0;
	uint32_t rune;

	if (width <= columns) {
		buf_add(buf, bytes, len);
		return width;
	}
	if (!columns)
		return 0;
	while (kept < len) {
		size_t taken = utf8_decode(bytes + kept, len - kept, &rune);

		if (used + rune_width(rune) > columns - 1)
			break;
		used += rune_width(rune);
		kept += taken;
	}
	buf_add(buf, bytes, kept);
	buf_add_char(buf, UTF8_CLIP_MARK);
	return used + 1;
}

unsigned int utf8_clip_start(struct buf *buf, const char *bytes, size_t len, unsigned int columns)
{
	unsigned int width = utf8_width(bytes, len);
	uint32_t rune;

	if (width <= columns) {
		buf_add(buf, bytes, len);
		return width;
	}
	if (!columns)
		return 0;
	while (len && width > columns - 1) {
		size_t taken = utf8_decode(bytes, len, &rune);

		width -= rune_width(rune);
		bytes += taken;
		len -= taken;
	}
	buf_add_char(buf, UTF8_CLIP_MARK);
	buf_add(buf, bytes, len);
	return width + 1;
}
