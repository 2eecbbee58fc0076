/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "style.h"

#include <stdlib.h>
#include <string.h>

/* True if an environment variable has this value, or any but the empty one (NULL). */
static bool is_set(const char *name, const char *value)
{
	const char *set = getenv(name);

	return set && (value ? !strcmp(set, value) : *set != '\0');
}

bool style_of_output(const struct output *output, struct text_style *style)
{
	unsigned int columns = 0, rows;
	bool terminal = output_terminal_size(output, &columns, &rows) && !is_set("TERM", "dumb");

	style->colour = terminal && !is_set("NO_COLOR", NULL);
	style->width = columns;
	return terminal;
}
