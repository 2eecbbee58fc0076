/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_unwind.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdw.h>

#include "cleanup.h"
#include "symbol_fde.h"
#include "symbol_wire.h"

/*
 * libdw runs the instructions of an FDE anew for each of its rows. For what compilers write that is nothing (a libjvm
 * of 20 MB: 0.1 s); a forged one must not make it a day's work. Bytes of instructions run.
 */
#define WORK_MAX 400000000

#define TEXT_MAX 8388608 /* what is like libc is smaller: glibc 1.5 MiB, static programs a few */
#define CHUNK	 65536

struct registers {
	int sp, fp, ra; /* DWARF's numbers */
};

struct making {
	Dwarf_CFI *cfi;
	struct registers registers;
	struct symbol_rows rows;
	uint64_t work;
};

static bool registers_of(const struct symbol_elf *look, struct registers *ret_registers)
{
	if (!look->is_64)
		return false;
	switch (look->machine) {
	case EM_X86_64:
		*ret_registers = (struct registers){.sp = 7, .fp = 6, .ra = 16};
		return true;
	case EM_AARCH64:
		*ret_registers = (struct registers){.sp = 31, .fp = 29, .ra = 30};
		return true;
	default:
		return false;
	}
}

/* ---- one row ---- */

/* "register + offset": which, and how far. */
static bool op_is_register(const Dwarf_Op *op, int *ret_number, int64_t *ret_offset)
{
	if (op->atom == DW_OP_bregx) {
		if (op->number > INT32_MAX)
			return false;
		*ret_number = (int)op->number;
		*ret_offset = (int64_t)op->number2;
		return true;
	}
	if (op->atom < DW_OP_breg0 || op->atom > DW_OP_breg31)
		return false;
	*ret_number = op->atom - DW_OP_breg0;
	*ret_offset = (int64_t)op->number;
	return true;
}

/* What every linker says of x86's PLT: the 11th byte of a slot of 16 is behind the slot's push. */
static bool ops_are_plt(const Dwarf_Op *ops, size_t count)
{
	static const uint8_t atoms[] = {DW_OP_breg7, DW_OP_breg16, DW_OP_lit15, DW_OP_and, DW_OP_lit11,
					DW_OP_ge,    DW_OP_lit3,   DW_OP_shl,	DW_OP_plus};

	if (count != sizeof(atoms) || ops[0].number != 8 || ops[1].number)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (ops[i].atom != atoms[i])
			return false;
	}
	return true;
}

static void take_cfa(const struct registers *registers, const Dwarf_Op *ops, size_t count, struct mt_unwind_row *row)
{
	int number;
	int64_t offset;

	row->rule = MT_UNWIND_NONE;
	if (ops_are_plt(ops, count)) {
		row->rule = MT_UNWIND_PLT;
		return;
	}
	if (!count || !op_is_register(&ops[0], &number, &offset) || offset < INT32_MIN || offset > INT32_MAX)
		return;
	row->cfa_offset = (int32_t)offset;
	if (count == 1 && number == registers->sp)
		row->rule = MT_UNWIND_SP;
	else if (count == 1 && number == registers->fp)
		row->rule = MT_UNWIND_FP;
	else if (count == 2 && number == registers->fp && ops[1].atom == DW_OP_deref)
		row->rule = MT_UNWIND_FP_MEM;
}

enum saved { SAVED_NOT, SAVED_AT_CFA, SAVED_AT_FP, SAVED_UNDEFINED, SAVED_ELSEWHERE };

/* Where the caller's value of a register is. */
static enum saved where_saved(const struct making *making, Dwarf_Frame *frame, int number, int16_t *ret_offset)
{
	Dwarf_Op room[3], *ops;
	int64_t offset = 0;
	size_t count;
	int base;

