/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/vma.c: a line of /proc/PID/maps taken apart. */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>

#include "vma.h"

static int parse(const char *line, struct vma *ret_vma)
{
	return vma_parse(line, strlen(line), ret_vma);
}

static void lines(void **state)
{
	static const struct {
		const char *line;
		uint64_t start, end, offset, inode;
		uint32_t major, minor;
		uint8_t prot;
		bool shared, deleted;
		enum file_kind kind;
		const char *path;
	} rows[] = {
		{"55d0c0e00000-55d0c0e2f000 r--p 00001000 fe:01 247101                     /usr/bin/bash",
		 0x55d0c0e00000, 0x55d0c0e2f000, 0x1000, 247101, 0xfe, 1, 1, false, false, FILE_REGULAR,
		 "/usr/bin/bash"},
		{"7ffe1000-7ffe3000 rw-p 00000000 00:00 0 ", 0x7ffe1000, 0x7ffe3000, 0, 0, 0, 0, 3, false, false,
		 FILE_ANON, "[anon]"},
		{"7ffe1000-7ffe3000 rw-p 00000000 00:00 0                          [heap]", 0x7ffe1000, 0x7ffe3000, 0,
		 0, 0, 0, 3, false, false, FILE_ANON, "[heap]"},
		{"1000-2000 r-xp 00000000 00:00 0                          [vdso]", 0x1000, 0x2000, 0, 0, 0, 0, 5,
		 false, false, FILE_ANON, "[vdso]"},
		{"1000-2000 ---p 00000000 00:00 0 ", 0x1000, 0x2000, 0, 0, 0, 0, 0, false, false, FILE_ANON, "[anon]"},
		{"1000-2000 rw-s 00000000 00:01 12                         /dev/zero (deleted)", 0x1000, 0x2000, 0, 0,
		 0, 0, 3, true, false, FILE_ANON_SHM, "[anon_shmem]"},
		{"1000-2000 rw-s 00000000 00:01 13                         [anon_shmem:ring]", 0x1000, 0x2000, 0, 0, 0,
		 0, 3, true, false, FILE_ANON_SHM, "[anon_shmem]"},
		{"1000-2000 rw-s 00000000 00:01 32771                      /SYSV00000000 (deleted)", 0x1000, 0x2000, 0,
		 32771, 0, 1, 3, true, false, FILE_SHM, "/SYSV00000000"},
		{"1000-2000 r--s 00000000 00:1a 7                          /dev/shm/frames", 0x1000, 0x2000, 0, 7, 0,
		 0x1a, 1, true, false, FILE_SHM, "/dev/shm/frames"},
		{"1000-2000 rwxs 00000000 00:01 9                          /memfd:doublemapper (deleted)", 0x1000,
		 0x2000, 0, 9, 0, 1, 7, true, false, FILE_MEMFD, "/memfd:doublemapper"},
		{"1000-2000 rw-s 00000000 00:05 3                          /dev/nvidia0", 0x1000, 0x2000, 0, 3, 0, 5, 3,
		 true, false, FILE_DEVICE, "/dev/nvidia0"},
		{"1000-2000 r--p 00000000 08:02 5                          /data/_1.cfs (deleted)", 0x1000, 0x2000, 0,
		 5, 8, 2, 1, false, true, FILE_REGULAR, "/data/_1.cfs"},
		{"1000-2000 r--p 00000000 08:02 5                          /with blank", 0x1000, 0x2000, 0, 5, 8, 2, 1,
		 false, false, FILE_REGULAR, "/with blank"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct vma vma;
		struct file_id id;

		assert_int_equal(parse(rows[i].line, &vma), 0);
		assert_int_equal(vma.start, rows[i].start);
		assert_int_equal(vma.end, rows[i].end);
		assert_int_equal(vma.offset, rows[i].offset);
		assert_int_equal(vma.prot, rows[i].prot);
		assert_int_equal(vma.shared, rows[i].shared);
		assert_string_equal(file_kind_name(vma.kind), file_kind_name(rows[i].kind));
		vma_file(&vma, &id);
		assert_string_equal(id.path, rows[i].path);
		assert_int_equal(id.inode, rows[i].inode);
		assert_int_equal(id.dev_major, rows[i].major);
		assert_int_equal(id.dev_minor, rows[i].minor);
		assert_int_equal(id.deleted, rows[i].deleted);
	}
}

static void no_map(void **state)
{
	struct vma vma;

	(void)state;
	assert_int_equal(
		parse("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]", &vma),
		-ENOENT);
}

/* Cut anywhere, a line is refused or is one of a shorter name; nothing behind it is read (ASan). */
static void cut_lines(void **state)
{
	static const char line[] =
		"55d0c0e00000-55d0c0e2f000 r--p 00001000 fe:01 247101                     /usr/bin/bash";
	size_t numbers = strcspn(line, "/") - 20;

	(void)state;
	for (size_t len = 0; len < sizeof(line); len++) {
		char *copy = malloc(len ? len : 1);
		struct vma vma;

		assert_non_null(copy);
		memcpy(copy, line, len);
		assert_int_equal(vma_parse(copy, len, &vma), len < numbers ? -EINVAL : 0);
		free(copy);
	}
}

static void odd_lines(void **state)
{
	static const char *const rows[] = {
		"",
		" ",
		"2000-1000 rw-p 00000000 00:00 0 ",
		"1000-1000 rw-p 00000000 00:00 0 ",
		"1000 2000 rw-p 00000000 00:00 0 ",
		"1000-2000 rw 00000000 00:00 0 ",
		"1000-2000 rw-p 00000000 00:00 x ",
		"1000-2000 rw-p 00000000 0000 0 ",
		"11111111111111111-22222222222222222 rw-p 00000000 00:00 0 ",
		"1000-2000 rw-p 00000000 00:00 99999999999999999999999 ",
		"Size:                  4 kB",
	};
	struct vma vma;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(parse(rows[i], &vma), -EINVAL);
}

static void long_names_are_cut(void **state)
{
	char line[8192] = "1000-2000 r--p 00000000 08:02 5 /";
	struct file_id id;
	struct vma vma;

	(void)state;
	memset(line + strlen(line), 'n', 4096);
	assert_int_equal(parse(line, &vma), 0);
	assert_int_equal(vma.name_len, 4097);
	vma_file(&vma, &id);
	assert_int_equal(strlen(id.path), FILE_PATH_LEN - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines),
		cmocka_unit_test(no_map),
		cmocka_unit_test(cut_lines),
		cmocka_unit_test(odd_lines),
		cmocka_unit_test(long_names_are_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
