/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * JSON lines of type `process`, as mmaptrace writes them or as a collector of logs has kept them: ts, pid, comm,
 * map_count, limit, opened, closed; start_time, host, cgroup, mmap_calls, munmap_calls and credits if they are there.
 * Each host's lines are in order of time; those of many may be mixed.
 */
#define HASH_NONFATAL_OOM 1
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "cleanup.h"
#include "log.h"
#include "op.h"
#include "parse.h"
#include "replay.h"
#include "units.h"

#define HOST_LEN  64
#define ROUND_NS  200000000ULL /* lines of one reading follow one another closer than this */
#define BAD_SHOWN 3

/* What was read of one process besides what the model keeps. */
struct origin {
	struct process_key key;
	uint64_t opened, closed;	   /* of its first line */
	uint64_t last_opened, last_closed; /* of its last */
	uint64_t first_change_ns, last_change_ns;
	uint32_t last_count, baseline;
	bool has_credits;
	int64_t credits[MT_OP_MAX]; /* of its first line that has any */
	UT_hash_handle hh;
};

/* A pid whose lines bear no start time: each time its counters begin again it is another process. */
struct incarnation {
	uint32_t pid;
	uint64_t start_ns;
	UT_hash_handle hh;
};

struct host {
	char name[HOST_LEN + 1];
	struct model model;
	struct origin *origins;		  /* uthash, owned */
	struct incarnation *incarnations; /* uthash, owned */
	uint32_t limit;
	uint64_t round_ns, last_ns; /* unix time of this reading's first line, and of the last line */
	uint64_t shown_ns;	    /* when process lines were last written */
	UT_hash_handle hh;
};

struct lines {
	struct session *session;
	const char *name;
	struct host *hosts; /* uthash, owned */
	struct host *host;  /* whose model is the session's at the moment; NULL: none's */
	struct buf path;
	uint64_t number; /* of the line at hand, from 1 */
	uint64_t taken, bad, late, others;
	bool begun;
};

struct reading_line {
	const char *comm, *cgroup; /* borrowed; NULL: not there */
	uint64_t ts_ns, start_ns;
	uint64_t opened, closed, mmap_calls, munmap_calls;
	uint32_t pid, map_count, limit;
	bool has_credits;
	int64_t credits[MT_OP_MAX]; /* by operation */
};

/* ---- hosts: the session has one model at a time ---- */

static void swap_models(struct session *session, struct host *host)
{
	struct model model = session->model;

	session->model = host->model;
	host->model = model;
}

static void use_host(struct lines *lines, struct host *host)
{
	struct session *session = lines->session;

	if (lines->host == host)
		return;
	if (lines->host)
		swap_models(session, lines->host);
	lines->host = host;
	if (!host)
		return;
	swap_models(session, host);
	line_cache_free(&session->line_cache);
	session->line_cache = (struct line_cache){0};
	memcpy(session->host, host->name, sizeof(host->name));
	session->limit = host->limit;
}

static struct host *host_of(struct lines *lines, const char *name)
{
	struct host *host;
	size_t len = strnlen(name, HOST_LEN);

	HASH_FIND(hh, lines->hosts, name, (unsigned int)len, host);
	if (host)
		return host;
	host = calloc(1, sizeof(*host));
	if (!host)
		return NULL;
	memcpy(host->name, name, len);
	thresholds_default(&host->model.thresholds, 0);
	host->model.thresholds.horizon_s = (double)lines->session->options->horizon_ns / 1e9;
	HASH_ADD_KEYPTR(hh, lines->hosts, host->name, (unsigned int)len, host);
	if (!host->hh.tbl) {
		free(host); /* uthash had no memory */
		return NULL;
	}
	return host;
}

static void host_free(struct lines *lines, struct host *host)
{
	struct incarnation *incarnation, *next_incarnation;
	struct origin *origin, *next_origin;

	HASH_DEL(lines->hosts, host);
	HASH_ITER(hh, host->origins, origin, next_origin)
	{
		HASH_DEL(host->origins, origin);
		free(origin);
	}
	HASH_ITER(hh, host->incarnations, incarnation, next_incarnation)
	{
		HASH_DEL(host->incarnations, incarnation);
		free(incarnation);
	}
	model_free(&host->model);
	free(host);
}

/* ---- a line ---- */

static bool take_number(const json_t *object, const char *name, uint64_t max, uint64_t *ret_value)
{
	const json_t *value = json_object_get(object, name);
	double real = json_number_value(value);

	if (json_is_integer(value) && json_integer_value(value) >= 0)
		*ret_value = (uint64_t)json_integer_value(value);
	else if (json_is_real(value) && real >= 0 && real < 9e18)
		*ret_value = (uint64_t)real; /* a collector that knows no integers */
	else
		return false;
	return *ret_value <= max;
}

