/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lines on their way to logs: each destination has a queue of bounded size and a thread that empties it. Whoever puts
 * lines never waits; what finds no room is counted, and told of when there is room again. At any time, in lines:
 * put = written + failed + lost + queued.
 */
#ifndef IO_EXPORT_H
#define IO_EXPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define EXPORT_NAME_LEN	 128
#define EXPORT_MAX	 4
#define EXPORT_PERMANENT 1 /* of destination_fn: it takes no more, ever */

/*
 * Writes whole lines, each ended by \n; how many bytes of them it has taken is in *ret_taken, also on failure. Of a
 * line that it will never take (-EMSGSIZE) none: that one is passed over, counted as failed. Another negative errno:
 * it is tried again later. May wait for a second at most.
 */
typedef int destination_fn(void *destination, const char *lines, size_t len, size_t *ret_taken);

struct destination {
	char name[EXPORT_NAME_LEN];
	destination_fn *write;
	void (*reopen)(void *destination); /* NULL: there is nothing to open again */
	void (*free)(void *destination);
	void *arg;
};

struct export; /* opaque */

/* queue_bytes: for each. host: for the lines that tell of losses. 0 or negative errno. */
int export_new(size_t queue_bytes, const char *host, struct export **ret_export);
/* Begins a thread for it; takes it over, also on failure. 0 or negative errno. */
int export_add(struct export *export, const struct destination *destination);
/* Whole lines, to all of them. Never waits. */
void export_put(struct export *export, const char *lines, size_t len);
/* Log files by their paths again, once their thread comes to it. */
void export_reopen(struct export *export);
/* Waits until all is written, so long at most; what is left then counts as lost. */
void export_finish(struct export *export, unsigned int timeout_ms);
/* Takes NULL. */
void export_free(struct export *export);

struct export_counts {
	const char *name;
	uint64_t put, written, failed, lost, queued; /* lines */
	size_t queued_bytes;
	int error; /* errno it has failed with last, until it works again */
};
/* False: there is no such destination. */
bool export_read(struct export *export, unsigned int index, struct export_counts *ret_counts);

#endif
