/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "trend.h"

#include <math.h>
#include <string.h>

#define SPAN_FACTOR  1.7 /* at least, from one view to the next */
#define STEPS_MAX    (2 * VIEW_STEPS)
#define STEP_ROUNDED 0.95 /* ends are kept to 4 ms, and ticks jitter */

struct step {
	double begin_s, end_s; /* ages, as of a stretch */
	int64_t before, last, low, high;
	double fall, end_level; /* how far it fell below what was; what stays at its end */
};

static void step_join(struct step *step, const struct step *next)
{
	step->end_s = next->end_s;
	step->last = next->last;
	step->low = next->low < step->low ? next->low : step->low;
	step->high = next->high > step->high ? next->high : step->high;
}

static double step_length_s(const struct step *step)
{
	return step->begin_s - step->end_s;
}

/* Puts stretches together until each step has its length; the last, if it falls short by half, joins the one before. */
static unsigned int steps_make(const struct stretch *stretches, unsigned int count, double length_s,
			       struct step *ret_steps)
{
	unsigned int steps = 0;

	for (unsigned int i = 0; i < count; i++) {
		struct step next = {
			.begin_s = stretches[i].begin_s,
			.end_s = stretches[i].end_s,
			.before = stretches[i].before,
			.last = stretches[i].last,
			.low = stretches[i].low,
			.high = stretches[i].high,
		};
		bool full = !steps || step_length_s(&ret_steps[steps - 1]) >= length_s * STEP_ROUNDED;

		if (full && steps < STEPS_MAX)
			ret_steps[steps++] = next;
		else
			step_join(&ret_steps[steps - 1], &next);
	}
	if (steps > 1 && step_length_s(&ret_steps[steps - 1]) < length_s / 2) {
		steps--;
		step_join(&ret_steps[steps - 1], &ret_steps[steps]);
	}
	return steps;
}

static double median_fall(struct step *steps, unsigned int count)
{
	double sorted[STEPS_MAX] = {0};

	for (unsigned int i = 0; i < count; i++) {
		int64_t top = i ? steps[i - 1].high : steps[0].before;
		double fall = fmax(0, (double)(top - steps[i].low));
		unsigned int place = i;

		steps[i].fall = fall;
		for (; place && sorted[place - 1] > fall; place--)
			sorted[place] = sorted[place - 1];
		sorted[place] = fall;
	}
	return sorted[(count - 1) / 2];
}

/* What stays at the beginning, and at the end of each step. */
static double levels_make(struct step *steps, unsigned int count, double swing)
{
	int64_t begin_low = steps[0].low < steps[0].before ? steps[0].low : steps[0].before;

	for (unsigned int i = 0; i < count; i++)
		steps[i].end_level = fmax((double)steps[i].low, (double)steps[i].last - swing);
	return fmax((double)begin_low, (double)steps[0].before - swing);
}

/* Half way in time, between the ends of steps. */
static double level_at_middle(const struct step *steps, unsigned int count, double begin_level)
{
	double middle_s = (steps[0].begin_s + steps[count - 1].end_s) / 2, level = begin_level;

	for (unsigned int i = 0; i < count; i++) {
		double length_s = step_length_s(&steps[i]);

		if (steps[i].end_s <= middle_s)
			return level + (steps[i].end_level - level) *
					       (length_s > 0 ? (steps[i].begin_s - middle_s) / length_s : 1);
		level = steps[i].end_level;
	}
	return level;
}

static double rank_correlation(const struct step *steps, unsigned int count, double begin_level)
{
	int rising = 0, falling = 0;

	for (unsigned int i = 0; i < count; i++) {
		rising += steps[i].end_level > begin_level;
		falling += steps[i].end_level < begin_level;
		for (unsigned int j = 0; j < i; j++) {
			rising += steps[i].end_level > steps[j].end_level;
			falling += steps[i].end_level < steps[j].end_level;
		}
	}
	return rising + falling ? (double)(rising - falling) / (rising + falling) : 0;
}