	if (dwarf_frame_register(frame, number, room, &ops, &count))
		return SAVED_ELSEWHERE;
	if (!count)
		return ops ? SAVED_UNDEFINED : SAVED_NOT;
	if (ops[0].atom == DW_OP_call_frame_cfa && count == 1)
		offset = 0;
	else if (ops[0].atom == DW_OP_call_frame_cfa && count == 2 && ops[1].atom == DW_OP_plus_uconst)
		offset = (int64_t)ops[1].number;
	else if (count == 2 && ops[0].atom == DW_OP_call_frame_cfa && op_is_register(&ops[1], &base, &offset) &&
		 base == making->registers.fp && !offset)
		return SAVED_AT_FP; /* an expression, which always begins with a CFA that it may leave alone */
	else
		return SAVED_ELSEWHERE;
	if (offset < INT16_MIN || offset > INT16_MAX || !offset)
		return SAVED_ELSEWHERE;
	*ret_offset = (int16_t)offset;
	return SAVED_AT_CFA;
}

static void take_registers(const struct making *making, Dwarf_Frame *frame, struct mt_unwind_row *row)
{
	enum saved fp = where_saved(making, frame, making->registers.fp, &row->fp_offset);
	enum saved ra = where_saved(making, frame, making->registers.ra, &row->ra_offset);

	/* Without a caller there is nothing to say of its registers. */
	if (ra == SAVED_UNDEFINED) {
		*row = (struct mt_unwind_row){.pc = row->pc, .rule = MT_UNWIND_END};
		return;
	}
	if (ra == SAVED_ELSEWHERE || (ra == SAVED_NOT && making->registers.ra == 16))
		row->rule = MT_UNWIND_NONE;
	/* In a realigned stack the frame pointer points to the caller's, and that is what fp_offset 0 means there. */
	if (row->rule == MT_UNWIND_FP_MEM ? fp != SAVED_AT_FP && fp != SAVED_AT_CFA
					  : fp == SAVED_AT_FP || fp == SAVED_ELSEWHERE)
		row->rule = MT_UNWIND_NONE;
}

static void row_of(const struct making *making, Dwarf_Frame *frame, bool is_signal, struct mt_unwind_row *row)
{
	Dwarf_Op *ops;
	size_t count;

	if (is_signal) {
		row->rule = MT_UNWIND_SIGNAL;
		return;
	}
	if (dwarf_frame_cfa(frame, &ops, &count))
		return;
	take_cfa(&making->registers, ops, count, row);
	take_registers(making, frame, row);
	if (row->rule == MT_UNWIND_NONE)
		*row = (struct mt_unwind_row){.pc = row->pc};
}

/* ---- all of them ---- */

static bool row_is_like(const struct mt_unwind_row *a, const struct mt_unwind_row *b)
{
	return a->rule == b->rule && a->cfa_offset == b->cfa_offset && a->fp_offset == b->fp_offset &&
	       a->ra_offset == b->ra_offset;
}

