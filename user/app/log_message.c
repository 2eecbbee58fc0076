/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "log_message.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "syslog_line.h"

#define SECOND_NS 1000000000ULL

static const char *text_of(const json_t *object, const char *key)
{
	return json_string_value(json_object_get(object, key));
}

/* One that a person reads in `journalctl`, without the fields. */
static void make_sentence(struct message *message, const json_t *json)
{
	const struct journal_facts *facts = &message->facts;
	const char *advice = text_of(json, "advice"), *what = text_of(json, "what"), *reason = text_of(json, "reason");
	long long maps = json_integer_value(json_object_get(json, "map_count"));
	long long limit = json_integer_value(json_object_get(json, "limit"));
	char *to = message->sentence;

	if (!facts->type)
		return;
	if (!strcmp(facts->type, "finding") && facts->kind && facts->severity)
		snprintf(to, SENTENCE_LEN, "%s[%u]: %s (%s): %lld of %lld maps: %s", facts->comm ? facts->comm : "?",
			 facts->pid, facts->kind, facts->severity, maps, limit, advice ? advice : "");
	else if (!strcmp(facts->type, "enomem"))
		snprintf(to, SENTENCE_LEN, "%s[%u]: refused by %s", facts->comm ? facts->comm : "?", facts->pid,
			 reason ? reason : "?");
	else if (!strcmp(facts->type, "cleared") && facts->kind)
		snprintf(to, SENTENCE_LEN, "%s[%u]: %s cleared", facts->comm ? facts->comm : "?", facts->pid,
			 facts->kind);
	else if (!strcmp(facts->type, "loss"))
		snprintf(to, SENTENCE_LEN, "lost: %lld %s",
			 (long long)json_integer_value(json_object_get(json, "count")), what ? what : "");
	else if (facts->comm)
		snprintf(to, SENTENCE_LEN, "%s: %s[%u], %lld maps", facts->type, facts->comm, facts->pid, maps);
	else
		snprintf(to, SENTENCE_LEN, "%s", facts->type);
}

void message_parse(struct message *message, const char *line, size_t len)
{
	json_t *json = json_loadb(line, len, JSON_DISABLE_EOF_CHECK, NULL);

	memset(message, 0, sizeof(*message));
	message->json = json;
	if (!json)
		return;
	message->facts = (struct journal_facts){
		.type = text_of(json, "type"),
		.kind = text_of(json, "kind"),
		.severity = text_of(json, "severity"),
		.comm = text_of(json, "comm"),
		.unit = text_of(json, "unit"),
		.pid = (uint32_t)json_integer_value(json_object_get(json, "pid")),
	};
	make_sentence(message, json);
	message->facts.sentence = message->sentence;
}

void message_free(struct message *message)
{
	json_decref(message->json);
}

void message_for_journal(struct buf *buf, const char *line, size_t len, void *arg)
{
	struct message message;

	(void)arg;
	message_parse(&message, line, len);
	journal_fields(buf, &message.facts, line, len);
	message_free(&message);
}

void message_for_syslog(struct buf *buf, const char *line, size_t len, void *host)
{
	struct message message;
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	message_parse(&message, line, len);
	syslog_line(buf,
		    &(struct syslog_head){
			    .severity = message.facts.severity,
			    .wall_ns = (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec,
			    .host = host,
			    .procid = (uint32_t)getpid(),
			    .msgid = message.facts.type,
		    },
		    line, len);
	message_free(&message);
}
