/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Sockets as destinations: journald by its native protocol, syslog by RFC 5424. */
#ifndef IO_LOG_SOCKET_H
#define IO_LOG_SOCKET_H

#include "export.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/* Makes a message of a line, without its newline: appends it. */
typedef void log_format_fn(struct buf *message, const char *line, size_t len, void *arg);

/* Nobody needs to listen yet: it is connected to when there is something to write. 0 or negative errno. */
int log_journal_new(const char *path, log_format_fn *format, void *arg, struct destination *ret_destination);
/*
 * address: "/PATH" of a datagram or stream socket, "udp:HOST:PORT", "tcp:HOST:PORT" (octet counting, RFC 6587). 0 or
 * negative errno.
 */
int log_syslog_new(const char *address, log_format_fn *format, void *arg, struct destination *ret_destination);

#endif
