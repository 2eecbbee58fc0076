/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call stacks by number: as addresses when they are first heard of, in words later. */
#ifndef CORE_STACK_TABLE_H
#define CORE_STACK_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>

#include "event.h"
#include "stack.h"

struct stack_owner;

struct known_stack {
	uint64_t id;
	uint64_t start_ns; /* of its process */
	uint32_t pid;
	bool asked; /* its names were */
	bool resolved;
	struct stack *stack;	   /* owned; addresses alone until resolved */
	struct stack_owner *owner; /* its process, with the texts of its stacks */
	struct known_stack *next;  /* of the same process */
	UT_hash_handle hh;
};

struct stack_table {
	struct known_stack *stacks; /* uthash */
	struct stack_owner *owners; /* uthash: processes that have some */
	uint64_t dropped;	    /* for want of memory */
};

/* NULL: not heard of. */
struct known_stack *stack_table_find(const struct stack_table *table, uint64_t id);
/* Enters one, unless it is there. NULL: out of memory (counted). */
struct known_stack *stack_table_add(struct stack_table *table, const struct stack_event *event);
/* It has come back in words: copied. One that has been forgotten is not entered. */
void stack_table_resolve(struct stack_table *table, const struct stack *stack);
/* The stacks of a process, linked by next; NULL: it has none. */
const struct known_stack *stack_table_of(const struct stack_table *table, uint32_t pid, uint64_t start_ns);
/* Forgets them: their frames are borrowed by nobody any more. */
void stack_table_forget(struct stack_table *table, uint32_t pid, uint64_t start_ns);
void stack_table_free(struct stack_table *table);

#endif
