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

static void tell(const struct replay_sum *sum, int64_t began_ns)
{
	double seconds = (double)(clock_ns(CLOCK_MONOTONIC) - began_ns) / 1e9;

	log_debug("%llu samples in %.1f s, %.0f a second; the pasts of %zu processes take %zu bytes, %zu each",
		  (unsigned long long)sum->samples, seconds, seconds > 0 ? (double)sum->samples / seconds : 0,
		  sum->processes, sum->bytes, sum->processes ? sum->bytes / sum->processes : 0);
}

/* Which of the two it is shows in its first byte. */
static int replay_any(struct session *session, struct options *options, FILE *file, const char *name)
{
	int64_t began_ns = clock_ns(CLOCK_MONOTONIC);
	struct replay_sum sum = {0};
	int first = fgetc(file), error;

	if (first == EOF) {
		log_error("%s: %s", name, ferror(file) ? strerror(errno) : "empty: neither a recording nor JSON lines");
		return ferror(file) ? -errno : -ENODATA;
	}
	ungetc(first, file);
	error = first == '{' || isspace(first) ? replay_lines(session, options, file, name, &sum)
					       : replay_recording(session, options, file, name, &sum);
	tell(&sum, began_ns);
	return error;
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
	error = replay_into(&session, &options, file, name);
	status = session_exit_status(&session, error);
	session_free(&session);
	return status;
}
