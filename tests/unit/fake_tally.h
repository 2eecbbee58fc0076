/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tallies of made-up accounts, from a pool: nobody has to free them. */
#ifndef FAKE_TALLY_H
#define FAKE_TALLY_H

#include <string.h>

#include "account.h"

#define FAKE_TALLIES 64

/* The account's tallies, with room for every operation; made if there are none. */
static inline struct tallies *fake_tallies(struct account *account)
{
	static uint64_t pool[FAKE_TALLIES][(sizeof(struct tallies) + MT_OP_MAX * sizeof(struct mt_tally)) / 8];
	static unsigned int next;

	if (!account->tallies) {
		struct tallies *tallies = (struct tallies *)pool[next++ % FAKE_TALLIES];

		memset(tallies, 0, sizeof(pool[0]));
		tallies->ops = (1U << MT_OP_MAX) - 1;
		account->tallies = tallies;
	}
	return account->tallies;
}

static inline void fake_tally(struct account *account, uint32_t op, struct mt_tally tally)
{
	fake_tallies(account)->at[op] = tally;
}

#endif
