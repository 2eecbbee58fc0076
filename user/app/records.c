/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Ring buffer records, from bytes to model to lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "daemon.h"
#include "log.h"
#include "reason.h"
#include "session.h"

/* Records a turn: about 10 ms of work, so that timers and alarms keep their time. */
#define EVENTS_BUDGET 4096
#define ALARMS_BUDGET 1024
#define LAST_DRAIN_NS 2000000000ULL

/* The process of an operation; one whose birth was lost is asked of the kernel. */
static struct process *process_of_op(struct session *session, const struct op_event *op)
{
	struct process *process = model_find(&session->model, op->pid, op->start_ns);
	struct mt_process account;

	if (process)
		return process;
	if (!session->tracer || tracer_read(session->tracer, op->mm, &account) || account.tgid != op->pid) {
		memset(&account, 0, sizeof(account));
		account.tgid = op->pid;
		account.start_ns = op->start_ns;
		account.mm = op->mm;
		account.map_count = account.baseline = account.high_water = op->map_count;
	}
	process = model_update(&session->model, &account, op->ts_ns);
	if (process)
		process->target = true;
	return process;
}

/* The last component that the kernel told is how the path found must end. */
static bool path_fits(const char *path, const char *name)
{
	size_t path_len = strlen(path), name_len = strlen(name);

	return path_len >= name_len && strstr(path, name) != NULL;
}

static void resolve_file(struct session *session, struct process *process, struct op_event *op)
{
	struct file_use *use;

	if (!op->has_file || op->op == MT_OP_EXECVE || op->op == MT_OP_EXECVEAT || file_anonymous(op->file.kind))
		return;
	use = file_table_get(&process->files, &op->file);
	if (!use)
		return;
	if (use->looked_up && use->id.path_is_full && !path_fits(use->id.path, op->file.path))
		use->looked_up = false; /* the inode has another file now */
	if (!use->looked_up) {
		use->looked_up = true;
		use->id = op->file;
		source_file_path(session, process, op, &use->id);
	}
	if (use->id.path_is_full) {
		/* A tmpfs is not shared memory by itself: /tmp is often one. */
		if (use->id.kind == FILE_SHM && use->id.path[0] == '/' && strncmp(use->id.path, "/dev/shm/", 9) &&
		    strncmp(use->id.path, "/SYSV", 5))
			use->id.kind = FILE_REGULAR;
		op->file.kind = use->id.kind;
		memcpy(op->file.path, use->id.path, sizeof(op->file.path));
		op->file.path_is_full = true;
	}
	use->id.deleted = op->file.deleted;
}

static void handle_op(struct session *session, struct op_event *op)
{
	struct process *process = process_of_op(session, op);

	if (!process)
		return;
	resolve_file(session, process, op);
	model_operation(process, op);
	report_op(session, process, op);
	/* More code: a library was loaded. */
	if (op->op == MT_OP_MMAP && op->has_file && !op->error && op->args.prot & PROT_EXEC)
		stacks_look_at(&session->stacks, process->key.pid, process->key.start_ns);
}

static void handle_life(struct session *session, const struct event *event)
{
	struct process *process = model_find(&session->model, event->account.tgid, event->account.start_ns);

	if (process && event->type == EVENT_EXEC)
		session_forget_sites(session, process, event->ts_ns); /* of the program before */
	process = model_update(&session->model, &event->account, event->ts_ns);
	if (!process)
		return;
	process->target = true;
	stacks_look_at(&session->stacks, process->key.pid, process->key.start_ns);
	if (event->type == EVENT_FORK)
		report_process(session, process);
}

/* Streaming some, we are not asked about the others. An alarm may come before the news of its process's birth. */
static bool is_ours(struct session *session, const struct mt_process *account)
{
	return session_is_wide(session) || (account->flags & MT_PROCESS_TARGET) ||
	       model_find(&session->model, account->tgid, account->start_ns);
}

/* A script's children end by the hundred: their names are waited for only where they are shown. */
static enum gather how_to_gather(const struct session *session, const struct process *process)
{
	return session->options->profile || report_has_verdict(session, process) ? GATHER_EXACT : GATHER_AS_KNOWN;
}

static void finish_exit(struct session *session, const struct exit_event *event)
{
	struct process *process = model_find(&session->model, event->account.tgid, event->account.start_ns);

	if (!process)
		daemon_count_brief(session, &event->account);
	if (!process)
		return; /* neither shown nor streamed: nobody waits for its end */
	model_update(&session->model, &event->account, event->ts_ns);
	process->ended = true;
	daemon_count_end(session, &process->account);
	if (session_wants(session, process) && (process->target || process->shown)) {
		session_gather_sites(session, process, how_to_gather(session, process));
		profile_add(session, process);
		report_exit(session, process, event->ts_ns);
		if (process->target && !session->options->json)
			report_verdict(session, process, event->ts_ns);
	}
	session_forget_sites(session, process, event->ts_ns);
	model_remove(&session->model, process);
}

/* Those before whose end all has been read. */
static void finish_exits(struct session *session, uint64_t before_ns)
{
	const struct exit_event *event;

	while ((event = exit_queue_take(&session->exits, before_ns)))
		finish_exit(session, event);
}

void records_finish_exits(struct session *session)
{
	if (session->exits.count)
		record_moment(session, ENTRY_EXITS, session_now());
	finish_exits(session, UINT64_MAX);
}

