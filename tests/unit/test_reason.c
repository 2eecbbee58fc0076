/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/reason.c: which of the many reasons for ENOMEM it was (KERNEL.md section 2). */
#include "fake.h"

#include <errno.h>

#include "reason.h"

#define PAGE		   4096
#define ANON		   0x22 /* MAP_PRIVATE|MAP_ANONYMOUS */
#define SHARED		   0x01
#define FIXED		   0x10
#define GROWSDOWN	   0x100
#define MAYMOVE		   1
#define RW		   3
#define MADV_DONTNEED	   4
#define MADV_DONTFORK	   10
#define MADV_GUARD_INSTALL 102

/* mmap of 16 pages, refused at 1000 maps, without any resource limit. */
static struct alarm_event alarm_of(uint32_t op, int error)
{
	return (struct alarm_event){
		.op = op,
		.error = error,
		.limit = LIMIT,
		.has_args = true,
		.args = {.has_len = true, .len = 16 * PAGE, .prot = RW, .flags = op == MT_OP_MMAP ? ANON : 0},
		.total_vm_pages = 100,
		.data_vm_pages = 50,
		.locked_vm_pages = 10,
		.rlimit_as = UINT64_MAX,
		.rlimit_data = UINT64_MAX,
		.rlimit_memlock = UINT64_MAX,
	};
}

/* What user space has seen: nothing. */
static const struct surroundings nothing;

static enum reason reason_at(const struct alarm_event *alarm, uint32_t map_count)
{
	struct refusal refusal;

	memset(&refusal, 0xff, sizeof(refusal));
	refusal_explain(alarm, map_count, PAGE, &nothing, &refusal);
	return refusal.reason;
}

static enum reason reason_of(const struct alarm_event *alarm)
{
	return reason_at(alarm, 1000);
}

/* What the kernel itself found wanting comes before what figures suggest, and after what it checks first. */
static void found_wanting(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);

	(void)state;
	alarm.rlimit_as = 100 * PAGE;
	assert_int_equal(reason_of(&alarm), REASON_RLIMIT_AS);
	alarm.no_gap = true;
	assert_int_equal(reason_of(&alarm), REASON_ADDRESS_SPACE);
	assert_int_equal(reason_at(&alarm, LIMIT + 1), REASON_MAX_MAP_COUNT);
	alarm.no_gap = false;
	alarm.no_commit = true; /* all limits had been passed when that was asked */
	assert_int_equal(reason_of(&alarm), REASON_OVERCOMMIT);
	assert_int_equal(reason_at(&alarm, LIMIT + 1), REASON_OVERCOMMIT);
	alarm.args.len = UINT64_MAX;
	assert_int_equal(reason_of(&alarm), REASON_LENGTH);
}

/* Judged by the map count at the beginning: a refused MAP_FIXED may have split on its way. */
static void count_at_the_beginning(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);
	struct refusal refusal;

	(void)state;
	assert_int_equal(reason_at(&alarm, LIMIT + 1), REASON_MAX_MAP_COUNT);
	alarm.has_entry = true;
	alarm.entry_map_count = LIMIT - 1;
	refusal_explain(&alarm, LIMIT + 1, PAGE, &nothing, &refusal);
	assert_int_equal(refusal.reason, REASON_UNKNOWN);
	assert_int_equal(refusal.map_count, LIMIT - 1);
	alarm.entry_map_count = LIMIT + 1;
	assert_int_equal(reason_at(&alarm, LIMIT - 1), REASON_MAX_MAP_COUNT);
}

static void names(void **state)
{
	static const char *const expected[] = {
		"unknown", "max_map_count", "rlimit_as",     "rlimit_data", "overcommit", "address_space",
		"length",  "memlock",	    "kernel_memory", "not_mapped",  "no_room",
	};

	(void)state;
	for (unsigned int i = 0; i < COUNT(expected); i++)
		assert_string_equal(reason_name(i), expected[i]);
	assert_string_equal(reason_name(COUNT(expected)), "unknown");
	assert_string_equal(reason_name((enum reason) - 1), "unknown");
}

