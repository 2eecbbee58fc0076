/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Strict parsers of what people type: the whole text must be of the form, no
 * blanks, no signs. 0, -EINVAL (not of the form, empty) or -ERANGE (of the form
 * but out of bounds); what is returned stays untouched on failure.
 */
#ifndef BASE_PARSE_H
#define BASE_PARSE_H

#include <stddef.h>
#include <stdint.h>

#define PARSE_PID_MAX 4194304 /* PID_MAX_LIMIT of a 64-bit kernel */

int parse_u32(const char *text, uint32_t min, uint32_t max, uint32_t *ret_value);
int parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *ret_value);

/*
 * "1,2,3": each 1..PARSE_PID_MAX, repeated ones taken once, in the order given.
 * *ret_pids is for the caller to free. On -EINVAL and -ERANGE *ret_bad is the
 * offset in text of the item at fault; also -ENOMEM. ret_bad may be NULL.
 */
int parse_pids(const char *text, uint32_t **ret_pids, size_t *ret_count, size_t *ret_bad);

/* "10" (seconds), "1.5s", "500ms", "20us", "7ns", "5m", "2h", "7d". 0 is allowed. */
int parse_duration(const char *text, uint64_t *ret_ns);
/* "2026-01-31T23:59:59.123456789Z", or with "+01:00" for the Z: ns since 1970. */
int parse_time(const char *text, uint64_t *ret_unix_ns);
/* "4096", "4K", "16M", "1G", "1T", either case. */
int parse_size(const char *text, uint64_t *ret_bytes);
/* "95%" or "95": 1..100. */
int parse_percent(const char *text, uint32_t *ret_percent);

#endif
