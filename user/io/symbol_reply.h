/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One packet of the symbolizer's, with what belongs to it: received, and sent. */
#ifndef IO_SYMBOL_REPLY_H
#define IO_SYMBOL_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "symbol_wire.h"

/* As received; zero-initialised is empty. payload is valid until the next one. */
struct symbol_reply {
	struct wire_reply head;
	const void *payload;
	void *mapped; /* a memfd's; NULL: it is in room */
	size_t mapped_size;
	union {
		uint64_t aligned;
		char bytes[sizeof(struct wire_reply) + WIRE_INLINE_MAX];
	} room;
};

/* Without waiting. 0, -EAGAIN: none, -EPIPE: there will be none any more, -EPROTO: nonsense, or another errno. */
int symbol_reply_receive(struct symbol_reply *reply, int fd);
void symbol_reply_free(struct symbol_reply *reply);

/* Waits as long as it takes. 0 or negative errno. */
int symbol_reply_send(int fd, const struct wire_reply *head, const void *payload);

#endif
