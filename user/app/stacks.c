/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "stacks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <uthash.h>

#include "clock.h"
#include "log.h"
#include "procfs.h"
#include "recording_answers.h"

#define MS_NS	      1000000ULL
#define WAIT_SHARE    10	     /* of the time, a tenth */
#define WAIT_AHEAD_NS (2000 * MS_NS) /* and so much at once */

/* A module whose rules are in the kernel; none: there was no room for them. */
struct placed_module {
	uint32_t number; /* the symbolizer's */
	uint32_t first, rows;
	UT_hash_handle hh;
};

#define NOWHERE UINT32_MAX

/* A process whose code was asked about, and is in the kernel by now. */
struct placed_space {
	uint32_t pid;
	uint32_t place;	  /* NOWHERE: not yet */
	uint64_t content; /* a hash of what is there */
	uint64_t start_ns;
	UT_hash_handle hh;
};

int stacks_open(struct stacks *stacks, enum unwind_mode mode)
{
	memset(stacks, 0, sizeof(*stacks));
	stacks->opened_ns = (uint64_t)clock_ns(CLOCK_BOOTTIME);
	stacks->fd_changed = true;
	return mode == UNWIND_OFF ? 0 : symbolizer_new(mode, &stacks->symbolizer);
}

void stacks_use(struct stacks *stacks, struct tracer *tracer)
{
	stacks->tracer = tracer;
}

static void forget_modules(struct stacks *stacks)
{
	struct placed_module *module, *next;

	HASH_ITER(hh, stacks->modules, module, next)
	{
		HASH_DEL(stacks->modules, module);
		free(module);
	}
	stacks->rules_used = 0;
}

static void forget_space(struct stacks *stacks, struct placed_space *space)
{
	if (stacks->tracer && space->place != NOWHERE)
		tracer_drop_space(stacks->tracer, space->pid);
	HASH_DEL(stacks->spaces, space);
	free(space);
}

static void forget_spaces(struct stacks *stacks)
{
	while (stacks->spaces)
		forget_space(stacks, stacks->spaces);
}

void stacks_close(struct stacks *stacks)
{
	forget_spaces(stacks);
	forget_modules(stacks);
	stack_table_free(&stacks->table);
	symbolizer_free(stacks->symbolizer);
	stacks->symbolizer = NULL;
}

void stacks_look_at(struct stacks *stacks, uint32_t pid, uint64_t start_ns)
{
	struct placed_space *space;

	if (!stacks->symbolizer)
		return;
	HASH_FIND(hh, stacks->spaces, &pid, sizeof(pid), space);
	if (!space) {
		space = calloc(1, sizeof(*space));
		if (!space) {
			stacks->rules_lost++;
			return;
		}
		space->pid = pid;
		space->place = NOWHERE;
		HASH_ADD(hh, stacks->spaces, pid, sizeof(space->pid), space);
		if (!space->hh.tbl) {
			free(space);
			stacks->rules_lost++;
			return;
		}
	}
	space->start_ns = start_ns;
	symbolizer_ask_process(stacks->symbolizer, pid, start_ns); /* a refusal is counted there */
}

void stacks_warm(struct stacks *stacks)
{
	uint64_t start_ns;

	if (!stacks->symbolizer)
		return;
	if (!procfs_start_ns((uint32_t)getpid(), &start_ns))
		symbolizer_ask_process(stacks->symbolizer, (uint32_t)getpid(), start_ns);
}

void stacks_warm_names(struct stacks *stacks)
{
	const uint64_t ip = (uint64_t)(uintptr_t)mmap + 1;
	uint64_t start_ns;

	if (stacks->symbolizer && !procfs_start_ns((uint32_t)getpid(), &start_ns))
		symbolizer_ask_stack(stacks->symbolizer, (uint32_t)getpid(), start_ns, 0, MT_STACK_COMPLETE, &ip, 1);
}

/* What finds no room in the symbolizer's queue is asked for again when it is wanted. */
static void ask(struct stacks *stacks, struct known_stack *known)
{
	const struct stack *stack = known->stack;
	uint64_t ips[MT_STACK_FRAMES_MAX];

	if (known->asked || !stacks->symbolizer)
		return;
	for (uint32_t i = 0; i < stack->count; i++)
		ips[i] = stack->frames[i].address;
	known->asked = !symbolizer_ask_stack(stacks->symbolizer, known->pid, known->start_ns, known->id, stack->end,
					     ips, stack->count);
}

