/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Text for people: the table, the stream of operations, findings, the verdict. */
#ifndef SINK_TEXT_H
#define SINK_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "inspection.h"
#include "json_lines.h"

struct text_style {
	bool colour;
	bool wall_clock;    /* -T: time of day instead of seconds since start */
	bool redraw;	    /* the table replaces the one before (terminal) */
	bool no_results;    /* no hooks for calls: who failed is not known */
	bool explains;	    /* -v: by what a verdict was come by */
	unsigned int width; /* columns; 0: unlimited */
	uint64_t start_ns;  /* boot clock when tracing began */
	struct line_context line;
};

struct table_totals {
	uint64_t ts_ns;
	uint32_t limit;
	unsigned int processes, shown, growing, open_findings;
	uint64_t maps;	 /* in all processes */
	uint64_t losses; /* so far */
	double interval_s;
};

/* The system-wide table: a headline with the totals, a header row, a row each. */
void text_table(struct buf *buf, const struct text_style *style, const struct table_totals *totals,
		const struct process *const *rows, unsigned int count);

/* Header row of the stream; then a row for each operation. */
void text_op_header(struct buf *buf, const struct text_style *style);
void text_op(struct buf *buf, const struct text_style *style, const struct process *process, const struct op_event *op);

/* One line each, as they happen. */
void text_finding(struct buf *buf, const struct text_style *style, const struct process *process,
		  const struct finding *finding);
void text_cleared(struct buf *buf, const struct text_style *style, const struct process *process,
		  const struct verdict *verdict, uint64_t now_ns, uint64_t raised_ns);
void text_enomem(struct buf *buf, const struct text_style *style, const struct process *process,
		 const struct refusal *refusal);
void text_exit(struct buf *buf, const struct text_style *style, uint64_t ts_ns, const struct process *process);

/* All that inspect found, the groups with the most maps, rows of them, and one sentence at the end. */
void text_inspection(struct buf *buf, const struct text_style *style, const struct inspection *inspection,
		     uint32_t rows);

/* What a streamed process came to: maps, operations, files, and what is to be done. findings: those still open or last
 * raised. */
void text_verdict(struct buf *buf, const struct text_style *style, uint64_t ts_ns, const struct process *process,
		  uint32_t limit, const struct finding *findings, unsigned int count);

#endif
