/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What rules have done on a finding: a command run, a signal sent. */
#ifndef APP_ACTIONS_H
#define APP_ACTIONS_H

#include "finding.h"
#include "model.h"
#include "rule.h"

struct actions; /* opaque */

struct action_counts {
	uint64_t runs, failures, timeouts, skipped; /* commands; skipped: for the time between two, or too many */
	uint64_t signals;
};

int actions_new(struct actions **ret_actions);
/* Commands that still run are killed. Takes NULL. */
void actions_free(struct actions *actions);
/*
 * As the rule has it, once for each finding of a process: a command gets the facts in its environment (MMAPTRACE_PID,
 * _COMM, _KIND, _SEVERITY, _MAPS, _LIMIT, _RATE, _ETA_S, _SITE, _FILE, _ADVICE, _CGROUP, _CONTAINER_ID, _RULE), no
 * shell. What fails is said and counted.
 */
void actions_take(struct actions *actions, const struct rule *rule, struct process *process,
		  const struct finding *finding);
/* Each tick: who has ended, and whose time is up. */
void actions_tick(struct actions *actions);
void actions_read(const struct actions *actions, struct action_counts *ret_counts);

#endif
