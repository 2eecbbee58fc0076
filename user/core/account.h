/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What can be read off one account (struct mt_process). Pure. */
#ifndef CORE_ACCOUNT_H
#define CORE_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "mmaptrace.h"

/* baseline + opened - closed = map_count = baseline + credits: false for a copy torn by a concurrent change. */
bool account_is_whole(const struct mt_process *account);
/* Makes a torn copy whole again: the map count is the truth, what is missing goes to `other`. */
void account_mend(struct mt_process *account);
/* Sum of what mmap and its like added; the rest of the growth is splits. */
int64_t account_mapping(const struct mt_process *account);
/*
 * The address space is as large as it ever was, or within a sixteenth of it. One
 * that leaks maps grows; one that splits or refills what it has does not.
 */
bool account_at_peak(const struct mt_process *account);
/* Calls of op that succeeded. */
int64_t account_good_calls(const struct mt_process *account, uint32_t op);
uint64_t account_failed_calls(const struct mt_process *account);

#endif
