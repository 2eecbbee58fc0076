/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The symbolizer as a process: that an answer always comes, whatever becomes of it, and nobody waits for it. */
#include "subject.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ULL

/* The process behind it: the child of that name. */
static pid_t helper_pid(void)
{
	char text[4096], path[64], comm[32];
	FILE *file = fopen("/proc/thread-self/children", "re");
	char *at = text;
	size_t len;
	int pid, used;

	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	for (text[len] = '\0'; sscanf(at, "%d%n", &pid, &used) == 1; at += used) {
		snprintf(path, sizeof(path), "/proc/%d/comm", pid);
		file = fopen(path, "re");
		comm[0] = '\0';
		if (file && fgets(comm, sizeof(comm), file) && !strcmp(comm, "mmaptrace-sym\n")) {
			fclose(file);
			return pid;
		}
		if (file)
			fclose(file);
	}
	return 0;
}

/* It takes a moment to settle. */
static pid_t helper_await(pid_t other_than)
{
	for (int i = 0; i < 5000; i++) {
		pid_t pid = helper_pid();

		if (pid && pid != other_than)
			return pid;
		usleep(1000);
	}
	fail_msg("there is no symbolizer");
	return 0;
}

static void ask_own_stack(struct answers *answers, uint64_t id)
{
	uint64_t ips[] = {(uint64_t)helper_pid + 8, (uint64_t)ask_own_stack + 8};

	assert_int_equal(symbolizer_ask_stack(answers->symbolizer, (uint32_t)getpid(), start_of(getpid()), id,
					      MT_STACK_COMPLETE, ips, 2),
			 0);
}

static void assert_own_stack(const struct answers *answers)
{
	assert_non_null(answers->stack->frames[0].function);
	assert_string_equal(answers->stack->frames[0].function, "helper_pid");
}

static void killed(void **state)
{
	struct symbolizer_losses losses;
	struct answers answers;

	(void)state;
	answers_begin(&answers, UNWIND_OFF);
	ask_own_stack(&answers, 1);
	answers_await(&answers, &answers.stack_answers, 1);
	assert_own_stack(&answers);
	kill(helper_await(0), SIGKILL);
	ask_own_stack(&answers, 2);
	answers_await(&answers, &answers.stack_answers, 2);
	assert_int_equal(answers.last_id, 2);
	/* It was killed between two requests, so the second is none that it broke down on. */
	assert_own_stack(&answers);
	assert_int_equal(answers.restarts, 1);
	symbolizer_read_losses(answers.symbolizer, &losses);
	assert_int_equal(losses.restarts, 1);
	assert_int_equal(losses.asked, losses.answered);
	assert_int_equal(symbolizer_pending(answers.symbolizer), 0);
	answers_end(&answers);
}

/* Killed at work, again and again: whatever is asked is answered. */
static void killed_at_work(void **state)
{
	struct answers answers;
	pid_t last = 0;

	(void)state;
	answers_begin(&answers, UNWIND_DWARF);
	for (uint64_t id = 0; id < 200; id++)
		ask_own_stack(&answers, id);
	for (unsigned int i = 0; i < 3; i++) {
		last = helper_await(last);
		usleep(20000 * i);
		kill(last, SIGKILL);
		answers_await(&answers, &answers.restarts, i + 1);
	}
	answers_await(&answers, &answers.stack_answers, 200);
	assert_int_equal(answers.stack_answers, 200);
	assert_int_equal(symbolizer_pending(answers.symbolizer), 0);
	answers_end(&answers);
}

static void hung(void **state)
{
	uint64_t now_ns = 100 * SECOND;
	struct answers answers;
	pid_t helper;

	(void)state;
	answers_begin(&answers, UNWIND_OFF);
	helper = helper_await(0);
	/* Nothing to do is no hanging. */
	assert_int_equal(symbolizer_check(answers.symbolizer, now_ns), 0);
	assert_int_equal(symbolizer_check(answers.symbolizer, now_ns += 1000 * SECOND), 0);
	kill(helper, SIGSTOP);
	ask_own_stack(&answers, 5);
	/* Nor is a night in which the machine slept. */
	assert_int_equal(symbolizer_check(answers.symbolizer, now_ns += 1000 * SECOND), 0);
	kill(helper, SIGCONT);
	answers_await(&answers, &answers.stack_answers, 1);
	kill(helper, SIGSTOP);
	ask_own_stack(&answers, 6);
	assert_int_equal(symbolizer_check(answers.symbolizer, now_ns), 0);
	for (unsigned int i = 0; i < 10; i++)
		assert_int_equal(symbolizer_check(answers.symbolizer, now_ns += SECOND), 0);
	assert_int_equal(symbolizer_check(answers.symbolizer, now_ns += SECOND), 1);
	assert_int_equal(waitpid(helper, NULL, 0), -1); /* it has been waited for */
	answers_await(&answers, &answers.stack_answers, 2);
	assert_int_equal(answers.last_id, 6);
	assert_own_stack(&answers);
	answers_end(&answers);
}

