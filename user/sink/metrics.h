/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Metrics in the text formats that Prometheus reads: OpenMetrics 1.0 and 0.0.4. How many series there are is bounded:
 * processes by room in the top, groups by METRICS_GROUPS_MAX. Pure: bytes out.
 */
#ifndef SINK_METRICS_H
#define SINK_METRICS_H

#include <stdbool.h>

#include "buf.h"
#include "model.h"
#include "saved.h"

#define METRICS_GROUPS_MAX 64 /* those with most maps; what is left is summed up as "(others)" */

enum exposition { EXPOSITION_PROMETHEUS, EXPOSITION_OPENMETRICS };

/* A count with a name of its own: what was lost, a table, a program. Texts are borrowed. */
struct metric_count {
	const char *name;
	uint64_t count, room; /* room: of tables and rings */
	double seconds;	      /* of programs */
};

/* A destination of lines, which are counted. */
struct metric_log {
	const char *name; /* borrowed */
	uint64_t written, failed, lost, queued;
};

struct metrics_facts {
	const struct model *model;
	const struct lifetime *lifetime;
	uint32_t limit;
	unsigned int top;
	bool by_cgroup; /* groups: else by comm */
	const char *version, *kernel, *plan;
	const struct metric_count *losses, *tables, *rings, *programs;
	const struct metric_log *logs;
	unsigned int log_count;
	unsigned int loss_count, table_count, ring_count, program_count;
	bool gear_is_on;
	uint64_t suspects, suspects_waiting, suspects_followed, gear_failures;
	uint64_t web_requests, web_evicted;
	uint64_t resident_bytes, open_files;
	double cpu_s, start_unix_s, tick_age_s;
};

/* What Accept asks for. */
enum exposition metrics_choose(const char *accept);
const char *metrics_content_type(enum exposition exposition);
/* Appends them; buf->failed: no memory. */
void metrics_add(struct buf *buf, enum exposition exposition, const struct metrics_facts *facts);

#endif
