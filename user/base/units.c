/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "units.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "digits.h"

#define NS_PER_US    1000ULL
#define NS_PER_MS    1000000ULL
#define NS_PER_S     1000000000ULL
#define S_PER_MINUTE 60ULL
#define S_PER_HOUR   3600ULL
#define S_PER_DAY    86400ULL
#define DAYS_MAX     36500 /* beyond a century a number is noise */

/* What stands from text to end, cut to fit. */
static const char *copy(const char *text, const char *end, char *buf, size_t size)
{
	size_t len = (size_t)(end - text);

	if (!size)
		return buf;
	if (len >= size)
		len = size - 1;
	memcpy(buf, text, len);
	buf[len] = '\0';
	return buf;
}

/* The nearest whole number. The bound only keeps the conversion defined: nothing here is that large. */
static uint64_t to_uint(double value)
{
	return value < 1e15 ? (uint64_t)(value + 0.5) : (uint64_t)1e15;
}

/* In groups of three. Returns where they begin, before end. */
static char *put_groups(char *end, uint64_t count)
{
	for (; count >= 1000; count /= 1000) {
		end -= 4;
		*end = ',';
		digits_append_padded(end + 1, count, 3);
	}
	end -= digits_count(count);
	digits_append(end, count);
	return end;
}

const char *units_count(uint64_t count, char *buf, size_t size)
{
	char text[UNITS_LEN], *end = text + sizeof(text);

	return copy(put_groups(end, count), end, buf, size);
}

const char *units_plural(uint64_t count, const char *noun, char *buf, size_t size)
{
	const char *ending = count == 1 ? "" : noun[strlen(noun) - 1] == 's' ? "es" : "s";
	char number[UNITS_LEN];

	snprintf(buf, size, "%s %s%s", units_count(count, number, sizeof(number)), noun, ending);
	return buf;
}

const char *units_change(int64_t change, char *buf, size_t size)
{
	/* INT64_MIN has no positive counterpart, its unsigned negation has */
	uint64_t magnitude = change < 0 ? 0 - (uint64_t)change : (uint64_t)change;
	char text[UNITS_LEN], *end = text + sizeof(text), *at = put_groups(end, magnitude);

	if (change)
		*--at = change < 0 ? '-' : '+';
	return copy(at, end, buf, size);
}

const char *units_rate(double per_s, char *buf, size_t size)
{
	const char *sign = per_s < 0 ? "-" : "+";
	double magnitude = per_s < 0 ? -per_s : per_s;
	uint64_t tenths = to_uint(magnitude * 10);
	char text[UNITS_LEN];

	if (!isfinite(per_s))
		snprintf(buf, size, "-");
	else if (!tenths)
		snprintf(buf, size, "0");
	else if (tenths < 100)
		snprintf(buf, size, "%s%" PRIu64 ".%" PRIu64, sign, tenths / 10, tenths % 10);
	else
		snprintf(buf, size, "%s%s", sign, units_count(to_uint(magnitude), text, sizeof(text)));
	return buf;
}

/* value in units of `unit`, with one decimal below 100 unless that is 0. Both are below 2^60; name is short. */
static void print_tenths(char *buf, size_t size, uint64_t value, uint64_t unit, const char *name)
{
	uint64_t tenths = value / unit * 10 + (value % unit * 10 + unit / 2) / unit;
	char text[UNITS_LEN], *end;

	if (tenths % 10 && tenths < 1000) {
		end = digits_append(text, tenths / 10);
		*end++ = '.';
		end = digits_append(end, tenths % 10);
	} else {
		end = digits_append(text, (value + unit / 2) / unit);
	}
	*end++ = ' ';
	copy(text, mempcpy(end, name, strlen(name)), buf, size);
}

const char *units_bytes(uint64_t bytes, char *buf, size_t size)
{
	static const char *const names[] = {"KiB", "MiB", "GiB", "TiB", "PiB"};
	uint64_t unit = 1024;
	size_t i = 0;

	if (bytes < 1024) {
		snprintf(buf, size, "%" PRIu64 " B", bytes);
		return buf;
	}
	if (bytes >> 60) { /* out of print_tenths' range */
		snprintf(buf, size, "%" PRIu64 " EiB", bytes >> 60);
		return buf;
	}
	/* what would round to 1024 of a unit is 1 of the next */
	while (i < 4 && bytes >= unit * 1024 - unit / 2) {
		unit *= 1024;
		i++;
	}
	print_tenths(buf, size, bytes, unit, names[i]);
	return buf;
}

const char *units_percent(double ratio, char *buf, size_t size)
{
	double magnitude = ratio < 0 ? -ratio : ratio;
	uint64_t tenths = to_uint(magnitude * 1000);
	const char *sign = ratio < 0 && tenths ? "-" : "";

	if (!isfinite(ratio))
		snprintf(buf, size, "-");
	else if (tenths % 10 && tenths < 10000)
		snprintf(buf, size, "%s%" PRIu64 ".%" PRIu64 " %%", sign, tenths / 10, tenths % 10);
	else
		snprintf(buf, size, "%s%" PRIu64 " %%", sign, to_uint(magnitude * 100));
	return buf;
}

/* "3 m 20 s", "5 d": a count of the larger unit and what is left in the smaller. */
static void print_pair(char *buf, size_t size, uint64_t s, uint64_t large, uint64_t small, const char *names[2])
{
	uint64_t rest = s % large / small;

	if (rest)
		snprintf(buf, size, "%" PRIu64 " %s %" PRIu64 " %s", s / large, names[0], rest, names[1]);
	else
		snprintf(buf, size, "%" PRIu64 " %s", s / large, names[0]);
}

