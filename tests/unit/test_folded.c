/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/sink/folded.c, user/core/profile.c: stacks for flame graphs. */
#include "profile_fixture.h"

#include <errno.h>
#include <jansson.h>
#include <regex.h>

#include "cleanup.h"
#include "folded.h"

static void expect_by(const struct site *site, enum profile_value value, const char *line)
{
	_cleanup_buf_ struct buf buf = {0};

	assert_int_equal(folded_sites(&buf, &server, site, 1, value), 0);
	buf_add_char(&buf, '\0');
	assert_string_equal(buf.data, line);
}

static void expect(const struct site *site, const char *line)
{
	expect_by(site, PROFILE_LIVE, line);
}

/* What flamegraph.pl, inferno and speedscope agree on, and that each stack has a root, a frame and an operation. */
static void expect_grammar(const struct buf *buf)
{
	json_t *text = json_stringn(buf->data, buf->len);
	char *lines _cleanup_free_ = strndup(buf->data, buf->len), *rest = lines, *line;
	regex_t grammar;

	assert_non_null(text); /* jansson takes valid UTF-8 alone */
	json_decref(text);
	assert_int_equal(buf->data[buf->len - 1], '\n');
	assert_int_equal(regcomp(&grammar, "^[^;[:cntrl:]]*-[0-9]+(;[^;[:cntrl:]]+)+;\\[[a-z0-9_]+\\] [1-9][0-9]*$",
				 REG_EXTENDED | REG_NOSUB),
			 0);
	while ((line = strsep(&rest, "\n")) && (*line || rest)) {
		if (regexec(&grammar, line, 0, NULL, 0))
			fail_msg("is no folded stack: '%s'", line);
	}
	regfree(&grammar);
}

static void a_leak(void **state)
{
	struct site site = site_of(MT_OP_MMAP, &stack_leak, 400, 450);

	(void)state;
	expect(&site, "server-1234;main;shop::Cart::add(int, std::string const&);frame_map_[i];__mmap64;[mmap] 400\n");
}

static void unknown_frames(void **state)
{
	struct site cut = site_of(MT_OP_MPROTECT, &stack_cut, 3, 3), none = site_of(MT_OP_BRK, NULL, 2, 2),
		    empty = site_of(MT_OP_MMAP, &stack_empty, 1, 1);

	(void)state;
	expect(&cut, "server-1234;[cut off];[unknown];[unknown];libdark.so+0xbeef;[mprotect] 3\n");
	expect(&none, "server-1234;[unknown];[brk] 2\n");
	expect(&empty, "server-1234;[unknown];[mmap] 1\n");
}

static void hostile_names(void **state)
{
	struct site site = site_of(MT_OP_MMAP, &stack_hostile, 1, 1);
	struct profile_process processes[] = {
		{.pid = 1, .comm = HOSTILE}, {.pid = 2, .comm = ""}, {.pid = 3, .comm = NULL}};
	const char *first = "a:b\\nc\\r\\x1b[31m\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd \\u202e\"\\ 7-1;"
			    "a:b\\nc\\r\\x1b[31m\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd \\u202e\"\\ 7+0x2_[i];"
			    "a:b\\nc\\r\\x1b[31m\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd \\u202e\"\\ 7;[mmap] 1\n-2;";
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	for (unsigned int i = 0; i < COUNT(processes); i++)
		assert_int_equal(folded_sites(&buf, &processes[i], &site, 1, PROFILE_LIVE), 0);
	assert_true(buf.len > strlen(first));
	assert_memory_equal(buf.data, first, strlen(first));
	expect_grammar(&buf);
}

/* Every byte there is, alone and beside a number that could be taken for the value. */
static void every_byte(void **state)
{
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	for (unsigned int byte = 1; byte < 256; byte++) {
		char name[] = {(char)byte, ' ', '1', ' ', '2', (char)byte, '\0'};
		struct frame frame = {.function = name};
		struct stack stack = {.id = 1, .count = 1, .frames = &frame};
		struct site site = site_of(MT_OP_MMAP, &stack, 1, 1);

		assert_int_equal(folded_sites(&buf, &server, &site, 1, PROFILE_LIVE), 0);
	}
	expect_grammar(&buf);
}

static void values(void **state)
{
	struct site sites[] = {site_of(MT_OP_MMAP, NULL, 7, 9), site_of(MT_OP_MUNMAP, NULL, 0, -5)};

	(void)state;
	expect_by(&sites[0], PROFILE_LIVE, "server-1234;[unknown];[mmap] 7\n");
	expect_by(&sites[0], PROFILE_GROWTH, "server-1234;[unknown];[mmap] 9\n");
	expect_by(&sites[0], PROFILE_BYTES, "server-1234;[unknown];[mmap] 28672\n");
	expect_by(&sites[0], PROFILE_CALLS, "server-1234;[unknown];[mmap] 500\n");
	expect_by(&sites[1], PROFILE_LIVE, "");
	expect_by(&sites[1], PROFILE_GROWTH, "");
	expect_by(&sites[1], PROFILE_CALLS, "server-1234;[unknown];[munmap] 500\n");
	sites[0].live = -1;
	expect_by(&sites[0], PROFILE_LIVE, "");
	sites[0].bytes = UINT64_MAX;
	expect_by(&sites[0], PROFILE_BYTES, "server-1234;[unknown];[mmap] 9223372036854775807\n");
}

static void value_names(void **state)
{
	const char *names = profile_value_names();
	enum profile_value value = PROFILE_CALLS;

	(void)state;
	for (unsigned int i = 0; i < PROFILE_VALUES; i++) {
		assert_non_null(strstr(names, profile_value_name(i)));
		assert_int_equal(profile_value_parse(profile_value_name(i), &value), 0);
		assert_int_equal(value, i);
	}
	assert_int_equal(profile_value_parse("lives", &value), -EINVAL);
	assert_int_equal(profile_value_parse("", &value), -EINVAL);
	assert_int_equal(value, PROFILE_CALLS);
}

static void nothing(void **state)
{
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	assert_int_equal(folded_sites(&buf, &server, NULL, 0, PROFILE_LIVE), 0);
	assert_int_equal(buf.len, 0);
}

static void no_memory(void **state)
{
	struct site site = site_of(MT_OP_MMAP, &stack_leak, 1, 1);
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	buf_add_str(&buf, "before\n");
	buf.failed = true;
	assert_int_equal(folded_sites(&buf, &server, &site, 1, PROFILE_LIVE), -ENOMEM);
	assert_int_equal(buf.len, strlen("before\n"));
}

static void many_sites(void **state)
{
	struct many *many _cleanup_free_ = many_new();
	_cleanup_buf_ struct buf buf = {0};
	double start = seconds();

	(void)state;
	assert_int_equal(folded_sites(&buf, &server, many->sites, MANY_SITES, PROFILE_LIVE), 0);
	print_message("%d sites of %d frames: %.3f s, %zu bytes\n", MANY_SITES, MANY_FRAMES, seconds() - start,
		      buf.len);
	expect_grammar(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_leak),     cmocka_unit_test(unknown_frames), cmocka_unit_test(hostile_names),
		cmocka_unit_test(every_byte), cmocka_unit_test(values),		cmocka_unit_test(value_names),
		cmocka_unit_test(nothing),    cmocka_unit_test(no_memory),	cmocka_unit_test(many_sites),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
