/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/reason.c, cause*.c, range.c: what user space saw around a refusal, each boundary from both sides. */
#include "fake.h"

#include <errno.h>

#include "reason.h"

#define PAGE	  4096
#define GIB	  (1ULL << 30)
#define BASE	  0x10000000ULL
#define ANON	  0x22
#define SHARED	  0x21
#define FIXED	  0x10
#define NORESERVE 0x4000
#define STACK	  0x20000
#define HUGETLB	  0x40000
#define READ	  1
#define RW	  3

/* One refusal and all that is known of it: alone in its address space, all hooks attached, far from every limit. */
struct scene {
	struct alarm_event alarm;
	struct surroundings around;
	uint32_t map_count;
};

static struct scene scene_of(uint32_t op)
{
	return (struct scene){
		.alarm =
			{
				.op = op,
				.error = ENOMEM,
				.limit = LIMIT,
				.alone = true,
				.has_args = true,
				.args = {.has_addr = true,
					 .addr = BASE,
					 .has_len = true,
					 .len = 16 * PAGE,
					 .prot = RW,
					 .flags = op == MT_OP_MMAP ? ANON : 0},
				.total_vm_pages = 100,
				.data_vm_pages = 50,
				.rlimit_as = UINT64_MAX,
				.rlimit_data = UINT64_MAX,
				.rlimit_data_max = UINT64_MAX,
				.rlimit_memlock = UINT64_MAX,
				.brk = BASE,
				.start_brk = BASE - 10 * PAGE,
			},
		.around =
			{
				.kernel = KERNEL_VERSION_OF(6, 12),
				.gap_told = true,
				.commit_told = true,
				.machine = {.known = true,
					    .ram = 8 * GIB,
					    .swap = GIB,
					    .commit_limit = 4 * GIB,
					    .committed = GIB,
					    .huge_page = 2 << 20,
					    .huge_known = true},
			},
		.map_count = 1000,
	};
}

static struct refusal explained(const struct scene *scene)
{
	struct refusal refusal;

	refusal_explain(&scene->alarm, scene->map_count, PAGE, &scene->around, &refusal);
	return refusal;
}

static void check(const struct scene *scene, enum reason reason, bool estimated)
{
	struct refusal refusal = explained(scene);

	assert_string_equal(reason_name(refusal.reason), reason_name(reason));
	assert_int_equal(refusal.estimated, estimated);
}

/* Maps [first, last) in pages from BASE on, of these rights. */
static void map_at(struct range *range, unsigned int first, unsigned int last, uint8_t prot)
{
	const struct vma vma = {.start = BASE + first * PAGE, .end = BASE + last * PAGE, .prot = prot};

	range_take(range, &vma);
}

static struct range *look_at(struct scene *scene, unsigned int first, unsigned int pages, uint64_t prot)
{
	scene->alarm.args.addr = BASE + first * PAGE;
	scene->alarm.args.len = (uint64_t)pages * PAGE;
	scene->around.range = range_of(scene->alarm.args.addr, scene->alarm.args.len, prot, PAGE);
	scene->around.range.fresh = true;
	return &scene->around.range;
}

/* ---- exact or estimated ---- */

static void exact_if_nobody_else(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);

	(void)state;
	scene.alarm.rlimit_as = 100 * PAGE;
	check(&scene, REASON_RLIMIT_AS, false);
	scene.alarm.alone = false;
	check(&scene, REASON_RLIMIT_AS, true);
	scene.alarm.has_entry = true;
	scene.alarm.entry_map_count = 1000;
	check(&scene, REASON_RLIMIT_AS, false);
	scene.around.gap_told = false; /* asked before, and not known */
	check(&scene, REASON_RLIMIT_AS, true);
}

/* With other threads the count may have fallen since; what the witness saw under the lock has not. */
static void exact_by_witness(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);

	(void)state;
	scene.alarm.alone = false;
	scene.map_count = LIMIT + 1;
	check(&scene, REASON_MAX_MAP_COUNT, true);
	scene.alarm.above = true;
	check(&scene, REASON_MAX_MAP_COUNT, false);
	scene.map_count = 5;
	check(&scene, REASON_MAX_MAP_COUNT, false);
}

