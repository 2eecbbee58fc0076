/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A daemon's configuration read again while it runs, and the rules in it. */
#include <errno.h>
#include <stdlib.h>

#include "config.h"
#include "daemon.h"
#include "log.h"
#include "place.h"
#include "procfs.h"

#define NAMES_LEN 512

/* ---- rules ---- */

static const struct rule *look_up(struct session *session, struct process *process)
{
	struct rule_subject subject = {.comm = process->comm};
	struct place place;

	source_identify(session, process);
	if (process->cgroup) {
		place_find(process->cgroup, &place);
		subject.cgroup = process->cgroup;
		subject.unit = *place.unit ? place.unit : NULL;
	}
	subject.container_id = process->container_id;
	if (procfs_uid(process->key.pid, &subject.uid))
		subject.uid = UINT32_MAX;
	return rule_find(&session->options->daemon.rules, &subject);
}

const struct rule *daemon_rule(struct session *session, struct process *process)
{
	struct daemon *daemon = session->daemon;
	uint64_t age;

	if (!daemon || !session->options->daemon.rules.count)
		return NULL;
	/* Another program has another name. */
	age = (uint64_t)daemon->reloads << 32 | (process->account.execs + 1);
	if (process->ruled != age) {
		process->rule = look_up(session, process);
		process->ruled = age;
	}
	return process->rule;
}

struct thresholds daemon_thresholds(struct session *session, const struct rule *rule)
{
	struct thresholds thresholds = session->model.thresholds;

	if (rule && rule->limit)
		thresholds.limit = rule->limit;
	if (rule && rule->horizon_ns)
		thresholds.horizon_s = (double)rule->horizon_ns / 1e9;
	return thresholds;
}

/* ---- the configuration ---- */

/* What can be changed while it runs is taken from the fresh one, all else stays. */
static void take_fresh(struct options *live, const struct options *fresh)
{
	live->limit = fresh->limit;
	live->horizon_ns = fresh->horizon_ns;
	live->verbose = fresh->verbose;
	live->daemon.events = fresh->daemon.events;
	live->daemon.metrics_top = fresh->daemon.metrics_top;
	live->daemon.metrics_group = fresh->daemon.metrics_group;
	live->daemon.rules = fresh->daemon.rules;
}

static void apply(struct session *session, const struct options *live)
{
	session->options = live;
	log_set_level(live->verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	session->limit = live->limit ? live->limit : session->real_limit;
	session->model.thresholds.limit = session->limit;
	session->model.thresholds.horizon_s = (double)live->horizon_ns / 1e9;
	tracer_set_limit(session->tracer, session->limit, 0, session->real_limit);
}

void daemon_reload(struct session *session)
{
	struct daemon *daemon = session->daemon;
	struct options fresh, *live;
	char names[NAMES_LEN];

	if (config_reload(session->argc, session->argv, &fresh)) {
		log_warn("the configuration stays as it was");
		daemon->failed_reloads++;
		return;
	}
	live = malloc(sizeof(*live));
	if (!live) {
		options_free(&fresh);
		session->memory_lost++;
		return;
	}
	if (config_changes_needing_restart(session->options, &fresh, names, sizeof(names)))
		log_warn("these take a restart, and stay as they were until then: %s", names);
	*live = *session->options;
	take_fresh(live, &fresh);
	apply(session, live);
	daemon->reloads++;
	options_free(&daemon->fresh); /* its rules are nobody's any more */
	daemon->fresh = fresh;
	free(daemon->live);
	daemon->live = live;
	log_info("the configuration has been read again: %u rules", live->daemon.rules.count);
}
