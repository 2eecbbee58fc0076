/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whatever people type, and whatever bytes a name holds: parsers against plain
 * ones written another way, escapes against what reads them. The same texts
 * each time; FUZZ_SEED and FUZZ_ROUNDS choose others.
 */
#include "fake.h"

#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "anatomy.h"
#include "cleanup.h"
#include "parse.h"
#include "plan.h"
#include "utf8.h"
#include "view.h"

#define ROUNDS	  200000
#define TEXT_MAX  24
#define UNTOUCHED 4711

typedef __int128 wide;
#define WIDE_MAX ((wide)1 << 100) /* no more digits are told apart beyond */

static uint64_t setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : fallback;
}

static unsigned int rounds(void)
{
	return (unsigned int)setting("FUZZ_ROUNDS", ROUNDS);
}

/* Mostly digits and units, now and then anything. */
static void text_make(uint64_t *seed, char *text)
{
	static const char alphabet[] = "0123456789012345678999%.,,KMGTkmgtnsuhd -+ex";
	size_t len = fake_below(seed, fake_below(seed, 3) ? 8 : TEXT_MAX);

	for (size_t i = 0; i < len; i++) {
		text[i] = alphabet[fake_below(seed, sizeof(alphabet) - 1)];
		if (!fake_below(seed, 200))
			text[i] = (char)(1 + fake_below(seed, 255));
	}
	text[len] = '\0';
}

/* On the heap, to the byte: the sanitizer sees a read beyond the NUL. */
static char *exact(const char *text)
{
	char *copy = strdup(text);

	assert_non_null(copy);
	return copy;
}

/* The digits text begins with; returns how many there are. */
static size_t digits_of(const char *text, wide *ret_value)
{
	size_t len = strspn(text, "0123456789");

	*ret_value = 0;
	for (size_t i = 0; i < len && *ret_value < WIDE_MAX; i++)
		*ret_value = *ret_value * 10 + (text[i] - '0');
	return len;
}

static int verdict_of(wide value, wide min, wide max)
{
	return value < min || value > max ? -ERANGE : 0;
}

static int expected_number(const char *text, wide min, wide max, wide *ret_value)
{
	size_t len = digits_of(text, ret_value);

	return !len || text[len] ? -EINVAL : verdict_of(*ret_value, min, max);
}

static void numbers(void **state)
{
	uint64_t seed = setting("FUZZ_SEED", 1);
	char text[TEXT_MAX + 1];

	(void)state;
	for (unsigned int i = 0; i < rounds(); i++) {
		_cleanup_free_ char *copy = NULL;
		uint64_t min = fake_random(&seed) >> fake_below(&seed, 64), large = UNTOUCHED;
		uint64_t max = min + (fake_random(&seed) >> fake_below(&seed, 64));
		uint32_t small = UNTOUCHED;
		wide value;
		int error;

		text_make(&seed, text);
		copy = exact(text);
		if (max < min)
			max = UINT64_MAX;
		error = expected_number(text, min, max, &value);
		assert_int_equal(parse_u64(copy, min, max, &large), error);
		assert_true(large == (error ? UNTOUCHED : (uint64_t)value));
		error = expected_number(text, 0, UINT32_MAX, &value);
		assert_int_equal(parse_u32(copy, 0, UINT32_MAX, &small), error);
		assert_true(small == (error ? UNTOUCHED : (uint32_t)value));
	}
}

/* The first item at fault, or -1. */
static long expected_pids(const char *text, int *ret_error, size_t *ret_count)
{
	uint32_t seen[TEXT_MAX];
	size_t count = 0;

	for (const char *at = text;; at++) {
		size_t len, known = 0;
		wide value;

		len = digits_of(at, &value);
		*ret_error = !len || (at[len] && at[len] != ',') ? -EINVAL : verdict_of(value, 1, PARSE_PID_MAX);
		if (*ret_error)
			return at - text;
		while (known < count && seen[known] != value)
			known++;
		seen[known] = (uint32_t)value;
		count += known == count;
		at += len;
		if (!*at)
			break;
	}
	*ret_count = count;
	return -1;
}

static void pid_lists(void **state)
{
	uint64_t seed = setting("FUZZ_SEED", 2);
	char text[TEXT_MAX + 1];

	(void)state;
	for (unsigned int i = 0; i < rounds() / 2; i++) {
		_cleanup_free_ char *copy = NULL;
		_cleanup_free_ uint32_t *pids = NULL;
		size_t count = UNTOUCHED, bad = UNTOUCHED, expected_count = UNTOUCHED;
		long expected_bad;
		int error;

		text_make(&seed, text);
		copy = exact(text);
		expected_bad = expected_pids(text, &error, &expected_count);
		assert_int_equal(parse_pids(copy, &pids, &count, &bad), error);
		assert_int_equal(count, expected_count);
		assert_int_equal(bad, error ? expected_bad : UNTOUCHED);
		assert_int_equal(pids != NULL, error == 0);
	}
}

