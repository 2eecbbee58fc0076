/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The columns of the system-wide table and what stands in them. For text_table.c alone. */
#ifndef SINK_COLUMNS_H
#define SINK_COLUMNS_H

#include "row.h"

#define CELL_LEN 80

/* In the order shown. */
enum {
	COLUMN_PID,
	COLUMN_COMM,
	COLUMN_MAPS,
	COLUMN_RATIO,
	COLUMN_HIGH,
	COLUMN_RATE,
	COLUMN_OPENED,
	COLUMN_CLOSED,
	COLUMN_MMAPS,
	COLUMN_MUNMAPS,
	COLUMN_FAILED,
	COLUMN_ETA,
	COLUMN_STATE,
	COLUMN_TOP,
	COLUMN_CONTAINER,
	COLUMNS,
};

/* Whom a cell is about. */
struct subject {
	const struct process *process;
	uint32_t limit;
};

struct column {
	const char *title;
	unsigned int min; /* columns, so that the table does not jump about between refreshes */
	unsigned int max; /* 0: as wide as its widest cell */
	bool left;
	void (*cell)(const struct subject *subject, char *out, size_t size);
	enum paint (*paint)(const struct subject *subject); /* NULL: plain */
};

extern const struct column columns[COLUMNS];
/* Their numbers; what a narrow terminal still shows comes first. */
extern const uint8_t columns_by_importance[COLUMNS];

#endif
