/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/finding.c: the evidence, and one sentence of advice. */
#include "fake.h"

#include <stdio.h>

#include "fake_tally.h"
#include "model.h"

static void tally(struct process *process, uint32_t op, uint32_t calls, uint32_t failed, int64_t delta)
{
	fake_tally(&process->account, op, (struct mt_tally){calls, failed, delta});
}

static struct file_use *use_of(struct process *process, enum file_kind kind, const char *path)
{
	struct file_id id = {.kind = kind, .inode = kind == FILE_ANON ? 0 : 42};
	struct file_use *use;

	snprintf(id.path, sizeof(id.path), "%s", path);
	use = file_table_get(&process->files, &id);
	assert_non_null(use);
	return use;
}

static struct finding finding_of(const struct process *process)
{
	struct judgement judgement = {
		.change = CHANGE_RAISED,
		.verdict = {FINDING_LEAK, SEVERITY_WARNING, {.rate_per_s = 512, .eta_s = 120}},
		.raised_ns = 7 * SECOND,
	};
	struct finding finding;

	memset(&finding, 0xff, sizeof(finding));
	finding_make(process, &judgement, LIMIT, 8 * SECOND, &finding);
	return finding;
}

/* ---- advice ---- */

/* FIELD.md's story: one shared object, mapped in the inner loop, unmapped in the outer. */
static void advice_for_a_missing_munmap(void **state)
{
	struct process process = {0};
	struct file_use *use = use_of(&process, FILE_SHM, "/dev/shm/frames");

	(void)state;
	tally(&process, MT_OP_MMAP, 4160, 0, 4160);
	tally(&process, MT_OP_MUNMAP, 64, 0, -64);
	use->calls = 4160;
	use->unmapped = 64;
	use->maps = 4096;
	assert_string_equal(finding_of(&process).advice,
			    "/dev/shm/frames was mapped 4,160 times and unmapped 64 times: "
			    "unmap it where it is mapped, or map it once");
	use->unmapped = 0;
	assert_string_equal(finding_of(&process).advice, "/dev/shm/frames was mapped 4,160 times and holds 4,096 maps: "
							 "unmap it where it is mapped, or map it once");
	file_table_free(&process.files);
}

/* Counted from /proc: that it is mapped is known, by which calls is not. */
static void advice_for_a_file_met_late(void **state)
{
	struct process process = {0};

	(void)state;
	tally(&process, MT_OP_MMAP, 4096, 0, 4096);
	use_of(&process, FILE_REGULAR, "/data/index.cfs")->maps = 246000;
	assert_string_equal(finding_of(&process).advice,
			    "/data/index.cfs holds 246,000 of its maps: look for a missing munmap");
	file_table_free(&process.files);
}

static void advice_for_anonymous_memory(void **state)
{
	struct process process = {0};
	struct file_use *use = use_of(&process, FILE_ANON, "[anon]");

	(void)state;
	tally(&process, MT_OP_MMAP, 9000, 0, 9000);
	use->calls = use->maps = 9000;
	assert_string_equal(finding_of(&process).advice,
			    "[anon] was mapped 9,000 times and holds 9,000 maps: release them, or map larger areas");
	file_table_free(&process.files);
}

/* Mooncake#3639 (madvise), jemalloc#1328 (munmap), bdwgc#324 (mprotect): splits, whatever is mapped. */
static void advice_for_splits(void **state)
{
	static const uint32_t splitting[] = {
		MT_OP_MUNMAP, MT_OP_MPROTECT, MT_OP_PKEY_MPROTECT, MT_OP_MADVISE, MT_OP_PROCESS_MADVISE, MT_OP_MLOCK,
		MT_OP_MLOCK2, MT_OP_MUNLOCK,  MT_OP_MBIND,	   MT_OP_MSEAL,	  MT_OP_PRCTL,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(splitting); i++) {
		struct process process = {0};
		struct file_use *use = use_of(&process, FILE_ANON, "[anon]");
		char expected[ADVICE_LEN];

		use->calls = use->maps = 100;
		tally(&process, MT_OP_MMAP, 100, 0, 100);
		tally(&process, splitting[i], 700, 0, 1400);
		snprintf(expected, sizeof(expected),
			 "%s splits maps faster than they merge (+1,400): apply it to whole mappings, or undo it",
			 op_name(splitting[i]));
		assert_string_equal(finding_of(&process).advice, expected);
		file_table_free(&process.files);
	}
}

