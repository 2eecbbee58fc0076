/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a profile is put together from. For the pprof*.c files alone; others see pprof.h. */
#ifndef SINK_PPROF_PARTS_H
#define SINK_PPROF_PARTS_H

#include <protobuf-c/protobuf-c.h>

#include "buf.h"
#include "intern.h"

/*
 * Ids in a profile begin with 1: the index of the key in its table, and 1. Texts are their index. The sites of a
 * leaking process share nearly all of their frames, so each thing is kept once, and only the samples, which are
 * all different, are put down at once as the bytes they will be.
 */
struct pprof {
	struct intern texts;	 /* escaped; the first is empty */
	struct intern functions; /* struct function_key */
	struct intern mappings;	 /* struct mapping_key */
	struct intern locations; /* struct location_key */
	struct buf samples;
	uint64_t program; /* text: of the first process that has one; 0: none */
	int error;	  /* of a step that was not completed */

	/* Of the step under way. */
	struct buf text, key;
	struct buf ids; /* uint64_t */
};

struct function_key {
	uint64_t name, file; /* texts */
};

struct mapping_key {
	uint64_t file, build_id; /* texts */
};

struct line_key {
	uint64_t function; /* id */
	uint64_t line;
};

struct location_key {
	uint64_t mapping; /* id; 0: none */
	uint64_t address;
	struct line_key lines[]; /* innermost first, to the end of the key */
};

/* Index of a text; 0 for NULL. 0, or -ENOMEM. */
int pprof_text(struct pprof *pprof, const char *text, uint64_t *ret_index);

/*
 * Appends a message as bytes. Those of two Profiles, one behind the other, are those of one Profile with what is
 * repeated from both: so a profile is written in parts, each a Profile of its own, and never stands whole in memory as
 * messages.
 */
void pprof_put(struct buf *buf, const ProtobufCMessage *message);

/* Appends Profiles of all that samples refer to. 0, or -ENOMEM. */
int pprof_put_tables(struct buf *buf, const struct pprof *pprof);

#endif
