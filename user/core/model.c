/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"

#define CLIMB_FORGETS_NS 8000000000ULL	/* a climb is as new after this time without a change */
#define REST_NS		 30000000000ULL /* without a change, before its past is put away */

const char *process_state_name(enum process_state state)
{
	static const char *const names[] = {"steady", "growing", "leaking", "exhausting", "failing"};

	return (unsigned int)state < sizeof(names) / sizeof(names[0]) ? names[state] : "steady";
}

double process_ratio(const struct process *process, uint32_t limit)
{
	return limit ? (double)process->account.map_count / limit : 0;
}

bool process_has_past(const struct process *process)
{
	return process->history || process->rested;
}

int64_t process_net_calls(const struct process *process)
{
	return (int64_t)((uint64_t)account_good_calls(&process->account, MT_OP_MMAP) -
			 (uint64_t)account_good_calls(&process->account, MT_OP_MUNMAP));
}

uint64_t process_failed_calls(const struct process *process)
{
	return account_failed_calls(&process->account);
}

struct process *model_find(struct model *model, uint32_t pid, uint64_t start_ns)
{
	struct process_key key = {.start_ns = start_ns, .pid = pid};
	struct process *process;

	HASH_FIND(hh, model->processes, &key, sizeof(key), process);
	return process;
}

static void sample_of(const struct account *account, uint64_t ts_ns, struct sample *ret_sample)
{
	memset(ret_sample, 0, sizeof(*ret_sample));
	ret_sample->ts_ns = ts_ns;
	ret_sample->map_count = account->map_count;
	ret_sample->opened = account->opened;
	ret_sample->closed = account->closed;
	ret_sample->mapping = account_mapping(account);
	ret_sample->at_peak = account_at_peak(account);
}

static void process_climb(struct model *model, struct process *process, const struct sample *sample)
{
	if (!process->climb)
		process->climb = calloc(1, sizeof(*process->climb));
	if (process->climb)
		climb_note(process->climb, sample, model->thresholds.limit);
	else
		model->dropped++;
}

static void process_sample(struct model *model, struct process *process, const struct sample *sample)
{
	history_add(process->history, sample);
	process_climb(model, process, sample);
}

/* A climb's past goes on to sample, tick by tick, as far back as it remembers. */
static void climb_hold(struct model *model, struct process *process, const struct sample *sample, uint64_t from_ns)
{
	struct sample flat = *sample;

	if (sample->ts_ns > from_ns + CLIMB_FORGETS_NS)
		from_ns = sample->ts_ns - CLIMB_FORGETS_NS;
	for (flat.ts_ns = from_ns + model->tick_ns; flat.ts_ns < sample->ts_ns; flat.ts_ns += model->tick_ns)
		process_climb(model, process, &flat);
}

/* It was so at the last tick, and at those before: who does not change is not read. */
static void process_hold(struct model *model, struct process *process)
{
	uint64_t from_ns = process->history->last.ts_ns;
	struct sample sample;

	if (model->last_tick_ns <= from_ns || model->last_tick_ns < process->seen_ns)
		return;
	sample_of(&process->account, model->last_tick_ns, &sample);
	if (from_ns && model->tick_ns) {
		history_hold(process->history, &sample, model->tick_ns);
		climb_hold(model, process, &sample, from_ns);
	}
	process_sample(model, process, &sample);
}

void model_hold(struct model *model, struct process *process)
{
	if (process->history)
		process_hold(model, process);
}

/* The point it began from: its baseline, just before its first change. */
static void process_first_sample(struct model *model, struct process *process, const struct mt_process *account)
{
	struct sample sample = {.ts_ns = account->first_change_ns, .map_count = account->baseline};

	if (sample.ts_ns)
		process_sample(model, process, &sample);
}

static struct process *process_new(struct model *model, const struct mt_process *account, uint64_t ts_ns)
{
	struct process *process = calloc(1, sizeof(*process)), *added;

	if (!process || account_copy(&process->account, account)) {
		free(process);
		model->dropped++;
		return NULL;
	}
	process->key.pid = account->tgid;
	process->key.start_ns = account->start_ns;
	process->seen_ns = ts_ns;
	process->forecast.eta_s = process->forecast.eta_low_s = process->forecast.eta_high_s = INFINITY;
	HASH_ADD(hh, model->processes, key, sizeof(process->key), process);
	added = model_find(model, account->tgid, account->start_ns);
	if (!added) {
		account_free(&process->account);
		free(process);
		model->dropped++;
	}
	return added;
}

/* A new image: what the old one did says nothing about it. */
static void process_restart(struct process *process)
{
	history_reset(process->history);
	free(process->climb);
	process->climb = NULL;
}

/*
 * Has the address space grown beyond all it has been, by half a page at least for
 * each map more? A leak's has. stress-ng's, once split or refilled, has not.
 */
