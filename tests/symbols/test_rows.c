/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rules for unwinding against libdw's own word at random places, and what they cost to make. */
#include "subject.h"

#include <dwarf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <elfutils/libdw.h>

#include "symbol_elf.h"
#include "symbol_unwind.h"

#define PLACES 20000

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

struct subject {
	int fd;
	Elf *elf;
	struct symbol_elf look;
	struct symbol_rows rows;
};

static bool subject_open(struct subject *subject, const char *path)
{
	double begun;

	memset(subject, 0, sizeof(*subject));
	subject->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (subject->fd < 0)
		return false;
	subject->elf = symbol_elf_open(subject->fd);
	assert_non_null(subject->elf);
	assert_int_equal(symbol_elf_look(subject->elf, &subject->look), 0);
	begun = seconds();
	assert_int_equal(symbol_unwind_make(subject->elf, &subject->look, &subject->rows), 0);
	print_message("%s: %u rows in %.0f ms\n", path, subject->rows.count, (seconds() - begun) * 1e3);
	return true;
}

static void subject_close(struct subject *subject)
{
	symbol_unwind_free(&subject->rows);
	elf_end(subject->elf);
	close(subject->fd);
}

/* The path of the library that has an address of ours. */
static void path_of(const void *address, char *out, size_t size)
{
	char line[1024];
	FILE *maps = fopen("/proc/self/maps", "re");

	assert_non_null(maps);
	out[0] = '\0';
	while (fgets(line, sizeof(line), maps)) {
		unsigned long start, end;
		const char *path = strchr(line, '/');

		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && path && start <= (unsigned long)address &&
		    (unsigned long)address < end)
			snprintf(out, size, "%.*s", (int)strcspn(path, "\n"), path);
	}
	fclose(maps);
	assert_true(out[0]);
}

/* "rsp+16" and the like of x86-64: what the row says is what libdw says. */
static void compare_sp(Dwarf_Frame *frame, const struct mt_unwind_row *row, int sp, int fp)
{
	Dwarf_Op *ops;
	size_t count;

	assert_int_equal(dwarf_frame_cfa(frame, &ops, &count), 0);
	if (row->rule != MT_UNWIND_SP && row->rule != MT_UNWIND_FP)
		return;
	assert_int_equal(count, 1);
	if (ops[0].atom == DW_OP_bregx) {
		assert_int_equal(ops[0].number, row->rule == MT_UNWIND_SP ? sp : fp);
		assert_int_equal((int64_t)ops[0].number2, row->cfa_offset);
	} else {
		assert_int_equal(ops[0].atom, DW_OP_breg0 + (row->rule == MT_UNWIND_SP ? sp : fp));
		assert_int_equal((int64_t)ops[0].number, row->cfa_offset);
	}
}

static void compare_saved(Dwarf_Frame *frame, int number, int16_t offset)
{
	Dwarf_Op room[3], *ops;
	size_t count;

	assert_int_equal(dwarf_frame_register(frame, number, room, &ops, &count), 0);
	if (!offset) {
		assert_int_equal(count, 0);
		return;
	}
	assert_int_equal(count, 2);
	assert_int_equal(ops[0].atom, DW_OP_call_frame_cfa);
	assert_int_equal((int64_t)ops[1].number, offset);
}

static void compare(Dwarf_CFI *cfi, const struct subject *subject, uint64_t pc, uint32_t *plain)
{
	const struct mt_unwind_row *row = row_at(subject->rows.rows, subject->rows.count, pc);
	bool arm64 = subject->look.machine == EM_AARCH64, is_signal;
	Dwarf_Addr start, end;
	Dwarf_Frame *frame;

	if (dwarf_cfi_addrframe(cfi, pc, &frame)) {
		assert_true(!row || row->rule == MT_UNWIND_NONE);
		return;
	}
	assert_non_null(row);
	assert_true(dwarf_frame_info(frame, &start, &end, &is_signal) >= 0);
	assert_int_equal(row->rule == MT_UNWIND_SIGNAL, is_signal);
	compare_sp(frame, row, arm64 ? 31 : 7, arm64 ? 29 : 6);
	if (row->rule == MT_UNWIND_SP || row->rule == MT_UNWIND_FP) {
		compare_saved(frame, arm64 ? 29 : 6, row->fp_offset);
		compare_saved(frame, arm64 ? 30 : 16, row->ra_offset);
		++*plain;
	}
	free(frame);
}

