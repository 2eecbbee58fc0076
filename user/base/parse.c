/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "parse.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cleanup.h"

#define NS_PER_S 1000000000ULL

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * The digits at text, at least one. All of them are passed over even when they
 * make too large a number, so that what follows is still judged for its form.
 */
static int take_number(const char *text, uint64_t *ret_value, const char **ret_rest)
{
	uint64_t value = 0;
	bool over = false;

	if (!is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text); text++) {
		over = over || __builtin_mul_overflow(value, 10, &value) ||
		       __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value);
	}
	*ret_rest = text;
	if (over)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value)
{
	const char *rest = text;
	uint64_t value = 0;
	int error = take_number(text, &value, &rest);

	if (error == -EINVAL || *rest)
		return -EINVAL;
	if (error || value < min || value > max)
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret_value)
{
	uint64_t value;
	int error = parse_u64(text, min, max, &value);

	if (!error)
		*ret_value = (uint32_t)value;
	return error;
}

/* One pid, ending at a comma or at the end. */
static int take_pid(const char *text, uint32_t *ret_pid, const char **ret_rest)
{
	uint64_t pid = 0;
	int error = take_number(text, &pid, ret_rest);

	if (error == -EINVAL || (**ret_rest && **ret_rest != ','))
		return -EINVAL;
	if (error || pid < 1 || pid > PARSE_PID_MAX)
		return -ERANGE;
	*ret_pid = (uint32_t)pid;
	return 0;
}

static bool pids_have(const uint32_t *pids, size_t count, uint32_t pid)
{
	for (size_t i = 0; i < count; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

int parse_pids(const char *text, uint32_t **ret_pids, size_t *ret_count, size_t *ret_bad)
{
	/* an item and its comma take two bytes at least */
	_cleanup_free_ uint32_t *pids = calloc(strlen(text) / 2 + 1, sizeof(*pids));
	const char *at = text, *rest = text;
	size_t count = 0;

	if (!pids)
		return -ENOMEM;
	for (;; at = rest + 1) {
		uint32_t pid = 0;
		int error = take_pid(at, &pid, &rest);

		if (error) {
			if (ret_bad)
				*ret_bad = (size_t)(at - text);
			return error;
		}
		if (!pids_have(pids, count, pid))
			pids[count++] = pid;
		if (!*rest)
			break;
	}
	*ret_pids = TAKE_PTR(pids);
	*ret_count = count;
	return 0;
}

struct unit {
	const char *name;
	uint64_t size;
};

static const struct unit time_units[] = {
	{"", 1000000000ULL},
	{"ns", 1},
	{"us", 1000},
	{"ms", 1000000},
	{"s", 1000000000ULL},
	{"m", 60000000000ULL},
	{"h", 3600000000000ULL},
	{"d", 86400000000000ULL},
};

static const struct unit size_units[] = {
	{"", 1},	   {"K", 1ULL << 10}, {"M", 1ULL << 20}, {"G", 1ULL << 30}, {"T", 1ULL << 40},
	{"k", 1ULL << 10}, {"m", 1ULL << 20}, {"g", 1ULL << 30}, {"t", 1ULL << 40},
};

static uint64_t unit_find(const struct unit *units, size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(units[i].name, name) == 0)
			return units[i].size;
	return 0;
}

#define UNIT_FIND(units, name) unit_find(units, sizeof(units) / sizeof(*(units)), name)

/* ".25" in units of `unit`; digits finer than 1 are let go. */
static uint64_t fraction_of(const char *digits, uint64_t unit)
{
	uint64_t sum = 0;

	for (; is_digit(*digits); digits++) {
		unit /= 10;
		sum += unit * (uint64_t)(*digits - '0');
	}
	return sum;
}

int parse_duration(const char *text, uint64_t *ret_ns)
{
	const char *rest = text, *fraction = "";
	uint64_t value = 0, unit, ns;
	int error = take_number(text, &value, &rest);

	if (error == -EINVAL)
		return error;
	if (*rest == '.') {
		fraction = rest + 1;
		rest = fraction + strspn(fraction, "0123456789");
		if (rest == fraction)
			return -EINVAL;
	}
	unit = UNIT_FIND(time_units, rest);
	if (!unit)
		return -EINVAL;
	if (error || __builtin_mul_overflow(value, unit, &ns) ||
	    __builtin_add_overflow(ns, fraction_of(fraction, unit), &ns))
		return -ERANGE;
	*ret_ns = ns;
	return 0;
}

/* "Z", "+01:00": seconds to the east. */
static int take_zone(const char *text, int *ret_east_s)
{
	int hours, minutes, used = 0;

	*ret_east_s = 0;
	if (!strcmp(text, "Z") || !strcmp(text, "z"))
		return 0;
	if ((*text != '+' && *text != '-') || !is_digit(text[1]) ||
	    sscanf(text + 1, "%2d:%2d%n", &hours, &minutes, &used) != 2 || text[1 + used] || used != 5)
		return -EINVAL;
	*ret_east_s = (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return 0;
}

int parse_time(const char *text, uint64_t *ret_unix_ns)
{
	struct tm tm = {0};
	const char *rest, *fraction = "";
	int used = 0, east_s;
	int64_t seconds;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec, &used) != 6 ||
	    used != 19)
		return -EINVAL;
	rest = text + used;
	if (*rest == '.') {
		fraction = rest + 1;
		rest = fraction + strspn(fraction, "0123456789");
	}
	if (take_zone(rest, &east_s))
		return -EINVAL;
	tm.tm_year -= 1900;
	tm.tm_mon--;
	seconds = timegm(&tm) - east_s;
	if (seconds < 0 || (uint64_t)seconds > UINT64_MAX / 4 / NS_PER_S)
		return -ERANGE;
	*ret_unix_ns = (uint64_t)seconds * NS_PER_S + fraction_of(fraction, NS_PER_S);
	return 0;
}

int parse_size(const char *text, uint64_t *ret_bytes)
{
	const char *rest = text;
	uint64_t value = 0, unit, bytes;
	int error = take_number(text, &value, &rest);

	unit = error == -EINVAL ? 0 : UNIT_FIND(size_units, rest);
	if (!unit)
		return -EINVAL;
	if (error || __builtin_mul_overflow(value, unit, &bytes))
		return -ERANGE;
	*ret_bytes = bytes;
	return 0;
}

int parse_percent(const char *text, uint32_t *ret_percent)
{
	const char *rest = text;
	uint64_t value = 0;
	int error = take_number(text, &value, &rest);

	if (error == -EINVAL || (strcmp(rest, "%") != 0 && *rest))
		return -EINVAL;
	if (error || value < 1 || value > 100)
		return -ERANGE;
	*ret_percent = (uint32_t)value;
	return 0;
}
