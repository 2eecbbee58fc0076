/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The rules for unwinding a module's code, from its call frame information (.eh_frame, else .debug_frame). */
#ifndef IO_SYMBOL_UNWIND_H
#define IO_SYMBOL_UNWIND_H

#include <stdbool.h>
#include <stdint.h>

#include "mmaptrace.h"
#include "symbol_elf.h"

struct symbol_rows {
	struct mt_unwind_row *rows; /* ascending by pc */
	uint32_t count, cap;
};

/*
 * 0 (also if there are none), -EFBIG: more than WIRE_ROWS_MAX, or it would take for ever; -ENOTSUP: not an architecture
 * or an address that has rules; -ENOMEM. fd of the file borrowed.
 */
int symbol_unwind_make(Elf *elf, const struct symbol_elf *look, struct symbol_rows *ret_rows);
void symbol_unwind_free(struct symbol_rows *rows);
/* Whether it makes system calls itself, as libc does, and is not too large to be looked through for that. */
bool symbol_unwind_calls_kernel(int fd, const struct symbol_elf *look);

#endif
