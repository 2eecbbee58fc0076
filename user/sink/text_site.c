/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call sites and their stacks, in words. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "op.h"
#include "path.h"
#include "row.h"
#include "text_site.h"
#include "units.h"

#define INDENT	       2
#define NAME_LEN       1024 /* a function's name, escaped */
#define PATH_LEN       512
#define FRAME_TEXT_LEN 1600
#define SITE_COLUMNS   40
#define NUMBER_COLUMNS 11
#define SITES_SHOWN    5
#define LEAST_SHARE    100 /* of the first one's maps: a hundredth */
#define CALLERS_SHOWN  16

/* "load_frame (loader.cc:57)", "malloc (libc.so.6)", "0x1234 (libfoo.so)"; escaped, cut to fit. Returns out. */
static const char *frame_text(const struct frame *frame, char *out, size_t size)
{
	char name[NAME_LEN], file[PATH_LEN];

	if (frame->function)
		row_escape(frame->function, name, sizeof(name));
	else
		snprintf(name, sizeof(name), "0x%" PRIx64, frame->module ? frame->offset : frame->address);
	if (frame->file && frame->line)
		snprintf(out, size, "%s (%s:%u)", name, row_escape(path_base(frame->file), file, sizeof(file)),
			 frame->line);
	else if (frame->module)
		snprintf(out, size, "%s (%s)", name, row_escape(path_base(frame->module), file, sizeof(file)));
	else
		snprintf(out, size, "%s", name);
	return out;
}

/* "mmap at load_frame (loader.cc:57)" */
static const char *site_text(const struct site *site, char *out, size_t size)
{
	const struct frame *frame = site_culprit(site);
	char text[FRAME_TEXT_LEN];

	if (!frame && site->stack && site->stack->count)
		frame = &site->stack->frames[0];
	if (frame)
		snprintf(out, size, "%s at %s", op_name(site->op), frame_text(frame, text, sizeof(text)));
	else
		snprintf(out, size, "%s, call site not known", op_name(site->op));
	return out;
}

/* What comes after is the C library's way to get there. */
static bool is_beginning(const struct frame *frame)
{
	return frame->function && (!strcmp(frame->function, "main") || !strcmp(frame->function, "start_thread"));
}

static void put_cut(struct row *row, enum mt_stack_end end)
{
	char text[128];

	snprintf(text, sizeof(text), "(cut off: %s)", stack_end_text(end));
	row_words(row, PAINT_YELLOW, text);
}

void text_callers(struct buf *buf, const struct text_style *style, unsigned int indent, const struct site *site)
{
	const struct stack *stack = site->stack;
	const struct frame *culprit = stack_culprit(stack);
	struct row row = row_begin(buf, style, indent + 3);
	uint32_t first = stack && culprit ? (uint32_t)(culprit - stack->frames) + 1 : 1;
	char text[FRAME_TEXT_LEN];
	uint32_t i;

	if (!stack || first >= stack->count || (culprit && is_beginning(culprit)))
		return;
	row_blanks(&row, indent);
	for (i = first; i < stack->count && i < first + CALLERS_SHOWN && !(i && is_beginning(&stack->frames[i - 1]));
	     i++)
		row_chunkf(&row, PAINT_DIM, "<- %s", frame_text(&stack->frames[i], text, sizeof(text)));
	if (i == first + CALLERS_SHOWN && i < stack->count)
		row_chunk(&row, PAINT_DIM, "<- ...");
	if (stack->end != MT_STACK_COMPLETE)
		put_cut(&row, stack->end);
	if (site->stacks > 1)
		row_chunkf(&row, PAINT_DIM, "(the most; %s more lead there)",
			   units_plural(site->stacks - 1, "stack", text, sizeof(text)));
	row_end(&row);
}

void text_stack(struct buf *buf, const struct text_style *style, unsigned int indent, const struct stack *stack)
{
	char text[FRAME_TEXT_LEN];

	for (uint32_t i = 0; stack && i < stack->count; i++) {
		struct row row = row_begin(buf, style, indent + 3);

		row_blanks(&row, indent);
		row_chunkf(&row, PAINT_DIM, "%s%s", frame_text(&stack->frames[i], text, sizeof(text)),
			   stack->frames[i].inlined ? " [inlined]" : "");
		row_end(&row);
	}
	if (stack && stack->end != MT_STACK_COMPLETE) {
		struct row row = row_begin(buf, style, indent + 3);

		row_blanks(&row, indent);
		put_cut(&row, stack->end);
		row_end(&row);
	}
}

static void put_cells(struct row *row, enum paint paint, const char *const *cells)
{
	for (unsigned int i = 0; i < 4; i++)
		row_right(row, paint, cells[i], NUMBER_COLUMNS);
	row_blanks(row, 2);
}

static void put_site(struct buf *buf, const struct text_style *style, const struct site *site)
{
	char calls[UNITS_LEN], unmapped[UNITS_LEN], live[UNITS_LEN], bytes[UNITS_LEN];
	char text[FRAME_TEXT_LEN + 32];
	const char *const cells[] = {units_count(site->calls, calls, sizeof(calls)),
				     units_count(site->unmapped, unmapped, sizeof(unmapped)),
				     units_count((uint64_t)site_held(site), live, sizeof(live)),
				     units_bytes(site->bytes, bytes, sizeof(bytes))};
	unsigned int indent = INDENT + 4 * NUMBER_COLUMNS;
	struct row row = row_begin(buf, style, indent + 4);

	put_cells(&row, PAINT_PLAIN, cells);
	row_words(&row, PAINT_BOLD, site_text(site, text, sizeof(text)));
	row_end(&row);
	text_callers(buf, style, INDENT * 4, site);
}

/* A program's start leaves a few maps everywhere: beside a leak of thousands they are no part of what is asked. */
static bool is_shown(const struct site_list *list, unsigned int i)
{
	return i < list->count && i < SITES_SHOWN && site_held(&list->sites[i]) > 0 &&
	       site_held(&list->sites[i]) * LEAST_SHARE >= site_held(&list->sites[0]);
}

void text_sites(struct buf *buf, const struct text_style *style, const struct site_list *list)
{
	static const char *const titles[] = {"CALLS", "UNMAPPED", "MAPS", "BYTES"};
	unsigned int shown, rest = 0;
	struct row row;

	for (shown = 0; is_shown(list, shown); shown++) {
		if (!shown) {
			row = row_begin(buf, style, INDENT);
			put_cells(&row, PAINT_DIM, titles);
			row_put(&row, PAINT_DIM, "CALL SITE");
			row_end(&row);
		}
		put_site(buf, style, &list->sites[shown]);
	}
	for (unsigned int i = shown; i < list->count; i++)
		rest += site_held(&list->sites[i]) > 0;
	text_rest(buf, style, INDENT, PAINT_DIM, rest, "more with fewer maps");
}
