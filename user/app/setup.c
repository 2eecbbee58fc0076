/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From options to a running tracer, step by step; each says in one line what is wrong. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cgroup.h"
#include "check.h"
#include "cleanup.h"
#include "daemon.h"
#include "log.h"
#include "probe.h"
#include "procfs.h"
#include "session.h"
#include "style.h"

#define MS_NS		 1000000ULL
#define SAMPLE_ALL_NS	 (1000 * MS_NS)
#define SAMPLE_STREAM_NS (250 * MS_NS)
#define DRAIN_NS	 (100 * MS_NS) /* records wait this long at most; alarms never */
#define NOTES_MIN	 64
#define TABLE_RING_PAGES 16 /* some 80 execs at a time */

static int check_cgroup(struct session *session)
{
	const char *text = session->options->cgroup;
	int error = text ? cgroup_path_parse(text, &session->cgroup) : 0;

	if (error)
		log_error("-c %s: %s", text, strerror(-error));
	return error;
}

static int make_plan(struct session *session)
{
	const struct options *options = session->options;
	struct plan_want want = {
		.hooks = options->hooks,
		/* The table shows map counts: it costs nothing but the witness. */
		.operations = !session_is_wide(session),
		.stop = options->stop_at_percent > 0,
	};
	int error = probe_mount_tracefs();

	if (error == 1)
		log_debug("tracefs was not mounted: mounted it at /sys/kernel/tracing");
	probe_features(&session->features);
	error = plan_make(&session->features, &want, &session->plan);
	if (error) {
		log_error("%s", session->plan.why_not);
		return error;
	}
	session->style.no_results = !session->plan.calls;
	plan_text(&session->plan, session->plan_text, sizeof(session->plan_text));
	log_debug("plan: %s; limit %u maps", session->plan_text, session->limit);
	if (want.operations && !session->plan.calls && !options->hooks)
		log_warn("no hooks for calls ('mmaptrace doctor' tells why): results and failures of calls are not "
			 "seen");
	return 0;
}

static int open_output(struct session *session)
{
	const struct options *options = session->options;
	bool terminal;
	int error = output_open(options->output, options->profile != PROFILE_NONE || options->record, &session->output);

	if (error)
		return error;
	output_never_wait(&session->output);
	terminal = style_of_output(&session->output, &session->style);
	session->style.redraw = terminal && session_is_wide(session) && !options->json;
	session->style.wall_clock = options->timestamps;
	return 0;
}

static int read_limit(struct session *session)
{
	int error = procfs_read_limit(&session->real_limit);

	if (error) {
		log_error("cannot read /proc/sys/vm/max_map_count: %s", strerror(-error));
		return error;
	}
	session->limit = session->options->limit ? session->options->limit : session->real_limit;
	thresholds_default(&session->model.thresholds, session->limit);
	session->model.thresholds.horizon_s = (double)session->options->horizon_ns / 1e9;
	return 0;
}

static int start_child(struct session *session)
{
	char *path _cleanup_free_ = NULL;
	int error;

	if (session->options->command != COMMAND_RUN)
		return 0;
	path = child_find(session->options->argv[0]);
	if (!path) {
		error = errno;
		log_error("cannot run '%s': %s", session->options->argv[0], strerror(error));
		session->child_status = (error == ENOENT ? CHILD_NOT_FOUND : CHILD_NOT_RUN) << 8;
		return -error;
	}
	error = child_start(path, session->options->argv, &session->child);
	if (error)
		log_error("cannot start '%s': %s", path, strerror(-error));
	session->child_running = !error;
	return error;
}

static int add_target(struct session *session, uint32_t pid, uint32_t flags)
{
	int error = tracer_target_add(session->tracer, pid, flags);

	if (error)
		log_error("cannot follow pid %u: %s%s", pid, strerror(-error),
			  error == -E2BIG ? "; raise --max-procs" : "");
	return error;
}

static int add_targets(struct session *session)
{
	const struct options *options = session->options;
	int error = 0;

	for (size_t i = 0; i < options->pid_count && !error; i++)
		error = add_target(session, options->pids[i], 0);
	if (session->child_running && !error)
		error = add_target(session, (uint32_t)session->child.pid, MT_TARGET_FOLLOW | MT_TARGET_PENDING);
	return error;
}

