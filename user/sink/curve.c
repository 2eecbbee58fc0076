/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "curve.h"

#include <math.h>

#include "trail.h"
#include "units.h"

#define WIDTH	   300.0
#define HEIGHT	   64.0
#define MARGIN	   4.0
#define LABEL	   16.0
#define SPAN_MAX_S 3600.0
#define SPAN_MIN_S 10.0
#define NEAR	   2.5 /* a limit so many times the highest point is shown */

struct point {
	double age_s, maps;
};

struct curve {
	struct point points[HISTORY_STRETCHES + 3];
	unsigned int count;
	double span_s, top;
};

static void add_point(struct curve *curve, double age_s, double maps)
{
	curve->points[curve->count++] = (struct point){age_s, maps};
}

/* What is older than the picture comes in at its edge. */
static void take_past(struct curve *curve, const struct process *process, uint64_t now_ns)
{
	struct stretch stretches[HISTORY_STRETCHES];
	struct trail trail;
	unsigned int count = 0;
	double newest_s = 0;

	if (process->trail) {
		trail_unpack(process->trail, &trail);
		count = history_read(&trail.history, stretches);
		newest_s = now_ns > trail.history.last.ts_ns ? (double)(now_ns - trail.history.last.ts_ns) / 1e9 : 0;
	}
	curve->span_s = fmin(fmax(count ? stretches[0].begin_s + newest_s : 0, SPAN_MIN_S), SPAN_MAX_S);
	for (unsigned int i = 0; i < count; i++) {
		double begin_s = stretches[i].begin_s + newest_s, end_s = stretches[i].end_s + newest_s;

		if (end_s >= curve->span_s)
			continue;
		if (!curve->count)
			add_point(curve, fmin(begin_s, curve->span_s), (double)stretches[i].before);
		add_point(curve, end_s, (double)stretches[i].last);
	}
	if (!curve->count)
		add_point(curve, curve->span_s, process->account.map_count);
	add_point(curve, 0, process->account.map_count);
}

static double x_of(const struct curve *curve, double age_s)
{
	return WIDTH - age_s / curve->span_s * WIDTH;
}

static double y_of(const struct curve *curve, double maps)
{
	return HEIGHT - maps / curve->top * (HEIGHT - MARGIN);
}

static void add_line(struct buf *buf, const struct curve *curve)
{
	for (unsigned int i = 0; i < curve->count; i++)
		buf_printf(buf, "%s%.1f,%.1f", i ? " " : "", x_of(curve, curve->points[i].age_s),
			   y_of(curve, curve->points[i].maps));
}

void curve_add(struct buf *buf, const struct process *process, uint32_t limit, uint64_t now_ns)
{
	struct curve curve = {0};
	double highest = 1;
	char span[UNITS_LEN];

	take_past(&curve, process, now_ns);
	for (unsigned int i = 0; i < curve.count; i++)
		highest = fmax(highest, curve.points[i].maps);
	curve.top = limit <= highest * NEAR ? fmax(limit, highest) * 1.05 : highest * 1.25;
	buf_printf(buf, "<svg width=%.0f height=%.0f role=img aria-label=\"map count over time\">", WIDTH,
		   HEIGHT + LABEL);
	buf_printf(buf, "<line class=axis x1=0 x2=%.0f y1=%.0f y2=%.0f />", WIDTH, HEIGHT, HEIGHT);
	if (limit <= curve.top)
		buf_printf(buf, "<line class=limit x1=0 x2=%.0f y1=%.1f y2=%.1f />", WIDTH, y_of(&curve, limit),
			   y_of(&curve, limit));
	buf_printf(buf, "<polygon class=area points=\"%.1f,%.1f ", x_of(&curve, curve.points[0].age_s), HEIGHT);
	add_line(buf, &curve);
	buf_printf(buf, " %.1f,%.1f\" /><polyline class=curve points=\"", WIDTH, HEIGHT);
	add_line(buf, &curve);
	buf_printf(buf, "\" /><text x=0 y=%.0f>%s ago</text><text x=%.0f y=%.0f text-anchor=end>now</text></svg>",
		   HEIGHT + LABEL - 4, units_seconds(curve.span_s, span, sizeof(span)), WIDTH, HEIGHT + LABEL - 4);
}
