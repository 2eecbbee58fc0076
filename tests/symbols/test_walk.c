/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rules for unwinding and names, on real stacks: walked by the rules alone, told in words. */
#include "subject.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FRAMES 64

struct expected {
	const char *function, *source, *line; /* line by its mark in the source; NULL: not looked at */
	bool inlined;
};

static bool is_frame(const struct frame *frame, const struct expected *expected)
{
	if (!frame->function || strcmp(frame->function, expected->function))
		return false;
	if (!expected->line)
		return true;
	assert_non_null(frame->file);
	assert_string_equal(strrchr(frame->file, '/') + 1, expected->source);
	assert_int_equal(frame->file[0], '/');
	assert_int_equal(frame->line, line_of(expected->source, expected->line));
	assert_int_equal(frame->inlined, expected->inlined);
	return true;
}

/* Those expected are there in this order, one behind the other, the first one anywhere. */
static void assert_chain(const struct stack *stack, const struct expected *expected, uint32_t count)
{
	uint32_t first = 0;

	while (first < stack->count && !is_frame(&stack->frames[first], &expected[0]))
		first++;
	for (uint32_t i = 0; i < count; i++) {
		if (first + i >= stack->count || !is_frame(&stack->frames[first + i], &expected[i]))
			fail_msg("no %s as frame %u, but %s", expected[i].function, first + i,
				 first + i < stack->count ? stack->frames[first + i].function : "the end");
	}
}

static bool has_function(const struct stack *stack, const char *function)
{
	for (uint32_t i = 0; i < stack->count; i++) {
		if (stack->frames[i].function && !strcmp(stack->frames[i].function, function))
			return true;
	}
	return false;
}

static const struct expected bottom[] = {{"wait_here", "target.c", "wait_here", false},
					 {"inner", "target.c", "inner", true},
					 {"middle", "target.c", "middle", true},
					 {"outer", "target.c", "outer", false}};

/* Stops the target somewhere, walks up from there by rules, and asks for names. */
static void walk_and_ask(struct answers *answers, const struct target *target, pid_t thread)
{
	uint64_t ips[FRAMES];
	bool complete;
	uint32_t count;

	ask_process(answers, target);
	count = walk(answers, thread, ips, FRAMES, &complete);
	ask_stack(answers, target, ips, count);
	if (!complete)
		fail_msg("cut after %u frames, in %s", count,
			 answers->stack->frames[answers->stack->count - 1].function);
	assert_chain(answers->stack, bottom, COUNT(bottom));
}

static void chain(void **state)
{
	static const char *const programs[] = {"target", "target-static", "target-nopie"};
	static const struct expected top[] = {{"outer", "target.c", "deeper", false},
					      {"outer", "target.c", "deeper", false},
					      {"outer", "target.c", "deeper", false},
					      {"main", NULL, NULL, false}};

	(void)state;
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct answers answers;
		struct target target;

		answers_begin(&answers, UNWIND_DWARF);
		target_start(&target, programs[i], "plain", NULL);
		walk_and_ask(&answers, &target, target.pid);
		for (uint32_t j = 0; j < answers.stack->count; j++) {
			const struct frame *frame = &answers.stack->frames[j];

			assert_non_null(frame->module);
			if (j && !strcmp(frame->function, "outer") && frame->line == line_of("target.c", "deeper")) {
				struct stack rest = {.count = answers.stack->count - j,
						     .frames = &answers.stack->frames[j]};

				assert_chain(&rest, top, COUNT(top));
				break;
			}
		}
		assert_true(has_function(answers.stack, "_start"));
		assert_non_null(answers.stack->frames[2].build_id);
		target_end(&target);
		answers_end(&answers);
	}
}

static void threads(void **state)
{
	struct answers answers;
	struct target target;

	(void)state;
	answers_begin(&answers, UNWIND_DWARF);
	target_start(&target, "target", "thread", NULL);
	walk_and_ask(&answers, &target, other_thread(target.pid));
	assert_true(has_function(answers.stack, "run_thread"));
	assert_false(has_function(answers.stack, "main"));
	target_end(&target);
	answers_end(&answers);
}

/* The first thread has ended, and with it what /proc/PID says of maps. */
static void leaderless(void **state)
{
	struct answers answers;
	struct target target;

	(void)state;
	answers_begin(&answers, UNWIND_DWARF);
	target_start(&target, "target", "leaderless", NULL);
	await_death(target.pid);
	walk_and_ask(&answers, &target, other_thread(target.pid));
	assert_true(has_function(answers.stack, "run_thread"));
	target_end(&target);
	answers_end(&answers);
}

