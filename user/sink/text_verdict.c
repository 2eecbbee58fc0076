/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a streamed process came to, when the stream ends. */
#include "text.h"

#include <limits.h>
#include <string.h>

#include "figures.h"
#include "row.h"
#include "text_site.h"
#include "units.h"
#include "utf8.h"

#define INDENT	       2
#define NAME_LEN       96
#define PATH_LEN       704
#define DELETED	       " (deleted)"
#define FILES_SHOWN    8
#define LABEL_COLUMNS  16 /* of the operation table: most names of operations */
#define NUMBER_COLUMNS 11 /* "1,048,577" and a gap */
#define EARLY_GROWTH   64 /* of the limit */
#define NEAR_LIMIT     0.9

/* A row of figures behind a label; figures may be cut off by the terminal's edge, the label never is. */
static void put_figures(struct row *row, enum paint paint, const char *const *figures, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		row_blanks(row, 1);
		row_right(row, paint, figures[i], NUMBER_COLUMNS - 1);
	}
}

static uint64_t watched_ns(const struct text_style *style, uint64_t ts_ns, const struct process *process)
{
	uint64_t from_ns = process->key.start_ns > style->start_ns ? process->key.start_ns : style->start_ns;

	return ts_ns > from_ns ? ts_ns - from_ns : 0;
}

/* "frames[1234]: 23 -> 4,119 maps (6.3 % of 65,530) in 12.3 s, 4,119 at most" */
static void put_headline(struct buf *buf, const struct text_style *style, uint64_t ts_ns, const struct process *process,
			 uint32_t limit)
{
	const struct account *account = &process->account;
	char name[NAME_LEN], from[UNITS_LEN], text[UNITS_LEN];
	struct row row = row_begin(buf, style, INDENT);

	row_chunkf(&row, PAINT_BOLD, "%s:", row_process(process, name, sizeof(name)));
	row_chunkf(&row, PAINT_BOLD, "%s -> %s", units_count(account->baseline, from, sizeof(from)),
		   units_plural(account->map_count, "map", text, sizeof(text)));
	row_share(&row, account->map_count, limit);
	row_chunkf(&row, PAINT_PLAIN, "in %s", units_duration(watched_ns(style, ts_ns, process), text, sizeof(text)));
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_PLAIN, "%s at most", units_count(account->high_water, text, sizeof(text)));
	if (account->flags & MT_PROCESS_STOPPED) {
		row_mark(&row, ',');
		row_chunk(&row, PAINT_RED, "stopped (SIGCONT resumes it)");
	}
	row_end(&row);
}

static void put_op_header(struct buf *buf, const struct text_style *style)
{
	static const char *const titles[] = {"CALLS", "FAILED", "MAPS"};
	struct row row = row_begin(buf, style, INDENT);

	row_blanks(&row, INDENT);
	row_left(&row, PAINT_DIM, "OPERATION", LABEL_COLUMNS);
	put_figures(&row, PAINT_DIM, titles, 3);
	row_end(&row);
}

static void put_op(struct buf *buf, const struct text_style *style, uint32_t op, const struct mt_tally *tally)
{
	char calls[UNITS_LEN], failed[UNITS_LEN], delta[UNITS_LEN];
	const char *const figures[] = {
		units_count(tally->calls, calls, sizeof(calls)),
		style->no_results && !tally->failed ? "-" : units_count(tally->failed, failed, sizeof(failed)),
		units_change(tally->delta, delta, sizeof(delta))};
	struct row row = row_begin(buf, style, INDENT);

	row_blanks(&row, INDENT);
	row_left(&row, PAINT_PLAIN, op_name(op), LABEL_COLUMNS);
	put_figures(&row, tally->failed ? PAINT_RED : PAINT_PLAIN, figures, 3);
	row_end(&row);
}

/* Those with a part in it, most growth first. */
static void put_ops(struct buf *buf, const struct text_style *style, const struct account *account)
{
	struct mt_tally tallies[MT_OP_MAX];
	bool shown[MT_OP_MAX] = {false};
	bool header = false;

	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		tallies[op] = account_tally(account, op);

	for (;;) {
		uint32_t best = MT_OP_MAX;

		for (uint32_t op = 0; op < MT_OP_MAX; op++) {
			if (shown[op] || (!tallies[op].calls && !tallies[op].delta))
				continue;
			if (best == MT_OP_MAX || tallies[op].delta > tallies[best].delta)
				best = op;
		}
		if (best == MT_OP_MAX)
			return;
		if (!header)
			put_op_header(buf, style);
		header = shown[best] = true;
		put_op(buf, style, best, &tallies[best]);
	}
}

/* "refused: ENOMEM 3, EINVAL 1" */
static void put_failures(struct buf *buf, const struct text_style *style, const struct account *account)
{
	struct row row = row_begin(buf, style, INDENT * 2);
	char text[UNITS_LEN];
	bool any = false;

	for (unsigned int slot = 0; slot < MT_FAIL_MAX; slot++) {
		uint32_t failures = account_failures(account, slot);

		if (!failures)
			continue;
		if (!any) {
			row_blanks(&row, INDENT);
			row_chunk(&row, PAINT_RED, "refused:");
		}
		any = true;
		row_chunkf(&row, PAINT_RED, "%s %s", figures_fail_name(slot),
			   units_count(failures, text, sizeof(text)));
		row_mark(&row, ',');
	}
	if (any)
		row_end(&row);
}

