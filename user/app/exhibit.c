/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "exhibit.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cleanup.h"
#include "clock.h"
#include "daemon.h"
#include "log.h"
#include "metrics.h"
#include "page.h"
#include "procfs.h"
#include "web.h"

#define SECOND_NS     1000000000ULL
#define FRESH_NS      SECOND_NS	       /* a text is given again for so long */
#define LATE_NS	      (10 * SECOND_NS) /* without a tick something is wrong with us */
#define ADVICE_KEPT   32
#define PROGRAMS_MAX  64
#define PROGRAM_LEN   48
#define SITE_TEXT_LEN 256

struct kept_advice {
	struct process_key key;
	char text[ADVICE_LEN], site[SITE_TEXT_LEN];
};

struct exhibit {
	struct session *session; /* borrowed */
	struct web *web;
	struct kept_advice advice[ADVICE_KEPT]; /* round and round */
	unsigned int advice_next;
	struct buf metrics[2]; /* by format */
	uint64_t made_ns[2];   /* boot clock */
	char program_names[PROGRAMS_MAX][PROGRAM_LEN];
};

/* ---- facts ---- */

struct gathered {
	struct metrics_facts facts;
	struct metric_count losses[MT_LOSS_MAX + 2], tables[1], rings[2], programs[PROGRAMS_MAX];
	struct metric_log logs[EXPORT_MAX];
	struct exhibit *exhibit;
};

static void take_program(const char *name, uint64_t runs, uint64_t run_ns, void *arg)
{
	struct gathered *gathered = arg;
	unsigned int at = gathered->facts.program_count;

	if (at == PROGRAMS_MAX)
		return;
	snprintf(gathered->exhibit->program_names[at], PROGRAM_LEN, "%s", name);
	gathered->programs[at] = (struct metric_count){
		.name = gathered->exhibit->program_names[at], .count = runs, .seconds = (double)run_ns / 1e9};
	gathered->facts.program_count++;
}

static void add_loss(struct gathered *gathered, const char *what, uint64_t count)
{
	gathered->losses[gathered->facts.loss_count] = (struct metric_count){.name = what, .count = count};
	gathered->facts.loss_count++;
}

static void gather_losses(struct gathered *gathered, const struct session *session)
{
	struct tracer_losses losses;

	tracer_read_losses(session->tracer, &losses);
	for (unsigned int what = 0; what < MT_LOSS_MAX; what++)
		add_loss(gathered, tracer_loss_text(what), losses.counts[what]);
	add_loss(gathered, "runs of BPF programs: skipped by the kernel", losses.missed_runs);
	add_loss(gathered, "output: lines, read too slowly", session->ops_left_out + session->lines_left_out);
}

static void gather_gear(struct gathered *gathered, struct daemon *daemon)
{
	struct gear_counts counts;
	struct tracer *tracer;

	if (!daemon->gear)
		return;
	gear_read(daemon->gear, &counts);
	gathered->facts.gear_is_on = counts.is_on;
	gathered->facts.suspects = counts.suspects;
	gathered->facts.suspects_waiting = counts.waiting;
	gathered->facts.suspects_followed = counts.followed;
	gathered->facts.gear_failures = counts.failures;
	tracer = gear_tracer(daemon->gear);
	gathered->rings[1] = (struct metric_count){
		.name = "operations",
		.count = tracer ? tracer_events_unread(tracer) : 0,
		.room = gear_ring_bytes(daemon->gear),
	};
	gathered->facts.ring_count = 2;
}

static void gather_logs(struct gathered *gathered, struct daemon *daemon)
{
	struct export_counts counts;
	unsigned int count = 0;

	while (daemon->export && count < EXPORT_MAX && export_read(daemon->export, count, &counts))
		gathered->logs[count++] = (struct metric_log){.name = counts.name,
							      .written = counts.written,
							      .failed = counts.failed,
							      .lost = counts.lost,
							      .queued = counts.queued};
	gathered->facts.logs = gathered->logs;
	gathered->facts.log_count = count;
}

