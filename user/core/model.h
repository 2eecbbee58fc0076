/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every process as user space knows it: its account as last read from the
 * kernel, its past, what the detectors said of it.
 */
#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include <stdbool.h>
#include <stdint.h>
#include <uthash.h>
#include <utlist.h>

#include "account.h"
#include "detect.h"
#include "event.h"
#include "file_table.h"
#include "finding.h"
#include "forecast.h"
#include "groups.h"
#include "mmaptrace.h"
#include "site.h"
#include "trail.h"

struct process_key {
	uint64_t start_ns; /* boot clock */
	uint32_t pid;
	uint32_t pad;
};

enum process_state { PROCESS_STEADY, PROCESS_GROWING, PROCESS_LEAKING, PROCESS_EXHAUSTING, PROCESS_FAILING };

/* A finding that is open: raised, not yet cleared. */
struct open_finding {
	enum severity severity; /* SEVERITY_NONE: not open */
	uint64_t raised_ns;
	uint64_t told_ns;   /* when it was last reported */
	uint64_t held_ns;   /* when a detector last said so */
	uint32_t map_count; /* the highest at which it was told */
	double eta_s;	    /* as last reported */
	float span_s;	    /* of the longest view it was called by */
	float rate_per_s;   /* when it was raised */
};

/* A refusal that was told; ts_ns 0: none. */
struct told_refusal {
	uint64_t ts_ns, stack_id;
	uint32_t op, reason;
};
#define REFUSALS_TOLD 8

struct rule;

struct process {
	struct process_key key;
	char comm[MT_COMM_LEN + 1];
	const char *cgroup;	  /* of model.groups; NULL: unknown */
	const char *container_id; /* the same; NULL: none */
	struct account account;
	struct packed_trail *trail; /* owned; NULL until it first changed */
	struct forecast forecast;
	enum process_state state;
	struct open_finding *open; /* owned, FINDING_KINDS of them; NULL: none */
	struct file_table files;
	uint32_t files_at;			     /* map count when files were counted from /proc; 0: they are not */
	struct site_list sites;			     /* as last read from the kernel, ranked */
	struct site_shares site_shares;		     /* as last held against the kernel's list of maps */
	uint64_t seen_ns;			     /* first seen by user space, boot clock */
	uint64_t judged_change_ns;		     /* account.last_change_ns when last judged */
	struct told_refusal refusals[REFUSALS_TOLD]; /* shown as text */
	uint64_t last_fail_ns;			     /* last refusal by the maximum map count, boot clock; 0: none */
	const struct rule *rule;		     /* of a daemon's configuration, as last looked up */
	uint64_t ruled;				     /* by which configuration and program; 0: never */
	uint32_t acted;	 /* bit n: on an open finding of kind n its rule's actions were taken */
	uint64_t turn;	 /* model turn in which the kernel last listed it */
	bool target;	 /* streamed: -p, -- CMD and its children */
	bool identified; /* cgroup was looked up */
	bool placed;	 /* in_cgroup has been looked up */
	bool in_cgroup;	 /* of the filter (-c) */
	bool stop_told;	 /* that --stop-at has stopped it */
	bool shown;	 /* a line about it has been written */
	bool ended;
	bool lively; /* in model.lively */
	struct process *lively_prev, *lively_next;
	UT_hash_handle hh;
};

struct model {
	struct process *processes; /* uthash */
	struct process *lively;	   /* utlist: those to be judged at the next tick */
	struct groups *groups;	   /* where processes live */
	struct thresholds thresholds;
	uint64_t turn;		    /* number of complete readings of the kernel's table */
	uint64_t last_tick_ns;	    /* boot clock; every account was current then */
	uint64_t tick_ns;	    /* from one tick to the next; 0: not known, each update is a sample */
	uint64_t dropped;	    /* processes for which there was no memory */
	uint64_t files_dropped;	    /* operations on files that found no room in the tables of processes */
	unsigned int open_findings; /* verdicts: notes are not counted */
	struct trail trail;	    /* of the process at work on */
};

/* Walks all processes; the one at hand may be removed. */
#define MODEL_EACH(model, process, next)                                                                               \
	for ((process) = (model)->processes; (process) && ((next) = (process)->hh.next, 1); (process) = (next))

/* Walks those that are lively; the one at hand may be calmed or removed. */
#define LIVELY_EACH(model, process, next)                                                                              \
	for ((process) = (model)->lively; (process) && ((next) = (process)->lively_next, 1); (process) = (next))

const char *process_state_name(enum process_state state);
/* map_count / limit; 0 if limit is 0. */
double process_ratio(const struct process *process, uint32_t limit);
/* The finding of this kind; severity NONE: it is not open. */
struct open_finding process_open_finding(const struct process *process, enum finding_kind kind);
/* Successful mmap calls less successful munmap calls. */
int64_t process_net_calls(const struct process *process);
uint64_t process_failed_calls(const struct process *process);
/* The process with this identity, or NULL. */
struct process *model_find(struct model *model, uint32_t pid, uint64_t start_ns);
/*
 * Takes an account as it stood at ts_ns, opening the process if it is new.
 * NULL: out of memory (counted). The model owns what it returns.
 */
struct process *model_update(struct model *model, const struct mt_process *account, uint64_t ts_ns);
/* Its past goes on to the last tick: if it was not updated then, nothing had changed. */
void model_hold(struct model *model, struct process *process);
/* Books an operation's file in the process's table. */
void model_operation(struct process *process, const struct op_event *op);
/* Where it lives: the path of its cgroup, copied. */
void model_identify(struct model *model, struct process *process, const char *cgroup);
/* Forgets a process. */
void model_remove(struct model *model, struct process *process);
void model_free(struct model *model);
/* Bytes that the pasts of all processes take. */
size_t model_trail_bytes(const struct model *model);

/* What a detector's word means for a process that may already have an open finding. */
enum change { CHANGE_NONE, CHANGE_RAISED, CHANGE_UPDATED, CHANGE_CLEARED };

struct judgement {
	enum change change;
	struct verdict verdict; /* RAISED, UPDATED; CLEARED: its severity is what had been said */
	uint64_t raised_ns;
};

/* False if nothing has happened since it was last found steady: judging it again would say the same. */
bool model_needs_judgement(const struct process *process);
/* Puts a process among the lively if it needs judgement, and takes it out if not. */
void model_enliven(struct model *model, struct process *process);
/* Takes a process out until it changes, or is judged, again. */
void model_calm(struct model *model, struct process *process);
/* Runs the detectors; updates forecast, state and open findings. ret_judgements: FINDING_KINDS of them. */
void model_judge(struct model *model, struct process *process, uint64_t now_ns, struct judgement *ret_judgements);
/* The same by this trail; NULL: it never changed. */
void model_judge_by(struct model *model, struct process *process, const struct trail *trail, uint64_t now_ns,
		    struct judgement *ret_judgements);
/* Puts a judgement into words, with its evidence. Pure but for what it reads of the process. */
void finding_make(const struct process *process, const struct judgement *judgement, uint32_t limit, uint64_t ts_ns,
		  struct finding *ret_finding);

#endif
