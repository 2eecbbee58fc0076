/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* For the tests of the symbolizer: a target that stands still, a symbolizer and what it has answered, and a walk up a
 * stack by nothing but its rules. */
#ifndef TESTS_SUBJECT_H
#define TESTS_SUBJECT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <cmocka.h>

#include "stack.h"
#include "symbolizer.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MODULES	     512
#define RANGES	     1024

struct answers {
	struct symbolizer *symbolizer;
	struct mt_unwind_row *rows[MODULES];
	uint32_t row_counts[MODULES];
	struct symbol_range ranges[RANGES];
	uint32_t range_count, range_answers, stack_answers;
	uint64_t last_id;
	enum mt_stack_end last_end;
	struct stack *stack; /* the last one told */
	struct intern texts; /* of the stacks */
	uint32_t restarts;   /* of which symbolizer_read has told */
	int gone;	     /* what it said when it was given up */
	uint32_t given_up;   /* how often it said so */
};

struct target {
	pid_t pid;
	int in, out;
	uint64_t address; /* that it told */
};

/* The path of a file beside the test program. */
const char *beside(const char *name, char *room, size_t size);
/* The number of the line of a source file of tests/symbols/programs that has "line: NAME" in it. */
uint32_t line_of(const char *source, const char *name);

void target_start(struct target *target, const char *program, const char *what, const char *arg);
/* In a pid and a mount namespace of its own, with another /tmp; takes root. */
void target_start_apart(struct target *target, const char *program, const char *what);
/* Reads the next line that it says. */
void target_await(struct target *target);
/* A word on its stdin: it goes on. */
void target_go_on(const struct target *target);
void target_end(struct target *target);
uint64_t start_of(pid_t pid);
/* Waits until a thread is dead, if only as a zombie. */
void await_death(pid_t thread);

void answers_begin(struct answers *answers, enum unwind_mode mode);
void answers_end(struct answers *answers);
/* Reads until so many answers of a kind have come. */
void answers_await(struct answers *answers, const uint32_t *counter, uint32_t count);
void ask_process(struct answers *answers, const struct target *target);
void ask_stack(struct answers *answers, const struct target *target, const uint64_t *ips, uint32_t count);

/* Stops a thread and walks its stack. Returns how many addresses; *ret_complete: whether it came to the end. */
uint32_t walk(const struct answers *answers, pid_t thread, uint64_t *ips, uint32_t room, bool *ret_complete);
/* A thread of the target's that is not its leader. */
pid_t other_thread(pid_t pid);
/* The row for an address in a module. */
const struct mt_unwind_row *row_at(const struct mt_unwind_row *rows, uint32_t count, uint64_t vaddr);

#endif
