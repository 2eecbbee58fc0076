/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "event.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Superblock magics (include/uapi/linux/magic.h). */
#define MAGIC_TMPFS	0x01021994
#define MAGIC_HUGETLBFS 0x958458f6

static bool name_begins(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/*
 * memfd, SysV and anonymous shared memory live on a kernel-internal tmpfs and
 * are told apart by the names the kernel gives them (mm/memfd.c, ipc/shm.c,
 * mm/shmem.c).
 */
static enum file_kind file_kind_of(const struct mt_file *file)
{
	bool internal = file->fs_flags & MT_FILE_KERNEL_MOUNT;
	uint32_t format = file->mode & 0170000;

	if (format == 0020000 || format == 0060000)
		return name_begins(file->name, "zero") ? FILE_ANON_SHM : FILE_DEVICE;
	if (name_begins(file->name, "memfd:") && file->nlink == 0)
		return FILE_MEMFD;
	if (file->magic == MAGIC_HUGETLBFS)
		return FILE_HUGETLB;
	if (file->magic == MAGIC_TMPFS)
		return internal && !name_begins(file->name, "SYSV") ? FILE_ANON_SHM : FILE_SHM;
	return format == 0100000 ? FILE_REGULAR : FILE_OTHER;
}

static void file_decode(const struct mt_file *file, struct file_id *ret_id)
{
	memset(ret_id, 0, sizeof(*ret_id));
	ret_id->dev_major = file->dev >> 20;
	ret_id->dev_minor = file->dev & 0xfffff;
	ret_id->inode = file->inode;
	ret_id->kind = file_kind_of(file);
	ret_id->deleted = file->nlink == 0 && ret_id->kind != FILE_MEMFD && ret_id->kind != FILE_ANON_SHM;
	snprintf(ret_id->path, sizeof(ret_id->path), "%.*s", (int)sizeof(file->name), file->name);
}

static int op_error_of(uint32_t op, uint32_t flags, int64_t ret)
{
	if (!(flags & MT_OP_FAILED))
		return 0;
	return op == MT_OP_BRK ? ENOMEM : (int)-ret;
}

static int op_decode(const struct mt_op_record *record, size_t size, struct op_event *ret_op)
{
	const size_t bare = offsetof(struct mt_op_record, file);
	bool has_file = record->flags & MT_OP_HAS_FILE;

	if (size < (has_file ? sizeof(*record) : bare))
		return -EBADMSG;
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
	ret_op->ret = record->ret;
	ret_op->error = op_error_of(ret_op->op, record->flags, record->ret);
	ret_op->duration_ns = record->duration_ns;
	ret_op->map_count = record->map_count;
	ret_op->delta = record->delta;
	if (ret_op->has_args)
		op_args_decode(ret_op->op, (const uint64_t *)record->args, &ret_op->args);
	if (has_file)
		file_decode(&record->file, &ret_op->file);
	return 0;
}

static int alarm_decode(const struct mt_alarm_record *record, struct event *ret_event)
{
	struct alarm_event *alarm = &ret_event->alarm;

	memset(alarm, 0, sizeof(*alarm));
	alarm->ts_ns = record->head.ts_ns;
	alarm->tid = record->tid;
	alarm->op = record->op < MT_OP_MAX ? record->op : MT_OP_OTHER;
	alarm->limit = record->limit;
	alarm->error = (int)record->error;
	alarm->has_args = record->flags & MT_OP_HAS_ENTER;
	alarm->has_file = record->flags & MT_OP_HAS_FILE;
	alarm->total_vm_pages = record->total_vm_pages;
	alarm->data_vm_pages = record->data_vm_pages;
	alarm->locked_vm_pages = record->locked_vm_pages;
	alarm->rlimit_as = record->rlimit_as;
	alarm->rlimit_data = record->rlimit_data;
	alarm->rlimit_memlock = record->rlimit_memlock;
	if (alarm->has_args)
		op_args_decode(alarm->op, (const uint64_t *)record->args, &alarm->args);
	if (alarm->has_file)
		file_decode(&record->file, &alarm->file);
	ret_event->account = record->process;
	return 0;
}

static int life_decode(const struct mt_life_record *record, struct event *ret_event)
{
	ret_event->parent = record->parent;
	ret_event->account = record->process;
	return 0;
}

int event_decode(const void *data, size_t size, struct event *ret_event)
{
	static const struct {
		size_t size;
		enum event_type type;
	} types[] = {
		[MT_TYPE_OP] = {offsetof(struct mt_op_record, file), EVENT_OP},
		[MT_TYPE_FORK] = {sizeof(struct mt_life_record), EVENT_FORK},
		[MT_TYPE_EXEC] = {sizeof(struct mt_life_record), EVENT_EXEC},
		[MT_TYPE_EXIT] = {sizeof(struct mt_life_record), EVENT_EXIT},
		[MT_TYPE_STEP] = {sizeof(struct mt_alarm_record), EVENT_STEP},
		[MT_TYPE_FAIL] = {sizeof(struct mt_alarm_record), EVENT_FAIL},
	};
	const struct mt_head *head = data;

	if (size < sizeof(*head) || head->size > size)
		return -EBADMSG;
	if (head->version != MT_VERSION)
		return -EPROTONOSUPPORT;
	if (head->type >= sizeof(types) / sizeof(types[0]) || !types[head->type].size)
		return -ENOTSUP;
	if (head->size < types[head->type].size)
		return -EBADMSG;
	ret_event->type = types[head->type].type;
	ret_event->ts_ns = head->ts_ns;
	ret_event->parent = 0;
	switch (ret_event->type) {
	case EVENT_OP:
		return op_decode(data, head->size, &ret_event->op);
	case EVENT_STEP:
	case EVENT_FAIL:
		return alarm_decode(data, ret_event);
	case EVENT_FORK:
	case EVENT_EXEC:
	case EVENT_EXIT:
		return life_decode(data, ret_event);
	}
	return -ENOTSUP;
}
