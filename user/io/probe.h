/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What this kernel offers, found out by loading and attaching for real. */
#ifndef IO_PROBE_H
#define IO_PROBE_H

#include "plan.h"

/* Where tracefs is mounted: here, or on older systems only below debugfs. */
#define TRACEFS_PATH	   "/sys/kernel/tracing"
#define TRACEFS_DEBUG_PATH "/sys/kernel/debug/tracing"

/* Fills in each feature's errno, 0 for what works. Attaches nothing that stays. */
void probe_features(struct features *ret_features);

/*
 * Mounts tracefs at /sys/kernel/tracing if it is nowhere mounted, as syscall
 * tracepoints need it. 1: mounted now; 0: was there; or negative errno.
 */
int probe_mount_tracefs(void);

#endif
