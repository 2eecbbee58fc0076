/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * One row of text on its way to a person: coloured pieces that together never
 * take more columns than the terminal has. What goes in must be escaped. For
 * the text_*.c files alone.
 */
#ifndef SINK_ROW_H
#define SINK_ROW_H

#include "text.h"

enum paint { PAINT_PLAIN, PAINT_DIM, PAINT_BOLD, PAINT_RED, PAINT_YELLOW, PAINT_GREEN, PAINT_CYAN, PAINT_ALARM };

struct row {
	struct buf *buf;		/* borrowed */
	const struct text_style *style; /* borrowed */
	size_t start;			/* in the buffer */
	unsigned int used;		/* columns of the line so far */
	unsigned int indent;		/* of continuation lines */
	char mark;			/* punctuation due if another chunk follows; 0: none */
	bool fresh;			/* nothing but indentation on the line yet */
};

struct row row_begin(struct buf *buf, const struct text_style *style, unsigned int indent);
/* Ends the line. All or nothing: after a failed allocation no part of the row stays. */
void row_end(struct row *row);

/* Columns left; UINT_MAX if the width is unlimited. */
unsigned int row_room(const struct row *row);
void row_blanks(struct row *row, unsigned int columns);
/* Puts text as it is; cut where the line ends. */
void row_put(struct row *row, enum paint paint, const char *text);

/* Cells: right-aligned ones are never cut short of the line's end, left-aligned ones to their columns. */
void row_right(struct row *row, enum paint paint, const char *text, unsigned int columns);
void row_left(struct row *row, enum paint paint, const char *text, unsigned int columns);
void row_left_path(struct row *row, enum paint paint, const char *path, unsigned int columns);

/*
 * Running text: chunks are set apart by a blank, and go to a new line, indented,
 * when they do not fit. Only what is wider than a whole line is cut: chunks at
 * the end, paths at the start.
 */
void row_chunk(struct row *row, enum paint paint, const char *text);
void row_path(struct row *row, enum paint paint, const char *text);
void row_words(struct row *row, enum paint paint, const char *text);
void row_chunkf(struct row *row, enum paint paint, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Punctuation right behind the last chunk, if another one follows. */
void row_mark(struct row *row, char mark);

/* A line that says how many a table leaves out: "4 more with fewer maps". None: no line. */
void text_rest(struct buf *buf, const struct text_style *style, unsigned int indent, enum paint paint, uint64_t count,
	       const char *what);

/* A chunk: "(6.3 % of 65,530)", in the colour of that share; limit 0 is a share of none. */
void row_share(struct row *row, uint64_t maps, uint32_t limit);

/* Any bytes up to NUL, escaped for a terminal and cut to fit. Returns out. */
const char *row_escape(const char *bytes, char *out, size_t size);
/* comm[pid], escaped. Returns out. */
const char *row_process(const struct process *process, char *out, size_t size);

enum paint paint_of_ratio(double ratio);
enum paint paint_of_severity(enum severity severity);

#endif
