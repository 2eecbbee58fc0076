/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `mmaptrace inspect` for people. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "row.h"
#include "text.h"
#include "units.h"
#include "utf8.h"

#define INDENT	      2
#define NAME_COLUMNS  46
#define COUNT_COLUMNS 13
#define BYTES_COLUMNS 11
#define SEAM_COLUMNS  22
#define PATH_LEN      704
#define FEW_FILES     32 /* fewer need no families */
#define FAMILIES      5

/* A label, then figures. */
static void put_line(struct buf *buf, const struct text_style *style, enum paint paint, const char *label,
		     const char *const *figures, unsigned int count)
{
	struct row row = row_begin(buf, style, INDENT);

	row_blanks(&row, INDENT);
	row_left(&row, paint, label, NAME_COLUMNS);
	for (unsigned int i = 0; i < count; i++)
		row_right(&row, paint, figures[i], COUNT_COLUMNS);
	row_end(&row);
}

static void put_headline(struct buf *buf, const struct text_style *style, const struct inspection *inspection)
{
	const struct anatomy *anatomy = &inspection->anatomy;
	char comm[sizeof(inspection->comm) * 4], text[UNITS_LEN];
	struct row row = row_begin(buf, style, INDENT);

	row_chunkf(&row, PAINT_BOLD, "%s[%u]:", row_escape(inspection->comm, comm, sizeof(comm)), inspection->pid);
	row_chunk(&row, PAINT_BOLD, units_plural(anatomy->maps, "map", text, sizeof(text)));
	row_share(&row, anatomy->maps, inspection->limit);
	row_mark(&row, ',');
	row_chunk(&row, PAINT_PLAIN, units_bytes(anatomy->bytes, text, sizeof(text)));
	row_mark(&row, ',');
	row_chunk(&row, PAINT_PLAIN, units_plural(inspection->threads, "thread", text, sizeof(text)));
	row_end(&row);
	buf_add_char(buf, '\n');
}

static void put_distances(struct buf *buf, const struct text_style *style, const struct inspection *inspection)
{
	static const char *const titles[] = {"REFUSED FROM", "MAPS LEFT"};
	struct refusal_distance distances[REFUSAL_DISTANCES];

	inspection_distances(inspection, distances);
	put_line(buf, style, PAINT_DIM, "OPERATION", titles, 2);
	for (unsigned int i = 0; i < REFUSAL_DISTANCES; i++) {
		char point[UNITS_LEN], left[UNITS_LEN];
		const char *const figures[] = {units_count(distances[i].point, point, sizeof(point)),
					       units_count(distances[i].left, left, sizeof(left))};

		put_line(buf, style, distances[i].left ? PAINT_PLAIN : PAINT_RED, distances[i].name, figures, 2);
	}
	buf_add_char(buf, '\n');
}

static void put_allowance(struct buf *buf, const struct text_style *style, const char *name,
			  const struct allowance *allowance)
{
	char used[UNITS_LEN], limit[UNITS_LEN];
	const char *const figures[] = {
		units_bytes(allowance->used, used, sizeof(used)),
		allowance->limit == UINT64_MAX ? "unlimited" : units_bytes(allowance->limit, limit, sizeof(limit)),
	};

	put_line(buf, style, allowance->used > allowance->limit - allowance->limit / 10 ? PAINT_RED : PAINT_PLAIN, name,
		 figures, 2);
}

static void put_allowances(struct buf *buf, const struct text_style *style, const struct inspection *inspection)
{
	static const char *const titles[] = {"USED", "LIMIT"};
	struct allowance commit = inspection->commit;
	char name[UNITS_LEN * 2];

	/* The limit is kept only with vm.overcommit_memory = 2. */
	if (inspection->overcommit != 2)
		commit.limit = UINT64_MAX;
	snprintf(name, sizeof(name), "committed, whole machine (%s)", inspection_overcommit(inspection));
	put_line(buf, style, PAINT_DIM, "MEMORY", titles, 2);
	put_allowance(buf, style, "address space (RLIMIT_AS)", &inspection->address_space);
	put_allowance(buf, style, "data (RLIMIT_DATA)", &inspection->data);
	put_allowance(buf, style, "locked (RLIMIT_MEMLOCK)", &inspection->locked);
	put_allowance(buf, style, "main stack (RLIMIT_STACK)", &inspection->stack);
	put_allowance(buf, style, name, &commit);
	buf_add_char(buf, '\n');
}

/* The reason that most of its maps are apart for: "gap 3,990" */
static void top_seam(const uint64_t *seams, char *out, size_t size)
{
	unsigned int best = SEAM_GAP;
	char count[UNITS_LEN];

	for (unsigned int seam = SEAM_GAP; seam < SEAMS; seam++) {
		if (seams[seam] > seams[best])
			best = seam;
	}
	if (seams[best])
		snprintf(out, size, "%s %s", seam_name(best), units_count(seams[best], count, sizeof(count)));
	else
		snprintf(out, size, "-");
}

static void put_group_cells(struct buf *buf, const struct text_style *style, enum paint paint, const char *maps,
			    const char *bytes, const char *prot, const char *seam, const char *path)
{
	struct row row = row_begin(buf, style, INDENT);

	row_right(&row, paint, maps, COUNT_COLUMNS);
	row_right(&row, paint, bytes, BYTES_COLUMNS);
	row_blanks(&row, 2);
	row_left(&row, paint, prot, 6);
	row_left(&row, paint, seam, SEAM_COLUMNS);
	row_left_path(&row, paint, path, utf8_width(path, strlen(path)));
	row_end(&row);
}

