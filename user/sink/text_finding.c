/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What happens to processes, in words: findings raised and cleared, exits. Refusals: text_refusal.c. */
#include "text.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "call.h"
#include "cleanup.h"
#include "figures.h"
#include "row.h"
#include "text_site.h"
#include "units.h"

#define INDENT	   4
#define NAME_LEN   96	/* comm[pid], escaped */
#define PATH_LEN   704	/* a path of FILE_PATH_LEN, escaped */
#define ADVICE_OUT 1920 /* an advice of ADVICE_LEN, escaped */

static void put_time(struct row *row, uint64_t ts_ns)
{
	char text[UNITS_LEN];

	if (row->style->wall_clock)
		row_chunk(row, PAINT_DIM,
			  units_clock(figures_unix_ns(ts_ns, row->style->line.wall_offset_ns), text, sizeof(text)));
}

/* Growth that is not yet called a leak goes by its own name. */
static void put_kind(struct row *row, enum paint paint, enum finding_kind kind, enum severity severity)
{
	const char *name = kind == FINDING_LEAK && severity == SEVERITY_INFO ? "growth" : finding_kind_name(kind);
	char text[UNITS_LEN];
	size_t i = 0;

	for (; *name && i < sizeof(text) - 1; name++)
		text[i++] = (char)toupper((unsigned char)*name);
	text[i] = '\0';
	row_chunk(row, paint, text);
}

static void put_process(struct row *row, const struct process *process)
{
	char name[NAME_LEN];

	row_blanks(row, 1); /* sets apart what from who */
	row_chunkf(row, PAINT_BOLD, "%s:", row_process(process, name, sizeof(name)));
}

/* "4,096 maps (6.3 % of 65,530)" */
static void put_maps(struct row *row, uint32_t map_count, uint32_t limit)
{
	char text[UNITS_LEN];

	row_chunk(row, PAINT_PLAIN, units_plural(map_count, "map", text, sizeof(text)));
	row_share(row, map_count, limit);
}

/* "limit in 2 m 0 s (1 m 50 s to 2 m 10 s)" */
static void put_forecast(struct row *row, const struct forecast *forecast)
{
	char eta[UNITS_LEN], low[UNITS_LEN], high[UNITS_LEN];

	row_chunkf(row, PAINT_PLAIN, "%s/s", units_rate(forecast->rate_per_s, eta, sizeof(eta)));
	if (!isfinite(forecast->eta_s))
		return;
	row_mark(row, ',');
	if (forecast->eta_s <= 0) {
		row_chunk(row, PAINT_BOLD, "at the limit");
		return;
	}
	row_chunkf(row, PAINT_BOLD, "limit in %s", units_seconds(forecast->eta_s, eta, sizeof(eta)));
	units_seconds(forecast->eta_low_s, low, sizeof(low));
	units_seconds(forecast->eta_high_s, high, sizeof(high));
	if (isinf(forecast->eta_high_s))
		row_chunkf(row, PAINT_PLAIN, "(%s at the earliest)", low);
	else if (strcmp(low, high) != 0)
		row_chunkf(row, PAINT_PLAIN, "(%s to %s)", low, high);
}

static void put_op(struct row *row, const struct evidence_op *evidence)
{
	const char *name = op_name(evidence->op);
	char text[UNITS_LEN];

	if (evidence->delta) {
		row_chunkf(row, PAINT_PLAIN, "%s %s %s", name, units_change(evidence->delta, text, sizeof(text)),
			   evidence->delta == 1 || evidence->delta == -1 ? "map" : "maps");
		row_mark(row, ',');
	}
	if (evidence->failed) {
		row_chunkf(row, PAINT_RED, "%s failed %s", name,
			   units_plural(evidence->failed, "time", text, sizeof(text)));
		row_mark(row, ',');
	}
}

static void put_file(struct row *row, const struct file_use *use)
{
	char path[PATH_LEN], text[UNITS_LEN];

	row_path(row, PAINT_BOLD, row_escape(use->id.path, path, sizeof(path)));
	if (use->id.deleted)
		row_chunk(row, PAINT_PLAIN, "(deleted)");
	row_chunkf(row, PAINT_PLAIN, "mapped %s", units_plural(use->calls, "time", text, sizeof(text)));
	if (!use->unmapped)
		return;
	row_mark(row, ',');
	row_chunkf(row, PAINT_PLAIN, "unmapped %s", units_count(use->unmapped, text, sizeof(text)));
}

/* Besides the operation that leads the one that moved most: what it added may have been taken away again. */
static unsigned int second_op(const struct finding *finding)
{
	unsigned int best = 1;

	for (unsigned int i = 2; i < finding->op_count; i++) {
		if (evidence_op_moved(&finding->ops[i]) > evidence_op_moved(&finding->ops[best]))
			best = i;
	}
	return best;
}

/* The operations and the file that lead; JSON has them all. */
static void put_evidence(struct row *row, const struct finding *finding)
{
	row_mark(row, ';');
	if (finding->op_count)
		put_op(row, &finding->ops[0]);
	if (finding->op_count > 1)
		put_op(row, &finding->ops[second_op(finding)]);
	if (finding->file_count && finding->files[0].calls)
		put_file(row, &finding->files[0]);
}

