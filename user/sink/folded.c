/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "folded.h"

#include <errno.h>
#include <string.h>

#include "op.h"
#include "path.h"
#include "utf8.h"

/* A semicolon ends a frame and cannot be quoted: perf's collapser puts a colon in its place, and so is it looked for.
 */
static void put_name(struct buf *buf, const char *name)
{
	size_t start = buf->len;

	utf8_escape_terminal(buf, name, strlen(name));
	for (size_t i = start; i < buf->len; i++) {
		if (buf->data[i] == ';')
			buf->data[i] = ':';
	}
}

static void put_frame(struct buf *buf, const struct frame *frame)
{
	if (frame->function && *frame->function) {
		put_name(buf, frame->function);
	} else if (frame->module && *frame->module) {
		put_name(buf, path_base(frame->module));
		buf_add_str(buf, "+0x");
		buf_add_hex(buf, frame->offset);
	} else {
		buf_add_str(buf, "[unknown]");
	}
	if (frame->inlined)
		buf_add_str(buf, "_[i]");
	buf_add_char(buf, ';');
}

static void put_stack(struct buf *buf, const struct stack *stack)
{
	if (!stack || !stack->count)
		buf_add_str(buf, "[unknown];");
	if (!stack)
		return;
	if (stack->count && stack->end != MT_STACK_COMPLETE)
		buf_add_str(buf, "[cut off];");
	for (uint32_t i = stack->count; i--;)
		put_frame(buf, &stack->frames[i]);
}

/* The operation is innermost, where it is called. Ours, it also keeps a name that ends in a number apart from the
 * value: two numbers at the end of a line are the two of a comparison. */
static void put_site(struct buf *buf, const struct profile_process *process, const struct site *site, int64_t value)
{
	put_name(buf, process->comm ? process->comm : "");
	buf_add_char(buf, '-');
	buf_add_u64(buf, process->pid);
	buf_add_char(buf, ';');
	put_stack(buf, site->stack);
	buf_add_char(buf, '[');
	buf_add_str(buf, op_name(site->op));
	buf_add_str(buf, "] ");
	buf_add_i64(buf, value);
	buf_add_char(buf, '\n');
}

int folded_sites(struct buf *buf, const struct profile_process *process, const struct site *sites, size_t count,
		 enum profile_value value)
{
	size_t start = buf->len;

	for (size_t i = 0; i < count; i++) {
		int64_t of_site = profile_value_of(&sites[i], value);

		if (of_site > 0)
			put_site(buf, process, &sites[i], of_site);
	}
	if (!buf->failed)
		return 0;
	buf->len = start;
	return -ENOMEM;
}