static wide size_unit(const char *name)
{
	static const char letters[] = "KMGT";
	const char *at;

	if (!*name)
		return 1;
	at = strchr(letters, toupper((unsigned char)*name));
	return at && !name[1] ? (wide)1 << (10 * (at - letters + 1)) : 0;
}

static void sizes_and_percents(void **state)
{
	uint64_t seed = setting("FUZZ_SEED", 3);
	char text[TEXT_MAX + 1];

	(void)state;
	for (unsigned int i = 0; i < rounds() / 2; i++) {
		_cleanup_free_ char *copy = NULL;
		uint64_t bytes = UNTOUCHED;
		uint32_t percent = UNTOUCHED;
		size_t len;
		wide value, unit;
		int error;

		text_make(&seed, text);
		copy = exact(text);
		len = digits_of(text, &value);
		unit = size_unit(text + len);
		error = !len || !unit ? -EINVAL : verdict_of(value * unit, 0, UINT64_MAX);
		assert_int_equal(parse_size(copy, &bytes), error);
		assert_true(bytes == (error ? UNTOUCHED : (uint64_t)(value * unit)));
		error = !len || (text[len] && strcmp(text + len, "%") != 0) ? -EINVAL : verdict_of(value, 1, 100);
		assert_int_equal(parse_percent(copy, &percent), error);
		assert_int_equal(percent, error ? UNTOUCHED : (uint32_t)value);
	}
}

static wide time_unit(const char *name)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {{"", SECOND},  {"ns", 1},		{"us", 1000},	      {"ms", 1000000},
		     {"s", SECOND}, {"m", 60 * SECOND}, {"h", 3600 * SECOND}, {"d", 86400 * SECOND}};

	for (size_t i = 0; i < COUNT(units); i++) {
		if (!strcmp(units[i].name, name))
			return units[i].ns;
	}
	return 0;
}

/* "12.5m" -> whole and fraction in ns. */
static int expected_duration(const char *text, wide *ret_ns)
{
	size_t len = digits_of(text, ret_ns), more = 0;
	const char *rest = text + len;
	wide unit;

	if (len && *rest == '.') {
		more = strspn(rest + 1, "0123456789");
		rest += 1 + more;
		len = more;
	}
	unit = time_unit(rest);
	if (!len || !unit)
		return -EINVAL;
	*ret_ns *= unit;
	for (const char *digit = rest - more; digit < rest; digit++)
		*ret_ns += (unit /= 10) * (*digit - '0');
	return verdict_of(*ret_ns, 0, UINT64_MAX);
}

static void durations(void **state)
{
	uint64_t seed = setting("FUZZ_SEED", 4);
	char text[TEXT_MAX + 1];

	(void)state;
	for (unsigned int i = 0; i < rounds(); i++) {
		_cleanup_free_ char *copy = NULL;
		uint64_t ns = UNTOUCHED;
		wide expected;
		int error;

		text_make(&seed, text);
		copy = exact(text);
		error = expected_duration(text, &expected);
		assert_int_equal(parse_duration(copy, &ns), error);
		assert_true(ns == (error ? UNTOUCHED : (uint64_t)expected));
	}
}

static void words_make(uint64_t *seed, char *text, size_t size)
{
	static const char *const words[] = {"witness", "syscalls", "witnes", ",", "", "ratio", "pid", " "};

	text[0] = '\0';
	for (unsigned int i = fake_below(seed, 6); i; i--)
		snprintf(text + strlen(text), size - strlen(text), "%s%s", words[fake_below(seed, COUNT(words))],
			 fake_below(seed, 2) ? "," : "");
}

/* What is refused is pointed at, within the text; what is taken is taken again as it is. */
static void lists_of_words(void **state)
{
	uint64_t seed = setting("FUZZ_SEED", 5);
	char text[80];

	(void)state;
	for (unsigned int i = 0; i < rounds() / 4; i++) {
		_cleanup_free_ char *copy = NULL;
		const char *bad = NULL;
		uint32_t hooks = UNTOUCHED;
		enum sort_key key;

		words_make(&seed, text, sizeof(text));
		copy = exact(text);
		if (hooks_parse(copy, &hooks, &bad)) {
			assert_true(bad >= copy && bad <= copy + strlen(copy));
			assert_int_equal(hooks, UNTOUCHED);
		} else {
			assert_in_range(hooks, 1, HOOK_WITNESS | HOOK_SYSCALLS);
			assert_int_equal(strspn(copy, "witnesyscal,"), strlen(copy));
		}
		if (!sort_key_parse(copy, &key))
			assert_non_null(strstr(sort_key_names(), copy));
	}
}

/* ---- untrusted bytes ---- */

