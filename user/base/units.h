/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers for people. Each function writes into buf, cut to fit (UNITS_LEN is
 * always enough), and returns buf. No locale: the same everywhere.
 */
#ifndef BASE_UNITS_H
#define BASE_UNITS_H

#include <stddef.h>
#include <stdint.h>

#define UNITS_LEN 40

/* "65,530" */
const char *units_count(uint64_t count, char *buf, size_t size);
/* "1 map", "4,119 maps", "2 classes": the noun, of at most eight letters, follows the count. */
const char *units_plural(uint64_t count, const char *noun, char *buf, size_t size);
/* "+4,100", "-3", "0" */
const char *units_change(int64_t change, char *buf, size_t size);
/* One decimal below 10, none above: "0", "0.4", "9.9", "1,234"; with a sign, as a change. "-" if not finite. */
const char *units_rate(double per_s, char *buf, size_t size);
/* "512 B", "64 KiB", "1.5 MiB": binary units, one decimal where it tells something. */
const char *units_bytes(uint64_t bytes, char *buf, size_t size);
/* A ratio (1: all) as "6.3 %", "0 %", "100 %". "-" if not finite. */
const char *units_percent(double ratio, char *buf, size_t size);
/* "850 ns", "1.2 us", "1.5 s", "3 m 20 s", "5 d 4 h": two units at most. */
const char *units_duration(uint64_t ns, char *buf, size_t size);
/* The same from seconds: below a second "0.4 s"; negative is 0; "never" if infinite, "-" if not a number. */
const char *units_seconds(double seconds, char *buf, size_t size);
/* RFC 3339 in UTC, "2026-01-31T23:59:59.000000001Z", from CLOCK_REALTIME. */
const char *units_time(int64_t unix_ns, char *buf, size_t size);
/* Time of day in UTC to the microsecond, "23:59:59.000000". */
const char *units_clock(int64_t unix_ns, char *buf, size_t size);

#endif
