/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "columns.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#include "figures.h"
#include "units.h"

#define SOON_S 3600.0

static void cell_pid(const struct subject *subject, char *out, size_t size)
{
	snprintf(out, size, "%u", subject->process->key.pid);
}

static void cell_comm(const struct subject *subject, char *out, size_t size)
{
	row_escape(subject->process->comm, out, size);
}

static void cell_maps(const struct subject *subject, char *out, size_t size)
{
	units_count(subject->process->account.map_count, out, size);
}

static enum paint paint_maps(const struct subject *subject)
{
	return paint_of_ratio(process_ratio(subject->process, subject->limit));
}

/* Always one decimal: the points stand under each other. */
static void cell_ratio(const struct subject *subject, char *out, size_t size)
{
	uint64_t tenths = (uint64_t)(process_ratio(subject->process, subject->limit) * 1000 + 0.5);

	snprintf(out, size, "%" PRIu64 ".%" PRIu64, tenths / 10, tenths % 10);
}

static void cell_high(const struct subject *subject, char *out, size_t size)
{
	units_count(subject->process->account.high_water, out, size);
}

static enum paint paint_high(const struct subject *subject)
{
	return paint_of_ratio(subject->limit ? (double)subject->process->account.high_water / subject->limit : 0);
}

static void cell_rate(const struct subject *subject, char *out, size_t size)
{
	units_rate(figures_rate_per_s(subject->process), out, size);
}

static void cell_opened(const struct subject *subject, char *out, size_t size)
{
	units_count(subject->process->account.opened, out, size);
}

static void cell_closed(const struct subject *subject, char *out, size_t size)
{
	units_count(subject->process->account.closed, out, size);
}

static void cell_mmaps(const struct subject *subject, char *out, size_t size)
{
	units_count(account_tally(&subject->process->account, MT_OP_MMAP).calls, out, size);
}

static void cell_munmaps(const struct subject *subject, char *out, size_t size)
{
	units_count(account_tally(&subject->process->account, MT_OP_MUNMAP).calls, out, size);
}

static void cell_failed(const struct subject *subject, char *out, size_t size)
{
	units_count(process_failed_calls(subject->process), out, size);
}

static enum paint paint_failed(const struct subject *subject)
{
	return process_failed_calls(subject->process) ? PAINT_RED : PAINT_PLAIN;
}

/* Without the blanks: "3m20s". */
static void cell_eta(const struct subject *subject, char *out, size_t size)
{
	double eta_s = figures_eta_s(subject->process);
	char *to = out;

	if (!isfinite(eta_s)) {
		snprintf(out, size, "-");
		return;
	}
	units_seconds(eta_s, out, size);
	for (const char *from = out; *from; from++)
		if (*from != ' ')
			*to++ = *from;
	*to = '\0';
}

static enum paint paint_eta(const struct subject *subject)
{
	double eta_s = figures_eta_s(subject->process);

	if (eta_s <= 60)
		return PAINT_RED;
	return eta_s <= SOON_S ? PAINT_YELLOW : PAINT_PLAIN;
}

static bool is_stopped(const struct process *process)
{
	return process->account.flags & MT_PROCESS_STOPPED;
}

static void cell_state(const struct subject *subject, char *out, size_t size)
{
	snprintf(out, size, "%s",
		 is_stopped(subject->process) ? "stopped" : process_state_name(subject->process->state));
}

static enum paint paint_state(const struct subject *subject)
{
	if (is_stopped(subject->process) || subject->process->state == PROCESS_FAILING ||
	    subject->process->state == PROCESS_EXHAUSTING)
		return PAINT_RED;
	if (subject->process->state == PROCESS_LEAKING)
		return PAINT_YELLOW;
	return subject->process->state == PROCESS_STEADY ? PAINT_DIM : PAINT_PLAIN;
}

static void cell_top(const struct subject *subject, char *out, size_t size)
{
	double share;
	uint32_t op;

	if (figures_top_op(subject->process, &op, &share))
		snprintf(out, size, "%s %u %%", op_name(op), (unsigned int)(share * 100 + 0.5));
	else
		snprintf(out, size, "-");
}

/* Twelve digits, as container engines show them. */
static void cell_container(const struct subject *subject, char *out, size_t size)
{
	char id[16] = "";

	if (subject->process->container_id)
		snprintf(id, sizeof(id), "%.12s", subject->process->container_id);
	row_escape(id, out, size);
}

/* The minimum widths of the first nine by importance sum up to 80 columns. */
const struct column columns[COLUMNS] = {
	[COLUMN_PID] = {"PID", 6, 0, false, cell_pid, NULL},
	[COLUMN_COMM] = {"COMM", 15, 15, true, cell_comm, NULL},
	[COLUMN_MAPS] = {"MAPS", 7, 0, false, cell_maps, paint_maps},
	[COLUMN_RATIO] = {"LIMIT%", 6, 0, false, cell_ratio, paint_maps},
	[COLUMN_HIGH] = {"HIGH", 7, 0, false, cell_high, paint_high},
	[COLUMN_RATE] = {"RATE/s", 7, 0, false, cell_rate, NULL},
	[COLUMN_OPENED] = {"OPENED", 9, 0, false, cell_opened, NULL},
	[COLUMN_CLOSED] = {"CLOSED", 9, 0, false, cell_closed, NULL},
	[COLUMN_MMAPS] = {"MMAP", 9, 0, false, cell_mmaps, NULL},
	[COLUMN_MUNMAPS] = {"MUNMAP", 9, 0, false, cell_munmaps, NULL},
	[COLUMN_FAILED] = {"FAILED", 6, 0, false, cell_failed, paint_failed},
	[COLUMN_ETA] = {"ETA", 6, 0, false, cell_eta, paint_eta},
	[COLUMN_STATE] = {"STATE", 10, 0, true, cell_state, paint_state},
	[COLUMN_TOP] = {"TOP", 12, 24, true, cell_top, NULL},
	[COLUMN_CONTAINER] = {"CONTAINER", 12, 12, true, cell_container, NULL},
};

const uint8_t columns_by_importance[COLUMNS] = {
	COLUMN_PID,   COLUMN_COMM,    COLUMN_MAPS,   COLUMN_RATIO,  COLUMN_STATE,
	COLUMN_ETA,   COLUMN_RATE,    COLUMN_HIGH,   COLUMN_FAILED, COLUMN_TOP,
	COLUMN_MMAPS, COLUMN_MUNMAPS, COLUMN_OPENED, COLUMN_CLOSED, COLUMN_CONTAINER,
};
