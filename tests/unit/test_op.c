/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/op.c: operations in words, and where the kernel refuses them. */
#include "fake.h"

#include <errno.h>
#include <stdio.h>

#include "op.h"

static void names_are_the_system_calls(void **state)
{
	static const char *const names[] = {
		"other",
		"mmap",
		"munmap",
		"mprotect",
		"pkey_mprotect",
		"mremap",
		"brk",
		"madvise",
		"process_madvise",
		"mlock",
		"mlock2",
		"munlock",
		"mlockall",
		"munlockall",
		"mbind",
		"set_mempolicy_home_node",
		"mseal",
		"prctl",
		"shmat",
		"shmdt",
		"io_setup",
		"io_destroy",
		"remap_file_pages",
		"map_shadow_stack",
		"execve",
		"execveat",
	};

	(void)state;
	assert_int_equal(COUNT(names), MT_OP_MAX);
	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		assert_string_equal(op_name(op), names[op]);
	assert_string_equal(op_name(MT_OP_MAX), "other");
	assert_string_equal(op_name(UINT32_MAX), "other");
}

static void errnos_have_names(void **state)
{
	char buf[16];

	(void)state;
	assert_string_equal(errno_name(ENOMEM, buf, sizeof(buf)), "ENOMEM");
	assert_string_equal(errno_name(EAGAIN, buf, sizeof(buf)), "EAGAIN");
	assert_string_equal(errno_name(1, buf, sizeof(buf)), "EPERM");
	assert_string_equal(errno_name(133, buf, sizeof(buf)), "EHWPOISON");
	assert_string_equal(errno_name(134, buf, sizeof(buf)), "E134");
	assert_string_equal(errno_name(4095, buf, sizeof(buf)), "E4095");
	assert_string_equal(errno_name(2147483647, buf, sizeof(buf)), "E2147483647");
}

/* ---- arguments ---- */

#define PR_SET_VMA 0x53564d41

/* Distinct raw values, so that a mix-up shows. */
static const uint64_t plain[MT_ARGS_MAX] = {0x1001, 0x1002, 0x1003, 0x1004, 0x1005, 0x1006};

static void args_are(uint32_t op, const uint64_t *raw, const struct op_args *expected)
{
	struct op_args got;

	memset(&got, 0xff, sizeof(got)); /* nothing may be left as it was */
	op_args_decode(op, raw, &got);
	assert_int_equal(got.has_addr, expected->has_addr);
	assert_int_equal(got.has_len, expected->has_len);
	assert_int_equal(got.has_prot, expected->has_prot);
	assert_int_equal(got.has_flags, expected->has_flags);
	assert_int_equal(got.has_fd, expected->has_fd);
	assert_int_equal(got.has_new_len, expected->has_new_len);
	assert_int_equal(got.has_advice, expected->has_advice);
	assert_int_equal(got.addr, expected->addr);
	assert_int_equal(got.len, expected->len);
	assert_int_equal(got.new_len, expected->new_len);
	assert_int_equal(got.prot, expected->prot);
	assert_int_equal(got.flags, expected->flags);
	assert_int_equal(got.advice, expected->advice);
	assert_int_equal(got.fd, expected->fd);
}

#define RANGE	      .has_addr = true, .addr = 0x1001, .has_len = true, .len = 0x1002
#define ADDR(value)   .has_addr = true, .addr = (value)
#define PROT(value)   .has_prot = true, .prot = (value)
#define FLAGS(value)  .has_flags = true, .flags = (value)
#define ADVICE(value) .has_advice = true, .advice = (value)