static void remainder_needs_all_ruled_out(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);

	(void)state;
	check(&scene, REASON_KERNEL_MEMORY, true);
	scene.around.gap_told = false;
	check(&scene, REASON_UNKNOWN, false);
	scene.around.gap_told = true;
	scene.alarm.alone = false;
	check(&scene, REASON_UNKNOWN, false);
	scene.alarm.alone = true;
	scene.alarm.has_args = false;
	check(&scene, REASON_UNKNOWN, false);
	scene = scene_of(MT_OP_EXECVE);
	scene.map_count = LIMIT + 1; /* of the address space that it leaves */
	check(&scene, REASON_UNKNOWN, false);
}

/* ---- overcommit ---- */

static void heuristic_overcommit(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);

	(void)state;
	scene.around.commit_told = false;
	for (int off = -1; off <= 1; off++) {
		scene.alarm.args.len = 9 * GIB + (uint64_t)off * PAGE;
		check(&scene, off > 0 ? REASON_OVERCOMMIT : REASON_KERNEL_MEMORY, true);
	}
	scene.around.machine.overcommit = OVERCOMMIT_ALWAYS;
	check(&scene, REASON_KERNEL_MEMORY, true);
	scene.around.machine.known = false;
	check(&scene, REASON_UNKNOWN, false);
	scene.alarm.no_commit = true;
	check(&scene, REASON_OVERCOMMIT, false);
}

static void what_is_accounted_for(void **state)
{
	static const struct {
		uint64_t prot, flags;
		bool accounted, shared;
	} rows[] = {
		{RW, ANON, true, false},
		{READ, ANON, false, false},
		{RW, ANON | NORESERVE, false, false},
		{0, SHARED, true, true},
		{RW, SHARED | NORESERVE, false, true},
		{RW, 0x1, false, false},
		{RW, 0x2, true, false},
		{RW, ANON | HUGETLB, false, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct scene scene = scene_of(MT_OP_MMAP);

		scene.around.commit_told = false;
		scene.alarm.args.len = 10 * GIB;
		scene.alarm.args.prot = rows[i].prot;
		scene.alarm.args.flags = rows[i].flags;
		check(&scene, rows[i].accounted ? REASON_OVERCOMMIT : REASON_KERNEL_MEMORY, true);
		assert_int_equal(explained(&scene).shared_anonymous, rows[i].shared);
	}
}

/* mm/util.c: __vm_enough_memory. Near the sum of what all have been promised, nothing can be told afterwards. */
static void no_overcommit(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);

	(void)state;
	scene.around.commit_told = false;
	scene.around.machine.overcommit = OVERCOMMIT_NEVER;
	scene.alarm.args.flags |= NORESERVE; /* not heard */
	scene.alarm.args.len = 3 * GIB;
	check(&scene, REASON_OVERCOMMIT, true);
	scene.alarm.args.len = 3 * GIB - PAGE;
	check(&scene, REASON_UNKNOWN, false);
	scene.alarm.args.len = 2 * GIB;
	check(&scene, REASON_KERNEL_MEMORY, true);
	scene.around.machine.admin_reserve = GIB;
	check(&scene, REASON_OVERCOMMIT, true);
	scene.alarm.is_admin = true;
	check(&scene, REASON_KERNEL_MEMORY, true);
	scene.around.machine.user_reserve = 2 * GIB;
	scene.alarm.total_vm_pages = 32 * 2 * GIB / PAGE; /* a 32nd of it */
	check(&scene, REASON_OVERCOMMIT, true);
}

/* ---- resource limits ---- */

/* A limit of 0 leaves the hard one; a parameter of the kernel's leaves none. */
static void rlimit_data_of_zero(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);

	(void)state;
	scene.alarm.rlimit_data = 0;
	check(&scene, REASON_KERNEL_MEMORY, true);
	for (int off = -1; off <= 1; off++) {
		scene.alarm.rlimit_data_max = (uint64_t)(50 + 16 + off) * PAGE;
		check(&scene, off < 0 ? REASON_RLIMIT_DATA : REASON_KERNEL_MEMORY, off >= 0);
	}
	scene.alarm.rlimit_data = scene.alarm.rlimit_data_max = PAGE;
	check(&scene, REASON_RLIMIT_DATA, false);
	scene.around.machine.ignores_rlimit_data = true;
	check(&scene, REASON_KERNEL_MEMORY, true);
}

