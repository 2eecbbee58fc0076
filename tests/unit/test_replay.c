/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every tests/replay/NAME.trace through model and judge, on the trace's own
 * clock: which findings of severity warning or above come, when, and whether
 * they are cleared; of a lesser one there may be any number. Lines of a trace, in order of time:
 *
 *   # what it is, and why it is expected to be judged so
 *   SECONDS PID MAPS OPENED CLOSED MAPPING [step]
 *       a process's account as a tick found it; or as an alarm brought it, at
 *       once, when a step of the limit was crossed. OPENED .. MAPPING: running
 *       sums. The first row of a process sets its baseline. At a tick every
 *       process is read, as the program does; its row may be left out if
 *       nothing has changed.
 *   born SECONDS PID        its first change, when that came before its first row
 *   exec PID                its next row is of a new image
 *   exit PID
 *   fail SECONDS PID        an operation was refused for want of maps
 *   limit MAPS              vm.max_map_count from here on (65530 until then)
 *   horizon SECONDS         (3600 until then)
 *   expect none
 *   expect KIND before SHARE [after SECONDS]
 *       raised while the process has less than this share of the limit
 *   noted KIND before SHARE [after SECONDS]
 *       the same, of severity info at least
 *   file PID                all that it maps is one file, as is found out when it is looked at
 *   allow KIND              no fault if raised
 *   cleared KIND            not open any more at the end
 *   held KIND               once raised, it stays: no word that it is over
 *
 * REPLAY_VERBOSE=1 shows what is raised and cleared when.
 */
#include "fake.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "account.h"
#include "cleanup.h"
#include "model.h"

#define PIDS_MAX   512
#define TRACES_MAX 128
#define LINE_LEN   256
#define NAME_LEN   64
#define BEGIN_S	   1000.0 /* boot clock at second 0 of a trace */

struct actor {
	uint32_t pid;
	bool exec, seen, is_file;
	struct mt_process account;
};

/* When it is to be raised, and when it was. */
struct raising {
	bool wanted, raised;
	double before_share, after_s;
	double raised_s, raised_share;
};

struct expectation {
	bool allowed, cleared, held;
	struct raising warned, noted;
	unsigned int open; /* processes */
};

struct replay {
	const char *path;
	unsigned int line;
	struct model model;
	struct actor actors[PIDS_MAX];
	unsigned int actor_count;
	double tick_s; /* of the tick under way; negative: none */
	bool judged;   /* the trace says what is expected */
	struct expectation expected[FINDING_KINDS];
};

#define replay_fail(replay, format, ...)                                                                               \
	fail_msg("%s:%u: " format, (replay)->path, (replay)->line __VA_OPT__(, ) __VA_ARGS__)

static uint64_t clock_ns(double seconds)
{
	return (uint64_t)llround((BEGIN_S + seconds) * 1e9);
}

static bool verbose(void)
{
	return getenv("REPLAY_VERBOSE") != NULL;
}

/* ---- findings against expectations ---- */

static void raising_note(struct raising *raising, double now_s, double share)
{
	if (raising->raised)
		return;
	raising->raised = true;
	raising->raised_s = now_s;
	raising->raised_share = share;
}

static void take_raised(struct replay *replay, const struct process *process, const struct verdict *verdict,
			double now_s)
{
	struct expectation *expected = &replay->expected[verdict->kind];
	double share = process_ratio(process, replay->model.thresholds.limit);

	if (verbose())
		print_message("%s: %8.3f s pid %u: %s %s at %.4f of the limit, eta %.1f s (%.1f to %.1f)\n",
			      replay->path, now_s, process->key.pid, finding_kind_name(verdict->kind),
			      severity_name(verdict->severity), share, verdict->forecast.eta_s,
			      verdict->forecast.eta_low_s, verdict->forecast.eta_high_s);
	raising_note(&expected->noted, now_s, share);
	if (verdict->severity < SEVERITY_WARNING)
		return;
	if (!expected->warned.wanted && !expected->allowed)
		replay_fail(replay, "%s of pid %u raised at %.3f s, %.4f of the limit: false alarm",
			    finding_kind_name(verdict->kind), process->key.pid, now_s, share);
	raising_note(&expected->warned, now_s, share);
}

