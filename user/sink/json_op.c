/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The lines about one call: op, enomem. */
#include "json_line.h"

#define FLAGS_LEN 256

static void add_prot(struct json_writer *json, const struct op_args *args)
{
	char text[FLAGS_LEN];

	json_put_key(json, "prot");
	if (args->has_prot)
		json_put_word(json, op_prot_text(args->prot, text, sizeof(text)));
	else
		json_put_null(json);
}

static void add_flags(struct json_writer *json, uint32_t op, const struct op_args *args)
{
	char text[FLAGS_LEN];

	json_put_key(json, "flags");
	if (args->has_flags)
		json_put_word(json, op_flags_text(op, args->flags, text, sizeof(text)));
	else
		json_put_null(json);
}

static void add_args(struct json_writer *json, uint32_t op, const struct op_args *args)
{
	char text[FLAGS_LEN];

	json_add_known_hex(json, "addr", args->has_addr, args->addr);
	json_add_known_u64(json, "len", args->has_len, args->len);
	if (args->has_new_len)
		json_add_u64(json, "new_len", args->new_len);
	add_prot(json, args);
	add_flags(json, op, args);
	if (args->has_advice)
		json_add_word(json, "advice", op_advice_text(args->advice, text, sizeof(text)));
}

static void put_file(struct json_writer *json, const struct file_id *file)
{
	json_open_object(json);
	json_add_text(json, "path", file->path);
	line_add_file_identity(json, file);
	json_add_bool(json, "deleted", file->deleted);
	json_close_object(json);
}

static void add_result(struct json_writer *json, const struct op_event *op)
{
	/* brk fails by returning the break as it was: an address all the same */
	bool address = op->op == MT_OP_BRK || (op_returns_address(op->op) && !op->error);
	char name[32];

	json_put_key(json, "ret");
	if (!op->has_result)
		json_put_null(json);
	else if (address)
		json_put_hex(json, (uint64_t)op->ret);
	else
		json_put_i64(json, op->ret);
	json_put_key(json, "errno");
	if (op->has_result && op->error)
		json_put_word(json, errno_name(op->error, name, sizeof(name)));
	else
		json_put_null(json);
}

void json_op(struct buf *buf, const struct line_context *context, const struct process *process,
	     const struct op_event *op)
{
	static const struct op_args unknown = {0};
	struct line line = line_begin_process(buf, context, "op", op->ts_ns, process);
	const struct op_args *args = op->has_args ? &op->args : &unknown;
	struct json_writer *json = &line.json;

	json_add_u64(json, "tid", op->tid);
	json_add_word(json, "op", op_name(op->op));
	if (op->op == MT_OP_OTHER)
		json_add_known_u64(json, "syscall", op->syscall != UINT32_MAX, op->syscall);
	add_args(json, op->op, args);
	json_put_key(json, "fd");
	if (args->has_fd)
		json_put_i64(json, args->fd);
	else
		json_put_null(json);
	json_put_key(json, "file");
	if (op->has_file)
		put_file(json, &op->file);
	else
		json_put_null(json);
	add_result(json, op);
	json_add_known_u64(json, "duration_ns", op->has_args, op->duration_ns);
	json_add_u64(json, "map_count", op->map_count);
	json_add_i64(json, "delta", op->delta);
	if (op->tells_stack)
		line_add_stack(json, op->stack);
	line_end(&line);
}

static void add_limit(struct json_writer *json, const char *key, uint64_t limit)
{
	json_add_known_u64(json, key, limit != UINT64_MAX, limit);
}

static void add_huge_pages(struct json_writer *json, const struct machine *machine)
{
	json_add_u64(json, "huge_page_bytes", machine->huge_page);
	json_add_known_u64(json, "huge_pages_free", machine->huge_known, machine->huge_free);
	json_add_known_u64(json, "huge_pages_more", machine->huge_known, machine->huge_more);
}

/* Only where it was asked for: where the evidence of the call itself did not reach, and for overcommit. */
static void add_machine(struct json_writer *json, const struct refusal *refusal)
{
	const struct machine *machine = &refusal->machine;

	if (refusal->reason == REASON_OVERCOMMIT)
		json_add_word(json, "overcommit_of", refusal->shared_anonymous ? "shared_anonymous" : "private");
	if (!machine->known)
		return;
	json_add_u64(json, "overcommit_memory", machine->overcommit);
	json_add_u64(json, "ram_bytes", machine->ram);
	json_add_u64(json, "swap_bytes", machine->swap);
	json_add_u64(json, "commit_limit_bytes", machine->commit_limit);
	json_add_u64(json, "committed_bytes", machine->committed);
	if (refusal->huge)
		add_huge_pages(json, machine);
}

static void add_range(struct json_writer *json, const struct range *range)
{
	if (!range->known)
		return;
	if (range->start < range->end) {
		json_add_u64(json, "mapped_bytes", range->mapped);
		json_add_known_hex(json, "hole", range->has_hole, range->hole);
		json_add_bool(json, "splits", range->splits_start || range->splits_end);
	}
	if (range->room_known)
		json_add_u64(json, "room_bytes", range->room);
}

/* What proves the reason, and what shows that it was none of the others. */
static void add_facts(struct json_writer *json, const struct refusal *refusal)
{
	json_add_object(json, "facts");
	json_add_u64(json, "map_count", refusal->map_count);
	json_add_u64(json, "limit", refusal->limit);
	json_add_known_u64(json, "refusal_point", refusal->refusal_point != UINT32_MAX, refusal->refusal_point);
	if (refusal->has_args)
		add_args(json, refusal->op, &refusal->args);
	json_add_u64(json, "total_vm_bytes", refusal->total_vm);
	json_add_u64(json, "data_vm_bytes", refusal->data_vm);
	json_add_u64(json, "locked_vm_bytes", refusal->locked_vm);
	add_limit(json, "rlimit_as_bytes", refusal->rlimit_as);
	add_limit(json, "rlimit_data_bytes", refusal->rlimit_data);
	add_limit(json, "rlimit_memlock_bytes", refusal->rlimit_memlock);
	if (refusal->asked)
		json_add_u64(json, "asked_bytes", refusal->asked);
	if (refusal->thread_stack)
		json_add_bool(json, "thread_stack", true);
	add_machine(json, refusal);
	add_range(json, &refusal->range);
	json_close_object(json);
}

void json_enomem(struct buf *buf, const struct line_context *context, const struct process *process,
		 const struct refusal *refusal)
{
	struct line line = line_begin_process(buf, context, "enomem", refusal->ts_ns, process);
	struct json_writer *json = &line.json;
	char name[32];

	json_add_u64(json, "tid", refusal->tid);
	json_add_word(json, "op", op_name(refusal->op));
	json_add_word(json, "errno", errno_name(refusal->error, name, sizeof(name)));
	json_add_word(json, "reason", reason_name(refusal->reason));
	json_add_bool(json, "estimated", refusal->estimated);
	add_facts(json, refusal);
	line_add_stack(json, refusal->stack);
	line_end(&line);
}
