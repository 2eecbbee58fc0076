/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "recording_answers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"

#define SITE_BYTES_MIN	18 /* no site takes less: what claims more of them than fit is damaged */
#define FRAME_BYTES_MIN 6

static void pack_bool(struct buf *buf, bool value)
{
	pack_u64(buf, value);
}

static bool unpack_bool(struct unpack *unpack)
{
	return unpack_u64(unpack) != 0;
}

static void pack_key(struct buf *buf, const struct process_key *key)
{
	pack_u64(buf, key->pid);
	pack_u64(buf, key->start_ns);
}

struct process_key recording_take_key(struct unpack *payload)
{
	struct process_key key = {0};

	key.pid = unpack_u32(payload);
	key.start_ns = unpack_u64(payload);
	return key;
}

/* ---- files ---- */

static void pack_file(struct buf *buf, const struct file_id *id)
{
	pack_u64(buf, id->dev_major);
	pack_u64(buf, id->dev_minor);
	pack_u64(buf, id->inode);
	pack_u64(buf, id->kind);
	pack_bool(buf, id->deleted);
	pack_bool(buf, id->path_is_full);
	pack_text(buf, id->path);
}

void recording_take_file(struct unpack *payload, struct file_id *ret_id)
{
	uint64_t kind;

	memset(ret_id, 0, sizeof(*ret_id));
	ret_id->dev_major = unpack_u32(payload);
	ret_id->dev_minor = unpack_u32(payload);
	ret_id->inode = unpack_u64(payload);
	kind = unpack_u64(payload);
	ret_id->kind = kind <= FILE_ANON_HUGETLB ? (enum file_kind)kind : FILE_OTHER;
	ret_id->deleted = unpack_bool(payload);
	ret_id->path_is_full = unpack_bool(payload);
	unpack_text_to(payload, ret_id->path, sizeof(ret_id->path));
}

void recorder_add_path(struct recorder *recorder, const struct process_key *key, const struct file_id *id)
{
	pack_key(&recorder->payload, key);
	pack_file(&recorder->payload, id);
	recorder_add(recorder, ENTRY_PATH);
}

void recorder_add_cgroup(struct recorder *recorder, const struct process_key *key, const char *cgroup)
{
	pack_key(&recorder->payload, key);
	pack_text(&recorder->payload, cgroup);
	recorder_add(recorder, ENTRY_CGROUP);
}

void recorder_add_files(struct recorder *recorder, const struct process_key *key, const struct file_table *table)
{
	struct buf *payload = &recorder->payload;
	struct file_use *uses = calloc(table->used + 1, sizeof(*uses));
	unsigned int count = uses ? file_table_top(table, uses, table->used) : 0;

	payload->failed |= !uses;
	pack_key(payload, key);
	pack_u64(payload, count);
	for (unsigned int i = 0; i < count; i++) {
		pack_file(payload, &uses[i].id);
		pack_u64(payload, uses[i].calls);
		pack_u64(payload, uses[i].unmapped);
		pack_i64(payload, uses[i].maps);
		pack_u64(payload, uses[i].bytes);
	}
	free(uses);
	recorder_add(recorder, ENTRY_FILES);
}

int recording_take_files(struct unpack *payload, struct file_table *table)
{
	uint64_t count = unpack_u64(payload);

	for (uint64_t i = 0; i < count && !payload->failed; i++) {
		struct file_use use = {0}, *entry;

		recording_take_file(payload, &use.id);
		use.calls = unpack_u64(payload);
		use.unmapped = unpack_u64(payload);
		use.maps = unpack_i64(payload);
		use.bytes = unpack_u64(payload);
		entry = payload->failed ? NULL : file_table_get(table, &use.id);
		if (entry)
			*entry = use;
	}
	return payload->failed ? -EBADMSG : 0;
}

/* ---- refusals ---- */