static void figures_are_in_bytes(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);
	struct refusal refusal;

	(void)state;
	alarm.ts_ns = 77;
	alarm.tid = 1001;
	alarm.rlimit_as = 1 << 20;
	alarm.rlimit_data = 2 << 20;
	alarm.rlimit_memlock = 3 << 20;
	refusal_explain(&alarm, 1000, 65536, &nothing, &refusal);
	assert_int_equal(refusal.ts_ns, 77);
	assert_int_equal(refusal.tid, 1001);
	assert_int_equal(refusal.op, MT_OP_MMAP);
	assert_int_equal(refusal.error, ENOMEM);
	assert_int_equal(refusal.map_count, 1000);
	assert_int_equal(refusal.limit, LIMIT);
	assert_int_equal(refusal.refusal_point, LIMIT + 1);
	assert_int_equal(refusal.total_vm, 100 * 65536);
	assert_int_equal(refusal.data_vm, 50 * 65536);
	assert_int_equal(refusal.locked_vm, 10 * 65536);
	assert_int_equal(refusal.rlimit_as, 1 << 20);
	assert_int_equal(refusal.rlimit_data, 2 << 20);
	assert_int_equal(refusal.rlimit_memlock, 3 << 20);
	assert_true(refusal.has_args);
	assert_int_equal(refusal.args.len, 16 * PAGE);
}

/* ---- the map count ---- */

static void by_map_count(void **state)
{
	static const struct {
		uint32_t op;
		uint64_t flags;
		int point; /* relative to the limit */
	} rows[] = {
		{MT_OP_MMAP, ANON, 1}, {MT_OP_MMAP, ANON | FIXED, 0}, {MT_OP_BRK, 0, 1},
		{MT_OP_SHMAT, 0, 1},   {MT_OP_MUNMAP, 0, 0},	      {MT_OP_MPROTECT, 0, -1},
		{MT_OP_MLOCK, 0, -1},  {MT_OP_MBIND, 0, -1},	      {MT_OP_MREMAP, MAYMOVE, -3},
		{MT_OP_MREMAP, 3, -5}, {MT_OP_MADVISE, 0, -1},
	};
	/* Nobody is alone; its range is within one map, which stays as it was. */
	const struct mt_walk inside = {
		.first = {.start = 0, .end = 1 << 20},
		.last = {.start = 0, .end = 1 << 20},
		.mapped_to = 1 << 20,
		.verdict = MT_WALK_WHOLE,
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct alarm_event alarm = alarm_of(rows[i].op, ENOMEM);

		alarm.args.flags = rows[i].flags;
		alarm.args.has_advice = rows[i].op == MT_OP_MADVISE;
		alarm.args.advice = MADV_DONTFORK;
		alarm.args.has_addr = true;
		alarm.args.addr = 16 * PAGE;
		alarm.walk = inside;
		for (int off = -1; off <= 1; off++) {
			uint32_t map_count = (uint32_t)((int)LIMIT + rows[i].point + off);

			assert_int_equal(reason_at(&alarm, map_count) == REASON_MAX_MAP_COUNT, off >= 0);
		}
	}
}

/* From 6.1 on madvise and prctl say EAGAIN for want of maps. */
static void eagain_by_map_count(void **state)
{
	static const uint32_t ops[] = {MT_OP_MADVISE, MT_OP_PROCESS_MADVISE, MT_OP_PRCTL};

	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++) {
		struct alarm_event alarm = alarm_of(ops[i], EAGAIN);

		alarm.args.has_advice = true;
		alarm.args.advice = MADV_DONTFORK;
		assert_int_equal(reason_at(&alarm, LIMIT), REASON_MAX_MAP_COUNT);
		assert_int_equal(reason_at(&alarm, LIMIT - 2), REASON_UNKNOWN);
	}
}

