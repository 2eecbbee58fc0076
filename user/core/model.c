/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "model.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"

#define CLIMB_FORGETS_NS 8000000000ULL /* a climb is as new after this time without a change */

const char *process_state_name(enum process_state state)
{
	static const char *const names[] = {"steady", "growing", "leaking", "exhausting", "failing"};

	return (unsigned int)state < sizeof(names) / sizeof(names[0]) ? names[state] : "steady";
}

double process_ratio(const struct process *process, uint32_t limit)
{
	return limit ? (double)process->account.map_count / limit : 0;
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

/* Unpacks a process's trail into the model's, an empty one if it has none. */
static struct trail *trail_open(struct model *model, const struct process *process)
{
	if (process->trail)
		trail_unpack(process->trail, &model->trail);
	else
		trail_reset(&model->trail);
	return &model->trail;
}

/* Keeps it; without memory the one before stays. */
static void trail_close(struct model *model, struct process *process)
{
	model->dropped += trail_pack(&model->trail, &process->trail) != 0;
}

static void trail_sample(struct model *model, struct trail *trail, const struct sample *sample)
{
	if (sample->ts_ns <= trail->history.last.ts_ns)
		return;
	history_add(&trail->history, sample);
	climb_note(&trail->climb, sample, model->thresholds.limit);
}

/* A climb's past goes on to sample, tick by tick, as far back as it remembers. */
static void climb_hold(const struct model *model, struct climb *climb, const struct sample *sample, uint64_t from_ns)
{
	struct sample flat = *sample;

	if (sample->ts_ns > from_ns + CLIMB_FORGETS_NS)
		from_ns = sample->ts_ns - CLIMB_FORGETS_NS;
	for (flat.ts_ns = from_ns + model->tick_ns; flat.ts_ns < sample->ts_ns; flat.ts_ns += model->tick_ns)
		climb_note(climb, &flat, model->thresholds.limit);
}

/* It was so at the last tick, and at those before: who does not change is not read. */
static void trail_hold(struct model *model, struct trail *trail, const struct process *process)
{
	uint64_t from_ns = trail->history.last.ts_ns;
	struct sample sample;

	if (model->last_tick_ns <= from_ns || model->last_tick_ns < process->seen_ns)
		return;
	sample_of(&process->account, model->last_tick_ns, &sample);
	if (trail->history.last.ts_ns)
		sample.at_peak = trail->history.last.at_peak; /* nothing has changed, neither what it grew by */
	if (from_ns && model->tick_ns) {
		history_hold(&trail->history, &sample, model->tick_ns);
		climb_hold(model, &trail->climb, &sample, from_ns);
	}
	trail_sample(model, trail, &sample);
}

void model_hold(struct model *model, struct process *process)
{
	if (!process->trail)
		return;
	trail_hold(model, trail_open(model, process), process);
	trail_close(model, process);
}

/* The point it began from: its baseline, just before its first change. */
static void trail_begin(struct model *model, struct trail *trail, const struct mt_process *account)
{
	struct sample sample = {.ts_ns = account->first_change_ns, .map_count = account->baseline};

	if (sample.ts_ns)
		trail_sample(model, trail, &sample);
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
	process->files.dropped_sum = &model->files_dropped;
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

/*
 * Has the address space grown beyond all it has been, by half a page at least for
 * each map more? A leak's has. stress-ng's, once split or refilled, has not, nor
 * while what it refilled merges again.
 */
static bool grows_with_maps(const struct account *before, const struct account *account)
{
	if (account->execs == before->execs && account->map_count < before->map_count)
		return false;
	if (account->map_count == before->map_count || account->execs != before->execs || !account->peak_vm_pages)
		return account_at_peak(account);
	return account->peak_vm_pages > before->peak_vm_pages &&
	       account->peak_vm_pages - before->peak_vm_pages >= (account->map_count - before->map_count) / 2;
}

/* What came before the change that is about to be taken. */
static void trail_look_back(struct model *model, struct trail *trail, const struct process *process,
			    const struct mt_process *account)
{
	if (process->account.execs != account->execs)
		trail_reset(trail); /* a new image: what the old one did says nothing about it */
	else if (!process->trail && process->seen_ns > model->last_tick_ns)
		trail_begin(model, trail, account);
	else
		trail_hold(model, trail, process);
}

/*
 * Is an account that has come a sample worth keeping? One that has not changed
 * says what trail_hold() fills in, if the time between ticks is known.
 */
static bool is_sample(const struct model *model, const struct process *process, const struct mt_process *account)
{
	bool changed = account->last_change_ns != process->account.last_change_ns ||
		       account->execs != process->account.execs || !process->trail;

	return account->first_change_ns && (changed || process->lively || !model->tick_ns);
}

static void process_take(struct model *model, struct process *process, const struct mt_process *account, uint64_t ts_ns)
{
	const struct account last = process->account; /* its counts; not its tallies, which will have gone */
	struct trail *trail = NULL;
	struct sample now;

	if (account->last_change_ns < last.last_change_ns)
		return; /* an older word than the one we have */
	if (is_sample(model, process, account)) {
		trail = trail_open(model, process);
		trail_look_back(model, trail, process, account);
	}
	if (account_copy(&process->account, account)) {
		model->dropped++;
		return;
	}
	if (!trail)
		return;
	sample_of(&process->account, ts_ns, &now);
	now.at_peak = grows_with_maps(&last, &process->account);
	trail_sample(model, trail, &now);
	trail_close(model, process);
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

#define MAP_SHARED  1 /* or MAP_SHARED_VALIDATE, 3; MAP_PRIVATE is 2 */
#define MAP_HUGETLB 0x40000

/* What an operation acts on; NULL: that is not known. */
static const struct file_id *file_of(const struct op_event *op)
{
	if (op->has_file)
		return &op->file;
	if (op->is_anon)
		return file_anonymous(FILE_ANON);
	if (op->op != MT_OP_MMAP || !op->has_args || op->args.has_fd)
		return NULL;
	if (op->args.flags & MAP_HUGETLB)
		return file_anonymous(FILE_ANON_HUGETLB);
	return file_anonymous(op->args.flags & MAP_SHARED ? FILE_ANON_SHM : FILE_ANON);
}

void model_operation(struct process *process, const struct op_event *op)
{
	const struct file_id *id = file_of(op);
	struct file_use *use;

	if (op->error)
		return;
	if (op->op == MT_OP_EXECVE || op->op == MT_OP_EXECVEAT) {
		file_table_free(&process->files);
		site_list_free(&process->sites); /* none of them is mapped any more */
		site_shares_free(&process->site_shares);
		return;
	}
	if (!id)
		return;
	use = file_table_get(&process->files, id);
	if (!use)
		return;
	if (id->path_is_full)
		use->id = *id;
	use->maps += op->delta;
	if (op->op == MT_OP_MMAP || op->op == MT_OP_SHMAT) {
		use->calls++;
		use->bytes += op->args.len;
	} else if (op->op == MT_OP_MUNMAP || op->op == MT_OP_SHMDT) {
		use->unmapped++;
	}
}

void model_identify(struct model *model, struct process *process, const char *cgroup)
{
	process->cgroup = groups_take(&model->groups, cgroup, &process->container_id);
	model->dropped += !process->cgroup;
}

void model_remove(struct model *model, struct process *process)
{
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++)
		model->open_findings -= process_open_finding(process, kind).severity > SEVERITY_INFO;
	model_calm(model, process);
	HASH_DELETE(hh, model->processes, process);
	file_table_free(&process->files);
	site_list_free(&process->sites);
	site_shares_free(&process->site_shares);
	account_free(&process->account);
	free(process->trail);
	free(process->open);
	groups_release(&model->groups, process->cgroup);
	free(process);
}

size_t model_trail_bytes(const struct model *model)
{
	size_t bytes = 0;

	for (const struct process *process = model->processes; process; process = process->hh.next)
		bytes += process->trail ? trail_size(process->trail) : 0;
	return bytes;
}

void model_free(struct model *model)
{
	struct process *process, *next;

	MODEL_EACH (model, process, next)
		model_remove(model, process);
}
