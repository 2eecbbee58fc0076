/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Can this process be looked at? */
#ifndef APP_TARGET_H
#define APP_TARGET_H

#include <stdint.h>

/* 0, or -ESRCH after one line on stderr that begins with `what` ("-p"): no such process, or one without maps. */
int target_check(const char *what, uint32_t pid);

#endif
