/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "buf.h"
#include "utf8.h"

#define MESSAGE_LEN 1024

/* The one piece of state in base: a setting of the process, made once at start, and what stderr had no room for. */
static enum log_level log_level = LOG_LEVEL_INFO;
static unsigned int log_untold;

void log_set_level(enum log_level level)
{
	log_level = level;
}

/* Whoever reads stderr, often the reader of stdout too (2>&1 | less), is not waited for. */
static bool has_room(void)
{
	struct pollfd poll_fd = {.fd = STDERR_FILENO, .events = POLLOUT};

	return poll(&poll_fd, 1, 0) != 0;
}

void log_at(enum log_level level, const char *format, va_list args)
{
	struct buf line = {0};
	char message[MESSAGE_LEN];
	int error = errno;
	size_t len;

	if (level > log_level)
		return;
	if (!has_room()) {
		log_untold++;
		errno = error;
		return;
	}
	vsnprintf(message, sizeof(message), format, args);
	len = strlen(message);
	while (len && message[len - 1] == '\n')
		len--;
	buf_add_str(&line, "mmaptrace: ");
	if (log_untold)
		buf_printf(&line, "(%u messages before this one found no reader) ", log_untold);
	log_untold = 0;
	utf8_escape_terminal(&line, message, len);
	buf_add_char(&line, '\n');
	/* one write, so that lines of several processes do not mix; if stderr is gone, nobody is left to tell */
	if (!line.failed && write(STDERR_FILENO, line.data, line.len) < 0)
		line.failed = true;
	buf_free(&line);
	errno = error;
}

#define LOG_FUNCTION(name, level)                                                                                      \
	void name(const char *format, ...)                                                                             \
	{                                                                                                              \
		va_list args;                                                                                          \
                                                                                                                       \
		va_start(args, format);                                                                                \
		log_at(level, format, args);                                                                           \
		va_end(args);                                                                                          \
	}

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warn, LOG_LEVEL_WARN)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
