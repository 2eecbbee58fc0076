/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "cleanup.h"
#include "syslog_line.h"

#define NOON_NS 1767268800123456789ULL /* 2026-01-01T12:00:00.123456789Z */

static void assert_line(const struct syslog_head *head, const char *json, size_t len, const char *expected)
{
	_cleanup_buf_ struct buf buf = {0};

	syslog_line(&buf, head, json, len);
	assert_false(buf.failed);
	buf_add_char(&buf, '\0');
	assert_string_equal(buf.data, expected);
	assert_int_equal(buf.len, strlen(expected) + 1);
}

static void holds_all_of_the_head(void **state)
{
	struct syslog_head head = {
		.severity = "critical", .wall_ns = NOON_NS, .host = "node1", .procid = 7, .msgid = "finding"};

	(void)state;
	assert_line(&head, "{\"a\":1}\n", 8, "<26>1 2026-01-01T12:00:00.123456Z node1 mmaptrace 7 finding - {\"a\":1}");
	head.severity = "warning";
	assert_line(&head, "{}", 2, "<28>1 2026-01-01T12:00:00.123456Z node1 mmaptrace 7 finding - {}");
	head.severity = "info";
	assert_line(&head, "{}", 2, "<30>1 2026-01-01T12:00:00.123456Z node1 mmaptrace 7 finding - {}");
}

static void what_is_not_known_is_a_dash(void **state)
{
	struct syslog_head head = {.wall_ns = 0, .host = "", .msgid = NULL};

	(void)state;
	assert_line(&head, "", 0, "<30>1 1970-01-01T00:00:00.000000Z - mmaptrace - - - ");
}

static void no_name_breaks_out_of_its_field(void **state)
{
	struct syslog_head head = {.host = "a b\n<0>1\x7f\xc3\xa9", .procid = UINT32_MAX, .msgid = "x\ty z"};

	(void)state;
	assert_line(&head, "{}", 2, "<30>1 1970-01-01T00:00:00.000000Z a_b_<0>1___ mmaptrace 4294967295 x_y_z - {}");
}

static void names_are_cut_at_their_limits(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	char host[400], msgid[100];
	struct syslog_head head = {.host = host, .msgid = msgid};

	(void)state;
	memset(host, 'h', sizeof(host));
	memset(msgid, 'm', sizeof(msgid));
	host[256] = msgid[33] = '\0';
	syslog_line(&buf, &head, "{}", 2);
	buf_add_char(&buf, '\0');
	assert_int_equal(strspn(strchr(buf.data, 'h'), "h"), 255);
	assert_int_equal(strspn(strstr(buf.data, "mmm"), "m"), 32);
}

static void no_text_forges_a_record(void **state)
{
	struct syslog_head head = {.host = "h", .msgid = "m"};
	const char text[] = "{\n<0>1 forged\r\0\x1b[m\x7f\xc3\xa9}\r\n\n";

	(void)state;
	assert_line(&head, text, sizeof(text) - 1,
		    "<30>1 1970-01-01T00:00:00.000000Z h mmaptrace - m - { <0>1 forged   [m \xc3\xa9}");
}

static void is_all_or_nothing(void **state)
{
	struct buf buf = {.failed = true};
	struct syslog_head head = {.host = "h"};

	(void)state;
	syslog_line(&buf, &head, "{}", 2);
	assert_int_equal(buf.len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(holds_all_of_the_head),	   cmocka_unit_test(what_is_not_known_is_a_dash),
		cmocka_unit_test(no_name_breaks_out_of_its_field), cmocka_unit_test(names_are_cut_at_their_limits),
		cmocka_unit_test(no_text_forges_a_record),	   cmocka_unit_test(is_all_or_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
