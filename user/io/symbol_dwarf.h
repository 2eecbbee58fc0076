/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Functions, inlined ones too, and source lines by the DWARF of a file. What is asked for is indexed as it is asked
 * for: units once, the functions of a unit at the first address in it. (dwarf_getscopes walks a unit anew for each
 * address, which takes milliseconds in C++.)
 */
#ifndef IO_SYMBOL_DWARF_H
#define IO_SYMBOL_DWARF_H

#include <stdbool.h>
#include <stdint.h>

#include <elfutils/libdw.h>

#include "symbol_lookup.h"

struct symbol_dwarf;

/* dwarf is borrowed. 0 or -ENOMEM. */
int symbol_dwarf_new(Dwarf *dwarf, struct symbol_dwarf **ret_dwarf);
void symbol_dwarf_free(struct symbol_dwarf *dwarf);
/*
 * pc: as the DWARF has it. symbol: of the symbol table, for a line in no function; may be NULL. Returns false, having
 * told nothing, if it does not know the address at all.
 */
bool symbol_dwarf_find(struct symbol_dwarf *dwarf, Dwarf_Addr pc, const char *symbol, symbol_line_fn *fn, void *arg);

#endif
