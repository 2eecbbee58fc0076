/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_dwarf.h"

#include <dwarf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "demangle.h"
#include "pc_index.h"
#include "symbol_wire.h"

#define UNITS_MAX  1000000
#define DIES_MAX   5000000 /* looked at in a unit: forged ones can go round in circles */
#define RANGES_MAX 100000  /* of a unit or a function; the same */
#define DEPTH_MAX  64	   /* of namespaces in each other */
#define PATH_LEN   4096

struct unit {
	Dwarf_Off die;
	bool indexed;
	struct pc_index functions; /* to offsets of DIEs */
};

struct symbol_dwarf {
	Dwarf *dwarf;
	struct unit *units;
	uint32_t count, cap;
	struct pc_index index; /* to units */
};

/* ---- which unit ---- */

static int add_ranges(struct pc_index *index, Dwarf_Die *die, uint64_t what)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t offset = 0;

	for (unsigned int i = 0; i < RANGES_MAX; i++) {
		int error;

		offset = dwarf_ranges(die, offset, &base, &start, &end);
		if (offset <= 0)
			return 0;
		error = pc_index_add(index, start, end, what);
		if (error)
			return error;
	}
	return 0;
}

static int add_unit(struct symbol_dwarf *dwarf, Dwarf_Die *die)
{
	if (dwarf->count == UNITS_MAX)
		return -ENOSPC;
	if (dwarf->count == dwarf->cap) {
		uint32_t cap = dwarf->cap ? dwarf->cap * 2 : 64;
		struct unit *grown = realloc(dwarf->units, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		dwarf->units = grown;
		dwarf->cap = cap;
	}
	dwarf->units[dwarf->count] = (struct unit){.die = dwarf_dieoffset(die)};
	return add_ranges(&dwarf->index, die, dwarf->count++);
}

static void dwarf_release(struct symbol_dwarf **dwarf)
{
	symbol_dwarf_free(*dwarf);
}

int symbol_dwarf_new(Dwarf *dwarf, struct symbol_dwarf **ret_dwarf)
{
	struct symbol_dwarf *made _cleanup_(dwarf_release) = calloc(1, sizeof(*made));
	Dwarf_CU *unit = NULL;
	uint8_t type;
	Dwarf_Die die;
	int error = 0;

	if (!made)
		return -ENOMEM;
	made->dwarf = dwarf;
	while (!error && !dwarf_get_units(dwarf, unit, &unit, NULL, &type, &die, NULL)) {
		/* A skeleton has lines at least; the file its functions are in may be any by its path, and is not
		 * opened. */
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			error = add_unit(made, &die);
	}
	if (error == -ENOMEM)
		return error;
	*ret_dwarf = TAKE_PTR(made);
	return 0;
}

void symbol_dwarf_free(struct symbol_dwarf *dwarf)
{
	if (!dwarf)
		return;
	for (uint32_t i = 0; i < dwarf->count; i++)
		pc_index_free(&dwarf->units[i].functions);
	free(dwarf->units);
	pc_index_free(&dwarf->index);
	free(dwarf);
}

/* ---- which function ---- */

static bool may_hold_functions(int tag)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type: /* Rust's have methods */
	case DW_TAG_subprogram:	      /* nested functions, in Ada and Fortran */
		return true;
	default:
		return false;
	}
}

static void index_children(struct unit *unit, Dwarf_Die *parent, unsigned int depth, uint32_t *budget)
{
	Dwarf_Die child;

	if (depth > DEPTH_MAX || dwarf_child(parent, &child))
		return;
	do {
		int tag = dwarf_tag(&child);

		if (!*budget || !--*budget)
			return;
		if (tag == DW_TAG_subprogram)
			add_ranges(&unit->functions, &child, dwarf_dieoffset(&child));
		if (may_hold_functions(tag))
			index_children(unit, &child, depth + 1, budget);
	} while (!dwarf_siblingof(&child, &child));
}

static bool find_function(struct symbol_dwarf *dwarf, struct unit *unit, Dwarf_Die *unit_die, Dwarf_Addr pc,
			  Dwarf_Die *ret_die)
{
	uint32_t budget = DIES_MAX;
	Dwarf_Off offset;

	if (!unit->indexed)
		index_children(unit, unit_die, 0, &budget);
	unit->indexed = true;
	return pc_index_find(&unit->functions, pc, &offset) && dwarf_offdie(dwarf->dwarf, offset, ret_die);
}

