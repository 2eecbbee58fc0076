/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The line of `mmaptrace inspect --json`. */
#include <string.h>

#include "json_line.h"

#define FAMILIES 20

static void add_distances(struct json_writer *json, const struct inspection *inspection)
{
	struct refusal_distance distances[REFUSAL_DISTANCES];

	inspection_distances(inspection, distances);
	json_add_array(json, "distances");
	for (unsigned int i = 0; i < REFUSAL_DISTANCES; i++) {
		json_open_object(json);
		json_add_text(json, "operation", distances[i].name);
		json_add_u64(json, "refusal_point", distances[i].point);
		json_add_u64(json, "left", distances[i].left);
		json_close_object(json);
	}
	json_close_array(json);
}

static void add_allowance(struct json_writer *json, const char *key, const struct allowance *allowance)
{
	json_add_object(json, key);
	json_add_u64(json, "used", allowance->used);
	json_add_known_u64(json, "limit", allowance->limit != UINT64_MAX, allowance->limit);
	json_close_object(json);
}

static void add_seams(struct json_writer *json, const uint64_t *seams)
{
	json_add_object(json, "apart_by");
	for (unsigned int seam = SEAM_GAP; seam < SEAMS; seam++) {
		if (seams[seam])
			json_add_u64(json, seam_name(seam), seams[seam]);
	}
	json_close_object(json);
}

static void add_flags(struct json_writer *json, const struct anatomy *anatomy)
{
	json_add_array(json, "flags");
	for (unsigned int bit = 0; bit < 64; bit++) {
		if (!anatomy->flag_seams[bit])
			continue;
		json_open_object(json);
		json_add_known_hex(json, "flag", true, 1ULL << bit);
		json_add_known_text(json, "name", vma_flag_name(bit), vma_flag_name(bit));
		json_add_u64(json, "maps", anatomy->flag_seams[bit]);
		json_close_object(json);
	}
	json_close_array(json);
}

static void put_group(struct json_writer *json, const struct anatomy_group *group)
{
	char prot[8];

	json_open_object(json);
	json_add_text(json, "file", group->file.path);
	line_add_file_identity(json, &group->file);
	json_add_bool(json, "deleted", group->file.deleted);
	json_add_text(json, "prot", anatomy_prot_text(group, prot));
	json_add_u64(json, "maps", group->maps);
	json_add_u64(json, "bytes", group->bytes);
	json_add_u64(json, "least_bytes", group->least);
	json_add_u64(json, "most_bytes", group->most);
	add_seams(json, group->seams);
	json_close_object(json);
}

static void add_groups(struct json_writer *json, const struct anatomy *anatomy, uint32_t rows)
{
	struct anatomy_group *groups = calloc(rows, sizeof(*groups));
	size_t count = groups ? anatomy_top(anatomy, groups, rows) : 0;

	json_add_array(json, "groups");
	for (size_t i = 0; i < count; i++)
		put_group(json, &groups[i]);
	json_close_array(json);
	free(groups);
}

static void add_families(struct json_writer *json, const struct anatomy *anatomy)
{
	struct anatomy_family families[FAMILIES];
	size_t count = anatomy_top_families(anatomy, families, FAMILIES);

	json_add_array(json, "families");
	for (size_t i = 0; i < count; i++) {
		json_open_object(json);
		json_add_text(json, "pattern", families[i].pattern);
		json_add_u64(json, "files", families[i].files);
		json_add_u64(json, "maps", families[i].maps);
		json_add_u64(json, "bytes", families[i].bytes);
		json_add_u64(json, "deleted", families[i].deleted);
		json_close_object(json);
	}
	json_close_array(json);
}

void json_inspection(struct buf *buf, const struct line_context *context, uint64_t ts_ns,
		     const struct inspection *inspection, uint32_t rows)
{
	struct line line = line_begin(buf, context, "inspect", ts_ns);
	const struct anatomy *anatomy = &inspection->anatomy;
	struct json_writer *json = &line.json;
	char advice[ADVICE_LEN];

	json_add_u64(json, "pid", inspection->pid);
	json_add_text(json, "comm", inspection->comm);
	json_add_u64(json, "map_count", anatomy->maps);
	json_add_u64(json, "limit", inspection->limit);
	json_add_double(json, "ratio", inspection->limit ? (double)anatomy->maps / inspection->limit : 0);
	json_add_u64(json, "bytes", anatomy->bytes);
	json_add_u64(json, "threads", inspection->threads);
	json_add_u64(json, "deleted", anatomy->deleted);
	json_add_u64(json, "files", anatomy->files);
	json_add_u64(json, "guards", anatomy->guards);
	add_distances(json, inspection);
	add_allowance(json, "rlimit_as", &inspection->address_space);
	add_allowance(json, "rlimit_data", &inspection->data);
	add_allowance(json, "rlimit_memlock", &inspection->locked);
	add_allowance(json, "rlimit_stack", &inspection->stack);
	add_allowance(json, "commit", &inspection->commit);
	json_add_text(json, "overcommit", inspection_overcommit(inspection));
	add_seams(json, anatomy->seams);
	add_flags(json, anatomy);
	json_add_u64(json, "not_compared", anatomy->without_detail);
	add_groups(json, anatomy, rows);
	json_add_u64(json, "not_grouped", anatomy->not_grouped);
	add_families(json, anatomy);
	json_add_text(json, "advice", anatomy_advice(anatomy, inspection->limit, advice, sizeof(advice)));
	line_end(&line);
}
