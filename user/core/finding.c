/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "finding.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "model.h"
#include "op.h"
#include "units.h"

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

static bool op_only_splits(uint32_t op)
{
	return op == MT_OP_MUNMAP || op == MT_OP_MPROTECT || op == MT_OP_PKEY_MPROTECT || op == MT_OP_MADVISE ||
	       op == MT_OP_PROCESS_MADVISE || op == MT_OP_MLOCK || op == MT_OP_MLOCK2 || op == MT_OP_MUNLOCK ||
	       op == MT_OP_MBIND || op == MT_OP_MSEAL || op == MT_OP_PRCTL;
}

/* System V segments are named by their key, that they may share; their inode is their id (ipc/shm.c, newseg). */
static bool is_segment(const struct file_id *id)
{
	const char *name = id->path[0] == '/' ? id->path + 1 : id->path;

	return id->kind == FILE_SHM && !strncmp(name, "SYSV", 4) && strlen(name) == 12 &&
	       strspn(name + 4, "0123456789abcdef") == 8;
}

static void advise_file(const struct file_use *use, char *buf, size_t size)
{
	const char *again = file_anonymous(use->id.kind) ? "release them, or map larger areas"
							 : "unmap it where it is mapped, or map it once";
	char calls[UNITS_LEN], rest[UNITS_LEN];

	units_plural(use->calls, "time", calls, sizeof(calls));
	if (use->unmapped)
		units_plural(use->unmapped, "time", rest, sizeof(rest));
	else
		units_plural((uint64_t)(use->maps > 0 ? use->maps : 0), "map", rest, sizeof(rest));
	if (is_segment(&use->id))
		snprintf(buf, size,
			 "shared memory segment %" PRIu64
			 " (shmid) was attached %s and %s %s: let a shmdt follow each shmat, or attach it once",
			 use->id.inode, calls, use->unmapped ? "detached" : "holds", rest);
	else
		snprintf(buf, size, "%s was mapped %s and %s %s: %s", use->id.path, calls,
			 use->unmapped ? "unmapped" : "holds", rest, again);
}

/* Read from /proc, and not again when there is no time for it. */
static void advise_by_count(const struct file_use *use, const struct process *process, char *buf, size_t size)
{
	char number[UNITS_LEN], total[UNITS_LEN];

	units_count((uint64_t)use->maps, number, sizeof(number));
	if (!process->files_at || process->files_at == process->account.map_count)
		snprintf(buf, size, "%s holds %s of its maps: look for a missing munmap", use->id.path, number);
	else
		snprintf(buf, size, "%s held %s of %s: look for a missing munmap", use->id.path, number,
			 units_plural(process->files_at, "map", total, sizeof(total)));
}

/* Is the file behind a good part of the growth? Not all of its maps need be known: records may have been lost. */
static bool file_explains(const struct file_use *use, int64_t growth)
{
	int64_t by_calls = (int64_t)(use->calls - use->unmapped);
	int64_t maps = use->maps > by_calls ? use->maps : by_calls;

	return maps > 0 && maps >= growth / 16;
}

/* What the operation has added and nobody has taken away. */
static int64_t growth_of(const struct account *account, const struct evidence_op *op)
{
	int64_t growth = (int64_t)account->map_count - account->baseline;

	return growth > 0 && growth < op->delta ? growth : op->delta;
}

/* One sentence: what to look at, by the strongest evidence. */
static void advise(const struct finding *finding, const struct process *process, char *buf, size_t size)
{
	const struct evidence_op *top = finding->op_count ? &finding->ops[0] : NULL;
	const struct file_use *use = finding->file_count ? &finding->files[0] : NULL;
	int64_t growth = top ? growth_of(&process->account, top) : 0;
	char number[UNITS_LEN];

	if (use && !file_explains(use, growth))
		use = NULL;
	if (top && top->delta > 0 && op_only_splits(top->op))
		snprintf(buf, size,
			 "%s splits maps faster than they merge (%s): apply it to whole mappings, or undo it",
			 op_name(top->op), units_change(top->delta, number, sizeof(number)));
	else if (use && use->calls)
		advise_file(use, buf, size);
	else if (use)
		advise_by_count(use, process, buf, size);
	else if (top && top->delta > 0)
		snprintf(buf, size, "%s added %s that stay: look for a missing %s", op_name(top->op),
			 units_plural((uint64_t)growth, "map", number, sizeof(number)),
			 top->op == MT_OP_SHMAT ? "shmdt" : "munmap");
	else
		snprintf(buf, size, "watch it with mmaptrace -p to see which calls and files its maps come from");
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
	advise(ret_finding, process, ret_finding->advice, sizeof(ret_finding->advice));
}
