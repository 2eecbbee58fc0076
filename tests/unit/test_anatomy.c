/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/anatomy.c: groups of maps, and what keeps them apart. */
#include "fake.h"

#include <stdio.h>

#include "anatomy.h"
#include "inspection.h"

#define PAGE 4096ULL
#define TEXT 512

/* A map right above the one before. */
static struct vma map_above(const struct anatomy *anatomy, uint8_t prot, uint64_t inode, const char *name)
{
	uint64_t start = anatomy->has_last ? anatomy->last.end : PAGE;
	struct vma vma = {
		.start = start,
		.end = start + PAGE,
		.prot = prot,
		.inode = inode,
		.dev_major = inode ? 8 : 0,
		.kind = inode ? FILE_REGULAR : FILE_ANON,
		.name = name,
		.name_len = strlen(name),
	};

	return vma;
}

static void add(struct anatomy *anatomy, struct vma vma)
{
	assert_int_equal(anatomy_add(anatomy, &vma, NULL), 0);
}

static void add_detail(struct anatomy *anatomy, struct vma vma, struct vma_detail detail)
{
	assert_int_equal(anatomy_add(anatomy, &vma, &detail), 0);
}

/* The first that applies, of all that could. */
static void seams(void **state)
{
	static const struct {
		uint64_t gap, offset, inode;
		uint8_t prot;
		bool shared;
		const char *name;
		struct vma_detail detail;
		enum seam seam;
	} rows[] = {
		{.prot = 3, .name = "/f", .inode = 5, .offset = PAGE, .seam = SEAM_ALIKE},
		{.gap = PAGE, .prot = 3, .name = "/f", .inode = 5, .offset = PAGE, .seam = SEAM_GAP},
		{.prot = 3, .name = "/g", .inode = 6, .offset = PAGE, .seam = SEAM_FILE},
		{.prot = 3, .name = "", .seam = SEAM_FILE},
		{.prot = 1, .name = "/f", .inode = 5, .offset = PAGE, .seam = SEAM_PROT},
		{.prot = 3, .shared = true, .name = "/f", .inode = 5, .offset = PAGE, .seam = SEAM_PROT},
		{.prot = 3, .name = "/f", .inode = 5, .offset = 0, .seam = SEAM_OFFSET},
		{.prot = 3, .name = "/f", .inode = 5, .offset = PAGE, .detail = {.flags = 1 << 17}, .seam = SEAM_FLAGS},
		{.prot = 3, .name = "/f", .inode = 5, .offset = PAGE, .detail = {.flags = 1 << 27}, .seam = SEAM_ALIKE},
		{.prot = 3, .name = "/f", .inode = 5, .offset = PAGE, .detail = {.policy = 9}, .seam = SEAM_POLICY},
		{.prot = 3, .name = "/f", .inode = 5, .offset = PAGE, .detail = {.uffd = 9}, .seam = SEAM_UFFD},
		{.prot = 3, .name = "/f", .inode = 5, .offset = PAGE, .detail = {.anon_vma = 8}, .seam = SEAM_ANON_VMA},
		{.prot = 3, .name = "/f", .inode = 5, .offset = PAGE, .detail = {.anon_vma = 7}, .seam = SEAM_ALIKE},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct anatomy anatomy = {0};
		struct vma vma;

		add_detail(&anatomy, map_above(&anatomy, 3, 5, "/f"), (struct vma_detail){.anon_vma = 7});
		vma = map_above(&anatomy, rows[i].prot, rows[i].inode, rows[i].name);
		vma.start += rows[i].gap;
		vma.end += rows[i].gap;
		vma.offset = rows[i].offset;
		vma.shared = rows[i].shared;
		add_detail(&anatomy, vma, rows[i].detail);
		for (unsigned int seam = 0; seam < SEAMS; seam++)
			assert_int_equal(anatomy.seams[seam], (seam == SEAM_FIRST) + (seam == rows[i].seam));
		assert_int_equal(anatomy.maps, 2);
		assert_int_equal(anatomy.without_detail, 0);
		anatomy_free(&anatomy);
	}
}

/* Where only /proc's line is known nothing is made up, nor where the kernel did not list the one below. */
static void seams_without_detail(void **state)
{
	struct anatomy anatomy = {0};

	(void)state;
	add(&anatomy, map_above(&anatomy, 3, 0, ""));
	add_detail(&anatomy, map_above(&anatomy, 3, 0, ""), (struct vma_detail){.flags = 1 << 17});
	add(&anatomy, map_above(&anatomy, 3, 0, ""));
	assert_int_equal(anatomy.seams[SEAM_ALIKE], 2);
	assert_int_equal(anatomy.without_detail, 2);
	anatomy_free(&anatomy);
}

