/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Addresses of a stack in words. */
#ifndef IO_SYMBOL_STACK_H
#define IO_SYMBOL_STACK_H

#include <stdint.h>

#include "frame_cache.h"
#include "symbol_module.h"
#include "symbol_process.h"
#include "symbol_wire.h"

struct symbol_stack_maker {
	struct symbol_modules *modules;
	struct frame_cache cache;
};

/* then: the look at the process of the stack's time; now: another, for what that one had not. Both may be NULL. */
void symbol_stack_make(struct symbol_stack_maker *maker, struct symbol_process *then, struct symbol_process *now,
		       const struct wire_request *request, uint64_t now_ns, struct wire_stack *stack);

#endif
