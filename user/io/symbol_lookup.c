/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_lookup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwfl.h>

#include "cleanup.h"
#include "debug_file.h"
#include "demangle.h"
#include "symbol_dwarf.h"
#include "symbol_table.h"

struct symbol_lookup {
	const struct symbol_elf *look;
	const char *path;
	int fd, root;
	Dwfl *dwfl;
	Dwfl_Module *module;
	GElf_Addr bias;	       /* of libdwfl's addresses to those of the file */
	Dwarf_Addr dwarf_bias; /* the same to those of its DWARF */
	struct symbol_dwarf *dwarf;
	struct symbol_table table;
};

static struct symbol_lookup *lookup_of(void **userdata)
{
	return *userdata;
}

/* The file that is open already: its path may have another by now. */
static int find_elf(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **file_name,
		    Elf **elf)
{
	struct symbol_lookup *lookup = lookup_of(userdata);
	int fd = fcntl(lookup->fd, F_DUPFD_CLOEXEC, 0);

	(void)module;
	(void)name;
	(void)base;
	if (fd < 0)
		return -1;
	*elf = symbol_elf_open(fd);
	*file_name = strdup(lookup->path);
	if (*elf)
		return fd;
	close(fd);
	return -1;
}

static int find_debuginfo(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base,
			  const char *file_name, const char *link, GElf_Word link_crc, char **ret_name)
{
	struct symbol_lookup *lookup = lookup_of(userdata);
	struct debug_file_search search = {.path = lookup->path,
					   .root = lookup->root,
					   .build_id = lookup->look->build_id,
					   .link = link,
					   .crc = link_crc};
	int fd = debug_file_find(&search);

	(void)file_name;
	if (fd < 0 && !lookup->dwarf)
		fd = debug_file_download(module, userdata, name, base, ret_name);
	return fd;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_elf,
	.find_debuginfo = find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

/* Where libdwfl is to think it is loaded: where the file itself says, if need be to the page. */
static void extent_of(const struct symbol_elf *look, uint64_t *ret_start, uint64_t *ret_end)
{
	uint64_t start = UINT64_MAX, end = 0;

	for (uint32_t i = 0; i < look->segment_count; i++) {
		const struct symbol_segment *segment = &look->segments[i];

		start = segment->vaddr < start ? segment->vaddr : start;
		end = segment->vaddr + segment->size > end ? segment->vaddr + segment->size : end;
	}
	*ret_start = start & ~(uint64_t)4095;
	*ret_end = end;
}

static int begin(struct symbol_lookup *lookup)
{
	uint64_t start, end;
	void **userdata;

	extent_of(lookup->look, &start, &end);
	lookup->dwfl = dwfl_begin(&callbacks);
	if (!lookup->dwfl)
		return -ENOMEM;
	dwfl_report_begin(lookup->dwfl);
	lookup->module = dwfl_report_module(lookup->dwfl, "module", start, end);
	if (!lookup->module || dwfl_report_end(lookup->dwfl, NULL, NULL))
		return -ENOMEM;
	dwfl_module_info(lookup->module, &userdata, NULL, NULL, NULL, NULL, NULL, NULL);
	*userdata = lookup;
	return dwfl_module_getelf(lookup->module, &lookup->bias) ? 0 : -ENOEXEC;
}

static void lookup_release(struct symbol_lookup **lookup)
{
	symbol_lookup_free(*lookup);
}

int symbol_lookup_new(int fd, const struct symbol_elf *look, const char *path, int root,
		      struct symbol_lookup **ret_lookup)
{
	struct symbol_lookup *lookup _cleanup_(lookup_release) = calloc(1, sizeof(*lookup));
	Dwarf *dwarf;
	int error;

	if (!lookup)
		return -ENOMEM;
	lookup->fd = fd;
	lookup->look = look;
	lookup->path = path;
	lookup->root = root;
	error = begin(lookup);
	if (error)
		return error;
	dwarf = dwfl_module_getdwarf(lookup->module, &lookup->dwarf_bias);
	error = dwarf ? symbol_dwarf_new(dwarf, &lookup->dwarf) : 0;
	if (!error)
		error = symbol_table_read(lookup->module, &lookup->table);
	if (error)
		return error;
	*ret_lookup = TAKE_PTR(lookup);
	return 0;
}

void symbol_lookup_free(struct symbol_lookup *lookup)
{
	if (!lookup)
		return;
	symbol_table_free(&lookup->table);
	symbol_dwarf_free(lookup->dwarf);
	if (lookup->dwfl)
		dwfl_end(lookup->dwfl);
	free(lookup);
}

void symbol_lookup_find(struct symbol_lookup *lookup, uint64_t vaddr, symbol_line_fn *fn, void *arg)
{
	uint64_t addr = vaddr + lookup->bias;
	const char *symbol = symbol_table_find(&lookup->table, addr);
	char name[DEMANGLE_LEN];

	if (lookup->dwarf && symbol_dwarf_find(lookup->dwarf, addr - lookup->dwarf_bias, symbol, fn, arg))
		return;
	if (symbol)
		fn(arg, demangle(symbol, name) ? name : symbol, NULL, 0, false);
}
