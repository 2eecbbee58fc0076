/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When will the limit be reached? A range, not a point. */
#ifndef CORE_FORECAST_H
#define CORE_FORECAST_H

#include <stdint.h>

#include "trend.h"

struct forecast {
	double rate_per_s;	      /* maps gained per second, by the view judged most telling; may be negative */
	double eta_s;		      /* seconds until the limit; INFINITY: not in sight */
	double eta_low_s, eta_high_s; /* the truth lies between them nine times of ten */
	double span_s;		      /* of that view */
};

/* By these views, the newest sample of which is age_s old. Pure. */
void forecast_make(const struct views *views, uint32_t limit, double age_s, struct forecast *ret_forecast);

#endif