static void arguments_of_every_operation(void **state)
{
	static const struct op_args expected[MT_OP_MAX] = {
		/* 0x1004 has no MAP_ANONYMOUS in it */
		[MT_OP_MMAP] = {RANGE, PROT(0x1003), FLAGS(0x1004), .has_fd = true, .fd = 0x1005},
		[MT_OP_MUNMAP] = {RANGE},
		[MT_OP_MPROTECT] = {RANGE, PROT(0x1003)},
		[MT_OP_PKEY_MPROTECT] = {RANGE, PROT(0x1003)},
		[MT_OP_MREMAP] = {RANGE, .has_new_len = true, .new_len = 0x1003, FLAGS(0x1004)},
		[MT_OP_BRK] = {ADDR(0x1001)},
		[MT_OP_MADVISE] = {RANGE, ADVICE(0x1003)},
		[MT_OP_PROCESS_MADVISE] = {ADVICE(0x1004)},
		[MT_OP_MLOCK] = {RANGE},
		[MT_OP_MLOCK2] = {RANGE, FLAGS(0x1003)},
		[MT_OP_MUNLOCK] = {RANGE},
		[MT_OP_MLOCKALL] = {FLAGS(0x1001)},
		[MT_OP_MBIND] = {RANGE, FLAGS(0x1006)},
		[MT_OP_SET_MEMPOLICY_HOME_NODE] = {RANGE},
		[MT_OP_MSEAL] = {RANGE, FLAGS(0x1003)},
		[MT_OP_SHMAT] = {ADDR(0x1002), FLAGS(0x1003)},
		[MT_OP_SHMDT] = {ADDR(0x1001)},
		[MT_OP_REMAP_FILE_PAGES] = {RANGE, PROT(0x1003), FLAGS(0x1005)},
		[MT_OP_MAP_SHADOW_STACK] = {RANGE, FLAGS(0x1003)},
		/* other, munlockall, prctl (not PR_SET_VMA), io_setup, io_destroy, execve, execveat: none */
	};

	(void)state;
	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		args_are(op, plain, &expected[op]);
	args_are(MT_OP_MAX, plain, &(struct op_args){0});
}

static void mmap_of_anonymous_memory_has_no_fd(void **state)
{
	uint64_t raw[MT_ARGS_MAX] = {0, 4096, 3, 0x22, 7, 0};
	struct op_args args;

	(void)state;
	op_args_decode(MT_OP_MMAP, raw, &args);
	assert_false(args.has_fd);
	raw[3] = 0x2;
	op_args_decode(MT_OP_MMAP, raw, &args);
	assert_true(args.has_fd);
	assert_int_equal(args.fd, 7);
}

/* An int in a 64-bit register: its upper half may be anything. */
static void fd_is_an_int(void **state)
{
	uint64_t raw[MT_ARGS_MAX] = {0, 4096, 3, 0x2, 0xffffffff, 0};
	struct op_args args;

	(void)state;
	op_args_decode(MT_OP_MMAP, raw, &args);
	assert_int_equal(args.fd, -1);
	raw[4] = UINT64_MAX;
	op_args_decode(MT_OP_MMAP, raw, &args);
	assert_int_equal(args.fd, -1);
	raw[4] = 0xdeadbeef00000003;
	op_args_decode(MT_OP_MMAP, raw, &args);
	assert_int_equal(args.fd, 3);
}

static void prctl_names_a_range(void **state)
{
	static const uint64_t raw[MT_ARGS_MAX] = {PR_SET_VMA, 0, 0x7000, 0x2000, 0x9000, 0};
	static const struct op_args expected = {.has_addr = true, .has_len = true, .addr = 0x7000, .len = 0x2000};

	(void)state;
	args_are(MT_OP_PRCTL, raw, &expected);
}

/* ---- texts ---- */

static void prot_texts(void **state)
{
	static const struct {
		uint64_t prot;
		const char *text;
	} rows[] = {
		{0, "PROT_NONE"},
		{1, "PROT_READ"},
		{3, "PROT_READ|PROT_WRITE"},
		{7, "PROT_READ|PROT_WRITE|PROT_EXEC"},
		{0x01000003, "PROT_READ|PROT_WRITE|PROT_GROWSDOWN"},
		{0x40, "0x40"},
		{0x80000001, "PROT_READ|0x80000000"},
	};
	char buf[128];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(op_prot_text(rows[i].prot, buf, sizeof(buf)), rows[i].text);
}

