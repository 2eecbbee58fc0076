/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "urgency.h"

#include <string.h>

static enum severity worst_of(const struct process *process)
{
	enum severity worst = SEVERITY_NONE;

	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		enum severity severity = process_open_finding(process, kind).severity;

		if (severity > worst)
			worst = severity;
	}
	return worst;
}

static bool is_before(const struct process *a, const struct process *b)
{
	enum severity left = worst_of(a), right = worst_of(b);

	if (left != right)
		return left > right;
	if (a->forecast.eta_s != b->forecast.eta_s)
		return a->forecast.eta_s < b->forecast.eta_s;
	if (a->account.map_count != b->account.map_count)
		return a->account.map_count > b->account.map_count;
	return a->key.pid < b->key.pid;
}

static unsigned int insert(const struct process **list, unsigned int count, unsigned int room,
			   const struct process *process)
{
	unsigned int at = count;

	while (at > 0 && is_before(process, list[at - 1]))
		at--;
	if (at == room)
		return count;
	if (count < room)
		count++;
	memmove(&list[at + 1], &list[at], (count - 1 - at) * sizeof(*list));
	list[at] = process;
	return count;
}

unsigned int urgency_choose(const struct model *model, const struct process **ret_processes, unsigned int room,
			    uint64_t *ret_all)
{
	const struct process *process;
	unsigned int count = 0;

	*ret_all = 0;
	/* Whoever has a finding open is lively. */
	for (process = model->lively; process; process = process->lively_next) {
		if (worst_of(process) < SEVERITY_WARNING)
			continue;
		++*ret_all;
		count = insert(ret_processes, count, room, process);
	}
	return count;
}
