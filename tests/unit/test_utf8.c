/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/base/utf8.c: untrusted bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "utf8.h"

#define FFFD "\xef\xbf\xbd"

static void decode_is(const char *bytes, size_t len, uint32_t rune, size_t taken)
{
	/* exactly len bytes on the heap: the sanitizer sees a read beyond them */
	_cleanup_free_ char *copy = malloc(len);
	uint32_t got = 0;

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	assert_int_equal(utf8_decode(copy, len, &got), taken);
	assert_int_equal(got, rune);
}

static void decodes_the_bounds_of_each_length(void **state)
{
	(void)state;
	decode_is("\0", 1, 0, 1);
	decode_is("\x7f", 1, 0x7f, 1);
	decode_is("\xc2\x80", 2, 0x80, 2);
	decode_is("\xdf\xbf", 2, 0x7ff, 2);
	decode_is("\xe0\xa0\x80", 3, 0x800, 3);
	decode_is("\xed\x9f\xbf", 3, 0xd7ff, 3);
	decode_is("\xee\x80\x80", 3, 0xe000, 3);
	decode_is("\xef\xbf\xbf", 3, 0xffff, 3);
	decode_is("\xf0\x90\x80\x80", 4, 0x10000, 4);
	decode_is("\xf4\x8f\xbf\xbf", 4, 0x10ffff, 4);
}

static void replaces_what_is_not_utf8(void **state)
{
	(void)state;
	decode_is("\x80", 1, UTF8_REPLACEMENT, 1); /* a trail without a lead */
	decode_is("\xff", 1, UTF8_REPLACEMENT, 1);
	decode_is("\xc0\x80", 2, UTF8_REPLACEMENT, 1); /* overlong */
	decode_is("\xc1\xbf", 2, UTF8_REPLACEMENT, 1);
	decode_is("\xe0\x9f\xbf", 3, UTF8_REPLACEMENT, 1);
	decode_is("\xf0\x8f\xbf\xbf", 4, UTF8_REPLACEMENT, 1);
	decode_is("\xed\xa0\x80", 3, UTF8_REPLACEMENT, 1);     /* a surrogate */
	decode_is("\xf4\x90\x80\x80", 4, UTF8_REPLACEMENT, 1); /* above U+10FFFF */
	decode_is("\xf5\x80\x80\x80", 4, UTF8_REPLACEMENT, 1);
	decode_is("\xe6\x97", 2, UTF8_REPLACEMENT, 2); /* cut off */
	decode_is("\xf0\x9f\x98", 3, UTF8_REPLACEMENT, 3);
	decode_is("\xe6\x97x", 3, UTF8_REPLACEMENT, 2); /* the x is not taken */
}

typedef void escape_function(struct buf *buf, const char *bytes, size_t len);

static void escape_is(escape_function *escape, const char *bytes, size_t len, const char *expected)
{
	_cleanup_free_ char *copy = malloc(len ? len : 1);
	_cleanup_buf_ struct buf buf = {0};

	assert_non_null(copy);
	memcpy(copy, bytes, len);
	escape(&buf, copy, len);
	buf_add_char(&buf, '\0');
	assert_string_equal(buf.data, expected);
}

#define TERMINAL_IS(bytes, expected) escape_is(utf8_escape_terminal, bytes, sizeof(bytes) - 1, expected)
#define JSON_IS(bytes, expected)     escape_is(utf8_escape_json, bytes, sizeof(bytes) - 1, expected)

static void terminal_sees_no_control(void **state)
{
	(void)state;
	TERMINAL_IS("", "");
	TERMINAL_IS("plain ~", "plain ~");
	TERMINAL_IS("\x1b[31mred", "\\x1b[31mred");
	TERMINAL_IS("a\nb\tc\rd\0e\x7f", "a\\nb\\tc\\rd\\x00e\\x7f");
	TERMINAL_IS("\xc2\x9b", "\\u009b");	/* C1: a CSI of its own */
	TERMINAL_IS("\xe2\x80\xae", "\\u202e"); /* right-to-left override */
	TERMINAL_IS("\xe2\x81\xa6", "\\u2066"); /* isolate */
	TERMINAL_IS("\xe2\x80\xa8", "\\u2028"); /* line separator */
	TERMINAL_IS("\xef\xbb\xbf", "\\ufeff");
	TERMINAL_IS("\xf3\xa0\x81\x81", "\\ue0041"); /* a tag character */
	TERMINAL_IS("\xe6\x97\xa5\xe6\x9c\xac", "\xe6\x97\xa5\xe6\x9c\xac");
	TERMINAL_IS("a\xff"
		    "b\xe6\x97",
		    "a" FFFD "b" FFFD);
}

static void terminal_escaping_twice_is_once(void **state)
{
	(void)state;
	TERMINAL_IS("\\x1b back\\slash", "\\x1b back\\slash");
}

