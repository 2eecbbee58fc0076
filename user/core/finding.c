/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "finding.h"

#include <string.h>

#include "advice.h"
#include "model.h"

const char *finding_kind_name(enum finding_kind kind)
{
	static const char *const names[] = {"leak", "exhaustion", "enomem"};

	return (unsigned int)kind < FINDING_KINDS ? names[kind] : "unknown";
}

const char *severity_name(enum severity severity)
{
	static const char *const names[] = {"none", "info", "warning", "critical"};

	return (unsigned int)severity < sizeof(names) / sizeof(names[0]) ? names[severity] : "unknown";
}

const char *file_kind_name(enum file_kind kind)
{
	static const char *const names[] = {"anon",    "regular", "shm",   "memfd",	  "anon_shm",
					    "hugetlb", "device",  "other", "anon_hugetlb"};

	return (unsigned int)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "other";
}

uint64_t evidence_op_moved(const struct evidence_op *op)
{
	/* INT64_MIN has no positive counterpart, its unsigned negation has */
	return op->delta < 0 ? 0 - (uint64_t)op->delta : (uint64_t)op->delta;
}

static bool moved_more(const struct evidence_op *a, const struct evidence_op *b)
{
	return evidence_op_moved(a) > evidence_op_moved(b);
}

static bool added_more(const struct evidence_op *a, const struct evidence_op *b)
{
	return a->delta > b->delta;
}

/* Puts it where it belongs among the count that are there, EVIDENCE_MAX at most. Returns how many there are then. */
static unsigned int op_insert(struct evidence_op *ops, unsigned int count, struct evidence_op op,
			      bool (*before)(const struct evidence_op *, const struct evidence_op *))
{
	unsigned int at = count;

	while (at && before(&op, &ops[at - 1])) {
		if (at < EVIDENCE_MAX)
			ops[at] = ops[at - 1];
		at--;
	}
	if (at < EVIDENCE_MAX)
		ops[at] = op;
	return count < EVIDENCE_MAX ? count + 1 : count;
}

/* The operations that moved the map count most, up or down; most growth first. */
static unsigned int evidence_ops(const struct account *account, struct evidence_op *ret_ops)
{
	struct evidence_op most[EVIDENCE_MAX];
	unsigned int found = 0, count = 0;

	for (uint32_t op = 0; op < MT_OP_MAX; op++) {
		const struct mt_tally tally = account_tally(account, op);
		struct evidence_op use = {op, tally.calls, tally.failed, tally.delta};

		if (tally.delta || tally.failed)
			found = op_insert(most, found, use, moved_more);
	}
	for (unsigned int i = 0; i < found; i++)
		count = op_insert(ret_ops, count, most[i], added_more);
	return count;
}

unsigned int evidence_sites(const struct site_list *list, struct evidence_site *ret_sites)
{
	unsigned int count = 0;
	int64_t total = 0;

	for (unsigned int i = 0; i < list->count; i++)
		total += site_held(&list->sites[i]);
	for (unsigned int i = 0; i < list->count && count < EVIDENCE_MAX; i++) {
		const struct site *site = &list->sites[i];

		if (site_held(site) > 0)
			ret_sites[count++] = (struct evidence_site){site, (double)site_held(site) / (double)total};
	}
	return count;
}

void finding_make(const struct process *process, const struct judgement *judgement, uint32_t limit, uint64_t ts_ns,
		  struct finding *ret_finding)
{
	memset(ret_finding, 0, sizeof(*ret_finding));
	ret_finding->verdict = judgement->verdict;
	ret_finding->ts_ns = ts_ns;
	ret_finding->raised_ns = judgement->raised_ns;
	ret_finding->update = judgement->change == CHANGE_UPDATED;
	ret_finding->map_count = process->account.map_count;
	ret_finding->limit = limit;
	ret_finding->op_count = evidence_ops(&process->account, ret_finding->ops);
	ret_finding->file_count = file_table_top(&process->files, ret_finding->files, EVIDENCE_MAX);
	ret_finding->site_count = evidence_sites(&process->sites, ret_finding->sites);
	ret_finding->live_is_exact = process->sites.is_exact;
	advise(ret_finding, process, ret_finding->advice, sizeof(ret_finding->advice));
}