static uint64_t count_open_files(void)
{
	DIR *folder = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (!folder)
		return 0;
	while (readdir(folder))
		count++;
	closedir(folder);
	return count > 3 ? count - 3 : 0; /* ".", "..", and the one this took */
}

static double seconds_of(const struct timeval *time)
{
	return (double)time->tv_sec + (double)time->tv_usec / 1e6;
}

static void gather_self(struct gathered *gathered, const struct session *session)
{
	struct metrics_facts *facts = &gathered->facts;
	uint64_t now = session_now();
	struct rusage usage;
	struct web_counts web;

	getrusage(RUSAGE_SELF, &usage);
	facts->cpu_s = seconds_of(&usage.ru_utime) + seconds_of(&usage.ru_stime);
	facts->resident_bytes = procfs_self_resident();
	facts->open_files = count_open_files();
	facts->start_unix_s = (double)(int64_t)(session->start_ns + (uint64_t)session->style.line.wall_offset_ns) / 1e9;
	facts->tick_age_s = now > session->model.last_tick_ns ? (double)(now - session->model.last_tick_ns) / 1e9 : 0;
	web_read(gathered->exhibit->web, &web);
	facts->web_requests = web.requests;
	facts->web_evicted = web.evicted;
}

static void gather(struct exhibit *exhibit, struct gathered *gathered)
{
	struct session *session = exhibit->session;
	const struct options *options = session->options;

	*gathered = (struct gathered){
		.exhibit = exhibit,
		.facts =
			{
				.model = &session->model,
				.lifetime = &session->daemon->lifetime,
				.limit = session->limit,
				.top = options->daemon.metrics_top,
				.by_cgroup = options->daemon.metrics_group == METRICS_BY_CGROUP,
				.version = MMAPTRACE_VERSION,
				.kernel = session->kernel,
				.plan = session->plan_text,
				.table_count = 1,
				.ring_count = 1,
			},
	};
	gathered->tables[0] = (struct metric_count){
		.name = "processes", .count = HASH_COUNT(session->model.processes), .room = options->max_processes};
	gathered->rings[0] = (struct metric_count){
		.name = "lives", .count = tracer_events_unread(session->tracer), .room = session->ring_bytes};
	gather_losses(gathered, session);
	gather_gear(gathered, session->daemon);
	gather_logs(gathered, session->daemon);
	gather_self(gathered, session);
	tracer_read_programs(session->tracer, take_program, gathered);
	gathered->facts.losses = gathered->losses;
	gathered->facts.tables = gathered->tables;
	gathered->facts.rings = gathered->rings;
	gathered->facts.programs = gathered->programs;
}

/* Labels by cgroup need to know where all live, once each. */
static void identify_all(struct session *session)
{
	struct process *process, *next;

	if (session->options->daemon.metrics_group != METRICS_BY_CGROUP)
		return;
	MODEL_EACH (&session->model, process, next)
		source_identify(session, process);
}

/* ---- answers ---- */

static void answer_metrics(struct exhibit *exhibit, const char *accept, struct web_answer *answer)
{
	enum exposition exposition = metrics_choose(accept);
	struct buf *kept = &exhibit->metrics[exposition];
	uint64_t now = session_now();
	struct gathered gathered;

	if (!kept->len || now > exhibit->made_ns[exposition] + FRESH_NS) {
		identify_all(exhibit->session);
		gather(exhibit, &gathered);
		buf_consume(kept, kept->len);
		metrics_add(kept, exposition, &gathered.facts);
		exhibit->made_ns[exposition] = now;
	}
	answer->status = 200;
	answer->type = metrics_content_type(exposition);
	buf_add(&answer->body, kept->data, kept->len);
	answer->body.failed |= kept->failed;
	if (kept->failed)
		buf_free(kept);
}

