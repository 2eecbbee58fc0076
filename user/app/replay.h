/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `mmaptrace replay`: a recording, or JSON lines of processes, through the same model, detectors and sinks. */
#ifndef APP_REPLAY_H
#define APP_REPLAY_H

#include <stdio.h>

#include "options.h"
#include "session.h"

/* Exit status. */
int replay_run(const struct options *options);

/* How much it was. */
struct replay_sum {
	uint64_t samples;
	size_t processes, bytes; /* and what it takes to remember their pasts */
};

/* ---- replay_recording.c ---- */
/* Goes through all of it. 0 or negative errno, after a line on stderr. */
int replay_recording(struct session *session, struct options *options, FILE *file, const char *name,
		     struct replay_sum *ret_sum);

/* ---- replay_lines.c ---- */
/* The same of JSON lines, of one host or many. */
int replay_lines(struct session *session, struct options *options, FILE *file, const char *name,
		 struct replay_sum *ret_sum);

#endif