void stacks_take(struct stacks *stacks, const struct stack_event *event)
{
	struct known_stack *known = stack_table_add(&stacks->table, event);

	if (known)
		ask(stacks, known);
}

const struct stack *stacks_find(struct stacks *stacks, uint64_t id)
{
	struct known_stack *known = id ? stack_table_find(&stacks->table, id) : NULL;
	struct stack_event event;
	struct mt_stack stack;

	if (id && !known && stacks->tracer && !tracer_read_stack(stacks->tracer, id, &stack) &&
	    !stack_decode(id, &stack, &event)) {
		stacks_take(stacks, &event); /* its record was lost */
		known = stack_table_find(&stacks->table, id);
	}
	if (known)
		ask(stacks, known);
	return known ? known->stack : NULL;
}

void stacks_forget(struct stacks *stacks, uint32_t pid, uint64_t start_ns)
{
	const struct known_stack *known;
	struct placed_space *space;

	HASH_FIND(hh, stacks->spaces, &pid, sizeof(pid), space);
	if (space && space->start_ns == start_ns)
		forget_space(stacks, space);
	for (known = stack_table_of(&stacks->table, pid, start_ns); known && stacks->tracer; known = known->next)
		tracer_drop_stack(stacks->tracer, known->id);
	stack_table_forget(&stacks->table, pid, start_ns);
	if (stacks->symbolizer)
		symbolizer_forget(stacks->symbolizer, pid, start_ns);
}

/* ---- what the symbolizer says ---- */

static void take_module(void *arg, uint32_t number, const struct mt_unwind_row *rows, uint32_t count)
{
	struct stacks *stacks = arg;
	struct placed_module *module = calloc(1, sizeof(*module));

	if (!module || !stacks->tracer || count > tracer_rules_room(stacks->tracer) - stacks->rules_used ||
	    tracer_write_rules(stacks->tracer, stacks->rules_used, rows, count)) {
		free(module);
		stacks->rules_lost++;
		return;
	}
	module->number = number;
	module->first = stacks->rules_used;
	module->rows = count;
	stacks->rules_used += count;
	HASH_ADD(hh, stacks->modules, number, sizeof(module->number), module);
	if (!module->hh.tbl) {
		free(module); /* uthash had no memory */
		stacks->rules_lost++;
		return;
	}
	log_debug("unwind rules: module %u has %u, %u in all", number, count, stacks->rules_used);
}

static bool place_is_taken(const struct stacks *stacks, uint32_t place)
{
	const struct placed_space *space;

	for (space = stacks->spaces; space; space = space->hh.next) {
		if (space->place == place)
			return true;
	}
	return false;
}

/* A place of its own. False: all are taken. */
static bool space_place(struct stacks *stacks, struct placed_space *space)
{
	uint32_t room = tracer_spaces_room(stacks->tracer);

	for (uint32_t i = 0; i < room && space->place == NOWHERE; i++) {
		uint32_t place = stacks->next_place++ % room;

		if (!place_is_taken(stacks, place))
			space->place = place;
	}
	return space->place != NOWHERE;
}

static void space_fill(const struct stacks *stacks, const struct symbol_range *ranges, uint32_t count,
		       struct mt_unwind_space *space)
{
	const struct placed_module *module;

	memset(space, 0, sizeof(*space));
	for (uint32_t i = 0; i < count && space->count < MT_UNWIND_RANGES_MAX; i++) {
		HASH_FIND(hh, stacks->modules, &ranges[i].module, sizeof(ranges[i].module), module);
		if (module && module->rows)
			space->ranges[space->count++] = (struct mt_unwind_range){
				ranges[i].start, ranges[i].end, ranges[i].bias, module->first, module->rows};
	}
}

/* FNV-1a (Fowler, Noll, Vo), by words. */
static uint64_t hash_of(const struct mt_unwind_space *content)
{
	const uint64_t *words = (const uint64_t *)content;
	uint64_t hash = 14695981039346656037ULL;

	for (size_t i = 0; i < sizeof(*content) / sizeof(*words); i++)
		hash = (hash ^ words[i]) * 1099511628211ULL;
	return hash;
}

