/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which of those under suspicion are looked at first. Pure. */
#ifndef CORE_URGENCY_H
#define CORE_URGENCY_H

#include "model.h"

/*
 * Processes with an open finding of severity warning or above, the most urgent first: failing already, then by
 * severity, then by the time that is left, then by how full they are. At most room of them; *ret_all: how many there
 * are. Returns how many were put into ret_processes, which are the model's.
 */
unsigned int urgency_choose(const struct model *model, const struct process **ret_processes, unsigned int room,
			    uint64_t *ret_all);

#endif
