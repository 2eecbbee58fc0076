/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A refusal in words: who asked for what, why it was refused, and the figures that prove it. */
#include <stdio.h>

#include "call.h"
#include "cleanup.h"
#include "figures.h"
#include "row.h"
#include "text_site.h"
#include "text.h"
#include "units.h"

#define INDENT	 4
#define NAME_LEN 96 /* comm[pid], escaped */

static void put_refused_call(struct row *row, const struct refusal *refusal)
{
	const struct call call = {
		.op = refusal->op,
		.syscall = UINT32_MAX,
		.args = refusal->has_args ? &refusal->args : NULL,
	};
	_cleanup_buf_ struct buf text = {0};

	call_text(&text, &call, 0);
	buf_add_char(&text, '\0');
	if (!text.failed)
		row_words(row, PAINT_PLAIN, text.data);
}

/* "address space 500 MiB + 16 MiB asked, RLIMIT_AS 512 MiB" */
static void put_sizes(struct row *row, const char *what, uint64_t used, uint64_t asked, const char *limit_name,
		      uint64_t limit)
{
	char text[UNITS_LEN];

	row_chunkf(row, PAINT_PLAIN, "%s %s", what, units_bytes(used, text, sizeof(text)));
	if (asked)
		row_chunkf(row, PAINT_PLAIN, "+ %s asked", units_bytes(asked, text, sizeof(text)));
	row_mark(row, ',');
	if (limit == UINT64_MAX)
		row_chunkf(row, PAINT_PLAIN, "%s unlimited", limit_name);
	else
		row_chunkf(row, PAINT_PLAIN, "%s %s", limit_name, units_bytes(limit, text, sizeof(text)));
}

static void put_maps(struct row *row, const struct refusal *refusal)
{
	char text[UNITS_LEN];

	row_chunk(row, PAINT_PLAIN, units_plural(refusal->map_count, "map", text, sizeof(text)));
	row_share(row, refusal->map_count, refusal->limit);
}

static void put_count(struct row *row, const struct refusal *refusal)
{
	char text[UNITS_LEN];

	put_maps(row, refusal);
	row_mark(row, ',');
	row_chunkf(row, PAINT_PLAIN, "%s is refused from %s on", op_name(refusal->op),
		   units_count(refusal->refusal_point, text, sizeof(text)));
}

/* The rule that refused: one that adds up what all have been promised, or one that only looks at this call. */
static void put_rule(struct row *row, const struct machine *machine)
{
	char left[UNITS_LEN], right[UNITS_LEN];

	row_chunkf(row, PAINT_PLAIN, "vm.overcommit_memory %u:", (unsigned int)machine->overcommit);
	if (machine->overcommit == OVERCOMMIT_NEVER)
		row_chunkf(row, PAINT_PLAIN, "Committed_AS %s, CommitLimit %s",
			   units_bytes(machine->committed, left, sizeof(left)),
			   units_bytes(machine->commit_limit, right, sizeof(right)));
	else
		row_chunkf(row, PAINT_PLAIN, "RAM %s + swap %s", units_bytes(machine->ram, left, sizeof(left)),
			   units_bytes(machine->swap, right, sizeof(right)));
}

static void put_overcommit(struct row *row, const struct refusal *refusal)
{
	char text[UNITS_LEN];

	if (refusal->asked)
		row_chunkf(row, PAINT_PLAIN, "%s of", units_bytes(refusal->asked, text, sizeof(text)));
	row_chunk(row, PAINT_PLAIN, refusal->shared_anonymous ? "shared anonymous memory" : "private writable memory");
	row_mark(row, ',');
	if (refusal->machine.known)
		put_rule(row, &refusal->machine);
}

static void put_space(struct row *row, const struct refusal *refusal)
{
	char text[UNITS_LEN];

	row_chunkf(row, PAINT_PLAIN, "address space has no gap of %s", units_bytes(refusal->asked, text, sizeof(text)));
}

static void put_huge_pages(struct row *row, const struct machine *machine, uint64_t asked)
{
	char count[UNITS_LEN], size[UNITS_LEN], free[UNITS_LEN];

	row_chunkf(row, PAINT_PLAIN, "%s of %s asked",
		   units_plural(asked / machine->huge_page, "page", count, sizeof(count)),
		   units_bytes(machine->huge_page, size, sizeof(size)));
	row_mark(row, ',');
	if (!machine->huge_known)
		row_chunk(row, PAINT_PLAIN, "how many huge pages are free is not known");
	else if (machine->huge_free || machine->huge_more)
		row_chunkf(row, PAINT_PLAIN, "%s free, %s more may be made",
			   units_plural(machine->huge_free, "page", free, sizeof(free)),
			   units_count(machine->huge_more, size, sizeof(size)));
	else
		row_chunk(row, PAINT_PLAIN, "no huge pages are free");
}

