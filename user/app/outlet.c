/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Lines on their way to their reader, who may be slow or have stopped: nothing
 * here waits for them before the end. What finds no room is counted.
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "daemon.h"
#include "log.h"
#include "session.h"
#include "units.h"

#define MIB		(1U << 20)
#define STALLED_NS	1000000000ULL
#define LOOK_NS		100000000ULL
#define FILE_BYTES	(256 * 1024)
#define CONGESTED_BYTES (16 * MIB)
#define READER_BYTES	(32 * 1024) /* half of what a pipe takes: it never runs dry while we write lines */

/* A flood of operations leaves room for refusals and processes, and these for findings and ends. */
static const size_t rooms[] = {[LINE_OP] = 32 * MIB, [LINE_STATE] = 36 * MIB, [LINE_NEWS] = 40 * MIB};

bool outlet_has_room(struct session *session, enum line_rank rank)
{
	if (session->watch)
		return outlet_has_room(session->watch, rank);
	if (session->output_error || session->recorder)
		return false; /* told already: nobody reads any more; of a recording nobody reads lines */
	if (session->is_last_drain || output_queued(&session->output) + session->buf.len < rooms[rank])
		return true;
	if (!session->ops_left_out && !session->lines_left_out)
		log_warn("output: %s is read too slowly, or not at all: lines are left out from here on, and counted",
			 session->output.name);
	if (rank == LINE_OP)
		session->ops_left_out++;
	else
		session->lines_left_out++;
	return false;
}

bool outlet_is_congested(const struct session *session)
{
	if (session->watch)
		return outlet_is_congested(session->watch);
	return !session->output_error && output_queued(&session->output) >= CONGESTED_BYTES;
}

bool outlet_is_due(const struct session *session)
{
	return session->buf.len >= (session->output.way == OUTPUT_WAITS ? FILE_BYTES : READER_BYTES);
}

static void output_failed(struct session *session, int error)
{
	session->output_error = -error;
	/* A reader that has read enough (| head) is no news. */
	if (error != -EPIPE)
		log_error("cannot write to %s: %s; what was written before is whole", session->output.name,
			  strerror(-error));
	/* A command goes on, and its end is still waited for. */
	if (session->loop && !session->child_running)
		loop_stop(session->loop);
}

static int push(void *arg);

/* After an attempt to write: the rest is for when the reader has made room. */
static int written(struct session *session, int error)
{
	if (!error && output_queued(&session->output) && session->loop)
		error = loop_await_writable(session->loop, session->output.fd, push, session);
	if (error)
		output_failed(session, error);
	return session->child_running ? 0 : error;
}

static int push(void *arg)
{
	struct session *session = arg;

	return session->output_error ? 0 : written(session, output_push(&session->output));
}

/* A gear's lines go with those of whom it is for. */
static int pass_on(struct session *session)
{
	buf_add(&session->watch->buf, session->buf.data, session->buf.len);
	buf_consume(&session->buf, session->buf.len);
	return report_flush(session->watch);
}

int report_flush(struct session *session)
{
	int error = 0;

	if (session->buf.failed) {
		session->memory_lost++; /* what did not fit is gone; what came before is whole */
		session->buf.failed = false;
	}
	if (session->options->profile && !session->is_profile_due)
		buf_consume(&session->buf, session->buf.len); /* a profile has no lines */
	record_flush(session);
	if (session->watch)
		return pass_on(session);
	if (session->buf.len && destinations_put(session))
		buf_consume(&session->buf, session->buf.len);
	if (!session->output_error && session->buf.len)
		error = written(session, output_put(&session->output, &session->buf));
	if (session->output_error)
		buf_consume(&session->buf, session->buf.len);
	return error;
}

/* ---- the end: what is still queued ---- */

struct handover {
	struct session *session;
	size_t left;	      /* bytes */
	uint64_t progress_ns; /* when the reader last took some */
	bool told;
};

static bool is_stalled(const struct handover *handover)
{
	return session_now() >= handover->progress_ns + STALLED_NS;
}

static void say_waiting(struct handover *handover)
{
	char size[UNITS_LEN];

	if (!handover->told)
		log_info("waiting for the reader of %s, who has %s to go; Ctrl-C gives up",
			 handover->session->output.name, units_bytes(handover->left, size, sizeof(size)));
	handover->told = true;
}

static int look(void *arg)
{
	struct handover *handover = arg;
	struct session *session = handover->session;
	size_t left = output_queued(&session->output);

	if (left < handover->left)
		handover->progress_ns = session_now();
	handover->left = left;
	if (!left || (is_stalled(handover) && session->hurried))
		loop_stop(session->loop);
	else if (is_stalled(handover))
		say_waiting(handover);
	return 0;
}

static int push_last(void *arg)
{
	struct handover *handover = arg;
	struct session *session = handover->session;
	int error = output_push(&session->output);

	if (!error && output_queued(&session->output))
		error = loop_await_writable(session->loop, session->output.fd, push_last, handover);
	if (error)
		output_failed(session, error);
	return error ? error : look(handover);
}

/* The first one asks for haste, the second for the end. */
static int take_signal(int number, bool from_process, void *arg)
{
	struct handover *handover = arg;
	struct session *session = handover->session;

	(void)number, (void)from_process;
	if (session->hurried)
		loop_stop(session->loop);
	session->hurried = true;
	return look(handover);
}

static int hand_over(struct handover *handover)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, 0};
	struct session *session = handover->session;
	int error;

	/* A loop with nothing of the tracer in it, which has gone. */
	loop_free(session->loop);
	session->loop = NULL;
	error = loop_new(&session->loop);
	if (!error)
		error = loop_add_signals(session->loop, signals, take_signal, handover);
	if (!error)
		error = loop_add_timer(session->loop, 0, LOOK_NS, look, handover);
	if (!error)
		error = push_last(handover);
	return error ? error : loop_run(session->loop);
}

void outlet_finish(struct session *session)
{
	struct handover handover = {.session = session, .progress_ns = session_now()};
	char size[UNITS_LEN];

	handover.left = output_queued(&session->output);
	if (!session->output_error && handover.left)
		hand_over(&handover);
	if (session->ops_left_out || session->lines_left_out)
		log_warn("output: %llu lines of operations and %llu others were left out: %s was read too slowly",
			 (unsigned long long)session->ops_left_out, (unsigned long long)session->lines_left_out,
			 session->output.name);
	if (session->output_error || !output_queued(&session->output))
		return;
	session->unwritten = true;
	log_error("%s was not read: the last %zu lines (%s) were not written", session->output.name,
		  output_queued_lines(&session->output),
		  units_bytes(output_queued(&session->output), size, sizeof(size)));
}