/* Which grew more is what counts: a few splits do not turn a leak into a split. */
static void advice_goes_by_what_grew_most(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct process process = {0};
		struct file_use *use = use_of(&process, FILE_SHM, "frames");

		use->calls = use->maps = 1000;
		tally(&process, MT_OP_MMAP, 1000, 0, 1000);
		tally(&process, MT_OP_MPROTECT, 1000, 0, 1000 + off);
		assert_int_equal(strncmp(finding_of(&process).advice, "mprotect splits", 15) == 0, off > 0);
		file_table_free(&process.files);
	}
}

static void advice_by_the_operation_alone(void **state)
{
	struct process process = {0};

	(void)state;
	tally(&process, MT_OP_SHMAT, 500, 0, 500);
	tally(&process, MT_OP_SHMDT, 5, 0, -5);
	assert_string_equal(finding_of(&process).advice, "shmat added 500 maps that stay: look for a missing shmdt");
}

/* All of IPC_PRIVATE have the same name: the id tells which. */
static void advice_for_a_segment(void **state)
{
	static const char *const names[] = {"SYSV00000000", "/SYSV00000000"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct process process = {0};
		struct file_use *use = use_of(&process, FILE_SHM, names[i]);

		use->id.inode = 32771;
		use->calls = 501;
		use->unmapped = 1;
		use->maps = 500;
		tally(&process, MT_OP_SHMAT, 501, 0, 501);
		assert_string_equal(finding_of(&process).advice,
				    "shared memory segment 32771 (shmid) was attached 501 times and detached 1 time: "
				    "let a shmdt follow each shmat, or attach it once");
		use->unmapped = 0; /* or not known: which segment a shmdt is about takes bpf_find_vma */
		assert_non_null(strstr(finding_of(&process).advice, "was attached 501 times and holds 500 maps"));
		file_table_free(&process.files);
	}
}

/* No operation known (watch gear): say how to find out. */
static void advice_when_nothing_is_known(void **state)
{
	struct process process = {0};

	(void)state;
	assert_non_null(strstr(finding_of(&process).advice, "mmaptrace -p"));
	assert_int_equal(finding_of(&process).op_count, 0);
	assert_int_equal(finding_of(&process).file_count, 0);
}

/* A file that gave back all it took is not to blame. */
static void advice_does_not_blame_the_innocent(void **state)
{
	struct process process = {0};
	struct file_use *use = use_of(&process, FILE_REGULAR, "/data/log");

	(void)state;
	use->calls = use->unmapped = 900;
	tally(&process, MT_OP_SHMAT, 500, 0, 500);
	assert_null(strstr(finding_of(&process).advice, "/data/log"));
	use->unmapped = 0;
	assert_non_null(strstr(finding_of(&process).advice, "/data/log"));
	file_table_free(&process.files);
}

/* Most of what is mapped is unmapped again: what stays is what there is to explain. */
static void advice_for_a_leak_in_churn(void **state)
{
	struct process process = {.account = {.baseline = 100, .map_count = 1100}};
	struct file_use *use = use_of(&process, FILE_REGULAR, "/data/index");

	(void)state;
	tally(&process, MT_OP_MMAP, 606000, 0, 606000);
	tally(&process, MT_OP_MUNMAP, 605000, 0, -605000);
	use->calls = use->maps = 900;
	assert_non_null(strstr(finding_of(&process).advice, "/data/index was mapped 900 times"));
	use->calls = use->maps = 9;
	assert_string_equal(finding_of(&process).advice, "mmap added 1,000 maps that stay: look for a missing munmap");
	file_table_free(&process.files);
}

/* Counted before the rest came, with no time to count again. */
static void advice_by_an_old_count(void **state)
{
	struct process process = {.account = {.baseline = 100, .map_count = 2066}, .files_at = 711};

	(void)state;
	tally(&process, MT_OP_MMAP, 2000, 0, 2000);
	use_of(&process, FILE_ANON_SHM, "[anon_shmem]")->maps = 689;
	assert_string_equal(finding_of(&process).advice,
			    "[anon_shmem] held 689 of 711 maps: look for a missing munmap");
	process.files_at = 2066;
	assert_string_equal(finding_of(&process).advice,
			    "[anon_shmem] holds 689 of its maps: look for a missing munmap");
	file_table_free(&process.files);
}