/* Nobody else does: their EAGAIN is about locked memory, however many maps there are. */
static void eagain_of_others_is_not_the_map_count(void **state)
{
	static const uint32_t ops[] = {MT_OP_MMAP, MT_OP_MREMAP};

	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++) {
		struct alarm_event alarm = alarm_of(ops[i], EAGAIN);

		alarm.args.new_len = 32 * PAGE;
		alarm.rlimit_memlock = 25 * PAGE;
		assert_int_equal(reason_of(&alarm), REASON_MEMLOCK);
		alarm.args.flags |= ops[i] == MT_OP_MMAP ? FIXED : 0; /* refused from M on, not M + 1 */
		assert_int_equal(reason_at(&alarm, LIMIT), REASON_MEMLOCK);
	}
}

/* "madvise DONTNEED, GUARD_INSTALL; mlockall: never" (KERNEL.md section 1); ENOMEM there is a hole in the range. */
static void what_the_map_count_never_refuses(void **state)
{
	static const struct {
		uint32_t op;
		uint64_t advice;
	} rows[] = {
		{MT_OP_MADVISE, MADV_DONTNEED},
		{MT_OP_MADVISE, MADV_GUARD_INSTALL},
		{MT_OP_PROCESS_MADVISE, MADV_DONTNEED},
		{MT_OP_MLOCKALL, 0},
		{MT_OP_MUNLOCKALL, 0},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct alarm_event alarm = alarm_of(rows[i].op, ENOMEM);

		alarm.args.has_advice = rows[i].op == MT_OP_MADVISE || rows[i].op == MT_OP_PROCESS_MADVISE;
		alarm.args.advice = rows[i].advice;
		assert_int_not_equal(reason_at(&alarm, LIMIT + 1), REASON_MAX_MAP_COUNT);
	}
}

/* The advice that changes flags, and so may split: NORMAL, RANDOM, SEQUENTIAL, DONTFORK to KEEPONFORK. */
static void advice_refused_by_map_count(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MADVISE, ENOMEM);

	(void)state;
	alarm.args.has_advice = alarm.args.has_addr = true;
	alarm.args.addr = 16 * PAGE;
	alarm.walk.first = alarm.walk.last = (struct mt_peek){.start = 0, .end = 1 << 20};
	alarm.walk.mapped_to = 1 << 20;
	alarm.walk.verdict = MT_WALK_WHOLE;
	for (unsigned int advice = 0; advice < 110; advice++) {
		bool splits = advice <= 2 || (advice >= 10 && advice <= 19);

		alarm.args.advice = advice;
		assert_int_equal(reason_at(&alarm, LIMIT) == REASON_MAX_MAP_COUNT, splits);
	}
}

/* --limit pretends; what the kernel refuses by is its own. */
static void by_the_limit_in_force(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);

	(void)state;
	alarm.limit = 262144;
	assert_int_equal(reason_at(&alarm, LIMIT + 1), REASON_UNKNOWN);
	assert_int_equal(reason_at(&alarm, 262145), REASON_MAX_MAP_COUNT);
}

/* ---- length ---- */

static void by_length(void **state)
{
	static const uint32_t ops[] = {MT_OP_MMAP, MT_OP_MPROTECT};
	const uint64_t largest = UINT64_MAX - PAGE + 1; /* 2^64 less a page */

	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++) {
		struct alarm_event alarm = alarm_of(ops[i], ENOMEM);

		alarm.args.len = largest;
		assert_int_not_equal(reason_of(&alarm), REASON_LENGTH);
		alarm.args.len = largest + 1; /* rounds up to 0 */
		assert_int_equal(reason_of(&alarm), REASON_LENGTH);
		alarm.args.len = UINT64_MAX;
		assert_int_equal(reason_of(&alarm), REASON_LENGTH);
		alarm.has_args = false;
		assert_int_not_equal(reason_of(&alarm), REASON_LENGTH);
	}
}

/* ---- resource limits ---- */

