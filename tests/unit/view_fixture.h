/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A made-up view of the past, for the tests of user/core/detect.c; brings fake.h along. */
#ifndef VIEW_FIXTURE_H
#define VIEW_FIXTURE_H

#include "fake.h"

#include "trend.h"

#define ROOM 10000.0 /* the limit of these tests: a share is easy to see */

/* Ten minutes of steady growth by mapping, of which nothing is given back, to where it has never been. */
static inline struct view steady(double growth)
{
	return (struct view){
		.span_s = 600,
		.steps = 10,
		.now = (int64_t)growth,
		.stays = growth,
		.growth = growth,
		.first_half = growth / 2,
		.second_half = growth / 2,
		.tau = 1,
		.opened = growth,
		.mapped = growth,
	};
}

#endif
