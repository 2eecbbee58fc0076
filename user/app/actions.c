/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "actions.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "procfs.h"

#define RUNNING_MAX 16
#define FACTS_MAX   20
#define START_NS    20000000LL /* /proc knows a start to a clock tick */
#define NAME_LEN    64

struct running {
	pid_t pid; /* 0: nobody; its process group too */
	uint64_t deadline_ns;
	bool killed;
	char rule[NAME_LEN + 1];
};

/* When a rule's command was last run, by the rule's name: rules come and go with the configuration. */
struct last_run {
	char rule[NAME_LEN + 1];
	uint64_t ts_ns;
};

struct actions {
	struct running running[RUNNING_MAX];
	struct last_run last[RULES_MAX];
	unsigned int last_count;
	struct action_counts counts;
};

static uint64_t now_ns(void)
{
	return (uint64_t)clock_ns(CLOCK_MONOTONIC);
}

/* ---- the environment of a command ---- */

struct facts {
	char *at[FACTS_MAX + 1]; /* owned; NULL-terminated, as execve takes them */
	unsigned int count;
};

static void facts_free(struct facts *facts)
{
	for (unsigned int i = 0; i < facts->count; i++)
		free(facts->at[i]);
}

static void __attribute__((format(printf, 2, 3))) add_fact(struct facts *facts, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (facts->count < FACTS_MAX && vasprintf(&facts->at[facts->count], format, args) >= 0)
		facts->count++;
	va_end(args);
	facts->at[facts->count] = NULL;
}

static void add_site(struct facts *facts, const struct finding *finding)
{
	const struct frame *frame = finding->site_count ? site_culprit(finding->sites[0].site) : NULL;

	if (frame && frame->function)
		add_fact(facts, "MMAPTRACE_SITE=%s (%s:%u)", frame->function, frame->file ? frame->file : "?",
			 frame->line);
	if (finding->file_count)
		add_fact(facts, "MMAPTRACE_FILE=%s", finding->files[0].id.path);
}

static void make_facts(struct facts *facts, const struct rule *rule, const struct process *process,
		       const struct finding *finding)
{
	const char *path = getenv("PATH");

	add_fact(facts, "PATH=%s", path ? path : "/usr/sbin:/usr/bin:/sbin:/bin");
	add_fact(facts, "MMAPTRACE_RULE=%s", rule->name);
	add_fact(facts, "MMAPTRACE_PID=%u", process->key.pid);
	add_fact(facts, "MMAPTRACE_COMM=%s", process->comm);
	add_fact(facts, "MMAPTRACE_KIND=%s", finding_kind_name(finding->verdict.kind));
	add_fact(facts, "MMAPTRACE_SEVERITY=%s", severity_name(finding->verdict.severity));
	add_fact(facts, "MMAPTRACE_MAPS=%u", finding->map_count);
	add_fact(facts, "MMAPTRACE_LIMIT=%u", finding->limit);
	add_fact(facts, "MMAPTRACE_RATE=%g", finding->verdict.forecast.rate_per_s);
	add_fact(facts, "MMAPTRACE_ETA_S=%g", finding->verdict.forecast.eta_s);
	add_fact(facts, "MMAPTRACE_ADVICE=%s", finding->advice);
	if (process->cgroup)
		add_fact(facts, "MMAPTRACE_CGROUP=%s", process->cgroup);
	if (process->container_id)
		add_fact(facts, "MMAPTRACE_CONTAINER_ID=%s", process->container_id);
	add_site(facts, finding);
}

/* ---- commands ---- */

/* In a group of its own, with no files of ours but stderr, and signals as any program has them. */
static int spawn(char *const *argv, char *const *environment, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int error;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	error = posix_spawnp(ret_pid, argv[0], &files, &attr, argv, environment);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&files);
	return -error;
}

static struct last_run *last_of(struct actions *actions, const char *rule)
{
	struct last_run *last;

	for (unsigned int i = 0; i < actions->last_count; i++) {
		if (!strcmp(actions->last[i].rule, rule))
			return &actions->last[i];
	}
	/* So many names in a run's life are those of many configurations: the oldest makes room. */
	last = &actions->last[actions->last_count < RULES_MAX ? actions->last_count++ : 0];
	snprintf(last->rule, sizeof(last->rule), "%s", rule);
	last->ts_ns = 0;
	return last;
}

static struct running *free_slot(struct actions *actions)
{
	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		if (!actions->running[i].pid)
			return &actions->running[i];
	}
	return NULL;
}

