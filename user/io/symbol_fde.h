/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which code a module's call frame information is about. */
#ifndef IO_SYMBOL_FDE_H
#define IO_SYMBOL_FDE_H

#include <stdbool.h>
#include <stdint.h>

#include <elfutils/libdw.h>

#include "symbol_elf.h"

struct symbol_fde {
	uint64_t start, end;   /* ELF addresses */
	uint32_t instructions; /* bytes, those of its CIE included */
};

struct symbol_fdes {
	struct symbol_fde *fdes; /* ascending by start */
	uint32_t count, cap;
	Dwarf_CFI *cfi; /* to look them up by */
	Dwarf *dwarf;	/* that cfi belongs to; NULL: it is the ELF file's */
};

/* Those of .eh_frame, by its section or by its program header; else those of .debug_frame. 0 or negative errno. */
int symbol_fdes_read(Elf *elf, const struct symbol_elf *look, struct symbol_fdes *ret_fdes);
void symbol_fdes_free(struct symbol_fdes *fdes);

#endif
