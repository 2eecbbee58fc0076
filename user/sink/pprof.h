/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Call sites as a profile that pprof opens (profile.proto, in gzip): all values at once, in the order and by the names
 * of enum profile_value, live maps being the one shown if none is asked for. A sample is a site; its labels are op,
 * comm, pid and file.
 */
#ifndef SINK_PPROF_H
#define SINK_PPROF_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "profile.h"

struct pprof;

struct pprof_time {
	int64_t unix_ns; /* when it began, since 1970 */
	int64_t duration_ns;
};

/* NULL: out of memory. */
struct pprof *pprof_new(void);
void pprof_free(struct pprof *pprof);

/*
 * Adds the sites of one process, none of which is referred to afterwards. Those that have nothing to tell by any value
 * are left out. What it keeps grows with what is added: the tables of sites have their caps. 0, or -ENOMEM; that
 * profile will then not be finished either.
 */
int pprof_add(struct pprof *pprof, const struct profile_process *process, const struct site *sites, size_t count);

/* Appends the whole file, of what was added so far. 0, or -ENOMEM, and then nothing was appended. */
int pprof_finish(struct pprof *pprof, const struct pprof_time *time, struct buf *buf);

#endif
