/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a profile of call sites is about: whose they are, and which of their figures is its value. */
#ifndef CORE_PROFILE_H
#define CORE_PROFILE_H

#include <stdint.h>

#include "site.h"

enum profile_value {
	PROFILE_LIVE,	/* maps it made that are still there */
	PROFILE_GROWTH, /* maps credited to it: less than none, where it took maps away */
	PROFILE_BYTES,	/* of its live maps */
	PROFILE_CALLS,	/* that succeeded */
	PROFILE_VALUES,
};

/* Whose sites they are. The strings are borrowed, and untrusted bytes. */
struct profile_process {
	uint32_t pid;
	const char *comm;
	const char *program; /* path of what it runs, as in the frames of its stacks; NULL: not known */
};

/* 0, or -EINVAL. */
int profile_value_parse(const char *text, enum profile_value *ret_value);
/* "live", ...: static. */
const char *profile_value_name(enum profile_value value);
/* "live, growth, ..." for messages. */
const char *profile_value_names(void);
/* One of a site's figures; INT64_MAX stands for more than that. */
int64_t profile_value_of(const struct site *site, enum profile_value value);

#endif