static void take_cleared(struct replay *replay, const struct process *process, enum finding_kind kind, double now_s)
{
	struct expectation *expected = &replay->expected[kind];

	if (verbose())
		print_message("%s: %8.3f s pid %u: %s cleared\n", replay->path, now_s, process->key.pid,
			      finding_kind_name(kind));
	if (expected->held)
		replay_fail(replay, "%s taken back at %.3f s while it goes on", finding_kind_name(kind), now_s);
	expected->open--;
}

static void judge(struct replay *replay, struct process *process, double now_s)
{
	struct judgement judgements[FINDING_KINDS];

	model_judge(&replay->model, process, clock_ns(now_s), judgements);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		const struct judgement *judgement = &judgements[kind];

		replay->expected[kind].open += judgement->change == CHANGE_RAISED;
		if (judgement->change == CHANGE_CLEARED)
			take_cleared(replay, process, kind, now_s);
		else if (judgement->change != CHANGE_NONE)
			take_raised(replay, process, &judgement->verdict, now_s);
	}
}

static void check_raising(struct replay *replay, const char *name, const struct raising *raising)
{
	if (!raising->wanted)
		return;
	if (!raising->raised)
		replay_fail(replay, "%s never raised", name);
	if (raising->raised_share >= raising->before_share)
		replay_fail(replay, "%s raised at %.4f of the limit (%.3f s): too late", name, raising->raised_share,
			    raising->raised_s);
	if (raising->raised_s < raising->after_s)
		replay_fail(replay, "%s raised at %.3f s: too early", name, raising->raised_s);
}

static void check_kind(struct replay *replay, enum finding_kind kind)
{
	const struct expectation *expected = &replay->expected[kind];
	const char *name = finding_kind_name(kind);

	check_raising(replay, name, &expected->warned);
	check_raising(replay, name, &expected->noted);
	if (expected->cleared && expected->open)
		replay_fail(replay, "%s still open at the end", name);
}

/* ---- the clock ---- */

static struct actor *actor_of(struct replay *replay, uint32_t pid)
{
	struct actor *actor;

	for (unsigned int i = 0; i < replay->actor_count; i++) {
		if (replay->actors[i].pid == pid)
			return &replay->actors[i];
	}
	if (replay->actor_count == PIDS_MAX)
		replay_fail(replay, "more than %d processes", PIDS_MAX);
	actor = &replay->actors[replay->actor_count++];
	memset(actor, 0, sizeof(*actor));
	actor->pid = pid;
	return actor;
}

static struct process *process_of(struct replay *replay, const struct actor *actor)
{
	struct process *process = model_find(&replay->model, actor->pid, actor->account.start_ns);

	if (!process)
		replay_fail(replay, "process %u has no row yet", actor->pid);
	return process;
}

/* What looking at its files finds. */
static void file_set(struct process *process)
{
	static const struct file_id id = {.kind = FILE_SHM, .inode = 5, .path = "/dev/shm/frames"};
	struct file_use *use = file_table_get(&process->files, &id);

	assert_non_null(use);
	use->maps = (int64_t)(process->account.opened - process->account.closed);
}

/* As session_sample does: every account read, then every process judged that has news. */
static void tick_end(struct replay *replay)
{
	double now_s = replay->tick_s;

	if (now_s < 0)
		return;
	replay->tick_s = -1;
	for (unsigned int i = 0; i < replay->actor_count; i++) {
		if (replay->actors[i].seen)
			assert_non_null(model_update(&replay->model, &replay->actors[i].account, clock_ns(now_s)));
	}
	replay->model.last_tick_ns = clock_ns(now_s);
	for (unsigned int i = 0; i < replay->actor_count; i++) {
		struct process *process;

		if (!replay->actors[i].seen)
			continue;
		process = process_of(replay, &replay->actors[i]);
		if (replay->actors[i].is_file)
			file_set(process);
		if (model_needs_judgement(process))
			judge(replay, process, now_s);
	}
}

/* ---- lines ---- */

struct row {
	double seconds;
	uint32_t pid, map_count;
	uint64_t opened, closed;
	int64_t mapping;
	bool step;
};

