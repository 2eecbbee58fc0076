/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_server.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "cleanup.h"
#include "debug_file.h"
#include "frame_cache.h"
#include "symbol_module.h"
#include "symbol_process.h"
#include "symbol_reply.h"
#include "symbol_stack.h"

#define PROCESSES_MAX 4096
#define TIDY_MS	      10000
#define LOOK_AGAIN_NS 100000000ULL   /* for an address that no map had */
#define LOOK_MOST_NS  60000000000ULL /* if that was for nothing: there are stacks that lead into the void */

/* A stack to be told, with the look at its process that was the newest when it was asked for. */
struct job {
	struct job *prev, *next;
	struct symbol_process *process;
	struct wire_request request; /* ends in its addresses */
};

struct server {
	int fd;
	struct wire_page *page;
	uint32_t number; /* of the request at work */
	struct symbol_modules modules;
	struct symbol_process *processes; /* the newest look at each, by pid */
	struct symbol_stack_maker maker;
	struct job *jobs;
	bool broken; /* the tracer is gone, or does not listen */
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void reply(struct server *server, enum wire_type type, uint32_t module, uint32_t count, const void *payload,
		  size_t size)
{
	struct wire_reply head = {
		.type = type, .number = server->number, .module = module, .count = count, .size = size};

	if (symbol_reply_send(server->fd, &head, payload))
		server->broken = true;
}

/* One is at work: a breakdown from here on is its fault. */
static void begin(struct server *server, uint32_t number)
{
	server->number = number;
	__atomic_fetch_add(&server->page->beat, 1, __ATOMIC_RELEASE);
	__atomic_store_n(&server->page->number, number, __ATOMIC_RELEASE);
}

static void tell_rows(void *arg, uint32_t number, const struct mt_unwind_row *rows, uint32_t count)
{
	struct server *server = arg;

	reply(server, WIRE_MODULE, number, count, rows, count * sizeof(*rows));
}

/* ---- processes ---- */

/* more: it will be told again, with rules that are being made. */
static void tell_ranges(struct server *server, const struct symbol_process *process, bool more)
{
	struct symbol_range *ranges _cleanup_free_ = calloc(process->count + 1, sizeof(*ranges));
	uint32_t count = ranges ? process->count : 0;

	for (uint32_t i = 0; i < count; i++) {
		const struct code_range *range = &process->ranges[i];

		ranges[i].start = range->start;
		ranges[i].end = range->end;
		ranges[i].bias = range->bias;
		ranges[i].module = range->module ? range->module->number : 0;
	}
	reply(server, WIRE_RANGES, more, count, ranges, count * sizeof(*ranges));
}

/* What is quick comes first: a program runs on while the rules of its largest library are made. */
static void tell_code(struct server *server, const struct symbol_process *process)
{
	bool due = false;

	for (uint32_t i = 0; i < process->count; i++)
		due |= process->ranges[i].module && process->ranges[i].module->rules_due;
	tell_ranges(server, process, due);
	if (!due)
		return;
	for (uint32_t i = 0; i < process->count; i++) {
		if (process->ranges[i].module)
			symbol_module_make_rules(&server->modules, process->ranges[i].module);
	}
	tell_ranges(server, process, false);
}

static void process_drop(struct server *server, struct symbol_process *process)
{
	HASH_DEL(server->processes, process);
	symbol_process_put(process, now_ns());
}

static struct symbol_process *process_find(const struct server *server, uint32_t pid, uint64_t start_ns)
{
	struct symbol_process *process;

	HASH_FIND(hh, server->processes, &pid, sizeof(pid), process);
	return process && symbol_process_is(process, start_ns) ? process : NULL;
}

/* In the place of the look before, if there was one. */
static void process_keep(struct server *server, struct symbol_process *process)
{
	struct symbol_process *before;

	HASH_FIND(hh, server->processes, &process->pid, sizeof(process->pid), before);
	if (before)
		process_drop(server, before);
	else if (HASH_COUNT(server->processes) >= PROCESSES_MAX)
		process_drop(server, server->processes);
	HASH_ADD(hh, server->processes, pid, sizeof(process->pid), process);
}

/* Looks, and keeps what is seen; the table's it is. NULL: out of memory. */
static struct symbol_process *process_look(struct server *server, uint32_t pid, uint64_t start_ns)
{
	struct symbol_process *before = process_find(server, pid, start_ns);
	struct symbol_process *process = symbol_process_look(&server->modules, pid, start_ns, before, now_ns());