static bool take_time(const json_t *object, const char *name, uint64_t *ret_ns)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text && !parse_time(text, ret_ns);
}

/* 0: it is none, or none that could be. */
static int64_t signed_number(const json_t *value)
{
	double real = json_number_value(value);

	if (json_is_integer(value))
		return json_integer_value(value);
	return fabs(real) < 9e18 ? (int64_t)real : 0;
}

static void take_credits(const json_t *object, struct reading_line *line)
{
	const json_t *credits = json_object_get(object, "credits");

	line->has_credits = json_is_object(credits);
	for (uint32_t op = 0; line->has_credits && op < MT_OP_MAX; op++)
		line->credits[op] = signed_number(json_object_get(credits, op_name(op)));
}

/* NULL, or what is wrong with it. */
static const char *line_read(const json_t *object, struct reading_line *line)
{
	uint64_t pid, map_count, limit;

	*line = (struct reading_line){
		.comm = json_string_value(json_object_get(object, "comm")),
		.cgroup = json_string_value(json_object_get(object, "cgroup")),
	};
	if (!take_time(object, "ts", &line->ts_ns))
		return "no ts, or not of the form 2026-01-31T23:59:59.5Z";
	if (!take_number(object, "pid", UINT32_MAX, &pid) || !pid)
		return "no pid";
	if (!take_number(object, "map_count", INT32_MAX, &map_count))
		return "no map_count";
	if (!take_number(object, "limit", INT32_MAX, &limit) || !limit)
		return "no limit";
	if (!take_number(object, "opened", INT64_MAX, &line->opened) ||
	    !take_number(object, "closed", INT64_MAX, &line->closed))
		return "no opened and closed";
	if (!take_number(object, "mmap_calls", INT64_MAX, &line->mmap_calls) ||
	    !take_number(object, "munmap_calls", INT64_MAX, &line->munmap_calls))
		line->mmap_calls = line->munmap_calls = 0;
	take_time(object, "start_time", &line->start_ns);
	take_credits(object, line);
	line->pid = (uint32_t)pid;
	line->map_count = (uint32_t)map_count;
	line->limit = (uint32_t)limit;
	return NULL;
}

/* ---- whose it is ---- */

static struct origin *origin_find(const struct host *host, uint32_t pid, uint64_t start_ns)
{
	const struct process_key key = {.pid = pid, .start_ns = start_ns};
	struct origin *origin;

	HASH_FIND(hh, host->origins, &key, sizeof(key), origin);
	return origin;
}

static void forget(struct lines *lines, struct host *host, struct origin *origin)
{
	struct process *process = model_find(&lines->session->model, origin->key.pid, origin->key.start_ns);

	if (process)
		session_take_missing(lines->session, process);
	HASH_DEL(host->origins, origin);
	free(origin);
}

/* Its counters have. */
static bool has_begun_again(const struct origin *origin, const struct reading_line *line)
{
	return line->opened < origin->last_opened || line->closed < origin->last_closed;
}

/* The start of a process whose lines bear none: made up, and made anew when its counters have begun again. */
static uint64_t made_up_start(struct lines *lines, struct host *host, const struct reading_line *line)
{
	struct incarnation *incarnation;
	struct origin *origin;

	HASH_FIND(hh, host->incarnations, &line->pid, sizeof(line->pid), incarnation);
	if (!incarnation) {
		incarnation = calloc(1, sizeof(*incarnation));
		if (!incarnation)
			return 0;
		incarnation->pid = line->pid;
		incarnation->start_ns = line->ts_ns;
		HASH_ADD(hh, host->incarnations, pid, sizeof(incarnation->pid), incarnation);
		if (!incarnation->hh.tbl) {
			free(incarnation); /* uthash had no memory */
			return 0;
		}
	}
	origin = origin_find(host, line->pid, incarnation->start_ns);
	if (origin && has_begun_again(origin, line)) {
		forget(lines, host, origin);
		incarnation->start_ns = line->ts_ns;
	}
	return incarnation->start_ns;
}

static struct origin *origin_of(struct lines *lines, struct host *host, const struct reading_line *line)
{
	uint64_t start_ns = line->start_ns ? line->start_ns : made_up_start(lines, host, line);
	struct origin *origin = origin_find(host, line->pid, start_ns);