static void names_keep_memory_apart(void **state)
{
	struct anatomy anatomy = {0};
	struct anatomy_group groups[4];

	(void)state;
	add(&anatomy, map_above(&anatomy, 3, 0, "[heap]"));
	add(&anatomy, map_above(&anatomy, 3, 0, "[anon:a]"));
	add(&anatomy, map_above(&anatomy, 3, 0, "[anon:b]"));
	add(&anatomy, map_above(&anatomy, 3, 0, "[anon:b]"));
	assert_int_equal(anatomy.seams[SEAM_FILE], 2);
	assert_int_equal(anatomy.seams[SEAM_ALIKE], 1);
	assert_int_equal(anatomy_top(&anatomy, groups, 4), 3);
	assert_string_equal(groups[0].file.path, "[anon:b]");
	assert_int_equal(groups[0].maps, 2);
	anatomy_free(&anatomy);
}

/* To the kernel each piece is a file of its own. */
static void shared_memory_is_one_group(void **state)
{
	struct anatomy anatomy = {0};
	struct anatomy_group groups[2];

	(void)state;
	for (uint64_t inode = 1; inode <= 10; inode++) {
		struct vma vma = map_above(&anatomy, 3, inode, "/dev/zero");

		vma.kind = FILE_ANON_SHM;
		vma.deleted = true;
		add(&anatomy, vma);
	}
	assert_int_equal(anatomy_top(&anatomy, groups, 2), 1);
	assert_string_equal(groups[0].file.path, "[anon_shmem]");
	assert_int_equal(groups[0].maps, 10);
	assert_int_equal(anatomy.seams[SEAM_FILE], 9);
	assert_int_equal(anatomy.files, 0);
	assert_int_equal(anatomy.deleted, 0);
	anatomy_free(&anatomy);
}

static void groups_by_protection(void **state)
{
	struct anatomy anatomy = {0};
	struct anatomy_group groups[3];
	struct vma large;

	(void)state;
	add(&anatomy, map_above(&anatomy, 1, 5, "/f"));
	add(&anatomy, map_above(&anatomy, 3, 5, "/f"));
	large = map_above(&anatomy, 3, 5, "/f");
	large.end += 3 * PAGE;
	add(&anatomy, large);
	assert_int_equal(anatomy_top(&anatomy, groups, 3), 2);
	assert_int_equal(groups[0].prot, 3);
	assert_int_equal(groups[0].maps, 2);
	assert_int_equal(groups[0].least, PAGE);
	assert_int_equal(groups[0].most, 4 * PAGE);
	assert_int_equal(groups[0].bytes, 5 * PAGE);
	assert_int_equal(anatomy.files, 1);
	assert_int_equal(anatomy_top(&anatomy, groups, 1), 1);
	anatomy_free(&anatomy);
}

