/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * JSON lines, schema 1. Each function appends one whole line to buf. Names and
 * units are a promise to users (README, "JSON").
 */
#ifndef SINK_JSON_LINES_H
#define SINK_JSON_LINES_H

#include <stdint.h>

#include "buf.h"
#include "event.h"
#include "finding.h"
#include "inspection.h"
#include "model.h"
#include "reason.h"

/*
 * What the last line about a process said of it: the next one is most often about the same, and would put together the
 * same third of its bytes. Zero-initialised is empty.
 */
struct line_cache {
	struct process_key key;
	char comm[sizeof(((struct process *)0)->comm)];
	const char *cgroup, *container_id; /* borrowed */
	struct buf text;		   /* owned: line_cache_free */
};

void line_cache_free(struct line_cache *cache);

/* What every line carries besides its own facts. */
struct line_context {
	const char *host;	  /* borrowed */
	int64_t wall_offset_ns;	  /* CLOCK_REALTIME less CLOCK_BOOTTIME */
	struct line_cache *cache; /* borrowed; NULL: none. Of lines with this host and offset alone */
};

struct start_facts {
	const char *version, *kernel, *plan; /* borrowed */
	uint32_t limit;
	int argc;
	char *const *argv;
};

struct end_facts {
	double duration_s;
	uint64_t events, lost, findings;
	uint64_t stack_ends[MT_STACK_ENDS]; /* call stacks taken, by how they ended */
};

void json_start(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct start_facts *facts);
void json_op(struct buf *buf, const struct line_context *context, const struct process *process,
	     const struct op_event *op);
void json_process(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct process *process,
		  uint32_t limit);
void json_finding(struct buf *buf, const struct line_context *context, const struct process *process,
		  const struct finding *finding);
void json_cleared(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct process *process,
		  const struct verdict *verdict, uint64_t raised_ns);
void json_enomem(struct buf *buf, const struct line_context *context, const struct process *process,
		 const struct refusal *refusal);
void json_exit(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct process *process);
/* The groups with the most maps, rows of them. */
void json_inspection(struct buf *buf, const struct line_context *context, uint64_t ts_ns,
		     const struct inspection *inspection, uint32_t rows);
void json_loss(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const char *what, uint64_t count);
void json_end(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct end_facts *facts);

#endif
