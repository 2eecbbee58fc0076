/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call sites and stacks as parts of text. For the text_*.c files alone. */
#ifndef SINK_TEXT_SITE_H
#define SINK_TEXT_SITE_H

#include "text.h"

/* A line with who has called whom, from the caller of the line to blame on, or of the first; nothing if there is
 * nobody. */
void text_callers(struct buf *buf, const struct text_style *style, unsigned int indent, const struct site *site);
/* A line for each frame. NULL is one without frames. */
void text_stack(struct buf *buf, const struct text_style *style, unsigned int indent, const struct stack *stack);
/* The sites that hold most, with their callers. */
void text_sites(struct buf *buf, const struct text_style *style, const struct site_list *list);

#endif