void recorder_add_around(struct recorder *recorder, const struct surroundings *around)
{
	const struct machine *machine = &around->machine;
	const struct range *range = &around->range;
	struct buf *payload = &recorder->payload;

	pack_bool(payload, machine->known);
	pack_u64(payload, machine->overcommit);
	pack_u64(payload, machine->ram);
	pack_u64(payload, machine->swap);
	pack_u64(payload, machine->commit_limit);
	pack_u64(payload, machine->committed);
	pack_u64(payload, machine->admin_reserve);
	pack_u64(payload, machine->user_reserve);
	pack_bool(payload, machine->ignores_rlimit_data);
	pack_u64(payload, machine->huge_page);
	pack_bool(payload, machine->huge_known);
	pack_u64(payload, machine->huge_free);
	pack_u64(payload, machine->huge_more);
	pack_u64(payload, range->start);
	pack_u64(payload, range->end);
	pack_u64(payload, range->prot);
	pack_u64(payload, (uint64_t)range->known | (uint64_t)range->fresh << 1 | (uint64_t)range->has_hole << 2 |
				  (uint64_t)range->splits_start << 3 | (uint64_t)range->splits_end << 4 |
				  (uint64_t)range->is_guess << 5 | (uint64_t)range->is_inside << 6 |
				  (uint64_t)range->is_data << 7 | (uint64_t)range->room_known << 8);
	pack_u64(payload, range->hole);
	pack_u64(payload, range->mapped);
	pack_u64(payload, range->new_data);
	pack_u64(payload, range->room);
	pack_u64(payload, around->segment_bytes);
	recorder_add(recorder, ENTRY_AROUND);
}

static void take_range(struct unpack *payload, struct range *range)
{
	uint64_t flags;

	range->start = unpack_u64(payload);
	range->end = unpack_u64(payload);
	range->prot = unpack_u64(payload);
	flags = unpack_u64(payload);
	range->known = flags & 1;
	range->fresh = flags >> 1 & 1;
	range->has_hole = flags >> 2 & 1;
	range->splits_start = flags >> 3 & 1;
	range->splits_end = flags >> 4 & 1;
	range->is_guess = flags >> 5 & 1;
	range->is_inside = flags >> 6 & 1;
	range->is_data = flags >> 7 & 1;
	range->room_known = flags >> 8 & 1;
	range->hole = unpack_u64(payload);
	range->mapped = unpack_u64(payload);
	range->new_data = unpack_u64(payload);
	range->room = unpack_u64(payload);
}

void recording_take_around(struct unpack *payload, struct surroundings *ret_around)
{
	struct machine *machine = &ret_around->machine;
	uint64_t overcommit;

	machine->known = unpack_bool(payload);
	overcommit = unpack_u64(payload);
	machine->overcommit = overcommit <= OVERCOMMIT_NEVER ? (enum overcommit)overcommit : OVERCOMMIT_HEURISTIC;
	machine->ram = unpack_u64(payload);
	machine->swap = unpack_u64(payload);
	machine->commit_limit = unpack_u64(payload);
	machine->committed = unpack_u64(payload);
	machine->admin_reserve = unpack_u64(payload);
	machine->user_reserve = unpack_u64(payload);
	machine->ignores_rlimit_data = unpack_bool(payload);
	machine->huge_page = unpack_u64(payload);
	machine->huge_known = unpack_bool(payload);
	machine->huge_free = unpack_u64(payload);
	machine->huge_more = unpack_u64(payload);
	take_range(payload, &ret_around->range);
	ret_around->segment_bytes = unpack_u64(payload);
}

/* ---- sites ---- */

static void pack_site(struct buf *buf, const struct site *site)
{
	pack_u64(buf, site->op);
	pack_u64(buf, site->stack_id);
	pack_u64(buf, site->calls);
	pack_i64(buf, site->delta);
	pack_i64(buf, site->live);
	pack_u64(buf, site->bytes);
	pack_u64(buf, site->deleted);
	pack_u64(buf, site->unmapped);
	pack_u64(buf, site_cut(site));
	pack_u64(buf, site->map_len);
	pack_u64(buf, site->cut_len);
	pack_u64(buf, site->first_ns);
	pack_u64(buf, site->last_ns);
	pack_i64(buf, site->fd);
	pack_u64(buf, site->args[0]);
	pack_u64(buf, site->args[1]);
	pack_bool(buf, site->many_files);
	pack_bool(buf, site->has_file);
	if (site->has_file)
		pack_file(buf, &site->file);
}

