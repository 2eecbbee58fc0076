/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What to do about a finding, in one sentence. */
#ifndef CORE_ADVICE_H
#define CORE_ADVICE_H

#include <stddef.h>

#include "model.h"

/* By the strongest evidence there is: a call site, an operation, a file. Cut to fit. */
void advise(const struct finding *finding, const struct process *process, char *buf, size_t size);

#endif
