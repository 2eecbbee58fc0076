/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a process leaves behind as it changes: its history, and the climb it is
 * in. Both take 2 kB; most processes change a few times as they start and never
 * again, so each one's trail is kept packed and opened for a look or a sample:
 * some 200 bytes at first, less than 2,000 after months without rest.
 */
#ifndef CORE_TRAIL_H
#define CORE_TRAIL_H

#include <stddef.h>

#include "detect.h"
#include "history.h"

struct trail {
	struct history history;
	struct climb climb;
};

struct packed_trail; /* opaque */

void trail_reset(struct trail *trail);
/*
 * Packs a trail into *packed: what was there is reused, or freed; NULL is fine.
 * 0, or -ENOMEM and *packed is as it was. The caller frees it.
 */
int trail_pack(const struct trail *trail, struct packed_trail **packed);
/* Bytes. */
size_t trail_size(const struct packed_trail *packed);
/* A copy of trail_size() bytes kept elsewhere; NULL: they are no trail, or no memory. The caller frees it. */
struct packed_trail *trail_from_bytes(const void *bytes, size_t len);
void trail_unpack(const struct packed_trail *packed, struct trail *ret_trail);

#endif
