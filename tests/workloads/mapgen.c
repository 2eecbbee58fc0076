// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The generator behind the conservation law: random operations on maps from a printed seed. Every call that changes
 * maps is one it makes itself (static memory, raw system calls where libc would make more), and it never holds more
 * than a few thousand.
 *
 * --results FILE gets "pid P maps C" from each process at its end. --verify FILE gets "P SEQUENCE CALL C" after each
 * call, C counted from /proc right then; the line of sequence 0 is the marker, an munmap of MARKER_ADDRESS with length
 * 0, that the program makes once it is past its loader's calls.
 *
 * --log FILE gets "P map|unmap|change|grow START BYTES" (hex) for what a call did to which range, then
 * "P call NAME DELTA FUNCTION". --start FIFO: says "ready P" and begins when nobody has the FIFO open for writing any
 * more. --pause FIFO: says "paused P" at its end, and stays as long.
 */
#include "mapgen.h"
#include "mapgen_calls.h"

#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/wait.h>

#define MARKER_ADDRESS ((void *)0x6d61726b000)

static void generator_run(struct generator *g);

static void result_write(void)
{
	if (opts.results_fd >= 0)
		text_write(opts.results_fd, "pid %d maps %ld\n", getpid(), maps_count());
}

/* The same program again, from its loader on, with another seed. */
static void exec_self(unsigned long seed, unsigned long ops)
{
	char seed_text[24], ops_text[24];
	char *argv[] = {self.program,	      "--seed", seed_text, "--ops", ops_text, opts.results ? "--results" : NULL,
			(char *)opts.results, NULL,	NULL,	   NULL};

	snprintf(seed_text, sizeof(seed_text), "%lu", seed);
	snprintf(ops_text, sizeof(ops_text), "%lu", ops);
	if (opts.results && opts.verify) {
		argv[7] = "--verify";
		argv[8] = (char *)opts.verify;
	}
	execv(self.program, argv);
	die(self.program);
}

static void op_fork(struct generator *g)
{
	/* A long of 32 bits, too. */
	unsigned long seed = random_next(&g->random) >> 33;
	unsigned long ops = 1 + pick(g, 40);
	bool exec = opts.exec && chance(g, 2);
	pid_t pid = fork();

	if (pid < 0)
		die("fork");
	if (pid > 0) {
		if (waitpid(pid, NULL, 0) != pid)
			die("waitpid");
		return;
	}
	self.sequence = 1;
	opts.threads = 1;
	opts.fork = false;
	g->random = seed;
	g->ops = ops;
	g->aio = 0;
	generator_run(g);
	if (exec)
		exec_self(seed, ops);
	result_write();
	_exit(0);
}

#define OP(function) function, #function
static const struct {
	void (*run)(struct generator *g);
	const char *name;
	unsigned weight;
} operations[] = {
	{OP(op_mmap), 30},	  {OP(op_mmap_fixed), 10}, {OP(op_mmap_wrong), 1},   {OP(op_munmap), 12},
	{OP(op_munmap_part), 14}, {OP(op_munmap_span), 5}, {OP(op_munmap_wrong), 1}, {OP(op_mprotect), 24},
	{OP(op_madvise), 16},	  {OP(op_mlock), 8},	   {OP(op_mbind), 3},	     {OP(op_mremap_shrink), 6},
	{OP(op_mremap_grow), 8},  {OP(op_mremap_move), 6}, {OP(op_brk), 6},	     {OP(op_shmat), 4},
	{OP(op_shmdt), 3},
};

static void operation_run(struct generator *g)
{
	unsigned total = 0, drawn;

	for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
		total += operations[i].weight;
	drawn = pick(g, total);
	for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
		if (drawn < operations[i].weight) {
			self.running = operations[i].name;
			operations[i].run(g);
			return;
		}
		drawn -= operations[i].weight;
	}
}

static void run(struct generator *g, void (*operation)(struct generator *g), const char *name)
{
	self.running = name;
	operation(g);
}

static void generator_run(struct generator *g)
{
	for (calls_made = 0; calls_made < g->ops;) {
		operation_run(g);
		/* Slow or strange ones: seldom. */
		if (chance(g, 200))
			run(g, OP(op_mlockall));
		if (chance(g, 400))
			run(g, OP(op_aio));
		if (chance(g, 60))
			run(g, OP(op_remap_file_pages));
		if (opts.fork && chance(g, 250))
			op_fork(g);
	}
}

static void *thread_run(void *generator)
{
	generator_run(generator);
	return NULL;
}