static bool grows_with_maps(const struct account *before, const struct account *account)
{
	if (account->map_count <= before->map_count || account->execs != before->execs || !account->peak_vm_pages)
		return account_at_peak(account);
	return account->peak_vm_pages > before->peak_vm_pages &&
	       account->peak_vm_pages - before->peak_vm_pages >= (account->map_count - before->map_count) / 2;
}

void model_wake(struct model *model, struct process *process)
{
	struct history *history = calloc(1, sizeof(*history));

	if (!history) {
		model->dropped++;
		return;
	}
	if (process->rested)
		history_unpack(process->rested, history);
	free(process->rested);
	process->rested = NULL;
	process->history = history;
}

/* What came before the change it is about to take. */
static void process_look_back(struct model *model, struct process *process, const struct mt_process *account)
{
	if (process->account.execs != account->execs)
		process_restart(process);
	else if (!process->history->last.ts_ns && process->seen_ns > model->last_tick_ns)
		process_first_sample(model, process, account);
	else
		process_hold(model, process);
}

static void process_take(struct model *model, struct process *process, const struct mt_process *account, uint64_t ts_ns)
{
	const struct account last = process->account; /* its counts; not its tallies, which will have gone */
	bool rests = process->rested && account->last_change_ns == last.last_change_ns && account->execs == last.execs;
	struct sample now;

	if (account->last_change_ns < last.last_change_ns)
		return; /* an older word than the one we have */
	if (!process->history && account->first_change_ns && !rests)
		model_wake(model, process);
	if (process->history)
		process_look_back(model, process, account);
	if (account_copy(&process->account, account)) {
		model->dropped++;
		return;
	}
	if (!process->history)
		return; /* it never changed, or rests */
	sample_of(&process->account, ts_ns, &now);
	now.at_peak = grows_with_maps(&last, &process->account);
	process_sample(model, process, &now);
}

struct process *model_update(struct model *model, const struct mt_process *account, uint64_t ts_ns)
{
	struct process *process = model_find(model, account->tgid, account->start_ns);

	if (!process)
		process = process_new(model, account, ts_ns);
	if (!process)
		return NULL;
	process_take(model, process, account, ts_ns);
	memcpy(process->comm, account->comm, MT_COMM_LEN);
	model_enliven(model, process);
	return process;
}

static const struct file_id anonymous = {.kind = FILE_ANON, .path = "[anon]"};

void model_operation(struct process *process, const struct op_event *op)
{
	bool maps_it = op->op == MT_OP_MMAP;
	const struct file_id *id = op->has_file							  ? &op->file
				   : (maps_it && op->has_args && !op->args.has_fd) || op->is_anon ? &anonymous
												  : NULL;
	struct file_use *use;

	if (!id || op->error || op->op == MT_OP_EXECVE || op->op == MT_OP_EXECVEAT)
		return;
	use = file_table_get(&process->files, id);
	if (!use)
		return;
	if (id->path_is_full)
		use->id = *id;
	use->maps += op->delta;
	if (maps_it) {
		use->calls++;
		use->bytes += op->args.len;
	} else if (op->op == MT_OP_MUNMAP) {
		use->unmapped++;
	}
}

uint64_t model_files_dropped(const struct model *model)
{
	uint64_t dropped = model->files_dropped;

	for (const struct process *process = model->processes; process; process = process->hh.next)
		dropped += process->files.dropped;
	return dropped;
}

bool model_rest(struct process *process, uint64_t now_ns)
{
	if (!process->history || process->lively || now_ns < process->account.last_change_ns + REST_NS)
		return false;
	process->rested = history_pack(process->history);
	if (!process->rested)
		return false; /* it is all still there */
	free(process->history);
	process->history = NULL;
	/* After REST_NS a climb is as if there had been none, and nothing is open. */
	free(process->climb);
	process->climb = NULL;
	free(process->open);
	process->open = NULL;
	return true;
}

void model_identify(struct model *model, struct process *process, const char *cgroup)
{
	process->cgroup = groups_take(&model->groups, cgroup, &process->container_id);
	model->dropped += !process->cgroup;
}

void model_remove(struct model *model, struct process *process)
{
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++)
		model->open_findings -= process_open_finding(process, kind).severity != SEVERITY_NONE;
	model->files_dropped += process->files.dropped;
	model_calm(model, process);
	HASH_DELETE(hh, model->processes, process);
	file_table_free(&process->files);
	account_free(&process->account);
	free(process->history);
	free(process->rested);
	free(process->climb);
	free(process->open);
	groups_release(&model->groups, process->cgroup);
	free(process);
}

void model_free(struct model *model)
{
	struct process *process, *next;

	MODEL_EACH (model, process, next)
		model_remove(model, process);
}
