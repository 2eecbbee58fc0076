/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "subject.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 20000

const char *beside(const char *name, char *room, size_t size)
{
	char self[512];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	assert_true(len > 0);
	self[len] = '\0';
	*strrchr(self, '/') = '\0';
	snprintf(room, size, "%s/%s", self, name);
	return room;
}

uint32_t line_of(const char *source, const char *name)
{
	char path[256], mark[64], line[512];
	uint32_t number = 0;
	FILE *file;

	snprintf(path, sizeof(path), "tests/symbols/programs/%s", source);
	snprintf(mark, sizeof(mark), "line: %s", name);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		const char *at = strstr(line, mark);

		number++;
		if (at && strchr(" \n", at[strlen(mark)])) {
			fclose(file);
			return number;
		}
	}
	fail_msg("%s has no %s", source, mark);
	return 0;
}

/* ---- the target ---- */

static void run_target(int program, const char *what, const char *arg, int in, int out)
{
	char *argv[] = {"target", (char *)what, (char *)arg, NULL};

	dup2(in, 0);
	dup2(out, 1);
	fexecve(program, argv, environ);
	_exit(127);
}

/* The first process of a new pid namespace; returns its pid in ours. */
static pid_t fork_apart(void)
{
	int told[2];
	pid_t keeper, pid = 0;

	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	keeper = fork();
	if (!keeper) {
		if (unshare(CLONE_NEWPID | CLONE_NEWNS) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("tmpfs", "/tmp", "tmpfs", 0, NULL))
			_exit(1);
		pid = fork();
		if (!pid)
			return 0;
		_exit(write(told[1], &pid, sizeof(pid)) != sizeof(pid));
	}
	close(told[1]);
	assert_int_equal(read(told[0], &pid, sizeof(pid)), sizeof(pid));
	close(told[0]);
	waitpid(keeper, NULL, 0);
	return pid;
}

static void start(struct target *target, const char *program, const char *what, const char *arg, bool apart)
{
	char path[600];
	int in[2], out[2], file = open(beside(program, path, sizeof(path)), O_RDONLY | O_CLOEXEC);

	assert_true(file >= 0);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	target->pid = apart ? fork_apart() : fork();
	assert_true(target->pid >= 0);
	if (!target->pid)
		run_target(file, what, arg, in[0], out[1]);
	close(file);
	close(in[0]);
	close(out[1]);
	target->in = in[1];
	target->out = out[0];
	target_await(target);
}

void target_start(struct target *target, const char *program, const char *what, const char *arg)
{
	start(target, program, what, arg, false);
}

void target_start_apart(struct target *target, const char *program, const char *what)
{
	start(target, program, what, NULL, true);
}

void target_await(struct target *target)
{
	unsigned long address;
	char text[64];
	ssize_t got = read(target->out, text, sizeof(text) - 1);

	assert_true(got > 0);
	text[got] = '\0';
	assert_int_equal(sscanf(text, "ready %lx", &address), 1);
	target->address = address;
}

void target_go_on(const struct target *target)
{
	assert_int_equal(write(target->in, "", 1), 1);
}

void target_end(struct target *target)
{
	if (target->pid)
		kill(target->pid, SIGKILL);
	if (target->pid)
		waitpid(target->pid, NULL, 0);
	close(target->in);
	close(target->out);
	memset(target, 0, sizeof(*target));
}

uint64_t start_of(pid_t pid)
{
	char path[64], text[1024], *at;
	unsigned long long ticks;
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	len = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[len] = '\0';
	at = strrchr(text, ')');
	assert_non_null(at);
	assert_int_equal(sscanf(at,
				") %*c %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %llu",
				&ticks),
			 1);
	return ticks * (1000000000ULL / (unsigned long)sysconf(_SC_CLK_TCK));
}

void await_death(pid_t thread)
{
	char path[64], text[1024];

	snprintf(path, sizeof(path), "/proc/%d/stat", thread);
	for (int i = 0; i < PATIENCE_MS; i++) {
		FILE *file = fopen(path, "re");
		const char *at;

		if (!file)
			return;
		text[fread(text, 1, sizeof(text) - 1, file)] = '\0';
		fclose(file);
		at = strrchr(text, ')');
		if (at && (at[2] == 'Z' || at[2] == 'X'))
			return;
		usleep(1000);
	}
	fail_msg("%d lives on", thread);
}

