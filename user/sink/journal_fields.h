/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* An entry of the journal, as systemd-journald takes it on its socket (systemd.io/JOURNAL_NATIVE_PROTOCOL). */
#ifndef SINK_JOURNAL_FIELDS_H
#define SINK_JOURNAL_FIELDS_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

/*
 * MESSAGE_ID, for `journalctl MESSAGE_ID=...` and the journal's catalogs. A promise to users: never changed. Known by
 * the type of line, and of a finding by its kind.
 */
#define JOURNAL_ID_LEAK	      "3b226d4980af4f0a830120bf246edbcc"
#define JOURNAL_ID_EXHAUSTION "ce90bcca206246be9bae40e2b53506aa"
#define JOURNAL_ID_ENOMEM     "d6056061e04b4f0397f593b02ad1fd77" /* a finding: calls are failing */
#define JOURNAL_ID_CLEARED    "a3aa4e64162844cd953012ef6a405652"
#define JOURNAL_ID_REFUSAL    "1168cd1ba0dc45148fa5087a53809eef" /* one call that was refused */
#define JOURNAL_ID_LOSS	      "2643660607df47f0af0cabcd7032df15"
#define JOURNAL_ID_START      "fb9a1736f3264895a5dfa57d04da46cd"
#define JOURNAL_ID_END	      "f3ddaa7b381c457cb5cbc0d79b3315c5"
#define JOURNAL_ID_OTHER      "46564ce5d65e444ba1e17aced7f02c72"

/* Borrowed; NULL, empty and 0 leave their field out (but MESSAGE, which then is the type). */
struct journal_facts {
	const char *type, *kind, *severity, *sentence, *comm, *unit;
	uint32_t pid;
};

const char *journal_message_id(const char *type, const char *kind);

/* Appends the fields of one entry, one datagram, all or nothing. The line's own newline is left out. */
void journal_fields(struct buf *buf, const struct journal_facts *facts, const char *json, size_t len);

#endif
