/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One run of mmaptrace: everything it holds, and how its parts are wired. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "buf.h"
#include "child.h"
#include "exit_queue.h"
#include "loop.h"
#include "model.h"
#include "options.h"
#include "output.h"
#include "plan.h"
#include "reading.h"
#include "text.h"
#include "tracer.h"

#define RECENT_FINDINGS 4

/* Slots of what was lost, after those of enum mt_loss. */
enum {
	LOSS_MISSED_RUNS = MT_LOSS_MAX,
	LOSS_TORN,
	LOSS_UNDECODED,
	LOSS_MEMORY,
	LOSS_FILE_USES,
	LOSS_EARLY_EXITS,
	LOSS_UNREAD,
	LOSS_OUTPUT_OPS,
	LOSS_OUTPUT_LINES,
	LOSS_SLOTS
};

struct session {
	const struct options *options;
	struct plan plan;
	struct tracer *tracer;
	struct loop *loop;
	struct model model;
	struct reading reading; /* which accounts a tick reads; of the table only */
	struct output output;
	struct buf buf;		 /* lines not yet written out */
	struct text_style style; /* also holds what JSON lines need: style.line */
	struct line_cache line_cache;
	char host[65], kernel[65], plan_text[PLAN_TEXT_LEN];
	uint32_t limit, real_limit; /* maps: in force here (--limit), vm.max_map_count */
	uint32_t page_size;
	char *cgroup;	      /* path in its hierarchy; NULL: no filter */
	unsigned int placing; /* tables since processes were first looked up in it */
	uint64_t start_ns;    /* boot clock */
	uint64_t over_ns;     /* when the last of those followed ended; 0: some live */

	struct child child;
	bool child_running;
	bool child_told; /* that its time is up */
	bool child_left; /* behind: it did not listen */
	bool usage_error;
	int child_status; /* wait(2) status once it has ended */

	struct exit_queue exits;     /* ended processes, until operations before their end have been read */
	uint64_t alarm_ns, event_ns; /* boot clock, of the last alarm and the last operation read */
	bool behind;		     /* operations are left to be read */
	bool is_last_drain;	     /* all that is left finds room in the output's queue */

	/* counts for the end */
	uint64_t events, findings, serious_findings, undecoded, memory_lost;
	uint64_t loss_shown[LOSS_SLOTS];
	uint64_t early_exits;		       /* told before their operations */
	uint64_t unread;		       /* records left when the time to read them had passed */
	uint64_t ops_left_out, lines_left_out; /* for want of room: their reader was too slow */

	struct buf recent[RECENT_FINDINGS]; /* findings shown again under each redrawn table */
	unsigned int recent_next;
	uint64_t enomem_held; /* refusals since then, not shown one by one */
	int output_error;     /* errno that ended the output; 0: none */
	bool hurried;	      /* the end was asked for, and not by somebody at the terminal */
	bool unwritten;	      /* at the end the reader did not take all */
};

/* CLOCK_BOOTTIME, ns: the clock of every record. */
uint64_t session_now(void);
/* Looks up whether it is in the cgroup of the filter, if there is one. */
void session_place(const struct session *session, struct process *process);
/* True if this process is one the user asked about. */
bool session_wants(const struct session *session, struct process *process);
/* Passes a signal on to the command; one that --stop-at holds must run to hear it. */
void session_signal_child(const struct session *session, int number);
/* A run from set-up to clean-up. Returns the exit status; a command's wait status is in *ret_child_status (-1: none).
 */
int session_run(const struct options *options, int argc, char **argv, int *ret_child_status);

/* ---- setup.c ---- */
/* All of it, up to the command let go. 0 or negative errno, after one line that says what failed. */
int session_start(struct session *session, int argc, char **argv);

/* ---- records.c: what the kernel says ---- */
/* Drains both rings within a budget; asks for another turn if more is left. loop_fn. */
int records_drain(void *arg);
/* Drains until nothing is left, for the end. */
void records_drain_all(struct session *session);

/* ---- ticks.c: what time asks for. loop_fn, each. ---- */
/* Drains, and stops when all whom we follow have ended. */
int tick_drain(void *arg);
int tick_sample(void *arg);
int tick_render(void *arg);
int tick_deadline(void *arg);
/* Reads accounts into the model and judges them: of all processes, or of the targets. */
int session_sample(struct session *session);

/* ---- report.c: lines written ---- */
void report_start(struct session *session, int argc, char **argv);
void report_op(struct session *session, const struct process *process, const struct op_event *op);
void report_process(struct session *session, struct process *process);
void report_refusal(struct session *session, struct process *process, const struct refusal *refusal);
void report_exit(struct session *session, struct process *process, uint64_t ts_ns);
/* Judges a process and writes what has changed. */
void report_judgement(struct session *session, struct process *process, uint64_t ts_ns);
void report_table(struct session *session);
/* Losses that have grown since last time. At the end also those that cost a detail only. */
void report_losses(struct session *session, bool at_end);
/* What became of it, in text; not of a command's child of which there is nothing to say. */
void report_verdict(struct session *session, struct process *process, uint64_t ts_ns);
void report_end(struct session *session);

/* ---- outlet.c: lines on their way ---- */
enum line_rank { LINE_OP, LINE_STATE, LINE_NEWS };
/* False, and counted, if the reader is too far behind for a line of this rank. */
bool outlet_has_room(struct session *session, enum line_rank rank);
/* So much waits for the reader that operations had better wait in the ring. */
bool outlet_is_congested(const struct session *session);
/* True if the buffer holds enough to be worth a write. */
bool outlet_is_due(const struct session *session);
/* Writes out what has room, the rest follows when there is. A failed output ends the session. 0 or negative errno. */
int report_flush(struct session *session);
/*
 * At the end: who reads at his own pace is waited for, until a signal; in a hurry,
 * until he has not read for a second. Says what was not written.
 */
void outlet_finish(struct session *session);

#endif
