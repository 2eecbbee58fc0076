/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The map count of one process over time as a small SVG. Inside of user/sink. */
#ifndef SINK_CURVE_H
#define SINK_CURVE_H

#include "buf.h"
#include "model.h"

/* Of the last hour at most. The limit is a dashed line where it is near enough to be on the picture. */
void curve_add(struct buf *buf, const struct process *process, uint32_t limit, uint64_t now_ns);

#endif
