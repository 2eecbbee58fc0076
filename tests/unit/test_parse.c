/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "parse.h"

#define UNTOUCHED 4711U

static void numbers(void **state)
{
	uint32_t small = UNTOUCHED;
	uint64_t large = UNTOUCHED;

	(void)state;
	assert_int_equal(parse_u32("0", 0, 10, &small), 0);
	assert_int_equal(small, 0);
	assert_int_equal(parse_u32("10", 0, 10, &small), 0);
	assert_int_equal(small, 10);
	assert_int_equal(parse_u32("007", 0, 10, &small), 0);
	assert_int_equal(small, 7);
	assert_int_equal(parse_u32("4294967295", 0, UINT32_MAX, &small), 0);
	assert_int_equal(small, UINT32_MAX);
	assert_int_equal(parse_u64("18446744073709551615", 0, UINT64_MAX, &large), 0);
	assert_true(large == UINT64_MAX);
}

static void numbers_refused(void **state)
{
	static const char *const malformed[] = {"", " 1", "1 ", "-1", "+1", "1.5", "0x10", "abc", "1a", "1e3", ","};
	static const char *const out_of_range[] = {"4", "11", "4294967296", "18446744073709551616",
						   "100000000000000000000000"};
	uint32_t value = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
		assert_int_equal(parse_u32(malformed[i], 5, 10, &value), -EINVAL);
	for (size_t i = 0; i < sizeof(out_of_range) / sizeof(*out_of_range); i++)
		assert_int_equal(parse_u32(out_of_range[i], 5, 10, &value), -ERANGE);
	assert_int_equal(parse_u32("99999999999999999999x", 5, 10, &value), -EINVAL);
	assert_int_equal(value, UNTOUCHED);
}

static void pids_are(const char *text, const uint32_t *expected, size_t count)
{
	_cleanup_free_ uint32_t *pids = NULL;
	size_t got = 0;

	assert_int_equal(parse_pids(text, &pids, &got, NULL), 0);
	assert_int_equal(got, count);
	assert_memory_equal(pids, expected, count * sizeof(*pids));
}

static void pid_lists(void **state)
{
	(void)state;
	pids_are("1", (const uint32_t[]){1}, 1);
	pids_are("4194304", (const uint32_t[]){4194304}, 1);
	pids_are("3,1,2", (const uint32_t[]){3, 1, 2}, 3);
	pids_are("3,1,3,03,1", (const uint32_t[]){3, 1}, 2);
	pids_are("1,2,3,4,5,6,7,8,9", (const uint32_t[]){1, 2, 3, 4, 5, 6, 7, 8, 9}, 9);
}

static void pids_refused(const char *text, int error, size_t bad)
{
	uint32_t *pids = (uint32_t *)&bad;
	size_t count = UNTOUCHED, at = UNTOUCHED;

	assert_int_equal(parse_pids(text, &pids, &count, &at), error);
	assert_int_equal(at, bad);
	assert_ptr_equal(pids, &bad);
	assert_int_equal(count, UNTOUCHED);
	assert_int_equal(parse_pids(text, &pids, &count, NULL), error);
}

static void pid_lists_refused(void **state)
{
	(void)state;
	pids_refused("", -EINVAL, 0);
	pids_refused(",", -EINVAL, 0);
	pids_refused("0", -ERANGE, 0);
	pids_refused("-1", -EINVAL, 0);
	pids_refused("1e20", -EINVAL, 0);
	pids_refused("abc", -EINVAL, 0);
	pids_refused("4194305", -ERANGE, 0);
	pids_refused("100000000000000000000", -ERANGE, 0);
	pids_refused("12,", -EINVAL, 3);
	pids_refused("12,,3", -EINVAL, 3);
	pids_refused("12, 3", -EINVAL, 3);
	pids_refused("12,3,0", -ERANGE, 5);
	pids_refused("12;3", -EINVAL, 0);
}

static void duration_is(const char *text, uint64_t expected)
{
	uint64_t ns = UNTOUCHED;

	assert_int_equal(parse_duration(text, &ns), 0);
	assert_true(ns == expected);
}

