/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "daemon.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

#include "clock.h"
#include "log.h"

#define SECOND_NS     1000000000ULL
#define SAVE_EVERY_NS (30 * SECOND_NS)
#define LAST_WORDS_MS 5000 /* for logs to take what is on its way */

int daemon_open(struct session *session)
{
	struct daemon *daemon = calloc(1, sizeof(*daemon));
	int error;

	if (!daemon)
		return -ENOMEM;
	daemon->state_dir = daemon->pin_lock = -1;
	session->daemon = daemon;
	error = actions_new(&daemon->actions);
	return error ? error : state_open(session);
}

void daemon_adopt(struct session *session)
{
	if (session->daemon)
		state_adopt(session);
}

int daemon_start(struct session *session)
{
	struct daemon *daemon = session->daemon;
	int error = 0;

	if (!daemon)
		return 0;
	state_restore(session);
	if (daemon->adopted || daemon->restored)
		log_info("going on from before: counts of %u processes, pasts of %u", daemon->adopted,
			 daemon->restored);
	if (session->options->daemon.max_suspects)
		error = gear_new(session, &daemon->gear);
	if (error) {
		log_warn("suspects cannot be followed in detail on this machine ('mmaptrace doctor' tells why): "
			 "findings "
			 "come without call sites");
		error = error == -ENOMEM ? error : 0;
	}
	daemon->is_ready = true;
	if (!error)
		error = exhibit_new(session, &daemon->exhibit);
	if (!error)
		sd_notifyf(0, "READY=1\nSTATUS=watching %u processes", HASH_COUNT(session->model.processes));
	return error;
}

/* A suspect's finding was told with what was known then; now that there are call sites it is told again. */
static void complete_findings(struct session *session)
{
	struct process *process, *next;

	LIVELY_EACH(&session->model, process, next)
	{
		if (process->open && gear_take_completion(session->daemon->gear, process))
			report_evidence(session, process);
	}
}

void daemon_tick(struct session *session)
{
	struct daemon *daemon = session->daemon;

	if (!daemon || !daemon->is_ready)
		return;
	if (daemon->gear) {
		gear_tick(daemon->gear);
		complete_findings(session);
	}
	if (daemon->save_due || session_now() >= daemon->saved_ns + SAVE_EVERY_NS) {
		state_save(session, false);
		malloc_trim(0); /* what was packed, or known of suspects who are gone */
	}
	daemon->save_due = false;
	actions_tick(daemon->actions);
	sd_notify(0, "WATCHDOG=1");
	exhibit_tick(daemon->exhibit);
}

/* RELOADING wants the time, so that systemd knows which reload it is told the end of. */
static void tell_reloading(void)
{
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_ns(CLOCK_MONOTONIC) / 1000);
}

bool daemon_take_signal(struct session *session, int number)
{
	if (!session->daemon || (number != SIGHUP && number != SIGUSR1))
		return false;
	if (number == SIGUSR1) {
		state_snapshot(session);
		return true;
	}
	tell_reloading();
	daemon_reload(session);
	if (session->daemon->export)
		export_reopen(session->daemon->export);
	sd_notify(0, "READY=1");
	return true;
}

void daemon_stop(struct session *session)
{
	if (!session->daemon)
		return;
	sd_notify(0, "STOPPING=1");
	state_save(session, true);
}

void daemon_free(struct session *session)
{
	struct daemon *daemon = session->daemon;

	if (!daemon)
		return;
	if (daemon->export)
		export_finish(daemon->export, LAST_WORDS_MS);
	export_free(daemon->export);
	exhibit_free(daemon->exhibit);
	gear_free(daemon->gear);
	state_close(daemon);
	actions_free(daemon->actions);
	options_free(&daemon->fresh);
	free(daemon->live);
	free(daemon);
	session->daemon = NULL;
}

struct process *daemon_evidence(struct session *session, struct process *process, struct session **ret_session)
{
	struct process *detail = NULL;

	*ret_session = session;
	if (session->daemon && session->daemon->gear)
		detail = gear_find(session->daemon->gear, process, ret_session);
	return detail ? detail : process;
}

void daemon_take_finding(struct session *session, struct process *process, const struct finding *finding)
{
	if (!session->daemon)
		return;
	actions_take(session->daemon->actions, daemon_rule(session, process), process, finding);
	exhibit_take_finding(session->daemon->exhibit, process, finding);
	if (finding->update)
		return;
	session->daemon->lifetime.findings[finding->verdict.kind][finding->verdict.severity]++;
	session->daemon->save_due = true;
}

void daemon_take_refusal(struct session *watch, const struct process *process, const struct refusal *refusal)
{
	struct process *watched = model_find(&watch->model, process->key.pid, process->key.start_ns);

	if (refusal->op < MT_OP_MAX)
		watch->daemon->lifetime.refusals[refusal->op][refusal->reason]++;
	if (!watched || refusal->reason != REASON_MAX_MAP_COUNT)
		return;
	watched->last_fail_ns = refusal->ts_ns;
	report_judgement(watch, watched, refusal->ts_ns);
}

void daemon_count_end(struct session *session, const struct account *account)
{
	if (session->daemon)
		lifetime_add(&session->daemon->lifetime, account);
}

void daemon_count_brief(struct session *session, const struct mt_process *from)
{
	struct account account = {0};

	if (!session->daemon)
		return;
	if (account_copy(&account, from))
		session->memory_lost++;
	else
		daemon_count_end(session, &account);
	account_free(&account);
}
