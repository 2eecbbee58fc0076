/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `mmaptrace replay`: a recording, or JSON lines of processes, through the same model, detectors and sinks. */
#ifndef APP_REPLAY_H
#define APP_REPLAY_H

#include <stdio.h>

#include "options.h"
#include "session.h"

/* Exit status. */
int replay_run(const struct options *options);

/* -v: how much it was, how fast it went, and what it takes to remember it; the model's processes are still there. */
void replay_tell(const struct session *session, uint64_t samples, size_t processes, size_t bytes);

/* ---- replay_recording.c ---- */
/* Goes through all of it. 0 or negative errno, after a line on stderr. */
int replay_recording(struct session *session, struct options *options, FILE *file, const char *name);

/* ---- replay_lines.c ---- */
/* The same of JSON lines, of one host or many. */
int replay_lines(struct session *session, struct options *options, FILE *file, const char *name);

#endif
