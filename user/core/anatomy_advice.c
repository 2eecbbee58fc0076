/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a process's maps are made of, in one sentence. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "anatomy.h"
#include "units.h"

#define FEW 64 /* of the limit: who has less than this part of it needs no advice */

/* A quarter of all maps is worth a word. */
static bool is_much(const struct anatomy *anatomy, uint64_t maps)
{
	return maps >= anatomy->maps / 4;
}

/* What one file is to the process that maps it over and over. */
static void advise_group(const struct anatomy_group *group, char *buf, size_t size)
{
	const char *path = group->file.path, *deleted = group->file.deleted ? " (deleted)" : "";
	char maps[UNITS_LEN];

	units_count(group->maps, maps, sizeof(maps));
	if (group->seams[SEAM_OFFSET] >= group->maps / 2 && group->repeats < group->maps / 2)
		snprintf(buf, size,
			 "%s%s is mapped in %s pieces out of order: map it whole, or its pieces in their order", path,
			 deleted, maps);
	else
		snprintf(buf, size, "%s%s is mapped %s times over: unmap it where it is mapped, or map it once", path,
			 deleted, maps);
}

/* The next power of two that leaves as much room again. */
static uint64_t limit_for(uint64_t maps)
{
	uint64_t limit = 65536;

	while (limit < 2 * maps && limit < 1ULL << 31)
		limit *= 2;
	return limit;
}

static void advise_family(const struct anatomy_family *family, char *buf, size_t size)
{
	char files[UNITS_LEN], deleted[UNITS_LEN], limit[UNITS_LEN];

	units_count(family->files, files, sizeof(files));
	units_count(limit_for(family->maps), limit, sizeof(limit));
	if (family->deleted > family->maps / 2)
		snprintf(buf, size,
			 "%s files %s are mapped, %s of their maps deleted: whoever replaced them has not unmapped "
			 "the old ones",
			 files, family->pattern, units_count(family->deleted, deleted, sizeof(deleted)));
	else
		snprintf(buf, size,
			 "%s files %s are mapped, so maps grow with files: unmap what is not in use, or raise "
			 "vm.max_map_count to %s",
			 files, family->pattern, limit);
}

static unsigned int top_flag(const struct anatomy *anatomy)
{
	unsigned int best = 0;

	for (unsigned int bit = 1; bit < 64; bit++) {
		if (anatomy->flag_seams[bit] > anatomy->flag_seams[best])
			best = bit;
	}
	return best;
}

/* By what keeps neighbours apart. False: nothing that stands out. */
static bool advise_seams(const struct anatomy *anatomy, char *buf, size_t size)
{
	const char *flag = vma_flag_name(top_flag(anatomy));
	char count[UNITS_LEN];

	if (is_much(anatomy, 2 * anatomy->guards))
		snprintf(buf, size,
			 "%s areas have a guard page below them (stacks of threads or fibers), two maps each: fewer of "
			 "them, or larger areas that are divided",
			 units_count(anatomy->guards, count, sizeof(count)));
	else if (is_much(anatomy, anatomy->seams[SEAM_FLAGS]))
		snprintf(buf, size,
			 "%s maps differ from their neighbour by flags (%s): apply it to whole areas, or undo it",
			 units_count(anatomy->seams[SEAM_FLAGS], count, sizeof(count)), flag ? flag : "others");
	else if (is_much(anatomy, anatomy->seams[SEAM_PROT]))
		snprintf(buf, size,
			 "%s maps differ from their neighbour by protection: mprotect whole areas, or undo it",
			 units_count(anatomy->seams[SEAM_PROT], count, sizeof(count)));
	else if (is_much(anatomy, anatomy->seams[SEAM_GAP]))
		snprintf(buf, size, "%s maps lie by themselves, with gaps between: map larger areas and divide them",
			 units_count(anatomy->seams[SEAM_GAP], count, sizeof(count)));
	else if (is_much(anatomy, anatomy->seams[SEAM_ANON_VMA]))
		snprintf(buf, size,
			 "%s neighbours were written to before they met, and cannot merge: map the whole area first",
			 units_count(anatomy->seams[SEAM_ANON_VMA], count, sizeof(count)));
	else
		return false;
	return true;
}

const char *anatomy_advice(const struct anatomy *anatomy, uint32_t limit, char *buf, size_t size)
{
	struct anatomy_group group;
	struct anatomy_family family;

	if (anatomy->maps < limit / FEW)
		snprintf(buf, size, "few maps: nothing to do");
	else if (anatomy_top(anatomy, &group, 1) && group.file.inode && is_much(anatomy, group.maps))
		advise_group(&group, buf, size);
	else if (anatomy_top_families(anatomy, &family, 1) && is_much(anatomy, family.maps) &&
		 family.files >= family.maps / 8)
		advise_family(&family, buf, size);
	else if (!advise_seams(anatomy, buf, size))
		snprintf(buf, size, "nothing stands out: watch it with mmaptrace -p to see what adds maps");
	return buf;
}