static void threads_run(void)
{
	pthread_t threads[THREADS_MAX];

	for (unsigned long i = 1; i < opts.threads; i++) {
		if (pthread_create(&threads[i], NULL, thread_run, &generators[i]) != 0)
			die("pthread_create");
	}
	generator_run(&generators[0]);
	for (unsigned long i = 1; i < opts.threads; i++)
		pthread_join(threads[i], NULL);
}

/* Most seeds stay small, some grow to thousands of maps. */
static void generators_init(unsigned long seed, unsigned long ops)
{
	static const size_t sizes[] = {100, 200, 300, 300, 400, 600, 1000, 3000};
	uint64_t state = seed;

	for (unsigned long i = 0; i < opts.threads; i++) {
		generators[i].random = random_next(&state);
		generators[i].ops = ops;
		generators[i].pages_max = sizes[pick(&generators[i], ARRAY_SIZE(sizes))];
	}
}

static void self_init(char *program)
{
	self.program = program;
	self.page = page_size();
	self.file = open("/tmp", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	self.memfd = memfd_create("mapgen", MFD_CLOEXEC);
	self.shm = shmget(IPC_PRIVATE, SHM_PAGES * self.page, IPC_CREAT | 0600);
	if (self.file < 0 || self.memfd < 0 || self.shm < 0)
		die("set-up");
	if (ftruncate(self.file, FILE_PAGES * self.page) < 0 || ftruncate(self.memfd, FILE_PAGES * self.page) < 0)
		die("ftruncate");
	/* One attachment stays, so the segment lives to this process's end and no longer. */
	if (shmat(self.shm, NULL, 0) == (void *)-1 || shmctl(self.shm, IPC_RMID, NULL) < 0)
		die("shmat");
	self.brk_start = (char *)(((uintptr_t)syscall(SYS_brk, 0) + self.page - 1) & ~(self.page - 1));
}

static int file_append(const char *path)
{
	int fd = path ? open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666) : -1;

	if (path && fd < 0)
		die(path);
	return fd;
}

static void options_parse(int argc, char **argv)
{
	static const struct option options[] = {
		{"seed", required_argument, NULL, 's'},
		{"ops", required_argument, NULL, 'o'},
		{"threads", required_argument, NULL, 't'},
		{"fork", no_argument, NULL, 'f'},
		{"exec", no_argument, NULL, 'e'},
		{"verify", required_argument, NULL, 'v'},
		{"results", required_argument, NULL, 'r'},
		{"log", required_argument, NULL, 'l'},
		{"pause", required_argument, NULL, 'p'},
		{"start", required_argument, NULL, 'b'},
		{0},
	};

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		if (c == 's')
			opts.seed = number_parse(optarg);
		else if (c == 'o')
			opts.ops = number_parse(optarg);
		else if (c == 't')
			opts.threads = number_parse(optarg);
		else if (c == 'v')
			opts.verify = optarg;
		else if (c == 'r')
			opts.results = optarg;
		else if (c == 'l')
			opts.log = optarg;
		else if (c == 'p')
			opts.pause = optarg;
		else if (c == 'b')
			opts.start = optarg;
		else if (c == '?')
			exit(2);
		opts.fork |= c == 'f';
		opts.exec |= c == 'e';
	}
	if (opts.threads < 1 || opts.threads > THREADS_MAX || (opts.threads > 1 && (opts.verify || opts.log)))
		exit(2);
}

/* Nothing changes until it is let go. */
static void pause_here(const char *fifo, const char *word)
{
	int fd = fifo ? open(fifo, O_RDONLY | O_CLOEXEC) : -1;

	if (!fifo)
		return;
	if (fd < 0)
		die(fifo);
	text_write(STDOUT_FILENO, "%s %d\n", word, getpid());
	line_wait(fd);
	close(fd);
}

int main(int argc, char **argv)
{
	options_parse(argc, argv);
	self_init(argv[0]);
	opts.results_fd = file_append(opts.results);
	opts.verify_fd = file_append(opts.verify);
	opts.log_fd = file_append(opts.log);
	generators_init(opts.seed, opts.ops);
	text_write(STDOUT_FILENO, "seed %lu pid %d\n", opts.seed, getpid());

	pause_here(opts.start, "ready");
	self.maps = maps_count();
	self.running = "main";
	munmap(MARKER_ADDRESS, 0);
	called("munmap");
	threads_run();
	if (opts.exec)
		exec_self(opts.seed + 1000000, opts.ops / 4);
	pause_here(opts.pause, "paused");
	result_write();
	_exit(0);
}
