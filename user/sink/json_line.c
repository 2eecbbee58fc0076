/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "json_line.h"

#include "figures.h"
#include "place.h"
#include "units.h"

void line_add_time(struct line *line, const char *key, uint64_t boot_ns)
{
	char text[UNITS_LEN];

	json_add_word(&line->json, key,
		      units_time(figures_unix_ns(boot_ns, line->context->wall_offset_ns), text, sizeof(text)));
}

static struct line line_open(struct buf *buf, const struct line_context *context, const char *type, uint64_t ts_ns)
{
	struct line line = {.json = {.buf = buf}, .context = context, .start = buf->len};

	json_open_object(&line.json);
	json_add_u64(&line.json, "schema", 1);
	json_add_word(&line.json, "type", type);
	line_add_time(&line, "ts", ts_ns);
	return line;
}

struct line line_begin(struct buf *buf, const struct line_context *context, const char *type, uint64_t ts_ns)
{
	struct line line = line_open(buf, context, type, ts_ns);

	json_add_text(&line.json, "host", context->host);
	return line;
}

static void add_place(struct line *line, const char *cgroup)
{
	struct place place;

	place_find(cgroup, &place);
	if (place.runtime)
		json_add_text(&line->json, "container_runtime", place.runtime);
	if (*place.unit)
		json_add_text(&line->json, "unit", place.unit);
	if (*place.pod_uid)
		json_add_text(&line->json, "pod_uid", place.pod_uid);
}

static void add_process(struct line *line, const struct process *process)
{
	json_add_text(&line->json, "host", line->context->host);
	json_add_u64(&line->json, "pid", process->key.pid);
	json_add_text(&line->json, "comm", process->comm);
	line_add_time(line, "start_time", process->key.start_ns);
	if (process->cgroup)
		json_add_text(&line->json, "cgroup", process->cgroup);
	if (process->container_id)
		json_add_text(&line->json, "container_id", process->container_id);
	if (process->cgroup)
		add_place(line, process->cgroup);
}

static bool cache_is_of(const struct line_cache *cache, const struct process *process)
{
	return cache->text.len && cache->key.pid == process->key.pid && cache->key.start_ns == process->key.start_ns &&
	       cache->cgroup == process->cgroup && cache->container_id == process->container_id &&
	       !memcmp(cache->comm, process->comm, sizeof(cache->comm));
}

/* Keeps what add_process has written from `start` on; nothing, if there is no memory for it. */
static void cache_keep(struct line_cache *cache, const struct process *process, const struct buf *buf, size_t start)
{
	cache->text.len = 0;
	cache->text.failed = false;
	if (buf->failed)
		return;
	buf_add(&cache->text, buf->data + start, buf->len - start);
	cache->key = process->key;
	cache->cgroup = process->cgroup;
	cache->container_id = process->container_id;
	memcpy(cache->comm, process->comm, sizeof(cache->comm));
}

void line_cache_free(struct line_cache *cache)
{
	buf_free(&cache->text);
}

struct line line_begin_process(struct buf *buf, const struct line_context *context, const char *type, uint64_t ts_ns,
			       const struct process *process)
{
	struct line line = line_open(buf, context, type, ts_ns);
	size_t start = buf->len;

	if (context->cache && cache_is_of(context->cache, process)) {
		buf_add(buf, context->cache->text.data, context->cache->text.len);
		return line;
	}
	add_process(&line, process);
	if (context->cache)
		cache_keep(context->cache, process, buf, start);
	return line;
}

void line_end(struct line *line)
{
	struct buf *buf = line->json.buf;

	json_close_object(&line->json);
	buf_add_char(buf, '\n');
	if (buf->failed)
		buf->len = line->start;
}

void line_add_file_identity(struct json_writer *json, const struct file_id *file)
{
	json_put_key(json, "dev");
	buf_add_char(json->buf, '"');
	buf_add_u64(json->buf, file->dev_major);
	buf_add_char(json->buf, ':');
	buf_add_u64(json->buf, file->dev_minor);
	buf_add_char(json->buf, '"');
	json->comma = true;
	json_add_u64(json, "inode", file->inode);
	json_add_word(json, "kind", file_kind_name(file->kind));
}

void line_add_tally(struct json_writer *json, uint64_t calls, uint64_t failed, int64_t delta)
{
	json_add_u64(json, "calls", calls);
	json_add_u64(json, "failed", failed);
	json_add_i64(json, "delta", delta);
}
