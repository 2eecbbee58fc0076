/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Causes that are sums: so much is there, so much was asked for, so much is allowed. */
#include <errno.h>

#include "cause.h"
#include "mman.h"

/* The kernel compares pages: what is wanted rounded up, the limit rounded down. */
static bool exceeds(uint64_t used, uint64_t wanted, uint64_t limit, uint32_t page_size)
{
	uint64_t used_pages = used / page_size, limit_pages = limit / page_size;
	uint64_t wanted_pages = wanted / page_size + (wanted % page_size != 0);

	return limit != UINT64_MAX && (used_pages > limit_pages || wanted_pages > limit_pages - used_pages);
}

/* A sum of this kind, put into an answer. sure: it can't have been otherwise. */
static enum answer by_figures(const struct evidence *evidence, bool exceeded, bool sure)
{
	if (!exceeded)
		return ANSWER_NO;
	return sure && evidence_is_firm(evidence) ? ANSWER_SURE : ANSWER_LIKELY;
}

/* A limit that nothing is known to be asked for of: it can't be it if there is none. */
static enum answer by_limit_alone(uint64_t limit)
{
	return limit == UINT64_MAX ? ANSWER_NO : ANSWER_OPEN;
}

static uint64_t bytes_of(const struct evidence *evidence, uint64_t pages)
{
	return pages * evidence->page_size;
}

/* What mprotect adds to private writable memory, by the first map it changes, or at most. */
static uint64_t made_writable(const struct evidence *evidence)
{
	const struct op_args *args = &evidence->alarm->args;
	const struct range *range = &evidence->around->range;

	return !(args->prot & PROT_WRITE_BIT) ? 0 : range->known ? range->new_data : args->len;
}

/* Whole pages, from that of the first byte to that of the last. */
static uint64_t to_be_locked(const struct evidence *evidence)
{
	const struct op_args *args = &evidence->alarm->args;
	struct range range = range_of(args->addr, args->len, RANGE_ANY_PROT, evidence->page_size);

	return range.end - range.start;
}

uint64_t evidence_weight(const struct evidence *evidence)
{
	uint64_t asked;

	switch (evidence->alarm->op) {
	case MT_OP_MPROTECT:
	case MT_OP_PKEY_MPROTECT:
		return made_writable(evidence);
	case MT_OP_MLOCK:
	case MT_OP_MLOCK2:
		return to_be_locked(evidence);
	}
	evidence_asked(evidence, &asked);
	return asked;
}

/* ---- RLIMIT_MEMLOCK ---- */

/* mlock(2) leaves out what is locked already (mm/mlock.c: do_mlock), which the figures don't tell. */
static enum answer mlock_exceeds(const struct evidence *evidence, uint64_t locked)
{
	const struct alarm_event *alarm = evidence->alarm;
	uint64_t limit = alarm->rlimit_memlock, len = to_be_locked(evidence);

	if (alarm->error != ENOMEM || !alarm->has_args)
		return ANSWER_NO;
	return by_figures(evidence, exceeds(locked, len, limit, evidence->page_size),
			  !locked || exceeds(0, len, limit, evidence->page_size));
}

enum answer cause_memlock(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	uint64_t locked = bytes_of(evidence, alarm->locked_vm_pages), limit = alarm->rlimit_memlock, asked;

	if (alarm->may_lock)
		return ANSWER_NO;
	if (alarm->op == MT_OP_MLOCK || alarm->op == MT_OP_MLOCK2)
		return mlock_exceeds(evidence, locked);
	if (alarm->op == MT_OP_MLOCKALL) {
		bool now = alarm->error == ENOMEM && alarm->has_args && (alarm->args.flags & MCL_CURRENT_BIT);

		return by_figures(
			evidence,
			now && exceeds(0, bytes_of(evidence, alarm->total_vm_pages), limit, evidence->page_size), true);
	}
	if (!evidence_asked(evidence, &asked))
		return alarm->error == EAGAIN ? by_limit_alone(limit) : ANSWER_NO;
	/* brk can't say EAGAIN; whether it locks (MCL_FUTURE) is only to be guessed from what is locked. */
	if (alarm->op == MT_OP_BRK)
		return by_figures(evidence, locked && asked && exceeds(locked, asked, limit, evidence->page_size),
				  false);
	return by_figures(evidence,
			  alarm->error == EAGAIN && asked && exceeds(locked, asked, limit, evidence->page_size), true);
}

