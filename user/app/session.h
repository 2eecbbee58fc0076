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
#include "pprof.h"
#include "reading.h"
#include "recording.h"
#include "stacks.h"
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
	LOSS_RULES,
	LOSS_SYMBOLS,
	LOSS_SYMBOLIZER,
	LOSS_SLOTS
};

struct daemon;

struct session {
	const struct options *options;
	struct daemon *daemon; /* owned; NULL: it is none */
	struct session *watch; /* of a daemon's gear: whose loop and lines it uses. Borrowed; NULL: it has its own */
	struct features features;
	struct plan plan;
	struct tracer *tracer;
	struct stacks stacks;
	struct loop *loop;
	struct model model;
	struct reading reading;	   /* which accounts a tick reads; of the table only */
	struct recorder *recorder; /* owned; NULL: lines are written, not a recording */
	const struct buf *answers; /* borrowed; of a replay, to what is asked now. NULL: the machine answers */
	bool is_seal_due;	   /* what is recorded so far is to be written */
	uint64_t sealed_ns;	   /* boot clock, when that was done last */
	struct output output;
	struct buf profile;	 /* folded stacks of those who have ended */
	struct pprof *pprof;	 /* owned; NULL: not asked for */
	bool is_profile_due;	 /* what is written from here on is the profile */
	struct buf buf;		 /* lines not yet written out */
	struct text_style style; /* also holds what JSON lines need: style.line */
	struct line_cache line_cache;
	char host[65], kernel[65], plan_text[PLAN_TEXT_LEN];
	uint32_t limit, real_limit; /* maps: in force here (--limit), vm.max_map_count */
	uint32_t page_size, ring_bytes;
	int argc;
	char **argv;	      /* borrowed: the command line */
	char *cgroup;	      /* path in its hierarchy; NULL: no filter */
	unsigned int placing; /* tables since processes were first looked up in it */
	uint64_t start_ns;    /* boot clock */
	uint64_t cleared_ns;  /* boot clock, when the ledger last was */
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
	uint64_t stack_ends[MT_STACK_ENDS];    /* at the end: call stacks taken, by how they ended */
	uint64_t early_exits;		       /* told before their operations */
	uint64_t unread;		       /* records left when the time to read them had passed */
	uint64_t ops_left_out, lines_left_out; /* for want of room: their reader was too slow */

	struct buf recent[RECENT_FINDINGS]; /* findings shown again under each redrawn table */
	unsigned int recent_next;
	uint64_t enomem_held;	  /* refusals since then, not shown one by one */
	uint64_t looked_until_ns; /* boot clock: to when the time for looking into refusals is spent */
	int output_error;	  /* errno that ended the output; 0: none */
	bool hurried;		  /* the end was asked for, and not by somebody at the terminal */
	bool unwritten;		  /* at the end the reader did not take all */
};

/* All processes are watched, and judged by their map counts; else some are followed in detail. */
bool session_is_wide(const struct session *session);
/* CLOCK_BOOTTIME, ns: the clock of every record. In a replay the recording's. */
uint64_t session_now(void);
/* From now on it is a replay, and this late. */
void session_set_now(uint64_t now_ns);
/* Looks up whether it is in the cgroup of the filter, if there is one. */
void session_place(const struct session *session, struct process *process);
/* True if this process is one the user asked about. */
bool session_wants(const struct session *session, struct process *process);
/* Passes a signal on to the command; one that --stop-at holds must run to hear it. */
void session_signal_child(const struct session *session, int number);
/* Makes an empty one, that can be freed. */
void session_init(struct session *session, const struct options *options);
void session_free(struct session *session);
/* What is still alive gets its last word too. */
void session_finish_living(struct session *session);
/* Exit status after it has ended, with this error or 0. */
int session_exit_status(const struct session *session, int error);
/* A run from set-up to clean-up. Returns the exit status; a command's wait status is in *ret_child_status (-1: none).
 */
int session_run(const struct options *options, int argc, char **argv, int *ret_child_status);

/* ---- setup.c ---- */
/* All of it, up to the command let go. 0 or negative errno, after one line that says what failed. */
int session_start(struct session *session, int argc, char **argv);

/* ---- setup_stacks.c: parts of it ---- */
/* Before anything is open that the symbolizer need not inherit. 0 or negative errno. */
int session_start_stacks(struct session *session);
/* How much room what stacks need has in the kernel. */
void session_size_stacks(const struct session *session, struct tracer_options *options);
/* Waits, not for long, until there are rules for those who are to be followed. */
void session_warm_up(struct session *session);
/* Has the loop take what the symbolizer says; again when its descriptor has changed. 0 or negative errno. */
int session_watch_stacks(struct session *session);

/* ---- records.c: what the kernel says ---- */
/* Drains both rings within a budget; asks for another turn if more is left. loop_fn. */
int records_drain(void *arg);
/* Drains until nothing is left, for the end. */
void records_drain_all(struct session *session);
/* One record of the ring of alarms, and of that of operations, as drained; arg is the session. */
void records_take_alarm(const void *data, size_t size, void *arg);
void records_take_event(const void *data, size_t size, void *arg);
/* All operations that came before now have been read: who had ended is told of. */
void records_finish_exits(struct session *session);