	if (!process)
		return before;
	process->pause_ns = LOOK_AGAIN_NS;
	if (process->gone)
		server->page->gone++;
	/* Of one that has ended meanwhile the earlier look is the better one. */
	if (process->gone && before && before->count) {
		before->gone = true;
		symbol_process_put(process, now_ns());
		return before;
	}
	process_keep(server, process);
	return process;
}

static void serve_process(struct server *server, const struct wire_request *request)
{
	struct symbol_process *process;

	begin(server, request->number);
	process = process_look(server, request->pid, request->start_ns);
	if (process && !process->gone)
		tell_code(server, process);
	else
		reply(server, WIRE_RANGES, 0, 0, NULL, 0);
	begin(server, 0);
}

static void forget(struct server *server, const struct wire_request *request)
{
	struct symbol_process *process = process_find(server, request->pid, request->start_ns);

	if (!process)
		return;
	process->stale = true;
	process_drop(server, process);
}

/* ---- stacks ---- */

static bool knows_all(const struct symbol_process *process, const struct wire_request *request)
{
	for (uint32_t i = 0; i < request->count; i++) {
		if (!symbol_process_find(process, request->ips[i] - 1))
			return false;
	}
	return true;
}

/* Code that was mapped since: the process is looked at again, but not at each of its stacks. */
static struct symbol_process *look_again(struct server *server, struct job *job)
{
	struct symbol_process *process = process_find(server, job->request.pid, job->request.start_ns);
	uint64_t pause_ns;

	if (process != job->process || process->gone || now_ns() - process->taken_ns < process->pause_ns)
		return process && !job->process->stale ? process : job->process;
	pause_ns = process->pause_ns * 4 < LOOK_MOST_NS ? process->pause_ns * 4 : LOOK_MOST_NS;
	process = process_look(server, job->request.pid, job->request.start_ns);
	if (!process)
		return job->process;
	if (!process->gone)
		tell_code(server, process);
	if (!knows_all(process, &job->request))
		process->pause_ns = pause_ns;
	return process;
}

static void serve_job(struct server *server, struct job *job)
{
	struct wire_stack stack _cleanup_(wire_stack_free) = {0};
	struct symbol_process *now = job->process;

	begin(server, job->request.number);
	if (job->process && !knows_all(job->process, &job->request))
		now = look_again(server, job);
	symbol_stack_make(&server->maker, job->process, now, &job->request, now_ns(), &stack);
	if (wire_stack_end(&stack))
		reply(server, WIRE_STACK, 0, 0, NULL, 0);
	else
		reply(server, WIRE_STACK, 0, stack.count, stack.frames.data, stack.frames.len);
	begin(server, 0);
}

static void job_drop(struct server *server, struct job *job)
{
	DL_DELETE(server->jobs, job);
	symbol_process_put(job->process, now_ns());
	free(job);
}

static void enqueue(struct server *server, const struct wire_request *request)
{
	size_t size = wire_request_size(request);
	struct job *job = calloc(1, sizeof(*job) + size - sizeof(*request));

	if (!job) {
		server->broken = true; /* the next one has memory, or is given up */
		return;
	}
	memcpy(&job->request, request, size);
	job->process = process_find(server, request->pid, request->start_ns);
	if (!job->process) {
		/* Nobody asked for the process itself: it may end before this stack's turn. */
		begin(server, request->number);
		job->process = process_look(server, request->pid, request->start_ns);
		if (job->process && !job->process->gone)
			tell_code(server, job->process);
		begin(server, 0);
	}
	if (job->process)
		symbol_process_use(job->process);
	DL_APPEND(server->jobs, job);
}

/* ---- all of it ---- */

static void take_request(struct server *server, const struct wire_request *request, size_t size)
{
	if (!wire_request_valid(request, size)) {
		server->broken = true;
		return;
	}
	switch (request->type) {
	case WIRE_PROCESS:
		serve_process(server, request);
		break;
	case WIRE_STACK:
		enqueue(server, request);
		break;
	case WIRE_FORGET:
		forget(server, request);
		break;
	default:
		server->broken = true;
		break;
	}
}

/* Processes end, names can wait: so looks are taken as soon as asked for, and stacks when nothing else is. */
static void take_requests(struct server *server)
{
	union wire_request_room room;
	ssize_t got;

	while (!server->broken) {
		got = recv(server->fd, &room, sizeof(room), MSG_DONTWAIT);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && errno == EAGAIN)
			return;
		if (got <= 0)
			server->broken = true;
		else
			take_request(server, &room.request, (size_t)got);
	}
}

static void serve(struct server *server)
{
	struct pollfd poll_fd = {.fd = server->fd, .events = POLLIN};
	uint64_t tidied_ns = now_ns();

	while (!server->broken) {
		take_requests(server);
		if (now_ns() - tidied_ns > TIDY_MS * 1000000ULL) {
			symbol_modules_tidy(&server->modules, now_ns());
			tidied_ns = now_ns();
		}
		if (server->jobs && !server->broken) {
			serve_job(server, server->jobs);
			job_drop(server, server->jobs);
		} else if (!server->broken) {
			poll(&poll_fd, 1, TIDY_MS);
		}
	}
}

void symbol_server_run(int fd, enum unwind_mode mode, uint32_t module_last, struct wire_page *page)
{
	struct server server = {.fd = fd, .page = page};

	server.modules = (struct symbol_modules){.mode = mode,
						 .last_number = module_last,
						 .rows_fn = tell_rows,
						 .arg = &server,
						 .bad_modules = &page->bad_modules,
						 .rules_left_out = &page->rules_left_out,
						 .beat = &page->beat};
	server.maker.modules = &server.modules;
	debug_file_setup();
	serve(&server);
	while (server.jobs)
		job_drop(&server, server.jobs);
	while (server.processes)
		process_drop(&server, server.processes);
	frame_cache_free(&server.maker.cache);
	symbol_modules_free(&server.modules);
}
