/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "procfs.h"
#include "session.h"

#define LAST_WORD_NS 500000000ULL

struct process *session_take_account(struct session *session, const struct mt_process *account, uint64_t ts_ns)
{
	struct process *process = model_update(&session->model, account, ts_ns);

	record_account(session, account, ts_ns);
	if (!process)
		return NULL;
	process->turn = session->model.turn;
	if (session->recorder || session->answers)
		source_identify(session, process); /* a replay may show more of them than we do */
	return process;
}

static void take_account(const struct mt_process *account, void *arg)
{
	session_take_account(arg, account, session_now());
}

void session_take_missing(struct session *session, struct process *process)
{
	record_process(session, ENTRY_GONE, process);
	process->ended = true;
	if (session_wants(session, process) && process->shown)
		report_exit(session, process, session_now());
	daemon_count_end(session, &process->account);
	model_remove(&session->model, process);
}

/*
 * A process the kernel has not listed twice has ended; the record of it was lost.
 * (Once may be an account on its way to another mm while the table was read.)
 */
static void forget_missing(struct session *session)
{
	struct process *process, *next;

	MODEL_EACH (&session->model, process, next) {
		if (process->turn == session->model.turn)
			continue;
		if (process->turn + 1 == session->model.turn || process->seen_ns > session->model.last_tick_ns) {
			reading_ask_again(&session->reading);
			continue;
		}
		session_take_missing(session, process);
	}
}

static int read_all(struct session *session)
{
	int count;

	session->model.turn++;
	count = tracer_read_all(session->tracer, take_account, session);
	log_debug("accounts read: all %d", count);
	if (count < 0) {
		reading_ask_again(&session->reading);
		return count;
	}
	records_drain(session); /* who has ended meanwhile is not missing */
	forget_missing(session);
	return 0;
}

static void take_note(uint64_t mm, void *arg)
{
	struct session *session = arg;

	reading_note(&session->reading, mm);
}

/* What only a reading of all accounts makes good: notes, and records of ends, that were lost. */
static uint64_t all_missed(const struct session *session, uint64_t notes_missed)
{
	return notes_missed + session->loss_shown[MT_LOSS_LIFE_RECORDS] + session->loss_shown[LOSS_MISSED_RUNS];
}

static int read_changed(struct session *session)
{
	struct reading *reading = &session->reading;
	uint64_t missed = all_missed(session, tracer_tick(session->tracer));
	struct mt_process account;
	const uint64_t *mms;
	unsigned int count, known = 0;
	int error;

	if (missed != reading->missed)
		log_debug("notes or ends missed: %llu in all", (unsigned long long)missed);
	reading_begin(reading, missed);
	error = tracer_take_notes(session->tracer, take_note, session);
	if (error) {
		log_debug("cannot take the notes of what has changed: %s; reading all accounts", strerror(-error));
		reading_ask_all(reading);
	}
	if (reading_is_all(reading))
		return read_all(session);
	mms = reading_due(reading, &count);
	for (unsigned int i = 0; i < count; i++) {
		if (tracer_read(session->tracer, mms[i], &account))
			continue; /* it has ended, or has moved, and is noted where it is now */
		take_account(&account, session);
		known++;
	}
	log_debug("accounts read: %u changed of %u", known, HASH_COUNT(session->model.processes));
	return 0;
}

/* The account of a process, wherever it is: an exec whose record was lost has moved it. */
static bool read_target(struct session *session, const struct process *process, struct mt_process *ret_account)
{
	uint64_t mm = process->account.mm;
	int error = tracer_read(session->tracer, mm, ret_account);

	if (error || ret_account->tgid != process->key.pid)
		error = tracer_mm_of(session->tracer, process->key.pid, &mm);
	if (!error && mm != process->account.mm)
		error = tracer_read(session->tracer, mm, ret_account);
	return !error && ret_account->tgid == process->key.pid && ret_account->start_ns == process->key.start_ns;
}

