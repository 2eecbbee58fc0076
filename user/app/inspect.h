/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `mmaptrace inspect PID`: one look at a process's maps, without tracing. */
#ifndef APP_INSPECT_H
#define APP_INSPECT_H

#include "options.h"

/* Returns the exit status. */
int inspect_run(const struct options *options);

#endif
