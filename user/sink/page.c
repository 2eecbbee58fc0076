/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "page.h"

#include <math.h>
#include <stdlib.h>

#include "cleanup.h"
#include "curve.h"
#include "figures.h"
#include "units.h"
#include "utf8.h"
#include "view.h"

#define ROWS 25

static const char head[] =
	"<!doctype html>\n<html lang=en><head><meta charset=utf-8><meta http-equiv=refresh content=5>\n"
	"<meta name=viewport content=\"width=device-width,initial-scale=1\"><title>mmaptrace</title>\n<style>\n"
	":root{color-scheme:light dark;--ink:#1c2430;--dim:#687385;--line:#dfe4ea;--card:#fff;--back:#f4f6f8;"
	"--good:#2f7d4f;--warn:#b26a00;--bad:#c0262d;--curve:#2563eb;--area:#2563eb22}\n"
	"@media(prefers-color-scheme:dark){:root{--ink:#e6e9ee;--dim:#93a0b4;--line:#2b3442;--card:#161c26;"
	"--back:#0d1117;--good:#58b77f;--warn:#e0a33e;--bad:#f0696f;--curve:#6ea0ff;--area:#6ea0ff22}}\n"
	"body{font:15px/1.45 system-ui,sans-serif;margin:0;padding:24px;background:var(--back);color:var(--ink)}\n"
	"main{max-width:1100px;margin:auto}h1{font-size:20px;margin:0}p{margin:4px 0;color:var(--dim)}\n"
	".row{display:grid;grid-template-columns:minmax(190px,1.2fr) 300px minmax(230px,1.4fr);gap:18px;"
	"background:var(--card);border:1px solid var(--line);border-left:4px solid var(--line);border-radius:6px;"
	"padding:12px 16px;margin:10px 0;align-items:center}\n"
	".warning{border-left-color:var(--warn)}.critical{border-left-color:var(--bad)}\n"
	".name{font-weight:600;overflow-wrap:anywhere}.dim{color:var(--dim);font-size:13px;overflow-wrap:anywhere}\n"
	".big{font-size:18px;font-variant-numeric:tabular-nums}.bar{height:6px;border-radius:3px;"
	"background:var(--line);margin:5px 0}.bar "
	"i{display:block;height:6px;border-radius:3px;background:var(--good)}\n"
	".warning .bar i{background:var(--warn)}.critical .bar i{background:var(--bad)}\n"
	".warning b{color:var(--warn)}.critical b{color:var(--bad)}\n"
	"svg{display:block}.curve{fill:none;stroke:var(--curve);stroke-width:2}.area{fill:var(--area)}"
	".limit{stroke:var(--bad);stroke-dasharray:5 4}.axis{stroke:var(--line)}"
	"text{fill:var(--dim);font-size:11px}\n"
	"@media(max-width:900px){.row{grid-template-columns:1fr}}\n</style></head><body><main>\n";

/* Escaped for terminals, which makes what is invisible visible, then for HTML. */
static void add_text(struct buf *buf, const char *text)
{
	struct buf shown = {0};

	utf8_escape_terminal(&shown, text, strlen(text));
	for (size_t i = 0; i < shown.len; i++) {
		switch (shown.data[i]) {
		case '&':
			buf_add_str(buf, "&amp;");
			break;
		case '<':
			buf_add_str(buf, "&lt;");
			break;
		case '>':
			buf_add_str(buf, "&gt;");
			break;
		case '"':
			buf_add_str(buf, "&quot;");
			break;
		case '\'':
			buf_add_str(buf, "&#39;");
			break;
		default:
			buf_add_char(buf, shown.data[i]);
		}
	}
	buf->failed |= shown.failed;
	buf_free(&shown);
}

static enum severity worst_of(const struct process *process)
{
	enum severity worst = SEVERITY_NONE;

	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		enum severity severity = process_open_finding(process, kind).severity;

		worst = severity > worst ? severity : worst;
	}
	return worst;
}

static void add_who(struct buf *buf, const struct process *process)
{
	buf_add_str(buf, "<div><div class=name>");
	add_text(buf, process->comm);
	buf_printf(buf, "</div><div class=dim>pid %u", process->key.pid);
	if (process->container_id) {
		buf_add_str(buf, " · container ");
		add_text(buf, process->container_id);
	}
	buf_add_str(buf, "</div>");
	if (process->cgroup) {
		buf_add_str(buf, "<div class=dim>");
		add_text(buf, process->cgroup);
		buf_add_str(buf, "</div>");
	}
	buf_add_str(buf, "</div>");
}

