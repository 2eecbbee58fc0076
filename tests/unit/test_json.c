/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <jansson.h>
#include <math.h>
#include <string.h>

#include "cleanup.h"
#include "json.h"

static void text_is(struct buf *buf, const char *expected)
{
	buf_add_char(buf, '\0');
	assert_string_equal(buf->data, expected);
}

static void commas_come_by_themselves(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct json_writer json = {.buf = &buf};

	(void)state;
	json_open_object(&json);
	json_put_key(&json, "a");
	json_open_array(&json);
	json_close_array(&json);
	json_put_key(&json, "b");
	json_open_array(&json);
	json_put_u64(&json, 1);
	json_open_object(&json);
	json_close_object(&json);
	json_open_array(&json);
	json_put_null(&json);
	json_close_array(&json);
	json_put_bool(&json, true);
	json_close_array(&json);
	json_add_bool(&json, "c", false);
	json_close_object(&json);
	text_is(&buf, "{\"a\":[],\"b\":[1,{},[null],true],\"c\":false}");
}

static void integers_are_exact(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct json_writer json = {.buf = &buf};

	(void)state;
	json_open_array(&json);
	json_put_u64(&json, 0);
	json_put_u64(&json, UINT64_MAX);
	json_put_i64(&json, INT64_MIN);
	json_put_hex(&json, 0);
	json_put_hex(&json, UINT64_MAX);
	json_close_array(&json);
	text_is(&buf, "[0,18446744073709551615,-9223372036854775808,\"0x0\",\"0xffffffffffffffff\"]");
}

static void double_is(double value, const char *expected)
{
	_cleanup_buf_ struct buf buf = {0};
	struct json_writer json = {.buf = &buf};

	json_put_double(&json, value);
	text_is(&buf, expected);
}

static void doubles_have_six_digits(void **state)
{
	(void)state;
	double_is(0, "0");
	double_is(0.5, "0.5");
	double_is(1.0 / 3, "0.333333");
	double_is(65530, "65530");
	double_is(1234567, "1.23457e+06");
	double_is(-0.1, "-0.1");
	double_is((double)NAN, "null");
	double_is((double)INFINITY, "null");
	double_is((double)-INFINITY, "null");
	double_is(1e308, "1e+308");
	double_is(5e-324, "4.94066e-324");
}

static void known_or_null(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct json_writer json = {.buf = &buf};

	(void)state;
	json_open_object(&json);
	json_add_known_u64(&json, "a", false, 1);
	json_add_known_u64(&json, "b", true, 1);
	json_add_known_hex(&json, "c", false, 1);
	json_add_known_hex(&json, "d", true, 255);
	json_add_known_text(&json, "e", false, "x");
	json_add_known_text(&json, "f", true, "x");
	json_add_text(&json, "g", NULL);
	json_close_object(&json);
	text_is(&buf, "{\"a\":null,\"b\":1,\"c\":null,\"d\":\"0xff\",\"e\":null,\"f\":\"x\",\"g\":null}");
}

/* Another reader agrees, whatever two bytes a name is made of. */
static void strings_survive_any_bytes(void **state)
{
	(void)state;
	for (unsigned int pair = 0x100; pair < 65536; pair++) {
		const char bytes[] = {(char)(pair >> 8), (char)pair, '\0'};
		_cleanup_buf_ struct buf buf = {0};
		struct json_writer json = {.buf = &buf};
		json_t *parsed;

		json_put_text(&json, bytes);
		parsed = json_loadb(buf.data, buf.len, JSON_DECODE_ANY, NULL);
		assert_non_null(parsed);
		if (pair < 0x8000 && (pair & 0xff) < 0x80)
			assert_string_equal(json_string_value(parsed), bytes);
		json_decref(parsed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_come_by_themselves), cmocka_unit_test(integers_are_exact),
		cmocka_unit_test(doubles_have_six_digits),   cmocka_unit_test(known_or_null),
		cmocka_unit_test(strings_survive_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