static void print_whole_seconds(char *buf, size_t size, uint64_t s)
{
	if (s >= S_PER_DAY)
		print_pair(buf, size, s, S_PER_DAY, S_PER_HOUR, (const char *[]){"d", "h"});
	else if (s >= S_PER_HOUR)
		print_pair(buf, size, s, S_PER_HOUR, S_PER_MINUTE, (const char *[]){"h", "m"});
	else
		print_pair(buf, size, s, S_PER_MINUTE, 1, (const char *[]){"m", "s"});
}

const char *units_duration(uint64_t ns, char *buf, size_t size)
{
	if (ns < NS_PER_US)
		snprintf(buf, size, "%" PRIu64 " ns", ns);
	else if (ns < NS_PER_MS - NS_PER_US / 2)
		print_tenths(buf, size, ns, NS_PER_US, "us");
	else if (ns < NS_PER_S - NS_PER_MS / 2)
		print_tenths(buf, size, ns, NS_PER_MS, "ms");
	else if (ns < S_PER_MINUTE * NS_PER_S - NS_PER_S / 20)
		print_tenths(buf, size, ns, NS_PER_S, "s");
	else
		print_whole_seconds(buf, size, ns / NS_PER_S + (ns % NS_PER_S >= NS_PER_S / 2));
	return buf;
}

const char *units_seconds(double seconds, char *buf, size_t size)
{
	if (isnan(seconds))
		snprintf(buf, size, "-");
	else if (isinf(seconds) && seconds > 0)
		snprintf(buf, size, "never");
	else if (seconds >= (double)DAYS_MAX * S_PER_DAY)
		snprintf(buf, size, "100 years");
	else if (seconds <= 0)
		snprintf(buf, size, "0 s");
	else if (seconds < 1) /* a forecast is not good to the millisecond */
		print_tenths(buf, size, (uint64_t)(seconds * 1e9), NS_PER_S, "s");
	else
		units_duration((uint64_t)(seconds * 1e9), buf, size);
	return buf;
}

/* A moment in UTC, for the years 1677 to 2262 that an int64_t of nanoseconds spans. */
struct moment {
	uint32_t year, month, day, second, ns; /* second: of the day */
};

/* Days since 1970 to a date: years begin in March, so that a leap day is the last of its year. */
static void date_of(int64_t days, struct moment *ret_moment)
{
	uint32_t since = (uint32_t)(days + 719468); /* 0000-03-01 */
	uint32_t era = since / 146097;		    /* 400 years */
	uint32_t of_era = since % 146097;
	uint32_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year + year / 4 - year / 100);
	uint32_t month = (5 * of_year + 2) / 153; /* 0: March */

	ret_moment->day = of_year - (153 * month + 2) / 5 + 1;
	ret_moment->month = month < 10 ? month + 3 : month - 9;
	ret_moment->year = year + era * 400 + (month >= 10);
}

/* Not by gmtime_r, which takes a lock and looks at the time zone. Rounds down before the epoch too. */
static struct moment moment_of(int64_t unix_ns)
{
	const int64_t ns_per_day = (int64_t)(S_PER_DAY * NS_PER_S);
	int64_t days = unix_ns / ns_per_day, rest = unix_ns % ns_per_day;
	struct moment moment;

	if (rest < 0) {
		rest += ns_per_day;
		days--;
	}
	date_of(days, &moment);
	moment.second = (uint32_t)((uint64_t)rest / NS_PER_S);
	moment.ns = (uint32_t)((uint64_t)rest % NS_PER_S);
	return moment;
}

/* "23:59:59" */
static void put_time_of_day(char *at, uint32_t second)
{
	digits_put_pair(at, second / 3600);
	digits_put_pair(at + 3, second / 60 % 60);
	digits_put_pair(at + 6, second % 60);
}

/* Microseconds in six digits. */
static void put_us(char *at, uint32_t us)
{
	digits_put_pair(at, us / 10000);
	digits_put_pair(at + 2, us / 100 % 100);
	digits_put_pair(at + 4, us % 100);
}

/* By hand: every line of JSON has one or two, and snprintf would be half of what such a line costs. */
const char *units_time(int64_t unix_ns, char *buf, size_t size)
{
	char text[UNITS_LEN] = "0000-00-00T00:00:00.000000000Z";
	struct moment moment = moment_of(unix_ns);

	digits_put_pair(text, moment.year / 100);
	digits_put_pair(text + 2, moment.year % 100);
	digits_put_pair(text + 5, moment.month);
	digits_put_pair(text + 8, moment.day);
	put_time_of_day(text + 11, moment.second);
	put_us(text + 20, moment.ns / 1000);
	text[26] = (char)('0' + moment.ns / 100 % 10);
	digits_put_pair(text + 27, moment.ns % 100);
	if (size) {
		memcpy(buf, text, size < sizeof(text) ? size : sizeof(text));
		buf[size - 1] = '\0';
	}
	return buf;
}

const char *units_clock(int64_t unix_ns, char *buf, size_t size)
{
	char text[UNITS_LEN] = "00:00:00.000000";
	struct moment moment = moment_of(unix_ns);

	put_time_of_day(text, moment.second);
	put_us(text + 9, moment.ns / 1000);
	return copy(text, text + strlen(text), buf, size);
}
