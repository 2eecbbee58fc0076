/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "symbol_requests.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <utlist.h>

#define REQUESTS_MAX 4096

struct symbol_request *symbol_request_new(struct symbol_requests *requests, enum wire_type type, uint32_t pid,
					  uint64_t start_ns, uint32_t ips)
{
	struct symbol_request *request = NULL;

	if (HASH_COUNT(requests->table) + requests->bare_count < REQUESTS_MAX)
		request = calloc(1, sizeof(*request) + ips * sizeof(request->wire.ips[0]));
	if (!request)
		return NULL;
	if (!++requests->last_number)
		requests->last_number = 1;
	request->wire.type = type;
	request->wire.number = requests->last_number;
	request->wire.pid = pid;
	request->wire.start_ns = start_ns;
	request->wire.count = ips;
	return request;
}

int symbol_requests_add(struct symbol_requests *requests, struct symbol_request *request)
{
	HASH_ADD(hh, requests->table, wire.number, sizeof(request->wire.number), request);
	if (!request->hh.tbl) { /* uthash had no memory */
		free(request);
		return -ENOMEM;
	}
	if (!requests->unsent)
		requests->unsent = request;
	return 0;
}

struct symbol_request *symbol_requests_find_sent(const struct symbol_requests *requests, uint32_t number)
{
	struct symbol_request *request;

	HASH_FIND(hh, requests->table, &number, sizeof(number), request);
	return request && request->sent ? request : NULL;
}

static void take_out(struct symbol_requests *requests, struct symbol_request *request)
{
	if (requests->unsent == request)
		requests->unsent = request->hh.next;
	HASH_DEL(requests->table, request);
}

void symbol_requests_drop(struct symbol_requests *requests, struct symbol_request *request)
{
	take_out(requests, request);
	free(request);
}

void symbol_requests_lay_bare(struct symbol_requests *requests, struct symbol_request *request)
{
	take_out(requests, request);
	DL_APPEND(requests->bare, request);
	requests->bare_count++;
}

struct symbol_request *symbol_requests_take_bare(struct symbol_requests *requests)
{
	struct symbol_request *request = requests->bare;

	if (!request)
		return NULL;
	DL_DELETE(requests->bare, request);
	requests->bare_count--;
	return request;
}

void symbol_requests_send(struct symbol_requests *requests, int fd)
{
	struct symbol_request *request;

	/* What fails for another reason than want of room is heard of by reading. */
	while ((request = requests->unsent)) {
		if (send(fd, &request->wire, wire_request_size(&request->wire), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
		request->sent = true;
		requests->unsent = request->hh.next;
		if (request->wire.type == WIRE_FORGET)
			symbol_requests_drop(requests, request);
	}
}

void symbol_requests_unsend(struct symbol_requests *requests)
{
	for (struct symbol_request *request = requests->table; request; request = request->hh.next)
		request->sent = false;
	requests->unsent = requests->table;
}

uint32_t symbol_requests_count(const struct symbol_requests *requests)
{
	uint32_t count = requests->bare_count;

	for (const struct symbol_request *request = requests->table; request; request = request->hh.next)
		count += request->wire.type != WIRE_FORGET;
	return count;
}

void symbol_requests_free(struct symbol_requests *requests)
{
	struct symbol_request *request;

	while (requests->table)
		symbol_requests_drop(requests, requests->table);
	while ((request = symbol_requests_take_bare(requests)))
		free(request);
}