/* About a rate that changes steadily from one half to the other. */
static void spread_make(const struct step *steps, unsigned int count, double begin_level, struct view *view)
{
	double half_s = view->span_s / 2, rate = view_rate(view), change = view_change(view);
	double middle_s = steps[count - 1].end_s + half_s, level = begin_level, squares = 0;

	for (unsigned int i = 0; i < count; i++) {
		double gain = steps[i].end_level - level, length_s = step_length_s(&steps[i]);
		double expected = (rate + change * (middle_s - steps[i].end_s - length_s / 2)) * length_s;

		view->jump = fmax(view->jump, gain - fmax(0, rate) * length_s);
		squares += (gain - expected) * (gain - expected);
		level = steps[i].end_level;
	}
	view->scatter = count > 2 ? sqrt(squares / (count - 2)) : 0;
}

/* False: there is no time in it. */
static bool view_make(const struct stretch *stretches, unsigned int count, double before_high, struct view *ret_view)
{
	struct step steps[STEPS_MAX];
	const struct stretch *newest = &stretches[count - 1];
	double span_s = stretches[0].begin_s - newest->end_s, begin_level;
	unsigned int used;

	memset(ret_view, 0, sizeof(*ret_view));
	if (span_s <= 0)
		return false;
	used = steps_make(stretches, count, span_s / VIEW_STEPS, steps);
	ret_view->span_s = span_s;
	ret_view->steps = used;
	ret_view->now = newest->last;
	ret_view->before_high = before_high;
	ret_view->swing = median_fall(steps, used);
	begin_level = levels_make(steps, used, ret_view->swing);
	ret_view->stays = steps[used - 1].end_level;
	ret_view->growth = ret_view->stays - begin_level;
	ret_view->first_half = level_at_middle(steps, used, begin_level) - begin_level;
	ret_view->second_half = ret_view->growth - ret_view->first_half;
	ret_view->tau = rank_correlation(steps, used, begin_level);
	spread_make(steps, used, begin_level, ret_view);
	for (unsigned int i = 0; i < count; i++) {
		ret_view->closed += stretches[i].closed;
		ret_view->mapped += stretches[i].mapped;
	}
	ret_view->opened = fmax(0, ret_view->closed + (double)(newest->last - stretches[0].before));
	return true;
}

void trend_look(const struct history *history, struct views *ret_views)
{
	struct stretch stretches[HISTORY_STRETCHES];
	double highs[HISTORY_STRETCHES];
	unsigned int count = history_read(history, stretches);
	double span_s = 0;

	ret_views->count = 0;
	ret_views->grown = (double)history->last.map_count - history->first_count;
	for (unsigned int i = 0; i < count; i++) {
		double high = i ? fmax(highs[i - 1], (double)stretches[i - 1].high) : (double)stretches[0].before;

		highs[i] = fmax(high, (double)history->high_lost);
	}
	ret_views->span_s = count ? stretches[0].begin_s : 0;
	for (unsigned int from = count; from-- > 0 && ret_views->count < VIEWS_MAX;) {
		struct view *view = &ret_views->at[ret_views->count];

		if (stretches[from].begin_s < span_s * SPAN_FACTOR && from)
			continue;
		if (!view_make(stretches + from, count - from, highs[from], view))
			continue;
		span_s = view->span_s;
		ret_views->count++;
	}
}

double view_rate(const struct view *view)
{
	return view->span_s > 0 ? view->growth / view->span_s : 0;
}

double view_change(const struct view *view)
{
	double half_s = view->span_s / 2;

	return half_s > 0 ? (view->second_half - view->first_half) / (half_s * half_s) : 0;
}

double view_chance(const struct view *view)
{
	return view->scatter * sqrt((double)view->steps);
}

double view_credit(const struct view *view)
{
	double beyond = view->stays - view->before_high + view->swing;

	return fmax(0, beyond < view->growth ? beyond : view->growth);
}

double view_to_come(const struct view *view)
{
	double ratio;

	if (view->second_half >= view->first_half)
		return INFINITY;
	if (view->second_half <= 0)
		return 0;
	ratio = view->second_half / view->first_half;
	return view->second_half * ratio / (1 - ratio);
}