static void families(void **state)
{
	static const struct {
		const char *path, *pattern;
	} rows[] = {
		{"/data/7/index/_1.cfs", "*.cfs"},
		{"/usr/lib/libc.so.6", "/usr/lib/"},
		{"/dev/shm/frames.16998", "/dev/shm/"},
		{"/data/chunks/000001", "/data/chunks/"},
		{"/data/.hidden", "/data/"},
		{"/data/x.averylongending", "/data/"},
		{"/memfd:doublemapper", "/"},
		{"socket:", "socket:"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct anatomy anatomy = {0};
		struct anatomy_family family;
		struct vma vma = map_above(&anatomy, 1, 5, rows[i].path);

		vma.deleted = true;
		add(&anatomy, vma);
		add(&anatomy, map_above(&anatomy, 1, 5, rows[i].path));
		assert_int_equal(anatomy_top_families(&anatomy, &family, 1), 1);
		assert_string_equal(family.pattern, rows[i].pattern);
		assert_int_equal(family.files, 1);
		assert_int_equal(family.maps, 2);
		assert_int_equal(family.deleted, 1);
		anatomy_free(&anatomy);
	}
}

/* ---- advice: the cases of FIELD.md ---- */

#define MANY 2000

static void expect_advice(struct anatomy *anatomy, const char *words)
{
	char text[TEXT];

	anatomy_advice(anatomy, LIMIT, text, sizeof(text));
	if (!strstr(text, words))
		fail_msg("'%s' lacks '%s'", text, words);
	anatomy_free(anatomy);
}

static void advice_for_few(void **state)
{
	struct anatomy anatomy = {0};

	(void)state;
	add(&anatomy, map_above(&anatomy, 1, 5, "/f"));
	expect_advice(&anatomy, "nothing to do");
	expect_advice(&anatomy, "nothing to do"); /* of nothing at all */
}

static void advice_for_one_file(void **state)
{
	struct anatomy anatomy = {0};

	(void)state;
	for (unsigned int i = 0; i < MANY; i++) {
		struct vma vma = map_above(&anatomy, 1, 5, "/dev/shm/frames");

		vma.start += PAGE;
		vma.end += PAGE;
		add(&anatomy, vma);
	}
	expect_advice(&anatomy, "/dev/shm/frames is mapped 2,000 times over");
}

/* Neighbours as they may be: each is mapped from its beginning on, so they do not continue each other. */
static void advice_for_one_file_side_by_side(void **state)
{
	struct anatomy anatomy = {0};

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		add(&anatomy, map_above(&anatomy, 1, 5, "/dev/shm/frames"));
	assert_int_equal(anatomy.seams[SEAM_OFFSET], MANY - 1);
	expect_advice(&anatomy, "/dev/shm/frames is mapped 2,000 times over");
}

/* gVisor PR#11360 */
static void advice_for_scattered_offsets(void **state)
{
	struct anatomy anatomy = {0};

	(void)state;
	for (unsigned int i = 0; i < MANY; i++) {
		struct vma vma = map_above(&anatomy, 1, 5, "/memory");

		vma.offset = (MANY - i) * PAGE;
		add(&anatomy, vma);
	}
	expect_advice(&anatomy, "/memory is mapped in 2,000 pieces out of order");
}

/* OpenSearch#18226; prometheus#4392 */
static void advice_for_many_files(void **state)
{
	(void)state;
	for (unsigned int deleted = 0; deleted < 2; deleted++) {
		struct anatomy anatomy = {0};
		char path[32];

		for (unsigned int i = 0; i < MANY; i++) {
			struct vma vma;

			snprintf(path, sizeof(path), "/data/_%u.cfs", i);
			vma = map_above(&anatomy, 1, 100 + i, path);
			vma.deleted = deleted;
			add(&anatomy, vma);
		}
		expect_advice(&anatomy, deleted ? "2,000 files *.cfs are mapped, 2,000 of their maps deleted"
						: "raise vm.max_map_count to 65,536");
	}
}

/* ClickHouse#5369: a stack and its guard */
static void advice_for_guards(void **state)
{
	struct anatomy anatomy = {0};

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		add(&anatomy, map_above(&anatomy, i % 2 ? 3 : 0, 0, ""));
	assert_int_equal(anatomy.guards, MANY / 2);
	expect_advice(&anatomy, "1,000 areas have a guard page");
}

/* Mooncake#3639 */
static void advice_for_flags(void **state)
{
	struct anatomy anatomy = {0};

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		add_detail(&anatomy, map_above(&anatomy, 3, 0, ""), (struct vma_detail){.flags = i % 2 << 17});
	assert_int_equal(anatomy.flag_seams[17], MANY - 1);
	expect_advice(&anatomy, "by flags (MADV_DONTFORK)");
}

/* bdwgc#324 */
static void advice_for_protection(void **state)
{
	struct anatomy anatomy = {0};

	(void)state;
	for (unsigned int i = 0; i < MANY; i++)
		add(&anatomy, map_above(&anatomy, i % 2 ? 3 : 1, 0, ""));
	expect_advice(&anatomy, "by protection");
}

static void advice_for_gaps_and_history(void **state)
{
	struct anatomy gaps = {0}, history = {0}, alike = {0};

	(void)state;
	for (unsigned int i = 0; i < MANY; i++) {
		struct vma vma = map_above(&gaps, 3, 0, "");

		vma.start += PAGE;
		vma.end += PAGE;
		add(&gaps, vma);
		add_detail(&history, map_above(&history, 3, 0, ""), (struct vma_detail){.anon_vma = i + 1});
		add_detail(&alike, map_above(&alike, 3, 0, ""), (struct vma_detail){0});
	}
	expect_advice(&gaps, "with gaps between");
	expect_advice(&history, "written to before they met");
	expect_advice(&alike, "nothing stands out");
}

static void distances(void **state)
{
	struct inspection inspection = {.limit = 1000, .anatomy = {.maps = 999}};
	struct refusal_distance rows[REFUSAL_DISTANCES];
	static const uint32_t points[] = {1001, 1000, 999, 997}, left[] = {2, 1, 0, 0};

	(void)state;
	inspection_distances(&inspection, rows);
	for (unsigned int i = 0; i < REFUSAL_DISTANCES; i++) {
		assert_int_equal(rows[i].point, points[i]);
		assert_int_equal(rows[i].left, left[i]);
	}
}

static void words(void **state)
{
	struct inspection inspection = {.overcommit = 3};

	(void)state;
	for (enum seam seam = 0; seam < SEAMS; seam++) {
		assert_true(strlen(seam_text(seam)) > 0);
		for (enum seam other = 0; other < seam; other++)
			assert_string_not_equal(seam_name(other), seam_name(seam));
	}
	assert_string_equal(seam_name(SEAMS), "unknown");
	assert_null(vma_flag_name(0));
	assert_string_equal(inspection_overcommit(&inspection), "unknown");
	inspection.overcommit = 2;
	assert_string_equal(inspection_overcommit(&inspection), "never");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seams),
		cmocka_unit_test(seams_without_detail),
		cmocka_unit_test(names_keep_memory_apart),
		cmocka_unit_test(shared_memory_is_one_group),
		cmocka_unit_test(groups_by_protection),
		cmocka_unit_test(families),
		cmocka_unit_test(advice_for_few),
		cmocka_unit_test(advice_for_one_file),
		cmocka_unit_test(advice_for_one_file_side_by_side),
		cmocka_unit_test(advice_for_scattered_offsets),
		cmocka_unit_test(advice_for_many_files),
		cmocka_unit_test(advice_for_guards),
		cmocka_unit_test(advice_for_flags),
		cmocka_unit_test(advice_for_protection),
		cmocka_unit_test(advice_for_gaps_and_history),
		cmocka_unit_test(distances),
		cmocka_unit_test(words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
