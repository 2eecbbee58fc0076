/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Names for addresses, and rules for unwinding. Both come from files that belong to
 * whoever is traced, may be as large as they like and say what they like; so it is a
 * process of its own that opens and reads them (libelf, libdw). It may take its time,
 * crash or hang: the tracer goes on, and counts it.
 */
#ifndef IO_SYMBOLIZER_H
#define IO_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmaptrace.h"
#include "stack.h"

enum unwind_mode {
	UNWIND_OFF,
	UNWIND_FP,    /* rules for what makes system calls alone (libc), frame pointers everywhere else */
	UNWIND_DWARF, /* rules for whatever has call frame information */
};

struct symbolizer;

/* Code of a process: rules are those of the module, found by address - bias. */
struct symbol_range {
	uint64_t start, end;
	uint64_t bias;
	uint32_t module; /* number of the module; 0: none, no rules */
};

/* What it has to say; called by symbolizer_read, arg as given there. What they are given is lent for the call. */
struct symbolizer_sink {
	/* The rules of a module, ascending by pc; told once, before the first range that names it. */
	void (*module)(void *arg, uint32_t module, const struct mt_unwind_row *rows, uint32_t count);
	/*
	 * All code of a process as of now, ascending; asked for, or because a stack had an address that it did not
	 * know. None: it has ended, or could not be looked up.
	 */
	void (*ranges)(void *arg, uint32_t pid, uint64_t start_ns, const struct symbol_range *ranges, uint32_t count);
	/* A stack asked for, in words as far as they could be had. */
	void (*stack)(void *arg, const struct stack *stack);
};

struct symbolizer_losses {
	uint64_t asked, answered;
	uint64_t restarts;	 /* it crashed or hung */
	uint64_t refused;	 /* requests not taken: too many under way */
	uint64_t gone;		 /* processes that ended before their code could be looked up */
	uint64_t bad_modules;	 /* ELF or DWARF that could not be read */
	uint64_t unknown_frames; /* frames told without a function */
	uint64_t rules_left_out; /* modules without rules: too large, or no room */
};

/* Starts it. mode: for which modules rules are made. 0 or negative errno. */
int symbolizer_new(enum unwind_mode mode, struct symbolizer **ret_symbolizer);
/* Ends it; NULL is fine. */
void symbolizer_free(struct symbolizer *symbolizer);
/* To be polled for reading; changes at a restart, and when it is gone for good: symbolizer_read says so. */
int symbolizer_fd(const struct symbolizer *symbolizer);

/* Looks up the code of a process, now or again. 0 or -ENOBUFS (counted): ask later. */
int symbolizer_ask_process(struct symbolizer *symbolizer, uint32_t pid, uint64_t start_ns);
/* Asks for a stack in words; ips are raw, innermost first, all but the first return addresses. The same. */
int symbolizer_ask_stack(struct symbolizer *symbolizer, uint32_t pid, uint64_t start_ns, uint64_t id,
			 enum mt_stack_end end, const uint64_t *ips, uint32_t count);
/* The process has ended (or executed another image): nothing new will be asked about it. */
void symbolizer_forget(struct symbolizer *symbolizer, uint32_t pid, uint64_t start_ns);

/*
 * Takes what it has answered, without waiting. 1: its file descriptor has changed (it was
 * restarted; what was not answered is asked again, but for what it broke down on), 0, or
 * negative errno: it is gone for good, and stacks are told without names from here on.
 */
int symbolizer_read(struct symbolizer *symbolizer, const struct symbolizer_sink *sink, void *arg);
/* Requests not answered yet. */
uint32_t symbolizer_pending(const struct symbolizer *symbolizer);
/* Waits until it has something to say, at most so long. */
void symbolizer_wait(const struct symbolizer *symbolizer, int timeout_ms);
/*
 * To be called every second or so: ends and restarts it if it has sat on one request for more than 10 s. now_ns: boot
 * clock. The same result as _read.
 */
int symbolizer_check(struct symbolizer *symbolizer, uint64_t now_ns);
void symbolizer_read_losses(const struct symbolizer *symbolizer, struct symbolizer_losses *ret_losses);

#endif