static void handle_alarm(struct session *session, struct event *event)
{
	struct process *process;

	if (!is_ours(session, &event->account))
		return;
	process = model_update(&session->model, &event->account, event->ts_ns);
	if (!process)
		return;
	process->target |= (event->account.flags & MT_PROCESS_TARGET) != 0;
	if (event->type == EVENT_FAIL) {
		struct refusal refusal;

		event->alarm.limit = session->real_limit;
		refusal_investigate(session, event, &refusal);
		if (refusal.reason == REASON_MAX_MAP_COUNT)
			process->last_fail_ns = event->ts_ns;
		if (session_wants(session, process))
			report_refusal(session, process, &refusal, event->alarm.stack_id);
		if (session->watch)
			daemon_take_refusal(session->watch, process, &refusal);
	}
	if (event->alarm.has_file && !process->target)
		file_table_get(&process->files, &event->alarm.file); /* a first hint at what it maps */
	report_judgement(session, process, event->ts_ns);
}

static bool decode(struct session *session, const void *data, size_t size, struct event *ret_event)
{
	int error = event_decode(data, size, ret_event);

	session->events++;
	if (!error)
		return true;
	session->undecoded++;
	log_debug("record of %zu bytes not understood: %s", size, strerror(-error));
	return false;
}

static bool drain_events(struct session *session, uint64_t until_ns);

/* Kept until the operations before it have been read from the other ring. */
static void defer_exit(struct session *session, const struct event *event)
{
	if (!is_ours(session, &event->account) || exit_queue_put(&session->exits, event->ts_ns, &event->account))
		return;
	/* No room: reading on there lets some go. If not, they go before all they did has been told. */
	if (session->tracer)
		drain_events(session, UINT64_MAX);
	if (exit_queue_put(&session->exits, event->ts_ns, &event->account))
		return;
	session->early_exits += session->exits.count;
	finish_exits(session, UINT64_MAX);
	if (!exit_queue_put(&session->exits, event->ts_ns, &event->account))
		session->memory_lost++;
}

void records_take_alarm(const void *data, size_t size, void *arg)
{
	struct session *session = arg;
	struct event event;

	record_record(session, ENTRY_ALARM, data, size);
	if (!decode(session, data, size, &event))
		return;
	session->alarm_ns = event.ts_ns;
	if (event.type == EVENT_EXIT)
		defer_exit(session, &event);
	else
		handle_alarm(session, &event);
}

/*
 * An operation takes its time before its place in the ring, and a process takes
 * the time of its end when all its operations have theirs: so those of a process
 * that ended before this operation did have been read.
 */
static void take_op(struct session *session, struct event *event)
{
	session->event_ns = event->ts_ns;
	finish_exits(session, event->ts_ns);
	handle_op(session, &event->op);
}

void records_take_event(const void *data, size_t size, void *arg)
{
	struct session *session = arg;
	struct event event;

	record_record(session, ENTRY_EVENT, data, size);
	if (!decode(session, data, size, &event))
		return;
	if (event.type == EVENT_OP)
		take_op(session, &event);
	else if (event.type == EVENT_STACK)
		stacks_take(&session->stacks, &event.stack);
	else
		handle_life(session, &event);
	if (outlet_is_due(session))
		report_flush(session);
}

/* These drain within the budget. True if nothing older than until_ns is left. */
static bool drain_alarms(struct session *session, uint64_t until_ns)
{
	return tracer_drain_alarms(session->tracer, ALARMS_BUDGET, records_take_alarm, session) < ALARMS_BUDGET ||
	       session->alarm_ns > until_ns;
}

/* A slow reader is waited for, as long as the ring has room to do it in. */
static bool events_may_wait(const struct session *session)
{
	return outlet_is_congested(session) &&
	       tracer_events_unread(session->tracer) < session->options->ring_bytes / 4 * 3;
}

static bool drain_events(struct session *session, uint64_t until_ns)
{
	bool all = tracer_drain_events(session->tracer, EVENTS_BUDGET, records_take_event, session) < EVENTS_BUDGET;

	/* A record still being written on another CPU ends a drain as well, and hides those after it. */
	if (all && session->exits.count) {
		all = tracer_events_are_read(session->tracer);
		if (all)
			records_finish_exits(session); /* taken from their ring before this one was read */
	}
	session->behind = !all;
	return all || session->event_ns > until_ns;
}

/* Alarms first: each is acted on at once. True if everything older than until_ns has been read. */
static bool drain_once(struct session *session, uint64_t until_ns)
{
	bool alarms = drain_alarms(session, until_ns), events = drain_events(session, until_ns);

	return alarms && events;
}

int records_drain(void *arg)
{
	struct session *session = arg;

	session->behind = false; /* while they may wait, the end is not held up by them */
	if (events_may_wait(session))
		drain_alarms(session, UINT64_MAX);
	else if (!drain_once(session, UINT64_MAX))
		loop_again(session->loop, records_drain, session);
	return report_flush(session);
}

static void take_unread(const void *data, size_t size, void *arg)
{
	struct session *session = arg;
	struct event event;

	if (decode(session, data, size, &event))
		session->unread++;
}

void records_drain_all(struct session *session)
{
	uint64_t now = session_now(), deadline = now + LAST_DRAIN_NS;

	/* No more than the ring holds can come now. */
	session->is_last_drain = true;
	/* Alarms of others come on and on in a storm: the end does not wait for their end. */
	while (!drain_once(session, now) && !session->output_error) {
		report_flush(session);
		if (session_now() < deadline)
			continue;
		/* A large ring, a busy machine: what is left is counted, which takes a fraction of the time. */
		tracer_drain_events(session->tracer, UINT32_MAX, take_unread, session);
		break;
	}
	records_finish_exits(session);
}