static void durations(void **state)
{
	(void)state;
	duration_is("0", 0);
	duration_is("10", 10000000000ULL);
	duration_is("10s", 10000000000ULL);
	duration_is("500ms", 500000000ULL);
	duration_is("20us", 20000ULL);
	duration_is("7ns", 7);
	duration_is("1.5s", 1500000000ULL);
	duration_is("0.25", 250000000ULL);
	duration_is("1.0000000019", 1000000001ULL);
	duration_is("0.5m", 30000000000ULL);
	duration_is("5m", 300000000000ULL);
	duration_is("2h", 7200000000000ULL);
	duration_is("7d", 604800000000000ULL);
	duration_is("18446744073709551615ns", UINT64_MAX);
}

static void durations_refused(void **state)
{
	static const char *const malformed[] = {"",    "s",  ".5",    "1.", "1.s", "-1",
						"1 s", "1S", "1.5.5", "5x", "1e3", "inf"};
	uint64_t ns = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
		assert_int_equal(parse_duration(malformed[i], &ns), -EINVAL);
	assert_int_equal(parse_duration("18446744073709551616ns", &ns), -ERANGE);
	assert_int_equal(parse_duration("18446744073.8", &ns), -ERANGE);
	assert_int_equal(parse_duration("213504d", &ns), -ERANGE);
	assert_int_equal(ns, UNTOUCHED);
}

static void time_is(const char *text, uint64_t expected)
{
	uint64_t ns = UNTOUCHED;

	assert_int_equal(parse_time(text, &ns), 0);
	assert_true(ns == expected);
}

static void times(void **state)
{
	static const char *const malformed[] = {"",
						"2026-11-01",
						"2026-11-01T00:00:00",
						"2026-11-01 00:00:00Z",
						"2026-1-01T00:00:00Z",
						"2026-11-01T00:00:00Zx",
						"2026-11-01T00:00:00+1:00",
						"2026-11-01T00:00:00+01:00x",
						"now"};
	uint64_t ns = UNTOUCHED;

	(void)state;
	time_is("1970-01-01T00:00:00Z", 0);
	time_is("2026-11-01T00:00:00.5Z", 1793491200500000000ULL);
	time_is("2026-11-01T01:00:00.000000007+01:00", 1793491200000000007ULL);
	time_is("2026-10-31T23:30:00-00:30", 1793491200000000000ULL);
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
		assert_int_equal(parse_time(malformed[i], &ns), -EINVAL);
	assert_int_equal(parse_time("1969-12-31T23:59:59Z", &ns), -ERANGE);
	assert_int_equal(ns, UNTOUCHED);
}

static void sizes(void **state)
{
	static const char *const malformed[] = {"", "K", "4KB", "4 K", "-4", "1.5M", "0x4", "4KK"};
	uint64_t size = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
		assert_int_equal(parse_size(malformed[i], &size), -EINVAL);
	assert_int_equal(parse_size("16777216T", &size), -ERANGE);
	assert_int_equal(size, UNTOUCHED);
	assert_int_equal(parse_size("4096", &size), 0);
	assert_int_equal(size, 4096);
	assert_int_equal(parse_size("4K", &size), 0);
	assert_int_equal(size, 4096);
	assert_int_equal(parse_size("16m", &size), 0);
	assert_int_equal(size, 16 << 20);
	assert_int_equal(parse_size("1G", &size), 0);
	assert_int_equal(size, 1 << 30);
	assert_int_equal(parse_size("16777215T", &size), 0);
	assert_true(size == 16777215ULL << 40);
}

static void percents(void **state)
{
	static const char *const malformed[] = {"", "%", "95%%", "95 %", "-5%", "9.5%", "abc"};
	uint32_t percent = UNTOUCHED;

	(void)state;
	for (size_t i = 0; i < sizeof(malformed) / sizeof(*malformed); i++)
		assert_int_equal(parse_percent(malformed[i], &percent), -EINVAL);
	assert_int_equal(parse_percent("0", &percent), -ERANGE);
	assert_int_equal(parse_percent("101%", &percent), -ERANGE);
	assert_int_equal(percent, UNTOUCHED);
	assert_int_equal(parse_percent("1", &percent), 0);
	assert_int_equal(percent, 1);
	assert_int_equal(parse_percent("100%", &percent), 0);
	assert_int_equal(percent, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers),   cmocka_unit_test(numbers_refused),
		cmocka_unit_test(pid_lists), cmocka_unit_test(pid_lists_refused),
		cmocka_unit_test(durations), cmocka_unit_test(durations_refused),
		cmocka_unit_test(times),     cmocka_unit_test(sizes),
		cmocka_unit_test(percents),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
