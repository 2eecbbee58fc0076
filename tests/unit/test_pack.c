/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/base/pack.c: what is put in comes out, and nothing else does. */
#include "fake.h"

#include "cleanup.h"
#include "pack.h"

static struct unpack all_of(const struct buf *buf)
{
	return (struct unpack){.at = (const uint8_t *)buf->data, .end = (const uint8_t *)buf->data + buf->len};
}

static void numbers(void **state)
{
	static const uint64_t values[] = {
		0, 1, 127, 128, 16383, 16384, UINT32_MAX, 1ULL << 62, 1ULL << 63, UINT64_MAX - 1, UINT64_MAX};
	_cleanup_buf_ struct buf buf = {0};
	struct unpack unpack;

	(void)state;
	for (size_t i = 0; i < COUNT(values); i++) {
		pack_u64(&buf, values[i]);
		pack_i64(&buf, (int64_t)values[i]);
		pack_i64(&buf, -(int64_t)(values[i] >> 1));
	}
	unpack = all_of(&buf);
	for (size_t i = 0; i < COUNT(values); i++) {
		assert_true(unpack_u64(&unpack) == values[i]);
		assert_true(unpack_i64(&unpack) == (int64_t)values[i]);
		assert_true(unpack_i64(&unpack) == -(int64_t)(values[i] >> 1));
	}
	assert_false(unpack.failed);
	assert_ptr_equal(unpack.at, unpack.end);
}

/* Small ones are what there is most of. */
static void small_numbers_are_short(void **state)
{
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	pack_u64(&buf, 127);
	pack_i64(&buf, -64);
	assert_int_equal(buf.len, 2);
}

static void texts(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct unpack unpack;
	char out[4];

	(void)state;
	pack_text(&buf, NULL);
	pack_text(&buf, "");
	pack_text(&buf, "longer");
	pack_text(&buf, "longer");
	unpack = all_of(&buf);
	assert_null(unpack_text(&unpack));
	assert_string_equal(unpack_text(&unpack), "");
	assert_string_equal(unpack_text(&unpack), "longer");
	assert_true(unpack_text_to(&unpack, out, sizeof(out)));
	assert_string_equal(out, "lon");
	assert_false(unpack.failed);
	assert_false(unpack_text_to(&unpack, out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(unpack.failed);
}

/* Cut off anywhere, the rest is 0, and said to have failed. */
static void cut_off(void **state)
{
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	pack_u64(&buf, UINT64_MAX);
	pack_text(&buf, "text");
	for (size_t len = 0; len < buf.len; len++) {
		struct unpack unpack = {.at = (const uint8_t *)buf.data, .end = (const uint8_t *)buf.data + len};

		unpack_u64(&unpack);
		assert_null(unpack_text(&unpack));
		assert_true(unpack.failed);
		assert_int_equal(unpack_u64(&unpack), 0);
		assert_int_equal(unpack_u32(&unpack), 0);
	}
}

static void not_what_it_claims(void **state)
{
	static const uint8_t endless[] = {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80};
	static const uint8_t no_nul[] = {2, 'a', 'b'};
	struct unpack unpack = {.at = endless, .end = endless + sizeof(endless)};
	_cleanup_buf_ struct buf buf = {0};
	size_t len;

	(void)state;
	assert_int_equal(unpack_u64(&unpack), 0);
	assert_true(unpack.failed);
	unpack = (struct unpack){.at = no_nul, .end = no_nul + sizeof(no_nul)};
	assert_null(unpack_text(&unpack));
	assert_true(unpack.failed);
	pack_u64(&buf, UINT64_MAX); /* bytes that are not there */
	unpack = all_of(&buf);
	assert_null(unpack_bytes(&unpack, &len));
	assert_int_equal(len, 0);
	assert_true(unpack.failed);
	buf_consume(&buf, buf.len);
	pack_u64(&buf, 1ULL << 32);
	unpack = all_of(&buf);
	assert_int_equal(unpack_u32(&unpack), 0);
	assert_true(unpack.failed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers), cmocka_unit_test(small_numbers_are_short), cmocka_unit_test(texts),
		cmocka_unit_test(cut_off), cmocka_unit_test(not_what_it_claims),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