/* What MAP_FIXED takes the place of does not count twice. */
static void fixed_overlap(void **state)
{
	(void)state;
	for (int off = -1; off <= 1; off++) {
		struct scene scene = scene_of(MT_OP_MMAP);
		struct range *range = look_at(&scene, 0, 16, RANGE_ANY_PROT);

		scene.alarm.args.flags |= FIXED;
		map_at(range, 4, 10, READ);
		range_end(range);
		scene.alarm.rlimit_as = (uint64_t)(100 + 10 + off) * PAGE;
		check(&scene, off < 0 ? REASON_RLIMIT_AS : REASON_KERNEL_MEMORY, off >= 0);
	}
}

/* brk(2) adds up the program's data and the break before anything else is asked. */
static void limit_of_the_break(void **state)
{
	struct scene scene = scene_of(MT_OP_BRK);

	(void)state;
	scene.alarm.args = (struct op_args){.has_addr = true, .addr = BASE + 4 * PAGE};
	scene.alarm.data_segment = 2 * PAGE;
	scene.alarm.data_vm_pages = 0;
	scene.around.range = range_of(BASE, 0, RANGE_ANY_PROT, PAGE);
	map_at(&scene.around.range, 1000, 1001, READ);
	for (int off = -1; off <= 1; off++) {
		scene.alarm.rlimit_data = (uint64_t)(10 + 4 + 2 + off) * PAGE;
		check(&scene, off < 0 ? REASON_RLIMIT_DATA : REASON_KERNEL_MEMORY, off >= 0);
	}
}

/* Rights make data of it: of the part that had none. Past RLIMIT_AS the kernel does not look. */
static void mprotect_makes_data(void **state)
{
	struct scene scene = scene_of(MT_OP_MPROTECT);
	struct range *range = look_at(&scene, 0, 16, RW);

	(void)state;
	map_at(range, 0, 8, RW);
	map_at(range, 8, 16, READ);
	range_end(range);
	for (int off = -1; off <= 1; off++) {
		scene.alarm.rlimit_data = (uint64_t)(50 + 8 + off) * PAGE;
		check(&scene, off < 0 ? REASON_RLIMIT_DATA : REASON_KERNEL_MEMORY, off >= 0);
	}
	scene.alarm.rlimit_data = PAGE;
	scene.alarm.rlimit_as = 107 * PAGE;
	check(&scene, REASON_KERNEL_MEMORY, true);
	scene.alarm.rlimit_as = 108 * PAGE;
	check(&scene, REASON_RLIMIT_DATA, false);
}

/* Who may lock is not held to the limit; what is locked already counts once. */
static void memlock(void **state)
{
	struct scene scene = scene_of(MT_OP_MLOCK);

	(void)state;
	scene.alarm.rlimit_memlock = 15 * PAGE;
	check(&scene, REASON_MEMLOCK, false);
	scene.alarm.locked_vm_pages = 5;
	scene.alarm.rlimit_memlock = 20 * PAGE;
	check(&scene, REASON_MEMLOCK, true);
	scene.alarm.may_lock = true;
	check(&scene, REASON_UNKNOWN, false);
	scene = scene_of(MT_OP_MLOCKALL);
	scene.alarm.args = (struct op_args){.has_flags = true, .flags = 1 /* MCL_CURRENT */};
	scene.alarm.rlimit_memlock = 99 * PAGE;
	check(&scene, REASON_MEMLOCK, false);
	scene.alarm.rlimit_memlock = 100 * PAGE;
	check(&scene, REASON_UNKNOWN, false);
}

/* ---- what is mapped there ---- */

/* At the limit a range of whole maps needs no split: it is the hole. */
static void hole_or_split(void **state)
{
	struct scene scene = scene_of(MT_OP_MPROTECT);
	struct range *range = look_at(&scene, 0, 3, READ);

	(void)state;
	scene.alarm.args.prot = READ;
	scene.map_count = LIMIT;
	map_at(range, 0, 1, RW);
	map_at(range, 2, 3, RW);
	range_end(range);
	check(&scene, REASON_NOT_MAPPED, false);
	assert_int_equal(explained(&scene).range.hole, BASE + PAGE);
	range = look_at(&scene, 1, 3, READ);
	map_at(range, 0, 2, RW); /* begins within a map, which comes before the hole */
	range_end(range);
	check(&scene, REASON_MAX_MAP_COUNT, false);
	scene.map_count = LIMIT - 1;
	check(&scene, REASON_NOT_MAPPED, false);
	scene.around.range = (struct range){0};
	check(&scene, REASON_NOT_MAPPED, true);
	scene.map_count = LIMIT; /* either */
	check(&scene, REASON_UNKNOWN, false);
	scene.alarm.is_stack = true; /* a part of what the same thread has just mapped */
	check(&scene, REASON_MAX_MAP_COUNT, true);
}

