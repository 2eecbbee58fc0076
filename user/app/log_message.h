/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Facts of a line of JSON that logs have fields of their own for. */
#ifndef APP_LOG_MESSAGE_H
#define APP_LOG_MESSAGE_H

#include <stddef.h>

#include "journal_fields.h"

#define SENTENCE_LEN 640

struct message {
	void *json; /* owned: what the facts borrow from */
	struct journal_facts facts;
	char sentence[SENTENCE_LEN];
};

/* log_format_fn, each: a journal entry; an RFC 5424 message from this host, a char *. */
void message_for_journal(struct buf *message, const char *line, size_t len, void *arg);
void message_for_syslog(struct buf *message, const char *line, size_t len, void *host);

/* A line that is no JSON, or no memory: facts are empty. */
void message_parse(struct message *message, const char *line, size_t len);
void message_free(struct message *message);

#endif
