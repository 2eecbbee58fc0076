/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/file_table.c: the files of one process, within bounds. */
#include "fake.h"

#include <stdio.h>
#include <time.h>

#include "file_table.h"

static struct file_id file(uint32_t major, uint32_t minor, uint64_t inode)
{
	struct file_id id = {.dev_major = major, .dev_minor = minor, .inode = inode, .kind = FILE_REGULAR};

	snprintf(id.path, sizeof(id.path), "f%llu", (unsigned long long)inode);
	return id;
}

static struct file_use *get(struct file_table *table, struct file_id id)
{
	return file_table_get(table, &id);
}

static void empty(void **state)
{
	struct file_table table = {0};
	struct file_use use;

	(void)state;
	assert_int_equal(file_table_top(&table, &use, 1), 0);
	file_table_free(&table);
}

static void identity_is_device_and_inode(void **state)
{
	struct file_table table = {0};
	struct file_id renamed = file(8, 1, 42);

	(void)state;
	get(&table, file(8, 1, 42))->calls = 1;
	get(&table, file(8, 2, 42))->calls = 2;
	get(&table, file(9, 1, 42))->calls = 3;
	get(&table, file(8, 1, 43))->calls = 4;
	get(&table, file(8, 1, 1ULL << 40 | 42))->calls = 5;
	assert_int_equal(table.used, 5);
	memcpy(renamed.path, "other name", 11);
	assert_int_equal(file_table_get(&table, &renamed)->calls, 1);
	assert_int_equal(get(&table, file(8, 2, 42))->calls, 2);
	assert_int_equal(get(&table, file(9, 1, 42))->calls, 3);
	assert_int_equal(get(&table, file(8, 1, 43))->calls, 4);
	assert_int_equal(get(&table, file(8, 1, 1ULL << 40 | 42))->calls, 5);
	assert_int_equal(table.used, 5);
	file_table_free(&table);
}

static void anonymous_memory_has_no_inode(void **state)
{
	static const struct file_id anonymous = {.kind = FILE_ANON, .path = "[anon]"};
	struct file_table table = {0};

	(void)state;
	file_table_get(&table, &anonymous)->calls = 7;
	assert_int_equal(file_table_get(&table, &anonymous)->calls, 7);
	assert_int_equal(table.used, 1);
	file_table_free(&table);
}

/* Neither name nor inode: still one file, found again, and not taken for a free slot. */
static void nameless_file(void **state)
{
	static const struct file_id nameless = {.dev_minor = 5, .kind = FILE_OTHER};
	struct file_table table = {0};
	struct file_use use;

	(void)state;
	file_table_get(&table, &nameless)->calls = 7;
	assert_int_equal(file_table_get(&table, &nameless)->calls, 7);
	assert_int_equal(table.used, 1);
	assert_int_equal(file_table_top(&table, &use, 1), 1);
	assert_string_equal(use.id.path, "?");
	file_table_free(&table);
}

/* Growing moves entries; none is lost or doubled. */
static void grows_to_the_cap(void **state)
{
	struct file_table table = {0};

	(void)state;
	for (uint64_t inode = 1; inode <= FILE_TABLE_MAX; inode++) {
		struct file_use *use = get(&table, file(8, 1, inode));

		assert_non_null(use);
		use->calls = inode;
		use->maps = 1;
	}
	assert_int_equal(table.used, FILE_TABLE_MAX);
	assert_int_equal(table.dropped, 0);
	for (uint64_t inode = 1; inode <= FILE_TABLE_MAX; inode++)
		assert_int_equal(get(&table, file(8, 1, inode))->calls, inode);
	file_table_free(&table);
}

static void cap_is_counted(void **state)
{
	struct file_table table = {0};

	(void)state;
	for (uint64_t inode = 1; inode <= FILE_TABLE_MAX; inode++)
		get(&table, file(8, 1, inode))->maps = 1;
	assert_null(get(&table, file(8, 1, FILE_TABLE_MAX + 1)));
	assert_int_equal(table.dropped, 1);
	assert_null(get(&table, file(8, 1, FILE_TABLE_MAX + 2)));
	assert_int_equal(table.dropped, 2);
	assert_non_null(get(&table, file(8, 1, 1))); /* those known are still served */
	assert_int_equal(table.dropped, 2);
	assert_int_equal(table.used, FILE_TABLE_MAX);
	file_table_free(&table);
}