/* ---- the symbolizer ---- */

static void take_module(void *arg, uint32_t module, const struct mt_unwind_row *rows, uint32_t count)
{
	struct answers *answers = arg;

	assert_true(module < MODULES);
	answers->rows[module] = calloc(count, sizeof(*rows));
	memcpy(answers->rows[module], rows, count * sizeof(*rows));
	answers->row_counts[module] = count;
}

static void take_ranges(void *arg, uint32_t pid, uint64_t start_ns, const struct symbol_range *ranges, uint32_t count)
{
	struct answers *answers = arg;

	(void)pid;
	(void)start_ns;
	assert_true(count <= RANGES);
	if (count)
		memcpy(answers->ranges, ranges, count * sizeof(*ranges));
	answers->range_count = count;
	answers->range_answers++;
}

static void take_stack(void *arg, const struct stack *stack)
{
	struct answers *answers = arg;

	free(answers->stack);
	answers->stack = stack_copy(stack, &answers->texts);
	answers->last_id = stack->id;
	answers->last_end = stack->end;
	answers->stack_answers++;
}

static const struct symbolizer_sink sink = {.module = take_module, .ranges = take_ranges, .stack = take_stack};

void answers_begin(struct answers *answers, enum unwind_mode mode)
{
	memset(answers, 0, sizeof(*answers));
	assert_int_equal(symbolizer_new(mode, &answers->symbolizer), 0);
}

void answers_end(struct answers *answers)
{
	symbolizer_free(answers->symbolizer);
	for (unsigned int i = 0; i < MODULES; i++)
		free(answers->rows[i]);
	free(answers->stack);
	intern_free(&answers->texts);
}

void answers_await(struct answers *answers, const uint32_t *counter, uint32_t count)
{
	struct timespec begun, now;

	clock_gettime(CLOCK_MONOTONIC, &begun);
	while (*counter < count) {
		int result;

		symbolizer_wait(answers->symbolizer, 1000);
		result = symbolizer_read(answers->symbolizer, &sink, answers);
		answers->restarts += result == 1;
		answers->gone = result < 0 ? result : answers->gone;
		answers->given_up += result < 0;
		clock_gettime(CLOCK_MONOTONIC, &now);
		if ((now.tv_sec - begun.tv_sec) * 1000 > PATIENCE_MS)
			fail_msg("no answer: %u of %u", *counter, count);
	}
}

void ask_process(struct answers *answers, const struct target *target)
{
	uint32_t before = answers->range_answers;

	assert_int_equal(symbolizer_ask_process(answers->symbolizer, (uint32_t)target->pid, start_of(target->pid)), 0);
	answers_await(answers, &answers->range_answers, before + 1);
}

void ask_stack(struct answers *answers, const struct target *target, const uint64_t *ips, uint32_t count)
{
	uint32_t before = answers->stack_answers;

	assert_int_equal(symbolizer_ask_stack(answers->symbolizer, (uint32_t)target->pid, start_of(target->pid), 42,
					      MT_STACK_COMPLETE, ips, count),
			 0);
	answers_await(answers, &answers->stack_answers, before + 1);
	assert_int_equal(answers->last_id, 42);
}

/* ---- the walk ---- */

struct registers {
	uint64_t pc, sp, fp, lr;
};

static bool read_word(pid_t pid, uint64_t address, uint64_t *ret_word)
{
	struct iovec to = {.iov_base = ret_word, .iov_len = 8}, from = {.iov_base = (void *)address, .iov_len = 8};

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == 8;
}

static void read_registers(pid_t thread, struct registers *registers)
{
	struct user_regs_struct user;
	struct iovec part = {.iov_base = &user, .iov_len = sizeof(user)};

	assert_int_equal(ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &part), 0);
#ifdef __x86_64__
	*registers = (struct registers){.pc = user.rip, .sp = user.rsp, .fp = user.rbp};
