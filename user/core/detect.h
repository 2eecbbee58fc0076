/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The detectors: (what is known, thresholds, now) -> verdict. Pure. */
#ifndef CORE_DETECT_H
#define CORE_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#include "finding.h"
#include "forecast.h"
#include "history.h"

struct thresholds {
	uint32_t limit;	   /* maps */
	double horizon_s;  /* an exhaustion nearer than this is worth a warning */
	double critical_s; /* and nearer than this, an alarm */
};

void thresholds_default(struct thresholds *thresholds, uint32_t limit);

/* A fast climb, followed by step alarms too: it outruns any sampling. */
struct climb {
	struct sample base;   /* where it began, 2 to 4 s ago at most; ts_ns 0: nothing noted yet */
	struct sample middle; /* the next base */
	struct sample last;
};

/* Notes the map count at a step alarm or sample; a climb begins anew when it has fallen back. */
void climb_note(struct climb *climb, const struct sample *sample, uint32_t limit);

/* Mmaps outrun munmaps and the map count rises over several windows. */
void detect_leak(const struct history *history, const struct thresholds *thresholds, uint64_t now_ns,
		 struct verdict *ret_verdict);
/* An open leak still grows, though none of the tests for a new one may hold just now. */
bool detect_goes_on(const struct history *history);
/* The limit comes within the horizon, by the forecast or in a fast climb. */
void detect_exhaustion(const struct history *history, const struct climb *climb, const struct thresholds *thresholds,
		       uint64_t now_ns, struct verdict *ret_verdict);
/* An operation has been refused for want of maps; last_fail_ns 0: never. */
void detect_enomem(uint64_t last_fail_ns, uint64_t now_ns, struct verdict *ret_verdict);

#endif
