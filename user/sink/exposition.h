/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The syntax of metrics: families, samples, labels. Inside of user/sink. */
#ifndef SINK_EXPOSITION_H
#define SINK_EXPOSITION_H

#include "metrics.h"

struct exposition_writer {
	struct buf *buf;
	enum exposition exposition;
	const char *name;
	bool is_counter, has_labels;
};

/* Begins a family: its name without "mmaptrace_" and, of a counter, without "_total". */
void exposition_gauge(struct exposition_writer *writer, const char *name, const char *help);
void exposition_counter(struct exposition_writer *writer, const char *name, const char *help);
/* One sample: begun, its labels, its value. */
void exposition_begin(struct exposition_writer *writer);
/* Any bytes: what is no UTF-8, or is a control character, is shown as such. NULL: the label is left out. */
void exposition_label(struct exposition_writer *writer, const char *label, const char *value);
void exposition_u64(struct exposition_writer *writer, uint64_t value);
void exposition_double(struct exposition_writer *writer, double value);
/* A family of one sample without labels. */
void exposition_one(struct exposition_writer *writer, uint64_t value);

#endif
