/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What time it is. */
#ifndef APP_CLOCK_H
#define APP_CLOCK_H

#include <stdint.h>
#include <time.h>

/* A reading of CLOCK_REALTIME, CLOCK_BOOTTIME, ..., ns. */
int64_t clock_ns(clockid_t clock);

#endif
