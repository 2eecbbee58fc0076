/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "advice.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "op.h"
#include "path.h"
#include "units.h"

#define WHERE_LEN    160
#define FUNCTION_LEN 72 /* a C++ template's name can be longer than the sentence */

#define MAP_STACK 0x20000

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

/* " at load_frame (loader.cc:57)"; nothing if it is not known. */
static const char *where(const struct site *site, char *buf, size_t size)
{
	const struct frame *frame = site_culprit(site);

	buf[0] = '\0';
	if (!frame)
		return buf;
	if (!frame->function)
		snprintf(buf, size, " at %s+0x%" PRIx64, frame->module, frame->offset);
	else if (!frame->file)
		snprintf(buf, size, " at %.*s", FUNCTION_LEN, frame->function);
	else
		snprintf(buf, size, " at %.*s (%s:%u)", FUNCTION_LEN, frame->function, path_base(frame->file),
			 frame->line);
	return buf;
}

/* "madvise(MADV_DONTFORK)", "mprotect(PROT_NONE)", "munmap" */
static const char *call_name(const struct site *site, char *buf, size_t size)
{
	char text[64];

	if (site->op == MT_OP_MADVISE)
		snprintf(buf, size, "madvise(%s)", op_advice_text(site->args[0], text, sizeof(text)));
	else if (site->op == MT_OP_MPROTECT || site->op == MT_OP_PKEY_MPROTECT)
		snprintf(buf, size, "%s(%s)", op_name(site->op), op_prot_text(site->args[0], text, sizeof(text)));
	else
		snprintf(buf, size, "%s", op_name(site->op));
	return buf;
}

static void advise_split(const struct site *site, char *buf, size_t size)
{
	char call[96], place[WHERE_LEN], number[UNITS_LEN];
	const char *cure = "apply it to whole mappings, or undo it";

	if (site->op == MT_OP_MUNMAP)
		cure = "unmap whole mappings, or give memory back by madvise(MADV_DONTNEED), which splits nothing";
	snprintf(buf, size, "%s%s splits maps faster than they merge (%s): %s", call_name(site, call, sizeof(call)),
		 where(site, place, sizeof(place)), units_change(site_held(site), number, sizeof(number)), cure);
}

/* The usual mistake: lengths in units, or of what was asked for instead of what was mapped. */
static void advise_cut(const struct site *site, char *buf, size_t size)
{
	char place[WHERE_LEN], whole[UNITS_LEN], part[UNITS_LEN], times[UNITS_LEN];

	snprintf(buf, size,
		 "munmap is given less than was mapped%s, %s (%s of %s, the last time), and each leaves a rest: "
		 "unmap the whole length",
		 where(site, place, sizeof(place)), units_plural(site_cut(site), "time", times, sizeof(times)),
		 units_bytes(site->cut_len, part, sizeof(part)), units_bytes(site->map_len, whole, sizeof(whole)));
}

/* What was set apart, as a guard page is, and is left when the rest is unmapped. */
static void advise_split_off(const struct site *site, char *buf, size_t size)
{
	char call[96], place[WHERE_LEN], whole[UNITS_LEN], part[UNITS_LEN], times[UNITS_LEN];

	snprintf(buf, size,
		 "munmap leaves what %s has set apart%s, %s (%s of %s unmapped, the last time): unmap the whole length",
		 call_name(site, call, sizeof(call)), where(site, place, sizeof(place)),
		 units_plural(site_cut(site), "time", times, sizeof(times)),
		 units_bytes(site->cut_len, part, sizeof(part)), units_bytes(site->map_len, whole, sizeof(whole)));
}

/* The next power of two above twice as many. */
static uint64_t roomy(uint64_t maps)
{
	uint64_t limit = 1;

	while (limit < 2 * maps)
		limit *= 2;
	return limit;
}

/* One map each of files that are too many to name. */
static void advise_map_per_file(const struct site *site, const struct finding *finding, char *buf, size_t size)
{
	bool deleted = site->deleted > (uint64_t)site->live / 2;
	char place[WHERE_LEN], count[UNITS_LEN], limit[UNITS_LEN], cure[160];

	units_count(deleted ? site->deleted : (uint64_t)site->live, count, sizeof(count));
	if (deleted)
		snprintf(cure, sizeof(cure), "whoever replaces them has to release the old ones");
	else if (finding->map_count > finding->limit / 2)
		snprintf(cure, sizeof(cure),
			 "maps grow with files: unmap what is not read, or raise vm.max_map_count to %s",
			 units_count(roomy(finding->limit), limit, sizeof(limit)));
	else
		snprintf(cure, sizeof(cure), "maps grow with files: unmap what is not read");
	snprintf(buf, size, "%s %sfiles such as %s are mapped, one by one,%s and stay: %s", count,
		 deleted ? "deleted " : "", site->file.path, where(site, place, sizeof(place)), cure);
}

