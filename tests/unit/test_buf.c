/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "buf.h"
#include "cleanup.h"

static void assert_holds(const struct buf *buf, const char *text)
{
	assert_int_equal(buf->len, strlen(text));
	if (buf->len)
		assert_memory_equal(buf->data, text, buf->len);
	assert_false(buf->failed);
}

static void empty_is_zero(void **state)
{
	struct buf buf = {0};

	(void)state;
	buf_add(&buf, NULL, 0);
	buf_add_str(&buf, "");
	buf_printf(&buf, "%s", "");
	assert_holds(&buf, "");
	buf_consume(&buf, 0);
	buf_consume(&buf, 5);
	assert_holds(&buf, "");
	buf_free(&buf);
	buf_free(&buf);
}

static void grows_across_its_capacity(void **state)
{
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	for (unsigned int i = 0; i < 100000; i++)
		buf_add_char(&buf, (char)('a' + i % 26));
	assert_int_equal(buf.len, 100000);
	for (unsigned int i = 0; i < 100000; i++)
		assert_int_equal(buf.data[i], 'a' + i % 26);
}

static void prints_at_the_edge_of_the_capacity(void **state)
{
	(void)state;
	/* vsnprintf needs one byte more than it leaves behind */
	for (int len = 250; len < 260; len++) {
		_cleanup_buf_ struct buf buf = {0};

		buf_add_char(&buf, '<');
		buf_printf(&buf, "%*d", len, 7);
		buf_add_char(&buf, '>');
		assert_int_equal(buf.len, len + 2);
		assert_int_equal(buf.data[len], '7');
		assert_int_equal(buf.data[len + 1], '>');
	}
}

static void numbers_at_their_bounds(void **state)
{
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	buf_add_u64(&buf, 0);
	buf_add_char(&buf, ' ');
	buf_add_u64(&buf, UINT64_MAX);
	buf_add_char(&buf, ' ');
	buf_add_i64(&buf, INT64_MIN);
	buf_add_char(&buf, ' ');
	buf_add_i64(&buf, -1);
	buf_add_char(&buf, ' ');
	buf_add_i64(&buf, INT64_MAX);
	buf_add_char(&buf, ' ');
	buf_add_hex(&buf, 0);
	buf_add_char(&buf, ' ');
	buf_add_hex(&buf, UINT64_MAX);
	assert_holds(&buf, "0 18446744073709551615 -9223372036854775808 -1 9223372036854775807 0 ffffffffffffffff");
}

static void consumes_from_the_front(void **state)
{
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	buf_add_str(&buf, "one two three");
	buf_consume(&buf, 4);
	assert_holds(&buf, "two three");
	buf_consume(&buf, 9);
	assert_holds(&buf, "");
	buf_add_str(&buf, "four");
	buf_consume(&buf, 100);
	assert_holds(&buf, "");
}

static void failure_changes_nothing_and_stays(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	volatile size_t too_much = SIZE_MAX - 2; /* the compiler would know, and warn */

	(void)state;
	buf_add_str(&buf, "kept");
	buf_add(&buf, "x", too_much);
	assert_true(buf.failed);
	assert_int_equal(buf.len, 4);
	buf_add_str(&buf, "dropped");
	buf_printf(&buf, "%d", 1);
	assert_int_equal(buf.len, 4);
	buf.failed = false;
	buf_add_str(&buf, "!");
	assert_holds(&buf, "kept!");
}

static void taking_leaves_nothing_to_free(void **state)
{
	_cleanup_free_ char *mine = strdup("mine");
	_cleanup_free_ char *yours = TAKE_PTR(mine);
	int fd = 7;

	(void)state;
	assert_null(mine);
	assert_string_equal(yours, "mine");
	assert_int_equal(TAKE_FD(fd), 7);
	assert_int_equal(fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty_is_zero),
		cmocka_unit_test(grows_across_its_capacity),
		cmocka_unit_test(prints_at_the_edge_of_the_capacity),
		cmocka_unit_test(numbers_at_their_bounds),
		cmocka_unit_test(consumes_from_the_front),
		cmocka_unit_test(failure_changes_nothing_and_stays),
		cmocka_unit_test(taking_leaves_nothing_to_free),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
