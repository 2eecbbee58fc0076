/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The lines about a finding: finding, cleared. */
#include "json_line.h"

static void put_evidence_op(struct json_writer *json, const struct evidence_op *evidence)
{
	json_open_object(json);
	json_add_text(json, "op", op_name(evidence->op));
	line_add_tally(json, evidence->calls, evidence->failed, evidence->delta);
	json_close_object(json);
}

static void put_evidence_file(struct json_writer *json, const struct file_use *use)
{
	json_open_object(json);
	json_add_text(json, "file", use->id.path);
	json_add_i64(json, "maps", use->maps);
	json_add_u64(json, "calls", use->calls);
	json_add_u64(json, "unmapped", use->unmapped);
	json_add_u64(json, "bytes", use->bytes);
	json_add_bool(json, "deleted", use->id.deleted);
	line_add_file_identity(json, &use->id);
	json_close_object(json);
}

static void add_evidence(struct json_writer *json, const struct finding *finding)
{
	json_add_object(json, "evidence");
	json_add_array(json, "ops");
	for (unsigned int i = 0; i < finding->op_count; i++)
		put_evidence_op(json, &finding->ops[i]);
	json_close_array(json);
	json_add_array(json, "files");
	for (unsigned int i = 0; i < finding->file_count; i++)
		put_evidence_file(json, &finding->files[i]);
	json_close_array(json);
	json_add_bool(json, "live_is_exact", finding->live_is_exact);
	line_add_sites(json, finding->sites, finding->site_count);
	json_close_object(json);
}

/* How the verdict was come by: the view of the past that it rests on. */
static void add_basis(struct json_writer *json, const struct basis *basis)
{
	const struct view *view = &basis->view;

	if (view->span_s <= 0)
		return;
	json_add_object(json, "basis");
	json_add_double(json, "span_s", view->span_s);
	json_add_u64(json, "steps", view->steps);
	json_add_double(json, "growth", view->growth);
	json_add_double(json, "first_half", view->first_half);
	json_add_double(json, "second_half", view->second_half);
	json_add_double(json, "jump", view->jump);
	json_add_double(json, "swing", view->swing);
	json_add_double(json, "tau", view->tau);
	json_add_double(json, "credit", view_credit(view));
	json_add_double(json, "opened", view->opened);
	json_add_double(json, "closed", view->closed);
	json_add_double(json, "mapped", view->mapped);
	json_add_double(json, "share", basis->share);
	json_add_double(json, "need", basis->need);
	json_add_bool(json, "one_file", basis->one_file);
	json_close_object(json);
}

void json_finding(struct buf *buf, const struct line_context *context, const struct process *process,
		  const struct finding *finding)
{
	struct line line = line_begin_process(buf, context, "finding", finding->ts_ns, process);
	const struct forecast *forecast = &finding->verdict.forecast;
	struct json_writer *json = &line.json;

	json_add_text(json, "kind", finding_kind_name(finding->verdict.kind));
	json_add_text(json, "severity", severity_name(finding->verdict.severity));
	json_add_u64(json, "map_count", finding->map_count);
	json_add_u64(json, "limit", finding->limit);
	json_add_double(json, "rate_per_s", forecast->rate_per_s);
	json_add_double(json, "eta_s", forecast->eta_s);
	json_add_double(json, "eta_low_s", forecast->eta_low_s);
	json_add_double(json, "eta_high_s", forecast->eta_high_s);
	add_basis(json, &finding->verdict.basis);
	add_evidence(json, finding);
	json_add_text(json, "advice", finding->advice);
	line_add_time(&line, "raised_ts", finding->raised_ns);
	json_add_bool(json, "update", finding->update);
	line_end(&line);
}

void json_cleared(struct buf *buf, const struct line_context *context, uint64_t ts_ns, const struct process *process,
		  const struct verdict *verdict, uint64_t raised_ns)
{
	struct line line = line_begin_process(buf, context, "cleared", ts_ns, process);

	json_add_text(&line.json, "kind", finding_kind_name(verdict->kind));
	json_add_text(&line.json, "severity", severity_name(verdict->severity));
	line_add_time(&line, "raised_ts", raised_ns);
	line_end(&line);
}