	/* Counters that begin again in a process that goes on: whoever counts has been started anew. */
	if (origin && has_begun_again(origin, line)) {
		forget(lines, host, origin);
		origin = NULL;
	}
	if (origin)
		return origin;
	origin = calloc(1, sizeof(*origin));
	if (!origin)
		return NULL;
	origin->key = (struct process_key){.pid = line->pid, .start_ns = start_ns};
	origin->opened = origin->last_opened = line->opened;
	origin->closed = origin->last_closed = line->closed;
	origin->baseline = origin->last_count = line->map_count;
	HASH_ADD(hh, host->origins, key, sizeof(origin->key), origin);
	if (!origin->hh.tbl) {
		free(origin); /* uthash had no memory */
		return NULL;
	}
	return origin;
}

/* ---- into the model ---- */

/* An account as the kernel would have it, as far as the line tells. */
static void account_make(struct origin *origin, const struct reading_line *line, struct mt_process *account)
{
	int64_t growth = (int64_t)line->map_count - origin->baseline;
	int64_t closed = (int64_t)(line->closed - origin->closed);

	if (growth < -closed)
		closed = -growth; /* the rest was not counted */
	if (line->opened != origin->last_opened || line->closed != origin->last_closed ||
	    line->map_count != origin->last_count) {
		if (!origin->first_change_ns)
			origin->first_change_ns = line->ts_ns;
		origin->last_change_ns = line->ts_ns;
	}
	origin->last_opened = line->opened;
	origin->last_closed = line->closed;
	origin->last_count = line->map_count;
	memset(account, 0, sizeof(*account));
	account->mm = line->pid;
	account->tgid = line->pid;
	account->start_ns = origin->key.start_ns;
	account->map_count = line->map_count;
	account->baseline = origin->baseline;
	account->high_water = line->map_count;
	account->closed = (uint64_t)closed;
	account->opened = (uint64_t)(closed + growth); /* what a lost line has left out is made good */
	account->first_change_ns = origin->first_change_ns;
	account->last_change_ns = origin->last_change_ns;
	if (line->has_credits && !origin->has_credits) {
		origin->has_credits = true;
		memcpy(origin->credits, line->credits, sizeof(origin->credits));
		/* What came before is maps mapped. */
		origin->credits[MT_OP_MMAP] -= growth;
	}
	account->tallies[MT_OP_MMAP].calls = line->mmap_calls;
	account->tallies[MT_OP_MUNMAP].calls = line->munmap_calls;
	for (uint32_t op = 0; line->has_credits && op < MT_OP_MAX; op++)
		account->tallies[op].delta = (int64_t)((uint64_t)line->credits[op] - (uint64_t)origin->credits[op]);
	if (!line->has_credits) {
		account->tallies[MT_OP_OTHER].delta = growth; /* who made them is not known */
	}
	if (line->comm)
		memcpy(account->comm, line->comm, strnlen(line->comm, sizeof(account->comm) - 1));
}

/* If asked for (-i): what was read comes back, with what is made of it. */
static void show_processes(struct session *session, struct host *host)
{
	uint64_t interval_ns = session->options->interval_ns;
	struct process *process, *next;

	if (!session->options->interval_given || !session->options->json ||
	    host->last_ns + interval_ns / 4 < host->shown_ns + interval_ns)
		return; /* readings jitter: one that comes a little early is the one */
	host->shown_ns = host->last_ns;
	MODEL_EACH (&session->model, process, next) {
		if (session_wants(session, process))
			report_process(session, process);
	}
}

/* The reading that has been gathered is complete: what a tick does in a run. */
static void round_end(struct lines *lines, struct host *host)
{
	if (!host->round_ns)
		return;
	session_set_now(host->last_ns);
	session_judge(lines->session, host->last_ns);
	show_processes(lines->session, host);
	host->round_ns = 0;
	if (outlet_is_due(lines->session))
		report_flush(lines->session);
}

static void begin(struct lines *lines, uint64_t ts_ns)
{
	char *words[] = {"mmaptrace", "replay", (char *)lines->session->options->replay};

	lines->begun = true;
	lines->session->start_ns = lines->session->style.start_ns = ts_ns;
	report_start(lines->session, 3, words);
}

static void take_process(struct lines *lines, const char *host_name, const struct reading_line *line)
{
	struct session *session = lines->session;
	struct host *host = host_of(lines, host_name);
	struct mt_process account;
	struct process *process;
	struct origin *origin;

	if (!host) {
		session->memory_lost++;
		return;
	}
	if (line->ts_ns < host->last_ns) {
		lines->late++;
		return;
	}
	host->limit = session->options->limit ? session->options->limit : line->limit;
	use_host(lines, host);
	session->limit = session->real_limit = host->limit;
	session_set_now(line->ts_ns);
	if (!lines->begun)
		begin(lines, line->ts_ns);
	if (host->round_ns && line->ts_ns > host->round_ns + ROUND_NS)
		round_end(lines, host);
	session_set_now(line->ts_ns);
	session->model.thresholds.limit = host->limit;
	origin = origin_of(lines, host, line);
	if (!origin) {
		session->memory_lost++;
		return;
	}
	if (!host->round_ns)
		host->round_ns = line->ts_ns;
	host->last_ns = line->ts_ns;
	account_make(origin, line, &account);
	process = model_update(&session->model, &account, line->ts_ns);
	if (process && line->cgroup && !process->identified) {
		process->identified = true;
		model_identify(&session->model, process, line->cgroup);
	}
	session->events++;
	lines->taken++;
}