static void signals(void **state)
{
	struct answers answers;
	struct target target;

	(void)state;
	answers_begin(&answers, UNWIND_DWARF);
	target_start(&target, "target", "signal", NULL);
	walk_and_ask(&answers, &target, target.pid);
	assert_true(has_function(answers.stack, "on_signal"));
	assert_true(has_function(answers.stack, "main"));
	assert_true(has_function(answers.stack, "_start"));
	target_end(&target);
	answers_end(&answers);
}

static void realigned_stack(void **state)
{
	struct answers answers;
	struct target target;

	(void)state;
	answers_begin(&answers, UNWIND_DWARF);
	target_start(&target, "target", "realigned", NULL);
	walk_and_ask(&answers, &target, target.pid);
	assert_true(has_function(answers.stack, "realigned"));
	assert_true(has_function(answers.stack, "main"));
	target_end(&target);
	answers_end(&answers);
}

static void copy_file(const char *from, const char *to)
{
	char bytes[65536];
	int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);
	ssize_t got;

	assert_true(in >= 0 && out >= 0);
	while ((got = read(in, bytes, sizeof(bytes))) > 0)
		assert_int_equal(write(out, bytes, (size_t)got), got);
	close(in);
	close(out);
}

/* A library in C++, loaded while it runs, with a newline in its name, and deleted before anyone looks. */
static void deleted_library(void **state)
{
	static const struct expected names[] = {{"outer", "target.c", "deeper", false},
						{"call_outer", NULL, NULL, false},
						{"plug::Thingies::apply<void (*)()>", "plug.cc", "apply", false},
						{"plug::Thingies::call", "plug.cc", "call", false}};
	char from[600], to[600];
	struct answers answers;
	struct target target;
	struct stack rest;

	(void)state;
	if (geteuid()) {
		print_message("[  SKIP   ] a deleted file can be opened by root alone (/proc/PID/map_files)\n");
		skip();
	}
	beside("libplug.so", from, sizeof(from));
	beside("lib\nplug copy.so", to, sizeof(to));
	copy_file(from, to);
	answers_begin(&answers, UNWIND_DWARF);
	target_start(&target, "target", "library", to);
	assert_int_equal(access(to, F_OK), -1);
	walk_and_ask(&answers, &target, target.pid);
	rest = (struct stack){.count = answers.stack->count - 6, .frames = &answers.stack->frames[6]};
	assert_chain(&rest, names, COUNT(names));
	for (uint32_t i = 0; i < answers.stack->count; i++) {
		if (answers.stack->frames[i].function && strstr(answers.stack->frames[i].function, "Thingies"))
			assert_string_equal(answers.stack->frames[i].module, to);
	}
	target_end(&target);
	answers_end(&answers);
}

/* Debug information in a file of its own, found by the link in the program; checked by checksum, and by build id. */
static void separate_debug_files(void **state)
{
	static const char *const programs[] = {"target-stripped", "target-stripped-noid"};

	(void)state;
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct answers answers;
		struct target target;

		answers_begin(&answers, UNWIND_DWARF);
		target_start(&target, programs[i], "plain", NULL);
		walk_and_ask(&answers, &target, target.pid);
		target_end(&target);
		answers_end(&answers);
	}
}

