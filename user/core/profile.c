/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "profile.h"

#include <errno.h>
#include <string.h>

static const char *const value_names[PROFILE_VALUES] = {
	[PROFILE_LIVE] = "live",
	[PROFILE_GROWTH] = "growth",
	[PROFILE_BYTES] = "bytes",
	[PROFILE_CALLS] = "calls",
};

int profile_value_parse(const char *text, enum profile_value *ret_value)
{
	for (unsigned int i = 0; i < PROFILE_VALUES; i++) {
		if (!strcmp(text, value_names[i])) {
			*ret_value = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *profile_value_name(enum profile_value value)
{
	return value_names[value];
}

const char *profile_value_names(void)
{
	return "live, growth, bytes, calls";
}

static int64_t value_clamp(uint64_t value)
{
	return value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

int64_t profile_value_of(const struct site *site, enum profile_value value)
{
	switch (value) {
	case PROFILE_LIVE:
		return site->live;
	case PROFILE_GROWTH:
		return site->delta;
	case PROFILE_BYTES:
		return value_clamp(site->bytes);
	case PROFILE_CALLS:
		return value_clamp(site->calls);
	case PROFILE_VALUES:
		break;
	}
	return 0;
}
