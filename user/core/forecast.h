/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When will the limit be reached? A range, not a point. */
#ifndef CORE_FORECAST_H
#define CORE_FORECAST_H

#include <stdint.h>

#include "history.h"

struct forecast {
	double rate_per_s;	      /* maps gained per second, by the window judged most telling; may be negative */
	double eta_s;		      /* seconds until the limit from `now`; INFINITY: not in sight */
	double eta_low_s, eta_high_s; /* earliest and latest by the windows that agree on a rise */
	unsigned int level;	      /* history level the rate was taken from */
};

/* Pure: same history, limit and now, same answer. now_ns is on the history's clock. */
void forecast_make(const struct history *history, uint32_t limit, uint64_t now_ns, struct forecast *ret_forecast);

#endif