/* Nor is one that has some maps, as every process has of its libraries, when something else adds them. */
static void advice_does_not_blame_the_bystander(void **state)
{
	struct process process = {0};
	struct file_use *use = use_of(&process, FILE_REGULAR, "/lib/libc.so.6");

	(void)state;
	use->maps = 5;
	tally(&process, MT_OP_SHMAT, 500, 0, 500);
	assert_string_equal(finding_of(&process).advice, "shmat added 500 maps that stay: look for a missing shmdt");
	use->calls = 5;
	assert_string_equal(finding_of(&process).advice, "shmat added 500 maps that stay: look for a missing shmdt");
	file_table_free(&process.files);
}

static void advice_is_cut_to_fit(void **state)
{
	struct process process = {0};
	char path[FILE_PATH_LEN];
	struct file_use *use;

	(void)state;
	memset(path, 'p', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	use = use_of(&process, FILE_SHM, path);
	use->calls = use->unmapped = UINT64_MAX;
	use->maps = INT64_MAX;
	assert_true(strlen(finding_of(&process).advice) < ADVICE_LEN);
	file_table_free(&process.files);
}

/* Two lines of a program: one maps, one splits what was mapped. */
static void advice_by_sites(uint64_t mmaps, uint64_t unmapped, const char *expected)
{
	struct frame at_mmap = {.module = "/bin/fibers", .function = "stack_make", .file = "fibers.c", .line = 9};
	struct frame at_mprotect = {.module = "/bin/fibers", .function = "guard", .file = "fibers.c", .line = 10};
	struct stack stacks[] = {{.frames = &at_mmap, .count = 1}, {.frames = &at_mprotect, .count = 1}};
	struct site sites[] = {
		{.op = MT_OP_MPROTECT,
		 .calls = 5000,
		 .delta = 5000,
		 .live = 5000,
		 .growth = 10000,
		 .stack = &stacks[1]},
		{.op = MT_OP_MMAP,
		 .calls = mmaps,
		 .delta = (int64_t)mmaps,
		 .live = (int64_t)(mmaps - unmapped),
		 .unmapped = unmapped,
		 .growth = 10000,
		 .stack = &stacks[0]},
	};
	struct process process = {.sites = {.sites = sites, .count = COUNT(sites)}};

	assert_string_equal(finding_of(&process).advice, expected);
}

static void advice_for_what_is_split_and_never_unmapped(void **state)
{
	static const char splits[] = "mprotect(PROT_NONE) at guard (fibers.c:10) splits maps faster than they merge "
				     "(+5,000): apply it to whole mappings, or undo it";

	(void)state;
	advice_by_sites(5000, 0,
			"memory was mapped 5,000 times by mmap at stack_make (fibers.c:9), none of them unmapped: "
			"a munmap is missing, or map larger areas");
	advice_by_sites(20, 0, splits);	     /* parts of few mappings */
	advice_by_sites(6000, 1000, splits); /* that are unmapped in time */
}

/* ---- evidence ---- */

static void figures(void **state)
{
	struct process process = {.account = {.map_count = 4119}};
	struct judgement judgement = {.change = CHANGE_UPDATED, .raised_ns = 7 * SECOND};
	struct finding finding = finding_of(&process);

	(void)state;
	assert_int_equal(finding.verdict.kind, FINDING_LEAK);
	assert_int_equal(finding.verdict.severity, SEVERITY_WARNING);
	assert_near(finding.verdict.forecast.eta_s, 120);
	assert_int_equal(finding.ts_ns, 8 * SECOND);
	assert_int_equal(finding.raised_ns, 7 * SECOND);
	assert_int_equal(finding.map_count, 4119);
	assert_int_equal(finding.limit, LIMIT);
	assert_false(finding.update);
	finding_make(&process, &judgement, LIMIT, 8 * SECOND, &finding);
	assert_true(finding.update);
}

static void operations_by_growth(void **state)
{
	struct process process = {0};
	struct finding finding;

	(void)state;
	tally(&process, MT_OP_MUNMAP, 64, 0, -64);
	tally(&process, MT_OP_MMAP, 4160, 0, 4160);
	tally(&process, MT_OP_MPROTECT, 10, 10, 0); /* moved nothing, but failed */
	tally(&process, MT_OP_BRK, 500, 0, 0);	    /* neither */
	tally(&process, MT_OP_MADVISE, 5, 0, 7);
	finding = finding_of(&process);
	assert_int_equal(finding.op_count, 4);
	assert_int_equal(finding.ops[0].op, MT_OP_MMAP);
	assert_int_equal(finding.ops[0].calls, 4160);
	assert_int_equal(finding.ops[0].delta, 4160);
	assert_int_equal(finding.ops[1].op, MT_OP_MADVISE);
	assert_int_equal(finding.ops[2].op, MT_OP_MPROTECT);
	assert_int_equal(finding.ops[2].failed, 10);
	assert_int_equal(finding.ops[3].op, MT_OP_MUNMAP);
}

/* What took away most is told, however many others added a little. */
static void operations_that_take_away(void **state)
{
	struct process process = {0};
	struct finding finding;

	(void)state;
	for (uint32_t op = MT_OP_MUNMAP + 1; op < MT_OP_MUNMAP + 7; op++)
		tally(&process, op, 3, 0, 3);
	tally(&process, MT_OP_MMAP, 10000, 0, 10000);
	tally(&process, MT_OP_MUNMAP, 9000, 0, -9000);
	finding = finding_of(&process);
	assert_int_equal(finding.op_count, EVIDENCE_MAX);
	assert_int_equal(finding.ops[0].op, MT_OP_MMAP);
	assert_int_equal(finding.ops[EVIDENCE_MAX - 1].op, MT_OP_MUNMAP);
}

static void no_more_operations_than_fit(void **state)
{
	struct process process = {0};
	struct finding finding;

	(void)state;
	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		tally(&process, op, op + 1, 0, op * 7 % 26 + 1); /* all different */
	finding = finding_of(&process);
	assert_int_equal(finding.op_count, EVIDENCE_MAX);
	for (unsigned int i = 0; i < EVIDENCE_MAX; i++)
		assert_int_equal(finding.ops[i].delta, 26 - i);
}

static void no_more_files_than_fit(void **state)
{
	struct process process = {0};
	struct finding finding;

	(void)state;
	for (unsigned int i = 1; i <= 20; i++) {
		struct file_id id = {.inode = i, .kind = FILE_REGULAR, .path = "f"};

		file_table_get(&process.files, &id)->maps = i;
	}
	finding = finding_of(&process);
	assert_int_equal(finding.file_count, EVIDENCE_MAX);
	for (unsigned int i = 0; i < EVIDENCE_MAX; i++)
		assert_int_equal(finding.files[i].maps, 20 - i);
	file_table_free(&process.files);
}

static void names(void **state)
{
	static const char *const kinds[] = {"anon",	"regular", "shm",    "memfd",
					    "anon_shm", "hugetlb", "device", "other"};

	(void)state;
	assert_string_equal(finding_kind_name(FINDING_LEAK), "leak");
	assert_string_equal(finding_kind_name(FINDING_EXHAUSTION), "exhaustion");
	assert_string_equal(finding_kind_name(FINDING_ENOMEM), "enomem");
	assert_string_equal(finding_kind_name(FINDING_KINDS), "unknown");
	assert_string_equal(severity_name(SEVERITY_INFO), "info");
	assert_string_equal(severity_name(SEVERITY_WARNING), "warning");
	assert_string_equal(severity_name(SEVERITY_CRITICAL), "critical");
	assert_string_equal(severity_name((enum severity)99), "unknown");
	for (unsigned int i = 0; i < COUNT(kinds); i++)
		assert_string_equal(file_kind_name(i), kinds[i]);
	assert_string_equal(file_kind_name((enum file_kind)99), "other");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(advice_for_a_missing_munmap),
		cmocka_unit_test(advice_for_a_file_met_late),
		cmocka_unit_test(advice_for_anonymous_memory),
		cmocka_unit_test(advice_for_splits),
		cmocka_unit_test(advice_for_what_is_split_and_never_unmapped),
		cmocka_unit_test(advice_for_a_segment),
		cmocka_unit_test(advice_for_a_leak_in_churn),
		cmocka_unit_test(advice_by_an_old_count),
		cmocka_unit_test(operations_that_take_away),
		cmocka_unit_test(advice_does_not_blame_the_bystander),
		cmocka_unit_test(advice_goes_by_what_grew_most),
		cmocka_unit_test(advice_by_the_operation_alone),
		cmocka_unit_test(advice_when_nothing_is_known),
		cmocka_unit_test(advice_does_not_blame_the_innocent),
		cmocka_unit_test(advice_is_cut_to_fit),
		cmocka_unit_test(figures),
		cmocka_unit_test(operations_by_growth),
		cmocka_unit_test(no_more_operations_than_fit),
		cmocka_unit_test(no_more_files_than_fit),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
