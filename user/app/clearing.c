/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Takes out of the ledger what is mapped no more, before it is full. */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "log.h"
#include "maps_reader.h"
#include "search.h"
#include "session.h"

#define REST_NS	 60000000000ULL
#define AGAIN_NS 5000000000ULL /* reading maps takes mmap_lock: not for each entry more */

struct span {
	uint64_t start, end;
};

/* What one process has mapped now. */
struct mapped {
	uint64_t mm;
	struct span *ranges; /* owned */
	size_t count, room;
	bool is_known;
};

struct clearing {
	uint64_t began_ns;	  /* boot clock: what is younger may have been mapped since maps were read */
	struct mapped *processes; /* owned, ascending by mm */
	size_t count;
};

static int add_range(const struct vma *vma, void *arg)
{
	struct mapped *mapped = arg;
	size_t room = mapped->room ? mapped->room * 2 : 256;

	if (mapped->count == mapped->room) {
		struct span *ranges = realloc(mapped->ranges, room * sizeof(*ranges));

		if (!ranges)
			return -ENOMEM;
		mapped->ranges = ranges;
		mapped->room = room;
	}
	mapped->ranges[mapped->count++] = (struct span){vma->start, vma->end};
	return 0;
}

static int by_mm(const void *a, const void *b)
{
	const struct mapped *left = a, *right = b;

	return left->mm < right->mm ? -1 : left->mm > right->mm;
}

/* Is anything mapped between? */
static bool overlaps(const struct mapped *mapped, uint64_t start, uint64_t end)
{
	size_t low = SEARCH_UNTIL(mapped->ranges, mapped->count, end, start);

	return low < mapped->count && mapped->ranges[low].start < end;
}

/* Of a process that is not followed any more nothing is kept; of one whose maps could not be read everything. */
static bool is_kept(const struct mt_map_key *key, const struct mt_map *map, void *arg)
{
	const struct clearing *clearing = arg;
	const struct mapped wanted = {.mm = key->mm}, *mapped;
	uint64_t start = key->addr & ~MT_MAP_SPLIT;

	mapped = bsearch(&wanted, clearing->processes, clearing->count, sizeof(wanted), by_mm);
	if (!mapped)
		return map->ts_ns >= clearing->began_ns;
	return !mapped->is_known || map->ts_ns >= clearing->began_ns ||
	       overlaps(mapped, start, start + (map->len ? map->len : 1));
}

static void look_at_maps(struct session *session, struct clearing *clearing)
{
	struct process *process, *next;

	MODEL_EACH (&session->model, process, next) {
		struct mapped *mapped = &clearing->processes[clearing->count];

		if (!process->target || process->ended)
			continue;
		mapped->mm = process->account.mm;
		mapped->is_known = !maps_read(process->key.pid, add_range, mapped);
		clearing->count++;
	}
	qsort(clearing->processes, clearing->count, sizeof(*clearing->processes), by_mm);
}

void session_clear_ledger(struct session *session)
{
	uint64_t used = session->stacks.symbolizer ? tracer_ledger_used(session->tracer) : 0, now = session_now();
	struct clearing clearing = {0};
	uint64_t dropped;

	if (used < tracer_ledger_room(session->tracer) / 4 * 3 || now < session->cleared_ns + AGAIN_NS)
		return;
	session->cleared_ns = clearing.began_ns = now;
	clearing.processes = calloc(HASH_COUNT(session->model.processes) + 1, sizeof(*clearing.processes));
	if (!clearing.processes) {
		session->memory_lost++;
		return;
	}
	look_at_maps(session, &clearing);
	dropped = tracer_clear_ledger(session->tracer, is_kept, &clearing);
	log_debug("ledger: %llu of %llu entries were of maps that are gone", (unsigned long long)dropped,
		  (unsigned long long)used);
	/* Full of maps that are there: to look again soon would only hold their lock. */
	if (dropped < used / 16)
		session->cleared_ns += REST_NS;
	for (size_t i = 0; i < clearing.count; i++)
		free(clearing.processes[i].ranges);
	free(clearing.processes);
}
