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

/* A target that stands still, and a symbolizer to ask about it. */
struct scene {
	struct answers answers;
	struct target target;
};

static void scene_begin(struct scene *scene, enum unwind_mode mode, const char *program, const char *what,
			const char *arg)
{
	answers_begin(&scene->answers, mode);
	target_start(&scene->target, program, what, arg);
}

static void scene_end(struct scene *scene)
{
	target_end(&scene->target);
	answers_end(&scene->answers);
}

/* Stops the target somewhere, walks up from there by rules, and asks for names. */
static void walk_and_ask(struct scene *scene, pid_t thread)
{
	struct answers *answers = &scene->answers;
	uint64_t ips[FRAMES];
	bool complete;
	uint32_t count;

	ask_process(answers, &scene->target);
	count = walk(answers, thread, ips, FRAMES, &complete);
	ask_stack(answers, &scene->target, ips, count);
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
		struct scene scene;

		scene_begin(&scene, UNWIND_DWARF, programs[i], "plain", NULL);
		walk_and_ask(&scene, scene.target.pid);
		for (uint32_t j = 0; j < scene.answers.stack->count; j++) {
			const struct frame *frame = &scene.answers.stack->frames[j];

			assert_non_null(frame->module);
			if (j && !strcmp(frame->function, "outer") && frame->line == line_of("target.c", "deeper")) {
				struct stack rest = {.count = scene.answers.stack->count - j,
						     .frames = &scene.answers.stack->frames[j]};

				assert_chain(&rest, top, COUNT(top));
				break;
			}
		}
		assert_true(has_function(scene.answers.stack, "_start"));
		assert_non_null(scene.answers.stack->frames[2].build_id);
		scene_end(&scene);
	}
}

static void threads(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, UNWIND_DWARF, "target", "thread", NULL);
	walk_and_ask(&scene, other_thread(scene.target.pid));
	assert_true(has_function(scene.answers.stack, "run_thread"));
	assert_false(has_function(scene.answers.stack, "main"));
	scene_end(&scene);
}

/* The first thread has ended, and with it what /proc/PID says of maps. */
static void leaderless(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, UNWIND_DWARF, "target", "leaderless", NULL);
	await_death(scene.target.pid);
	walk_and_ask(&scene, other_thread(scene.target.pid));
	assert_true(has_function(scene.answers.stack, "run_thread"));
	scene_end(&scene);
}

static void signals(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, UNWIND_DWARF, "target", "signal", NULL);
	walk_and_ask(&scene, scene.target.pid);
	assert_true(has_function(scene.answers.stack, "on_signal"));
	assert_true(has_function(scene.answers.stack, "main"));
	assert_true(has_function(scene.answers.stack, "_start"));
	scene_end(&scene);
}

static void realigned_stack(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, UNWIND_DWARF, "target", "realigned", NULL);
	walk_and_ask(&scene, scene.target.pid);
	assert_true(has_function(scene.answers.stack, "realigned"));
	assert_true(has_function(scene.answers.stack, "main"));
	scene_end(&scene);
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
	struct scene scene;
	struct stack rest;

	(void)state;
	if (geteuid()) {
		print_message("[  SKIP   ] a deleted file can be opened by root alone (/proc/PID/map_files)\n");
		skip();
	}
	beside("libplug.so", from, sizeof(from));
	beside("lib\nplug copy.so", to, sizeof(to));
	copy_file(from, to);
	scene_begin(&scene, UNWIND_DWARF, "target", "library", to);
	assert_int_equal(access(to, F_OK), -1);
	walk_and_ask(&scene, scene.target.pid);
	rest = (struct stack){.count = scene.answers.stack->count - 6, .frames = &scene.answers.stack->frames[6]};
	assert_chain(&rest, names, COUNT(names));
	for (uint32_t i = 0; i < scene.answers.stack->count; i++) {
		if (scene.answers.stack->frames[i].function &&
		    strstr(scene.answers.stack->frames[i].function, "Thingies"))
			assert_string_equal(scene.answers.stack->frames[i].module, to);
	}
	scene_end(&scene);
}

