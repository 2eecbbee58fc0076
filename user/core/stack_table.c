/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "stack_table.h"

#include <stdlib.h>
#include <string.h>

struct owner_key {
	uint64_t start_ns;
	uint64_t pid;
};

struct stack_owner {
	struct owner_key key;
	struct known_stack *first;
	struct intern texts; /* of their frames */
	UT_hash_handle hh;
};

static struct stack_owner *owner_find(const struct stack_table *table, uint32_t pid, uint64_t start_ns)
{
	const struct owner_key key = {.start_ns = start_ns, .pid = pid};
	struct stack_owner *owner;

	HASH_FIND(hh, table->owners, &key, sizeof(key), owner);
	return owner;
}

static struct stack_owner *owner_of(struct stack_table *table, uint32_t pid, uint64_t start_ns)
{
	struct stack_owner *owner = owner_find(table, pid, start_ns);

	if (owner)
		return owner;
	owner = calloc(1, sizeof(*owner));
	if (!owner)
		return NULL;
	owner->key = (struct owner_key){.start_ns = start_ns, .pid = pid};
	HASH_ADD(hh, table->owners, key, sizeof(owner->key), owner);
	if (!owner->hh.tbl) {
		free(owner); /* uthash had no memory */
		return NULL;
	}
	return owner;
}

struct known_stack *stack_table_find(const struct stack_table *table, uint64_t id)
{
	struct known_stack *known;

	HASH_FIND(hh, table->stacks, &id, sizeof(id), known);
	return known;
}

static struct stack *stack_of_addresses(const struct stack_event *event, struct intern *texts)
{
	struct frame frames[MT_STACK_FRAMES_MAX];
	struct stack stack = {.id = event->id, .end = event->end, .count = event->count, .frames = frames};

	memset(frames, 0, event->count * sizeof(frames[0]));
	for (uint32_t i = 0; i < event->count; i++)
		frames[i].address = event->ips[i];
	return stack_copy(&stack, texts);
}

static void known_stack_free(struct known_stack *known)
{
	if (known)
		free(known->stack);
	free(known);
}

struct known_stack *stack_table_add(struct stack_table *table, const struct stack_event *event)
{
	struct known_stack *known = stack_table_find(table, event->id);
	struct stack_owner *owner;

	if (known)
		return known;
	owner = owner_of(table, event->pid, event->start_ns);
	known = owner ? calloc(1, sizeof(*known)) : NULL;
	if (known) {
		known->id = event->id;
		known->pid = event->pid;
		known->start_ns = event->start_ns;
		known->owner = owner;
		known->stack = stack_of_addresses(event, &owner->texts);
	}
	if (!known || !known->stack) {
		known_stack_free(known);
		table->dropped++;
		return NULL;
	}
	HASH_ADD(hh, table->stacks, id, sizeof(known->id), known);
	if (!known->hh.tbl) {
		known_stack_free(known);
		table->dropped++;
		return NULL;
	}
	known->next = owner->first;
	owner->first = known;
	return known;
}

void stack_table_resolve(struct stack_table *table, const struct stack *stack)
{
	struct known_stack *known = stack_table_find(table, stack->id);
	struct stack *copy = known ? stack_copy(stack, &known->owner->texts) : NULL;

	if (!known)
		return;
	if (!copy) {
		table->dropped++;
		return;
	}
	free(known->stack);
	known->stack = copy;
	known->resolved = true;
}

const struct known_stack *stack_table_of(const struct stack_table *table, uint32_t pid, uint64_t start_ns)
{
	const struct stack_owner *owner = owner_find(table, pid, start_ns);

	return owner ? owner->first : NULL;
}

static void owner_forget(struct stack_table *table, struct stack_owner *owner)
{
	struct known_stack *known, *next;

	for (known = owner->first; known; known = next) {
		next = known->next;
		HASH_DEL(table->stacks, known);
		known_stack_free(known);
	}
	HASH_DEL(table->owners, owner);
	intern_free(&owner->texts);
	free(owner);
}

void stack_table_forget(struct stack_table *table, uint32_t pid, uint64_t start_ns)
{
	struct stack_owner *owner = owner_find(table, pid, start_ns);

	if (owner)
		owner_forget(table, owner);
}

void stack_table_free(struct stack_table *table)
{
	while (table->owners)
		owner_forget(table, table->owners);
}
