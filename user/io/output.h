/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where data goes: stdout or a file. Whole lines, or an error. */
#ifndef IO_OUTPUT_H
#define IO_OUTPUT_H

#include <stdbool.h>

#include "buf.h"

/* How to write without ever waiting for who reads. */
enum output_way {
	OUTPUT_WAITS,	 /* nothing to wait for (a file), or nobody minds */
	OUTPUT_NONBLOCK, /* the open file is our own, or was made so by others */
	OUTPUT_SOCKET,	 /* each send is told not to wait */
	OUTPUT_POLLED,	 /* pieces that have room for certain once poll(2) says so */
};

struct output {
	int fd;
	bool owned;
	const char *name; /* borrowed; for messages */
	enum output_way way;
	size_t pipe_bytes; /* what the pipe holds; 0: not a pipe, or not our own open file of it */
	struct buf queue;  /* lines that the reader has not yet taken */
	size_t done;	   /* bytes of the queue already written */
};

/* path NULL: stdout. An existing file is appended to: what was recorded stays; or written anew. 0, or negative errno
 * after a line on stderr. */
int output_open(const char *path, bool anew, struct output *ret_output);
/* The reader of a pipe, terminal or socket is not waited for any more. Who shares a stdout with us notices nothing. */
void output_never_wait(struct output *output);
/*
 * Takes over all of buf, whole lines, and writes what has room now: whole lines again, where they are shorter than
 * PIPE_BUF, so that what others write to the same pipe does not land within. The rest is queued. 0 or negative errno;
 * out of memory is no error, then buf is left as it is.
 */
int output_put(struct output *output, struct buf *buf);
/* Goes on with the queue, up to a megabyte. 0 or negative errno. */
int output_push(struct output *output);
/* Bytes in the queue, and lines (the rest of one counts). */
size_t output_queued(const struct output *output);
size_t output_queued_lines(const struct output *output);
int output_close(struct output *output);
/* Writes all of buf and closes. 0, or negative errno after a line on stderr; a reader that has gone is no error. */
int output_finish(struct output *output, struct buf *buf);
/* The same of a path that is opened for it. */
int output_once(const char *path, struct buf *buf);

/* Columns and rows of the terminal behind it; false if it is none. */
bool output_terminal_size(const struct output *output, unsigned int *ret_columns, unsigned int *ret_rows);

#endif
