/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char *const key_names[] = {
	[SORT_RATIO] = "ratio",	  [SORT_MAPS] = "maps",	    [SORT_RATE] = "rate",   [SORT_ETA] = "eta",
	[SORT_OPENED] = "opened", [SORT_CLOSED] = "closed", [SORT_MMAPS] = "mmaps", [SORT_FAILED] = "failed",
	[SORT_PID] = "pid",	  [SORT_COMM] = "comm",
};

int sort_key_parse(const char *text, enum sort_key *ret_key)
{
	for (unsigned int i = 0; i < sizeof(key_names) / sizeof(key_names[0]); i++) {
		if (!strcmp(text, key_names[i])) {
			*ret_key = i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *sort_key_names(void)
{
	return "ratio, maps, rate, eta, opened, closed, mmaps, failed, pid, comm";
}

bool cgroup_is_within(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	while (len && prefix[len - 1] == '/')
		len--;
	return !strncmp(path, prefix, len) && (path[len] == '/' || path[len] == '\0');
}

bool view_wants(const struct view_filter *filter, const struct process *process)
{
	if (filter->comm && !strstr(process->comm, filter->comm))
		return false;
	if (filter->in_cgroup && !process->in_cgroup)
		return false;
	return !filter->failed_only || process_failed_calls(process) > 0;
}

/* Greater comes first, whatever the key. */
static double rank_of(const struct process *process, enum sort_key key)
{
	switch (key) {
	case SORT_RATIO: /* one limit for all: the order of ratios is that of counts */
	case SORT_MAPS:
		return process->account.map_count;
	case SORT_RATE:
		return process->forecast.rate_per_s;
	case SORT_ETA:
		return -process->forecast.eta_s;
	case SORT_OPENED:
		return process->account.opened;
	case SORT_CLOSED:
		return process->account.closed;
	case SORT_MMAPS:
		return account_tally(&process->account, MT_OP_MMAP).calls;
	case SORT_FAILED:
		return process_failed_calls(process);
	case SORT_PID:
	case SORT_COMM:
		break;
	}
	return 0;
}

static int row_compare(const void *a, const void *b, void *arg)
{
	const struct process *x = *(const struct process *const *)a, *y = *(const struct process *const *)b;
	enum sort_key key = *(const enum sort_key *)arg;
	double rank_x = rank_of(x, key), rank_y = rank_of(y, key);

	if (rank_x != rank_y)
		return rank_x < rank_y ? 1 : -1;
	if (key == SORT_COMM && strcmp(x->comm, y->comm))
		return strcmp(x->comm, y->comm);
	return (x->key.pid > y->key.pid) - (x->key.pid < y->key.pid);
}

static bool comes_after(const struct view_top *top, unsigned int x, unsigned int y)
{
	return row_compare(&top->rows[x], &top->rows[y], (void *)&top->key) > 0;
}

/* Once there is no more room the rows are a heap: each comes after its two children, the last is on top. */
static void heap_sink(const struct view_top *top, unsigned int at)
{
	for (;;) {
		unsigned int last = at, child = 2 * at + 1;
		const struct process *row = top->rows[at];

		if (child < top->count && comes_after(top, child, last))
			last = child;
		if (child + 1 < top->count && comes_after(top, child + 1, last))
			last = child + 1;
		if (last == at)
			return;
		top->rows[at] = top->rows[last];
		top->rows[last] = row;
		at = last;
	}
}

void view_offer(struct view_top *top, const struct process *process)
{
	if (top->count < top->room) {
		top->rows[top->count++] = process;
		for (unsigned int at = top->count / 2; top->count == top->room && at--;)
			heap_sink(top, at);
		return;
	}
	if (!top->room || row_compare(&process, &top->rows[0], &top->key) > 0)
		return;
	top->rows[0] = process;
	heap_sink(top, 0);
}

void view_finish(struct view_top *top)
{
	qsort_r(top->rows, top->count, sizeof(*top->rows), row_compare, &top->key);
}
