/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_module.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cleanup.h"
#include "symbol_unwind.h"

#define MODULES_MAX 8192
#define LOOKUPS_MAX 96		   /* each has its file mapped and its DWARF indexed as far as asked for */
#define LARGE_BYTES (4ULL << 20)   /* such as a runtime or a browser: a tenth of a second and more */
#define IDLE_NS	    30000000000ULL /* a compiler's processes come and go: libc should not be read anew each time */

/* ---- the first look ---- */

static void make_rows(struct symbol_modules *modules, struct symbol_module *module, Elf *elf)
{
	struct symbol_rows rows _cleanup_(symbol_unwind_free) = {0};
	int error;

	if (modules->mode == UNWIND_OFF ||
	    (modules->mode == UNWIND_FP && !symbol_unwind_calls_kernel(module->fd, &module->elf)))
		return;
	error = symbol_unwind_make(elf, &module->elf, &rows);
	if (error)
		++*modules->rules_left_out;
	if (error || !rows.count)
		return;
	module->number = ++modules->last_number;
	modules->rows_fn(modules->arg, module->number, rows.rows, rows.count);
}

static void elf_release(Elf **elf)
{
	elf_end(*elf);
}

/* What is mapped without being an ELF file is no fault of anyone's: data, or code of another kind. */
static bool begins_as_elf(int fd)
{
	char magic[SELFMAG];

	return pread(fd, magic, SELFMAG, 0) == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG);
}

static void look(struct symbol_modules *modules, struct symbol_module *module)
{
	Elf *elf _cleanup_(elf_release) = NULL;

	if (!begins_as_elf(module->fd))
		return;
	__atomic_fetch_add(modules->beat, 1, __ATOMIC_RELEASE);
	elf = symbol_elf_open(module->fd);
	if (!elf || symbol_elf_look(elf, &module->elf)) {
		++*modules->bad_modules;
		return;
	}
	module->is_elf = true;
	module->rules_due = module->key.size > LARGE_BYTES;
	if (!module->rules_due)
		make_rows(modules, module, elf);
}

void symbol_module_make_rules(struct symbol_modules *modules, struct symbol_module *module)
{
	Elf *elf _cleanup_(elf_release) = NULL;

	if (!module->rules_due)
		return;
	module->rules_due = false;
	__atomic_fetch_add(modules->beat, 1, __ATOMIC_RELEASE);
	elf = module->fd < 0 ? NULL : symbol_elf_open(module->fd);
	if (elf)
		make_rows(modules, module, elf);
}

/* ---- the table ---- */

static void close_lookup(struct symbol_modules *modules, struct symbol_module *module)
{
	if (!module->lookup)
		return;
	symbol_lookup_free(module->lookup);
	module->lookup = NULL;
	modules->lookups--;
}

static void close_files(struct symbol_modules *modules, struct symbol_module *module)
{
	close_lookup(modules, module);
	if (module->fd >= 0)
		close(module->fd);
	if (module->root >= 0)
		close(module->root);
	module->fd = module->root = -1;
}

static void module_free(struct symbol_modules *modules, struct symbol_module *module)
{
	HASH_DEL(modules->table, module);
	close_files(modules, module);
	free(module->path);
	free(module);
}

/* The one that was met first goes first, if nobody uses it. */
static bool make_room(struct symbol_modules *modules)
{
	if (HASH_COUNT(modules->table) < MODULES_MAX)
		return true;
	for (struct symbol_module *module = modules->table; module; module = module->hh.next) {
		if (!module->users) {
			module_free(modules, module);
			return true;
		}
	}
	return false;
}

static struct symbol_module *module_new(struct symbol_modules *modules, const struct module_key *key, int fd,
					const char *path)
{
	struct symbol_module *module = make_room(modules) ? calloc(1, sizeof(*module)) : NULL;

	if (!module || !(module->path = strdup(path))) {
		free(module);
		close(fd);
		return NULL;
	}
	module->key = *key;
	module->serial = ++modules->last_serial;
	module->fd = fd;
	module->root = -1;
	HASH_ADD(hh, modules->table, key, sizeof(module->key), module);
	look(modules, module);
	return module;
}

struct symbol_module *symbol_module_get(struct symbol_modules *modules, int fd, const struct stat *st, const char *path,
					int root)
{
	struct module_key key = {.dev = st->st_dev,
				 .inode = st->st_ino,
				 .size = (uint64_t)st->st_size,
				 .mtime_ns = (uint64_t)st->st_mtim.tv_sec * 1000000000 + (uint64_t)st->st_mtim.tv_nsec};
	struct symbol_module *module;

	HASH_FIND(hh, modules->table, &key, sizeof(key), module);
	if (!module)
		module = module_new(modules, &key, fd, path);
	else if (module->fd < 0)
		module->fd = fd;
	else
		close(fd);
	if (!module)
		return NULL;
	if (root >= 0 && module->root < 0 && module->is_elf)
		module->root = fcntl(root, F_DUPFD_CLOEXEC, 0);
	module->users++;
	return module;
}

void symbol_module_put(struct symbol_module *module, uint64_t now_ns)
{
	if (!--module->users)
		module->idle_ns = now_ns;
}

/* The one not asked for the longest time. */
static void close_oldest_lookup(struct symbol_modules *modules)
{
	struct symbol_module *oldest = NULL;

	for (struct symbol_module *module = modules->table; module; module = module->hh.next) {
		if (module->lookup && (!oldest || module->asked < oldest->asked))
			oldest = module;
	}
	if (oldest)
		close_lookup(modules, oldest);
}

struct symbol_lookup *symbol_module_lookup(struct symbol_modules *modules, struct symbol_module *module)
{
	module->asked = ++modules->questions;
	if (module->lookup || module->lookup_failed || module->fd < 0 || !module->is_elf)
		return module->lookup;
	if (modules->lookups >= LOOKUPS_MAX)
		close_oldest_lookup(modules);
	__atomic_fetch_add(modules->beat, 1, __ATOMIC_RELEASE);
	if (symbol_lookup_new(module->fd, &module->elf, module->path, module->root, &module->lookup)) {
		module->lookup_failed = true;
		++*modules->bad_modules;
		return NULL;
	}
	modules->lookups++;
	return module->lookup;
}

void symbol_modules_tidy(struct symbol_modules *modules, uint64_t now_ns)
{
	for (struct symbol_module *module = modules->table; module; module = module->hh.next) {
		if (!module->users && module->fd >= 0 && now_ns - module->idle_ns > IDLE_NS)
			close_files(modules, module);
	}
}

void symbol_modules_free(struct symbol_modules *modules)
{
	while (modules->table)
		module_free(modules, modules->table);
}
