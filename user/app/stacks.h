/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Call stacks of a run: what the kernel side takes as addresses and the symbolizer
 * tells in words, and the rules by which the kernel side walks up a stack.
 */
#ifndef APP_STACKS_H
#define APP_STACKS_H

#include <stdbool.h>
#include <stdint.h>

#include "recording.h"
#include "stack_table.h"
#include "symbolizer.h"
#include "tracer.h"

struct placed_module;
struct placed_space;

struct stacks {
	struct symbolizer *symbolizer; /* owned; NULL: no stacks */
	struct tracer *tracer;	       /* borrowed; NULL: rules have nowhere to go yet */
	struct stack_table table;
	struct recorder *recorder;     /* borrowed; NULL: nothing is recorded */
	struct placed_module *modules; /* owned; whose rules are in the kernel */
	struct placed_space *spaces;   /* owned; processes that have some */
	bool is_gone;		       /* it has broken down too often */
	bool fd_changed; /* it was started again: whoever polls it has to look anew, and takes this down */
	uint64_t opened_ns, waited_ns; /* boot clock; how long names were waited for in all */
	uint32_t rules_used;
	uint32_t next_place; /* taken in turn: a child may use its parent's for a moment after that has ended */
	uint64_t rules_lost; /* modules and processes whose rules found no room, or could not be written */
};

/* Starts the symbolizer. UNWIND_OFF: does nothing. 0 or negative errno. */
int stacks_open(struct stacks *stacks, enum unwind_mode mode);
/* From now on rules are written there; from the next call on no more (NULL). */
void stacks_use(struct stacks *stacks, struct tracer *tracer);
void stacks_close(struct stacks *stacks);

/* The code of a process is to be looked up, now or again: it has begun, executed, or mapped some more. */
void stacks_look_at(struct stacks *stacks, uint32_t pid, uint64_t start_ns);
/* A program is about to begin: the rules of what nearly every one has mapped are made. */
void stacks_warm(struct stacks *stacks);
/* Has libc's debug information read, which takes longest, before the first stack has to wait for it. */
void stacks_warm_names(struct stacks *stacks);
/* A stack that the kernel side has told: its names are asked for. */
void stacks_take(struct stacks *stacks, const struct stack_event *event);
/* One by its number, told or not; NULL: not known. Borrowed until something is read from the symbolizer. */
const struct stack *stacks_find(struct stacks *stacks, uint64_t id);
/* Its process is gone. */
void stacks_forget(struct stacks *stacks, uint32_t pid, uint64_t start_ns);

/* Takes what the symbolizer has to say, and looks whether it hangs: to be called every second or so. */
void stacks_read(struct stacks *stacks);
/* Waits for one stack's names (id 0: for all that is asked for), at most so long, and in all for a tenth of the time.
 */
void stacks_await(struct stacks *stacks, uint64_t id, uint32_t timeout_ms);
/* The same with all the time that is given: where nothing else is to be done. */
void stacks_settle(struct stacks *stacks, uint32_t timeout_ms);

#endif