#else
	*registers = (struct registers){.pc = user.pc, .sp = user.sp, .fp = user.regs[29], .lr = user.regs[30]};
#endif
}

const struct mt_unwind_row *row_at(const struct mt_unwind_row *rows, uint32_t count, uint64_t vaddr)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (rows[middle].pc <= vaddr)
			low = middle + 1;
		else
			high = middle;
	}
	return low ? &rows[low - 1] : NULL;
}

static const struct mt_unwind_row *find_row(const struct answers *answers, uint64_t address)
{
	for (uint32_t i = 0; i < answers->range_count; i++) {
		const struct symbol_range *range = &answers->ranges[i];

		if (address >= range->start && address < range->end)
			return range->module ? row_at(answers->rows[range->module], answers->row_counts[range->module],
						      address - range->bias)
					     : NULL;
	}
	return NULL;
}

static bool step_signal(pid_t pid, struct registers *at)
{
#ifdef __x86_64__
	uint64_t sp = at->sp; /* of the ucontext: registers as sigcontext orders them, from byte 40 on */

	return read_word(pid, sp + 120, &at->fp) && read_word(pid, sp + 160, &at->sp) &&
	       read_word(pid, sp + 168, &at->pc);
#else
	uint64_t context = at->sp + 128 + 176 + 8; /* siginfo; ucontext up to regs[0] */

	return read_word(pid, context + 29 * 8, &at->fp) && read_word(pid, context + 30 * 8, &at->lr) &&
	       read_word(pid, context + 31 * 8, &at->sp) && read_word(pid, context + 32 * 8, &at->pc);
#endif
}

static bool step(pid_t pid, const struct mt_unwind_row *row, struct registers *at)
{
	uint64_t cfa, fp = at->fp;

	switch (row->rule) {
	case MT_UNWIND_SP:
		cfa = at->sp + (uint64_t)row->cfa_offset;
		break;
	case MT_UNWIND_FP:
		cfa = at->fp + (uint64_t)row->cfa_offset;
		break;
	case MT_UNWIND_FP_MEM:
		if (!read_word(pid, at->fp + (uint64_t)row->cfa_offset, &cfa))
			return false;
		break;
	default:
		return false;
	}
	if (row->fp_offset ? !read_word(pid, cfa + (uint64_t)row->fp_offset, &fp)
			   : row->rule == MT_UNWIND_FP_MEM && !read_word(pid, at->fp, &fp))
		return false;
	if (row->ra_offset)
		return read_word(pid, cfa + (uint64_t)row->ra_offset, &at->pc) && (at->sp = cfa, at->fp = fp, true);
	at->pc = at->lr;
	at->sp = cfa;
	at->fp = fp;
	return true;
}

uint32_t walk(const struct answers *answers, pid_t thread, uint64_t *ips, uint32_t room, bool *ret_complete)
{
	struct registers at;
	uint32_t count = 0;
	bool exact = true;

	*ret_complete = false;
	assert_int_equal(ptrace(PTRACE_SEIZE, thread, 0, 0), 0);
	assert_int_equal(ptrace(PTRACE_INTERRUPT, thread, 0, 0), 0);
	assert_int_equal(waitpid(thread, NULL, __WALL), thread);
	read_registers(thread, &at);
	while (count < room) {
		const struct mt_unwind_row *row = find_row(answers, exact ? at.pc : at.pc - 1);

		ips[count++] = at.pc;
		if (!row || row->rule == MT_UNWIND_END) {
			*ret_complete = row != NULL;
			break;
		}
		exact = row->rule == MT_UNWIND_SIGNAL;
		if (exact ? !step_signal(thread, &at) : !step(thread, row, &at))
			break;
	}
	ptrace(PTRACE_DETACH, thread, 0, 0);
	return count;
}

pid_t other_thread(pid_t pid)
{
	char path[64];
	struct dirent *entry;
	pid_t found = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		if (entry->d_name[0] != '.' && atoi(entry->d_name) != pid)
			found = atoi(entry->d_name);
	}
	closedir(dir);
	return found;
}
