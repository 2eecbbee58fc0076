/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The system-wide table: as many columns as the terminal takes. */
#include "text.h"

#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "figures.h"
#include "row.h"
#include "units.h"
#include "utf8.h"

/* The width that the rows ask of a column; 0 if they have nothing to show in it. */
static unsigned int column_width(const struct column *column, const struct process *const *rows, unsigned int count,
				 uint32_t limit)
{
	unsigned int width = 0;
	char text[CELL_LEN];

	for (unsigned int i = 0; i < count; i++) {
		const struct subject subject = {rows[i], limit};
		unsigned int cell;

		column->cell(&subject, text, sizeof(text));
		cell = utf8_width(text, strlen(text));
		width = cell > width ? cell : width;
	}
	if (count && !width)
		return 0;
	width = width < column->min ? column->min : width;
	return column->max && width > column->max ? column->max : width;
}

/* Fills in the widths of the columns that fit, 0 for the others. */
static void table_layout(unsigned int room, const struct process *const *rows, unsigned int count, uint32_t limit,
			 unsigned int *ret_widths)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < COLUMNS; i++) {
		unsigned int at = columns_by_importance[i];
		unsigned int width = column_width(&columns[at], rows, count, limit);
		unsigned int gap = used ? 1 : 0;

		ret_widths[at] = width && (!room || used + gap + width <= room) ? width : 0;
		used += ret_widths[at] ? gap + width : 0;
	}
}

/* The last cell is not padded: nothing comes behind it. */
static void put_cell(struct row *row, unsigned int at, const unsigned int *widths, enum paint paint, const char *text)
{
	bool last = true;

	for (unsigned int i = at + 1; i < COLUMNS; i++)
		last = last && !widths[i];
	if (row->used)
		row_blanks(row, 1);
	if (!columns[at].left)
		row_right(row, paint, text, widths[at]);
	else if (last)
		row_put(row, paint, text);
	else
		row_left(row, paint, text, widths[at]);
}

static void put_header(struct buf *buf, const struct text_style *style, const unsigned int *widths)
{
	struct row row = row_begin(buf, style, 0);

	for (unsigned int i = 0; i < COLUMNS; i++)
		if (widths[i])
			put_cell(&row, i, widths, PAINT_DIM, columns[i].title);
	row_end(&row);
}

static void put_process(struct buf *buf, const struct text_style *style, const unsigned int *widths,
			const struct subject *subject)
{
	struct row row = row_begin(buf, style, 0);
	char text[CELL_LEN];

	for (unsigned int i = 0; i < COLUMNS; i++) {
		if (!widths[i])
			continue;
		columns[i].cell(subject, text, sizeof(text));
		put_cell(&row, i, widths, columns[i].paint ? columns[i].paint(subject) : PAINT_PLAIN, text);
	}
	row_end(&row);
}

static void put_item(struct row *row, enum paint paint, const char *text)
{
	if (row->used)
		row_put(row, PAINT_PLAIN, ", ");
	row_put(row, paint, text);
}

static void put_processes(struct row *row, const struct table_totals *totals)
{
	char number[UNITS_LEN], text[UNITS_LEN * 2];

	units_plural(totals->processes, "process", number, sizeof(number));
	if (totals->shown < totals->processes)
		snprintf(text, sizeof(text), "%s (%u shown)", number, totals->shown);
	else
		snprintf(text, sizeof(text), "%s", number);
	put_item(row, PAINT_PLAIN, text);
}

/*
 * "14:03:22 UTC, limit 65,530, 1 finding, 2 growing, 128 processes, 20,412 maps":
 * one line whatever the width, so what deserves a look comes before the totals.
 */
static void put_headline(struct buf *buf, const struct text_style *style, const struct table_totals *totals)
{
	struct row row = row_begin(buf, style, 0);
	char number[UNITS_LEN], text[UNITS_LEN * 2];

	units_clock(figures_unix_ns(totals->ts_ns, style->line.wall_offset_ns), number, sizeof(number));
	snprintf(text, sizeof(text), "%.8s UTC", number);
	put_item(&row, PAINT_BOLD, text);
	snprintf(text, sizeof(text), "limit %s", units_count(totals->limit, number, sizeof(number)));
	put_item(&row, PAINT_PLAIN, text);
	units_plural(totals->open_findings, "finding", text, sizeof(text));
	put_item(&row, totals->open_findings ? PAINT_YELLOW : PAINT_PLAIN, text);
	snprintf(text, sizeof(text), "%u growing", totals->growing);
	put_item(&row, totals->growing ? PAINT_BOLD : PAINT_PLAIN, text);
	snprintf(text, sizeof(text), "%s lost", units_count(totals->losses, number, sizeof(number)));
	if (totals->losses)
		put_item(&row, PAINT_RED, text);
	put_processes(&row, totals);
	put_item(&row, PAINT_PLAIN, units_plural(totals->maps, "map", text, sizeof(text)));
	row_end(&row);
}

void text_table(struct buf *buf, const struct text_style *style, const struct table_totals *totals,
		const struct process *const *rows, unsigned int count)
{
	unsigned int widths[COLUMNS];

	if (style->redraw)
		buf_add_str(buf, "\033[H\033[J");
	put_headline(buf, style, totals);
	table_layout(style->width, rows, count, totals->limit, widths);
	put_header(buf, style, widths);
	for (unsigned int i = 0; i < count; i++) {
		const struct subject subject = {rows[i], totals->limit};

		put_process(buf, style, widths, &subject);
	}
	if (!count) {
		struct row row = row_begin(buf, style, 0);

		row_words(&row, PAINT_DIM, "no process to show");
		row_end(&row);
	}
	if (!style->redraw)
		buf_add_char(buf, '\n');
}