/* More asked than it can take, while it does nothing: refused at once, and all that was accepted is answered. */
static void refused(void **state)
{
	uint32_t accepted = 0, refusals = 0;
	struct symbolizer_losses losses;
	struct answers answers;
	pid_t helper;

	(void)state;
	answers_begin(&answers, UNWIND_OFF);
	helper = helper_await(0);
	kill(helper, SIGSTOP);
	for (unsigned int i = 0; i < 5000; i++) {
		uint64_t ip = i;
		int error = symbolizer_ask_stack(answers.symbolizer, (uint32_t)getpid(), start_of(getpid()), i,
						 MT_STACK_COMPLETE, &ip, 1);

		assert_true(!error || error == -ENOBUFS);
		accepted += !error;
		refusals += error != 0;
	}
	assert_int_equal(accepted, 4096);
	assert_int_equal(symbolizer_pending(answers.symbolizer), accepted);
	kill(helper, SIGCONT);
	answers_await(&answers, &answers.stack_answers, accepted);
	symbolizer_read_losses(answers.symbolizer, &losses);
	assert_int_equal(losses.refused, refusals);
	assert_int_equal(losses.restarts, 0);
	assert_int_equal(losses.unknown_frames, accepted);
	answers_end(&answers);
}

/* It dies each time: it is given up, and what is asked then is answered without it. */
static void given_up(void **state)
{
	struct answers answers;
	pid_t last = 0;

	(void)state;
	answers_begin(&answers, UNWIND_OFF);
	for (uint32_t i = 0; i <= 8; i++) {
		last = helper_await(last);
		ask_own_stack(&answers, i);
		kill(last, SIGKILL);
		answers_await(&answers, i < 8 ? &answers.restarts : &answers.given_up, i < 8 ? i + 1 : 1);
	}
	assert_int_equal(answers.stack_answers, 9);
	assert_int_equal(answers.gone, -EPIPE);
	assert_true(symbolizer_fd(answers.symbolizer) >= 0);
	ask_own_stack(&answers, 77);
	answers_await(&answers, &answers.stack_answers, answers.stack_answers + 1);
	assert_int_equal(answers.last_id, 77);
	assert_null(answers.stack->frames[0].function);
	assert_int_equal(answers.stack->frames[0].address, (uint64_t)helper_pid + 8);
	assert_int_equal(symbolizer_check(answers.symbolizer, SECOND), -EPIPE);
	answers_end(&answers);
}

/* When the tracer dies, whatever way, it does too. */
static void dies_with_the_tracer(void **state)
{
	char path[64];
	int out[2];
	pid_t tracer, helper;

	(void)state;
	assert_int_equal(pipe(out), 0);
	tracer = fork();
	if (!tracer) {
		struct symbolizer *symbolizer;

		if (symbolizer_new(UNWIND_OFF, &symbolizer))
			_exit(1);
		helper = helper_await(0);
		if (write(out[1], &helper, sizeof(helper)) < 0)
			_exit(1);
		pause();
	}
	assert_int_equal(read(out[0], &helper, sizeof(helper)), sizeof(helper));
	snprintf(path, sizeof(path), "/proc/%d/fd/4", helper);
	assert_int_equal(access(path, F_OK), -1); /* nothing open but its socket, and none besides */
	snprintf(path, sizeof(path), "/proc/%d/fd/3", helper);
	assert_int_equal(access(path, F_OK), 0);
	kill(tracer, SIGKILL);
	assert_int_equal(waitpid(tracer, NULL, 0), tracer);
	await_death(helper);
	close(out[0]);
	close(out[1]);
}