static void by_rlimit_as(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);

	(void)state;
	for (int off = -1; off <= 1; off++) {
		alarm.rlimit_as = (uint64_t)(100 + 16 + off) * PAGE;
		assert_int_equal(reason_of(&alarm), off < 0 ? REASON_RLIMIT_AS : REASON_UNKNOWN);
	}
	alarm.rlimit_as = 0; /* lowered under what is there already */
	assert_int_equal(reason_of(&alarm), REASON_RLIMIT_AS);
	alarm.rlimit_as = UINT64_MAX;
	alarm.args.len = 1ULL << 62;
	assert_int_not_equal(reason_of(&alarm), REASON_RLIMIT_AS);
}

/* The kernel counts whole pages of both (mm/mmap.c: may_expand_vm); ulimit -v counts KiB. */
static void rlimits_count_whole_pages(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);

	(void)state;
	alarm.args.len = 1;
	alarm.rlimit_as = 100 * PAGE + PAGE - 1;
	assert_int_equal(reason_of(&alarm), REASON_RLIMIT_AS);
	alarm.rlimit_as = 101 * PAGE;
	assert_int_equal(reason_of(&alarm), REASON_UNKNOWN);
	alarm.args.len = PAGE + 1;
	assert_int_equal(reason_of(&alarm), REASON_RLIMIT_AS);
}

static void by_rlimit_as_of_mremap(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MREMAP, ENOMEM);

	(void)state;
	alarm.args.has_new_len = true;
	alarm.args.flags = MAYMOVE;
	alarm.args.new_len = 32 * PAGE;
	alarm.rlimit_as = 116 * PAGE;
	assert_int_equal(reason_of(&alarm), REASON_UNKNOWN); /* 16 more is just what is left */
	alarm.args.new_len = 33 * PAGE;
	assert_int_equal(reason_of(&alarm), REASON_RLIMIT_AS);
	alarm.args.new_len = 8 * PAGE; /* shrinks */
	alarm.rlimit_as = PAGE;
	assert_int_equal(reason_of(&alarm), REASON_UNKNOWN);
}

/* "mprotect: ... never RLIMIT_AS"; munmap neither. */
static void rlimit_as_of_what_adds_nothing(void **state)
{
	static const uint32_t ops[] = {MT_OP_MUNMAP, MT_OP_MPROTECT, MT_OP_MADVISE};

	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++) {
		struct alarm_event alarm = alarm_of(ops[i], ENOMEM);

		alarm.rlimit_as = PAGE;
		assert_int_not_equal(reason_of(&alarm), REASON_RLIMIT_AS);
	}
}

static void by_rlimit_data(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);

	(void)state;
	for (int off = -1; off <= 1; off++) {
		alarm.rlimit_data = (uint64_t)(50 + 16 + off) * PAGE;
		assert_int_equal(reason_of(&alarm), off < 0 ? REASON_RLIMIT_DATA : REASON_UNKNOWN);
	}
}

/* Private, writable and no stack: only that is data. */
static void rlimit_data_counts_data_alone(void **state)
{
	static const struct {
		uint64_t prot, flags;
		bool data;
	} rows[] = {
		{RW, ANON, true},
		{2, 0x2, true},
		{1, ANON, false},
		{0, ANON, false},
		{RW, SHARED, false},
		{RW, 0x3, false},
		{RW, ANON | GROWSDOWN, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);

		alarm.args.prot = rows[i].prot;
		alarm.args.flags = rows[i].flags;
		alarm.rlimit_data = 51 * PAGE;
		assert_int_equal(reason_of(&alarm), rows[i].data ? REASON_RLIMIT_DATA : REASON_UNKNOWN);
	}
}