static void account_begin(struct actor *actor, const struct row *row)
{
	uint64_t born_ns = actor->account.first_change_ns;

	actor->account = fake_account(actor->pid, (uint32_t)(row->map_count - row->opened + row->closed));
	actor->account.start_ns = clock_ns(0) - SECOND + actor->pid;
	actor->account.first_change_ns = actor->account.last_change_ns = born_ns;
	actor->seen = true;
}

/* Pages of 16 a map; splits add none, and merges are what closes first. */
static void account_size(struct mt_process *account, const struct row *row)
{
	int64_t split = (int64_t)row->opened - row->mapping;
	int64_t unmapped = (int64_t)row->closed > split ? (int64_t)row->closed - split : 0;
	int64_t maps = account->baseline + row->mapping - unmapped;

	account->total_vm_pages = maps > 0 ? (uint64_t)maps * 16 : 0;
	if (account->peak_vm_pages < account->total_vm_pages)
		account->peak_vm_pages = account->total_vm_pages;
}

static void account_take(struct replay *replay, struct actor *actor, const struct row *row)
{
	struct mt_process *account = &actor->account;
	bool changed = row->opened != account->opened || row->closed != account->closed;

	account->map_count = row->map_count;
	account->opened = row->opened;
	account->closed = row->closed;
	account->tallies[MT_OP_MMAP].delta = row->mapping;
	account->tallies[MT_OP_MUNMAP].delta = (int64_t)(row->opened - row->closed) - row->mapping;
	if (actor->exec) {
		account->execs++;
		account->peak_vm_pages = 0;
		actor->exec = false;
	}
	account_size(account, row);
	if (account->map_count > account->high_water)
		account->high_water = account->map_count;
	if (changed && !account->first_change_ns)
		account->first_change_ns = clock_ns(row->seconds);
	if (changed)
		account->last_change_ns = clock_ns(row->seconds);
	if (!account_is_whole(account))
		replay_fail(replay, "baseline + opened - closed is not the map count");
}

static void take_row(struct replay *replay, const struct row *row)
{
	struct actor *actor = actor_of(replay, row->pid);

	if (row->step || row->seconds != replay->tick_s)
		tick_end(replay);
	if (!actor->seen && row->opened && !actor->account.first_change_ns)
		replay_fail(replay, "process %u has changed before its first row: when was it born?", row->pid);
	if (!actor->seen)
		account_begin(actor, row);
	account_take(replay, actor, row);
	if (row->step) {
		struct process *process = model_update(&replay->model, &actor->account, clock_ns(row->seconds));

		assert_non_null(process);
		judge(replay, process, row->seconds);
		return;
	}
	replay->tick_s = row->seconds;
}

static enum finding_kind kind_of(struct replay *replay, const char *name)
{
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		if (!strcmp(finding_kind_name(kind), name))
			return kind;
	}
	replay_fail(replay, "no such kind of finding: %s", name);
	return FINDING_KINDS;
}

static bool take_expectation(struct replay *replay, const char *line)
{
	struct raising *raising;
	double before_share, after_s = 0;
	char verb[16], kind[16];

	if (!strcmp(line, "expect none")) {
		replay->judged = true;
		return true;
	}
	if (sscanf(line, "%15s %15s before %lf after %lf", verb, kind, &before_share, &after_s) >= 3) {
		bool is_note = !strcmp(verb, "noted");

		if (!is_note && strcmp(verb, "expect") != 0)
			return false;
		raising = is_note ? &replay->expected[kind_of(replay, kind)].noted
				  : &replay->expected[kind_of(replay, kind)].warned;
		raising->wanted = replay->judged = true;
		raising->before_share = before_share;
		raising->after_s = after_s;
		return true;
	}
	if (sscanf(line, "allow %15s", kind) == 1) {
		replay->expected[kind_of(replay, kind)].allowed = replay->judged = true;
		return true;
	}
	if (sscanf(line, "cleared %15s", kind) == 1) {
		replay->expected[kind_of(replay, kind)].cleared = true;
		return true;
	}
	if (sscanf(line, "held %15s", kind) == 1) {
		replay->expected[kind_of(replay, kind)].held = true;
		return true;
	}
	return false;
}

static void actor_exit(struct replay *replay, struct actor *actor)
{
	tick_end(replay);
	model_remove(&replay->model, process_of(replay, actor));
	*actor = replay->actors[--replay->actor_count];
}

