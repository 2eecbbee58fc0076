/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * `mmaptrace daemon`: a session that watches all for ever. What it has beside one at a terminal: a trace gear for
 * suspects, a state that outlives it, destinations for its lines, a page and metrics, rules.
 */
#ifndef APP_DAEMON_H
#define APP_DAEMON_H

#include "actions.h"
#include "exhibit.h"
#include "export.h"
#include "gear.h"
#include "saved.h"
#include "session.h"

struct daemon {
	struct gear *gear;	 /* owned; NULL: no suspect is followed in detail */
	struct exhibit *exhibit; /* owned; NULL: no web server */
	struct export *export;	 /* owned; NULL: lines go where other commands' do */
	struct actions *actions; /* owned */
	struct options *live;	 /* owned: options as they were last read again; NULL: they were not */
	struct options fresh;	 /* owned: whose rules are those of live */
	unsigned int reloads, failed_reloads;
	struct lifetime lifetime;
	char boot_id[BOOT_ID_LEN + 1];
	int state_dir, pin_lock; /* folders, locked by us; -1: none */
	bool is_pinned;
	bool is_ready;	   /* the first look is over */
	bool save_due;	   /* something has happened that is worth it */
	uint64_t saved_ns; /* boot clock */
	uint64_t save_failures;
	unsigned int adopted, restored; /* processes gone on with */
};

/* ---- daemon.c: in the order of a run ---- */

/* Before anything is loaded: is it the only one? 0 or negative errno, after one line. */
int daemon_open(struct session *session);
/* Between loading and attaching: goes on with what an earlier run has left in the kernel. */
void daemon_adopt(struct session *session);
/* After the first look at all processes. 0 or negative errno, after one line. */
int daemon_start(struct session *session);
/* All that was to be read for this tick has been, and judged. */
void daemon_tick(struct session *session);
/* SIGHUP, SIGUSR1. False: it is another. */
bool daemon_take_signal(struct session *session, int number);
/* The end was asked for: what is known is saved. */
void daemon_stop(struct session *session);
void daemon_free(struct session *session);

/* Whose sites, files and operations tell most of a process: the gear's, or its own. */
struct process *daemon_evidence(struct session *session, struct process *process, struct session **ret_session);
/* A finding is told: raised, or again. */
void daemon_take_finding(struct session *session, struct process *process, const struct finding *finding);
/* The gear was told of a refusal to one that the other session, which watches, judges. */
void daemon_take_refusal(struct session *watch, const struct process *process, const struct refusal *refusal);
/* A process has ended, with this. */
void daemon_count_end(struct session *session, const struct account *account);
/* The same of one that had come and gone before it was ever read. */
void daemon_count_brief(struct session *session, const struct mt_process *account);

/* ---- confine.c ---- */

/* Gives up privileges and system calls, once all is open that takes them. 0 or negative errno, after one line. */
int daemon_confine(struct session *session);

/* ---- reload.c ---- */

/* SIGHUP: the configuration once more; a bad one is said to be so, and the old one stays. */
void daemon_reload(struct session *session);
/* The rule that a process falls under; NULL: none, or it is no daemon. */
const struct rule *daemon_rule(struct session *session, struct process *process);
/* What it is judged by. */
struct thresholds daemon_thresholds(struct session *session, const struct rule *rule);

/* ---- destinations.c: logs ---- */

/* Those that were asked for. 0 or negative errno, after one line. */
int destinations_open(struct session *session);
/* Hands over the lines in the session's buffer. True: nobody else is to get them. */
bool destinations_put(struct session *session);

/* ---- state.c: what outlives it ---- */

/* Opens and locks both folders. 0 or negative errno, after one line. */
int state_open(struct session *session);
/* Accounts that were pinned, or saved: before hooks are attached. */
void state_adopt(struct session *session);
/* Pasts and open findings: after the first look. */
void state_restore(struct session *session);
/* at_end: with accounts, and nothing is left pinned. */
void state_save(struct session *session, bool at_end);
/* All processes as lines of JSON, in the state's folder, or else among the other lines. */
void state_snapshot(struct session *session);
void state_close(struct daemon *daemon);

#endif