static void flag_texts(void **state)
{
	static const struct {
		uint32_t op;
		uint64_t flags;
		const char *text;
	} rows[] = {
		{MT_OP_MMAP, 0, "0"},
		{MT_OP_MMAP, 0x01, "MAP_SHARED"},
		{MT_OP_MMAP, 0x22, "MAP_PRIVATE|MAP_ANONYMOUS"},
		{MT_OP_MMAP, 0x03, "MAP_SHARED_VALIDATE"}, /* a number, not MAP_SHARED|MAP_PRIVATE */
		{MT_OP_MMAP, 0x32, "MAP_PRIVATE|MAP_FIXED|MAP_ANONYMOUS"},
		{MT_OP_MMAP, 0x100022, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_FIXED_NOREPLACE"},
		{MT_OP_MMAP, 0x20022, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_STACK"},
		{MT_OP_MMAP, 0x80000022, "MAP_PRIVATE|MAP_ANONYMOUS|0x80000000"},
		{MT_OP_MMAP, 0x40022, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB"},
		{MT_OP_MMAP, 0x40022 | 21U << 26, "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT"},
		{MT_OP_MMAP, 0x1f810c,
		 "MAP_GROWSDOWN|MAP_POPULATE|MAP_NONBLOCK|MAP_STACK|MAP_HUGETLB|MAP_SYNC|MAP_FIXED_NOREPLACE|0xc"},
		{MT_OP_MMAP, 0x7802, "MAP_PRIVATE|MAP_DENYWRITE|MAP_EXECUTABLE|MAP_LOCKED|MAP_NORESERVE"},
		{MT_OP_MMAP, 0xffffffff00000022, "MAP_PRIVATE|MAP_ANONYMOUS"}, /* an int */
		{MT_OP_REMAP_FILE_PAGES, 0x10000, "MAP_NONBLOCK"},
		{MT_OP_MREMAP, 0, "0"},
		{MT_OP_MREMAP, 1, "MREMAP_MAYMOVE"},
		{MT_OP_MREMAP, 2, "MREMAP_FIXED"},
		{MT_OP_MREMAP, 3, "MREMAP_MAYMOVE|MREMAP_FIXED"},
		{MT_OP_MREMAP, 5, "MREMAP_MAYMOVE|MREMAP_DONTUNMAP"},
		{MT_OP_MREMAP, 8, "0x8"},
		{MT_OP_MLOCK2, 1, "MLOCK_ONFAULT"},
		{MT_OP_MLOCKALL, 3, "MCL_CURRENT|MCL_FUTURE"},
		{MT_OP_MLOCKALL, 7, "MCL_CURRENT|MCL_FUTURE|MCL_ONFAULT"},
		{MT_OP_SHMAT, 010000, "SHM_RDONLY"},
		{MT_OP_SHMAT, 070000, "SHM_RDONLY|SHM_RND|SHM_REMAP"},
		{MT_OP_SHMAT, 0100000, "SHM_EXEC"},
		{MT_OP_MBIND, 6, "0x6"}, /* no names of its own */
		{MT_OP_MSEAL, 0, "0"},
		{MT_OP_MAX, UINT64_MAX, "0xffffffffffffffff"},
	};
	char buf[256];

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_string_equal(op_flags_text(rows[i].op, rows[i].flags, buf, sizeof(buf)), rows[i].text);
}

/* By number, as in include/uapi/asm-generic/mman-common.h; a gap has no name. */
static void advice_texts(void **state)
{
	static const char *const names[] = {
		[0] = "MADV_NORMAL",	      [1] = "MADV_RANDOM",
		[2] = "MADV_SEQUENTIAL",      [3] = "MADV_WILLNEED",
		[4] = "MADV_DONTNEED",	      [8] = "MADV_FREE",
		[9] = "MADV_REMOVE",	      [10] = "MADV_DONTFORK",
		[11] = "MADV_DOFORK",	      [12] = "MADV_MERGEABLE",
		[13] = "MADV_UNMERGEABLE",    [14] = "MADV_HUGEPAGE",
		[15] = "MADV_NOHUGEPAGE",     [16] = "MADV_DONTDUMP",
		[17] = "MADV_DODUMP",	      [18] = "MADV_WIPEONFORK",
		[19] = "MADV_KEEPONFORK",     [20] = "MADV_COLD",
		[21] = "MADV_PAGEOUT",	      [22] = "MADV_POPULATE_READ",
		[23] = "MADV_POPULATE_WRITE", [24] = "MADV_DONTNEED_LOCKED",
		[25] = "MADV_COLLAPSE",	      [100] = "MADV_HWPOISON",
		[101] = "MADV_SOFT_OFFLINE",  [102] = "MADV_GUARD_INSTALL",
		[103] = "MADV_GUARD_REMOVE",  [104] = NULL,
	};
	char buf[32], number[32];

	(void)state;
	for (unsigned int advice = 0; advice < COUNT(names); advice++) {
		snprintf(number, sizeof(number), "%u", advice);
		assert_string_equal(op_advice_text(advice, buf, sizeof(buf)), names[advice] ? names[advice] : number);
	}
	assert_string_equal(op_advice_text(UINT64_MAX, buf, sizeof(buf)), "18446744073709551615");
}

/* Cut to fit at every size, the byte behind untouched. */
static void texts_are_cut_to_fit(void **state)
{
	static const char whole[] = "MAP_PRIVATE|MAP_ANONYMOUS|MAP_HUGETLB|21<<MAP_HUGE_SHIFT";
	char buf[sizeof(whole) + 1];

	(void)state;
	for (size_t size = 1; size <= sizeof(whole); size++) {
		memset(buf, 'x', sizeof(buf));
		op_flags_text(MT_OP_MMAP, 0x40022 | 21U << 26, buf, size);
		assert_true(strlen(buf) < size);
		assert_memory_equal(buf, whole, strlen(buf));
		assert_int_equal(buf[size], 'x');
		memset(buf, 'x', sizeof(buf));
		op_prot_text(UINT64_MAX, buf, size);
		assert_true(strlen(buf) < size);
		assert_int_equal(buf[size], 'x');
		memset(buf, 'x', sizeof(buf));
		op_advice_text(24, buf, size);
		assert_true(strlen(buf) < size);
		assert_int_equal(buf[size], 'x');
	}
}

static void results_that_are_addresses(void **state)
{
	(void)state;
	for (uint32_t op = 0; op < MT_OP_MAX; op++) {
		bool address = op == MT_OP_MMAP || op == MT_OP_MREMAP || op == MT_OP_BRK || op == MT_OP_SHMAT ||
			       op == MT_OP_MAP_SHADOW_STACK;

		assert_int_equal(op_returns_address(op), address);
	}
	assert_false(op_returns_address(MT_OP_MAX));
}

static void searches(void **state)
{
	(void)state;
	assert_true(op_is_search(MT_OP_EXECVE, ENOENT));
	assert_true(op_is_search(MT_OP_EXECVEAT, EACCES));
	assert_true(op_is_search(MT_OP_EXECVE, ENOTDIR));
	assert_false(op_is_search(MT_OP_EXECVE, 0));
	assert_false(op_is_search(MT_OP_EXECVE, ENOMEM));
	assert_false(op_is_search(MT_OP_MMAP, EACCES));
}

/* ---- refusal points: KERNEL.md section 1, row by row ---- */

#define FIXED	  0x10
#define MAYMOVE	  1
#define MOVE_TO	  3 /* MREMAP_MAYMOVE|MREMAP_FIXED */
#define DONTUNMAP 5

struct refusal_row {
	uint32_t op;
	uint64_t flags;
	int lenient, worst; /* relative to M */
};

static const struct refusal_row refusal_rows[] = {
	{MT_OP_MMAP, 0x22, 1, 1},
	{MT_OP_SHMAT, 0, 1, 1},
	{MT_OP_IO_SETUP, 0, 1, 1},
	{MT_OP_REMAP_FILE_PAGES, 0, 1, 1},
	{MT_OP_BRK, 0, 1, 1},
	{MT_OP_MAP_SHADOW_STACK, 0, 1, 1},
	{MT_OP_MMAP, 0x22 | FIXED, 1, 0}, /* worst: inside one VMA */
	{MT_OP_MMAP, 0x100022, 1, 1},	  /* MAP_FIXED_NOREPLACE replaces nothing, so it splits nothing */
	{MT_OP_MUNMAP, 0, 0, 0},
	{MT_OP_MPROTECT, 0, 0, -1},
	{MT_OP_PKEY_MPROTECT, 0, 0, -1},
	{MT_OP_MLOCK, 0, 0, -1},
	{MT_OP_MLOCK2, 0, 0, -1},
	{MT_OP_MUNLOCK, 0, 0, -1},
	{MT_OP_MBIND, 0, 0, -1},
	{MT_OP_SET_MEMPOLICY_HOME_NODE, 0, 0, -1}, /* mbind_range too (mm/mempolicy.c) */
	{MT_OP_MSEAL, 0, 0, -1},
	{MT_OP_MADVISE, 0, 0, -1},
	{MT_OP_PROCESS_MADVISE, 0, 0, -1},
	{MT_OP_PRCTL, 0, 0, -1},
	{MT_OP_MREMAP, MAYMOVE, -3, -3},
	{MT_OP_MREMAP, 0, -3, -3},
	{MT_OP_MREMAP, MOVE_TO, -3, -5},
	{MT_OP_MREMAP, DONTUNMAP, -3, -5},
};

static void refusal_points(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusal_rows); i++) {
		const struct refusal_row *row = &refusal_rows[i];

		assert_int_equal(op_refusal_point(row->op, row->flags, LIMIT, false), (int)LIMIT + row->lenient);
		assert_int_equal(op_refusal_point(row->op, row->flags, LIMIT, true), (int)LIMIT + row->worst);
	}
}

static void refusal_points_of_odd_limits(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refusal_rows); i++) {
		const struct refusal_row *row = &refusal_rows[i];

		for (uint32_t limit = 0; limit < 8; limit++) {
			int expected = (int)limit + row->worst;

			assert_int_equal(op_refusal_point(row->op, row->flags, limit, true),
					 expected > 0 ? expected : 0);
		}
		/* SteamOS goes to 2147483642; nothing may wrap beyond */
		assert_true(op_refusal_point(row->op, row->flags, UINT32_MAX, true) >= UINT32_MAX - 5);
		assert_true(op_refusal_point(row->op, row->flags, UINT32_MAX, false) >= UINT32_MAX - 5);
		assert_int_equal(op_refusal_point(row->op, row->flags, 2147483642, true), 2147483642LL + row->worst);
	}
}

