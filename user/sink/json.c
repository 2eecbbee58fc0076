/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

/* Goes before every key and every value: after a key, comma is false. */
static void put_comma(struct json_writer *json)
{
	if (json->comma)
		buf_add_char(json->buf, ',');
	json->comma = true;
}

static void open_with(struct json_writer *json, char bracket)
{
	put_comma(json);
	buf_add_char(json->buf, bracket);
	json->comma = false;
}

static void close_with(struct json_writer *json, char bracket)
{
	buf_add_char(json->buf, bracket);
	json->comma = true;
}

void json_open_object(struct json_writer *json)
{
	open_with(json, '{');
}

void json_close_object(struct json_writer *json)
{
	close_with(json, '}');
}

void json_open_array(struct json_writer *json)
{
	open_with(json, '[');
}

void json_close_array(struct json_writer *json)
{
	close_with(json, ']');
}

void json_put_null(struct json_writer *json)
{
	put_comma(json);
	buf_add_str(json->buf, "null");
}

void json_put_bool(struct json_writer *json, bool value)
{
	put_comma(json);
	buf_add_str(json->buf, value ? "true" : "false");
}

void json_put_u64(struct json_writer *json, uint64_t value)
{
	put_comma(json);
	buf_add_u64(json->buf, value);
}

void json_put_i64(struct json_writer *json, int64_t value)
{
	put_comma(json);
	buf_add_i64(json->buf, value);
}

/* ncurses users call setlocale(): whatever stands for the point there, of however many bytes, must not get in here. */
static void point_to_ascii(char *text)
{
	char *point = text + strspn(text, "0123456789+-");
	size_t len = strcspn(point, "0123456789e");

	if (!len)
		return;
	*point = '.';
	memmove(point + 1, point + len, strlen(point + len) + 1);
}

void json_put_double(struct json_writer *json, double value)
{
	char text[40];

	if (!isfinite(value)) {
		json_put_null(json);
		return;
	}
	put_comma(json);
	snprintf(text, sizeof(text), "%.6g", value);
	point_to_ascii(text);
	buf_add_str(json->buf, text);
}

void json_put_text(struct json_writer *json, const char *text)
{
	if (!text) {
		json_put_null(json);
		return;
	}
	put_comma(json);
	buf_add_char(json->buf, '"');
	utf8_escape_json(json->buf, text, strlen(text));
	buf_add_char(json->buf, '"');
}

void json_put_word(struct json_writer *json, const char *word)
{
	size_t len = strlen(word);
	char *at;

	put_comma(json);
	at = buf_room(json->buf, len + 2);
	if (!at)
		return;
	*at++ = '"';
	memcpy(at, word, len);
	at[len] = '"';
	buf_end(json->buf, at + len + 1);
}

void json_put_hex(struct json_writer *json, uint64_t value)
{
	put_comma(json);
	buf_add_str(json->buf, "\"0x");
	buf_add_hex(json->buf, value);
	buf_add_char(json->buf, '"');
}
