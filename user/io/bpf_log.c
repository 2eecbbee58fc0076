/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bpf_log.h"

#include <bpf/libbpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"

/* Why a program was refused stands at the end of the verifier's log. */
#define LINES_SHOWN 40

/* The start of the last lines of text. */
static char *last_lines(char *text)
{
	unsigned int lines = 0;

	for (char *at = text + strlen(text); at > text; at--) {
		if (at[-1] == '\n' && lines++ == LINES_SHOWN)
			return at;
	}
	return text;
}

void bpf_log_text(char *text)
{
	char *at = last_lines(text), *line;

	while ((line = strsep(&at, "\n"))) {
		if (*line)
			log_debug("%s", line);
	}
}

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text _cleanup_free_ = NULL;

	if (level == LIBBPF_DEBUG)
		return 0; /* hundreds of lines on each object; what the verifier says is a warning */
	if (vasprintf(&text, format, args) < 0) {
		text = NULL;
		return 0;
	}
	bpf_log_text(text);
	return 0;
}

void bpf_log_install(void)
{
	libbpf_set_print(print);
}