/* ---- RLIMIT_AS, RLIMIT_DATA ---- */

/* What MAP_FIXED takes the place of does not count twice (mm/mmap.c: count_vma_pages_range). */
static uint64_t replaced(const struct evidence *evidence, uint64_t asked, bool *ret_known)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct range *range = &evidence->around->range;
	bool fixed = alarm->op == MT_OP_MMAP && (alarm->args.flags & MAP_FIXED_BIT);

	*ret_known = !fixed || (range->known && range->fresh);
	if (!fixed || !range->known)
		return 0;
	return range->mapped < asked ? range->mapped : asked;
}

static bool as_exceeded(const struct evidence *evidence, uint64_t asked)
{
	const struct alarm_event *alarm = evidence->alarm;

	return exceeds(bytes_of(evidence, alarm->total_vm_pages), asked, alarm->rlimit_as, evidence->page_size);
}

enum answer cause_as(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	uint64_t asked, overlap;
	bool known;

	if (alarm->error != ENOMEM)
		return ANSWER_NO;
	if (!evidence_asked(evidence, &asked))
		return by_limit_alone(alarm->rlimit_as);
	if (!asked)
		return ANSWER_NO;
	overlap = replaced(evidence, asked, &known);
	known &= alarm->op != MT_OP_SHMAT || alarm->entry_len; /* by its name, which may by now be another's */
	return by_figures(evidence, as_exceeded(evidence, asked - overlap), known);
}

/* The ways round it: a limit of 0 leaves the hard one (Valgrind's), and a kernel parameter all (may_expand_vm). */
static bool data_exceeded(const struct evidence *evidence, uint64_t asked)
{
	const struct alarm_event *alarm = evidence->alarm;
	uint64_t used = bytes_of(evidence, alarm->data_vm_pages);

	if (evidence->around->machine.ignores_rlimit_data)
		return false;
	return exceeds(used, asked, alarm->rlimit_data ? alarm->rlimit_data : alarm->rlimit_data_max,
		       evidence->page_size);
}

/* brk(2) adds up differently before (include/linux/mm.h: check_data_rlimit), and knows no way round. */
static bool break_exceeded(const struct alarm_event *alarm)
{
	return alarm->has_args && alarm->rlimit_data != UINT64_MAX && alarm->args.addr > alarm->start_brk &&
	       (alarm->args.addr - alarm->start_brk > alarm->rlimit_data ||
		alarm->data_segment > alarm->rlimit_data - (alarm->args.addr - alarm->start_brk));
}

/* Private writable memory that is no stack (mm/mmap.c: is_data_mapping). */
static bool mmap_is_data(const struct op_args *args)
{
	return (args->prot & PROT_WRITE_BIT) && (args->flags & MAP_TYPE_MASK) == MAP_PRIVATE_TYPE &&
	       !(args->flags & MAP_GROWSDOWN_BIT);
}

/* Rights make data of what was none. Who is past RLIMIT_AS as well is let pass here (mm/mprotect.c). */
static enum answer mprotect_data(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct range *range = &evidence->around->range;
	uint64_t asked = made_writable(evidence);

	if (!alarm->has_args || !asked || as_exceeded(evidence, asked))
		return ANSWER_NO;
	return by_figures(evidence, data_exceeded(evidence, asked), range->known && range->fresh);
}