/* ---- refusals.c ---- */
/* Why it was refused, after a look at what its record leaves open. */
void refusal_investigate(struct session *session, const struct event *event, struct refusal *ret_refusal);

/* ---- ticks.c: what time asks for. loop_fn, each. ---- */
/* Drains, and stops when all whom we follow have ended. */
int tick_drain(void *arg);
int tick_sample(void *arg);
int tick_render(void *arg);
int tick_deadline(void *arg);
/* Reads accounts into the model and judges them: of all processes, or of the targets. */
int session_sample(struct session *session);
/* An account as it was read at ts_ns. */
struct process *session_take_account(struct session *session, const struct mt_process *account, uint64_t ts_ns);
/* The kernel lists it no more. */
void session_take_missing(struct session *session, struct process *process);
/* All that was to be read for this tick has been: judges those who have something to be judged by. */
void session_judge(struct session *session, uint64_t ts_ns);

/* ---- source.c: what a run asks of the machine; a recording keeps the answers, and gives them in a replay ---- */
/* Where the payload of an answer of this type about this process begins. False: there is none. */
bool source_answer(const struct session *session, enum entry_type type, const struct process *process,
		   struct unpack *ret_payload);
/* The whole path of the file that an operation has mapped. */
void source_file_path(struct session *session, const struct process *process, const struct op_event *op,
		      struct file_id *id);
/* Where a process lives. */
void source_identify(struct session *session, struct process *process);
/* Its files, counted once. */
void source_count_files(struct session *session, struct process *process);

/* ---- record.c: what is kept of a run. Without a recorder they do nothing. ---- */
/* 0 or -ENOMEM. */
int record_open(struct session *session);
void record_close(struct session *session);
void record_header(struct session *session, int argc, char **argv);
void record_account(struct session *session, const struct mt_process *account, uint64_t ts_ns);
void record_record(struct session *session, enum entry_type type, const void *data, size_t size);
/* TICK, LIMIT, EXITS: at this moment. */
void record_moment(struct session *session, enum entry_type type, uint64_t ts_ns);
/* GONE, TARGET. */
void record_process(struct session *session, enum entry_type type, const struct process *process);
void record_loss(struct session *session, unsigned int slot, const char *what, uint64_t more);
void record_living(struct session *session);
void record_end(struct session *session, const uint64_t *stack_ends);
/* Puts what has been recorded where lines would be. */
void record_flush(struct session *session);

#define PROFILE_NAMES_MS 20000 /* a profile is nothing without names: at the end they are waited for so long */

/* ---- sites.c ---- */
enum gather {
	GATHER_AS_KNOWN,   /* waiting for nothing */
	GATHER_IN_A_HURRY, /* as the kernel side keeps them */
	GATHER_EXACT,	   /* held against the kernel's own list of maps, if it is still there */
	GATHER_AT_LAST,	   /* the same; there is time to wait for names, and will be none later */
};
/* Reads a process's call sites, with their stacks in words. Without stacks it does nothing. */
void session_gather_sites(struct session *session, struct process *process, enum gather how);
/* Its process, or the program it ran until then, is gone: there is nothing left to say. */
void session_forget_sites(struct session *session, struct process *process, uint64_t before_ns);

/* ---- clearing.c ---- */
/* If the ledger is nearly full, takes out of it what is mapped no more. */
void session_clear_ledger(struct session *session);

/* ---- profile_output.c: instead of lines. Without --folded or --pprof they do nothing. ---- */
/* 0 or -ENOMEM. */
int profile_open(struct session *session);
/* A process has ended, or the trace has: its sites, as gathered. */
void profile_add(struct session *session, const struct process *process);
/* Puts the profile where lines would be. */
void profile_finish(struct session *session);
void profile_close(struct session *session);

/* ---- report.c: lines written ---- */
void report_start(struct session *session, int argc, char **argv);
void report_op(struct session *session, const struct process *process, struct op_event *op);
void report_process(struct session *session, struct process *process);
void report_refusal(struct session *session, struct process *process, struct refusal *refusal, uint64_t stack_id);
void report_exit(struct session *session, struct process *process, uint64_t ts_ns);
/* An open finding told once more, now that there is evidence. */
void report_evidence(struct session *session, struct process *process);
/* Judges a process and writes what has changed. */
void report_judgement(struct session *session, struct process *process, uint64_t ts_ns);
void report_table(struct session *session);
/* Is there anything to say of what became of it? In text; not of a command's child of which there is nothing to say. */
bool report_has_verdict(const struct session *session, const struct process *process);
/* What became of it, in text; not of a command's child of which there is nothing to say. */
void report_verdict(struct session *session, struct process *process, uint64_t ts_ns);

/* ---- totals.c: lines about the run as a whole ---- */
/* That so much was lost of this, in all. */
void report_loss(struct session *session, unsigned int slot, const char *what, uint64_t count);
/* Losses that have grown since last time. At the end also those that cost a detail only. */
void report_losses(struct session *session, bool at_end);
/* Those told so far. */
uint64_t report_losses_total(const struct session *session);
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
