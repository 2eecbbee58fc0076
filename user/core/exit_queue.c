/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "exit_queue.h"

#include <stdlib.h>
#include <string.h>

bool exit_queue_put(struct exit_queue *queue, uint64_t ts_ns, const struct mt_process *account)
{
	struct exit_event *event;

	if (!queue->events)
		queue->events = calloc(EXIT_QUEUE_MAX, sizeof(*queue->events));
	if (!queue->events || queue->count == EXIT_QUEUE_MAX)
		return false;
	event = &queue->events[(queue->first + queue->count++) % EXIT_QUEUE_MAX];
	event->ts_ns = ts_ns;
	event->account = *account;
	return true;
}

const struct exit_event *exit_queue_take(struct exit_queue *queue, uint64_t before_ns)
{
	const struct exit_event *event = queue->count ? &queue->events[queue->first] : NULL;

	if (!event || event->ts_ns >= before_ns)
		return NULL;
	queue->first = (queue->first + 1) % EXIT_QUEUE_MAX;
	queue->count--;
	return event;
}

void exit_queue_free(struct exit_queue *queue)
{
	free(queue->events);
	memset(queue, 0, sizeof(*queue));
}
