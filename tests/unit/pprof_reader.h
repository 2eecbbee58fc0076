/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Profiles read back by protobuf-c, and what is to be found in them; brings cmocka along. */
#ifndef PPROF_READER_H
#define PPROF_READER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "cleanup.h"
#include "profile.pb-c.h"

#define PLAIN_MAX (64U << 20)

typedef Perftools__Profiles__Profile profile_t;

static inline profile_t *profile_unpack(const struct buf *file)
{
	void *plain _cleanup_free_ = malloc(PLAIN_MAX);
	z_stream stream = {
		.next_in = (Bytef *)file->data, .avail_in = (uInt)file->len, .next_out = plain, .avail_out = PLAIN_MAX};
	profile_t *profile;

	assert_non_null(plain);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK); /* gzip alone */
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.avail_in, 0);
	inflateEnd(&stream);
	profile = perftools__profiles__profile__unpack(NULL, stream.total_out, plain);
	assert_non_null(profile);
	return profile;
}

static inline void release(profile_t *profile)
{
	perftools__profiles__profile__free_unpacked(profile, NULL);
}

static inline const char *text(const profile_t *profile, int64_t index)
{
	assert_in_range(index, 0, profile->n_string_table - 1);
	return profile->string_table[index];
}

static inline Perftools__Profiles__Location *location(const profile_t *profile, uint64_t id)
{
	for (size_t i = 0; i < profile->n_location; i++) {
		if (profile->location[i]->id == id)
			return profile->location[i];
	}
	fail_msg("no location %llu", (unsigned long long)id);
	return NULL;
}

static inline Perftools__Profiles__Function *function(const profile_t *profile, const Perftools__Profiles__Line *line)
{
	for (size_t i = 0; i < profile->n_function; i++) {
		if (profile->function[i]->id == line->function_id)
			return profile->function[i];
	}
	fail_msg("no function %llu", (unsigned long long)line->function_id);
	return NULL;
}

static inline Perftools__Profiles__Mapping *mapping(const profile_t *profile, const char *file)
{
	for (size_t i = 0; i < profile->n_mapping; i++) {
		if (!strcmp(text(profile, profile->mapping[i]->filename), file))
			return profile->mapping[i];
	}
	fail_msg("no mapping of %s", file);
	return NULL;
}

static inline Perftools__Profiles__Label *label(const profile_t *profile, unsigned int sample, const char *key)
{
	const Perftools__Profiles__Sample *from = profile->sample[sample];

	for (size_t i = 0; i < from->n_label; i++) {
		if (!strcmp(text(profile, from->label[i]->key), key))
			return from->label[i];
	}
	return NULL;
}

static inline void expect_label(const profile_t *profile, unsigned int sample, const char *key, const char *value)
{
	const Perftools__Profiles__Label *found = label(profile, sample, key);

	assert_non_null(found);
	assert_string_equal(text(profile, found->str), value);
}

static inline void expect_line(const profile_t *profile, const Perftools__Profiles__Line *line, const char *name,
			       const char *file, int64_t number)
{
	const Perftools__Profiles__Function *found = function(profile, line);

	assert_string_equal(text(profile, found->name), name);
	assert_string_equal(text(profile, found->filename), file);
	assert_int_equal(line->line, number);
}

/* Every reference leads somewhere, and as many values as there are types: else pprof refuses the file. */
static inline void expect_sound(const profile_t *profile)
{
	assert_string_equal(profile->string_table[0], "");
	for (size_t i = 0; i < profile->n_sample; i++) {
		assert_int_equal(profile->sample[i]->n_value, profile->n_sample_type);
		assert_true(profile->sample[i]->n_location_id > 0);
		for (size_t j = 0; j < profile->sample[i]->n_location_id; j++)
			assert_in_range(profile->sample[i]->location_id[j], 1, profile->n_location);
	}
	/* dense ids, so that a count is as good as a look at each */
	for (size_t i = 0; i < profile->n_location; i++) {
		assert_int_equal(profile->location[i]->id, i + 1);
		assert_in_range(profile->location[i]->mapping_id, 0, profile->n_mapping);
		for (size_t j = 0; j < profile->location[i]->n_line; j++)
			assert_in_range(profile->location[i]->line[j]->function_id, 1, profile->n_function);
	}
	for (size_t i = 0; i < profile->n_function; i++) {
		assert_int_equal(profile->function[i]->id, i + 1);
		text(profile, profile->function[i]->name);
	}
}

#endif