/* Debug information in a file of its own, found by the link in the program; checked by checksum, and by build id. */
static void separate_debug_files(void **state)
{
	static const char *const programs[] = {"target-stripped", "target-stripped-noid"};

	(void)state;
	for (size_t i = 0; i < COUNT(programs); i++) {
		struct scene scene;

		scene_begin(&scene, UNWIND_DWARF, programs[i], "plain", NULL);
		walk_and_ask(&scene, scene.target.pid);
		scene_end(&scene);
	}
}

/* Looked at while it lived, asked about when it had gone. */
static void ended_target(void **state)
{
	struct symbolizer_losses losses;
	struct scene scene;
	uint64_t ips[FRAMES], start_ns;
	uint32_t count, pid;
	bool complete;

	(void)state;
	scene_begin(&scene, UNWIND_DWARF, "target", "plain", NULL);
	ask_process(&scene.answers, &scene.target);
	count = walk(&scene.answers, scene.target.pid, ips, FRAMES, &complete);
	start_ns = start_of(scene.target.pid);
	pid = (uint32_t)scene.target.pid;
	target_end(&scene.target);
	assert_int_equal(
		symbolizer_ask_stack(scene.answers.symbolizer, pid, start_ns, 7, MT_STACK_CUT_DEPTH, ips, count), 0);
	answers_await(&scene.answers, &scene.answers.stack_answers, 1);
	assert_int_equal(scene.answers.last_end, MT_STACK_CUT_DEPTH);
	assert_chain(scene.answers.stack, bottom, COUNT(bottom));
	/* The kernel tells its start exactly, /proc in ticks. */
	assert_int_equal(symbolizer_ask_stack(scene.answers.symbolizer, pid, start_ns + 9999999, 8, MT_STACK_COMPLETE,
					      ips, count),
			 0);
	answers_await(&scene.answers, &scene.answers.stack_answers, 2);
	assert_chain(scene.answers.stack, bottom, COUNT(bottom));
	/* One that was not looked at has no names, but an answer. */
	assert_int_equal(symbolizer_ask_stack(scene.answers.symbolizer, pid, start_ns + 1000000000, 9,
					      MT_STACK_COMPLETE, ips, count),
			 0);
	answers_await(&scene.answers, &scene.answers.stack_answers, 3);
	assert_int_equal(scene.answers.stack->count, count);
	assert_null(scene.answers.stack->frames[0].function);
	assert_int_equal(scene.answers.stack->frames[0].address, ips[0]);
	assert_int_equal(symbolizer_ask_process(scene.answers.symbolizer, pid, start_ns), 0);
	answers_await(&scene.answers, &scene.answers.range_answers, 2);
	symbolizer_read_losses(scene.answers.symbolizer, &losses);
	assert_true(losses.gone >= 1);
	assert_int_equal(losses.restarts, 0);
	assert_int_equal(losses.asked, losses.answered);
	answers_end(&scene.answers);
}

/* Another process under the same pid is not the one that was meant. */
static void other_start_time(void **state)
{
	struct scene scene;

	(void)state;
	scene_begin(&scene, UNWIND_OFF, "target", "plain", NULL);
	symbolizer_ask_process(scene.answers.symbolizer, (uint32_t)scene.target.pid,
			       start_of(scene.target.pid) - 1000000000);
	answers_await(&scene.answers, &scene.answers.range_answers, 1);
	assert_int_equal(scene.answers.range_count, 0);
	symbolizer_ask_process(scene.answers.symbolizer, (uint32_t)scene.target.pid,
			       start_of(scene.target.pid) + 9999999);
	answers_await(&scene.answers, &scene.answers.range_answers, 2);
	assert_true(scene.answers.range_count > 2);
	scene_end(&scene);
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
	struct scene scene;

	(void)state;
	if (geteuid()) {
		print_message("[  SKIP   ] namespaces are made by root alone\n");
		skip();
	}
	target_start_apart(&scene.target, "target", "jit");
	just_in_time_names(&scene.target);
	answers_begin(&scene.answers, UNWIND_DWARF);
	target_start_apart(&scene.target, "target", "plain");
	walk_and_ask(&scene, scene.target.pid);
	scene_end(&scene);
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
