/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef APP_CHECK_H
#define APP_CHECK_H

#include "options.h"

/* Each 0, or negative errno after one line that says what is wrong. */

/* What only the table can do, or only a choice of processes, is not silently ignored: a mistake in usage. */
int check_combination(const struct options *options);
/* Those asked for by pid live, and can be followed from here. */
int check_targets(const struct options *options);

#endif