/* The function and what is inlined into it at pc, outermost first. Returns how many. */
static unsigned int find_inlined(Dwarf_Die *function, Dwarf_Addr pc, Dwarf_Die *ret_dies)
{
	unsigned int count = 1;
	uint32_t budget = DIES_MAX;
	Dwarf_Die at = *function, child;

	ret_dies[0] = *function;
	while (count < WIRE_INLINES_MAX && !dwarf_child(&at, &child)) {
		bool found = false;

		do {
			int tag = dwarf_tag(&child);

			if ((tag == DW_TAG_inlined_subroutine || tag == DW_TAG_lexical_block) &&
			    dwarf_haspc(&child, pc) == 1) {
				if (tag == DW_TAG_inlined_subroutine)
					ret_dies[count++] = child;
				found = true;
				break;
			}
		} while (--budget && !dwarf_siblingof(&child, &child));
		if (!found || !budget)
			break;
		at = child;
	}
	return count;
}

/* ---- in words ---- */

static const char *text_attr(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute room;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &room));
}

/* room: of DEMANGLE_LEN bytes. */
static const char *function_name(Dwarf_Die *die, const char *symbol, char *room)
{
	const char *linkage = text_attr(die, DW_AT_linkage_name);
	const char *name;

	if (!linkage)
		linkage = text_attr(die, DW_AT_MIPS_linkage_name);
	if (linkage && demangle(linkage, room))
		return room;
	name = dwarf_diename(die);
	return name ? name : linkage ? linkage : symbol;
}

/* As DWARF tells it; what is relative is so to where the compiler ran. */
static const char *file_path(Dwarf_Die *unit, const char *file, char *room)
{
	const char *dir = NULL;

	if (file && file[0] != '/')
		dir = text_attr(unit, DW_AT_comp_dir);
	if (!dir || dir[0] != '/') /* libdw has put a relative one before it, if there was one */
		return file;
	snprintf(room, PATH_LEN, "%s/%s", dir, file);
	return room;
}

struct place {
	const char *file;
	uint32_t line;
};

static struct place place_of_pc(Dwarf_Die *unit, Dwarf_Addr pc)
{
	Dwarf_Line *line = dwarf_getsrc_die(unit, pc);
	struct place place = {0};
	int number;

	if (!line)
		return place;
	place.file = dwarf_linesrc(line, NULL, NULL);
	if (!dwarf_lineno(line, &number) && number > 0)
		place.line = (uint32_t)number;
	return place;
}

/* Where the function was called that has been inlined. */
static struct place place_of_call(Dwarf_Die *unit, Dwarf_Die *inlined)
{
	struct place place = {0};
	Dwarf_Attribute room;
	Dwarf_Files *files;
	Dwarf_Word number;
	size_t count;

	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &room), &number) &&
	    !dwarf_getsrcfiles(unit, &files, &count) && number < count)
		place.file = dwarf_filesrc(files, number, NULL, NULL);
	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &room), &number) && number <= INT32_MAX)
		place.line = (uint32_t)number;
	return place;
}

static void tell(Dwarf_Die *unit, const char *function, const struct place *place, bool inlined, symbol_line_fn *fn,
		 void *arg)
{
	char path[PATH_LEN];

	fn(arg, function, file_path(unit, place->file, path), place->line, inlined);
}

bool symbol_dwarf_find(struct symbol_dwarf *dwarf, Dwarf_Addr pc, const char *symbol, symbol_line_fn *fn, void *arg)
{
	Dwarf_Die unit, function, dies[WIRE_INLINES_MAX];
	char name[DEMANGLE_LEN];
	struct place place;
	uint64_t number;
	unsigned int count;

	if (!pc_index_find(&dwarf->index, pc, &number) || !dwarf_offdie(dwarf->dwarf, dwarf->units[number].die, &unit))
		return false;
	place = place_of_pc(&unit, pc);
	if (!find_function(dwarf, &dwarf->units[number], &unit, pc, &function)) {
		const char *known = symbol && demangle(symbol, name) ? name : symbol;

		if (place.file || known)
			tell(&unit, known, &place, false, fn, arg);
		return place.file || known;
	}
	count = find_inlined(&function, pc, dies);
	while (count--) {
		tell(&unit, function_name(&dies[count], symbol, name), &place, count > 0, fn, arg);
		if (count)
			place = place_of_call(&unit, &dies[count]);
	}
	return true;
}