/* Who stops at a hole has not come to the split behind it; advice has. */
static void split_behind_a_hole(void **state)
{
	struct scene scene = scene_of(MT_OP_MPROTECT);
	struct range *range = look_at(&scene, 0, 3, READ);

	(void)state;
	scene.map_count = LIMIT;
	map_at(range, 0, 1, RW);
	map_at(range, 2, 5, RW);
	range_end(range);
	check(&scene, REASON_NOT_MAPPED, false);
	scene.alarm.op = MT_OP_MADVISE;
	scene.alarm.args.advice = 10; /* MADV_DONTFORK */
	scene.around.kernel = KERNEL_VERSION_OF(5, 15);
	check(&scene, REASON_MAX_MAP_COUNT, false);
}

/* Whether a map is locked already is not seen in /proc: it may be the split or the hole. */
static void lock_beside_a_hole(void **state)
{
	struct scene scene = scene_of(MT_OP_MUNLOCK);
	struct range *range = look_at(&scene, 1, 3, RANGE_ANY_PROT);

	(void)state;
	scene.map_count = LIMIT;
	map_at(range, 0, 2, RW);
	range_end(range);
	check(&scene, REASON_UNKNOWN, false);
	scene.map_count = LIMIT - 1;
	check(&scene, REASON_NOT_MAPPED, false);
}

/* ---- as the kernel side has left it: pages from BASE on ---- */

#define LOCKED 0x2000

static struct mt_peek peek_of(unsigned int first, unsigned int last, uint64_t flags)
{
	return (struct mt_peek){BASE + first * PAGE, BASE + last * PAGE, flags};
}

/* Pages [4, 8) of it, to be made readable, locked ... */
static struct scene walked(uint32_t op, enum mt_verdict verdict, struct mt_peek first, struct mt_peek last)
{
	struct scene scene = scene_of(op);

	scene.map_count = LIMIT;
	scene.alarm.args.addr = BASE + 4 * PAGE;
	scene.alarm.args.len = 4 * PAGE;
	scene.alarm.args.prot = READ;
	scene.alarm.walk = (struct mt_walk){first, last, last.end, 0, verdict, 0};
	return scene;
}

static void walked_to_a_hole(void **state)
{
	struct scene scene = walked(MT_OP_MPROTECT, MT_WALK_HOLE, peek_of(4, 5, RW), peek_of(5, 6, RW));
	struct range range;

	(void)state;
	check(&scene, REASON_NOT_MAPPED, false);
	assert_int_equal(explained(&scene).range.hole, BASE + 6 * PAGE);
	scene.alarm.alone = false;
	check(&scene, REASON_NOT_MAPPED, true);
	scene.alarm.alone = true;
	scene.alarm.walk.first.start -= PAGE; /* it had to be split first */
	check(&scene, REASON_MAX_MAP_COUNT, false);
	scene.alarm.walk.first.flags = READ; /* it has been, and has merged with the one before */
	check(&scene, REASON_NOT_MAPPED, false);
	range = *look_at(&scene, 4, 4, READ); /* who looks later sees what came later */
	map_at(&range, 0, 12, RW);
	range_end(&range);
	scene.around.range = range;
	check(&scene, REASON_NOT_MAPPED, false);
	scene.alarm.walk = (struct mt_walk){.mapped_to = BASE + 4 * PAGE, .verdict = MT_WALK_HOLE};
	check(&scene, REASON_NOT_MAPPED, false);
	assert_int_equal(explained(&scene).range.hole, BASE + 4 * PAGE);
}

