/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The BPF side as user space handles it: loading, attaching, maps, rings. */
#ifndef IO_TRACER_H
#define IO_TRACER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmaptrace.h"
#include "plan.h"

struct tracer; /* opaque */

struct tracer_options {
	struct plan plan;
	uint32_t limit, stop_at; /* maps; stop_at 0: never */
	uint32_t real_limit;	 /* vm.max_map_count, where limit is a pretended one */
	uint32_t ring_bytes;	 /* of `events`; a power of two, at least a page */
	uint32_t max_processes;
	uint32_t notes;	       /* room for notes of what has changed, taken each tick; 0: nobody takes any */
	bool stop_all;	       /* stop_at holds for every process, not for targets alone */
	const char *stop_comm; /* stop_all: only processes with this in their name; NULL: any. Borrowed */
	bool operations;       /* operations of targets will be streamed */
	enum mt_stacks stacks; /* of which operations; the rest is their room, each a number of entries */
	uint32_t max_stacks, max_sites, max_maps, max_rules;
};

/* Loads. 0 or negative errno, after one line about what failed. *ret_tracer is to be freed. */
int tracer_open(const struct tracer_options *options, struct tracer **ret_tracer);
/* Attaches what the plan names; targets are best added before, so that nothing of theirs is missed. */
int tracer_attach(struct tracer *tracer, const struct tracer_options *options);
/* Detaches and unloads everything. Takes NULL. */
void tracer_free(struct tracer *tracer);

/* Puts every living process into the kernel's table. */
int tracer_seed(struct tracer *tracer);
/* Without a witness: books every change that no hook saw since the call before, as "other". Else does nothing. */
int tracer_sweep(struct tracer *tracer);
/* Once, for accounts that were there before the hooks: books what has changed in between. 0 or negative errno. */
int tracer_catch_up(struct tracer *tracer);
/* flags: MT_TARGET_*. */
int tracer_target_add(struct tracer *tracer, uint32_t pid, uint32_t flags);
/* Not streamed any more, and forgotten: by what it goes on to do it is met anew, as one of the others. */
void tracer_target_drop(struct tracer *tracer, uint32_t pid);
/* Its process has ended, and nobody was there to be told. */
void tracer_account_drop(struct tracer *tracer, uint64_t mm, uint32_t pid);
/* Freezes every account: no change is booked, no operation begun any more; those under way still come. */
void tracer_finish(struct tracer *tracer);
/* True while a target, or a child followed, lives. */
bool tracer_has_targets(struct tracer *tracer);
/* Limits as in tracer_options. */
void tracer_set_limit(struct tracer *tracer, uint32_t limit, uint32_t stop_at, uint32_t real_limit);
/* The mm that a process uses. -ENOENT: unknown to the kernel's table. */
int tracer_mm_of(struct tracer *tracer, uint32_t pid, uint64_t *ret_mm);
/* One account; mended, and counted as torn, if it changes too fast for a whole copy. -ENOENT: gone, or nobody's. */
int tracer_read(struct tracer *tracer, uint64_t mm, struct mt_process *ret_account);
/* Every account, each whole. Returns how many, or negative errno. */
int tracer_read_all(struct tracer *tracer, void (*take)(const struct mt_process *account, void *arg), void *arg);

/* Raises the tick: what changes from now on is noted anew. Returns how many changes could not be noted so far. */
uint64_t tracer_tick(struct tracer *tracer);
/* Takes the mms of the accounts noted as changed, and forgets them. 0 or negative errno. */
int tracer_take_notes(struct tracer *tracer, void (*take)(uint64_t mm, void *arg), void *arg);

/* Losses by enum mt_loss, and runs of programs that the kernel skipped. */
struct tracer_losses {
	uint64_t counts[MT_LOSS_MAX];
	uint64_t missed_runs;
	uint64_t torn; /* copies of accounts given up */
};
void tracer_read_losses(struct tracer *tracer, struct tracer_losses *ret_losses);
const char *tracer_loss_text(enum mt_loss what);

/* ---- tracer_pin.c: accounts that outlive whoever keeps them ---- */