static int rows_add(struct symbol_rows *rows, const struct mt_unwind_row *row)
{
	struct mt_unwind_row *last = rows->count ? &rows->rows[rows->count - 1] : NULL;

	if (last && row_is_like(last, row))
		return 0;
	if (last && last->pc == row->pc) {
		*last = *row;
		return 0;
	}
	if (rows->count == WIRE_ROWS_MAX)
		return -EFBIG;
	if (rows->count == rows->cap) {
		uint32_t cap = rows->cap ? rows->cap * 2 : 1024;
		struct mt_unwind_row *grown = realloc(rows->rows, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		rows->rows = grown;
		rows->cap = cap;
	}
	rows->rows[rows->count++] = *row;
	return 0;
}

static void frame_release(Dwarf_Frame **frame)
{
	free(*frame);
}

/* The row at pc, and where the next one begins. */
static int take_row(struct making *making, uint64_t pc, uint64_t end, uint64_t *ret_next)
{
	Dwarf_Frame *frame _cleanup_(frame_release) = NULL;
	struct mt_unwind_row row = {.pc = (uint32_t)pc};
	Dwarf_Addr from, to = end;
	bool is_signal = false;

	*ret_next = end;
	if (!dwarf_cfi_addrframe(making->cfi, pc, &frame) && dwarf_frame_info(frame, &from, &to, &is_signal) >= 0) {
		row_of(making, frame, is_signal, &row);
		if (to > pc && to < end)
			*ret_next = to;
	}
	return rows_add(&making->rows, &row);
}

static int take_fde(struct making *making, const struct symbol_fde *fde, uint64_t *covered)
{
	uint64_t pc = fde->start > *covered ? fde->start : *covered;
	int error = 0;

	if (pc > *covered)
		error = rows_add(&making->rows, &(struct mt_unwind_row){.pc = (uint32_t)*covered});
	while (!error && pc < fde->end) {
		making->work += fde->instructions;
		if (making->work > WORK_MAX)
			return -EFBIG;
		error = take_row(making, pc, fde->end, &pc);
	}
	if (fde->end > *covered)
		*covered = fde->end;
	return error;
}

static int take_all(struct making *making, const struct symbol_fdes *fdes)
{
	uint64_t covered = fdes->count ? fdes->fdes[0].start : 0;
	int error = 0;

	if (fdes->count && fdes->fdes[fdes->count - 1].end > UINT32_MAX)
		return -ENOTSUP;
	for (uint32_t i = 0; !error && i < fdes->count; i++)
		error = take_fde(making, &fdes->fdes[i], &covered);
	if (!error && fdes->count)
		error = rows_add(&making->rows, &(struct mt_unwind_row){.pc = (uint32_t)covered});
	return error;
}

int symbol_unwind_make(Elf *elf, const struct symbol_elf *look, struct symbol_rows *ret_rows)
{
	struct symbol_fdes fdes _cleanup_(symbol_fdes_free) = {0};
	struct making making = {0};
	int error;

	if (!registers_of(look, &making.registers))
		return -ENOTSUP;
	error = symbol_fdes_read(elf, look, &fdes);
	if (error)
		return error;
	making.cfi = fdes.cfi;
	error = take_all(&making, &fdes);
	if (error)
		symbol_unwind_free(&making.rows);
	else
		*ret_rows = making.rows;
	return error;
}

void symbol_unwind_free(struct symbol_rows *rows)
{
	free(rows->rows);
	memset(rows, 0, sizeof(*rows));
}

/* ---- who makes system calls ---- */

/* x86: syscall, or what looks like it; arm64: svc #0 */
static bool has_call(uint16_t machine, const uint8_t *code, size_t len)
{
	static const uint8_t svc[] = {0x01, 0x00, 0x00, 0xd4}, syscall_x86[] = {0x0f, 0x05};

	return machine == EM_AARCH64 ? memmem(code, len, svc, sizeof(svc)) != NULL
				     : memmem(code, len, syscall_x86, sizeof(syscall_x86)) != NULL;
}

static bool segment_calls(int fd, const struct symbol_segment *segment, uint16_t machine)
{
	uint8_t *chunk _cleanup_free_ = malloc(CHUNK);
	uint64_t done = 0;

	while (chunk && done < segment->size) {
		uint64_t left = segment->size - done;
		ssize_t got = pread(fd, chunk, left < CHUNK ? left : CHUNK, (off_t)(segment->offset + done));

		if (got <= 0)
			return false;
		if (has_call(machine, chunk, (size_t)got))
			return true;
		/* An instruction may lie across two chunks. */
		done += (uint64_t)got > 3 && (uint64_t)got < left ? (uint64_t)got - 3 : (uint64_t)got;
	}
	return false;
}

bool symbol_unwind_calls_kernel(int fd, const struct symbol_elf *look)
{
	if (symbol_elf_text_size(look) >= TEXT_MAX)
		return false;
	for (uint32_t i = 0; i < look->segment_count; i++) {
		if (look->segments[i].exec && segment_calls(fd, &look->segments[i], look->machine))
			return true;
	}
	return false;
}
