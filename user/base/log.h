/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Messages to the operator: one line each on stderr, "mmaptrace: ...". For app
 * and io alone; base, core and sink return errors instead. What is unprintable
 * in a message is escaped here, so comm and paths may be passed as they are.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdarg.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Messages up to this level are shown; LOG_LEVEL_INFO until set. */
void log_set_level(enum log_level level);

void log_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* For callbacks that bring their own va_list. */
void log_at(enum log_level level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

#endif