enum answer cause_data(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct range *range = &evidence->around->range;
	uint64_t asked, overlap;
	bool known;

	if (alarm->error != ENOMEM)
		return ANSWER_NO;
	if (alarm->op == MT_OP_MPROTECT || alarm->op == MT_OP_PKEY_MPROTECT)
		return mprotect_data(evidence);
	if ((alarm->op == MT_OP_MMAP && !mmap_is_data(&alarm->args)) ||
	    (alarm->op == MT_OP_MREMAP && range->known && !range->is_data) || !evidence_asked(evidence, &asked) ||
	    !asked)
		return ANSWER_NO; /* shmat's memory, and io_setup's, is shared */
	overlap = replaced(evidence, asked, &known);
	if (alarm->op == MT_OP_MREMAP)
		known = range->known && range->fresh;
	return by_figures(evidence,
			  data_exceeded(evidence, asked - overlap) || (alarm->op == MT_OP_BRK && break_exceeded(alarm)),
			  known);
}

/* ---- overcommit ---- */

/* Bytes that the kernel keeps an account of for this operation, 0 if none (accountable_mapping, shmem_acct_size). */
static uint64_t accounted(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct op_args *args = &alarm->args;
	uint64_t asked;

	if (alarm->op == MT_OP_MPROTECT || alarm->op == MT_OP_PKEY_MPROTECT)
		return made_writable(evidence);
	if (!evidence_asked(evidence, &asked) || alarm->op == MT_OP_SHMAT)
		return 0;
	if (alarm->op != MT_OP_MMAP)
		return asked;
	if ((args->flags & MAP_HUGETLB_BIT) && (args->flags & MAP_ANONYMOUS_BIT))
		return 0;
	if ((args->flags & MAP_NORESERVE_BIT) && evidence->around->machine.overcommit != OVERCOMMIT_NEVER)
		return 0;
	if (evidence_is_shared_anonymous(alarm))
		return asked;
	return (args->prot & PROT_WRITE_BIT) && (args->flags & MAP_TYPE_MASK) == MAP_PRIVATE_TYPE ? asked : 0;
}

/* What may be committed by this process (mm/util.c: __vm_enough_memory). */
static uint64_t commit_allowed(const struct evidence *evidence)
{
	const struct machine *machine = &evidence->around->machine;
	uint64_t held = bytes_of(evidence, evidence->alarm->total_vm_pages) / 32;

	if (held > machine->user_reserve)
		held = machine->user_reserve;
	if (!evidence->alarm->is_admin)
		held += machine->admin_reserve;
	return machine->commit_limit > held ? machine->commit_limit - held : 0;
}

/* Others commit and give back all the time: within a 64th of the limit the figures tell nothing. */
static enum answer commit_never(const struct evidence *evidence, uint64_t asked)
{
	const struct machine *machine = &evidence->around->machine;
	uint64_t allowed = commit_allowed(evidence), near = machine->commit_limit / 64;
	uint64_t left = allowed > machine->committed ? allowed - machine->committed : 0;

	if (asked >= left)
		return ANSWER_LIKELY;
	return asked + near >= left ? ANSWER_OPEN : ANSWER_NO;
}

enum answer cause_commit(const struct evidence *evidence)
{
	const struct alarm_event *alarm = evidence->alarm;
	const struct machine *machine = &evidence->around->machine;
	uint64_t asked;

	if (alarm->no_commit)
		return ANSWER_SURE;
	if (evidence->around->commit_told || alarm->error != ENOMEM)
		return ANSWER_NO;
	if (!alarm->has_args)
		return ANSWER_OPEN;
	asked = accounted(evidence);
	if (!asked)
		return ANSWER_NO;
	if (!machine->known)
		return ANSWER_OPEN;
	if (machine->overcommit == OVERCOMMIT_NEVER)
		return commit_never(evidence, asked);
	return machine->overcommit == OVERCOMMIT_HEURISTIC && asked > machine->ram + machine->swap ? ANSWER_LIKELY
												   : ANSWER_NO;
}
