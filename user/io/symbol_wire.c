/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_wire.h"

#include <errno.h>
#include <string.h>

size_t wire_request_size(const struct wire_request *request)
{
	return sizeof(*request) + request->count * sizeof(request->ips[0]);
}

bool wire_request_valid(const struct wire_request *request, size_t size)
{
	return size >= sizeof(*request) && request->count <= MT_STACK_FRAMES_MAX && size == wire_request_size(request);
}

int wire_check_rows(const void *payload, uint64_t size, uint32_t count)
{
	const struct mt_unwind_row *rows = payload;

	if (!count || count > WIRE_ROWS_MAX || size != count * sizeof(*rows))
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		if (rows[i].rule > MT_UNWIND_SIGNAL || (i && rows[i].pc <= rows[i - 1].pc))
			return -EPROTO;
	}
	return 0;
}

int wire_check_ranges(const void *payload, uint64_t size, uint32_t count, uint32_t module_max)
{
	const struct symbol_range *ranges = payload;

	if (count > WIRE_RANGES_MAX || size != count * sizeof(*ranges))
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		if (ranges[i].start >= ranges[i].end || ranges[i].module > module_max ||
		    (i && ranges[i].start < ranges[i - 1].end))
			return -EPROTO;
	}
	return 0;
}

/* 0: no text. NULL in *ret_text, or a place among the strings, the last of which is terminated. */
static int take_text(const char *strings, uint64_t len, uint32_t place, const char **ret_text)
{
	if (place > len)
		return -EPROTO;
	*ret_text = place ? strings + place - 1 : NULL;
	return 0;
}

static int take_frame(const struct wire_frame *from, const char *strings, uint64_t len, struct frame *frame)
{
	*frame = (struct frame){
		.address = from->address, .offset = from->offset, .line = from->line, .inlined = from->inlined != 0};
	if (take_text(strings, len, from->function, &frame->function) ||
	    take_text(strings, len, from->file, &frame->file) ||
	    take_text(strings, len, from->module, &frame->module) ||
	    take_text(strings, len, from->build_id, &frame->build_id))
		return -EPROTO;
	return 0;
}

int wire_take_frames(const void *payload, uint64_t size, uint32_t count, struct frame *ret_frames)
{
	const struct wire_frame *frames = payload;
	const char *strings;
	uint64_t len;

	if (count > WIRE_FRAMES_MAX || size < count * sizeof(*frames))
		return -EPROTO;
	strings = (const char *)(frames + count);
	len = size - count * sizeof(*frames);
	if (len && strings[len - 1])
		return -EPROTO;
	for (uint32_t i = 0; i < count; i++) {
		if (take_frame(&frames[i], strings, len, &ret_frames[i]))
			return -EPROTO;
	}
	return 0;
}

/* Neighbours mostly have the same module and often the same file: told once. */
static uint32_t text_place(struct wire_stack *stack, const char *text, uint32_t last)
{
	uint32_t place = (uint32_t)stack->strings.len + 1;

	if (!text)
		return 0;
	if (last && !stack->strings.failed && !strcmp(stack->strings.data + last - 1, text))
		return last;
	buf_add(&stack->strings, text, strlen(text) + 1);
	return place;
}

void wire_stack_add(struct wire_stack *stack, const struct frame *frame)
{
	struct wire_frame to = {
		.address = frame->address, .offset = frame->offset, .line = frame->line, .inlined = frame->inlined};

	to.function = text_place(stack, frame->function, stack->last.function);
	to.file = text_place(stack, frame->file, stack->last.file);
	to.module = text_place(stack, frame->module, stack->last.module);
	to.build_id = text_place(stack, frame->build_id, stack->last.build_id);
	stack->last = to;
	stack->count++;
	buf_add(&stack->frames, &to, sizeof(to));
}

int wire_stack_end(struct wire_stack *stack)
{
	buf_add(&stack->frames, stack->strings.data, stack->strings.len);
	return stack->frames.failed || stack->strings.failed ? -ENOMEM : 0;
}

void wire_stack_free(struct wire_stack *stack)
{
	buf_free(&stack->frames);
	buf_free(&stack->strings);
}
