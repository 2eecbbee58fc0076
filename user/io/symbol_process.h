/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The code of processes, as it was when they were looked at. */
#ifndef IO_SYMBOL_PROCESS_H
#define IO_SYMBOL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "jit_map.h"
#include "symbol_module.h"

/* One executable map. */
struct code_range {
	uint64_t start, end;
	uint64_t bias;		      /* from ELF addresses to the process's */
	struct symbol_module *module; /* NULL: no file that can be read */
	char *name; /* as the process knows it; shared with the range before if that has the same module */
	bool owns_name;
};

/* One look at a process. What is queued keeps the look of its time; the next one is in the table then. */
struct symbol_process {
	uint32_t pid;
	uint64_t start_ns;
	uint32_t users;
	bool gone;  /* it had ended */
	bool stale; /* it has been forgotten: the pid has another image, or another process */
	bool has_jit;
	uint64_t taken_ns, jit_read_ns;
	uint64_t pause_ns;	   /* before it is worth another look */
	struct code_range *ranges; /* ascending */
	uint32_t count, cap;
	struct jit_map *jit; /* NULL: none; shared with other looks at the same process */
	UT_hash_handle hh;
};

/*
 * Looks at a process now. With `gone` set, and without ranges, if it has ended. earlier: another look at the same image
 * of it, or NULL. NULL: out of memory. One user.
 */
struct symbol_process *symbol_process_look(struct symbol_modules *modules, uint32_t pid, uint64_t start_ns,
					   struct symbol_process *earlier, uint64_t now_ns);
/* Is it the one of that start, by /proc's clock ticks or exactly? */
bool symbol_process_is(const struct symbol_process *process, uint64_t start_ns);
void symbol_process_use(struct symbol_process *process);
/* One user less; the last one frees it. NULL is fine. */
void symbol_process_put(struct symbol_process *process, uint64_t now_ns);
/* The range at an address; NULL: none. */
const struct code_range *symbol_process_find(const struct symbol_process *process, uint64_t addr);
/* The name of just-in-time code, read anew if it is not known yet. NULL: not known. */
const char *symbol_process_jit(struct symbol_process *process, uint64_t addr, uint64_t now_ns);

#endif