static void run(struct actions *actions, const struct rule *rule, const struct process *process,
		const struct finding *finding)
{
	struct last_run *last = last_of(actions, rule->name);
	struct running *running = free_slot(actions);
	struct facts facts = {0};
	uint64_t now = now_ns();
	int error;

	if (!running || (last->ts_ns && now < last->ts_ns + rule->run_every_ns)) {
		actions->counts.skipped++;
		return;
	}
	make_facts(&facts, rule, process, finding);
	error = spawn(rule->run, facts.at, &running->pid);
	facts_free(&facts);
	last->ts_ns = now;
	if (error) {
		running->pid = 0;
		actions->counts.failures++;
		log_warn("rule %s: cannot run %s: %s", rule->name, rule->run[0], strerror(-error));
		return;
	}
	actions->counts.runs++;
	running->killed = false;
	running->deadline_ns = now + rule->run_timeout_ns;
	snprintf(running->rule, sizeof(running->rule), "%s", rule->name);
}

static void take_end(struct actions *actions, struct running *running, int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status)) {
		actions->counts.failures++;
		log_warn("rule %s: its command has failed with status %d", running->rule, WEXITSTATUS(status));
	} else if (WIFSIGNALED(status) && !running->killed) {
		actions->counts.failures++;
		log_warn("rule %s: its command was ended by signal %d", running->rule, WTERMSIG(status));
	}
	running->pid = 0;
}

void actions_tick(struct actions *actions)
{
	uint64_t now = now_ns();

	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		struct running *running = &actions->running[i];
		int status;

		if (!running->pid)
			continue;
		if (waitpid(running->pid, &status, WNOHANG) == running->pid) {
			take_end(actions, running, status);
			continue;
		}
		if (now < running->deadline_ns || running->killed)
			continue;
		kill(-running->pid, SIGKILL);
		running->killed = true;
		actions->counts.timeouts++;
		log_warn("rule %s: its command took too long: killed", running->rule);
	}
}

/* ---- signals ---- */

/* By a handle on the process, that is held against its start first: a pid may be another's by now. */
static int send_signal(const struct process *process, int number)
{
	int fd _cleanup_close_ = (int)syscall(SYS_pidfd_open, process->key.pid, 0), error;
	uint64_t start_ns;

	if (process->key.pid <= 1 || process->key.pid == (uint32_t)getpid())
		return -EPERM;
	if (fd < 0)
		return -errno;
	error = procfs_start_ns(process->key.pid, &start_ns);
	if (error)
		return error;
	if (llabs((long long)(start_ns - process->key.start_ns)) > START_NS)
		return -ESRCH;
	return syscall(SYS_pidfd_send_signal, fd, number, NULL, 0) ? -errno : 0;
}

static void signal_process(struct actions *actions, const struct rule *rule, const struct process *process, int number)
{
	int error = send_signal(process, number);

	if (error) {
		actions->counts.failures++;
		log_warn("rule %s: cannot send signal %d to %s[%u]: %s", rule->name, number, process->comm,
			 process->key.pid, strerror(-error));
		return;
	}
	actions->counts.signals++;
	log_info("rule %s: signal %d was sent to %s[%u]", rule->name, number, process->comm, process->key.pid);
}

/* ---- from outside ---- */

int actions_new(struct actions **ret_actions)
{
	*ret_actions = calloc(1, sizeof(**ret_actions));
	return *ret_actions ? 0 : -ENOMEM;
}

void actions_free(struct actions *actions)
{
	if (!actions)
		return;
	for (unsigned int i = 0; i < RUNNING_MAX; i++) {
		if (!actions->running[i].pid)
			continue;
		kill(-actions->running[i].pid, SIGKILL);
		waitpid(actions->running[i].pid, NULL, 0);
	}
	free(actions);
}

void actions_take(struct actions *actions, const struct rule *rule, struct process *process,
		  const struct finding *finding)
{
	uint32_t bit = 1U << finding->verdict.kind;

	if (!rule || finding->verdict.severity < rule->least || process->acted & bit)
		return;
	process->acted |= bit;
	if (rule->stop)
		signal_process(actions, rule, process, SIGSTOP);
	if (rule->run)
		run(actions, rule, process, finding);
	if (rule->signal)
		signal_process(actions, rule, process, rule->signal);
}

void actions_read(const struct actions *actions, struct action_counts *ret_counts)
{
	*ret_counts = actions->counts;
}
