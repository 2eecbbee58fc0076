/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "replay.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "style.h"

static FILE *open_input(const char *name)
{
	FILE *file = strcmp(name, "-") != 0 ? fopen(name, "re") : fdopen(dup(STDIN_FILENO), "r");

	if (!file)
		log_error("cannot read %s: %s", name, strerror(errno));
	return file;
}

void replay_tell(const struct session *session, uint64_t samples, size_t processes, size_t bytes)
{
	double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - session->replay_began_ns) / 1e9;

	log_debug("%llu samples in %.1f s, %.0f a second; the pasts of %zu processes take %zu bytes, %zu each",
		  (unsigned long long)samples, seconds, seconds > 0 ? (double)samples / seconds : 0, processes, bytes,
		  processes ? bytes / processes : 0);
}

/* Which of the two it is shows in its first byte. */
static int replay_any(struct session *session, struct options *options, FILE *file, const char *name)
{
	int first = fgetc(file);

	if (first == EOF) {
		log_error("%s: %s", name, ferror(file) ? strerror(errno) : "empty: neither a recording nor JSON lines");
		return ferror(file) ? -errno : -ENODATA;
	}
	ungetc(first, file);
	return first == '{' || isspace(first) ? replay_lines(session, options, file, name)
					      : replay_recording(session, options, file, name);
}

static int replay_into(struct session *session, struct options *options, FILE *file, const char *name)
{
	int error = output_open(session->options->output, false, &session->output);

	if (error)
		return error;
	style_of_output(&session->output, &session->style);
	session->style.wall_clock = session->options->timestamps;
	error = replay_any(session, options, file, name);
	report_flush(session);
	return session->output_error ? -session->output_error : error;
}

int replay_run(const struct options *given)
{
	const char *name = strcmp(given->replay, "-") != 0 ? given->replay : "stdin";
	FILE *file _cleanup_file_ = open_input(given->replay);
	struct options options = *given; /* what was recorded chooses between table and stream */
	struct session session;
	struct buf no_answers = {0};
	int error, status;

	if (!file)
		return EXIT_ERROR;
	session_init(&session, &options);
	session.answers = &no_answers;
	session.replay_began_ns = clock_ns(CLOCK_MONOTONIC);
	error = replay_into(&session, &options, file, name);
	status = session_exit_status(&session, error);
	session_free(&session);
	return status;
}