static void walked_without_a_hole(void **state)
{
	struct scene scene = walked(MT_OP_MPROTECT, MT_WALK_WHOLE, peek_of(4, 6, READ), peek_of(6, 9, RW));

	(void)state;
	check(&scene, REASON_MAX_MAP_COUNT, false); /* the end is left to be split */
	scene.alarm.alone = false;
	check(&scene, REASON_MAX_MAP_COUNT, true);
	scene.alarm.alone = true;
	scene.map_count = LIMIT - 1;
	check(&scene, REASON_KERNEL_MEMORY, true);
	scene.map_count = LIMIT;
	scene.alarm.walk.last = peek_of(6, 8, RW); /* nothing is */
	check(&scene, REASON_KERNEL_MEMORY, true);
}

/* Beyond so many maps nobody has looked: it is the count if the beginning had to be split. */
static void walked_a_part(void **state)
{
	struct scene scene = walked(MT_OP_MPROTECT, MT_WALK_LONG, peek_of(4, 5, RW), peek_of(6, 7, RW));

	(void)state;
	check(&scene, REASON_UNKNOWN, false);
	scene.alarm.walk.first.start -= PAGE;
	check(&scene, REASON_MAX_MAP_COUNT, false);
	scene.alarm.walk.first.flags = READ;
	check(&scene, REASON_UNKNOWN, false);
}

/* Locks are among the flags; mlock fails also when all is locked, for what can't be brought into memory. */
static void walked_locks(void **state)
{
	static const struct {
		uint32_t op;
		uint64_t op_flags, flags;
		enum reason reason;
	} rows[] = {
		{MT_OP_MLOCK, 0, RW, REASON_MAX_MAP_COUNT},
		{MT_OP_MLOCK, 0, RW | LOCKED, REASON_UNKNOWN},
		{MT_OP_MLOCK, 0, RW | LOCKED | 0x80000, REASON_MAX_MAP_COUNT}, /* VM_LOCKONFAULT */
		{MT_OP_MLOCK, 0, RW | 0x40000, REASON_UNKNOWN},		       /* VM_DONTEXPAND: never locked */
		{MT_OP_MLOCK2, 1, RW | LOCKED, REASON_MAX_MAP_COUNT},
		{MT_OP_MLOCK2, 1, RW | LOCKED | 0x80000, REASON_UNKNOWN},
		{MT_OP_MUNLOCK, 0, RW, REASON_UNKNOWN},
		{MT_OP_MUNLOCK, 0, RW | LOCKED, REASON_MAX_MAP_COUNT},
		{MT_OP_PKEY_MPROTECT, 0, READ, REASON_MAX_MAP_COUNT}, /* another key */
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mt_peek map = peek_of(2, 12, rows[i].flags);
		struct scene scene = walked(rows[i].op, MT_WALK_WHOLE, map, map);

		scene.alarm.args.flags = rows[i].op_flags;
		check(&scene, rows[i].reason, false);
		scene.alarm.walk.verdict = MT_WALK_HOLE;
		scene.alarm.walk.last.end = scene.alarm.walk.mapped_to = BASE + 6 * PAGE;
		if (rows[i].op != MT_OP_PKEY_MPROTECT)
			check(&scene, rows[i].reason == REASON_UNKNOWN ? REASON_NOT_MAPPED : REASON_MAX_MAP_COUNT,
			      false);
		else
			check(&scene, REASON_UNKNOWN, false);
	}
}

/* A munmap is refused only within one map. */
static void munmap_of_several(void **state)
{
	struct scene scene = scene_of(MT_OP_MUNMAP);

	(void)state;
	scene.map_count = LIMIT;
	check(&scene, REASON_MAX_MAP_COUNT, true);
	scene.alarm.has_map = true;
	scene.alarm.map = peek_of(0, 15, RW);
	check(&scene, REASON_KERNEL_MEMORY, true);
	scene.alarm.alone = false;
	check(&scene, REASON_MAX_MAP_COUNT, true);
}

/* What is looked at too late tells of a single page alone, if that is mapped. */
static void looked_at_too_late(void **state)
{
	struct scene scene = scene_of(MT_OP_MPROTECT);
	struct range *range = look_at(&scene, 1, 1, READ);

	(void)state;
	scene.map_count = LIMIT;
	scene.alarm.args.prot = READ;
	map_at(range, 0, 4, RW);
	range_end(range);
	range->fresh = false;
	assert_true(refusal_takes_stale(&scene.alarm, range, PAGE));
	check(&scene, REASON_MAX_MAP_COUNT, true);
	range = look_at(&scene, 1, 2, READ);
	map_at(range, 0, 4, RW);
	range_end(range);
	assert_false(refusal_takes_stale(&scene.alarm, range, PAGE));
	range = look_at(&scene, 1, 1, READ);
	range_end(range);
	assert_false(refusal_takes_stale(&scene.alarm, range, PAGE));
}

