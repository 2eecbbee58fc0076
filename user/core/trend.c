/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "trend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define PAIRS_MAX (TREND_SAMPLES_MAX * (TREND_SAMPLES_MAX - 1) / 2)

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double seconds_between(const struct sample *from, const struct sample *to)
{
	return (double)(to->ts_ns - from->ts_ns) / 1e9;
}

void trend_slope(const struct sample *samples, unsigned int count, struct slope *ret_slope)
{
	double slopes[PAIRS_MAX];
	unsigned int pairs = 0;

	memset(ret_slope, 0, sizeof(*ret_slope));
	for (unsigned int i = 0; i < count; i++) {
		for (unsigned int j = i + 1; j < count && pairs < PAIRS_MAX; j++) {
			double seconds = seconds_between(&samples[i], &samples[j]);

			if (seconds > 0)
				slopes[pairs++] = ((double)samples[j].map_count - samples[i].map_count) / seconds;
		}
	}
	if (!pairs)
		return;
	qsort(slopes, pairs, sizeof(slopes[0]), compare_doubles);
	ret_slope->pairs = pairs;
	ret_slope->low = slopes[pairs / 10];
	ret_slope->median = pairs % 2 ? slopes[pairs / 2] : (slopes[pairs / 2 - 1] + slopes[pairs / 2]) / 2;
	ret_slope->high = slopes[pairs - 1 - pairs / 10];
}

/* The map count half way in time: windows differ in length where alarms came between ticks, or nothing did. */
static int64_t count_at_middle(const struct sample *samples, unsigned int count)
{
	uint64_t middle_ns = samples[0].ts_ns + (samples[count - 1].ts_ns - samples[0].ts_ns) / 2;
	const struct sample *after = samples + 1, *before;
	double part = 1;

	while (after->ts_ns < middle_ns)
		after++;
	before = after - 1;
	if (after->ts_ns > before->ts_ns)
		part = (double)(middle_ns - before->ts_ns) / (double)(after->ts_ns - before->ts_ns);
	return before->map_count + llround(part * ((double)after->map_count - before->map_count));
}

void trend_rise(const struct sample *samples, unsigned int count, struct rise *ret_rise)
{
	const struct sample *first = samples, *last;

	memset(ret_rise, 0, sizeof(*ret_rise));
	if (count < 2)
		return;
	last = &samples[count - 1];
	for (unsigned int i = 1; i < count; i++) {
		ret_rise->windows++;
		ret_rise->rising += samples[i].map_count > samples[i - 1].map_count;
		ret_rise->falling += samples[i].map_count < samples[i - 1].map_count;
	}
	ret_rise->span_s = seconds_between(first, last);
	ret_rise->growth = (int64_t)last->map_count - first->map_count;
	ret_rise->first_half = count_at_middle(samples, count) - first->map_count;
	ret_rise->second_half = ret_rise->growth - ret_rise->first_half;
	ret_rise->opened = last->opened - first->opened;
	ret_rise->closed = last->closed - first->closed;
	ret_rise->mapping = (double)last->mapping - (double)first->mapping;
}
