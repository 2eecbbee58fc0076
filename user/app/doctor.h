/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `mmaptrace doctor`: what works here, why not, and what to do. */
#ifndef APP_DOCTOR_H
#define APP_DOCTOR_H

#include "options.h"

/* By the options that choose hooks and output. Returns the exit status: 0 if tracing will work, 1 if it will not. */
int doctor_run(const struct options *options);

#endif