/* Who knows what the kernel has found does not look any more. */
static void what_is_looked_at(void **state)
{
	struct scene scene = walked(MT_OP_MPROTECT, MT_WALK_HOLE, peek_of(4, 5, RW), peek_of(5, 6, RW));
	struct refusal refusal;
	struct range range;

	(void)state;
	scene.alarm.alone = false;
	refusal = explained(&scene);
	assert_false(refusal_asks_for_range(&scene.alarm, &refusal, PAGE, &range));
	scene.alarm.walk.verdict = MT_WALK_NONE;
	refusal = explained(&scene);
	assert_true(refusal_asks_for_range(&scene.alarm, &refusal, PAGE, &range));
}

/* The size of a segment is do_mmap's word, or looked up by its id. */
static void segments(void **state)
{
	struct scene scene = scene_of(MT_OP_SHMAT);
	struct refusal refusal;

	(void)state;
	scene.alarm.rlimit_as = 107 * PAGE;
	check(&scene, REASON_UNKNOWN, false);
	refusal = explained(&scene);
	assert_true(refusal_asks_for_segment(&scene.alarm, &refusal));
	scene.around.segment_bytes = 7 * PAGE;
	check(&scene, REASON_UNKNOWN, false);
	scene.around.segment_bytes = 7 * PAGE + 1;
	check(&scene, REASON_RLIMIT_AS, true);
	scene.alarm.entry_len = 8 * PAGE;
	check(&scene, REASON_RLIMIT_AS, false);
	refusal = explained(&scene);
	assert_false(refusal_asks_for_segment(&scene.alarm, &refusal));
}

/* The map at the call's beginning says all of a range within it. */
static void peeked(void **state)
{
	struct scene scene = scene_of(MT_OP_MPROTECT);

	(void)state;
	scene.map_count = LIMIT;
	scene.alarm.has_map = true;
	scene.alarm.map = (struct mt_peek){BASE - PAGE, BASE + 16 * PAGE, READ};
	check(&scene, REASON_MAX_MAP_COUNT, false);
	scene.alarm.map.start = BASE; /* a whole map: no split */
	check(&scene, REASON_KERNEL_MEMORY, true);
	scene.alarm.map.end = BASE + 15 * PAGE; /* what follows is not known */
	check(&scene, REASON_UNKNOWN, false);
	scene.alarm.map = (struct mt_peek){0};
	check(&scene, REASON_NOT_MAPPED, false);
}

/* MAP_FIXED at the limit is refused only within one map; before 6.12 after the limits, then before them. */
static void fixed_at_the_limit(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);
	struct range *range = look_at(&scene, 4, 4, RANGE_ANY_PROT);

	(void)state;
	scene.map_count = LIMIT;
	scene.alarm.args.flags |= FIXED;
	map_at(range, 0, 12, READ);
	range_end(range);
	check(&scene, REASON_MAX_MAP_COUNT, false);
	scene.alarm.rlimit_as = PAGE;
	check(&scene, REASON_MAX_MAP_COUNT, false);
	scene.around.kernel = KERNEL_VERSION_OF(6, 11);
	check(&scene, REASON_RLIMIT_AS, false);
	range = look_at(&scene, 4, 4, RANGE_ANY_PROT);
	map_at(range, 4, 12, READ); /* cuts off its head: no map more */
	range_end(range);
	scene.alarm.rlimit_as = UINT64_MAX;
	check(&scene, REASON_KERNEL_MEMORY, true);
}

static void growth_in_place(void **state)
{
	struct scene scene = scene_of(MT_OP_MREMAP);
	struct range *range = look_at(&scene, 0, 4, RANGE_ANY_PROT);

	(void)state;
	scene.alarm.args.new_len = 8 * PAGE;
	map_at(range, 0, 4, RW);
	map_at(range, 7, 9, READ);
	range_end(range);
	scene.map_count = LIMIT; /* nobody counts who stays, before 7.1 */
	check(&scene, REASON_NO_ROOM, false);
	scene.around.kernel = KERNEL_VERSION_OF(7, 1);
	check(&scene, REASON_MAX_MAP_COUNT, false);
	scene.map_count = LIMIT - 4;
	scene.alarm.args.new_len = 7 * PAGE;
	check(&scene, REASON_KERNEL_MEMORY, true);
}

