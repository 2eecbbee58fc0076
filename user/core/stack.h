/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call stacks in words: what a program was doing when it made an operation. */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intern.h"
#include "mmaptrace.h"

/*
 * One line of a stack. Function, file, module and build id are untrusted bytes of
 * somebody's ELF file; NULL: not known. The function is demangled.
 */
struct frame {
	uint64_t address; /* as the thread had it */
	uint64_t offset;  /* of the address in the module, in its ELF file's own addresses */
	const char *function;
	const char *file;     /* of the source */
	uint32_t line;	      /* in it; 0: not known */
	const char *module;   /* path of the ELF file as the process knew it; "[jit]" for code of a perf map */
	const char *build_id; /* hexadecimal */
	bool inlined;	      /* into the frame after it, whose address it shares */
};

struct stack {
	uint64_t id;
	enum mt_stack_end end;
	uint32_t count;
	struct frame *frames; /* innermost first */
};

/*
 * A copy, to be freed with free(). Its texts are kept in `texts`, each of them once: what lies deep in one stack lies
 * in many. NULL: out of memory.
 */
struct stack *stack_copy(const struct stack *stack, struct intern *texts);
/* "complete", "no_rule", "unread", "depth", "early": static. */
const char *stack_end_name(enum mt_stack_end end);
/* "cut off: no frame pointer" ...: why there is no more of it; NULL for a complete one. */
const char *stack_end_text(enum mt_stack_end end);

#endif
