/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bpf_log.h"
#include "cgroup.h"
#include "clock.h"
#include "daemon.h"

#define US_NS	      1000
#define LAST_NAMES_MS 3000 /* at the end names are waited for: lines, so long */

static uint64_t replayed_ns;

bool session_is_wide(const struct session *session)
{
	return session->options->command == COMMAND_TABLE || session->options->command == COMMAND_DAEMON;
}

uint64_t session_now(void)
{
	return replayed_ns ? replayed_ns : (uint64_t)clock_ns(CLOCK_BOOTTIME);
}

void session_set_now(uint64_t now_ns)
{
	replayed_ns = now_ns;
}

void session_place(const struct session *session, struct process *process)
{
	if (!session->cgroup)
		return;
	process->in_cgroup = cgroup_contains(session->cgroup, process->key.pid);
	process->placed = true;
}

bool session_wants(const struct session *session, struct process *process)
{
	struct view_filter filter = session->options->filter;

	if (!session_is_wide(session))
		return process->target;
	session_place(session, process);
	filter.failed_only = false; /* -x chooses rows, not what there is to say */
	return view_wants(&filter, process);
}

void session_signal_child(const struct session *session, int number)
{
	kill(session->child.pid, number);
	if (session->options->stop_at_percent)
		kill(session->child.pid, SIGCONT);
}

void session_finish_living(struct session *session)
{
	uint64_t now = session_now();
	struct process *process, *next;

	MODEL_EACH (&session->model, process, next) {
		if (!process->target)
			continue;
		session_gather_sites(session, process, GATHER_AT_LAST);
		profile_add(session, process);
		if (session->over_ns)
			report_exit(session, process, now); /* its own last word was lost */
		else
			report_process(session, process);
		if (!session->options->json)
			report_verdict(session, process, now);
	}
}

static void session_finish(struct session *session)
{
	if (!session_is_wide(session)) {
		/* What a walk finds, the next one books. */
		tracer_sweep(session->tracer);
		tracer_sweep(session->tracer);
		/* The last account of each is that of its last operation told. */
		tracer_finish(session->tracer);
		records_drain_all(session);
		session_sample(session);
	}
	records_drain_all(session);
	daemon_stop(session);
	stacks_settle(&session->stacks, session->options->profile ? PROFILE_NAMES_MS : LAST_NAMES_MS);
	record_living(session);
	session_finish_living(session);
	report_losses(session, true);
	report_end(session);
	profile_finish(session);
	session->is_seal_due = true;
	report_flush(session);
	/* Nobody is to be slowed down while a reader takes his time. */
	stacks_use(&session->stacks, NULL);
	tracer_free(session->tracer);
	session->tracer = NULL;
	outlet_finish(session);
}

void session_free(struct session *session)
{
	/* A command still waiting to be let go sees its pipe close, and ends; one that runs goes on. */
	if (session->child_running && session->child.go >= 0) {
		int status;

		close(session->child.go);
		waitpid(session->child.pid, &status, 0);
	}
	daemon_free(session);
	stacks_use(&session->stacks, NULL);
	tracer_free(session->tracer);
	stacks_close(&session->stacks);
	profile_close(session);
	record_close(session);
	loop_free(session->loop);
	model_free(&session->model);
	reading_free(&session->reading);
	for (unsigned int i = 0; i < RECENT_FINDINGS; i++)
		buf_free(&session->recent[i]);
	buf_free(&session->buf);
	exit_queue_free(&session->exits);
	line_cache_free(&session->line_cache);
	free(session->cgroup);
	output_close(&session->output);
}

void session_init(struct session *session, const struct options *options)
{
	struct utsname uts;

	memset(session, 0, sizeof(*session));
	session->options = options;
	session->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
	session->output.fd = -1;
	session->child_status = -1;
	uname(&uts);
	memcpy(session->host, uts.nodename, sizeof(session->host));
	memcpy(session->kernel, uts.release, sizeof(session->kernel));
	session->style.explains = options->verbose;
	session->style.line.host = session->host;
	session->style.line.cache = &session->line_cache;
	/* In whole microseconds: start times, part of a process's identity, come out the same in every run. */
	session->style.line.wall_offset_ns = (clock_ns(CLOCK_REALTIME) - clock_ns(CLOCK_BOOTTIME)) / US_NS * US_NS;
}

int session_exit_status(const struct session *session, int error)
{
	if (session->usage_error)
		return EXIT_USAGE;
	if (error && error != -EPIPE)
		return EXIT_ERROR;
	if (session->child_left || session->unwritten || (session->output_error && session->output_error != EPIPE))
		return EXIT_ERROR;
	return session->options->exit_code && session->serious_findings ? EXIT_FINDING : EXIT_FINE;
}

int session_run(const struct options *options, int argc, char **argv, int *ret_child_status)
{
	struct session session;
	int error, status;

	session_init(&session, options);
	bpf_log_install();
	signal(SIGCHLD, SIG_DFL); /* may have been inherited as ignored: no word of the command's end */
	error = session_start(&session, argc, argv);
	if (!error) {
		error = loop_run(session.loop);
		session_finish(&session);
	}
	status = session_exit_status(&session, error);
	session_free(&session);
	/* A command's success must not pass for that of a trace cut short, nor an end that it was told to come to. */
	*ret_child_status =
		status == EXIT_ERROR && (!session.child_status || session.child_told) ? -1 : session.child_status;
	return status;
}