/* Without rules the walk goes by what looks like frame pointers: it is believed as far as there is code. */
static void early_and_off_the_path(void **state)
{
	uint64_t ips[] = {(uint64_t)helper_pid + 8, (uint64_t)ask_own_stack + 8, 0x80000002,
			  (uint64_t)ask_own_stack + 8};
	static const struct {
		enum mt_stack_end end;
		uint32_t count;
	} rows[] = {{MT_STACK_CUT_EARLY, 2}, {MT_STACK_COMPLETE, 4}};
	struct answers answers;

	(void)state;
	answers_begin(&answers, UNWIND_OFF);
	for (uint32_t i = 0; i < 2; i++) {
		assert_int_equal(symbolizer_ask_stack(answers.symbolizer, (uint32_t)getpid(), start_of(getpid()), i,
						      rows[i].end, ips, 4),
				 0);
		answers_await(&answers, &answers.stack_answers, i + 1);
		assert_own_stack(&answers);
		assert_int_equal(answers.stack->count, rows[i].count);
	}
	answers_end(&answers);
}

/* A zombie's maps can be read, and there are none: what was known of it is known still. */
static void ended_between_two_looks(void **state)
{
	uint64_t ips[] = {(uint64_t)helper_pid + 8};
	struct answers answers;
	uint64_t start_ns;
	siginfo_t end;
	pid_t child;

	(void)state;
	child = fork();
	if (!child) {
		pause();
		_exit(0);
	}
	start_ns = start_of(child);
	answers_begin(&answers, UNWIND_DWARF);
	for (unsigned int look = 1; look <= 2; look++) {
		assert_int_equal(symbolizer_ask_process(answers.symbolizer, (uint32_t)child, start_ns), 0);
		answers_await(&answers, &answers.range_answers, look);
		kill(child, SIGKILL);
		waitid(P_PID, (id_t)child, &end, WEXITED | WNOWAIT);
	}
	assert_int_equal(
		symbolizer_ask_stack(answers.symbolizer, (uint32_t)child, start_ns, 1, MT_STACK_COMPLETE, ips, 1), 0);
	answers_await(&answers, &answers.stack_answers, 1);
	assert_own_stack(&answers);
	answers_end(&answers);
	waitpid(child, NULL, 0);
}

/* What it costs to name 10,000 different places in a library with debug information; told, not asserted. */
static void many_frames(void **state)
{
	const uint32_t stacks = 100, frames = 100;
	struct timespec begun, now;
	struct answers answers;
	uint64_t ips[100], range = 0;
	uint32_t named = 0;

	(void)state;
	answers_begin(&answers, UNWIND_DWARF);
	assert_int_equal(symbolizer_ask_process(answers.symbolizer, (uint32_t)getpid(), start_of(getpid())), 0);
	answers_await(&answers, &answers.range_answers, 1);
	while (range < answers.range_count && !((uint64_t)many_frames >= answers.ranges[range].start &&
						(uint64_t)many_frames < answers.ranges[range].end))
		range++;
	assert_true(range < answers.range_count);
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (uint32_t i = 0; i < stacks; i++) {
		uint64_t size = answers.ranges[range].end - answers.ranges[range].start;

		for (uint32_t j = 0; j < frames; j++)
			ips[j] = answers.ranges[range].start + 1 + (i * frames + j) * (size / (stacks * frames));
		assert_int_equal(symbolizer_ask_stack(answers.symbolizer, (uint32_t)getpid(), start_of(getpid()), i,
						      MT_STACK_COMPLETE, ips, frames),
				 0);
		answers_await(&answers, &answers.stack_answers, i + 1);
		for (uint32_t j = 0; j < answers.stack->count; j++)
			named += answers.stack->frames[j].file != NULL;
	}
	clock_gettime(CLOCK_MONOTONIC, &now);
	print_message("10,000 places of this program in %.0f ms: %u functions with a file (inlined ones too)\n",
		      (double)(now.tv_sec - begun.tv_sec) * 1e3 + (double)(now.tv_nsec - begun.tv_nsec) / 1e6, named);
	assert_true(named > 1000);
	answers_end(&answers);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed),
		cmocka_unit_test(killed_at_work),
		cmocka_unit_test(hung),
		cmocka_unit_test(refused),
		cmocka_unit_test(given_up),
		cmocka_unit_test(dies_with_the_tracer),
		cmocka_unit_test(many_frames),
		cmocka_unit_test(ended_between_two_looks),
		cmocka_unit_test(early_and_off_the_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
