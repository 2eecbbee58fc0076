// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Processes whose maps are hard to keep books on: shared and swapped address spaces, execs out of threads, leaders that
 * are gone, pids used again. "lifecycle SCENARIO [--hold]" prints "pid P maps C NAME" for each process at its end, and
 * ends when all of them have; --hold waits for the end of stdin before.
 */
#include "common.h"

#include <errno.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_SIZE (64 * 1024)

static char *program;
static bool hold;
static char stack[STACK_SIZE] __attribute__((aligned(16)));

static void pages_map(unsigned long count)
{
	for (unsigned long i = 0; i < count; i++) {
		if (page_map(i) == MAP_FAILED)
			die("mmap");
	}
}

static void result_print(const char *name)
{
	text_write(STDOUT_FILENO, "pid %ld maps %ld %s\n", syscall(SYS_getpid), maps_count(), name);
}

static void hold_if_asked(void)
{
	if (hold) {
		text_write(STDOUT_FILENO, "ready\n");
		stdin_wait();
	}
}

/* Every process below this one, also those whose parents are gone. */
static void descendants_wait(void)
{
	while (wait(NULL) > 0)
		;
}

static pid_t fork_or_die(void)
{
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	return pid;
}

/* What an exec leads to: "lifecycle leaf COUNT". */
static void leaf_exec(const char *count)
{
	char *argv[] = {program, "leaf", (char *)count, NULL};

	execv(program, argv);
	_exit(127);
}

static void run_vfork_exec(void)
{
	pages_map(50);
	if (vfork() == 0)
		leaf_exec("20");
	descendants_wait();
	pages_map(5);
	result_print("parent");
}

static void run_spawn(void)
{
	char *argv[] = {program, "leaf", "30", NULL};
	char *env[] = {NULL};
	pid_t pid;

	pages_map(50);
	for (int i = 0; i < 5; i++) {
		if (posix_spawn(&pid, program, NULL, NULL, argv, env) != 0)
			die("posix_spawn");
		descendants_wait();
	}
	result_print("parent");
}

/* A process of its own pid that maps in our address space. */
static pid_t clone_vm(int (*run)(void *), void *arg)
{
	pid_t pid = clone(run, stack + STACK_SIZE, CLONE_VM | SIGCHLD, arg);

	if (pid < 0)
		die("clone");
	return pid;
}

static int vm_child_run(void *arg)
{
	(void)arg;
	pages_map(40);
	result_print("child");
	return 0;
}

static void run_clone_vm_parent(void)
{
	pages_map(10);
	clone_vm(vm_child_run, NULL);
	descendants_wait();
	pages_map(3);
	result_print("parent");
}

static int vm_waiter_run(void *arg)
{
	line_wait(STDIN_FILENO);
	return vm_child_run(arg);
}

/* They share before anybody looks: the child maps at the first newline. */
static void run_clone_vm_waiter(void)
{
	clone_vm(vm_waiter_run, NULL);
	text_write(STDOUT_FILENO, "ready\n");
	descendants_wait();
	result_print("parent");
}

/* Goes on once the parent is gone. */
static int vm_survivor_run(void *arg)
{
	pid_t parent = *(pid_t *)arg;

	while (syscall(SYS_getppid) == parent)
		sched_yield();
	pages_map(40);
	result_print("child");
	return 0;
}

static void run_clone_vm_child(void)
{
	static pid_t parent;

	if (fork_or_die() == 0) {
		pages_map(10);
		parent = getpid();
		clone_vm(vm_survivor_run, &parent);
		_exit(0);
	}
	descendants_wait();
	result_print("parent");
}

static int vm_exec_run(void *arg)
{
	(void)arg;
	pages_map(7);
	leaf_exec("20");
	return 0;
}

/* The child maps in the shared address space and leaves it by exec. */
static void run_clone_vm_exec(void)
{
	pages_map(10);
	clone_vm(vm_exec_run, NULL);
	descendants_wait();
	result_print("parent");
}

static void *exec_thread(void *arg)
{
	(void)arg;
	pages_map(9);
	leaf_exec("25");
	return NULL;
}

static void run_exec_nonleader(void)
{
	pthread_t thread;

	pages_map(60);
	if (pthread_create(&thread, NULL, exec_thread, NULL) != 0)
		die("pthread_create");
	for (;;)
		pause();
}

static void leader_gone_wait(void)
{
	char path[64], stat[256];
	ssize_t len;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", getpid());
	do {
		sched_yield();
		file = fopen(path, "r");
		if (!file)
			die(path);
		len = fread(stat, 1, sizeof(stat) - 1, file);
		fclose(file);
		stat[len] = '\0';
	} while (!strstr(stat, ") Z "));
}

static void *orphan_thread(void *arg)
{
	(void)arg;
	leader_gone_wait();
	pages_map(70);
	text_write(STDOUT_FILENO, "pid %d maps %ld zombie\n", getpid(), maps_count_of_task(getpid(), gettid()));
	hold_if_asked();
	_exit(0);
}

