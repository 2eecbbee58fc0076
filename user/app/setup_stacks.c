/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What call stacks need before the first operation: the symbolizer, room in the kernel, unwind rules. */
#include <errno.h>
#include <string.h>

#include "log.h"
#include "procfs.h"
#include "session.h"

/* Room in the kernel for what stacks need: 17, 4, up to 25, 17 MiB. */
#define MAX_STACKS   16384
#define MAX_SITES    16384
#define MAX_MAPS     (1U << 18)
#define MAX_RULES    (1U << 20)
#define MAX_RULES_FP (1U << 17)
#define WARM_UP_MS   1000

static enum mt_stacks stacks_wanted(const struct session *session)
{
	if (!session->stacks.symbolizer)
		return MT_STACKS_NONE;
	return session->options->stacks ? MT_STACKS_ALL : MT_STACKS_CHANGES;
}

/* Room for one process at its limit, and for what has gone and was not seen to. */
static uint32_t ledger_room(uint32_t limit)
{
	return limit < MAX_MAPS / 2 ? limit * 2 : MAX_MAPS;
}

void session_size_stacks(const struct session *session, struct tracer_options *options)
{
	uint32_t max_maps = session->options->max_maps;

	options->stacks = stacks_wanted(session);
	options->max_stacks = MAX_STACKS;
	options->max_sites = MAX_SITES;
	options->max_maps = max_maps ? max_maps : ledger_room(session->real_limit);
	options->max_rules = session->options->unwind == UNWIND_FP ? MAX_RULES_FP : MAX_RULES;
}

/* Before anything that it need not inherit is open. */
int session_start_stacks(struct session *session)
{
	const struct options *options = session->options;
	int error;

	if (session_is_wide(session))
		return 0;
	error = profile_open(session);
	if (error)
		return error;
	error = stacks_open(&session->stacks, options->unwind);
	if (error)
		log_error("cannot start the symbolizer: %s", strerror(-error));
	return error;
}

/*
 * Rules come before the first operation: of the processes that live, and for a command
 * those of what nearly every program has mapped, as we have ourselves.
 */
void session_warm_up(struct session *session)
{
	const struct options *options = session->options;

	stacks_use(&session->stacks, session->tracer);
	if (!session->stacks.symbolizer)
		return;
	for (size_t i = 0; i < options->pid_count; i++) {
		uint64_t start_ns;

		if (!procfs_start_ns(options->pids[i], &start_ns))
			stacks_look_at(&session->stacks, options->pids[i], start_ns);
	}
	if (session->child_running)
		stacks_warm(&session->stacks);
	stacks_settle(&session->stacks, WARM_UP_MS);
	stacks_warm_names(&session->stacks);
}

static int take_names(void *arg)
{
	struct session *session = arg;

	stacks_read(&session->stacks);
	return session_watch_stacks(session);
}

int session_watch_stacks(struct session *session)
{
	struct stacks *stacks = &session->stacks;

	if (!stacks->symbolizer || !stacks->fd_changed)
		return 0;
	stacks->fd_changed = false;
	return loop_replace(session->loop, symbolizer_fd(stacks->symbolizer), take_names, session);
}