/* The path as shown. */
static const char *path_text(const struct file_use *use, char *out)
{
	row_escape(use->id.path, out, PATH_LEN);
	if (use->id.deleted)
		strcat(out, DELETED);
	return out;
}

/* As wide as the widest path, in what a line has besides four figures. */
static unsigned int file_columns(const struct text_style *style, const struct file_use *uses, unsigned int count)
{
	unsigned int taken = INDENT + 4 * NUMBER_COLUMNS, columns = LABEL_COLUMNS;
	unsigned int room = LABEL_COLUMNS;
	char path[PATH_LEN + sizeof(DELETED)];

	if (!style->width)
		room = UINT_MAX;
	else if (style->width > taken + LABEL_COLUMNS)
		room = style->width - taken;
	for (unsigned int i = 0; i < count; i++) {
		unsigned int width;

		path_text(&uses[i], path);
		width = utf8_width(path, strlen(path));
		columns = width > columns ? width : columns;
	}
	return columns < room ? columns : room;
}

static void put_file_cells(struct buf *buf, const struct text_style *style, unsigned int columns, enum paint paint,
			   const char *path, const char *const *figures)
{
	struct row row = row_begin(buf, style, INDENT);

	row_blanks(&row, INDENT);
	row_left_path(&row, paint, path, columns);
	put_figures(&row, paint, figures, 4);
	row_end(&row);
}

static void put_file(struct buf *buf, const struct text_style *style, unsigned int columns, const struct file_use *use)
{
	char path[PATH_LEN + sizeof(DELETED)], calls[UNITS_LEN], unmapped[UNITS_LEN], maps[UNITS_LEN], bytes[UNITS_LEN];
	const char *const figures[] = {
		units_count(use->calls, calls, sizeof(calls)),
		units_count(use->unmapped, unmapped, sizeof(unmapped)),
		use->maps < 0 ? units_change(use->maps, maps, sizeof(maps))
			      : units_count((uint64_t)use->maps, maps, sizeof(maps)),
		use->bytes ? units_bytes(use->bytes, bytes, sizeof(bytes)) : "-",
	};

	put_file_cells(buf, style, columns, PAINT_PLAIN, path_text(use, path), figures);
}

static void put_files(struct buf *buf, const struct text_style *style, const struct file_table *files)
{
	static const char *const titles[] = {"MAPPED", "UNMAPPED", "MAPS", "IN ALL"};
	struct file_use top[FILES_SHOWN];
	unsigned int count = file_table_top(files, top, FILES_SHOWN);

	unsigned int columns = file_columns(style, top, count);

	if (count)
		put_file_cells(buf, style, columns, PAINT_DIM, "FILE", titles);
	for (unsigned int i = 0; i < count; i++)
		put_file(buf, style, columns, &top[i]);
	text_rest(buf, style, INDENT, PAINT_DIM, files->used - count, "more with fewer maps");
	text_rest(buf, style, INDENT, PAINT_RED, files->dropped, "operations on further files not booked: table full");
}

/* It grew, and still did when last seen; what is called a leak takes more. */
static bool is_too_early(const struct process *process, uint32_t limit)
{
	const struct account *account = &process->account;

	return process->state != PROCESS_STEADY && account->map_count > account->baseline &&
	       account->map_count - account->baseline >= limit / EARLY_GROWTH && account->closed < account->opened / 2;
}

/* Said only of what was seen: a short look at a quiet hour proves nothing. */
static void put_no_finding(struct buf *buf, const struct text_style *style, uint64_t ts_ns,
			   const struct process *process, uint32_t limit)
{
	uint64_t ns = watched_ns(style, ts_ns, process);
	struct row row = row_begin(buf, style, INDENT);
	char text[UNITS_LEN];

	if (process_ratio(process, limit) >= NEAR_LIMIT)
		row_chunk(&row, PAINT_RED, "near the limit, but no leak seen");
	else if (is_too_early(process, limit))
		row_chunk(&row, PAINT_YELLOW, "too early to tell a leak from a warm-up");
	else
		row_chunk(&row, PAINT_GREEN, "no leak seen");
	row_chunkf(&row, PAINT_PLAIN, "in %s:", units_duration(ns, text, sizeof(text)));
	row_chunkf(&row, PAINT_PLAIN, "%s opened", units_plural(process->account.opened, "map", text, sizeof(text)));
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_PLAIN, "%s closed", units_count(process->account.closed, text, sizeof(text)));
	row_end(&row);
}

/* Notes are no findings. What an ended process gave back is none any more, but was called. */
static bool is_called(const struct process *process, const struct finding *findings, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		if (findings[i].verdict.severity > SEVERITY_INFO)
			return true;
	}
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		if (process_open_finding(process, kind).severity > SEVERITY_INFO)
			return true;
	}
	return false;
}

void text_verdict(struct buf *buf, const struct text_style *style, uint64_t ts_ns, const struct process *process,
		  uint32_t limit, const struct finding *findings, unsigned int count)
{
	buf_add_char(buf, '\n');
	put_headline(buf, style, ts_ns, process, limit);
	put_ops(buf, style, &process->account);
	put_failures(buf, style, &process->account);
	put_files(buf, style, &process->files);
	text_sites(buf, style, &process->sites);
	for (unsigned int i = 0; i < count; i++)
		text_finding(buf, style, process, &findings[i]);
	if (!is_called(process, findings, count))
		put_no_finding(buf, style, ts_ns, process, limit);
}