static void put_age(struct row *row, const struct finding *finding)
{
	uint64_t age_ns = finding->ts_ns > finding->raised_ns ? finding->ts_ns - finding->raised_ns : 0;
	char text[UNITS_LEN];

	if (finding->update)
		row_chunkf(row, PAINT_PLAIN, "(for %s)", units_duration(age_ns, text, sizeof(text)));
}

/* "by 2 m 24 s in 10 steps: +26,000 maps that stay (13,010, then 12,990; 2,610 at once), ..." */
static void put_basis(struct buf *buf, const struct text_style *style, const struct basis *basis)
{
	const struct view *view = &basis->view;
	struct row row = row_begin(buf, style, INDENT * 2);
	char span[UNITS_LEN], growth[UNITS_LEN], first[UNITS_LEN], second[UNITS_LEN], most[UNITS_LEN], swing[UNITS_LEN];

	row_blanks(&row, INDENT);
	row_chunkf(&row, PAINT_DIM, "by %s in %u steps:", units_seconds(view->span_s, span, sizeof(span)), view->steps);
	row_chunkf(&row, PAINT_DIM, "%s maps that stay", units_change((int64_t)view->growth, growth, sizeof(growth)));
	row_chunkf(&row, PAINT_DIM, "(%s, then %s; %s at once)",
		   units_change((int64_t)view->first_half, first, sizeof(first)),
		   units_change((int64_t)view->second_half, second, sizeof(second)),
		   units_count((uint64_t)view->jump, most, sizeof(most)));
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_DIM, "in order by %.2f", view->tau);
	row_mark(&row, ',');
	if (view->swing >= 1)
		row_chunkf(&row, PAINT_DIM, "under falls of %s",
			   units_count((uint64_t)view->swing, swing, sizeof(swing)));
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_DIM, "%.0f %% mapped",
		   view->growth > 0 ? fmin(100, 100 * view->mapped / view->growth) : 0);
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_DIM, "%.1f %% of the room", 100 * basis->share);
	row_chunkf(&row, PAINT_DIM, "(called from %.0f %% on%s)", 100 * basis->need,
		   basis->one_file ? ", as it is one file" : "");
	row_end(&row);
}

void text_finding(struct buf *buf, const struct text_style *style, const struct process *process,
		  const struct finding *finding)
{
	enum paint paint = paint_of_severity(finding->verdict.severity);
	struct row row = row_begin(buf, style, INDENT);
	char advice[ADVICE_OUT];

	put_time(&row, finding->ts_ns);
	put_kind(&row, paint, finding->verdict.kind, finding->verdict.severity);
	row_chunk(&row, paint, severity_name(finding->verdict.severity));
	put_age(&row, finding);
	put_process(&row, process);
	put_maps(&row, finding->map_count, finding->limit);
	row_mark(&row, ',');
	put_forecast(&row, &finding->verdict.forecast);
	put_evidence(&row, finding);
	row_end(&row);
	if (style->explains && finding->verdict.basis.view.span_s > 0)
		put_basis(buf, style, &finding->verdict.basis);
	if (!finding->advice[0])
		return;
	row = row_begin(buf, style, INDENT);
	row_blanks(&row, INDENT);
	row_words(&row, PAINT_PLAIN, row_escape(finding->advice, advice, sizeof(advice)));
	row_end(&row);
	if (finding->site_count)
		text_callers(buf, style, INDENT * 2, finding->sites[0].site);
}

void text_cleared(struct buf *buf, const struct text_style *style, const struct process *process,
		  const struct verdict *verdict, uint64_t now_ns, uint64_t raised_ns)
{
	struct row row = row_begin(buf, style, INDENT);
	char text[UNITS_LEN];

	put_time(&row, now_ns);
	put_kind(&row, PAINT_GREEN, verdict->kind, verdict->severity);
	row_chunk(&row, PAINT_GREEN, "cleared");
	put_process(&row, process);
	row_chunk(&row, PAINT_PLAIN, units_plural(process->account.map_count, "map", text, sizeof(text)));
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_PLAIN, "no longer so after %s",
		   units_duration(now_ns > raised_ns ? now_ns - raised_ns : 0, text, sizeof(text)));
	row_end(&row);
}

void text_exit(struct buf *buf, const struct text_style *style, uint64_t ts_ns, const struct process *process)
{
	const struct account *account = &process->account;
	struct row row = row_begin(buf, style, INDENT);
	char text[UNITS_LEN];

	put_time(&row, ts_ns);
	row_chunk(&row, PAINT_DIM, "exit");
	put_process(&row, process);
	row_chunkf(&row, PAINT_PLAIN, "%s at the end", units_plural(account->map_count, "map", text, sizeof(text)));
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_PLAIN, "%s at most", units_count(account->high_water, text, sizeof(text)));
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_PLAIN, "%s opened", units_count(account->opened, text, sizeof(text)));
	row_mark(&row, ',');
	row_chunkf(&row, PAINT_PLAIN, "%s closed", units_count(account->closed, text, sizeof(text)));
	row_end(&row);
}