static void run_zombie_leader(void)
{
	pthread_t thread;

	pages_map(10);
	if (pthread_create(&thread, NULL, orphan_thread, NULL) != 0)
		die("pthread_create");
	syscall(SYS_exit, 0);
}

/* A child with exactly this pid. Returns false when it is taken. */
static bool fork_as(pid_t pid, unsigned long maps)
{
	struct clone_args args = {.set_tid = (uintptr_t)&pid, .set_tid_size = 1, .exit_signal = SIGCHLD};
	long ret = syscall(SYS_clone3, &args, sizeof(args));

	if (ret < 0 && errno != EEXIST)
		die("clone3");
	if (ret == 0) {
		pages_map(maps);
		result_print("reuse");
		_exit(0);
	}
	if (ret > 0)
		waitpid(ret, NULL, 0);
	return ret > 0;
}

static void run_pid_reuse(void)
{
	pid_t pid;

	do {
		pid = fork_or_die();
		if (pid == 0) {
			pages_map(300);
			result_print("first");
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	} while (!fork_as(pid, 5) || !fork_as(pid, 11));
	result_print("parent");
}

static void tree_grow(int depth)
{
	for (int i = 0; depth > 0 && i < 2; i++) {
		pages_map(10 * depth + i);
		if (fork_or_die() == 0) {
			pages_map(3);
			tree_grow(depth - 1);
			_exit(0);
		}
	}
	descendants_wait();
	result_print("tree");
}

static void run_fork_tree(void)
{
	tree_grow(4);
}

/* One after the other, so that the slab hands out the same mm again and again. */
static void run_fork_churn(void)
{
	for (unsigned long i = 0; i < 300; i++) {
		if (fork_or_die() == 0) {
			pages_map(i * 7 % 50);
			result_print("churn");
			_exit(0);
		}
		descendants_wait();
	}
	result_print("parent");
}

/* A child is born with fewer maps than its parent has. */
static void run_fork_dontfork(void)
{
	char *area = mmap(NULL, 64 * page_size(), PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (area == MAP_FAILED)
		die("mmap");
	for (int i = 0; i < 64; i += 2)
		madvise(area + i * page_size(), page_size(), MADV_DONTFORK);
	if (fork_or_die() == 0) {
		pages_map(4);
		result_print("child");
		_exit(0);
	}
	descendants_wait();
	result_print("parent");
}

static void *churn_thread(void *arg)
{
	(void)arg;
	pages_map(2);
	return NULL;
}

static void run_thread_churn(void)
{
	pthread_t threads[8];

	for (int round = 0; round < 25; round++) {
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
			if (pthread_create(&threads[i], NULL, churn_thread, NULL) != 0)
				die("pthread_create");
		}
		for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
			pthread_join(threads[i], NULL);
	}
	result_print("threads");
}

static void run_exec_fails(void)
{
	char *argv[] = {"none", NULL};

	pages_map(15);
	execv("/nonexistent/none", argv);
	execv("/proc/self/maps", argv);
	pages_map(15);
	result_print("stays");
}

static void run_killed(void)
{
	int ready[2];
	char c;
	pid_t pid;

	if (pipe(ready) < 0)
		die("pipe");
	pid = fork_or_die();
	if (pid == 0) {
		pages_map(80);
		result_print("killed");
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	if (read(ready[0], &c, 1) != 1)
		die("read");
	kill(pid, SIGKILL);
	descendants_wait();
	result_print("parent");
}

static void leaf_run(const char *count)
{
	pages_map(number_parse(count));
	result_print("leaf");
}

static const struct scenario {
	const char *name;
	void (*run)(void);
} scenarios[] = {
	{"vfork_exec", run_vfork_exec},
	{"spawn", run_spawn},
	{"clone_vm_parent", run_clone_vm_parent},
	{"clone_vm_waiter", run_clone_vm_waiter},
	{"clone_vm_child", run_clone_vm_child},
	{"clone_vm_exec", run_clone_vm_exec},
	{"exec_nonleader", run_exec_nonleader},
	{"zombie_leader", run_zombie_leader},
	{"pid_reuse", run_pid_reuse},
	{"fork_tree", run_fork_tree},
	{"fork_churn", run_fork_churn},
	{"fork_dontfork", run_fork_dontfork},
	{"thread_churn", run_thread_churn},
	{"exec_fails", run_exec_fails},
	{"killed", run_killed},
};

int main(int argc, char **argv)
{
	program = argv[0];
	if (argc == 3 && strcmp(argv[1], "leaf") == 0) {
		leaf_run(argv[2]);
		return 0;
	}
	hold = argc == 3 && strcmp(argv[2], "--hold") == 0;
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("prctl");
	for (size_t i = 0; argc >= 2 && i < ARRAY_SIZE(scenarios); i++) {
		if (strcmp(scenarios[i].name, argv[1]) == 0) {
			scenarios[i].run();
			hold_if_asked();
			return 0;
		}
	}
	text_write(STDERR_FILENO, "usage: lifecycle SCENARIO [--hold], SCENARIO one of\n");
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++)
		text_write(STDERR_FILENO, "  %s\n", scenarios[i].name);
	return 2;
}
