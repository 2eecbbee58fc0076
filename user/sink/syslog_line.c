/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "syslog_line.h"

#include <string.h>

#include "units.h"

#define FACILITY_DAEMON 3
#define HOST_LEN	255 /* these three: RFC 5424, section 6 */
#define MSGID_LEN	32
#define MICROSECOND_LEN 26 /* "2026-01-31T23:59:59.000000": more digits than six are not allowed */

unsigned int syslog_severity(const char *severity)
{
	if (severity && !strcmp(severity, "critical"))
		return 2;
	return severity && !strcmp(severity, "warning") ? 4 : 6;
}

/* A word of PRINTUSASCII, which a blank would end. */
static void add_name(struct buf *buf, const char *name, size_t max)
{
	size_t len = name ? strnlen(name, max) : 0;

	buf_add_char(buf, ' ');
	for (size_t i = 0; i < len; i++)
		buf_add_char(buf, name[i] > ' ' && name[i] < 0x7f ? name[i] : '_');
	if (!len)
		buf_add_char(buf, '-');
}

static void add_time(struct buf *buf, uint64_t wall_ns)
{
	char text[UNITS_LEN];

	units_time((int64_t)wall_ns, text, sizeof(text));
	buf_add_char(buf, ' ');
	buf_add(buf, text, strnlen(text, MICROSECOND_LEN));
	buf_add_char(buf, 'Z');
}

/* Between two control characters, each of which becomes a blank, bytes are added as they are. */
static void add_text(struct buf *buf, const char *text, size_t len)
{
	size_t start = 0;

	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)text[i] >= ' ' && text[i] != 0x7f)
			continue;
		buf_add(buf, text + start, i - start);
		buf_add_char(buf, ' ');
		start = i + 1;
	}
	buf_add(buf, text + start, len - start);
}

void syslog_line(struct buf *buf, const struct syslog_head *head, const char *json, size_t len)
{
	size_t begin = buf->len;

	while (len && (json[len - 1] == '\n' || json[len - 1] == '\r'))
		len--;
	buf_printf(buf, "<%u>1", FACILITY_DAEMON * 8 + syslog_severity(head->severity));
	add_time(buf, head->wall_ns);
	add_name(buf, head->host, HOST_LEN);
	buf_add_str(buf, " mmaptrace ");
	if (head->procid)
		buf_add_u64(buf, head->procid);
	else
		buf_add_char(buf, '-');
	add_name(buf, head->msgid, MSGID_LEN);
	buf_add_str(buf, " - "); /* no structured data: all of it is in the JSON */
	add_text(buf, json, len);
	if (buf->failed)
		buf->len = begin;
}
