/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "row.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "units.h"
#include "utf8.h"

#define CHUNK_LEN 512

struct row row_begin(struct buf *buf, const struct text_style *style, unsigned int indent)
{
	return (struct row){.buf = buf, .style = style, .start = buf->len, .indent = indent, .fresh = true};
}

void row_end(struct row *row)
{
	buf_add_char(row->buf, '\n');
	if (row->buf->failed)
		row->buf->len = row->start;
}

unsigned int row_room(const struct row *row)
{
	unsigned int width = row->style->width;

	if (!width)
		return UINT_MAX;
	return row->used < width ? width - row->used : 0;
}

static void paint_begin(struct row *row, enum paint paint)
{
	static const char *const codes[] = {
		[PAINT_DIM] = "2",    [PAINT_BOLD] = "1",  [PAINT_RED] = "31",	   [PAINT_YELLOW] = "33",
		[PAINT_GREEN] = "32", [PAINT_CYAN] = "36", [PAINT_ALARM] = "1;31",
	};

	if (row->style->colour && paint != PAINT_PLAIN)
		buf_printf(row->buf, "\033[%sm", codes[paint]);
}

static void paint_end(struct row *row, enum paint paint)
{
	if (row->style->colour && paint != PAINT_PLAIN)
		buf_add_str(row->buf, "\033[0m");
}

void row_blanks(struct row *row, unsigned int columns)
{
	unsigned int room = row_room(row), count = columns < room ? columns : room;
	char *at = buf_room(row->buf, count);

	row->used += count;
	if (!at)
		return;
	memset(at, ' ', count);
	row->buf->len += count;
}

/* Text in at most `columns` columns and what is left of the line. */
static void put_within(struct row *row, enum paint paint, const char *text, size_t len, unsigned int columns,
		       bool from_start)
{
	if (columns > row_room(row))
		columns = row_room(row);
	if (!columns || !len)
		return;
	paint_begin(row, paint);
	row->used += (from_start ? utf8_clip_start : utf8_clip)(row->buf, text, len, columns);
	paint_end(row, paint);
	row->fresh = false;
}

void row_put(struct row *row, enum paint paint, const char *text)
{
	put_within(row, paint, text, strlen(text), UINT_MAX, false);
}

void row_right(struct row *row, enum paint paint, const char *text, unsigned int columns)
{
	unsigned int width = utf8_width(text, strlen(text));

	if (width < columns)
		row_blanks(row, columns - width);
	row_put(row, paint, text);
}

static void put_left(struct row *row, enum paint paint, const char *text, unsigned int columns, bool from_start)
{
	unsigned int before = row->used;

	put_within(row, paint, text, strlen(text), columns, from_start);
	if (row->used - before < columns)
		row_blanks(row, columns - (row->used - before));
}

void row_left(struct row *row, enum paint paint, const char *text, unsigned int columns)
{
	put_left(row, paint, text, columns, false);
}

void row_left_path(struct row *row, enum paint paint, const char *path, unsigned int columns)
{
	put_left(row, paint, path, columns, true);
}

/* Makes room for a chunk of `width` columns, and for the punctuation that may come behind it. */
static void chunk_begin(struct row *row, unsigned int width)
{
	if (row->mark && row_room(row)) {
		buf_add_char(row->buf, row->mark);
		row->used++;
	}
	row->mark = '\0';
	if (row->fresh)
		return;
	if (width + 1 < row_room(row)) {
		row_blanks(row, 1);
		return;
	}
	buf_add_char(row->buf, '\n');
	row->used = 0;
	row_blanks(row, row->indent);
	row->fresh = true;
}

static void chunk_put(struct row *row, enum paint paint, const char *text, size_t len, bool from_start)
{
	unsigned int room;

	if (!len)
		return;
	chunk_begin(row, utf8_width(text, len));
	room = row_room(row);
	put_within(row, paint, text, len, room > 1 ? room - 1 : room, from_start);
}

void row_chunk(struct row *row, enum paint paint, const char *text)
{
	chunk_put(row, paint, text, strlen(text), false);
}

void row_path(struct row *row, enum paint paint, const char *text)
{
	chunk_put(row, paint, text, strlen(text), true);
}

void row_chunkf(struct row *row, enum paint paint, const char *format, ...)
{
	char text[CHUNK_LEN];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	row_chunk(row, paint, text);
}

void row_words(struct row *row, enum paint paint, const char *text)
{
	while (*(text += strspn(text, " "))) {
		size_t len = strcspn(text, " ");

		chunk_put(row, paint, text, len, true);
		text += len;
	}
}

void row_mark(struct row *row, char mark)
{
	row->mark = mark;
}

const char *row_escape(const char *bytes, char *out, size_t size)
{
	_cleanup_buf_ struct buf escaped = {0};
	size_t len;

	utf8_escape_terminal(&escaped, bytes, strlen(bytes));
	len = escaped.len < size ? escaped.len : size - 1;
	/* never in the middle of a character */
	while (len < escaped.len && len && ((unsigned char)escaped.data[len] & 0xc0) == 0x80)
		len--;
	if (len)
		memcpy(out, escaped.data, len);
	out[len] = '\0';
	return out;
}

const char *row_process(const struct process *process, char *out, size_t size)
{
	char comm[MT_COMM_LEN * 4 + 1];

	snprintf(out, size, "%s[%u]", row_escape(process->comm, comm, sizeof(comm)), process->key.pid);
	return out;
}

enum paint paint_of_ratio(double ratio)
{
	if (ratio >= 0.8)
		return PAINT_RED;
	return ratio >= 0.5 ? PAINT_YELLOW : PAINT_PLAIN;
}

enum paint paint_of_severity(enum severity severity)
{
	if (severity == SEVERITY_CRITICAL)
		return PAINT_ALARM;
	return severity == SEVERITY_WARNING ? PAINT_YELLOW : PAINT_CYAN;
}

void row_share(struct row *row, uint64_t maps, uint32_t limit)
{
	double ratio = limit ? (double)maps / limit : 0;
	char percent[UNITS_LEN], text[UNITS_LEN];

	row_chunkf(row, paint_of_ratio(ratio), "(%s of %s)", units_percent(ratio, percent, sizeof(percent)),
		   units_count(limit, text, sizeof(text)));
}

void text_rest(struct buf *buf, const struct text_style *style, unsigned int indent, enum paint paint, uint64_t count,
	       const char *what)
{
	struct row row = row_begin(buf, style, indent * 2);
	char text[UNITS_LEN];

	if (!count)
		return;
	row_blanks(&row, indent);
	row_chunk(&row, paint, units_count(count, text, sizeof(text)));
	row_words(&row, paint, what);
	row_end(&row);
}
