/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Processes that have ended, waiting until all they did before has been read:
 * their ends come in a ring of their own, which is read first. Pure.
 */
#ifndef CORE_EXIT_QUEUE_H
#define CORE_EXIT_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "mmaptrace.h"

#define EXIT_QUEUE_MAX 1024

struct exit_event {
	uint64_t ts_ns; /* boot clock */
	struct mt_process account;
};

/* Zero-initialised is empty. */
struct exit_queue {
	struct exit_event *events; /* owned, EXIT_QUEUE_MAX of them; NULL before the first */
	unsigned int first, count;
};

/* False: full, or out of memory. */
bool exit_queue_put(struct exit_queue *queue, uint64_t ts_ns, const struct mt_process *account);
/* Takes out the first one if it is older than before_ns; NULL if not, or if there is none. Valid until the next put. */
const struct exit_event *exit_queue_take(struct exit_queue *queue, uint64_t before_ns);
void exit_queue_free(struct exit_queue *queue);

#endif
