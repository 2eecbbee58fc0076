/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* ELF files that processes run, each once however many run it; kept open, so that they are there after their deletion.
 */
#ifndef IO_SYMBOL_MODULE_H
#define IO_SYMBOL_MODULE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>
#include <uthash.h>

#include "mmaptrace.h"
#include "symbol_elf.h"
#include "symbol_lookup.h"
#include "symbolizer.h"

/* The same file with the same content, as far as can be told without reading it. */
struct module_key {
	uint64_t dev, inode, size, mtime_ns;
};

struct symbol_module {
	struct module_key key;
	uint64_t serial;  /* never used again */
	int fd;		  /* -1: closed, for want of users */
	uint32_t number;  /* for its rules; 0: it has none */
	uint32_t users;	  /* processes */
	uint64_t idle_ns; /* since when it has none */
	bool is_elf;
	bool rules_due; /* it is large: they are made when the others have been told */
	struct symbol_elf elf;
	struct symbol_lookup *lookup; /* made when first asked for; NULL: not yet */
	uint64_t asked;		      /* when last, counted in questions */
	bool lookup_failed;
	char *path; /* by which it was first met */
	int root;   /* of another mount namespace, where its debug information may be; -1: none */
	UT_hash_handle hh;
};

/* Its rules, to be told before anything else is of it. */
typedef void module_rows_fn(void *arg, uint32_t number, const struct mt_unwind_row *rows, uint32_t count);

struct symbol_modules {
	enum unwind_mode mode;
	uint32_t last_number;
	uint64_t last_serial, questions;
	uint32_t lookups; /* that are open */
	module_rows_fn *rows_fn;
	void *arg;
	uint64_t *bad_modules, *rules_left_out; /* counters, somebody else's */
	uint32_t *beat;				/* the same: moves with each file opened, which may take a while */
	struct symbol_module *table;
};

/*
 * The module of a file just opened, st being its fstat; takes fd. path: as the process names it. root: of the process,
 * for its debug information, if its files are not ours; borrowed, -1: ours. NULL: out of memory. The caller becomes a
 * user.
 */
struct symbol_module *symbol_module_get(struct symbol_modules *modules, int fd, const struct stat *st, const char *path,
					int root);
/* Makes its rules, and tells them, if they are due. */
void symbol_module_make_rules(struct symbol_modules *modules, struct symbol_module *module);
/* One user less. */
void symbol_module_put(struct symbol_module *module, uint64_t now_ns);
/* What to look up addresses by; NULL: it cannot be read. */
struct symbol_lookup *symbol_module_lookup(struct symbol_modules *modules, struct symbol_module *module);
/* Closes what has been without users for a while: an open file keeps its file system mounted. */
void symbol_modules_tidy(struct symbol_modules *modules, uint64_t now_ns);
void symbol_modules_free(struct symbol_modules *modules);

#endif
