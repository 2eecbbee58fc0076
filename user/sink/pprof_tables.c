/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What samples refer to: functions, locations, mappings, texts. */
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "pprof_parts.h"
#include "profile.pb-c.h"

void pprof_put(struct buf *buf, const ProtobufCMessage *message)
{
	size_t size = protobuf_c_message_get_packed_size(message);
	char *at = buf_room(buf, size);

	if (at)
		buf_end(buf, at + protobuf_c_message_pack(message, (uint8_t *)at));
}

static void put_texts(struct buf *buf, const struct intern *texts)
{
	for (struct interned *text = texts->first; text; text = text->hh.next) {
		Perftools__Profiles__Profile profile = PERFTOOLS__PROFILES__PROFILE__INIT;
		char *string = text->key;

		profile.string_table = &string;
		profile.n_string_table = 1;
		pprof_put(buf, &profile.base);
	}
}

static void put_functions(struct buf *buf, const struct intern *functions)
{
	for (struct interned *entry = functions->first; entry; entry = entry->hh.next) {
		Perftools__Profiles__Profile profile = PERFTOOLS__PROFILES__PROFILE__INIT;
		Perftools__Profiles__Function function = PERFTOOLS__PROFILES__FUNCTION__INIT, *pointer = &function;
		const struct function_key *key = (const void *)entry->key;

		function.id = entry->index + 1;
		function.name = (int64_t)key->name;
		/* not what the linker says, but where the two are alike, pprof leaves parameters and the like out */
		function.system_name = (int64_t)key->name;
		function.filename = (int64_t)key->file;
		profile.function = &pointer;
		profile.n_function = 1;
		pprof_put(buf, &profile.base);
	}
}

/* ---- locations ---- */

static size_t line_count(const struct interned *location)
{
	return (location->len - sizeof(struct location_key)) / sizeof(struct line_key);
}

static int put_location(struct buf *buf, const struct interned *entry)
{
	Perftools__Profiles__Profile profile = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Location location = PERFTOOLS__PROFILES__LOCATION__INIT, *pointer = &location;
	const struct location_key *key = (const void *)entry->key;
	size_t count = line_count(entry);
	/* one more: none is no failure */
	Perftools__Profiles__Line *lines _cleanup_free_ = calloc(count + 1, sizeof(*lines));
	Perftools__Profiles__Line **pointers _cleanup_free_ = calloc(count + 1, sizeof(*pointers));

	if (!lines || !pointers)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		perftools__profiles__line__init(&lines[i]);
		lines[i].function_id = key->lines[i].function;
		lines[i].line = (int64_t)key->lines[i].line;
		pointers[i] = &lines[i];
	}
	location.id = entry->index + 1;
	location.mapping_id = key->mapping;
	location.address = key->address;
	location.line = pointers;
	location.n_line = count;
	profile.location = &pointer;
	profile.n_location = 1;
	pprof_put(buf, &profile.base);
	return 0;
}

static int put_locations(struct buf *buf, const struct intern *locations)
{
	int error = 0;

	for (struct interned *entry = locations->first; entry && !error; entry = entry->hh.next)
		error = put_location(buf, entry);
	return error;
}

/* ---- mappings ---- */

/* What a mapping has only if no location of it lacks it; and inlined frames, which it has if one has them. */
struct resolved {
	bool lacks_functions, lacks_files, lacks_lines, has_inlined;
};

static const struct interned **functions_by_index(const struct intern *functions)
{
	const struct interned **all = calloc(intern_count(functions) + 1, sizeof(const struct interned *));

	for (struct interned *entry = functions->first; all && entry; entry = entry->hh.next)
		all[entry->index] = entry;
	return all;
}

static void resolved_add(struct resolved *resolved, const struct interned *location,
			 const struct interned *const *functions)
{
	const struct location_key *key = (const void *)location->key;
	size_t count = line_count(location);

	resolved->has_inlined |= count > 1;
	resolved->lacks_functions |= !count;
	resolved->lacks_files |= !count;
	resolved->lacks_lines |= !count;
	for (size_t i = 0; i < count; i++) {
		const struct function_key *function = (const void *)functions[key->lines[i].function - 1]->key;

		resolved->lacks_functions |= !function->name;
		resolved->lacks_files |= !function->file;
		resolved->lacks_lines |= !key->lines[i].line;
	}
}

/* Of each mapping by its id. NULL: out of memory. */
static struct resolved *resolved_of(const struct pprof *pprof)
{
	struct resolved *resolved _cleanup_free_ = calloc(intern_count(&pprof->mappings) + 1, sizeof(*resolved));
	const struct interned **functions _cleanup_free_ = functions_by_index(&pprof->functions);

	if (!resolved || !functions)
		return NULL;
	for (struct interned *entry = pprof->locations.first; entry; entry = entry->hh.next) {
		const struct location_key *key = (const void *)entry->key;

		resolved_add(&resolved[key->mapping], entry, functions);
	}
	return TAKE_PTR(resolved);
}

static void put_mapping(struct buf *buf, const struct interned *entry, const struct resolved *resolved)
{
	Perftools__Profiles__Profile profile = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Mapping mapping = PERFTOOLS__PROFILES__MAPPING__INIT, *pointer = &mapping;
	const struct mapping_key *key = (const void *)entry->key;

	mapping.id = entry->index + 1;
	/* addresses are the file's own: a mapping of all there are is how pprof is told so (elfexec.GetBase) */
	mapping.memory_limit = UINT64_MAX;
	mapping.filename = (int64_t)key->file;
	mapping.build_id = (int64_t)key->build_id;
	mapping.has_functions = !resolved->lacks_functions;
	/* any of these would keep pprof from looking for the functions */
	mapping.has_filenames = mapping.has_functions && !resolved->lacks_files;
	mapping.has_line_numbers = mapping.has_functions && !resolved->lacks_lines;
	mapping.has_inline_frames = resolved->has_inlined;
	profile.mapping = &pointer;
	profile.n_mapping = 1;
	pprof_put(buf, &profile.base);
}

static bool is_program(const struct pprof *pprof, const struct interned *mapping)
{
	const struct mapping_key *key = (const void *)mapping->key;

	return pprof->program && key->file == pprof->program;
}

/* The first one is the program, by whose name readers call the profile. */
static int put_mappings(struct buf *buf, const struct pprof *pprof)
{
	struct resolved *resolved _cleanup_free_ = resolved_of(pprof);

	if (!resolved)
		return -ENOMEM;
	for (int others = 0; others < 2; others++) {
		for (struct interned *entry = pprof->mappings.first; entry; entry = entry->hh.next) {
			if (is_program(pprof, entry) != others)
				put_mapping(buf, entry, &resolved[entry->index + 1]);
		}
	}
	return 0;
}

int pprof_put_tables(struct buf *buf, const struct pprof *pprof)
{
	put_texts(buf, &pprof->texts);
	put_functions(buf, &pprof->functions);
	if (put_locations(buf, &pprof->locations) || put_mappings(buf, pprof))
		return -ENOMEM;
	return buf->failed ? -ENOMEM : 0;
}
