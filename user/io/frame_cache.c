/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "frame_cache.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_MAX 32768
#define TEXT_MAX   4096 /* bytes of a function's or a file's name */

struct cached_frame *frame_cache_find(struct frame_cache *cache, const struct frame_key *key)
{
	struct cached_frame *frame;

	HASH_FIND(hh, cache->table, key, sizeof(*key), frame);
	return frame;
}

static void frame_free(struct frame_cache *cache, struct cached_frame *frame)
{
	HASH_DEL(cache->table, frame);
	buf_free(&frame->texts);
	free(frame);
}

struct cached_frame *frame_cache_add(struct frame_cache *cache, const struct frame_key *key)
{
	struct cached_frame *frame;

	if (HASH_COUNT(cache->table) >= FRAMES_MAX)
		frame_free(cache, cache->table);
	frame = calloc(1, sizeof(*frame));
	if (!frame)
		return NULL;
	frame->key = *key;
	HASH_ADD(hh, cache->table, key, sizeof(frame->key), frame);
	return frame;
}

static uint32_t text_add(struct buf *texts, const char *text)
{
	uint32_t place = (uint32_t)texts->len + 1;

	if (!text)
		return 0;
	buf_add(texts, text, strnlen(text, TEXT_MAX - 1));
	buf_add(texts, "", 1);
	return texts->failed ? 0 : place;
}

void cached_frame_add(void *arg, const char *function, const char *file, uint32_t line, bool inlined)
{
	struct cached_frame *frame = arg;
	struct cached_line *to = &frame->lines[frame->count];

	if (frame->count == WIRE_INLINES_MAX)
		return;
	to->function = text_add(&frame->texts, function);
	to->file = text_add(&frame->texts, file);
	to->line = line;
	to->inlined = inlined;
	frame->count++;
}

const char *cached_frame_text(const struct cached_frame *frame, uint32_t place)
{
	return place ? frame->texts.data + place - 1 : NULL;
}

void frame_cache_free(struct frame_cache *cache)
{
	while (cache->table)
		frame_free(cache, cache->table);
}
