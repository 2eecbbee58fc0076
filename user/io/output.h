/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where data goes: stdout or a file. Whole lines, or an error. */
#ifndef IO_OUTPUT_H
#define IO_OUTPUT_H

#include <stdbool.h>

#include "buf.h"

struct output {
	int fd;
	bool owned;
	const char *name; /* borrowed; for messages */
};

/* path NULL: stdout. An existing file is appended to: what was recorded stays. 0 or negative errno. */
int output_open(const char *path, struct output *ret_output);
/* Writes all of buf and empties it. On an error (-EPIPE: the reader has gone) the rest stays in buf. */
int output_flush(struct output *output, struct buf *buf);
int output_close(struct output *output);

/* Columns and rows of the terminal behind it; false if it is none. */
bool output_terminal_size(const struct output *output, unsigned int *ret_columns, unsigned int *ret_rows);

#endif
