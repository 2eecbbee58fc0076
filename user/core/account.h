/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One account: as the kernel hands it over (struct mt_process), and as it is kept (struct account). Pure. */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "mmaptrace.h"

/* Counts by operation and by errno, of those that have any: most have few, and a process at rest none. */
struct tallies {
	uint32_t failed[MT_FAIL_MAX];
	uint32_t ops; /* bit n: there is one of op n; they are in the order of enum mt_op */
	uint32_t pad;
	struct mt_tally at[];
};

/* The fields are those of struct mt_process; whose account it is, its process knows. */
struct account {
	uint64_t mm;
	uint64_t opened, closed;
	uint64_t first_change_ns, last_change_ns;
	uint64_t total_vm_pages, peak_vm_pages;
	uint32_t flags;
	uint32_t map_count, baseline, high_water;
	uint32_t execs;
	struct tallies *tallies; /* owned; NULL: all are 0 */
};

/* Takes a copy. 0, or -ENOMEM and the account stays as it was. */
int account_copy(struct account *account, const struct mt_process *from);
/* The other way: for who starts anew from it. What the kernel side keeps for itself only is 0; no identity. */
void account_unfold(const struct account *account, struct mt_process *ret_account);
void account_free(struct account *account);

struct mt_tally account_tally(const struct account *account, uint32_t op);
/* Operations that failed with the errno of this slot (enum mt_fail). */
uint32_t account_failures(const struct account *account, unsigned int slot);

/* baseline + opened - closed = map_count = baseline + credits: false for a copy torn by a concurrent change. */
bool account_is_whole(const struct mt_process *account);
/* Makes a torn copy whole again: the map count is the truth, what is missing goes to `other`. */
void account_mend(struct mt_process *account);
/* Sum of what mmap and its like added; the rest of the growth is splits. */
int64_t account_mapping(const struct account *account);
/*
 * The address space is as large as it ever was, or within a sixteenth of it. One
 * that leaks maps grows; one that splits or refills what it has does not.
 */
bool account_at_peak(const struct account *account);
/* Calls of op that succeeded. */
int64_t account_good_calls(const struct account *account, uint32_t op);
uint64_t account_failed_calls(const struct account *account);

#endif
