/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/perf_map.c: the names that a just-in-time compiler has left behind. */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

#include "perf_map.h"

static size_t feed(struct perf_map *map, const char *text)
{
	return perf_map_feed(map, text, strlen(text));
}

static void lines(void **state)
{
	static const char text[] = "7f00 10 first\n0x7F10 0x8 LazyCompile:*a b /x.js:1\n";
	struct perf_map map = {0};

	(void)state;
	assert_null(perf_map_find(&map, 0));
	assert_int_equal(feed(&map, text), strlen(text));
	assert_null(perf_map_find(&map, 0x7eff));
	assert_string_equal(perf_map_find(&map, 0x7f00), "first");
	assert_string_equal(perf_map_find(&map, 0x7f0f), "first");
	assert_string_equal(perf_map_find(&map, 0x7f10), "LazyCompile:*a b /x.js:1");
	assert_null(perf_map_find(&map, 0x7f18));
	assert_int_equal(map.left_out, 0);
	perf_map_free(&map);
}

/* A line that is being written is not there yet. */
static void pieces(void **state)
{
	static const char text[] = "100 10 one\n200 10 two\n300 10 three\n";
	struct perf_map map = {0};
	size_t taken = 0;

	(void)state;
	for (size_t len = 0; len < sizeof(text); len++)
		taken += perf_map_feed(&map, text + taken, len - taken);
	assert_int_equal(taken, sizeof(text) - 1);
	assert_int_equal(map.count, 3);
	assert_string_equal(perf_map_find(&map, 0x20f), "two");
	perf_map_free(&map);
}

/* Code is thrown away without a word: what is told later holds. */
static void told_again(void **state)
{
	struct perf_map map = {0};

	(void)state;
	feed(&map, "1000 100 old\n2000 10 other\n");
	assert_string_equal(perf_map_find(&map, 0x1000), "old");
	feed(&map, "1000 80 new\n1080 8 tail\n");
	assert_string_equal(perf_map_find(&map, 0x1000), "new");
	assert_string_equal(perf_map_find(&map, 0x1084), "tail");
	assert_string_equal(perf_map_find(&map, 0x1090), "old");
	assert_string_equal(perf_map_find(&map, 0x2000), "other");
	perf_map_free(&map);
}

static void no_lines(void **state)
{
	static const char *const texts[] = {"\n",
					    "zz 10 name\n",
					    "10 zz name\n",
					    "10 10\n",
					    "10 10 \n",
					    "10 0 name\n",
					    "10  10 name\n",
					    "11111111111111111 10 name\n",
					    "10 100000000 name\n",
					    "0x 10 name\n"};
	struct perf_map map = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(texts); i++) {
		assert_int_equal(feed(&map, texts[i]), strlen(texts[i]));
		assert_int_equal(map.left_out, i + 1);
	}
	assert_int_equal(map.count, 0);
	feed(&map, "fffffffffffffff0 ffffffff wraps\nffffffffffffffff 10 end\n");
	assert_string_equal(perf_map_find(&map, UINT64_MAX), "end");
	assert_null(perf_map_find(&map, 0));
	perf_map_free(&map);
}

static void long_name(void **state)
{
	char line[PERF_MAP_NAME_LEN * 2];
	struct perf_map map = {0};

	(void)state;
	memset(line, 'x', sizeof(line));
	memcpy(line, "10 10 ", 6);
	line[sizeof(line) - 1] = '\n';
	assert_int_equal(perf_map_feed(&map, line, sizeof(line)), sizeof(line));
	assert_int_equal(strlen(perf_map_find(&map, 0x10)), PERF_MAP_NAME_LEN - 1);
	perf_map_free(&map);
}

/* More than there is room for: the rest is counted, what is there is found. */
static void caps(void **state)
{
	struct perf_map map = {0};
	char line[64];

	(void)state;
	for (uint32_t i = 0; i < PERF_MAP_ENTRIES_MAX + 10; i++)
		perf_map_feed(&map, line, (size_t)snprintf(line, sizeof(line), "%x 10 f\n", i * 16));
	assert_int_equal(map.count, PERF_MAP_ENTRIES_MAX);
	assert_int_equal(map.left_out, 10);
	assert_string_equal(perf_map_find(&map, 16ULL * PERF_MAP_ENTRIES_MAX - 1), "f");
	assert_null(perf_map_find(&map, 16ULL * PERF_MAP_ENTRIES_MAX));
	perf_map_free(&map);
}

static void any_bytes(void **state)
{
	uint64_t random = 3;
	struct perf_map map = {0};
	char text[512];

	(void)state;
	for (unsigned int i = 0; i < 20000; i++) {
		size_t len = fake_below(&random, sizeof(text));

		for (size_t j = 0; j < len; j++)
			text[j] = "0123456789abcdefx \n\n zz\0"[fake_below(&random, 24)];
		assert_true(perf_map_feed(&map, text, len) <= len);
		perf_map_find(&map, fake_below(&random, 4096));
	}
	perf_map_free(&map);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),     cmocka_unit_test(pieces),	  cmocka_unit_test(told_again),
		cmocka_unit_test(no_lines),  cmocka_unit_test(long_name), cmocka_unit_test(caps),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
