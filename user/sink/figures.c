/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "figures.h"

#include <math.h>

/* A process that never changed has no trail, and its forecast was never made. */
double figures_rate_per_s(const struct process *process)
{
	return process->trail ? process->forecast.rate_per_s : 0;
}

double figures_eta_s(const struct process *process)
{
	return process->trail ? process->forecast.eta_s : INFINITY;
}

bool figures_top_op(const struct process *process, uint32_t *ret_op, double *ret_share)
{
	int64_t most = 0;
	uint32_t top = 0;
	double sum = 0;

	for (uint32_t op = 0; op < MT_OP_MAX; op++) {
		int64_t delta = account_tally(&process->account, op).delta;

		if (delta > 0)
			sum += (double)delta;
		if (delta <= most)
			continue;
		most = delta;
		top = op;
	}
	if (!most)
		return false;
	*ret_op = top;
	*ret_share = (double)most / sum;
	return true;
}

const char *figures_fail_name(unsigned int slot)
{
#define FAIL_NAME(id, number) [MT_FAIL_##id] = #id,
	static const char *const names[] = {MT_ERRNOS(FAIL_NAME)[MT_FAIL_REST] = "other"};
#undef FAIL_NAME

	return slot < MT_FAIL_MAX ? names[slot] : "other";
}

int64_t figures_unix_ns(uint64_t boot_ns, int64_t wall_offset_ns)
{
	return (int64_t)(boot_ns + (uint64_t)wall_offset_ns);
}