static bool take_directive(struct replay *replay, const char *line)
{
	uint32_t number;
	double seconds;

	if (sscanf(line, "limit %u", &number) == 1) {
		tick_end(replay);
		replay->model.thresholds.limit = number;
	} else if (sscanf(line, "horizon %lf", &seconds) == 1) {
		replay->model.thresholds.horizon_s = seconds;
	} else if (sscanf(line, "born %lf %u", &seconds, &number) == 2) {
		actor_of(replay, number)->account.first_change_ns = clock_ns(seconds);
	} else if (sscanf(line, "exec %u", &number) == 1) {
		tick_end(replay);
		actor_of(replay, number)->exec = true;
	} else if (sscanf(line, "file %u", &number) == 1) {
		actor_of(replay, number)->is_file = true;
	} else if (sscanf(line, "exit %u", &number) == 1) {
		actor_exit(replay, actor_of(replay, number));
	} else if (sscanf(line, "fail %lf %u", &seconds, &number) == 2) {
		struct process *process;

		tick_end(replay);
		process = process_of(replay, actor_of(replay, number));
		process->last_fail_ns = clock_ns(seconds);
		judge(replay, process, seconds);
	} else {
		return take_expectation(replay, line);
	}
	return true;
}

static void take_line(struct replay *replay, char *line)
{
	struct row row = {0};
	char word[8] = "";
	int fields;

	line[strcspn(line, "\n")] = '\0';
	if (!*line || *line == '#')
		return;
	if (!isdigit((unsigned char)*line)) {
		if (!take_directive(replay, line))
			replay_fail(replay, "not understood: %s", line);
		return;
	}
	fields = sscanf(line, "%lf %u %u %lu %lu %ld %7s", &row.seconds, &row.pid, &row.map_count, &row.opened,
			&row.closed, &row.mapping, word);
	row.step = !strcmp(word, "step");
	if (fields < 6 || (fields == 7 && !row.step))
		replay_fail(replay, "not understood: %s", line);
	take_row(replay, &row);
}

static int replay_begin(void **state)
{
	struct replay *replay = calloc(1, sizeof(*replay));

	if (!replay)
		return -1;
	replay->path = *state;
	replay->tick_s = -1;
	thresholds_default(&replay->model.thresholds, LIMIT);
	*state = replay;
	return 0;
}

static int replay_end(void **state)
{
	struct replay *replay = *state;

	model_free(&replay->model);
	free(replay);
	return 0;
}

static void replay_trace(void **state)
{
	struct replay *replay = *state;
	char line[LINE_LEN];
	FILE *file = fopen(replay->path, "r");

	if (!file)
		replay_fail(replay, "cannot be opened");
	while (fgets(line, sizeof(line), file)) {
		replay->line++;
		take_line(replay, line);
	}
	fclose(file);
	tick_end(replay);
	if (!replay->judged)
		replay_fail(replay, "says nothing about what is expected");
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++)
		check_kind(replay, kind);
}

/* tests/replay/jvm_start.trace -> jvm_start */
static void name_of(const char *path, char *name)
{
	const char *slash = strrchr(path, '/');

	snprintf(name, NAME_LEN, "%s", slash ? slash + 1 : path);
	name[strcspn(name, ".")] = '\0';
}

/* Traces named on the command line, or all there are (from the top of the tree). */
int main(int argc, char **argv)
{
	static struct CMUnitTest tests[TRACES_MAX];
	static char names[TRACES_MAX][NAME_LEN];
	glob_t found = {0};
	char **paths = argv + 1;
	size_t count = (size_t)argc - 1;
	int failed;

	if (!count) {
		if (glob("tests/replay/*.trace", 0, NULL, &found)) {
			fprintf(stderr, "no tests/replay/*.trace here\n");
			return 1;
		}
		paths = found.gl_pathv;
		count = found.gl_pathc;
	}
	for (size_t i = 0; i < count && i < TRACES_MAX; i++) {
		name_of(paths[i], names[i]);
		tests[i] = (struct CMUnitTest){names[i], replay_trace, replay_begin, replay_end, paths[i]};
	}
	failed = _cmocka_run_group_tests("replay", tests, count < TRACES_MAX ? count : TRACES_MAX, NULL, NULL);
	globfree(&found);
	return failed;
}
