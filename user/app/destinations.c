/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where a daemon's lines go: files, journald, syslog. Without any of them they go where other commands' do. */
#include <errno.h>
#include <string.h>

#include "daemon.h"
#include "log.h"
#include "log_file.h"
#include "log_message.h"
#include "log_socket.h"

static int add_file(struct session *session, struct export *export)
{
	const struct daemon_options *options = &session->options->daemon;
	struct log_file_options file = {
		.path = options->log_file,
		.max_bytes = options->log_max_bytes,
		.max_age_ns = options->log_max_age_ns,
		.keep = options->log_keep,
	};
	struct destination destination;
	int error;

	if (!options->log_file)
		return 0;
	error = log_file_new(&file, &destination);
	if (error) {
		log_error("--log-file %s: %s", options->log_file, strerror(-error));
		return error;
	}
	return export_add(export, &destination);
}

static int add_journal(struct session *session, struct export *export)
{
	struct destination destination;
	int error = session->options->daemon.journald
			    ? log_journal_new(JOURNAL_SOCKET, message_for_journal, NULL, &destination)
			    : 1;

	if (error == 1)
		return 0;
	return error ? error : export_add(export, &destination);
}

static int add_syslog(struct session *session, struct export *export)
{
	const char *address = session->options->daemon.syslog;
	struct destination destination;
	int error = address ? log_syslog_new(address, message_for_syslog, session->host, &destination) : 1;

	if (error == 1)
		return 0;
	return error ? error : export_add(export, &destination);
}

int destinations_open(struct session *session)
{
	const struct daemon_options *options = &session->options->daemon;
	struct daemon *daemon = session->daemon;
	int error;

	if (!options->log_file && !options->journald && !options->syslog)
		return 0;
	error = export_new(options->queue_bytes, session->host, &daemon->export);
	if (!error)
		error = add_file(session, daemon->export);
	if (!error)
		error = add_journal(session, daemon->export);
	if (!error)
		error = add_syslog(session, daemon->export);
	return error;
}

bool destinations_put(struct session *session)
{
	if (!session->daemon || !session->daemon->export)
		return false;
	export_put(session->daemon->export, session->buf.data, session->buf.len);
	/* A file asked for besides gets them too. */
	return !session->options->output;
}
