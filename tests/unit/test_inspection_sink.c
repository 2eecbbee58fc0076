/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/sink/{text,json}_inspection.c: what inspect found, for people and for programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "cleanup.h"
#include "sink_fixture.h"
#include "utf8.h"

#define PAGE 4096ULL

static void add(struct anatomy *anatomy, uint64_t inode, const char *name, uint8_t prot, uint64_t flags)
{
	uint64_t start = anatomy->has_last ? anatomy->last.end : PAGE;
	struct vma_detail detail = {.flags = flags};
	struct vma vma = {
		.start = start,
		.end = start + PAGE,
		.prot = prot,
		.inode = inode,
		.deleted = inode == 7,
		.kind = inode ? FILE_REGULAR : FILE_ANON,
		.name = name,
		.name_len = strlen(name),
	};

	assert_int_equal(anatomy_add(anatomy, &vma, &detail), 0);
}

static struct inspection inspection_make(void)
{
	struct inspection inspection = {
		.pid = 1234,
		.threads = 3,
		.limit = 1000,
		.comm = "evil\033[31m",
		.address_space = {1 << 30, UINT64_MAX},
		.data = {95 << 20, 100 << 20},
		.overcommit = 2,
		.commit = {2ULL << 30, 4ULL << 30},
	};

	for (unsigned int i = 0; i < 40; i++)
		add(&inspection.anatomy, 0, "", 3, i % 2 << 17);
	for (uint64_t inode = 1; inode <= 40; inode++)
		add(&inspection.anatomy, inode, inode == 7 ? "/data/\x1b[31m.cfs" : "/data/some.cfs", 1, 0);
	return inspection;
}

static void expect(const struct buf *buf, const char *words)
{
	if (!memmem(buf->data, buf->len, words, strlen(words)))
		fail_msg("lacks '%s':\n%.*s", words, (int)buf->len, buf->data);
}

static void text(void **state)
{
	struct inspection inspection = inspection_make();
	struct text_style style = style_of(0);
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	text_inspection(&buf, &style, &inspection, 3);
	expect(&buf, "evil\\x1b[31m[1234]: 80 maps (8 % of 1,000), 320 KiB, 3 threads\n");
	expect(&buf, "mmap, brk, shmat");
	expect(&buf, "1,001          921\n");
	expect(&buf, "address space (RLIMIT_AS)");
	expect(&buf, "1 GiB    unlimited\n");
	expect(&buf, "committed, whole machine (never)");
	expect(&buf, "2 GiB        4 GiB\n");
	expect(&buf, "           40    160 KiB  rw-p  flags 39              [anon]\n");
	expect(&buf, "           38  in smaller groups (-r shows more)\n");
	expect(&buf, "*.cfs");
	expect(&buf, "MADV_DONTFORK");
	expect(&buf, "40 files *.cfs are mapped");
	assert_null(memchr(buf.data, '\033', buf.len));
	anatomy_free(&inspection.anatomy);
}

static void text_fits(void **state)
{
	struct inspection inspection = inspection_make();

	(void)state;
	inspection.detail_error = EPERM;
	for (unsigned int width = 20; width < 130; width++) {
		struct text_style style = style_of(width);
		_cleanup_buf_ struct buf buf = {0};

		text_inspection(&buf, &style, &inspection, 50);
		expect(&buf, "permitted");
		for (char *line = buf.data, *end; line < buf.data + buf.len; line = end + 1) {
			end = memchr(line, '\n', (size_t)(buf.data + buf.len - line));
			assert_non_null(end);
			assert_true(utf8_width(line, (size_t)(end - line)) <= width);
		}
	}
	anatomy_free(&inspection.anatomy);
}

static void json(void **state)
{
	struct inspection inspection = inspection_make();
	_cleanup_buf_ struct buf buf = {0};
	json_t *line, *group;

	(void)state;
	json_inspection(&buf, &context, 20 * SECOND, &inspection, 2);
	line = json_loadb(buf.data, buf.len, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(line);
	assert_string_equal(json_string_value(json_object_get(line, "type")), "inspect");
	assert_int_equal(json_integer_value(json_object_get(line, "map_count")), 80);
	assert_int_equal(json_array_size(json_object_get(line, "groups")), 2);
	group = json_array_get(json_object_get(line, "groups"), 0);
	assert_string_equal(json_string_value(json_object_get(group, "file")), "[anon]");
	assert_string_equal(json_string_value(json_object_get(group, "prot")), "rw-p");
	assert_int_equal(json_integer_value(json_object_get(json_object_get(group, "apart_by"), "flags")), 39);
	assert_true(json_is_null(json_object_get(json_object_get(line, "rlimit_as"), "limit")));
	assert_int_equal(json_array_size(json_object_get(line, "distances")), REFUSAL_DISTANCES);
	json_decref(line);
	anatomy_free(&inspection.anatomy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(text), cmocka_unit_test(text_fits), cmocka_unit_test(json)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
