/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A page of HTML for a person: the processes nearest to the limit, with their curves as inline SVG. Nothing on it comes
 * from elsewhere, and there is no script. Whatever names hold, they stay text. Pure: bytes out.
 */
#ifndef SINK_PAGE_H
#define SINK_PAGE_H

#include "buf.h"
#include "metrics.h"

/* What was last advised for a process with an open finding. */
struct page_advice {
	struct process_key key;
	const char *text; /* borrowed; NULL: nothing */
	const char *site; /* the same: FUNCTION at FILE:LINE */
};

struct page_facts {
	const struct metrics_facts *metrics;
	const char *host;
	uint64_t now_ns; /* boot clock */
	int64_t now_unix_ns;
	const struct page_advice *advice;
	unsigned int advice_count;
};

/* Appends it; buf->failed: no memory. */
void page_add(struct buf *buf, const struct page_facts *facts);

#endif
