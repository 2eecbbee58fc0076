/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tracer.c (loading), tracer_attach.c (hooks) and tracer_maps.c (maps, rings) share. */
#ifndef IO_TRACER_PRIVATE_H
#define IO_TRACER_PRIVATE_H

#include <bpf/libbpf.h>

#include "mmaptrace.skel.h"
#include "tracer.h"

#define TRACER_LINKS_MAX  (8 * MT_OP_MAX) /* a call has at most three functions, each two edges; and the core */
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
	unsigned int link_count;
	const char *munmap_core; /* the function's name; NULL: unknown */
	struct drain events, alarms;
	const char *positions; /* two pages of the map of `events` */
	size_t page_size;
	struct mt_process *batch; /* TRACER_READ_BATCH values */
	uint64_t torn;
};

/* tracer_attach.c: which programs of operations are loaded; then their hooks, on and off. 0 or negative errno. */
int tracer_choose_operations(struct tracer *tracer, const struct tracer_options *options);
int tracer_attach_operations(struct tracer *tracer, const struct tracer_options *options);
void tracer_detach_operations(struct tracer *tracer);
/* tracer_maps.c: opens both rings and what reading accounts needs. 0 or negative errno. */
int tracer_open_rings(struct tracer *tracer);

#endif
