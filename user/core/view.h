/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which processes are shown, and in which order. Pure. */
#ifndef CORE_VIEW_H
#define CORE_VIEW_H

#include "model.h"

enum sort_key {
	SORT_RATIO,
	SORT_MAPS,
	SORT_RATE,
	SORT_ETA,
	SORT_OPENED,
	SORT_CLOSED,
	SORT_MMAPS,
	SORT_FAILED,
	SORT_PID,
	SORT_COMM,
};

struct view_filter {
	const char *comm; /* part of the name; NULL: any */
	bool in_cgroup;	  /* only those marked so */
	bool failed_only;
};

/* 0, or -EINVAL. */
int sort_key_parse(const char *text, enum sort_key *ret_key);
/* "ratio, maps, ..." for messages. */
const char *sort_key_names(void);
/* True if path is prefix or lies below it. */
bool cgroup_is_within(const char *path, const char *prefix);
bool view_wants(const struct view_filter *filter, const struct process *process);
/*
 * The first so many of any number of rows: greatest first, but nearest first by
 * ETA, ascending by pid and name. Ties by pid.
 */
struct view_top {
	const struct process **rows; /* borrowed: room for this many */
	unsigned int room, count;
	enum sort_key key;
};

/* O(log room), and O(1) for most that stay out. */
void view_offer(struct view_top *top, const struct process *process);
/* Puts the rows in order, once all have been offered. */
void view_finish(struct view_top *top);

#endif
