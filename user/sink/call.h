/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A call in short, as strace would put it: "mmap(64 KiB, rw-, SHARED, fd 3 /dev/shm/frames)". */
#ifndef SINK_CALL_H
#define SINK_CALL_H

#include "buf.h"
#include "files.h"
#include "op.h"

struct call {
	uint32_t op, syscall;
	const struct op_args *args; /* borrowed; NULL: unknown */
	const struct file_id *file; /* borrowed; NULL: none */
};

/*
 * Appends it, escaped. If it takes more than `columns` (0: unlimited), the file
 * descriptor goes first, then the path's start; what still does not fit is left
 * for the row to cut.
 */
void call_text(struct buf *buf, const struct call *call, unsigned int columns);

#endif
