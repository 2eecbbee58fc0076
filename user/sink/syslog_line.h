/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A message of syslog, RFC 5424, around a line of JSON. */
#ifndef SINK_SYSLOG_LINE_H
#define SINK_SYSLOG_LINE_H

#include <stdint.h>

#include "buf.h"

/* Facility: daemon. Texts are borrowed; what they hold is made fit, NULL or empty is "-". */
struct syslog_head {
	const char *severity; /* of a finding: "critical", "warning"; anything else is informational */
	uint64_t wall_ns;     /* CLOCK_REALTIME */
	const char *host;
	uint32_t procid;   /* 0: "-" */
	const char *msgid; /* the type of line */
};

/* The number RFC 5424 and the journal know it by: 2, 4 or 6. NULL is 6. */
unsigned int syslog_severity(const char *severity);

/* Appends one message, all or nothing, without a newline and without one in it, nor any other control character. */
void syslog_line(struct buf *buf, const struct syslog_head *head, const char *json, size_t len);

#endif