/* What is left when no rule has refused. */
static void put_remainder(struct row *row, const struct refusal *refusal)
{
	if (refusal->huge && refusal->machine.huge_page)
		put_huge_pages(row, &refusal->machine, refusal->asked);
	else
		row_chunk(row, PAINT_PLAIN,
			  "no limit is reached: an allocation of the kernel's, or the driver's answer");
}

static void put_hole(struct row *row, const struct refusal *refusal)
{
	if (refusal->range.known)
		row_chunkf(row, PAINT_PLAIN, "nothing is mapped at 0x%llx", (unsigned long long)refusal->range.hole);
	else
		row_chunk(row, PAINT_PLAIN, "a part of it is not mapped");
}

static void put_room(struct row *row, const struct refusal *refusal)
{
	char asked[UNITS_LEN], room[UNITS_LEN];

	row_chunkf(row, PAINT_PLAIN, "it may not move, and grows by %s",
		   units_bytes(refusal->asked, asked, sizeof(asked)));
	row_mark(row, ',');
	if (refusal->range.room_known)
		row_chunkf(row, PAINT_PLAIN, "%s behind it", units_bytes(refusal->range.room, room, sizeof(room)));
	else
		row_chunk(row, PAINT_PLAIN, "something is in the way");
}

static void put_figures(struct row *row, const struct refusal *refusal)
{
	uint64_t asked = refusal->asked;

	switch (refusal->reason) {
	case REASON_MAX_MAP_COUNT:
		put_count(row, refusal);
		break;
	case REASON_RLIMIT_AS:
		put_sizes(row, "address space", refusal->total_vm, asked, "RLIMIT_AS", refusal->rlimit_as);
		break;
	case REASON_RLIMIT_DATA:
		put_sizes(row, "data", refusal->data_vm, asked, "RLIMIT_DATA", refusal->rlimit_data);
		break;
	case REASON_MEMLOCK:
		put_sizes(row, "locked memory", refusal->locked_vm, asked, "RLIMIT_MEMLOCK", refusal->rlimit_memlock);
		break;
	case REASON_OVERCOMMIT:
		put_overcommit(row, refusal);
		break;
	case REASON_ADDRESS_SPACE:
		put_space(row, refusal);
		break;
	case REASON_LENGTH:
		row_chunk(row, PAINT_PLAIN, "it reaches past the last address there is");
		break;
	case REASON_KERNEL_MEMORY:
		put_remainder(row, refusal);
		break;
	case REASON_NOT_MAPPED:
		put_hole(row, refusal);
		break;
	case REASON_NO_ROOM:
		put_room(row, refusal);
		break;
	case REASON_UNKNOWN:
	case REASONS:
		put_maps(row, refusal);
		break;
	}
}

static void put_reason(struct row *row, const struct refusal *refusal)
{
	if (refusal->reason == REASON_UNKNOWN)
		row_chunk(row, PAINT_PLAIN, "refused, reason unknown");
	else
		row_chunkf(row, PAINT_BOLD, "refused by %s", reason_name(refusal->reason));
	if (refusal->estimated)
		row_chunk(row, PAINT_PLAIN, "(estimated)");
	row_mark(row, ':');
	put_figures(row, refusal);
	row_mark(row, ';');
	if (refusal->thread_stack)
		row_chunk(row, PAINT_PLAIN, "a thread's stack: pthread_create reports it as EAGAIN");
}

void text_enomem(struct buf *buf, const struct text_style *style, const struct process *process,
		 const struct refusal *refusal)
{
	struct row row = row_begin(buf, style, INDENT);
	char name[UNITS_LEN], who[NAME_LEN];

	if (style->wall_clock)
		row_chunk(&row, PAINT_DIM,
			  units_clock(figures_unix_ns(refusal->ts_ns, style->line.wall_offset_ns), name, sizeof(name)));
	row_chunk(&row, PAINT_RED, errno_name(refusal->error, name, sizeof(name)));
	row_blanks(&row, 1);
	row_chunkf(&row, PAINT_BOLD, "%s:", row_process(process, who, sizeof(who)));
	put_refused_call(&row, refusal);
	put_reason(&row, refusal);
	row_end(&row);
	text_stack(buf, style, INDENT * 2, refusal->stack);
}