/* "mlockall ... never" (KERNEL.md section 1); whole VMAs alone are unmapped by shmdt and io_destroy. */
static void never_refused_by_count(void **state)
{
	static const uint32_t never[] = {MT_OP_MLOCKALL, MT_OP_MUNLOCKALL, MT_OP_SHMDT, MT_OP_IO_DESTROY};

	(void)state;
	for (size_t i = 0; i < COUNT(never); i++) {
		assert_int_equal(op_refusal_point(never[i], 0, LIMIT, true), UINT32_MAX);
		assert_int_equal(op_refusal_point(never[i], 0, LIMIT, false), UINT32_MAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(searches),
		cmocka_unit_test(names_are_the_system_calls),
		cmocka_unit_test(errnos_have_names),
		cmocka_unit_test(arguments_of_every_operation),
		cmocka_unit_test(mmap_of_anonymous_memory_has_no_fd),
		cmocka_unit_test(fd_is_an_int),
		cmocka_unit_test(prctl_names_a_range),
		cmocka_unit_test(prot_texts),
		cmocka_unit_test(flag_texts),
		cmocka_unit_test(advice_texts),
		cmocka_unit_test(texts_are_cut_to_fit),
		cmocka_unit_test(results_that_are_addresses),
		cmocka_unit_test(refusal_points),
		cmocka_unit_test(refusal_points_of_odd_limits),
		cmocka_unit_test(never_refused_by_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
