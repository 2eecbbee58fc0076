/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The detectors: (views of the past, thresholds, age of the newest sample) -> verdict. Pure. */
#ifndef CORE_DETECT_H
#define CORE_DETECT_H

#include <stdbool.h>
#include <stdint.h>

#include "finding.h"
#include "forecast.h"
#include "history.h"
#include "trend.h"

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

/*
 * Mmaps outrun munmaps, to where the process has never been, by so large a part of its room that it is no warm-up, no
 * cache and no saw-tooth's flank. one_file: the maps of the file that has most of them, 0 if none is known: where that
 * is most of the growth a little will do. A smaller part is worth a note: SEVERITY_INFO.
 */
void detect_leak(const struct views *views, uint32_t one_file, const struct thresholds *thresholds, double age_s,
		 struct verdict *ret_verdict);
/*
 * An open leak, called by a view of span_s in which it grew by so much, still grows, by more than chance and at an
 * eighth of its pace at least, though none of the tests for a new one may hold just now.
 */
bool detect_goes_on(const struct views *views, double span_s, double rate_per_s);
/* The limit comes within the horizon, by the forecast or in a fast climb; leak: what detect_leak said. */
void detect_exhaustion(const struct views *views, const struct climb *climb, const struct verdict *leak,
		       const struct thresholds *thresholds, double age_s, struct verdict *ret_verdict);
/* What was called by a view of span_s may still come within the horizon. */
bool detect_stays_near(const struct views *views, const struct forecast *forecast, const struct thresholds *thresholds,
		       double span_s, double rate_per_s);
/* An operation has been refused for want of maps; last_fail_ns 0: never. */
void detect_enomem(uint64_t last_fail_ns, uint64_t now_ns, struct verdict *ret_verdict);

#endif