static void json_is_always_valid(void **state)
{
	(void)state;
	JSON_IS("", "");
	JSON_IS("say \"hi\" \\o/", "say \\\"hi\\\" \\\\o/");
	JSON_IS("a\nb\tc\rd", "a\\nb\\tc\\u000dd");
	JSON_IS("\x1b\x7f", "\\u001b\\u007f");
	JSON_IS("\xc2\x85", "\\u0085");
	JSON_IS("\xe2\x80\xae", "\\u202e");
	JSON_IS("\xf3\xa0\x81\x81", "\\udb40\\udc41"); /* above the plane: a pair */
	JSON_IS("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
	JSON_IS("\xff\xed\xa0\x80", FFFD FFFD FFFD FFFD);
}

static void every_byte_pair_comes_out_printable(void **state)
{
	(void)state;
	for (unsigned int pair = 0; pair < 65536; pair++) {
		const char bytes[2] = {(char)(pair >> 8), (char)pair};
		_cleanup_buf_ struct buf buf = {0};
		uint32_t rune;

		utf8_escape_terminal(&buf, bytes, 2);
		assert_true(buf.len > 0);
		for (size_t at = 0; at < buf.len;) {
			at += utf8_decode(buf.data + at, buf.len - at, &rune);
			assert_true(rune >= 0x20 && (rune < 0x7f || rune > 0x9f));
		}
	}
}

static unsigned int width_of(const char *text)
{
	return utf8_width(text, strlen(text));
}

static void width_counts_columns(void **state)
{
	(void)state;
	assert_int_equal(width_of(""), 0);
	assert_int_equal(width_of("abc"), 3);
	assert_int_equal(width_of("\xc3\xa9"), 1);		   /* e acute */
	assert_int_equal(width_of("e\xcc\x81"), 1);		   /* e, combining acute */
	assert_int_equal(width_of("\xe6\x97\xa5\xe6\x9c\xac"), 4); /* two wide ones */
	assert_int_equal(width_of("\xf0\x9f\x98\x80"), 2);	   /* an emoji */
	assert_int_equal(width_of("\xe1\x84\x80"), 2);		   /* first of a table */
	assert_int_equal(width_of("\xcc\x80"), 0);
}

typedef unsigned int clip_function(struct buf *buf, const char *bytes, size_t len, unsigned int columns);

static void clip_is(clip_function *clip, const char *text, unsigned int columns, const char *expected,
		    unsigned int used)
{
	_cleanup_buf_ struct buf buf = {0};

	assert_int_equal(clip(&buf, text, strlen(text), columns), used);
	buf_add_char(&buf, '\0');
	assert_string_equal(buf.data, expected);
}

static void clips_at_the_end(void **state)
{
	(void)state;
	clip_is(utf8_clip, "abcdef", 7, "abcdef", 6);
	clip_is(utf8_clip, "abcdef", 6, "abcdef", 6);
	clip_is(utf8_clip, "abcdef", 5, "abcd~", 5);
	clip_is(utf8_clip, "abcdef", 1, "~", 1);
	clip_is(utf8_clip, "abcdef", 0, "", 0);
	clip_is(utf8_clip, "", 0, "", 0);
	/* a wide one is kept whole or not at all: one column may stay free */
	clip_is(utf8_clip, "\xe6\x97\xa5\xe6\x9c\xac", 3, "\xe6\x97\xa5~", 3);
	clip_is(utf8_clip, "\xe6\x97\xa5\xe6\x9c\xac", 2, "~", 1);
}

static void clips_at_the_start(void **state)
{
	(void)state;
	clip_is(utf8_clip_start, "/dev/shm/frames", 15, "/dev/shm/frames", 15);
	clip_is(utf8_clip_start, "/dev/shm/frames", 14, "~ev/shm/frames", 14);
	clip_is(utf8_clip_start, "/dev/shm/frames", 1, "~", 1);
	clip_is(utf8_clip_start, "/dev/shm/frames", 0, "", 0);
	clip_is(utf8_clip_start, "\xe6\x97\xa5\xe6\x9c\xac", 3, "~\xe6\x9c\xac", 3);
	clip_is(utf8_clip_start, "\xe6\x97\xa5\xe6\x9c\xac", 2, "~", 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decodes_the_bounds_of_each_length),
		cmocka_unit_test(replaces_what_is_not_utf8),
		cmocka_unit_test(terminal_sees_no_control),
		cmocka_unit_test(terminal_escaping_twice_is_once),
		cmocka_unit_test(json_is_always_valid),
		cmocka_unit_test(every_byte_pair_comes_out_printable),
		cmocka_unit_test(width_counts_columns),
		cmocka_unit_test(clips_at_the_end),
		cmocka_unit_test(clips_at_the_start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