static void add_advice(struct buf *buf, const struct page_facts *facts, const struct process *process)
{
	for (unsigned int i = 0; i < facts->advice_count; i++) {
		const struct page_advice *advice = &facts->advice[i];

		if (advice->key.pid != process->key.pid || advice->key.start_ns != process->key.start_ns ||
		    !advice->text)
			continue;
		buf_add_str(buf, "<div>");
		add_text(buf, advice->text);
		buf_add_str(buf, "</div>");
		if (advice->site) {
			buf_add_str(buf, "<div class=dim>");
			add_text(buf, advice->site);
			buf_add_str(buf, "</div>");
		}
		return;
	}
}

static void add_figures(struct buf *buf, const struct page_facts *facts, const struct process *process)
{
	uint32_t limit = facts->metrics->limit;
	double ratio = process_ratio(process, limit), eta_s = figures_eta_s(process),
	       rate = figures_rate_per_s(process);
	char count[UNITS_LEN], of[UNITS_LEN], text[UNITS_LEN];

	buf_printf(buf, "<div><div class=big>%s <span class=dim>of %s</span></div>",
		   units_count(process->account.map_count, count, sizeof(count)), units_count(limit, of, sizeof(of)));
	buf_printf(buf, "<div class=bar><i style=\"width:%.1f%%\"></i></div>", fmin(ratio, 1) * 100);
	buf_printf(buf, "<div class=dim>%s · most %s", units_percent(ratio, text, sizeof(text)),
		   units_count(process->account.high_water, count, sizeof(count)));
	if (isfinite(rate) && rate > 0)
		buf_printf(buf, " · %s maps/s", units_rate(rate, text, sizeof(text)));
	buf_add_str(buf, "</div>");
	if (worst_of(process) >= SEVERITY_WARNING) {
		buf_printf(buf, "<div><b>%s</b>", process_state_name(process->state));
		if (isfinite(eta_s))
			buf_printf(buf, ", the limit in %s", units_seconds(eta_s, text, sizeof(text)));
		buf_add_str(buf, "</div>");
	}
	add_advice(buf, facts, process);
	buf_add_str(buf, "</div>");
}

static void add_row(struct buf *buf, const struct page_facts *facts, const struct process *process)
{
	enum severity worst = worst_of(process);

	buf_printf(buf, "<div class=\"row %s\">", worst >= SEVERITY_WARNING ? severity_name(worst) : "");
	add_who(buf, process);
	curve_add(buf, process, facts->metrics->limit, facts->now_ns);
	add_figures(buf, facts, process);
	buf_add_str(buf, "</div>\n");
}

static void add_headline(struct buf *buf, const struct page_facts *facts)
{
	const struct metrics_facts *metrics = facts->metrics;
	char count[UNITS_LEN], limit[UNITS_LEN], time[UNITS_LEN];
	uint64_t lost = 0;

	for (unsigned int i = 0; i < metrics->loss_count; i++)
		lost += metrics->losses[i].count;
	buf_add_str(buf, "<h1>Memory maps on ");
	add_text(buf, facts->host);
	buf_printf(buf, "</h1><p>%s, each may have %s maps · findings open: %u · followed in detail: %llu",
		   units_plural(HASH_COUNT(metrics->model->processes), "process", count, sizeof(count)),
		   units_count(metrics->limit, limit, sizeof(limit)), metrics->model->open_findings,
		   (unsigned long long)metrics->suspects);
	buf_printf(buf, " · lost: %llu</p><p>%.19s UTC · mmaptrace ", (unsigned long long)lost,
		   units_time(facts->now_unix_ns, time, sizeof(time)));
	add_text(buf, metrics->version);
	buf_add_str(buf, " on ");
	add_text(buf, metrics->kernel);
	buf_add_str(buf, "</p>\n");
}

void page_add(struct buf *buf, const struct page_facts *facts)
{
	const struct process *rows[ROWS + 1];
	struct view_top top = {.rows = rows, .room = ROWS, .key = SORT_RATIO};
	const struct process *process;

	buf_add_str(buf, head);
	add_headline(buf, facts);
	for (process = facts->metrics->model->processes; process; process = process->hh.next)
		view_offer(&top, process);
	view_finish(&top);
	for (unsigned int i = 0; i < top.count; i++)
		add_row(buf, facts, rows[i]);
	if (!top.count)
		buf_add_str(buf, "<p>No process has been seen yet.</p>\n");
	buf_add_str(buf,
		    "<p>The processes nearest to the limit. The same as numbers: /metrics.</p></main></body></html>\n");
}