static void answer_page(struct exhibit *exhibit, struct web_answer *answer)
{
	struct session *session = exhibit->session;
	struct page_advice advice[ADVICE_KEPT];
	struct gathered gathered;
	struct page_facts facts = {
		.metrics = &gathered.facts,
		.host = session->host,
		.now_ns = session_now(),
		.now_unix_ns = clock_ns(CLOCK_REALTIME),
		.advice = advice,
		.advice_count = ADVICE_KEPT,
	};

	gather(exhibit, &gathered);
	for (unsigned int i = 0; i < ADVICE_KEPT; i++) {
		const struct kept_advice *kept = &exhibit->advice[i];

		advice[i] = (struct page_advice){.key = kept->key,
						 .text = *kept->text ? kept->text : NULL,
						 .site = *kept->site ? kept->site : NULL};
	}
	page_add(&answer->body, &facts);
	answer->status = 200;
	answer->type = "text/html; charset=utf-8";
}

static void answer_text(struct web_answer *answer, unsigned int status, const char *text)
{
	answer->status = status;
	answer->type = "text/plain; charset=utf-8";
	buf_add_str(&answer->body, text);
}

static void answer(const char *path, const char *accept, struct web_answer *ret_answer, void *arg)
{
	struct exhibit *exhibit = arg;
	struct session *session = exhibit->session;

	if (!strcmp(path, "/metrics"))
		answer_metrics(exhibit, accept, ret_answer);
	else if (!strcmp(path, "/"))
		answer_page(exhibit, ret_answer);
	else if (!strcmp(path, "/healthz") && session_now() > session->model.last_tick_ns + LATE_NS)
		answer_text(ret_answer, 503, "accounts have not been read for a while\n");
	else if (!strcmp(path, "/healthz"))
		answer_text(ret_answer, 200, "good\n");
	else if (!strcmp(path, "/readyz"))
		answer_text(ret_answer, session->daemon->is_ready ? 200 : 503,
			    session->daemon->is_ready ? "ready\n" : "starting\n");
}

/* ---- its life ---- */

static int serve(void *arg)
{
	struct exhibit *exhibit = arg;

	if (!web_run(exhibit->web))
		loop_again(exhibit->session->loop, serve, exhibit);
	return 0;
}

int exhibit_new(struct session *session, struct exhibit **ret_exhibit)
{
	const char *address = session->options->daemon.web_address;
	struct exhibit *exhibit;
	char text[WEB_ERROR_LEN] = "";
	int error;

	*ret_exhibit = NULL;
	if (!strcmp(address, "none"))
		return 0;
	exhibit = calloc(1, sizeof(*exhibit));
	if (!exhibit)
		return -ENOMEM;
	exhibit->session = session;
	error = web_new(address, answer, exhibit, &exhibit->web, text);
	if (error)
		log_error("%s", text);
	else
		error = loop_add(session->loop, web_fd(exhibit->web), serve, exhibit);
	if (error)
		exhibit_free(exhibit);
	else
		*ret_exhibit = exhibit;
	return error;
}

void exhibit_free(struct exhibit *exhibit)
{
	if (!exhibit)
		return;
	web_free(exhibit->web);
	for (unsigned int i = 0; i < 2; i++)
		buf_free(&exhibit->metrics[i]);
	free(exhibit);
}

void exhibit_tick(struct exhibit *exhibit)
{
	if (exhibit)
		web_tick(exhibit->web);
}

static struct kept_advice *advice_of(struct exhibit *exhibit, const struct process_key *key)
{
	for (unsigned int i = 0; i < ADVICE_KEPT; i++) {
		if (exhibit->advice[i].key.pid == key->pid && exhibit->advice[i].key.start_ns == key->start_ns)
			return &exhibit->advice[i];
	}
	return &exhibit->advice[exhibit->advice_next++ % ADVICE_KEPT];
}

void exhibit_take_finding(struct exhibit *exhibit, const struct process *process, const struct finding *finding)
{
	const struct frame *culprit = finding->site_count ? site_culprit(finding->sites[0].site) : NULL;
	struct kept_advice *kept;

	if (!exhibit)
		return;
	kept = advice_of(exhibit, &process->key);
	*kept = (struct kept_advice){.key = process->key};
	snprintf(kept->text, sizeof(kept->text), "%s", finding->advice);
	if (culprit && culprit->function && culprit->file)
		snprintf(kept->site, sizeof(kept->site), "%s at %s:%u", culprit->function, culprit->file,
			 culprit->line);
}