/* Beginnings, trails and whole characters, well and badly put together. */
static size_t bytes_make(uint64_t *seed, char *bytes, size_t size)
{
	static const char *const pieces[] = {"\xc3\xa9",
					     "\xe2\x82\xac",
					     "\xf0\x9f\x98\x80",
					     "\xe2\x80\xae",
					     "\xed\xa0\x80",
					     "\xc0\x80",
					     "\xf4\x90\x80\x80",
					     "\"",
					     "\\",
					     "\x1b[2J",
					     "a"};
	size_t len = 0, wanted = fake_below(seed, (uint32_t)size - 4);

	while (len < wanted) {
		const char *piece = pieces[fake_below(seed, COUNT(pieces))];
		size_t part = strlen(piece);

		memcpy(bytes + len, piece, part);
		if (!fake_below(seed, 3))
			bytes[len] = (char)fake_random(seed);
		len += 1 + fake_below(seed, (uint32_t)part); /* all of it, or cut */
		if (len > wanted)
			len = wanted;
	}
	return len;
}

static void decoding_goes_on(const char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t rune = UINT32_MAX;
		size_t taken = utf8_decode(bytes + at, len - at, &rune);

		assert_in_range(taken, 1, len - at);
		assert_true(rune <= 0x10ffff && (rune < 0xd800 || rune > 0xdfff));
		at += taken;
	}
}

static void json_reads_it(struct buf *buf, const char *bytes, size_t len)
{
	json_t *string;

	buf_add_str(buf, "[\"");
	utf8_escape_json(buf, bytes, len);
	buf_add_str(buf, "\"]");
	string = json_loadb(buf->data, buf->len, JSON_ALLOW_NUL, NULL);
	assert_non_null(string);
	json_decref(string);
	buf_consume(buf, buf->len);
}

static void terminal_shows_it(struct buf *buf, const char *bytes, size_t len, unsigned int columns)
{
	_cleanup_buf_ struct buf clipped = {0};
	unsigned int width;

	utf8_escape_terminal(buf, bytes, len);
	for (size_t i = 0; i < buf->len; i++)
		assert_true((unsigned char)buf->data[i] >= 0x20 && buf->data[i] != 0x7f);
	width = utf8_width(buf->data, buf->len);
	assert_true(utf8_clip(&clipped, buf->data, buf->len, columns) <= columns);
	assert_true(utf8_width(clipped.data, clipped.len) <= columns);
	buf_consume(&clipped, clipped.len);
	assert_true(utf8_clip_start(&clipped, buf->data, buf->len, columns) <= columns);
	buf_consume(&clipped, clipped.len);
	assert_int_equal(utf8_clip(&clipped, buf->data, buf->len, width), width); /* fits: as it is */
	assert_int_equal(clipped.len, buf->len);
	buf_consume(buf, buf->len);
}

static void names_of_any_bytes(void **state)
{
	uint64_t seed = setting("FUZZ_SEED", 6);
	_cleanup_buf_ struct buf buf = {0};
	char bytes[40];

	(void)state;
	for (unsigned int i = 0; i < rounds() / 8; i++) {
		size_t len = bytes_make(&seed, bytes, sizeof(bytes));
		_cleanup_free_ char *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, bytes, len);
		copy = realloc(copy, len ? len : 1);
		decoding_goes_on(copy, len);
		json_reads_it(&buf, copy, len);
		terminal_shows_it(&buf, copy, len, fake_below(&seed, 30));
	}
}

/* Lines of /proc/PID/maps with bytes that anybody chose: what is taken is whole, and is grouped without harm. */
static void lines_of_maps(void **state)
{
	static const char *const lines[] = {
		"55d0c0e00000-55d0c0e2f000 r--p 00001000 fe:01 247101                     /usr/bin/bash",
		"7ffe1000-7ffe3000 rw-p 00000000 00:00 0 ",
		"1000-2000 rw-s 00000000 00:01 12                         /dev/zero (deleted)",
		"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]",
	};
	uint64_t seed = setting("FUZZ_SEED", 7);
	struct anatomy anatomy = {0};
	unsigned int taken = 0;

	(void)state;
	for (unsigned int i = 0; i < rounds() / 4; i++) {
		const char *line = lines[fake_below(&seed, COUNT(lines))];
		size_t len = fake_below(&seed, 4) ? strlen(line) : fake_below(&seed, (uint32_t)strlen(line));
		_cleanup_free_ char *copy = malloc(len ? len : 1);
		struct vma vma;

		assert_non_null(copy);
		memcpy(copy, line, len);
		for (uint32_t changes = fake_below(&seed, 4); len && changes; changes--)
			copy[fake_below(&seed, (uint32_t)len)] = (char)fake_below(&seed, 256);
		if (vma_parse(copy, len, &vma))
			continue;
		assert_true(vma.end > vma.start);
		assert_true(vma.name >= copy && vma.name + vma.name_len <= copy + len);
		assert_int_equal(anatomy_add(&anatomy, &vma, NULL), 0);
		taken++;
	}
	assert_true(taken > 0);
	assert_int_equal(anatomy.maps, taken);
	anatomy_free(&anatomy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_maps),      cmocka_unit_test(numbers),   cmocka_unit_test(pid_lists),
		cmocka_unit_test(sizes_and_percents), cmocka_unit_test(durations), cmocka_unit_test(lists_of_words),
		cmocka_unit_test(names_of_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
