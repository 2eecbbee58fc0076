/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "journal_fields.h"

#include <string.h>

#include "syslog_line.h"

static const struct {
	const char *type, *kind, *id;
} ids[] = {
	{"finding", "leak", JOURNAL_ID_LEAK},	  {"finding", "exhaustion", JOURNAL_ID_EXHAUSTION},
	{"finding", "enomem", JOURNAL_ID_ENOMEM}, {"cleared", NULL, JOURNAL_ID_CLEARED},
	{"enomem", NULL, JOURNAL_ID_REFUSAL},	  {"loss", NULL, JOURNAL_ID_LOSS},
	{"start", NULL, JOURNAL_ID_START},	  {"end", NULL, JOURNAL_ID_END},
};

const char *journal_message_id(const char *type, const char *kind)
{
	for (size_t i = 0; type && i < sizeof(ids) / sizeof(ids[0]); i++) {
		if (!strcmp(type, ids[i].type) && (!ids[i].kind || (kind && !strcmp(kind, ids[i].kind))))
			return ids[i].id;
	}
	return JOURNAL_ID_OTHER;
}

/* NAME=value, or if a newline in it could begin another field: NAME, its length in 64 bits little endian, the bytes. */
static void add_bytes(struct buf *buf, const char *name, const char *value, size_t len)
{
	buf_add_str(buf, name);
	if (memchr(value, '\n', len)) {
		buf_add_char(buf, '\n');
		for (unsigned int i = 0; i < 8; i++)
			buf_add_char(buf, (char)((uint64_t)len >> 8 * i));
	} else {
		buf_add_char(buf, '=');
	}
	buf_add(buf, value, len);
	buf_add_char(buf, '\n');
}

static void add_text(struct buf *buf, const char *name, const char *value)
{
	if (value && *value)
		add_bytes(buf, name, value, strlen(value));
}

void journal_fields(struct buf *buf, const struct journal_facts *facts, const char *json, size_t len)
{
	bool is_said = facts->sentence && *facts->sentence;
	size_t begin = buf->len;

	while (len && json[len - 1] == '\n')
		len--;
	add_text(buf, "MESSAGE", is_said ? facts->sentence : facts->type);
	add_text(buf, "MESSAGE_ID", journal_message_id(facts->type, facts->kind));
	buf_printf(buf, "PRIORITY=%u\n", syslog_severity(facts->severity));
	buf_add_str(buf, "SYSLOG_IDENTIFIER=mmaptrace\n");
	add_text(buf, "MMAPTRACE_TYPE", facts->type);
	add_text(buf, "MMAPTRACE_KIND", facts->kind);
	add_text(buf, "MMAPTRACE_SEVERITY", facts->severity);
	if (facts->pid)
		buf_printf(buf, "MMAPTRACE_PID=%u\n", facts->pid);
	add_text(buf, "MMAPTRACE_COMM", facts->comm);
	add_text(buf, "MMAPTRACE_UNIT", facts->unit);
	add_bytes(buf, "MMAPTRACE_JSON", json, len);
	if (buf->failed)
		buf->len = begin;
}
