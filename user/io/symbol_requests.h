/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the symbolizer has been asked, and has not answered: bounded, in the order of asking. */
#ifndef IO_SYMBOL_REQUESTS_H
#define IO_SYMBOL_REQUESTS_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "stack.h"
#include "symbol_wire.h"

struct symbol_request {
	uint64_t id; /* of the stack */
	enum mt_stack_end end;
	bool sent;
	struct symbol_request *prev, *next; /* among the bare ones */
	UT_hash_handle hh;
	struct wire_request wire; /* ends in its addresses */
};

/* Zero-initialised is empty. */
struct symbol_requests {
	struct symbol_request *table, *unsent; /* by number; the first of them not sent */
	struct symbol_request *bare;	       /* a list: broken down on, to be answered without names */
	uint32_t bare_count, last_number;
};

/* With room for so many addresses, which the caller fills in. NULL: too many there, or out of memory. */
struct symbol_request *symbol_request_new(struct symbol_requests *requests, enum wire_type type, uint32_t pid,
					  uint64_t start_ns, uint32_t ips);
/* Takes the request. 0 or -ENOMEM. */
int symbol_requests_add(struct symbol_requests *requests, struct symbol_request *request);
/* One that has been sent; NULL: there is none of that number. */
struct symbol_request *symbol_requests_find_sent(const struct symbol_requests *requests, uint32_t number);
/* Sends as many as there is room for, without waiting. */
void symbol_requests_send(struct symbol_requests *requests, int fd);
/* All will be sent again. */
void symbol_requests_unsend(struct symbol_requests *requests);
void symbol_requests_drop(struct symbol_requests *requests, struct symbol_request *request);
/* Puts it among the bare ones: it is not sent any more. */
void symbol_requests_lay_bare(struct symbol_requests *requests, struct symbol_request *request);
/* The first of the bare ones, which is the caller's to free; NULL: none. */
struct symbol_request *symbol_requests_take_bare(struct symbol_requests *requests);
/* Those that want an answer. */
uint32_t symbol_requests_count(const struct symbol_requests *requests);
void symbol_requests_free(struct symbol_requests *requests);

#endif
