/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Figures that several sinks show and that a process does not carry as such. */
#ifndef SINK_FIGURES_H
#define SINK_FIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "model.h"

/* Maps per second, and seconds until the limit: INFINITY if not in sight. */
double figures_rate_per_s(const struct process *process);
double figures_eta_s(const struct process *process);

/*
 * The operation that added most maps, and its share (0..1) in all that
 * operations added. False if none did.
 */
bool figures_top_op(const struct process *process, uint32_t *ret_op, double *ret_share);

/* Name of a failure's slot in mt_process.failed: "ENOMEM", ..., "other". Static. */
const char *figures_fail_name(unsigned int slot);

/* Wall-clock time, ns since the epoch, of a reading of the boot clock. */
int64_t figures_unix_ns(uint64_t boot_ns, int64_t wall_offset_ns);

#endif
