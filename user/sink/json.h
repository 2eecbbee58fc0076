/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A streaming JSON writer: values go straight into a buffer, commas come by
 * themselves. The caller keeps brackets and keys in order; nothing is checked.
 * (Names keep clear of jansson's, which the tests link with.)
 */
#ifndef SINK_JSON_H
#define SINK_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

struct json_writer {
	struct buf *buf; /* borrowed */
	bool comma;	 /* the next key or element follows another */
};

/* Opens as a value: of the key before, or as an element. Close with the same kind. */
void json_open_object(struct json_writer *json);
void json_close_object(struct json_writer *json);
void json_open_array(struct json_writer *json);
void json_close_array(struct json_writer *json);

/* Keys are ours: written as they are, never escaped. Here, so that the length of a literal is known to the compiler. */
static inline void json_put_key(struct json_writer *json, const char *key)
{
	size_t len = strlen(key);
	char *at = buf_room(json->buf, len + 4);

	if (!at)
		return;
	*at = ',';
	at += json->comma;
	*at++ = '"';
	memcpy(at, key, len);
	memcpy(at + len, "\":", 2);
	buf_end(json->buf, at + len + 2);
	json->comma = false;
}

void json_put_null(struct json_writer *json);
void json_put_bool(struct json_writer *json, bool value);
void json_put_u64(struct json_writer *json, uint64_t value);
void json_put_i64(struct json_writer *json, int64_t value);
/* Six significant digits; null if not finite. */
void json_put_double(struct json_writer *json, double value);
/* Any bytes up to NUL; NULL is null. */
void json_put_text(struct json_writer *json, const char *text);
/* The same of our own words, known to need no escape. */
void json_put_word(struct json_writer *json, const char *word);
/* "0x7f0000000000", as a string: beyond 2^53 many readers lose digits. */
void json_put_hex(struct json_writer *json, uint64_t value);

/* Key and value at once. */
static inline void json_add_bool(struct json_writer *json, const char *key, bool value)
{
	json_put_key(json, key);
	json_put_bool(json, value);
}

static inline void json_add_u64(struct json_writer *json, const char *key, uint64_t value)
{
	json_put_key(json, key);
	json_put_u64(json, value);
}

static inline void json_add_i64(struct json_writer *json, const char *key, int64_t value)
{
	json_put_key(json, key);
	json_put_i64(json, value);
}

static inline void json_add_double(struct json_writer *json, const char *key, double value)
{
	json_put_key(json, key);
	json_put_double(json, value);
}

static inline void json_add_text(struct json_writer *json, const char *key, const char *text)
{
	json_put_key(json, key);
	json_put_text(json, text);
}

static inline void json_add_word(struct json_writer *json, const char *key, const char *word)
{
	json_put_key(json, key);
	json_put_word(json, word);
}

/* Null unless known. */
static inline void json_add_known_u64(struct json_writer *json, const char *key, bool known, uint64_t value)
{
	json_put_key(json, key);
	if (known)
		json_put_u64(json, value);
	else
		json_put_null(json);
}

static inline void json_add_known_hex(struct json_writer *json, const char *key, bool known, uint64_t value)
{
	json_put_key(json, key);
	if (known)
		json_put_hex(json, value);
	else
		json_put_null(json);
}

static inline void json_add_known_text(struct json_writer *json, const char *key, bool known, const char *text)
{
	json_add_text(json, key, known ? text : NULL);
}

/* Opens it as the value of a key. */
static inline void json_add_object(struct json_writer *json, const char *key)
{
	json_put_key(json, key);
	json_open_object(json);
}

static inline void json_add_array(struct json_writer *json, const char *key)
{
	json_put_key(json, key);
	json_open_array(json);
}

#endif
