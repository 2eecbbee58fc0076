/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>

#include "units.h"

#define S  1000000000ULL
#define MS 1000000ULL
#define US 1000ULL

#define IS(function, value, expected)                                                                                  \
	do {                                                                                                           \
		char text_[UNITS_LEN];                                                                                 \
		assert_string_equal(function(value, text_, sizeof(text_)), expected);                                  \
	} while (0)

static void counts(void **state)
{
	(void)state;
	IS(units_count, 0, "0");
	IS(units_count, 999, "999");
	IS(units_count, 1000, "1,000");
	IS(units_count, 65530, "65,530");
	IS(units_count, 999999, "999,999");
	IS(units_count, 1000000, "1,000,000");
	IS(units_count, UINT64_MAX, "18,446,744,073,709,551,615");
}

static void changes(void **state)
{
	(void)state;
	IS(units_change, 0, "0");
	IS(units_change, 1, "+1");
	IS(units_change, -1, "-1");
	IS(units_change, 4100, "+4,100");
	IS(units_change, INT64_MAX, "+9,223,372,036,854,775,807");
	IS(units_change, INT64_MIN, "-9,223,372,036,854,775,808");
}

static void rates(void **state)
{
	(void)state;
	IS(units_rate, 0.0, "0");
	IS(units_rate, -0.0, "0");
	IS(units_rate, 0.049, "0");
	IS(units_rate, 0.05, "+0.1");
	IS(units_rate, -0.4, "-0.4");
	IS(units_rate, 9.94, "+9.9");
	IS(units_rate, 9.96, "+10");
	IS(units_rate, 512.4, "+512");
	IS(units_rate, -1234.5, "-1,235");
	IS(units_rate, (double)NAN, "-");
	IS(units_rate, (double)INFINITY, "-");
	IS(units_rate, 1e300, "+1,000,000,000,000,000");
}

static void bytes(void **state)
{
	(void)state;
	IS(units_bytes, 0, "0 B");
	IS(units_bytes, 1023, "1023 B");
	IS(units_bytes, 1024, "1 KiB");
	IS(units_bytes, 1536, "1.5 KiB");
	IS(units_bytes, 65536, "64 KiB");
	IS(units_bytes, 102347, "99.9 KiB");
	IS(units_bytes, 102400, "100 KiB");
	IS(units_bytes, 1048063, "1023 KiB");
	IS(units_bytes, 1048064, "1 MiB"); /* would round to 1024 KiB */
	IS(units_bytes, 1572864, "1.5 MiB");
	IS(units_bytes, 1ULL << 40, "1 TiB");
	IS(units_bytes, (1ULL << 60) - 1, "1024 PiB");
	IS(units_bytes, 1ULL << 60, "1 EiB");
	IS(units_bytes, UINT64_MAX, "15 EiB");
}

static void percents(void **state)
{
	(void)state;
	IS(units_percent, 0.0, "0 %");
	IS(units_percent, 0.0004, "0 %");
	IS(units_percent, 0.063, "6.3 %");
	IS(units_percent, 0.9996, "100 %");
	IS(units_percent, 1.0, "100 %");
	IS(units_percent, 12.344, "1234 %");
	IS(units_percent, -0.063, "-6.3 %");
	IS(units_percent, (double)NAN, "-");
}

static void durations(void **state)
{
	(void)state;
	IS(units_duration, 0, "0 ns");
	IS(units_duration, 999, "999 ns");
	IS(units_duration, US, "1 us");
	IS(units_duration, 1234, "1.2 us");
	IS(units_duration, MS - 501, "999 us");
	IS(units_duration, MS - 500, "1 ms");
	IS(units_duration, 12300 * US, "12.3 ms");
	IS(units_duration, S - MS / 2 - 1, "999 ms");
	IS(units_duration, S - MS / 2, "1 s");
	IS(units_duration, 1500 * MS, "1.5 s");
	IS(units_duration, 59900 * MS, "59.9 s");
	IS(units_duration, 60 * S - 1, "1 m");
	IS(units_duration, 60 * S, "1 m");
	IS(units_duration, 61 * S, "1 m 1 s");
	IS(units_duration, 200 * S, "3 m 20 s");
	IS(units_duration, 3600 * S - S / 2, "1 h");
	IS(units_duration, 3661 * S, "1 h 1 m");
	IS(units_duration, 86400 * S, "1 d");
	IS(units_duration, (5 * 86400 + 4 * 3600 + 59) * S, "5 d 4 h");
	IS(units_duration, UINT64_MAX, "213503 d 23 h");
}

static void seconds(void **state)
{
	(void)state;
	IS(units_seconds, 0.0, "0 s");
	IS(units_seconds, -3.0, "0 s");
	IS(units_seconds, 0.42, "0.4 s");
	IS(units_seconds, 0.99, "1 s");
	IS(units_seconds, 120.0, "2 m");
	IS(units_seconds, 1e9, "11574 d 1 h");
	IS(units_seconds, 1e12, "100 years");
	IS(units_seconds, (double)INFINITY, "never");
	IS(units_seconds, (double)-INFINITY, "0 s");
	IS(units_seconds, (double)NAN, "-");
}

static void times_are_utc(void **state)
{
	(void)state;
	setenv("TZ", "Asia/Kathmandu", 1);
	IS(units_time, 0, "1970-01-01T00:00:00.000000000Z");
	IS(units_time, 1, "1970-01-01T00:00:00.000000001Z");
	IS(units_time, -1, "1969-12-31T23:59:59.999999999Z");
	IS(units_time, -(int64_t)S, "1969-12-31T23:59:59.000000000Z");
	IS(units_time, 1709251199999999999LL, "2024-02-29T23:59:59.999999999Z");
	IS(units_time, INT64_MAX, "2262-04-11T23:47:16.854775807Z");
	IS(units_time, INT64_MIN, "1677-09-21T00:12:43.145224192Z");
	IS(units_clock, 1709251199999999999LL, "23:59:59.999999");
}

static void cuts_to_fit(void **state)
{
	char small[4];

	(void)state;
	assert_string_equal(units_count(65530, small, sizeof(small)), "65,");
	assert_string_equal(units_bytes(65536, small, sizeof(small)), "64 ");
	assert_string_equal(units_time(0, small, sizeof(small)), "197");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts),  cmocka_unit_test(changes),	    cmocka_unit_test(rates),
		cmocka_unit_test(bytes),   cmocka_unit_test(percents),	    cmocka_unit_test(durations),
		cmocka_unit_test(seconds), cmocka_unit_test(times_are_utc), cmocka_unit_test(cuts_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