static void put_group(struct buf *buf, const struct text_style *style, const struct anatomy_group *group)
{
	char maps[UNITS_LEN], bytes[UNITS_LEN], seam[UNITS_LEN * 2], path[PATH_LEN + 16], prot[8];

	top_seam(group->seams, seam, sizeof(seam));
	row_escape(group->file.path, path, PATH_LEN);
	if (group->file.deleted)
		strcat(path, " (deleted)");
	put_group_cells(buf, style, PAINT_PLAIN, units_count(group->maps, maps, sizeof(maps)),
			units_bytes(group->bytes, bytes, sizeof(bytes)), anatomy_prot_text(group, prot), seam, path);
}

static void put_groups(struct buf *buf, const struct text_style *style, const struct anatomy *anatomy, uint32_t rows)
{
	struct anatomy_group *groups = calloc(rows, sizeof(*groups));
	size_t count = groups ? anatomy_top(anatomy, groups, rows) : 0;
	uint64_t rest = anatomy->maps;
	char text[UNITS_LEN];

	put_group_cells(buf, style, PAINT_DIM, "MAPS", "BYTES", "PROT", "APART BY", "FILE");
	for (size_t i = 0; i < count; i++) {
		put_group(buf, style, &groups[i]);
		rest -= groups[i].maps;
	}
	free(groups);
	if (rest) {
		struct row row = row_begin(buf, style, INDENT);

		row_right(&row, PAINT_DIM, units_count(rest, text, sizeof(text)), COUNT_COLUMNS);
		row_blanks(&row, 2);
		row_put(&row, PAINT_DIM, "in smaller groups (-r shows more)");
		row_end(&row);
	}
	buf_add_char(buf, '\n');
}

static void put_families(struct buf *buf, const struct text_style *style, const struct anatomy *anatomy)
{
	static const char *const titles[] = {"FILES", "MAPS", "DELETED"};
	struct anatomy_family families[FAMILIES];
	size_t count = anatomy->files > FEW_FILES ? anatomy_top_families(anatomy, families, FAMILIES) : 0;

	if (!count)
		return;
	put_line(buf, style, PAINT_DIM, "FILES ALIKE", titles, 3);
	for (size_t i = 0; i < count; i++) {
		char files[UNITS_LEN], maps[UNITS_LEN], deleted[UNITS_LEN], pattern[PATH_LEN];
		const char *const figures[] = {units_count(families[i].files, files, sizeof(files)),
					       units_count(families[i].maps, maps, sizeof(maps)),
					       units_count(families[i].deleted, deleted, sizeof(deleted))};

		put_line(buf, style, PAINT_PLAIN, row_escape(families[i].pattern, pattern, sizeof(pattern)), figures,
			 3);
	}
	buf_add_char(buf, '\n');
}

static void put_seam(struct buf *buf, const struct text_style *style, const char *text, uint64_t maps)
{
	char number[UNITS_LEN];
	const char *const figures[] = {units_count(maps, number, sizeof(number))};

	put_line(buf, style, PAINT_PLAIN, text, figures, 1);
}

static void put_seams(struct buf *buf, const struct text_style *style, const struct inspection *inspection)
{
	static const char *const titles[] = {"MAPS"};
	const struct anatomy *anatomy = &inspection->anatomy;
	char text[UNITS_LEN * 2];

	put_line(buf, style, PAINT_DIM, "APART FROM THE MAP BELOW BY", titles, 1);
	for (unsigned int seam = SEAM_GAP; seam < SEAMS; seam++) {
		if (!anatomy->seams[seam])
			continue;
		put_seam(buf, style, seam_text(seam), anatomy->seams[seam]);
		for (unsigned int bit = 0; seam == SEAM_FLAGS && bit < 64; bit++) {
			if (!anatomy->flag_seams[bit])
				continue;
			if (vma_flag_name(bit))
				snprintf(text, sizeof(text), "  %s", vma_flag_name(bit));
			else
				snprintf(text, sizeof(text), "  flag 0x%llx", 1ULL << bit);
			put_seam(buf, style, text, anatomy->flag_seams[bit]);
		}
	}
	buf_add_char(buf, '\n');
}

void text_inspection(struct buf *buf, const struct text_style *style, const struct inspection *inspection,
		     uint32_t rows)
{
	char advice[ADVICE_LEN], shown[ADVICE_LEN * 4];
	struct row row;

	put_headline(buf, style, inspection);
	put_distances(buf, style, inspection);
	put_allowances(buf, style, inspection);
	put_groups(buf, style, &inspection->anatomy, rows);
	put_families(buf, style, &inspection->anatomy);
	put_seams(buf, style, inspection);
	if (inspection->detail_error) {
		snprintf(shown, sizeof(shown), "flags, NUMA policies and the like were not compared: %s",
			 strerror(inspection->detail_error));
		row = row_begin(buf, style, INDENT);
		row_words(&row, PAINT_DIM, shown);
		row_end(&row);
	}
	anatomy_advice(&inspection->anatomy, inspection->limit, advice, sizeof(advice));
	row = row_begin(buf, style, INDENT);
	row_words(&row, PAINT_BOLD, row_escape(advice, shown, sizeof(shown)));
	row_end(&row);
}
