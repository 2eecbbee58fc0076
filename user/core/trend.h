/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a run of samples does: slopes and rises. Pure arithmetic. */
#ifndef CORE_TREND_H
#define CORE_TREND_H

#include <stdbool.h>
#include <stdint.h>

#include "history.h"

#define TREND_SAMPLES_MAX (HISTORY_SAMPLES + 1)

/* Slope of the map count, maps per second: quantiles of all pairs (Theil 1950, Sen 1968). */
struct slope {
	double low, median, high; /* 10 %, 50 %, 90 % */
	unsigned int pairs;	  /* 0: too few samples, the rest is 0 */
};

void trend_slope(const struct sample *samples, unsigned int count, struct slope *ret_slope);

/* The windows between consecutive samples, added up. */
struct rise {
	unsigned int windows, rising, falling;
	double span_s;
	int64_t growth, first_half, second_half; /* maps */
	uint64_t opened, closed;
	double mapping; /* maps added by mmap and its like */
};

void trend_rise(const struct sample *samples, unsigned int count, struct rise *ret_rise);

#endif