/* The break keeps a page's distance. */
static void room_of_the_break(void **state)
{
	(void)state;
	for (unsigned int free = 4; free <= 6; free++) {
		struct scene scene = scene_of(MT_OP_BRK);

		scene.alarm.args = (struct op_args){.has_addr = true, .addr = BASE + 4 * PAGE};
		scene.around.range = range_of(BASE, 0, RANGE_ANY_PROT, PAGE);
		scene.around.range.fresh = true;
		map_at(&scene.around.range, free, free + 1, READ);
		check(&scene, free < 5 ? REASON_NO_ROOM : REASON_KERNEL_MEMORY, free >= 5);
	}
}

/* From 6.1 on want of maps is EAGAIN in advice, and ENOMEM a hole. */
static void advice_by_kernel(void **state)
{
	struct scene scene = scene_of(MT_OP_MADVISE);

	(void)state;
	scene.map_count = LIMIT;
	scene.alarm.args.advice = 10; /* MADV_DONTFORK */
	check(&scene, REASON_NOT_MAPPED, true);
	scene.alarm.error = EAGAIN;
	check(&scene, REASON_MAX_MAP_COUNT, true);
	scene.around.kernel = KERNEL_VERSION_OF(5, 15);
	check(&scene, REASON_UNKNOWN, false);
	scene.alarm.error = ENOMEM; /* either */
	check(&scene, REASON_UNKNOWN, false);
}

/* ---- whom it hits ---- */

static void thread_stacks(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);

	(void)state;
	assert_false(explained(&scene).thread_stack);
	scene.alarm.args.flags |= STACK;
	assert_true(explained(&scene).thread_stack);
	scene = scene_of(MT_OP_MPROTECT);
	assert_false(explained(&scene).thread_stack);
	scene.alarm.is_stack = true;
	assert_true(explained(&scene).thread_stack);
}

static void huge_pages(void **state)
{
	struct scene scene = scene_of(MT_OP_MMAP);

	(void)state;
	scene.alarm.args.flags |= HUGETLB;
	check(&scene, REASON_KERNEL_MEMORY, true);
	assert_true(explained(&scene).huge);
	assert_int_equal(explained(&scene).asked, 2 << 20);
	scene.alarm.rlimit_as = GIB;
	scene.alarm.total_vm_pages = (GIB - (2 << 20)) / PAGE + 1; /* whole huge pages are counted */
	check(&scene, REASON_RLIMIT_AS, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(exact_if_nobody_else),
		cmocka_unit_test(exact_by_witness),
		cmocka_unit_test(remainder_needs_all_ruled_out),
		cmocka_unit_test(heuristic_overcommit),
		cmocka_unit_test(what_is_accounted_for),
		cmocka_unit_test(no_overcommit),
		cmocka_unit_test(rlimit_data_of_zero),
		cmocka_unit_test(fixed_overlap),
		cmocka_unit_test(limit_of_the_break),
		cmocka_unit_test(mprotect_makes_data),
		cmocka_unit_test(memlock),
		cmocka_unit_test(hole_or_split),
		cmocka_unit_test(split_behind_a_hole),
		cmocka_unit_test(lock_beside_a_hole),
		cmocka_unit_test(walked_to_a_hole),
		cmocka_unit_test(walked_without_a_hole),
		cmocka_unit_test(walked_a_part),
		cmocka_unit_test(walked_locks),
		cmocka_unit_test(munmap_of_several),
		cmocka_unit_test(looked_at_too_late),
		cmocka_unit_test(what_is_looked_at),
		cmocka_unit_test(segments),
		cmocka_unit_test(peeked),
		cmocka_unit_test(fixed_at_the_limit),
		cmocka_unit_test(growth_in_place),
		cmocka_unit_test(room_of_the_break),
		cmocka_unit_test(advice_by_kernel),
		cmocka_unit_test(thread_stacks),
		cmocka_unit_test(huge_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