static void take_ranges(void *arg, uint32_t pid, uint64_t start_ns, const struct symbol_range *ranges, uint32_t count)
{
	struct stacks *stacks = arg;
	struct mt_unwind_space *content;
	struct placed_space *space;
	uint64_t hash = 0;

	HASH_FIND(hh, stacks->spaces, &pid, sizeof(pid), space);
	if (!space || space->start_ns != start_ns || !stacks->tracer)
		return; /* it has ended meanwhile */
	content = malloc(sizeof(*content));
	if (content) {
		space_fill(stacks, ranges, count, content);
		hash = hash_of(content);
	}
	if (content && space->place != NOWHERE && space->content == hash) {
		log_debug("unwind rules: process %u has %u ranges of code with rules, as before", pid, content->count);
		free(content); /* looked at once more, and nothing is new */
		return;
	}
	space->content = hash;
	if (!content || !space_place(stacks, space) || tracer_write_space(stacks->tracer, pid, space->place, content))
		stacks->rules_lost++;
	else
		log_debug("unwind rules: process %u has %u ranges of code with rules", pid, content->count);
	free(content);
}

static void take_stack(void *arg, const struct stack *stack)
{
	struct stacks *stacks = arg;
	const struct known_stack *known = stack_table_find(&stacks->table, stack->id);

	stack_table_resolve(&stacks->table, stack);
	if (known && stacks->recorder) {
		struct process_key key = {.pid = known->pid, .start_ns = known->start_ns};

		recorder_add_stack(stacks->recorder, &key, stack);
	}
}

/* It was started again, and knows nothing of what it has told. */
static void look_again(struct stacks *stacks)
{
	forget_modules(stacks);
	for (struct placed_space *space = stacks->spaces; space; space = space->hh.next) {
		if (stacks->tracer && space->place != NOWHERE)
			tracer_drop_space(stacks->tracer, space->pid);
		space->place = NOWHERE;
		symbolizer_ask_process(stacks->symbolizer, space->pid, space->start_ns);
	}
}

void stacks_read(struct stacks *stacks)
{
	static const struct symbolizer_sink sink = {take_module, take_ranges, take_stack};
	int changed;

	if (!stacks->symbolizer || stacks->is_gone)
		return;
	changed = symbolizer_read(stacks->symbolizer, &sink, stacks);
	if (!changed)
		changed = symbolizer_check(stacks->symbolizer, (uint64_t)clock_ns(CLOCK_BOOTTIME));
	if (!changed)
		return;
	stacks->fd_changed = true;
	if (changed > 0) {
		look_again(stacks);
		return;
	}
	stacks->is_gone = true;
	log_warn("the symbolizer breaks down again and again: from here on call stacks have no names");
}

static bool is_answered(const struct stacks *stacks, uint64_t id)
{
	const struct known_stack *known = id ? stack_table_find(&stacks->table, id) : NULL;

	return id ? !known || known->resolved : !symbolizer_pending(stacks->symbolizer);
}

/* All waiting together takes a tenth of the time at most: alarms and records are more than names. */
static uint64_t may_wait(struct stacks *stacks, uint64_t now, uint64_t wanted_ns)
{
	uint64_t earned = (now - stacks->opened_ns) / WAIT_SHARE + WAIT_AHEAD_NS;
	uint64_t left = earned > stacks->waited_ns ? earned - stacks->waited_ns : 0;

	return wanted_ns < left ? wanted_ns : left;
}

static void wait_for(struct stacks *stacks, uint64_t id, uint64_t wait_ns)
{
	uint64_t began = (uint64_t)clock_ns(CLOCK_BOOTTIME), now = began;

	stacks_read(stacks);
	while (!stacks->is_gone && !is_answered(stacks, id) && now < began + wait_ns) {
		symbolizer_wait(stacks->symbolizer, (int)((began + wait_ns - now) / MS_NS) + 1);
		stacks_read(stacks);
		now = (uint64_t)clock_ns(CLOCK_BOOTTIME);
	}
	stacks->waited_ns += now - began;
}

void stacks_await(struct stacks *stacks, uint64_t id, uint32_t timeout_ms)
{
	if (stacks->symbolizer && !stacks->is_gone && !is_answered(stacks, id))
		wait_for(stacks, id, may_wait(stacks, (uint64_t)clock_ns(CLOCK_BOOTTIME), timeout_ms * MS_NS));
}

void stacks_settle(struct stacks *stacks, uint32_t timeout_ms)
{
	if (stacks->symbolizer && !stacks->is_gone)
		wait_for(stacks, 0, timeout_ms * MS_NS);
}