static void advise_stacks(const struct site *site, char *buf, size_t size)
{
	char place[WHERE_LEN], calls[UNITS_LEN];

	snprintf(buf, size,
		 "%s of threads or fibers made%s stay, with a guard page two maps each: join or detach those that end, "
		 "or "
		 "keep fewer",
		 units_plural((uint64_t)site->live, "stack", calls, sizeof(calls)), where(site, place, sizeof(place)));
}

static void advise_mapping(const struct site *site, char *buf, size_t size)
{
	const char *what = site->has_file && !site->many_files ? site->file.path : "memory";
	char place[WHERE_LEN], calls[UNITS_LEN], rest[UNITS_LEN], call[96];
	bool attached = site->op == MT_OP_SHMAT;

	if (!site->calls) { /* without hooks for calls there are changes, and no calls */
		snprintf(buf, size, "%s added %s%s that stay: look for a missing %s", op_name(site->op),
			 units_plural((uint64_t)site_held(site), "map", calls, sizeof(calls)),
			 where(site, place, sizeof(place)), attached ? "shmdt" : "munmap");
		return;
	}
	units_plural(site->calls, "time", calls, sizeof(calls));
	units_count(site->unmapped, rest, sizeof(rest));
	snprintf(buf, size, "%s was mapped %s by %s%s, %s of them unmapped: %s", what, calls,
		 call_name(site, call, sizeof(call)), where(site, place, sizeof(place)), site->unmapped ? rest : "none",
		 attached			       ? "let a shmdt follow each shmat, or attach it once"
		 : site->has_file && !site->many_files ? "unmap it where it is mapped, or map it once"
						       : "a munmap is missing, or map larger areas");
}

/* Is one of two maps that it has made only a rest of what was unmapped? */
static bool leaves_rests(const struct site *site)
{
	return site_cut(site) && (int64_t)site_cut(site) > site->live / 2;
}

/* A thread's stack is mapped without rights, which mprotect gives to all but its guard page (allocate_stack). */
static bool makes_threads(const struct site *site)
{
	for (uint32_t i = 0; site->stack && i < site->stack->count; i++) {
		const char *function = site->stack->frames[i].function;

		if (function && (strstr(function, "pthread_create") || !strcmp(function, "allocate_stack")))
			return true;
	}
	return false;
}

/*
 * What is split was mapped one by one and is not unmapped either: stacks with a guard page each that nobody
 * releases. Their owner, as then the splits would go with them; NULL: it is one large mapping that is split.
 */
static const struct site *maker_of_split(const struct finding *finding, const struct site *split)
{
	if (!op_only_splits(split->op))
		return NULL;
	for (unsigned int i = 0; i < finding->site_count; i++) {
		const struct site *site = finding->sites[i].site;

		if (!op_only_splits(site->op) && site_culprit(site) && site->unmapped < site->calls / 16 &&
		    4 * site_held(site) > 3 * site_held(split))
			return site;
	}
	return NULL;
}

static void advise_site(const struct site *site, const struct finding *finding, char *buf, size_t size)
{
	bool is_mmap = site->op == MT_OP_MMAP;

	const struct site *maker = maker_of_split(finding, site);

	if (leaves_rests(site) && op_only_splits(site->op))
		advise_split_off(site, buf, size);
	else if (leaves_rests(site))
		advise_cut(site, buf, size);
	else if (makes_threads(site) || (is_mmap && site->args[1] & MAP_STACK))
		advise_stacks(site, buf, size);
	else if (maker)
		advise_site(maker, finding, buf, size);
	else if (op_only_splits(site->op))
		advise_split(site, buf, size);
	else if (is_mmap && site->many_files && site->unmapped < site->calls / 2)
		advise_map_per_file(site, finding, buf, size);
	else
		advise_mapping(site, buf, size);
}

/* Who is behind a quarter of the growth and can be told by a line; System V segments are told by their file. */
static const struct site *site_to_blame(const struct finding *finding)
{
	const struct evidence_site *top = finding->site_count ? &finding->sites[0] : NULL;

	if (!top || top->share < 0.25 || (!site_culprit(top->site) && !leaves_rests(top->site)))
		return NULL;
	return top->site->has_file && is_segment(&top->site->file) ? NULL : top->site;
}

void advise(const struct finding *finding, const struct process *process, char *buf, size_t size)
{
	const struct evidence_op *top = finding->op_count ? &finding->ops[0] : NULL;
	const struct file_use *use = finding->file_count ? &finding->files[0] : NULL;
	int64_t growth = top ? growth_of(&process->account, top) : 0;
	const struct site *site = site_to_blame(finding);
	char number[UNITS_LEN];

	if (site) {
		advise_site(site, finding, buf, size);
		return;
	}
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
