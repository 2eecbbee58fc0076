/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "search.h"

#define SYMBOLS_MAX 4000000
#define LOOK_BACK   64 /* symbols that begin before an address and may still reach it */

static bool is_code(const char *name, const GElf_Sym *sym, GElf_Word section)
{
	unsigned int type = GELF_ST_TYPE(sym->st_info);

	if (!name || !*name || section == SHN_UNDEF || section == SHN_ABS)
		return false;
	/* $x, $d: where arm64's assembler went from code to data */
	return type == STT_FUNC || type == STT_GNU_IFUNC || (type == STT_NOTYPE && *name != '$');
}

/* What programmers call it rather than what is another name for it within a library. */
static uint32_t rank_of(const char *name, const GElf_Sym *sym)
{
	uint32_t rank = GELF_ST_TYPE(sym->st_info) == STT_NOTYPE ? 8 : 0;

	rank += GELF_ST_BIND(sym->st_info) == STB_LOCAL ? 4 : 0;
	return rank + (name[0] == '_') + (name[0] == '_' && name[1] == '_');
}

static int table_add(struct symbol_table *table, const struct symbol *symbol)
{
	if (table->count == table->cap) {
		uint32_t cap = table->cap ? table->cap * 2 : 1024;
		struct symbol *grown = realloc(table->symbols, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		table->symbols = grown;
		table->cap = cap;
	}
	table->symbols[table->count++] = *symbol;
	return 0;
}

/* By address, the best name of several last. */
static int compare(const void *a, const void *b)
{
	const struct symbol *first = a, *second = b;

	if (first->addr != second->addr)
		return first->addr < second->addr ? -1 : 1;
	if (first->rank != second->rank)
		return first->rank > second->rank ? -1 : 1;
	return strcmp(second->name, first->name);
}

int symbol_table_read(Dwfl_Module *module, struct symbol_table *table)
{
	int count = dwfl_module_getsymtab(module), error = 0;

	for (int i = 1; !error && i < count && i < SYMBOLS_MAX; i++) {
		struct symbol symbol;
		GElf_Word section;
		GElf_Sym sym;
		GElf_Addr addr;

		symbol.name = dwfl_module_getsym_info(module, i, &sym, &addr, &section, NULL, NULL);
		if (!is_code(symbol.name, &sym, section))
			continue;
		symbol.addr = addr;
		symbol.size = sym.st_size;
		symbol.rank = rank_of(symbol.name, &sym);
		error = table_add(table, &symbol);
	}
	if (table->count)
		qsort(table->symbols, table->count, sizeof(*table->symbols), compare);
	return error;
}

const char *symbol_table_find(const struct symbol_table *table, uint64_t addr)
{
	uint32_t at = (uint32_t)SEARCH_UNTIL(table->symbols, table->count, addr, addr);

	for (uint32_t i = 0; i < LOOK_BACK && i < at; i++) {
		const struct symbol *symbol = &table->symbols[at - 1 - i];

		if (addr - symbol->addr < symbol->size)
			return symbol->name;
		/* Assembler's labels have no size: they reach to the next symbol. */
		if (!i && !symbol->size)
			return symbol->name;
	}
	return NULL;
}

void symbol_table_free(struct symbol_table *table)
{
	free(table->symbols);
	memset(table, 0, sizeof(*table));
}
