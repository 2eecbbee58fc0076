/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Functions by the symbols of a file, in order of address. */
#ifndef IO_SYMBOL_TABLE_H
#define IO_SYMBOL_TABLE_H

#include <stdint.h>

#include <elfutils/libdwfl.h>

struct symbol {
	uint64_t addr, size;
	const char *name; /* libdwfl's */
	uint32_t rank;	  /* of several at one address, which names it best */
};

/* Zero-initialised is empty. Only as long as the Dwfl_Module is there. */
struct symbol_table {
	struct symbol *symbols;
	uint32_t count, cap;
};

/* .symtab, a debug file's, .gnu_debugdata's, else .dynsym. 0 or -ENOMEM. */
int symbol_table_read(Dwfl_Module *module, struct symbol_table *table);
/* addr: as libdwfl has it. NULL: none. */
const char *symbol_table_find(const struct symbol_table *table, uint64_t addr);
void symbol_table_free(struct symbol_table *table);

#endif
