/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Untrusted bytes made fit to show: UTF-8 decoded, escaped for JSON or for a
 * terminal, measured and clipped in columns. No locale: the world is UTF-8.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"

#define UTF8_REPLACEMENT 0xfffdU
#define UTF8_CLIP_MARK	 '~' /* stands where something was cut; ASCII, for terminals that know no more */

/*
 * Decodes the first character of len (at least 1) bytes. Returns the bytes it
 * takes; an invalid sequence is UTF8_REPLACEMENT and takes as many bytes as
 * could have begun a valid one, at least 1 (Unicode, chapter 3.9).
 */
size_t utf8_decode(const char *bytes, size_t len, uint32_t *ret_rune);

/* The inside of a JSON string, without its quotes. Valid UTF-8 and JSON whatever the bytes are. */
void utf8_escape_json(struct buf *buf, const char *bytes, size_t len);
/*
 * Harmless on a terminal: control characters become \n, \x1b ..., invisible
 * and direction-changing ones \u202e ... Printable UTF-8 stays, a backslash
 * too, so that escaping twice does no harm.
 */
void utf8_escape_terminal(struct buf *buf, const char *bytes, size_t len);

/* Columns that text takes, which must have been escaped. */
unsigned int utf8_width(const char *bytes, size_t len);
/*
 * Appends escaped text in at most `columns` columns, cut at its end with
 * UTF8_CLIP_MARK if need be, or (utf8_clip_start) at its start, as suits paths.
 * Returns the columns used.
 */
unsigned int utf8_clip(struct buf *buf, const char *bytes, size_t len, unsigned int columns);
unsigned int utf8_clip_start(struct buf *buf, const char *bytes, size_t len, unsigned int columns);

#endif