/*
 * "Every table has a cap, an eviction rule and a counter" (STYLE.md). A server
 * opens and closes thousands of files, and then leaks one: that one must be named.
 */
static void files_without_maps_make_room(void **state)
{
	struct file_table table = {0};
	struct file_use *leaked, top;

	(void)state;
	for (uint64_t inode = 1; inode <= 2 * FILE_TABLE_MAX; inode++) {
		struct file_use *use = get(&table, file(8, 1, inode));

		if (!use)
			break;
		use->calls = use->unmapped = 1;
		use->maps = 0;
	}
	leaked = get(&table, file(8, 1, 1000000));
	assert_non_null(leaked);
	leaked->maps = 5000;
	assert_int_equal(file_table_top(&table, &top, 1), 1);
	assert_int_equal(top.id.inode, 1000000);
	assert_true(table.used <= FILE_TABLE_MAX);
	assert_int_equal(table.evicted + table.used, 2 * FILE_TABLE_MAX + 1); /* none is gone uncounted */
	assert_int_equal(table.dropped, 0);
	file_table_free(&table);
}

/* What holds maps is evidence: it never makes room. */
static void files_with_maps_stay(void **state)
{
	struct file_table table = {0};

	(void)state;
	for (uint64_t inode = 1; inode <= FILE_TABLE_MAX; inode++)
		get(&table, file(8, 1, inode))->maps = inode % 2;
	assert_non_null(get(&table, file(8, 1, 1000000)));
	for (uint64_t inode = 1; inode <= FILE_TABLE_MAX; inode += 2)
		assert_int_equal(get(&table, file(8, 1, inode))->maps, 1);
	assert_int_equal(table.evicted, FILE_TABLE_MAX / 2);
	assert_int_equal(table.used, FILE_TABLE_MAX / 2 + 1);
	file_table_free(&table);
}

/* Refused for long, and then files are closed: new ones find room again before long. */
static void room_is_found_again(void **state)
{
	struct file_table table = {0};
	struct file_use *use = NULL;
	unsigned int tries = 0;

	(void)state;
	for (uint64_t inode = 1; inode <= FILE_TABLE_MAX; inode++)
		get(&table, file(8, 1, inode))->maps = 1;
	for (uint64_t inode = 1; inode <= 5000; inode++)
		assert_null(get(&table, file(9, 1, inode)));
	for (uint64_t inode = 1; inode <= FILE_TABLE_MAX; inode++)
		get(&table, file(8, 1, inode))->maps = 0;
	while (!use && tries++ < 2 * FILE_TABLE_MAX)
		use = get(&table, file(9, 1, tries));
	assert_non_null(use);
	file_table_free(&table);
}

/*
 * CPU time of looking up `count` files, from inode `first` on; new ones give back their map at once. The least of some
 * runs, as the machine may be at other things as well.
 */
static double lookups_s(struct file_table *table, uint64_t first, unsigned int count, unsigned int distinct)
{
	double least_s = HUGE_VAL;

	for (unsigned int run = 0; run < 5; run++) {
		clock_t begin = clock();

		for (unsigned int i = 0; i < count; i++) {
			struct file_use *use = get(table, file(8, 1, first + i % distinct));

			if (use)
				use->calls++;
		}
		least_s = fmin(least_s, (double)(clock() - begin) / CLOCKS_PER_SEC);
		if (distinct == count)
			first += count; /* these have not been asked for yet */
	}
	return least_s;
}

/*
 * prometheus#4392: one map a file, tens of thousands of them. A full table is
 * asked at every mmap; that must not cost a pass over all of it each time.
 * Ratios in one run, far apart: a pass is a thousand times a look-up.
 */
