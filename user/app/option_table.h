/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options: their names, their help, how each is taken from its text. */
#ifndef APP_OPTION_TABLE_H
#define APP_OPTION_TABLE_H

#include "options.h"

/* Sets one option from its text (NULL for a switch). 0, or the form it should have had. */
typedef const char *option_set_fn(struct options *options, const char *text);

struct option_spec {
	const char *name;
	char letter; /* 0: none */
	const char *value;
	const char *help;
	option_set_fn *set;
};

#define OPTIONS_MAX 64 /* one bit each says which were given */

/* Process ids, as --pid takes them. */
option_set_fn option_set_pid;

extern const struct option_spec option_specs[OPTIONS_MAX + 1]; /* ended by one without a name */

#endif
