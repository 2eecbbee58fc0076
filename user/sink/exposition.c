/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "exposition.h"

#include <math.h>

#include "utf8.h"

static void family(struct exposition_writer *writer, const char *name, const char *help, bool is_counter)
{
	/* OpenMetrics names a counter's family without its suffix, the older format with it. */
	const char *suffix = is_counter && writer->exposition == EXPOSITION_PROMETHEUS ? "_total" : "";

	writer->name = name;
	writer->is_counter = is_counter;
	buf_printf(writer->buf, "# HELP mmaptrace_%s%s %s\n# TYPE mmaptrace_%s%s %s\n", name, suffix, help, name,
		   suffix, is_counter ? "counter" : "gauge");
}

void exposition_gauge(struct exposition_writer *writer, const char *name, const char *help)
{
	family(writer, name, help, false);
}

void exposition_counter(struct exposition_writer *writer, const char *name, const char *help)
{
	family(writer, name, help, true);
}

void exposition_begin(struct exposition_writer *writer)
{
	buf_printf(writer->buf, "mmaptrace_%s%s", writer->name, writer->is_counter ? "_total" : "");
	writer->has_labels = false;
}

/* Escaped for terminals first, so that names cannot do harm on one; of that a backslash and a quote are left. */
static void add_value(struct buf *buf, const char *value)
{
	struct buf shown = {0};

	utf8_escape_terminal(&shown, value, strlen(value));
	for (size_t i = 0; i < shown.len; i++) {
		if (shown.data[i] == '\\' || shown.data[i] == '"')
			buf_add_char(buf, '\\');
		buf_add_char(buf, shown.data[i]);
	}
	buf->failed |= shown.failed;
	buf_free(&shown);
}

void exposition_label(struct exposition_writer *writer, const char *label, const char *value)
{
	if (!value)
		return;
	buf_printf(writer->buf, "%c%s=\"", writer->has_labels ? ',' : '{', label);
	add_value(writer->buf, value);
	buf_add_char(writer->buf, '"');
	writer->has_labels = true;
}

static void begin_value(struct exposition_writer *writer)
{
	if (writer->has_labels)
		buf_add_char(writer->buf, '}');
	buf_add_char(writer->buf, ' ');
}

void exposition_u64(struct exposition_writer *writer, uint64_t value)
{
	begin_value(writer);
	buf_add_u64(writer->buf, value);
	buf_add_char(writer->buf, '\n');
}

void exposition_double(struct exposition_writer *writer, double value)
{
	begin_value(writer);
	if (isnan(value))
		buf_add_str(writer->buf, "NaN\n");
	else if (isinf(value))
		buf_add_str(writer->buf, value > 0 ? "+Inf\n" : "-Inf\n");
	else
		buf_printf(writer->buf, "%.9g\n", value);
}

void exposition_one(struct exposition_writer *writer, uint64_t value)
{
	exposition_begin(writer);
	exposition_u64(writer, value);
}
