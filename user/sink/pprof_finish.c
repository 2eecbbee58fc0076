/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The file of a profile: its parts one behind the other, in gzip. */
#include <errno.h>
#include <zlib.h>

#include "pprof.h"
#include "pprof_parts.h"
#include "profile.pb-c.h"

#define GZIP_WINDOW_BITS (15 + 16) /* the largest window, and a header of gzip */
#define GZIP_MEMORY	 8	   /* zlib's default */
#define PIECE		 (64U << 10)

static const char *value_unit(enum profile_value value)
{
	return value == PROFILE_BYTES ? "bytes" : "count";
}

static int value_type(struct pprof *pprof, enum profile_value value, Perftools__Profiles__ValueType *ret_type)
{
	uint64_t type, unit;

	perftools__profiles__value_type__init(ret_type);
	if (pprof_text(pprof, profile_value_name(value), &type) || pprof_text(pprof, value_unit(value), &unit))
		return -ENOMEM;
	ret_type->type = (int64_t)type;
	ret_type->unit = (int64_t)unit;
	return 0;
}

/* Adds texts, so it comes before the tables. Every call is counted: a period of one. */
static int put_head(struct buf *buf, struct pprof *pprof, const struct pprof_time *time)
{
	Perftools__Profiles__Profile profile = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__ValueType types[PROFILE_VALUES], *pointers[PROFILE_VALUES];

	for (unsigned int i = 0; i < PROFILE_VALUES; i++) {
		if (value_type(pprof, i, &types[i]))
			return -ENOMEM;
		pointers[i] = &types[i];
	}
	profile.sample_type = pointers;
	profile.n_sample_type = PROFILE_VALUES;
	profile.default_sample_type = types[PROFILE_LIVE].type;
	profile.period_type = &types[PROFILE_CALLS];
	profile.period = 1;
	profile.time_nanos = time->unix_ns;
	profile.duration_nanos = time->duration_ns;
	pprof_put(buf, &profile.base);
	return buf->failed ? -ENOMEM : 0;
}

/* zlib counts in 32 bits. */
static void feed(z_stream *stream, const char *end)
{
	size_t left = (size_t)(end - (const char *)stream->next_in);

	if (!stream->avail_in)
		stream->avail_in = left < UINT32_MAX ? (uInt)left : UINT32_MAX;
}

static int deflate_all(z_stream *stream, const struct buf *from, struct buf *to)
{
	const char *end = from->data + from->len;
	int status = Z_OK;

	stream->next_in = (Bytef *)from->data;
	while (status == Z_OK) {
		char *room = buf_room(to, PIECE);
		bool is_last;

		if (!room)
			return -ENOMEM;
		feed(stream, end);
		is_last = (const char *)stream->next_in + stream->avail_in == end;
		stream->next_out = (Bytef *)room;
		stream->avail_out = PIECE;
		status = deflate(stream, is_last ? Z_FINISH : Z_NO_FLUSH);
		buf_end(to, (const char *)stream->next_out);
	}
	return status == Z_STREAM_END ? 0 : -EIO;
}

static int gzip(const struct buf *from, struct buf *to)
{
	z_stream stream = {.zalloc = Z_NULL};
	size_t start = to->len;
	int error;

	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEMORY,
			 Z_DEFAULT_STRATEGY) != Z_OK)
		return -ENOMEM;
	error = deflate_all(&stream, from, to);
	deflateEnd(&stream);
	if (error)
		to->len = start;
	return error;
}

/* The parts go behind the samples, which would otherwise be there twice, and off again. */
int pprof_finish(struct pprof *pprof, const struct pprof_time *time, struct buf *buf)
{
	struct buf *all = &pprof->samples;
	size_t samples_len = all->len;
	int error = pprof->error;

	if (!error)
		error = put_head(all, pprof, time);
	if (!error)
		error = pprof_put_tables(all, pprof);
	if (!error)
		error = gzip(all, buf);
	all->len = samples_len;
	return error;
}
