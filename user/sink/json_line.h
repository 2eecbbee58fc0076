/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The frame of a JSON line and the parts that several kinds share. For the
 * json_*.c files alone; others see json_lines.h.
 */
#ifndef SINK_JSON_LINE_H
#define SINK_JSON_LINE_H

#include "json.h"
#include "json_lines.h"

/* A line under way. */
struct line {
	struct json_writer json;
	const struct line_context *context;
	size_t start; /* in the buffer */
};

/* Opens a line with the facts that all carry, or that all about a process do. */
struct line line_begin(struct buf *buf, const struct line_context *context, const char *type, uint64_t ts_ns);
struct line line_begin_process(struct buf *buf, const struct line_context *context, const char *type, uint64_t ts_ns,
			       const struct process *process);
/* Closes it. All or nothing: after a failed allocation no part of the line stays. */
void line_end(struct line *line);

void line_add_time(struct line *line, const char *key, uint64_t boot_ns);
/* dev, inode, kind */
void line_add_file_identity(struct json_writer *json, const struct file_id *file);
/* calls, failed, delta */
void line_add_tally(struct json_writer *json, uint64_t calls, uint64_t failed, int64_t delta);
/* stack, stack_end; NULL: not known */
void line_add_stack(struct json_writer *json, const struct stack *stack);
/* sites */
void line_add_sites(struct json_writer *json, const struct evidence_site *sites, unsigned int count);

#endif