static void a_full_table_stays_cheap(void **state)
{
	struct file_table full = {0}, nearly = {0};
	double known_s, refused_s, churned_s;

	(void)state;
	for (uint64_t inode = 1; inode <= FILE_TABLE_MAX; inode++)
		get(&full, file(8, 1, inode))->maps = 1;
	for (uint64_t inode = 1; inode < FILE_TABLE_MAX; inode++)
		get(&nearly, file(8, 1, inode))->maps = 1;
	known_s = lookups_s(&full, 1, 20000, FILE_TABLE_MAX);
	refused_s = lookups_s(&full, 1000000, 20000, 20000);
	churned_s = lookups_s(&nearly, 1000000, 20000, 20000);
	file_table_free(&full);
	file_table_free(&nearly);
	assert_true(refused_s < 200 * known_s);
	assert_true(churned_s < 200 * known_s);
}

static void top_is_in_order(void **state)
{
	static const int64_t maps[] = {5, 300, -2, 7, 0, 300, 12, 1};
	static const uint64_t calls[] = {5, 10, 90, 7, 50, 20, 12, 1};
	static const uint64_t expected[] = {6, 2, 7, 4, 1, 8, 5, 3}; /* inodes: by maps, then by calls */
	struct file_table table = {0};
	struct file_use top[COUNT(maps) + 2];

	(void)state;
	for (size_t i = 0; i < COUNT(maps); i++) {
		struct file_use *use = get(&table, file(8, 1, i + 1));

		use->maps = maps[i];
		use->calls = calls[i];
	}
	for (unsigned int n = 0; n <= COUNT(maps) + 2; n++) {
		unsigned int count = file_table_top(&table, top, n);

		assert_int_equal(count, n < COUNT(maps) ? n : COUNT(maps));
		for (unsigned int i = 0; i < count; i++)
			assert_int_equal(top[i].id.inode, expected[i]);
	}
	file_table_free(&table);
}

/* n entries and not one more are written. */
static void top_writes_n_at_most(void **state)
{
	struct file_table table = {0};
	struct file_use top[4], guard;
	uint64_t seed = 10;

	(void)state;
	for (uint64_t inode = 1; inode <= 500; inode++)
		get(&table, file(8, 1, inode))->maps = fake_below(&seed, 100000);
	memset(top, 0x5a, sizeof(top));
	memset(&guard, 0x5a, sizeof(guard));
	assert_int_equal(file_table_top(&table, top, 3), 3);
	assert_memory_equal(&top[3], &guard, sizeof(guard));
	assert_true(top[0].maps >= top[1].maps && top[1].maps >= top[2].maps);
	file_table_free(&table);
}

/* Names and inodes are anybody's choice: a bad spread may cost time, never an entry. */
static void inodes_that_collide(void **state)
{
	struct file_table table = {0};

	(void)state;
	for (uint64_t i = 0; i < FILE_TABLE_MAX; i++)
		get(&table, file(0, 0, i << 53 | 1))->calls = i; /* the last bits of the hash hardly differ */
	for (uint64_t i = 0; i < FILE_TABLE_MAX; i++)
		assert_int_equal(get(&table, file(0, 0, i << 53 | 1))->calls, i);
	assert_int_equal(table.used, FILE_TABLE_MAX);
	file_table_free(&table);
}

static void free_leaves_an_empty_table(void **state)
{
	struct file_table table = {0};

	(void)state;
	get(&table, file(8, 1, 1));
	file_table_free(&table);
	file_table_free(&table);
	assert_int_equal(table.used, 0);
	assert_non_null(get(&table, file(8, 1, 1)));
	file_table_free(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(identity_is_device_and_inode),
		cmocka_unit_test(anonymous_memory_has_no_inode),
		cmocka_unit_test(nameless_file),
		cmocka_unit_test(grows_to_the_cap),
		cmocka_unit_test(cap_is_counted),
		cmocka_unit_test(files_without_maps_make_room),
		cmocka_unit_test(files_with_maps_stay),
		cmocka_unit_test(room_is_found_again),
		cmocka_unit_test(a_full_table_stays_cheap),
		cmocka_unit_test(top_is_in_order),
		cmocka_unit_test(top_writes_n_at_most),
		cmocka_unit_test(inodes_that_collide),
		cmocka_unit_test(free_leaves_an_empty_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
