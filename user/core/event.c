/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "event.h"

#include <errno.h>
#include <string.h>

/* Superblock magics (include/uapi/linux/magic.h). */
#define MAGIC_TMPFS	0x01021994
#define MAGIC_HUGETLBFS 0x958458f6

#define DEV_ZERO 0x100005 /* 1:5 as the kernel writes it (include/linux/kdev_t.h) */

#define ERRNO_MAX 4095 /* MAX_ERRNO, include/linux/err.h */

static bool name_begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

static bool name_is(const struct mt_file *file, const char *name)
{
	return strncmp(file->name, name, sizeof(file->name)) == 0;
}

/*
 * memfd, SysV and anonymous shared memory live on a kernel-internal tmpfs or
 * hugetlbfs and are told apart by the names the kernel gives them (mm/memfd.c,
 * ipc/shm.c, mm/shmem.c, mm/mmap.c). /dev/zero is a way to ask for such memory.
 */
static enum file_kind file_kind_of(const struct mt_file *file)
{
	bool internal = file->fs_flags & MT_FILE_KERNEL_MOUNT;
	uint32_t format = file->mode & 0170000;

	if (format == 0020000 || format == 0060000)
		return format == 0020000 && file->rdev == DEV_ZERO ? FILE_ANON_SHM : FILE_DEVICE;
	if (internal && name_begins(file->name, "memfd:"))
		return FILE_MEMFD;
	if (internal && name_begins(file->name, "SYSV"))
		return FILE_SHM;
	if (file->magic == MAGIC_HUGETLBFS)
		return internal && name_is(file, "anon_hugepage") ? FILE_ANON_HUGETLB : FILE_HUGETLB;
	if (file->magic == MAGIC_TMPFS)
		return internal && name_is(file, "dev/zero") ? FILE_ANON_SHM : FILE_SHM;
	return format == 0100000 ? FILE_REGULAR : FILE_OTHER;
}

_Static_assert(sizeof(((struct file_id *)0)->path) > MT_FILE_NAME_LEN, "a name and its end fit into a path");

void file_decode(const struct mt_file *file, struct file_id *ret_id)
{
	const struct file_id *anonymous = file_anonymous(file_kind_of(file));

	memset(ret_id, 0, sizeof(*ret_id));
	ret_id->dev_major = file->dev >> 20;
	ret_id->dev_minor = file->dev & 0xfffff;
	ret_id->inode = file->inode;
	ret_id->kind = file_kind_of(file);
	/* What lives on a kernel mount was never linked anywhere. */
	ret_id->deleted = file->nlink == 0 && !(file->fs_flags & MT_FILE_KERNEL_MOUNT);
	if (anonymous)
		memcpy(ret_id->path, anonymous->path, sizeof(ret_id->path));
	else
		memcpy(ret_id->path, file->name, strnlen(file->name, sizeof(file->name)));
}

static int op_error_of(uint32_t op, uint32_t flags, int64_t ret)
{
	if (!(flags & MT_OP_FAILED))
		return 0;
	if (op == MT_OP_BRK)
		return ENOMEM;
	return ret < 0 && ret >= -ERRNO_MAX ? (int)-ret : 0;
}

static void op_decode(const struct mt_op_record *record, struct op_event *ret_op)
{
	bool has_file = record->flags & MT_OP_HAS_FILE;

	memset(ret_op, 0, sizeof(*ret_op));
	ret_op->ts_ns = record->head.ts_ns;
	ret_op->start_ns = record->start_ns;
	ret_op->mm = record->mm;
	ret_op->pid = record->tgid;
	ret_op->tid = record->tid;
	ret_op->op = record->op < MT_OP_MAX ? record->op : MT_OP_OTHER;
	ret_op->syscall = record->syscall;
	ret_op->has_result = record->flags & MT_OP_HAS_RESULT;
	ret_op->has_args = record->flags & MT_OP_HAS_ENTER;
	ret_op->has_file = has_file;
	ret_op->is_anon = record->flags & MT_OP_ANON;
	ret_op->ret = record->ret;
	ret_op->error = op_error_of(ret_op->op, record->flags, record->ret);
	ret_op->duration_ns = record->duration_ns;
	ret_op->map_count = record->map_count;
	ret_op->delta = record->delta;
	ret_op->stack_id = record->stack;
	if (ret_op->has_args)
		op_args_decode(ret_op->op, (const uint64_t *)record->args, &ret_op->args);
	if (has_file)
		file_decode(&record->file, &ret_op->file);
}