/* The account a target's maps are booked in: its own, or that of the process whose mm it shares. */
static int adopt_target(struct session *session, uint32_t pid)
{
	struct mt_process account;
	struct process *process;
	uint64_t mm;
	int error = tracer_mm_of(session->tracer, pid, &mm);

	if (!error)
		error = tracer_read(session->tracer, mm, &account);
	if (error) {
		log_error("-p %u: the kernel's table has no such process: it has just ended, --max-procs (%u) is too "
			  "small, or it is outside of this container, whose processes alone are listed",
			  pid, session->options->max_processes);
		return -ESRCH;
	}
	if (account.tgid != pid) {
		log_warn("-p %u: shares its address space with process %u; its maps are shown as that one's", pid,
			 account.tgid);
		add_target(session, account.tgid, 0);
	}
	process = session_take_account(session, &account, session_now());
	if (!process)
		return -ENOMEM;
	record_process(session, ENTRY_TARGET, process);
	process->target = true;
	/* By its exact start, as the kernel tells it with each of its stacks: /proc, asked before, has ticks of 10 ms.
	 */
	stacks_look_at(&session->stacks, process->key.pid, process->key.start_ns);
	report_process(session, process);
	return 0;
}

/* Where more than an eighth of all has changed, reading all of them in batches costs no more. */
static int start_reading(struct session *session)
{
	uint32_t room = session->options->max_processes / 8;

	if (!session_is_wide(session))
		return 0;
	return reading_init(&session->reading, room > NOTES_MIN ? room : NOTES_MIN);
}

static int start_tracer(struct session *session)
{
	const struct options *options = session->options;
	bool table = session_is_wide(session);
	struct tracer_options tracer_options = {
		.plan = session->plan,
		.limit = session->limit,
		.real_limit = session->real_limit,
		.stop_at = (uint32_t)((uint64_t)session->limit * options->stop_at_percent / 100),
		/* The table streams nothing but lives, and a ring is resident twice its size. */
		.ring_bytes = table ? TABLE_RING_PAGES * session->page_size : options->ring_bytes,
		.max_processes = options->max_processes,
		.notes = table ? session->reading.room : 0,
		.stop_all = table,
		.stop_comm = options->filter.comm,
		.operations = !table,
	};
	int error;

	session->ring_bytes = tracer_options.ring_bytes;
	session_size_stacks(session, &tracer_options);
	error = tracer_open(&tracer_options, &session->tracer);
	if (!error)
		session_warm_up(session);
	if (!error)
		error = add_targets(session);
	if (!error)
		daemon_adopt(session);
	if (!error)
		error = tracer_attach(session->tracer, &tracer_options);
	return error;
}

/* A command may have ended without a word: whoever started us had SIGCHLD ignored, and it was reaped. */
static void reap_child(struct session *session)
{
	pid_t pid = waitpid(session->child.pid, &session->child_status, WNOHANG);

	if (pid > 0 || (pid < 0 && errno == ECHILD))
		session->child_running = false;
}

static int take_signal(int number, bool from_process, void *arg)
{
	struct session *session = arg;

	if (daemon_take_signal(session, number))
		return 0;
	/* Signals come in the order of their numbers: one that is to end us goes before the news of the command's end.
	 */
	if (session->child_running)
		reap_child(session);
	if (number == SIGCHLD)
		return tick_drain(session);
	session->hurried |= from_process;
	/* What the terminal sends has reached the command already. */
	if (session->child_running && from_process)
		session_signal_child(session, number);
	if (!session->child_running)
		loop_stop(session->loop);
	return 0;
}

static int watch_targets(struct session *session)
{
	const struct options *options = session->options;
	int error = 0;

	for (size_t i = 0; i < options->pid_count && !error; i++) {
		int fd = (int)syscall(SYS_pidfd_open, options->pids[i], 0);

		/* Not needed to see the end of a target, only to see it at once. */
		if (fd >= 0)
			error = loop_add_once(session->loop, fd, tick_drain, session);
		if (error == -ENOSPC)
			return 0;
	}
	return error;
}

