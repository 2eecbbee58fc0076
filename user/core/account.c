/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "account.h"

bool account_is_whole(const struct mt_process *account)
{
	/* Unsigned, as a damaged copy may hold anything. */
	uint64_t changed = account->opened - account->closed, credited = 0;

	for (unsigned int op = 0; op < MT_OP_MAX; op++)
		credited += (uint64_t)account->tallies[op].delta;
	return account->baseline + changed == account->map_count && changed == credited;
}

void account_mend(struct mt_process *account)
{
	uint64_t changed = account->opened - account->closed, credited = 0;

	/* What began at nothing cannot have begun below it. */
	if ((int64_t)changed > (int64_t)account->map_count) {
		account->closed += changed - account->map_count;
		changed = account->map_count;
	}
	account->baseline = account->map_count - (uint32_t)changed;
	for (unsigned int op = 0; op < MT_OP_MAX; op++)
		credited += (uint64_t)account->tallies[op].delta;
	account->tallies[MT_OP_OTHER].delta += (int64_t)(changed - credited);
}

int64_t account_mapping(const struct mt_process *account)
{
	static const uint8_t mapping[] = {
		MT_OP_MMAP,   MT_OP_BRK,      MT_OP_MREMAP, MT_OP_SHMAT, MT_OP_IO_SETUP, MT_OP_MAP_SHADOW_STACK,
		MT_OP_EXECVE, MT_OP_EXECVEAT, MT_OP_OTHER,
	};
	uint64_t sum = 0;

	for (unsigned int i = 0; i < sizeof(mapping); i++)
		sum += (uint64_t)account->tallies[mapping[i]].delta;
	return (int64_t)sum;
}

bool account_at_peak(const struct mt_process *account)
{
	return account->total_vm_pages >= account->peak_vm_pages - account->peak_vm_pages / 16;
}

int64_t account_good_calls(const struct mt_process *account, uint32_t op)
{
	return (int64_t)(account->tallies[op].calls - account->tallies[op].failed);
}

uint64_t account_failed_calls(const struct mt_process *account)
{
	uint64_t failed = 0;

	for (unsigned int op = 0; op < MT_OP_MAX; op++)
		failed += account->tallies[op].failed;
	return failed;
}
