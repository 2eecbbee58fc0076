/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "account.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(MT_OP_MAX <= 32, "struct tallies has a bit for each operation");

static bool tally_is_zero(const struct mt_tally *tally)
{
	return !tally->calls && !tally->failed && !tally->delta;
}

static uint32_t tallied_ops(const struct mt_process *account)
{
	uint32_t ops = 0;

	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		ops |= (uint32_t)!tally_is_zero(&account->tallies[op]) << op;
	return ops;
}

/* Number of operations before this one that have a tally. */
static unsigned int place_of(uint32_t ops, uint32_t op)
{
	return (unsigned int)__builtin_popcount(ops & ((1U << op) - 1));
}

static bool has_failures(const struct mt_process *account)
{
	uint32_t any = 0;

	for (unsigned int slot = 0; slot < MT_FAIL_MAX; slot++)
		any |= account->failed[slot];
	return any;
}

/* Where the tallies of ops fit: as good as the old ones, or NULL and those are as they were. */
static struct tallies *tallies_resize(struct tallies *tallies, uint32_t ops)
{
	size_t size = sizeof(*tallies) + (size_t)__builtin_popcount(ops) * sizeof(tallies->at[0]);

	return tallies && tallies->ops == ops ? tallies : realloc(tallies, size);
}

static void tallies_copy(struct tallies *tallies, uint32_t ops, const struct mt_process *from)
{
	unsigned int count = 0;

	tallies->ops = ops;
	tallies->pad = 0;
	memcpy(tallies->failed, from->failed, sizeof(tallies->failed));
	for (uint32_t op = 0; op < MT_OP_MAX; op++) {
		if (ops & (1U << op))
			tallies->at[count++] = from->tallies[op];
	}
}

int account_copy(struct account *account, const struct mt_process *from)
{
	uint32_t ops = tallied_ops(from);
	struct tallies *tallies = NULL;

	if (ops || has_failures(from)) {
		tallies = tallies_resize(account->tallies, ops);
		if (!tallies)
			return -ENOMEM;
		tallies_copy(tallies, ops, from);
	} else {
		account_free(account);
	}
	*account = (struct account){
		.mm = from->mm,
		.opened = from->opened,
		.closed = from->closed,
		.first_change_ns = from->first_change_ns,
		.last_change_ns = from->last_change_ns,
		.total_vm_pages = from->total_vm_pages,
		.peak_vm_pages = from->peak_vm_pages,
		.flags = from->flags,
		.map_count = from->map_count,
		.baseline = from->baseline,
		.high_water = from->high_water,
		.execs = from->execs,
		.tallies = tallies,
	};
	return 0;
}

void account_unfold(const struct account *account, struct mt_process *ret_account)
{
	*ret_account = (struct mt_process){
		.mm = account->mm,
		.opened = account->opened,
		.closed = account->closed,
		.first_change_ns = account->first_change_ns,
		.last_change_ns = account->last_change_ns,
		.total_vm_pages = account->total_vm_pages,
		.peak_vm_pages = account->peak_vm_pages,
		.flags = account->flags,
		.map_count = account->map_count,
		.baseline = account->baseline,
		.high_water = account->high_water,
		.execs = account->execs,
	};
	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		ret_account->tallies[op] = account_tally(account, op);
	for (unsigned int slot = 0; slot < MT_FAIL_MAX; slot++)
		ret_account->failed[slot] = account_failures(account, slot);
}

void account_free(struct account *account)
{
	free(account->tallies);
	account->tallies = NULL;
}

struct mt_tally account_tally(const struct account *account, uint32_t op)
{
	const struct tallies *tallies = account->tallies;

	if (!tallies || !(tallies->ops & (1U << op)))
		return (struct mt_tally){0};
	return tallies->at[place_of(tallies->ops, op)];
}

uint32_t account_failures(const struct account *account, unsigned int slot)
{
	return account->tallies ? account->tallies->failed[slot] : 0;
}

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

int64_t account_mapping(const struct account *account)
{
	static const uint32_t mapping = 1U << MT_OP_MMAP | 1U << MT_OP_BRK | 1U << MT_OP_MREMAP | 1U << MT_OP_SHMAT |
					1U << MT_OP_IO_SETUP | 1U << MT_OP_MAP_SHADOW_STACK | 1U << MT_OP_EXECVE |
					1U << MT_OP_EXECVEAT | 1U << MT_OP_OTHER;
	uint64_t sum = 0; /* unsigned, as a damaged copy may hold anything */

	for (uint32_t op = 0; op < MT_OP_MAX; op++) {
		if (mapping & (1U << op))
			sum += (uint64_t)account_tally(account, op).delta;
	}
	return (int64_t)sum;
}

bool account_at_peak(const struct account *account)
{
	return account->total_vm_pages >= account->peak_vm_pages - account->peak_vm_pages / 16;
}

int64_t account_good_calls(const struct account *account, uint32_t op)
{
	struct mt_tally tally = account_tally(account, op);

	return (int64_t)(tally.calls - tally.failed);
}

uint64_t account_failed_calls(const struct account *account)
{
	uint64_t failed = 0;

	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		failed += account_tally(account, op).failed;
	return failed;
}
