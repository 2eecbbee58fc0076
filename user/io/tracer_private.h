/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tracer.c (loading, attaching) and tracer_maps.c (maps, rings) share. */
#ifndef IO_TRACER_PRIVATE_H
#define IO_TRACER_PRIVATE_H

#include <bpf/libbpf.h>

#include "mmaptrace.skel.h"
#include "tracer.h"

#define TRACER_LINKS_MAX  (2 * MT_OP_MAX)
#define TRACER_READ_BATCH 256

/* One ring, drained by a budget: libbpf 1.1 ends a drain early only by an error of its callback. */
struct drain {
	struct ring_buffer *ring;
	tracer_take_fn *take;
	void *arg;
	unsigned int left;
};

struct tracer {
	struct mmaptrace_bpf *bpf;
	struct bpf_link *links[TRACER_LINKS_MAX];
	unsigned int link_count, link_next; /* link_next: for detaching */
	struct drain events, alarms;
	struct mt_process *batch; /* TRACER_READ_BATCH values */
	uint64_t torn;
};

/* tracer_maps.c: opens both rings and what reading accounts needs. 0 or negative errno. */
int tracer_open_rings(struct tracer *tracer);

#endif