static void take_exit(struct lines *lines, const char *host_name, const json_t *object)
{
	struct host *host = host_of(lines, host_name);
	struct incarnation *incarnation;
	uint64_t pid, start_ns = 0, ts_ns = 0;
	struct origin *origin;
	uint32_t key;

	if (!host || !take_number(object, "pid", UINT32_MAX, &pid))
		return;
	key = (uint32_t)pid;
	HASH_FIND(hh, host->incarnations, &key, sizeof(key), incarnation);
	if (!take_time(object, "start_time", &start_ns) && incarnation)
		start_ns = incarnation->start_ns;
	origin = origin_find(host, key, start_ns);
	if (!origin)
		return;
	use_host(lines, host);
	round_end(lines, host); /* what was read of it last is judged first */
	take_time(object, "ts", &ts_ns);
	session_set_now(ts_ns > host->last_ns ? ts_ns : host->last_ns);
	forget(lines, host, origin);
}

static void bad_line(struct lines *lines, const char *why)
{
	if (lines->bad++ < BAD_SHOWN)
		log_warn("%s:%llu: %s: line left out", lines->name, (unsigned long long)lines->number, why);
}

static void take_line(struct lines *lines, const char *text, size_t len)
{
	json_error_t error;
	json_t *object = json_loadb(text, len, 0, &error);
	const char *type = json_string_value(json_object_get(object, "type")), *why = NULL;
	const char *host = json_string_value(json_object_get(object, "host"));
	struct reading_line line;

	if (!json_is_object(object))
		bad_line(lines, "not a JSON object");
	else if (type && !strcmp(type, "exit"))
		take_exit(lines, host ? host : "", object);
	else if (type && strcmp(type, "process") != 0)
		lines->others++;
	else if ((why = line_read(object, &line)))
		bad_line(lines, why);
	else
		take_process(lines, host ? host : "", &line);
	json_decref(object);
}

static void finish(struct lines *lines)
{
	struct session *session = lines->session;

	for (struct host *host = lines->hosts; host; host = host->hh.next) {
		use_host(lines, host);
		round_end(lines, host);
		if (!session->options->json)
			report_table(session);
	}
	if (lines->late)
		log_warn("%s: %llu lines are older than one before them of the same host: left out", lines->name,
			 (unsigned long long)lines->late);
	if (lines->bad > BAD_SHOWN)
		log_warn("%s: %llu lines left out in all", lines->name, (unsigned long long)lines->bad);
	if (lines->begun)
		report_end(session);
	log_debug("%s: %llu lines taken, %llu of other types", lines->name, (unsigned long long)lines->taken,
		  (unsigned long long)lines->others);
}

int replay_lines(struct session *session, struct options *options, FILE *file, const char *name,
		 struct replay_sum *ret_sum)
{
	struct lines lines = {.session = session, .name = name};
	char *text _cleanup_free_ = NULL;
	size_t room = 0;
	ssize_t len;

	options->command = COMMAND_TABLE;
	session->style.line.wall_offset_ns = 0; /* times are the lines' own */
	memcpy(session->plan_text, "replay", sizeof("replay"));
	session->kernel[0] = '\0';
	while (!session->output_error && (len = getline(&text, &room, file)) >= 0) {
		lines.number++;
		if (len && text[strspn(text, " \t\r\n")])
			take_line(&lines, text, (size_t)len);
	}
	if (ferror(file))
		log_error("cannot read %s: %s", name, strerror(errno));
	else if (!lines.taken)
		log_error("%s: no lines of type process in it", name);
	finish(&lines);
	use_host(&lines, NULL);
	ret_sum->samples = lines.taken;
	for (struct host *host = lines.hosts; host; host = host->hh.next) {
		ret_sum->processes += HASH_COUNT(host->model.processes);
		ret_sum->bytes += model_trail_bytes(&host->model);
	}
	while (lines.hosts)
		host_free(&lines, lines.hosts);
	return ferror(file) || !lines.taken ? -EBADMSG : 0;
}