/* Looked at while it lived, asked about when it had gone. */
static void ended_target(void **state)
{
	struct symbolizer_losses losses;
	struct answers answers;
	struct target target;
	uint64_t ips[FRAMES], start_ns;
	uint32_t count, pid;
	bool complete;

	(void)state;
	answers_begin(&answers, UNWIND_DWARF);
	target_start(&target, "target", "plain", NULL);
	ask_process(&answers, &target);
	count = walk(&answers, target.pid, ips, FRAMES, &complete);
	start_ns = start_of(target.pid);
	pid = (uint32_t)target.pid;
	target_end(&target);
	assert_int_equal(symbolizer_ask_stack(answers.symbolizer, pid, start_ns, 7, MT_STACK_CUT_DEPTH, ips, count), 0);
	answers_await(&answers, &answers.stack_answers, 1);
	assert_int_equal(answers.last_end, MT_STACK_CUT_DEPTH);
	assert_chain(answers.stack, bottom, COUNT(bottom));
	/* The kernel tells its start exactly, /proc in ticks. */
	assert_int_equal(
		symbolizer_ask_stack(answers.symbolizer, pid, start_ns + 9999999, 8, MT_STACK_COMPLETE, ips, count), 0);
	answers_await(&answers, &answers.stack_answers, 2);
	assert_chain(answers.stack, bottom, COUNT(bottom));
	/* One that was not looked at has no names, but an answer. */
	assert_int_equal(
		symbolizer_ask_stack(answers.symbolizer, pid, start_ns + 1000000000, 9, MT_STACK_COMPLETE, ips, count),
		0);
	answers_await(&answers, &answers.stack_answers, 3);
	assert_int_equal(answers.stack->count, count);
	assert_null(answers.stack->frames[0].function);
	assert_int_equal(answers.stack->frames[0].address, ips[0]);
	assert_int_equal(symbolizer_ask_process(answers.symbolizer, pid, start_ns), 0);
	answers_await(&answers, &answers.range_answers, 2);
	symbolizer_read_losses(answers.symbolizer, &losses);
	assert_true(losses.gone >= 1);
	assert_int_equal(losses.restarts, 0);
	assert_int_equal(losses.asked, losses.answered);
	answers_end(&answers);
}

/* Another process under the same pid is not the one that was meant. */
static void other_start_time(void **state)
{
	struct answers answers;
	struct target target;

	(void)state;
	answers_begin(&answers, UNWIND_OFF);
	target_start(&target, "target", "plain", NULL);
	symbolizer_ask_process(answers.symbolizer, (uint32_t)target.pid, start_of(target.pid) - 1000000000);
	answers_await(&answers, &answers.range_answers, 1);
	assert_int_equal(answers.range_count, 0);
	symbolizer_ask_process(answers.symbolizer, (uint32_t)target.pid, start_of(target.pid) + 9999999);
	answers_await(&answers, &answers.range_answers, 2);
	assert_true(answers.range_count > 2);
	target_end(&target);
	answers_end(&answers);
}

static void assert_name(struct answers *answers, const struct target *target, uint64_t address, const char *function)
{
	ask_stack(answers, target, &address, 1);
	assert_int_equal(answers->stack->count, 1);
	if (!function) {
		assert_null(answers->stack->frames[0].function);
		return;
	}
	assert_non_null(answers->stack->frames[0].function);
	assert_string_equal(answers->stack->frames[0].function, function);
	assert_string_equal(answers->stack->frames[0].module, "[jit]");
}

static void just_in_time_names(struct target *target)
{
	struct answers answers;

	answers_begin(&answers, UNWIND_FP);
	ask_process(&answers, target);
	assert_name(&answers, target, target->address + 9, "LazyCompile:*first /app.js:1");
	assert_name(&answers, target, target->address + 65, NULL);
	target_go_on(target);
	target_await(target);
	/* It is read on, but not at every question. */
	usleep(150000);
	assert_name(&answers, target, target->address + 65, "LazyCompile:*second /app.js:2");
	target_go_on(target);
	target_end(target);
	answers_end(&answers);
}

static void just_in_time_code(void **state)
{
	struct target target;

	(void)state;
	target_start(&target, "target", "jit", NULL);
	just_in_time_names(&target);
}

/* Its /tmp is another, and the map has the number that the process has for itself. And its files are found. */
static void other_namespaces(void **state)
{
	struct answers answers;
	struct target target;

	(void)state;
	if (geteuid()) {
		print_message("[  SKIP   ] namespaces are made by root alone\n");
		skip();
	}
	target_start_apart(&target, "target", "jit");
	just_in_time_names(&target);
	answers_begin(&answers, UNWIND_DWARF);
	target_start_apart(&target, "target", "plain");
	walk_and_ask(&answers, &target, target.pid);
	target_end(&target);
	answers_end(&answers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chain),
		cmocka_unit_test(threads),
		cmocka_unit_test(leaderless),
		cmocka_unit_test(signals),
		cmocka_unit_test(realigned_stack),
		cmocka_unit_test(deleted_library),
		cmocka_unit_test(separate_debug_files),
		cmocka_unit_test(ended_target),
		cmocka_unit_test(other_start_time),
		cmocka_unit_test(just_in_time_code),
		cmocka_unit_test(other_namespaces),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
