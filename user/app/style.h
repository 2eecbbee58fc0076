/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How text is written to where it goes. */
#ifndef APP_STYLE_H
#define APP_STYLE_H

#include "output.h"
#include "text.h"

/* Sets colour and width: those of a terminal that can show them, unless NO_COLOR forbids. True if it is such a
 * terminal. */
bool style_of_output(const struct output *output, struct text_style *style);

#endif
