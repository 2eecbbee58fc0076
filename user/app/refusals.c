/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the record of a refusal leaves open is looked up: how the machine stands, what is mapped there. */
#include <stdio.h>
#include <string.h>

#include "memory.h"
#include "mman.h"
#include "recording_answers.h"
#include "session.h"

/*
 * Before Linux 6.11 looking takes milliseconds where there are many maps, and refusals may come by the thousand: a
 * half of the time goes into it at most, but for a second of it at the beginning.
 */
#define LOOK_SHARE    2
#define LOOK_AHEAD_NS 2000000000ULL

static uint32_t kernel_version(const struct session *session)
{
	unsigned int major, minor;

	return sscanf(session->kernel, "%u.%u", &major, &minor) == 2 ? KERNEL_VERSION_OF(major, minor) : 0;
}

/* 0: the usual ones, or none. */
static uint64_t huge_page_asked(const struct alarm_event *alarm)
{
	uint64_t shift = alarm->args.flags >> MAP_HUGE_SHIFT_BITS & MAP_HUGE_MASK;

	return alarm->op == MT_OP_MMAP && (alarm->args.flags & MAP_HUGETLB_BIT) && shift ? 1ULL << shift : 0;
}

/* No call of the process has ended since: what was found is how things stood at the refusal. */
static bool nothing_was_done(struct session *session, const struct mt_process *then)
{
	struct mt_process now;

	return session->plan.calls && !tracer_read(session->tracer, then->mm, &now) &&
	       now.map_count == then->map_count && !memcmp(now.tallies, then->tallies, sizeof(now.tallies));
}

static void look(struct session *session, const struct event *event, const struct refusal *refusal,
		 struct surroundings *around)
{
	uint64_t began_ns = session_now();
	struct range range;

	if (session->looked_until_ns > began_ns + LOOK_AHEAD_NS)
		return;
	if (session->looked_until_ns < began_ns)
		session->looked_until_ns = began_ns;
	if (refusal_asks_for_machine(refusal))
		memory_read_machine(huge_page_asked(&event->alarm), &around->machine);
	if (refusal_asks_for_range(&event->alarm, refusal, session->page_size, &range) &&
	    !memory_read_range(event->account.tgid, &range)) {
		range.fresh = nothing_was_done(session, &event->account);
		if (range.fresh || refusal_takes_stale(&event->alarm, &range, session->page_size))
			around->range = range;
	}
	if (refusal_asks_for_segment(&event->alarm, refusal))
		memory_read_segment(event->account.tgid, event->alarm.segment, &around->segment_bytes);
	session->looked_until_ns += (session_now() - began_ns) * LOOK_SHARE;
}

/* In a replay there is nothing to look at but what was seen then. */
static bool take_answer(const struct session *session, struct surroundings *around)
{
	struct unpack payload;

	if (!session->answers)
		return false;
	if (source_answer(session, ENTRY_AROUND, NULL, &payload))
		recording_take_around(&payload, around);
	return true;
}

void refusal_investigate(struct session *session, const struct event *event, struct refusal *ret_refusal)
{
	struct surroundings around = {
		.kernel = kernel_version(session),
		.gap_told = session->plan.gap,
		.commit_told = session->plan.commit != ROAD_NONE,
	};
	uint32_t map_count = event->account.map_count;

	refusal_explain(&event->alarm, map_count, session->page_size, &around, ret_refusal);
	if (!refusal_asks_for_machine(ret_refusal))
		return; /* nearly always, in a storm of them */
	if (!take_answer(session, &around)) {
		look(session, event, ret_refusal, &around);
		if (session->recorder)
			recorder_add_around(session->recorder, &around);
	}
	refusal_explain(&event->alarm, map_count, session->page_size, &around, ret_refusal);
}