/* What an earlier run has left of a process, to go on from. */
enum adopted { ADOPTED, ADOPTED_NOT_THERE };
/*
 * Between tracer_open and tracer_attach: seeds the table, and has the accounts of those who still live (the same mm,
 * pid and start) go on; what has changed meanwhile is booked as "other".
 */
enum adopted tracer_adopt(struct tracer *tracer, const struct mt_process *account);
/* Those pinned in this folder of a bpffs by one who did not come to an end. How many, or negative errno. */
int tracer_adopt_pinned(struct tracer *tracer, const char *folder);
/* Pins the table there, in place of what is pinned. 0 or negative errno. */
int tracer_pin(struct tracer *tracer, const char *folder);
/* Takes it down again. */
void tracer_unpin(const char *folder);

/* ---- tracer_sites.c ---- */

/* Take one; nonzero stops the reading, with that as its result. */
typedef int tracer_site_fn(const struct mt_site_key *key, const struct mt_site *site, void *arg);
typedef int tracer_map_fn(const struct mt_map_key *key, const struct mt_map *map, void *arg);
/* Is this entry to be kept? */
typedef bool tracer_keep_fn(const struct mt_map_key *key, const struct mt_map *map, void *arg);

/* The call sites of a process in the mm that it uses; the ledger of its maps. 0 or negative errno. */
int tracer_read_sites(struct tracer *tracer, uint64_t mm, uint32_t pid, tracer_site_fn *take, void *arg);
int tracer_read_ledger(struct tracer *tracer, uint64_t mm, uint32_t pid, tracer_map_fn *take, void *arg);
/* -ENOENT: there is no such stack. */
int tracer_read_stack(struct tracer *tracer, uint64_t id, struct mt_stack *ret_stack);
/* Forgets the sites of a process, in whatever mm, that were first called before this; a stack. */
void tracer_drop_sites(struct tracer *tracer, uint32_t pid, uint64_t before_ns);
void tracer_drop_stack(struct tracer *tracer, uint64_t id);
/* Entries in the ledger, and how many there can be at most. */
uint64_t tracer_ledger_used(const struct tracer *tracer);
uint64_t tracer_ledger_room(const struct tracer *tracer);
/* Takes those out of the ledger that are not to be kept. Returns how many. */
uint64_t tracer_clear_ledger(struct tracer *tracer, tracer_keep_fn *keep, void *arg);
/* Walks up stacks by how they ended; MT_STACK_ENDS of them. */
void tracer_read_stack_ends(const struct tracer *tracer, uint64_t *ret_ends);

/* Rules, and processes that have some, at most. */
uint32_t tracer_rules_room(const struct tracer *tracer);
uint32_t tracer_spaces_room(const struct tracer *tracer);
/* Rules of a module at a place of theirs. 0 or negative errno. */
int tracer_write_rules(struct tracer *tracer, uint32_t first, const struct mt_unwind_row *rows, uint32_t count);
/* The code of a process, at a place of its own. */
int tracer_write_space(struct tracer *tracer, uint32_t pid, uint32_t place, const struct mt_unwind_space *space);
void tracer_drop_space(struct tracer *tracer, uint32_t pid);

/* BPF programs: how often each has run, and how long; both 0 unless kernel.bpf_stats_enabled. */
typedef void tracer_program_fn(const char *name, uint64_t runs, uint64_t run_ns, void *arg);
void tracer_read_programs(const struct tracer *tracer, tracer_program_fn *take, void *arg);

/* For epoll: readable when the kernel asks for a drain. */
int tracer_events_fd(const struct tracer *tracer);
int tracer_alarms_fd(const struct tracer *tracer);

typedef void tracer_take_fn(const void *data, size_t size, void *arg);
/*
 * Hands over at most budget records. Returns how many; less than budget means the
 * ring is empty, or the next record is still being written on another CPU.
 */
unsigned int tracer_drain_events(struct tracer *tracer, unsigned int budget, tracer_take_fn *take, void *arg);
unsigned int tracer_drain_alarms(struct tracer *tracer, unsigned int budget, tracer_take_fn *take, void *arg);
/* Bytes of records in the ring that have not been drained. */
size_t tracer_events_unread(const struct tracer *tracer);
/* True if there is no operation in the ring, not even one still being written. */
bool tracer_events_are_read(const struct tracer *tracer);

#endif