static void sample_targets(struct session *session)
{
	struct process *process, *next;
	struct mt_process account;

	MODEL_EACH (&session->model, process, next) {
		if (process->ended || !process->target)
			continue;
		if (read_target(session, process, &account))
			session_take_account(session, &account, session_now());
	}
}

static void limit_refresh(struct session *session)
{
	const struct options *options = session->options;
	uint32_t limit;

	if (procfs_read_limit(&limit) || limit == session->real_limit)
		return;
	session->real_limit = limit;
	if (!options->limit) {
		if (!session->watch)
			log_info("vm.max_map_count is now %u, was %u", limit, session->limit);
		session->limit = session->model.thresholds.limit = limit;
	}
	tracer_set_limit(session->tracer, session->limit,
			 (uint32_t)((uint64_t)session->limit * options->stop_at_percent / 100), limit);
	record_moment(session, ENTRY_LIMIT, session_now());
}

void session_judge(struct session *session, uint64_t ts_ns)
{
	struct process *process, *next;

	record_moment(session, ENTRY_TICK, ts_ns);
	session->model.last_tick_ns = ts_ns;
	LIVELY_EACH(&session->model, process, next)
	{
		model_hold(&session->model, process);
		if (session_wants(session, process))
			report_judgement(session, process, ts_ns);
		else
			model_calm(&session->model, process);
	}
}

int session_sample(struct session *session)
{
	int error;

	limit_refresh(session);
	error = tracer_sweep(session->tracer);
	if (error)
		return error;
	if (session_is_wide(session))
		error = read_changed(session);
	else
		sample_targets(session);
	session_judge(session, session_now());
	return error;
}

static bool has_unfinished_target(struct session *session)
{
	struct process *process, *next;

	MODEL_EACH (&session->model, process, next) {
		if (process->target)
			return true;
	}
	return false;
}

/*
 * All whom we follow have ended, and so has the command. The last word of each
 * follows within milliseconds; one that was lost is not waited for for long.
 */
static bool is_over(struct session *session)
{
	uint64_t now = session_now();

	if (session_is_wide(session) || session->child_running || tracer_has_targets(session->tracer)) {
		session->over_ns = 0;
		return false;
	}
	if (!session->over_ns)
		session->over_ns = now;
	if (!has_unfinished_target(session))
		return true;
	/* Nobody makes operations any more: those still unread come to an end, and so does the wait. */
	if (session->behind)
		session->over_ns = now;
	return now > session->over_ns + LAST_WORD_NS;
}

int tick_drain(void *arg)
{
	struct session *session = arg;
	int error = records_drain(session);

	if (!error && is_over(session))
		loop_stop(session->loop);
	return error;
}

int tick_sample(void *arg)
{
	struct session *session = arg;
	int error;

	records_drain(session);
	session_clear_ledger(session);
	stacks_read(&session->stacks); /* one that hangs says nothing */
	session_watch_stacks(session);
	error = session_sample(session);
	if (error)
		log_warn("cannot read the table of processes: %s", strerror(-error));
	daemon_tick(session);
	report_flush(session);
	return 0;
}

int tick_render(void *arg)
{
	struct session *session = arg;
	struct process *process, *next;

	report_losses(session, false);
	if (session_is_wide(session)) {
		report_table(session);
	} else {
		MODEL_EACH (&session->model, process, next) {
			if (process->target && !process->ended)
				report_process(session, process);
		}
	}
	report_flush(session);
	return 0;
}

int tick_deadline(void *arg)
{
	struct session *session = arg;

	session->hurried |= !isatty(STDERR_FILENO); /* else somebody is there to end the wait for a reader */
	/* A command is told to end; one that has not when the time has passed once more is left behind, an error. */
	if (session->child_running && !session->child_told) {
		session->child_told = true;
		session_signal_child(session, SIGTERM);
	} else {
		session->child_left = session->child_running;
		if (session->child_left)
			log_warn("the command has not ended on SIGTERM: pid %d is left behind", session->child.pid);
		loop_stop(session->loop);
	}
	return 0;
}