static void by_memlock(void **state)
{
	static const uint32_t locking[] = {MT_OP_MMAP, MT_OP_MREMAP};

	(void)state;
	for (size_t i = 0; i < COUNT(locking); i++) {
		struct alarm_event alarm = alarm_of(locking[i], EAGAIN);

		alarm.args.new_len = 32 * PAGE; /* 16 more */
		for (int off = -1; off <= 1; off++) {
			alarm.rlimit_memlock = (uint64_t)(10 + 16 + off) * PAGE;
			assert_int_equal(reason_of(&alarm), off < 0 ? REASON_MEMLOCK : REASON_UNKNOWN);
		}
		alarm.rlimit_memlock = PAGE;
		alarm.may_lock = true;
		assert_int_equal(reason_of(&alarm), REASON_UNKNOWN);
	}
}

/* mlock says ENOMEM for its limit (mm/mlock.c: do_mlock). */
static void mlock_by_memlock(void **state)
{
	static const uint32_t ops[] = {MT_OP_MLOCK, MT_OP_MLOCK2};

	(void)state;
	for (size_t i = 0; i < COUNT(ops); i++) {
		struct alarm_event alarm = alarm_of(ops[i], ENOMEM);

		for (int off = -1; off <= 1; off++) {
			alarm.rlimit_memlock = (uint64_t)(10 + 16 + off) * PAGE;
			assert_int_equal(reason_of(&alarm), off < 0 ? REASON_MEMLOCK : REASON_UNKNOWN);
		}
	}
}

/* ---- which comes first ---- */

/* All are true at once; then the first is taken away, again and again: the kernel's order. */
static void order_of_the_checks(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);
	uint32_t map_count = LIMIT + 1;

	(void)state;
	alarm.args.len = UINT64_MAX;
	alarm.rlimit_as = alarm.rlimit_data = PAGE;
	assert_int_equal(reason_at(&alarm, map_count), REASON_LENGTH);
	alarm.args.len = PAGE;
	assert_int_equal(reason_at(&alarm, map_count), REASON_MAX_MAP_COUNT);
	map_count = LIMIT;
	assert_int_equal(reason_at(&alarm, map_count), REASON_RLIMIT_AS);
	alarm.rlimit_as = UINT64_MAX;
	assert_int_equal(reason_at(&alarm, map_count), REASON_RLIMIT_DATA);
	alarm.rlimit_data = UINT64_MAX;
	assert_int_equal(reason_at(&alarm, map_count), REASON_UNKNOWN);
}

/* Without arguments nothing is made up; the map count needs none. */
static void without_arguments(void **state)
{
	struct alarm_event alarm = alarm_of(MT_OP_MMAP, ENOMEM);

	(void)state;
	alarm.has_args = false;
	memset(&alarm.args, 0, sizeof(alarm.args));
	alarm.rlimit_as = alarm.rlimit_data = PAGE;
	assert_int_equal(reason_of(&alarm), REASON_UNKNOWN);
	assert_int_equal(reason_at(&alarm, LIMIT + 1), REASON_MAX_MAP_COUNT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(found_wanting),
		cmocka_unit_test(count_at_the_beginning),
		cmocka_unit_test(names),
		cmocka_unit_test(figures_are_in_bytes),
		cmocka_unit_test(by_map_count),
		cmocka_unit_test(eagain_by_map_count),
		cmocka_unit_test(eagain_of_others_is_not_the_map_count),
		cmocka_unit_test(what_the_map_count_never_refuses),
		cmocka_unit_test(advice_refused_by_map_count),
		cmocka_unit_test(by_the_limit_in_force),
		cmocka_unit_test(by_length),
		cmocka_unit_test(by_rlimit_as),
		cmocka_unit_test(rlimits_count_whole_pages),
		cmocka_unit_test(by_rlimit_as_of_mremap),
		cmocka_unit_test(rlimit_as_of_what_adds_nothing),
		cmocka_unit_test(by_rlimit_data),
		cmocka_unit_test(rlimit_data_counts_data_alone),
		cmocka_unit_test(by_memlock),
		cmocka_unit_test(mlock_by_memlock),
		cmocka_unit_test(order_of_the_checks),
		cmocka_unit_test(without_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
