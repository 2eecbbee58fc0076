/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call stacks and call sites as parts of lines. */
#include "json_line.h"
#include "op.h"

static void put_frame(struct json_writer *json, const struct frame *frame)
{
	json_open_object(json);
	json_add_known_text(json, "function", frame->function != NULL, frame->function);
	json_add_known_text(json, "file", frame->file != NULL, frame->file);
	json_add_known_u64(json, "line", frame->line, frame->line);
	json_add_known_text(json, "module", frame->module != NULL, frame->module);
	json_put_key(json, "offset");
	json_put_hex(json, frame->module ? frame->offset : frame->address);
	json_add_known_text(json, "build_id", frame->build_id != NULL, frame->build_id);
	json_add_bool(json, "inlined", frame->inlined);
	json_close_object(json);
}

void line_add_stack(struct json_writer *json, const struct stack *stack)
{
	const char *cut = stack ? stack_end_text(stack->end) : NULL;

	json_put_key(json, "stack");
	if (!stack) {
		json_put_null(json);
		return;
	}
	json_open_array(json);
	for (uint32_t i = 0; i < stack->count; i++)
		put_frame(json, &stack->frames[i]);
	json_close_array(json);
	json_add_text(json, "stack_end", cut ? cut : "complete");
}

static void put_site(struct json_writer *json, const struct evidence_site *evidence)
{
	const struct site *site = evidence->site;

	json_open_object(json);
	json_add_word(json, "op", op_name(site->op));
	json_add_i64(json, "live", site->live);
	json_add_i64(json, "delta", site->delta);
	json_add_double(json, "share", evidence->share);
	json_add_u64(json, "calls", site->calls);
	json_add_u64(json, "unmapped", site->unmapped);
	json_add_u64(json, "cut", site_cut(site));
	json_add_u64(json, "bytes", site->bytes);
	json_add_u64(json, "deleted", site->deleted);
	json_add_u64(json, "stacks", site->stacks);
	json_add_known_text(json, "file", site->has_file, site->file.path);
	json_add_bool(json, "many_files", site->many_files);
	line_add_stack(json, site->stack);
	json_close_object(json);
}

void line_add_sites(struct json_writer *json, const struct evidence_site *sites, unsigned int count)
{
	json_add_array(json, "sites");
	for (unsigned int i = 0; i < count; i++)
		put_site(json, &sites[i]);
	json_close_array(json);
}
