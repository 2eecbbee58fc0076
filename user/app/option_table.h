/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options: their names, their help, how each is taken from its text. */
#ifndef APP_OPTION_TABLE_H
#define APP_OPTION_TABLE_H

#include "options.h"

/* Sets one option from its text (NULL for a switch). 0, or the form it should have had. */
typedef const char *option_set_fn(struct options *options, const char *text);

/* Which commands take it: those before `daemon`, which look each at what they take; both; `daemon` alone. */
enum option_place { OF_OTHERS, OF_ALL, OF_DAEMON };

struct option_spec {
	const char *name;
	char letter; /* 0: none */
	const char *value;
	const char *help;
	option_set_fn *set;
	enum option_place place;
};

#define OPTIONS_MAX 64 /* one bit each says which were given */

/* Process ids, as --pid takes them. */
option_set_fn option_set_pid;

/* By its long name; NULL: there is none. */
const struct option_spec *option_find(const char *name);

extern const struct option_spec option_specs[OPTIONS_MAX + 1]; /* ended by one without a name */

#endif
