/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The stream of operations. The call stands last: it is the one column without
 * a width of its own, so nothing behind it is pushed about, and a narrow
 * terminal cuts it rather than a number.
 */
#include "text.h"

#include <string.h>

#include "call.h"
#include "cleanup.h"
#include "digits.h"
#include "figures.h"
#include "row.h"
#include "text_site.h"
#include "units.h"

#define STACK_INDENT 8
#define NARROW	     110 /* columns, below which addresses and digits make room for the call */
#define CELL_LEN     64

/* Widths of the columns before the call. */
struct layout {
	unsigned int time, pid, maps, delta, us, result;
	bool narrow;
};

static struct layout layout_for(const struct text_style *style)
{
	static const struct layout wide = {.time = 12, .pid = 11, .maps = 9, .delta = 6, .us = 9, .result = 14};
	static const struct layout narrow = {
		.time = 8, .pid = 7, .maps = 7, .delta = 5, .us = 6, .result = 6, .narrow = true};
	struct layout layout = style->width && style->width < NARROW ? narrow : wide;

	if (style->wall_clock)
		layout.time = layout.narrow ? 12 : 15;
	return layout;
}

static void put_cells(struct row *row, const struct layout *layout, enum paint paint, const char *const *cells)
{
	const unsigned int widths[] = {layout->time, layout->pid, layout->maps, layout->delta, layout->us};

	for (unsigned int i = 0; i < 5; i++) {
		row_right(row, paint, cells[i], widths[i]);
		row_blanks(row, 1);
	}
}

void text_op_header(struct buf *buf, const struct text_style *style)
{
	static const char *const titles[] = {"TIME", "PID", "MAPS", "DELTA", "us"};
	struct layout layout = layout_for(style);
	struct row row = row_begin(buf, style, 0);

	put_cells(&row, &layout, PAINT_DIM, titles);
	row_left(&row, PAINT_DIM, "RESULT", layout.result);
	row_blanks(&row, 1);
	row_put(&row, PAINT_DIM, "OPERATION");
	row_end(&row);
}

/* Time of day, or seconds since tracing began; to the millisecond where columns are dear. */
static void time_text(const struct text_style *style, const struct layout *layout, uint64_t ts_ns, char *out,
		      size_t size)
{
	uint64_t since_ns = ts_ns > style->start_ns ? ts_ns - style->start_ns : 0;
	uint64_t us = since_ns / 1000;

	if (style->wall_clock) {
		units_clock(figures_unix_ns(ts_ns, style->line.wall_offset_ns), out, size);
		out[layout->time] = '\0';
		return;
	}
	out = digits_append(out, us / 1000000);
	*out++ = '.';
	out = layout->narrow ? digits_append_padded(out, us / 1000, 3) : digits_append_padded(out, us, 6);
	*out = '\0';
}

static void pid_text(const struct op_event *op, char *out)
{
	out = digits_append(out, op->pid);
	if (op->tid != op->pid) {
		*out++ = '/';
		out = digits_append(out, op->tid);
	}
	*out = '\0';
}

/* One decimal always, so that the points stand under each other. */
static void us_text(const struct op_event *op, char *out, size_t size)
{
	uint64_t tenths = (op->duration_ns + 50) / 100;

	if (!op->has_args) {
		memcpy(out, "-", 2);
		return;
	}
	units_count(tenths / 10, out, size - 2);
	out += strlen(out);
	*out++ = '.';
	*digits_append(out, tenths % 10) = '\0';
}

static void number_text(int64_t number, char *out)
{
	if (number < 0)
		*out++ = '-';
	/* INT64_MIN has no positive counterpart, its unsigned negation has */
	*digits_append(out, number < 0 ? 0 - (uint64_t)number : (uint64_t)number) = '\0';
}

static enum paint put_result(struct row *row, const struct layout *layout, const struct op_event *op)
{
	enum paint paint = op->has_result && op->error ? PAINT_RED : PAINT_PLAIN;
	char text[CELL_LEN];

	if (!op->has_result)
		memcpy(text, "-", 2);
	else if (op->error)
		errno_name(op->error, text, sizeof(text));
	else if (!op_returns_address(op->op))
		number_text(op->ret, text);
	else if (layout->narrow)
		memcpy(text, "ok", 3);
	else
		*digits_append_hex(text, (uint64_t)op->ret) = '\0';
	row_left(row, paint, text, layout->result);
	row_blanks(row, 1);
	return paint;
}

static void put_call(struct row *row, enum paint paint, const struct op_event *op)
{
	const struct call call = {
		.op = op->op,
		.syscall = op->syscall,
		.args = op->has_args ? &op->args : NULL,
		.file = op->has_file ? &op->file : NULL,
	};
	_cleanup_buf_ struct buf text = {0};

	call_text(&text, &call, row->style->width ? row_room(row) : 0);
	buf_add_char(&text, '\0');
	if (!text.failed)
		row_put(row, paint, text.data);
}

void text_op(struct buf *buf, const struct text_style *style, const struct process *process, const struct op_event *op)
{
	char time[CELL_LEN], pid[CELL_LEN], maps[UNITS_LEN], delta[UNITS_LEN], us[CELL_LEN];
	const char *const cells[] = {time, pid, maps, delta, us};
	struct layout layout = layout_for(style);
	struct row row = row_begin(buf, style, 0);
	enum paint paint;

	(void)process; /* its pid is in the event; its name stands in the findings and the verdict */
	time_text(style, &layout, op->ts_ns, time, sizeof(time));
	pid_text(op, pid);
	units_count(op->map_count, maps, sizeof(maps));
	units_change(op->delta, delta, sizeof(delta));
	us_text(op, us, sizeof(us));
	put_cells(&row, &layout, PAINT_PLAIN, cells);
	paint = put_result(&row, &layout, op);
	put_call(&row, paint, op);
	row_end(&row);
	text_stack(buf, style, STACK_INDENT, op->stack);
}
