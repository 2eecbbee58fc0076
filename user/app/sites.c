/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The call sites of a process, read when there is something to say about it. */
#include <errno.h>

#include "log.h"
#include "maps_reader.h"
#include "recording_answers.h"
#include "session.h"

/* In the hurry of a process about to fail, names that are not known yet are not waited for. */
#define HURRY_MS 20
#define NAMES_MS 300
/* Of a process that ends, where a profile is made: it is in no later one. */
#define PROFILE_EXIT_MS 3000

static int take_site(const struct mt_site_key *key, const struct mt_site *site, void *arg)
{
	return site_list_add(arg, key, site);
}

struct reconciling {
	struct site_list *list;
	struct file_table *files;
	struct ledger ledger;
};

static int take_map(const struct mt_map_key *key, const struct mt_map *map, void *arg)
{
	struct reconciling *work = arg;

	return site_list_enter(work->list, key, map, &work->ledger);
}

static int count_vma(const struct vma *vma, void *arg)
{
	struct reconciling *work = arg;
	struct file_id id;

	site_list_count(work->list, ledger_owner(&work->ledger, vma->start, vma->end), vma->end - vma->start,
			vma->deleted);
	if (vma->deleted) {
		vma_file(vma, &id);
		file_table_mark_deleted(work->files, &id);
	}
	return 0;
}

/* Holds the ledger against the kernel's own list. What cannot be read leaves the counts as they were kept. */
static void reconcile(struct session *session, struct process *process, struct site_list *list)
{
	struct reconciling work = {.list = list, .files = &process->files};
	int error = tracer_read_ledger(session->tracer, process->account.mm, process->key.pid, take_map, &work);

	if (!error)
		error = ledger_sort(&work.ledger);
	if (!error) {
		site_list_recount(list);
		error = maps_read(process->key.pid, count_vma, &work);
		if (!error && !list->all)
			error = -ESRCH; /* none at all: its memory is gone, and it is not yet */
		if (error)
			site_list_restore(list); /* it has ended meanwhile */
		else
			site_list_count_rests(list, &work.ledger);
	}
	if (error)
		log_debug("maps of %u are not held against the ledger: %s", process->key.pid, strerror(-error));
	ledger_free(&work.ledger);
}

static void add_names(struct session *session, struct process *process)
{
	struct site_list *list = &process->sites;

	for (unsigned int i = 0; i < list->count; i++) {
		struct site *site = &list->sites[i];
		const struct file_use *use = site->has_file ? file_table_find(&process->files, &site->file) : NULL;

		if (use && use->id.path_is_full)
			site->file = use->id;
		site->stack = stacks_find(&session->stacks, site->stack_id);
	}
}

/* Gives those gathered their names, as far as they come within a time. */
static void name_sites(struct session *session, struct process *process, enum gather how)
{
	/* Asked for first, so that those whose record was lost are waited for as well. */
	add_names(session, process);
	if (how == GATHER_AS_KNOWN)
		return;
	if (how >= GATHER_EXACT && session->options->profile)
		stacks_settle(&session->stacks, how == GATHER_AT_LAST ? PROFILE_NAMES_MS : PROFILE_EXIT_MS);
	else
		stacks_await(&session->stacks, 0, how == GATHER_IN_A_HURRY ? HURRY_MS : NAMES_MS);
	add_names(session, process);
}

/* A process at work goes on mapping between one reading and the next: what they differ by is no error of the ledger. */
static int settle(struct session *session, const struct process *process, struct site_list *list)
{
	struct site_list later = {0};
	int error = tracer_read_sites(session->tracer, process->account.mm, process->key.pid, take_site, &later);

	if (!error) {
		site_list_sort(&later);
		site_list_settle(list, &later);
	}
	site_list_free(&later);
	return error;
}

static bool has_sites(const struct session *session, const struct process *process)
{
	return process->target && (session->answers || (session->stacks.symbolizer && session->tracer));
}

/* 0 or negative errno: then the list is empty. */
static int read_sites(struct session *session, struct process *process, enum gather how, struct site_list *list)
{
	struct unpack payload;
	int error;

	if (session->answers)
		return source_answer(session, ENTRY_SITES, process, &payload) ? recording_take_sites(&payload, list)
									      : 0;
	error = tracer_read_sites(session->tracer, process->account.mm, process->key.pid, take_site, list);
	if (error)
		return error;
	site_list_sort(list);
	if (how >= GATHER_EXACT && !process->ended)
		reconcile(session, process, list);
	if (list->is_exact)
		error = settle(session, process, list);
	if (list->is_exact)
		site_list_keep(list, &process->site_shares);
	else
		site_list_carry(list, &process->site_shares);
	if (session->recorder)
		recorder_add_sites(session->recorder, &process->key, list);
	return error;
}

void session_gather_sites(struct session *session, struct process *process, enum gather how)
{
	struct site_list read = {0}, *list = &process->sites;

	if (!has_sites(session, process))
		return;
	session->memory_lost += read_sites(session, process, how, &read) != 0;
	site_list_free(list);
	*list = read;
	name_sites(session, process, how);
	site_list_set_growth(list, (int64_t)process->account.map_count - process->account.baseline);
	site_list_rank(list);
}

/*
 * Told apart by time: news of a refusal to the next program may come before that of the
 * exec, and then its mm is known as the process's already.
 */
void session_forget_sites(struct session *session, struct process *process, uint64_t before_ns)
{
	if (!has_sites(session, process))
		return;
	site_list_free(&process->sites); /* it borrows the stacks */
	site_shares_free(&process->site_shares);
	if (session->tracer)
		tracer_drop_sites(session->tracer, process->key.pid, before_ns);
	stacks_forget(&session->stacks, process->key.pid, process->key.start_ns);
}
