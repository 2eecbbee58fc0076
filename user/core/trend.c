/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "trend.h"

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

void trend_rise(const struct sample *samples, unsigned int count, struct rise *ret_rise)
{
	const struct sample *first = samples, *last, *middle;

	memset(ret_rise, 0, sizeof(*ret_rise));
	if (count < 2)
		return;
	last = &samples[count - 1];
	middle = &samples[count / 2];
	for (unsigned int i = 1; i < count; i++) {
		ret_rise->windows++;
		ret_rise->rising += samples[i].map_count > samples[i - 1].map_count;
		ret_rise->falling += samples[i].map_count < samples[i - 1].map_count;
	}
	ret_rise->span_s = seconds_between(first, last);
	ret_rise->growth = (int64_t)last->map_count - first->map_count;
	ret_rise->first_half = (int64_t)middle->map_count - first->map_count;
	ret_rise->second_half = (int64_t)last->map_count - middle->map_count;
	ret_rise->opened = last->opened - first->opened;
	ret_rise->closed = last->closed - first->closed;
	ret_rise->mapping = last->mapping - first->mapping;
}
