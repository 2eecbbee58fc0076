/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Looks back at a history, each over a longer time than the one before, and what the map count did in it. Pure. */
#ifndef CORE_TREND_H
#define CORE_TREND_H

#include <stdbool.h>
#include <stdint.h>

#include "history.h"

#define VIEWS_MAX  56
#define VIEW_STEPS 10 /* about equal in length, as far as the history knows */

/* What is judged by has as many steps, and seconds, at least. */
#define VIEW_STEPS_MIN	5
#define VIEW_SPAN_MIN_S 1.0

/*
 * The last span_s seconds. What falls back within every step, as under a collector or beside churn, is its swing;
 * what stays is the map count less that.
 */
struct view {
	double span_s;
	unsigned int steps;
	int64_t now;			/* map count */
	double stays;			/* of it */
	double swing;			/* median fall of a step */
	double growth;			/* of what stays */
	double first_half, second_half; /* of the growth, by time */
	double jump;			/* most of the growth in one step, beyond its share of the time */
	double tau;			/* rank correlation with time (Kendall 1938), -1 to 1; ties are left out */
	double scatter;			/* standard deviation of a step's growth, maps */
	double opened, closed, mapped;	/* sums, maps; mapped: by mmap and its like */
	double before_high;		/* highest map count before the view */
};

struct views {
	double grown;	    /* map count, since the history began */
	double span_s;	    /* since then */
	unsigned int count; /* shortest first */
	struct view at[VIEWS_MAX];
};

/* All that a history allows. */
void trend_look(const struct history *history, struct views *ret_views);
/* Maps a second. */
double view_rate(const struct view *view);
/* By which the rate changed from the first half to the second: maps a second, a second. */
double view_change(const struct view *view);
/* By how much its growth may come to by chance: one sigma, as of steps that have nothing to do with one another. */
double view_chance(const struct view *view);
/* Of the growth, what leads to where the process has never been: what refills a hole is none. */
double view_credit(const struct view *view);
/* What will be added to what stays in the end if each span adds as much less than the one before as was seen within
 * this one; INFINITY: it does not slow down. */
double view_to_come(const struct view *view);

#endif