static void take_site(struct unpack *payload, struct site *site)
{
	uint32_t op = unpack_u32(payload);

	memset(site, 0, sizeof(*site));
	site->op = op < MT_OP_MAX ? op : MT_OP_OTHER;
	site->stacks = 1;
	site->growth = INT64_MAX;
	site->stack_id = unpack_u64(payload);
	site->calls = unpack_u64(payload);
	site->delta = unpack_i64(payload);
	site->live = unpack_i64(payload);
	site->bytes = unpack_u64(payload);
	site->deleted = unpack_u64(payload);
	site->unmapped = unpack_u64(payload);
	site->cut = unpack_u64(payload);
	site->map_len = unpack_u64(payload);
	site->cut_len = unpack_u64(payload);
	site->first_ns = unpack_u64(payload);
	site->last_ns = unpack_u64(payload);
	site->fd = (int32_t)unpack_i64(payload);
	site->args[0] = unpack_u32(payload);
	site->args[1] = unpack_u32(payload);
	site->many_files = unpack_bool(payload);
	site->has_file = unpack_bool(payload);
	if (site->has_file)
		recording_take_file(payload, &site->file);
}

void recorder_add_sites(struct recorder *recorder, const struct process_key *key, const struct site_list *list)
{
	struct buf *payload = &recorder->payload;

	pack_key(payload, key);
	pack_bool(payload, list->is_exact);
	pack_u64(payload, list->nobodys);
	pack_u64(payload, list->all);
	pack_u64(payload, list->count);
	for (unsigned int i = 0; i < list->count; i++)
		pack_site(payload, &list->sites[i]);
	recorder_add(recorder, ENTRY_SITES);
}

int recording_take_sites(struct unpack *payload, struct site_list *list)
{
	uint32_t count;

	list->is_exact = unpack_bool(payload);
	list->nobodys = unpack_u64(payload);
	list->all = unpack_u64(payload);
	count = unpack_u32(payload);
	if (payload->failed || count > (size_t)(payload->end - payload->at) / SITE_BYTES_MIN)
		return -EBADMSG;
	list->sites = calloc(count + 1UL, sizeof(*list->sites));
	if (!list->sites)
		return -ENOMEM;
	list->room = count + 1;
	for (list->count = 0; list->count < count; list->count++)
		take_site(payload, &list->sites[list->count]);
	if (!payload->failed)
		return 0;
	site_list_free(list);
	return -EBADMSG;
}

/* ---- stacks ---- */

void recorder_add_stack(struct recorder *recorder, const struct process_key *key, const struct stack *stack)
{
	struct buf *payload = &recorder->payload;

	pack_key(payload, key);
	pack_u64(payload, stack->id);
	pack_u64(payload, stack->end);
	pack_u64(payload, stack->count);
	for (uint32_t i = 0; i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		pack_u64(payload, frame->address);
		pack_u64(payload, frame->offset);
		pack_u64(payload, (uint64_t)frame->line << 1 | frame->inlined);
		pack_text(payload, frame->function);
		pack_text(payload, frame->file);
		pack_text(payload, frame->module);
		pack_text(payload, frame->build_id);
	}
	recorder_add(recorder, ENTRY_STACK);
}

static void take_frame(struct unpack *payload, struct frame *frame)
{
	uint64_t line;

	frame->address = unpack_u64(payload);
	frame->offset = unpack_u64(payload);
	line = unpack_u64(payload);
	frame->line = (uint32_t)(line >> 1);
	frame->inlined = line & 1;
	frame->function = unpack_text(payload);
	frame->file = unpack_text(payload);
	frame->module = unpack_text(payload);
	frame->build_id = unpack_text(payload);
}

int recording_take_stack(struct unpack *payload, struct stack *ret_stack)
{
	uint64_t end;

	memset(ret_stack, 0, sizeof(*ret_stack));
	ret_stack->id = unpack_u64(payload);
	end = unpack_u64(payload);
	ret_stack->end = end < MT_STACK_ENDS ? (enum mt_stack_end)end : MT_STACK_CUT_NO_RULE;
	ret_stack->count = unpack_u32(payload);
	if (payload->failed || ret_stack->count > (size_t)(payload->end - payload->at) / FRAME_BYTES_MIN)
		return -EBADMSG;
	ret_stack->frames = calloc(ret_stack->count + 1UL, sizeof(*ret_stack->frames));
	if (!ret_stack->frames)
		return -ENOMEM;
	for (uint32_t i = 0; i < ret_stack->count; i++)
		take_frame(payload, &ret_stack->frames[i]);
	if (!payload->failed)
		return 0;
	free(ret_stack->frames);
	ret_stack->frames = NULL;
	return -EBADMSG;
}
