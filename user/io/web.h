/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A small web server on libmicrohttpd, driven by our own loop: no thread. One request a connection. */
#ifndef IO_WEB_H
#define IO_WEB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define WEB_CONNECTIONS_MAX 256
#define WEB_ERROR_LEN	    256

struct web; /* opaque */

struct web_answer {
	unsigned int status;
	const char *type; /* static */
	struct buf body;  /* taken */
};
/* Fills an answer to GET of this path; accept may be NULL. Status 0: there is no such page. */
typedef void web_answer_fn(const char *path, const char *accept, struct web_answer *answer, void *arg);

/*
 * address: "HOST:PORT", "[V6]:PORT", ":PORT", "unix:/PATH", or "systemd" for the socket handed over by it. 0 or
 * negative errno, and then error says what is wrong.
 */
int web_new(const char *address, web_answer_fn *answer, void *arg, struct web **ret_web, char error[WEB_ERROR_LEN]);
void web_free(struct web *web);
/* Readable when there is something to do: then web_run. For epoll. */
int web_fd(const struct web *web);
/* False: it has more to do at once. */
bool web_run(struct web *web);
/* Once a second or oftener: closes what takes too long. */
void web_tick(struct web *web);

struct web_counts {
	uint64_t requests, evicted;
	unsigned int connections;
};
void web_read(const struct web *web, struct web_counts *ret_counts);

#endif
