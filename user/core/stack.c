/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "stack.h"

#include <stdlib.h>

/* Has the text kept. False: out of memory. */
static bool text_keep(struct intern *texts, const char **at)
{
	const char *text = *at;

	*at = intern_text(texts, text);
	return *at || !text;
}

struct stack *stack_copy(const struct stack *stack, struct intern *texts)
{
	struct stack *copy = malloc(sizeof(*copy) + stack->count * sizeof(struct frame));

	if (!copy)
		return NULL;
	*copy = *stack;
	copy->frames = (struct frame *)(copy + 1);
	for (uint32_t i = 0; i < stack->count; i++) {
		struct frame *frame = &copy->frames[i];

		*frame = stack->frames[i];
		if (!text_keep(texts, &frame->function) || !text_keep(texts, &frame->file) ||
		    !text_keep(texts, &frame->module) || !text_keep(texts, &frame->build_id)) {
			free(copy);
			return NULL;
		}
	}
	return copy;
}

const char *stack_end_name(enum mt_stack_end end)
{
	static const char *const names[MT_STACK_ENDS] = {"complete", "no_rule", "unread", "depth", "early"};

	return (unsigned int)end < MT_STACK_ENDS ? names[end] : "unknown";
}

const char *stack_end_text(enum mt_stack_end end)
{
	switch (end) {
	case MT_STACK_COMPLETE:
		return NULL;
	case MT_STACK_CUT_NO_RULE:
		return "no frame pointer and no unwind information from here on";
	case MT_STACK_CUT_UNREAD:
		return "the stack cannot be read from here on";
	case MT_STACK_CUT_DEPTH:
		return "deeper than is recorded";
	case MT_STACK_CUT_EARLY:
		return "its unwind information was not read yet";
	case MT_STACK_ENDS:
		break;
	}
	return NULL;
}