static void compare_file(const char *path)
{
	uint32_t plain = 0, places = 0;
	struct subject subject;
	Dwarf_CFI *cfi;

	assert_true(subject_open(&subject, path));
	cfi = dwarf_getcfi_elf(subject.elf);
	assert_non_null(cfi);
	srand48(7);
	for (uint32_t i = 0; i < subject.look.segment_count; i++) {
		const struct symbol_segment *segment = &subject.look.segments[i];

		for (uint32_t j = 0; segment->exec && j < PLACES; j++, places++)
			compare(cfi, &subject, segment->vaddr + (uint64_t)(drand48() * (double)segment->size), &plain);
	}
	print_message("%s: %u places, %u by a register and an offset\n", path, places, plain);
	assert_true(plain > places / 2);
	dwarf_cfi_end(cfi);
	subject_close(&subject);
}

static void rows_are_libdws(void **state)
{
	char path[1024];

	(void)state;
	compare_file("/proc/self/exe");
	path_of(stdout, path, sizeof(path)); /* libc */
	compare_file(path);
	compare_file(beside("target-static", path, sizeof(path)));
}

static void rows_are_in_order(void **state)
{
	char path[1024];
	struct subject subject;

	(void)state;
	assert_true(subject_open(&subject, beside("target", path, sizeof(path))));
	for (uint32_t i = 1; i < subject.rows.count; i++)
		assert_true(subject.rows.rows[i].pc > subject.rows.rows[i - 1].pc);
	assert_int_equal(subject.rows.rows[subject.rows.count - 1].rule, MT_UNWIND_NONE);
	subject_close(&subject);
}

/* Without section headers there is the program header of .eh_frame_hdr. */
static void rows_without_sections(void **state)
{
	char path[1024], copy[] = "/tmp/mmaptrace-rows-XXXXXX", bytes[65536];
	struct subject whole, cut;
	GElf_Ehdr header;
	ssize_t got;
	int fd = mkstemp(copy);

	(void)state;
	assert_true(fd >= 0 && subject_open(&whole, beside("target", path, sizeof(path))));
	for (off_t at = 0; (got = pread(whole.fd, bytes, sizeof(bytes), at)) > 0; at += got)
		assert_int_equal(pwrite(fd, bytes, (size_t)got, at), got);
	assert_non_null(gelf_getehdr(whole.elf, &header));
	memset(bytes, 0, 64);
	assert_int_equal(pwrite(fd, bytes, 8, 40), 8); /* e_shoff */
	assert_int_equal(pwrite(fd, bytes, 4, 60), 4); /* e_shnum, e_shstrndx */
	close(fd);
	assert_true(subject_open(&cut, copy));
	unlink(copy);
	assert_int_equal(cut.rows.count, whole.rows.count);
	assert_memory_equal(cut.rows.rows, whole.rows.rows, whole.rows.count * sizeof(*whole.rows.rows));
	subject_close(&cut);
	subject_close(&whole);
}

/* Who calls the kernel: libc, and a program with libc in it; not one that leaves that to libc. */
static void who_calls_the_kernel(void **state)
{
	char path[1024];
	struct subject subject;

	(void)state;
	path_of(stdout, path, sizeof(path));
	assert_true(subject_open(&subject, path));
	assert_true(symbol_unwind_calls_kernel(subject.fd, &subject.look));
	subject_close(&subject);
	assert_true(subject_open(&subject, beside("target-static", path, sizeof(path))));
	assert_true(symbol_unwind_calls_kernel(subject.fd, &subject.look));
	subject_close(&subject);
	assert_true(subject_open(&subject, beside("target", path, sizeof(path))));
	assert_false(symbol_unwind_calls_kernel(subject.fd, &subject.look));
	subject_close(&subject);
}

/* What it costs where there is a lot; told, not asserted. */
static void large_libraries(void **state)
{
	static const char *const paths[] = {"/usr/lib/x86_64-linux-gnu/libstdc++.so.6",
					    "/usr/lib/x86_64-linux-gnu/libLLVM-14.so.1",
					    "/usr/lib/jvm/java-17-openjdk-amd64/lib/server/libjvm.so"};

	(void)state;
	for (size_t i = 0; i < COUNT(paths); i++) {
		struct subject subject;

		if (subject_open(&subject, paths[i]))
			subject_close(&subject);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_are_libdws),	 cmocka_unit_test(rows_are_in_order),
		cmocka_unit_test(rows_without_sections), cmocka_unit_test(who_calls_the_kernel),
		cmocka_unit_test(large_libraries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