/* A daemon's lines of processes are rarer than its looks at them. */
static uint64_t render_ns(const struct options *options)
{
	return options->command == COMMAND_DAEMON ? options->daemon.report_ns : options->interval_ns;
}

static int build_loop(struct session *session)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGCHLD, 0};
	static const int of_daemon[] = {SIGUSR1, 0};
	const struct options *options = session->options;
	bool stream = !session_is_wide(session);
	uint64_t sample_ns = stream ? SAMPLE_STREAM_NS : SAMPLE_ALL_NS;
	struct loop *loop = session->loop;
	int error = loop_add(loop, tracer_alarms_fd(session->tracer), records_drain, session);

	if (options->interval_ns < sample_ns)
		sample_ns = options->interval_ns;
	session->model.tick_ns = sample_ns;
	if (!error)
		error = loop_add(loop, tracer_events_fd(session->tracer), records_drain, session);
	if (!error)
		error = loop_add_signals(loop, signals, take_signal, session);
	if (!error && session->daemon)
		error = loop_add_signals(loop, of_daemon, take_signal, session);
	/* For the table, ends can wait for its tick; a ring that fills wakes us. */
	if (!error && stream)
		error = loop_add_timer(loop, 0, DRAIN_NS, tick_drain, session);
	if (!error)
		error = loop_add_timer(loop, 0, sample_ns, tick_sample, session);
	if (!error)
		error = loop_add_timer(loop, 0, render_ns(options), tick_render, session);
	if (!error && options->duration_ns)
		error = loop_add_timer(loop, 0, options->duration_ns, tick_deadline, session);
	if (!error && stream)
		error = watch_targets(session);
	if (!error)
		error = session_watch_stacks(session);
	if (error)
		log_error("cannot set up the event loop: %s", strerror(-error));
	return error;
}

static int first_look(struct session *session)
{
	const struct options *options = session->options;
	int error = tracer_seed(session->tracer);

	if (error) {
		log_error("cannot list the processes that live already: %s", strerror(-error));
		return error;
	}
	for (size_t i = 0; i < options->pid_count && !error; i++)
		error = adopt_target(session, options->pids[i]);
	if (!error && session_is_wide(session)) {
		error = session_sample(session);
		if (!error)
			error = daemon_start(session);
		tick_render(session);
	}
	return error;
}

static int run_child(struct session *session)
{
	int error = session->child_running ? child_go(&session->child) : 0;

	if (!error)
		return 0;
	log_error("cannot run '%s': %s", session->options->argv[0], strerror(-error));
	/* It tells by its exit status as well: not found, or not to be run. */
	if (waitpid(session->child.pid, &session->child_status, 0) > 0)
		session->child_running = false;
	return error;
}

int session_start(struct session *session, int argc, char **argv)
{
	int error = check_combination(session->options);

	session->argc = argc;
	session->argv = argv;

	if (error) {
		session->usage_error = true;
		return error;
	}
	error = check_targets(session->options);
	if (!error)
		error = check_cgroup(session);
	if (!error)
		error = read_limit(session);
	if (!error)
		error = open_output(session);
	if (!error && session->options->command == COMMAND_DAEMON)
		error = daemon_open(session);
	if (!error)
		error = make_plan(session);
	if (!error && session->daemon)
		error = daemon_confine(session);
	if (!error && session->daemon)
		error = destinations_open(session);
	if (!error)
		error = loop_new(&session->loop);
	if (!error)
		error = session_start_stacks(session);
	if (!error)
		error = record_open(session);
	if (!error)
		error = start_child(session);
	if (!error)
		error = start_reading(session);
	if (!error)
		error = start_tracer(session);
	if (!error)
		error = build_loop(session);
	if (error)
		return error;
	session->start_ns = session->style.start_ns = session_now();
	record_header(session, argc, argv);
	report_start(session, argc, argv);
	error = first_look(session);
	log_debug("attached: what happens from here on is seen");
	if (!error)
		error = report_flush(session);
	if (session->output_error && session->child_running)
		error = 0; /* the command was asked for, with or without a reader */
	return error ? error : run_child(session);
}
