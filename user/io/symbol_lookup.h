/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What stands at an address of an ELF file: by its DWARF, or that of a debug file of its own, else by its symbols. */
#ifndef IO_SYMBOL_LOOKUP_H
#define IO_SYMBOL_LOOKUP_H

#include <stdbool.h>
#include <stdint.h>

#include "symbol_elf.h"

struct symbol_lookup;

/* Told for each function at an address, innermost first; texts are lent, and demangled. function and file may be NULL.
 */
typedef void symbol_line_fn(void *arg, const char *function, const char *file, uint32_t line, bool inlined);

/*
 * fd: of the file, borrowed, and open as long as this is; so are look and path. root: where its debug information may
 * be besides, borrowed; -1: nowhere. 0 or negative errno.
 */
int symbol_lookup_new(int fd, const struct symbol_elf *look, const char *path, int root,
		      struct symbol_lookup **ret_lookup);
void symbol_lookup_free(struct symbol_lookup *lookup);
/* vaddr: ELF address. Calls fn not at all if nothing is known. */
void symbol_lookup_find(struct symbol_lookup *lookup, uint64_t vaddr, symbol_line_fn *fn, void *arg);

#endif