static void alarm_decode(const struct mt_alarm_record *record, struct event *ret_event)
{
	struct alarm_event *alarm = &ret_event->alarm;

	memset(alarm, 0, sizeof(*alarm));
	alarm->ts_ns = record->head.ts_ns;
	alarm->tid = record->tid;
	alarm->op = record->op < MT_OP_MAX ? record->op : MT_OP_OTHER;
	alarm->limit = record->limit;
	alarm->error = record->error <= ERRNO_MAX ? (int)record->error : 0;
	alarm->has_args = record->flags & MT_OP_HAS_ENTER;
	alarm->has_file = record->flags & MT_OP_HAS_FILE;
	alarm->has_entry = record->facts & MT_FACT_ENTRY;
	alarm->no_gap = record->facts & MT_FACT_NO_GAP;
	alarm->no_commit = record->facts & MT_FACT_NO_COMMIT;
	alarm->above = record->facts & MT_FACT_ABOVE;
	alarm->alone = record->facts & MT_FACT_ALONE;
	alarm->may_lock = record->facts & MT_FACT_IPC_LOCK;
	alarm->is_admin = record->facts & MT_FACT_ADMIN;
	alarm->is_stack = record->facts & MT_FACT_STACK;
	alarm->entry_map_count = record->entry_map_count;
	alarm->has_map = record->facts & MT_FACT_PEEKED;
	alarm->map = record->map;
	alarm->walk = record->walk;
	alarm->entry_len = record->entry_len;
	alarm->segment = alarm->op == MT_OP_SHMAT ? (int32_t)record->args[0] : 0;
	alarm->total_vm_pages = record->total_vm_pages;
	alarm->data_vm_pages = record->data_vm_pages;
	alarm->locked_vm_pages = record->locked_vm_pages;
	alarm->rlimit_as = record->rlimit_as;
	alarm->rlimit_data = record->rlimit_data;
	alarm->rlimit_data_max = record->rlimit_data_max;
	alarm->rlimit_memlock = record->rlimit_memlock;
	alarm->stack_id = record->stack;
	alarm->brk = record->brk;
	alarm->start_brk = record->start_brk;
	alarm->data_segment = record->data_segment_bytes;
	if (alarm->has_args)
		op_args_decode(alarm->op, (const uint64_t *)record->args, &alarm->args);
	if (alarm->has_file)
		file_decode(&record->file, &alarm->file);
	ret_event->account = record->process;
}

static void life_decode(const struct mt_life_record *record, struct event *ret_event)
{
	ret_event->parent = record->parent;
	ret_event->account = record->process;
}

int stack_decode(uint64_t id, const struct mt_stack *stack, struct stack_event *ret_stack)
{
	if (stack->count > MT_STACK_FRAMES_MAX)
		return -EBADMSG;
	memset(ret_stack, 0, sizeof(*ret_stack));
	ret_stack->id = id;
	ret_stack->start_ns = stack->start_ns;
	ret_stack->pid = stack->tgid;
	ret_stack->count = stack->count;
	ret_stack->end = stack->end < MT_STACK_ENDS ? (enum mt_stack_end)stack->end : MT_STACK_CUT_NO_RULE;
	ret_stack->ips = (const uint64_t *)stack->ips;
	return 0;
}

/* Bytes a record of this type must have at least; 0: unknown type. */
static size_t size_needed(const struct mt_head *head)
{
	switch (head->type) {
	case MT_TYPE_OP:
		return offsetof(struct mt_op_record, file);
	case MT_TYPE_FORK:
	case MT_TYPE_EXEC:
	case MT_TYPE_EXIT:
		return sizeof(struct mt_life_record);
	case MT_TYPE_STEP:
	case MT_TYPE_FAIL:
		return sizeof(struct mt_alarm_record);
	case MT_TYPE_STACK:
		return sizeof(struct mt_stack_record);
	}
	return 0;
}

static int check(const struct mt_head *head, size_t size)
{
	const struct mt_op_record *op = (const struct mt_op_record *)head;
	size_t needed;

	if (size < sizeof(*head) || head->size > size)
		return -EBADMSG;
	if (head->version != MT_VERSION)
		return -EPROTONOSUPPORT;
	needed = size_needed(head);
	if (!needed)
		return -ENOTSUP;
	if (head->size < needed)
		return -EBADMSG;
	if (head->type == MT_TYPE_OP && (op->flags & MT_OP_HAS_FILE) && head->size < sizeof(*op))
		return -EBADMSG;
	return 0;
}

int event_decode(const void *data, size_t size, struct event *ret_event)
{
	static const enum event_type types[] = {
		[MT_TYPE_OP] = EVENT_OP,       [MT_TYPE_FORK] = EVENT_FORK, [MT_TYPE_EXEC] = EVENT_EXEC,
		[MT_TYPE_EXIT] = EVENT_EXIT,   [MT_TYPE_STEP] = EVENT_STEP, [MT_TYPE_FAIL] = EVENT_FAIL,
		[MT_TYPE_STACK] = EVENT_STACK,
	};
	const struct mt_stack_record *stack = data;
	const struct mt_head *head = data;
	int error = check(head, size);

	if (error)
		return error;
	ret_event->type = types[head->type];
	ret_event->ts_ns = head->ts_ns;
	ret_event->parent = 0;
	if (ret_event->type == EVENT_OP)
		op_decode(data, &ret_event->op);
	else if (ret_event->type == EVENT_STEP || ret_event->type == EVENT_FAIL)
		alarm_decode(data, ret_event);
	else if (ret_event->type == EVENT_STACK)
		return stack_decode(stack->id, &stack->stack, &ret_event->stack);
	else
		life_decode(data, ret_event);
	return 0;
}
