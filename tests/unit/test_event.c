/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/event.c: records decoded, whatever the bytes. */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "event.h"

#define BARE_OP		offsetof(struct mt_op_record, file)
#define SIZE_MAX_RECORD sizeof(struct mt_alarm_record)

#define TMPFS	  0x01021994
#define HUGETLBFS 0x958458f6
#define EXT4	  0xef53
#define REGULAR	  0100644
#define CHARDEV	  0020666
#define BLOCKDEV  0060660

static struct mt_op_record op_record(uint16_t flags)
{
	return (struct mt_op_record){
		.head = {MT_VERSION, MT_TYPE_OP, flags & MT_OP_HAS_FILE ? sizeof(struct mt_op_record) : BARE_OP, 77},
		.mm = 0xffff888000001000,
		.start_ns = 60 * SECOND,
		.tgid = 1000,
		.tid = 1001,
		.args = {0, 65536, 3, 1, 5, 0},
		.ret = 0x7f0000000000,
		.duration_ns = 1234,
		.map_count = 65531,
		.delta = -2,
		.op = MT_OP_MMAP,
		.flags = flags,
		.syscall = 9,
		.file = {.inode = 42, .dev = 8U << 20 | 1, .magic = EXT4, .nlink = 1, .mode = REGULAR, .name = "data"},
	};
}

static struct mt_life_record life_record(uint16_t type)
{
	return (struct mt_life_record){
		.head = {MT_VERSION, type, sizeof(struct mt_life_record), 78},
		.parent = 999,
		.process = fake_account(1000, 23),
	};
}

static struct mt_alarm_record alarm_record(uint16_t type, uint16_t flags)
{
	return (struct mt_alarm_record){
		.head = {MT_VERSION, type, sizeof(struct mt_alarm_record), 79},
		.tid = 1001,
		.op = MT_OP_MUNMAP,
		.flags = flags,
		.error = type == MT_TYPE_FAIL ? ENOMEM : 0,
		.limit = LIMIT,
		.args = {0x1000, 4096},
		.total_vm_pages = 1,
		.data_vm_pages = 2,
		.locked_vm_pages = 3,
		.rlimit_as = 4,
		.rlimit_data = 5,
		.rlimit_memlock = UINT64_MAX,
		.file = {.inode = 43, .magic = EXT4, .nlink = 1, .mode = REGULAR, .name = "log"},
		.process = fake_account(1000, 24),
	};
}

/* Decodes exactly `size` bytes on the heap: the sanitizer sees a read beyond them. */
static int decode(const void *record, size_t size, struct event *ret_event)
{
	_cleanup_free_ void *copy = malloc(size ? size : 1);

	assert_non_null(copy);
	memcpy(copy, record, size);
	return event_decode(copy, size, ret_event);
}

static void op_without_file(void **state)
{
	struct mt_op_record record = op_record(MT_OP_HAS_RESULT | MT_OP_HAS_ENTER);
	struct event event;

	(void)state;
	assert_int_equal(decode(&record, BARE_OP, &event), 0);
	assert_int_equal(event.type, EVENT_OP);
	assert_int_equal(event.ts_ns, 77);
	assert_int_equal(event.op.ts_ns, 77);
	assert_int_equal(event.op.start_ns, 60 * SECOND);
	assert_int_equal(event.op.mm, 0xffff888000001000);
	assert_int_equal(event.op.pid, 1000);
	assert_int_equal(event.op.tid, 1001);
	assert_int_equal(event.op.op, MT_OP_MMAP);
	assert_int_equal(event.op.syscall, 9);
	assert_true(event.op.has_result && event.op.has_args && !event.op.has_file);
	assert_int_equal(event.op.args.len, 65536);
	assert_int_equal(event.op.args.fd, 5);
	assert_int_equal(event.op.ret, 0x7f0000000000);
	assert_int_equal(event.op.error, 0);
	assert_int_equal(event.op.duration_ns, 1234);
	assert_int_equal(event.op.map_count, 65531);
	assert_int_equal(event.op.delta, -2);
	assert_string_equal(event.op.file.path, "");
}

static void op_with_file(void **state)
{
	struct mt_op_record record = op_record(MT_OP_HAS_RESULT | MT_OP_HAS_ENTER | MT_OP_HAS_FILE);
	struct event event;

	(void)state;
	assert_int_equal(decode(&record, sizeof(record), &event), 0);
	assert_true(event.op.has_file);
	assert_int_equal(event.op.file.inode, 42);
	assert_int_equal(event.op.file.dev_major, 8);
	assert_int_equal(event.op.file.dev_minor, 1);
	assert_int_equal(event.op.file.kind, FILE_REGULAR);
	assert_false(event.op.file.deleted);
	assert_false(event.op.file.path_is_full);
	assert_string_equal(event.op.file.path, "data");
}

/* Found half way: neither arguments nor result are made up. */
static void op_of_which_only_the_change_is_known(void **state)
{
	struct mt_op_record record = op_record(0);
	static const struct op_args none;
	struct event event;

	(void)state;
	assert_int_equal(decode(&record, BARE_OP, &event), 0);
	assert_false(event.op.has_result || event.op.has_args || event.op.has_file);
	assert_memory_equal(&event.op.args, &none, sizeof(none));
	assert_int_equal(event.op.error, 0);
}

static void op_that_failed(void **state)
{
	struct mt_op_record record = op_record(MT_OP_HAS_RESULT | MT_OP_HAS_ENTER | MT_OP_FAILED);
	struct event event;

	(void)state;
	record.ret = -EINVAL;
	assert_int_equal(decode(&record, BARE_OP, &event), 0);
	assert_int_equal(event.op.error, EINVAL);
	assert_int_equal(event.op.ret, -EINVAL);
	record.op = MT_OP_BRK; /* returns the old break; libc says ENOMEM */
	record.ret = 0x555555560000;
	assert_int_equal(decode(&record, BARE_OP, &event), 0);
	assert_int_equal(event.op.error, ENOMEM);
	assert_int_equal(event.op.ret, 0x555555560000);
}

/* The kernel's errnos end at 4095. */
static void errnos_at_their_bounds(void **state)
{
	static const struct {
		int64_t ret;
		int error;
	} rows[] = {{-1, EPERM}, {-4095, 4095}, {-4096, 0}, {0, 0}};
	struct mt_op_record record = op_record(MT_OP_HAS_RESULT | MT_OP_FAILED);
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		record.ret = rows[i].ret;
		assert_int_equal(decode(&record, BARE_OP, &event), 0);
		assert_int_equal(event.op.error, rows[i].error);
	}
}

/* "positive errno, 0 for success", whatever a damaged record says. */
static void errors_are_never_negative(void **state)
{
	static const int64_t odd[] = {1, INT64_MAX, INT64_MIN, INT32_MIN, -4096, -(1LL << 32)};
	struct mt_op_record record = op_record(MT_OP_HAS_RESULT | MT_OP_FAILED);
	struct mt_alarm_record alarm = alarm_record(MT_TYPE_FAIL, 0);
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(odd); i++) {
		record.ret = odd[i];
		if (decode(&record, BARE_OP, &event) == 0)
			assert_in_range(event.op.error, 0, INT32_MAX);
	}
	alarm.error = UINT32_MAX;
	if (decode(&alarm, sizeof(alarm), &event) == 0)
		assert_in_range(event.alarm.error, 0, INT32_MAX);
}

static void facts_of_a_refusal(void **state)
{
	struct mt_alarm_record alarm = alarm_record(MT_TYPE_FAIL, 0);
	struct event event;

	(void)state;
	assert_int_equal(decode(&alarm, sizeof(alarm), &event), 0);
	assert_false(event.alarm.has_entry || event.alarm.no_gap || event.alarm.no_commit);
	alarm.facts = MT_FACT_ENTRY | MT_FACT_NO_COMMIT;
	alarm.entry_map_count = 7;
	assert_int_equal(decode(&alarm, sizeof(alarm), &event), 0);
	assert_true(event.alarm.has_entry && event.alarm.no_commit && !event.alarm.no_gap);
	assert_int_equal(event.alarm.entry_map_count, 7);
	assert_int_equal(event.alarm.walk.verdict, MT_WALK_NONE);
	alarm.walk = (struct mt_walk){.last = {.end = 5}, .mapped_to = 6, .verdict = MT_WALK_HOLE};
	alarm.facts = MT_FACT_NO_GAP;
	assert_int_equal(decode(&alarm, sizeof(alarm), &event), 0);
	assert_true(event.alarm.no_gap && !event.alarm.has_entry);
	assert_int_equal(event.alarm.walk.verdict, MT_WALK_HOLE);
	assert_int_equal(event.alarm.walk.mapped_to, 6);
	assert_int_equal(event.alarm.walk.last.end, 5);
}

/* A shmat's first argument is the segment's id. */
static void segment_of_shmat(void **state)
{
	struct mt_alarm_record alarm = alarm_record(MT_TYPE_FAIL, MT_OP_HAS_ENTER);
	struct event event;

	(void)state;
	alarm.args[0] = 77;
	alarm.op = MT_OP_MMAP;
	assert_int_equal(decode(&alarm, sizeof(alarm), &event), 0);
	assert_int_equal(event.alarm.segment, 0);
	alarm.op = MT_OP_SHMAT;
	assert_int_equal(decode(&alarm, sizeof(alarm), &event), 0);
	assert_int_equal(event.alarm.segment, 77);
}

static void unknown_op_is_other(void **state)
{
	struct mt_op_record record = op_record(MT_OP_HAS_ENTER);
	struct mt_alarm_record alarm = alarm_record(MT_TYPE_STEP, MT_OP_HAS_ENTER);
	static const uint16_t unknown[] = {MT_OP_MAX, UINT16_MAX};
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(unknown); i++) {
		record.op = alarm.op = unknown[i];
		assert_int_equal(decode(&record, BARE_OP, &event), 0);
		assert_int_equal(event.op.op, MT_OP_OTHER);
		assert_false(event.op.args.has_addr);
		assert_int_equal(decode(&alarm, sizeof(alarm), &event), 0);
		assert_int_equal(event.alarm.op, MT_OP_OTHER);
	}
	record.op = MT_OP_MAX - 1;
	assert_int_equal(decode(&record, BARE_OP, &event), 0);
	assert_int_equal(event.op.op, MT_OP_MAX - 1);
}

static void lives(void **state)
{
	static const struct {
		uint16_t type;
		enum event_type expected;
	} rows[] = {{MT_TYPE_FORK, EVENT_FORK}, {MT_TYPE_EXEC, EVENT_EXEC}, {MT_TYPE_EXIT, EVENT_EXIT}};
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mt_life_record record = life_record(rows[i].type);

		assert_int_equal(decode(&record, sizeof(record), &event), 0);
		assert_int_equal(event.type, rows[i].expected);
		assert_int_equal(event.ts_ns, 78);
		assert_int_equal(event.parent, 999);
		assert_memory_equal(&event.account, &record.process, sizeof(record.process));
	}
}

static void alarms(void **state)
{
	static const struct {
		uint16_t type;
		enum event_type expected;
		int error;
	} rows[] = {{MT_TYPE_STEP, EVENT_STEP, 0}, {MT_TYPE_FAIL, EVENT_FAIL, ENOMEM}};
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct mt_alarm_record record = alarm_record(rows[i].type, MT_OP_HAS_ENTER | MT_OP_HAS_FILE);

		assert_int_equal(decode(&record, sizeof(record), &event), 0);
		assert_int_equal(event.type, rows[i].expected);
		assert_int_equal(event.alarm.ts_ns, 79);
		assert_int_equal(event.alarm.tid, 1001);
		assert_int_equal(event.alarm.op, MT_OP_MUNMAP);
		assert_int_equal(event.alarm.limit, LIMIT);
		assert_int_equal(event.alarm.error, rows[i].error);
		assert_true(event.alarm.has_args && event.alarm.has_file);
		assert_int_equal(event.alarm.args.addr, 0x1000);
		assert_int_equal(event.alarm.args.len, 4096);
		assert_int_equal(event.alarm.total_vm_pages, 1);
		assert_int_equal(event.alarm.data_vm_pages, 2);
		assert_int_equal(event.alarm.locked_vm_pages, 3);
		assert_int_equal(event.alarm.rlimit_as, 4);
		assert_int_equal(event.alarm.rlimit_data, 5);
		assert_int_equal(event.alarm.rlimit_memlock, UINT64_MAX);
		assert_string_equal(event.alarm.file.path, "log");
		assert_memory_equal(&event.account, &record.process, sizeof(record.process));
	}
}

static void alarm_without_arguments_and_file(void **state)
{
	struct mt_alarm_record record = alarm_record(MT_TYPE_FAIL, 0);
	struct event event;

	(void)state;
	assert_int_equal(decode(&record, sizeof(record), &event), 0);
	assert_false(event.alarm.has_args || event.alarm.has_file);
	assert_false(event.alarm.args.has_addr);
	assert_string_equal(event.alarm.file.path, "");
}

/* ---- size, then version, then type ---- */

static void every_cut_is_refused(void **state)
{
	struct mt_op_record bare = op_record(0), full = op_record(MT_OP_HAS_FILE);
	struct mt_life_record life = life_record(MT_TYPE_EXIT);
	struct mt_alarm_record alarm = alarm_record(MT_TYPE_FAIL, MT_OP_HAS_ENTER);
	const struct {
		const void *record;
		size_t size;
	} rows[] = {{&bare, BARE_OP}, {&full, sizeof(full)}, {&life, sizeof(life)}, {&alarm, sizeof(alarm)}};
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(decode(rows[i].record, rows[i].size, &event), 0);
		for (size_t size = 0; size < rows[i].size; size++)
			assert_int_equal(decode(rows[i].record, size, &event), -EBADMSG);
	}
}

/* The size a record claims is what counts, if that much is there. */
static void claimed_sizes(void **state)
{
	struct mt_op_record record = op_record(0);
	struct event event;

	(void)state;
	assert_int_equal(decode(&record, sizeof(record), &event), 0); /* more bytes than claimed: ring padding */
	record.head.size = BARE_OP + 1;
	assert_int_equal(decode(&record, BARE_OP, &event), -EBADMSG);
	assert_int_equal(decode(&record, BARE_OP + 1, &event), 0);
	record.head.size = BARE_OP - 1;
	assert_int_equal(decode(&record, sizeof(record), &event), -EBADMSG);
	record.head.size = 0;
	assert_int_equal(decode(&record, sizeof(record), &event), -EBADMSG);
	record.head.size = UINT32_MAX;
	assert_int_equal(decode(&record, sizeof(record), &event), -EBADMSG);
}

/* The bytes are there, but the record does not claim them. */
static void file_beyond_the_claimed_size(void **state)
{
	struct mt_op_record record = op_record(MT_OP_HAS_FILE);
	struct event event;

	(void)state;
	record.head.size = BARE_OP;
	assert_int_equal(decode(&record, sizeof(record), &event), -EBADMSG);
	record.head.size = sizeof(record) - 1;
	assert_int_equal(decode(&record, sizeof(record), &event), -EBADMSG);
}

static void versions(void **state)
{
	static const uint16_t bad[] = {0, MT_VERSION + 1, UINT16_MAX};
	struct mt_op_record record = op_record(0);
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		record.head.version = bad[i];
		assert_int_equal(decode(&record, BARE_OP, &event), -EPROTONOSUPPORT);
	}
	record.head.type = UINT16_MAX; /* what a type means depends on the version */
	assert_int_equal(decode(&record, BARE_OP, &event), -EPROTONOSUPPORT);
	assert_int_equal(decode(&record, BARE_OP - 1, &event), -EBADMSG);
}

static void types(void **state)
{
	static const uint16_t bad[] = {0, MT_TYPE_STACK + 1, UINT16_MAX};
	struct mt_op_record record = op_record(0);
	struct event event;

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++) {
		record.head.type = bad[i];
		assert_int_equal(decode(&record, BARE_OP, &event), -ENOTSUP);
	}
}

static void a_stack(void **state)
{
	struct mt_stack_record record = {.head = {MT_VERSION, MT_TYPE_STACK, sizeof(record), 5}};
	struct event event;

	(void)state;
	record.id = 77;
	record.stack = (struct mt_stack){.mm = 1, .start_ns = 9, .tgid = 4, .count = 2, .end = MT_STACK_CUT_UNREAD};
	record.stack.ips[0] = 0x1000;
	record.stack.ips[1] = 0x2000;
	assert_int_equal(event_decode(&record, sizeof(record), &event), 0);
	assert_int_equal(event.type, EVENT_STACK);
	assert_int_equal(event.stack.id, 77);
	assert_int_equal(event.stack.pid, 4);
	assert_int_equal(event.stack.start_ns, 9);
	assert_int_equal(event.stack.count, 2);
	assert_int_equal(event.stack.end, MT_STACK_CUT_UNREAD);
	assert_int_equal(event.stack.ips[1], 0x2000);
	record.stack.count = MT_STACK_FRAMES_MAX;
	assert_int_equal(event_decode(&record, sizeof(record), &event), 0);
	record.stack.count = MT_STACK_FRAMES_MAX + 1;
	assert_int_equal(event_decode(&record, sizeof(record), &event), -EBADMSG);
	record.stack.count = 1;
	record.stack.end = MT_STACK_ENDS; /* unknown: not taken for a complete one */
	assert_int_equal(event_decode(&record, sizeof(record), &event), 0);
	assert_int_equal(event.stack.end, MT_STACK_CUT_NO_RULE);
	assert_int_equal(event_decode(&record, sizeof(record) - 1, &event), -EBADMSG);
}

/* STYLE.md: `ret_x` out-parameters stay untouched on failure. */
static void nothing_is_returned_on_failure(void **state)
{
	struct mt_op_record record = op_record(MT_OP_HAS_FILE);
	struct event event, untouched;

	(void)state;
	memset(&event, 0x5a, sizeof(event));
	memset(&untouched, 0x5a, sizeof(untouched));
	assert_int_not_equal(decode(&record, 15, &event), 0);
	assert_memory_equal(&event, &untouched, sizeof(event));
	record.head.size = BARE_OP;
	assert_int_not_equal(decode(&record, BARE_OP, &event), 0);
	assert_memory_equal(&event, &untouched, sizeof(event));
}

/* ---- files ---- */

static struct file_id file_of(struct mt_file file)
{
	struct mt_op_record record = op_record(MT_OP_HAS_FILE);
	struct event event;

	record.file = file;
	assert_int_equal(decode(&record, sizeof(record), &event), 0);
	return event.op.file;
}

static void file_kinds(void **state)
{
	static const struct {
		struct mt_file file;
		enum file_kind kind;
		bool deleted;
	} rows[] = {
		{{.magic = EXT4, .mode = REGULAR, .nlink = 1, .name = "libc.so.6"}, FILE_REGULAR, false},
		/* OpenSearch#18226: 246 k maps of deleted segments */
		{{.magic = EXT4, .mode = REGULAR, .nlink = 0, .name = "_1.cfs"}, FILE_REGULAR, true},
		{{.magic = TMPFS, .mode = REGULAR, .nlink = 1, .name = "frames"}, FILE_SHM, false},
		{{.magic = TMPFS, .mode = REGULAR, .nlink = 0, .name = "frames"}, FILE_SHM, true},
		{{.magic = TMPFS, .mode = REGULAR, .fs_flags = 1, .name = "memfd:doublemapper"}, FILE_MEMFD, false},
		{{.magic = HUGETLBFS, .mode = REGULAR, .fs_flags = 1, .name = "memfd:huge"}, FILE_MEMFD, false},
		{{.magic = TMPFS, .mode = REGULAR, .fs_flags = 1, .name = "SYSV0000002a"}, FILE_SHM, false},
		{{.magic = TMPFS, .mode = REGULAR, .fs_flags = 1, .name = "drm mm object"}, FILE_SHM, false},
		{{.magic = HUGETLBFS, .mode = REGULAR, .fs_flags = 1, .name = "SYSV00000000"}, FILE_SHM, false},
		{{.magic = HUGETLBFS, .mode = REGULAR, .nlink = 1, .name = "pool"}, FILE_HUGETLB, false},
		{{.magic = TMPFS, .mode = CHARDEV, .nlink = 1, .name = "nvidia0"}, FILE_DEVICE, false},
		{{.magic = TMPFS, .mode = CHARDEV, .rdev = 0x100003, .nlink = 1, .name = "null"}, FILE_DEVICE, false},
		{{.magic = TMPFS, .mode = BLOCKDEV, .rdev = 0x100005, .nlink = 1, .name = "ram5"}, FILE_DEVICE, false},
		{{.magic = TMPFS, .mode = BLOCKDEV, .nlink = 1, .name = "sda"}, FILE_DEVICE, false},
		{{.magic = 0x09041934, .mode = 0600, .nlink = 1, .name = "[perf_event]"}, FILE_OTHER, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct file_id id = file_of(rows[i].file);

		assert_string_equal(id.path, rows[i].file.name);
		assert_string_equal(file_kind_name(id.kind), file_kind_name(rows[i].kind));
		assert_int_equal(id.deleted, rows[i].deleted);
	}
}

/* What lives on a kernel mount never had a name to lose: nlink is 0 from the start (mm/shmem.c). */
static void never_linked_is_not_deleted(void **state)
{
	struct mt_file segment = {.magic = TMPFS, .mode = REGULAR, .fs_flags = 1, .name = "SYSV0000002a"};
	struct mt_file huge = {.magic = HUGETLBFS, .mode = REGULAR, .fs_flags = 1, .name = "anon_hugepage"};

	(void)state;
	assert_int_equal(file_of(segment).kind, FILE_SHM);
	assert_false(file_of(segment).deleted);
	assert_int_equal(file_of(huge).kind, FILE_ANON_HUGETLB);
	assert_false(file_of(huge).deleted);
}

/* The kernel makes a file for memory that nobody named; it is shown as memory, by whichever way it came. */
static void memory_without_a_name(void **state)
{
	static const struct {
		struct mt_file file;
		enum file_kind kind;
		const char *path;
	} rows[] = {
		{{.magic = TMPFS, .mode = REGULAR, .fs_flags = 1, .name = "dev/zero"}, FILE_ANON_SHM, "[anon_shmem]"},
		{{.magic = TMPFS, .mode = CHARDEV, .rdev = 0x100005, .nlink = 1, .name = "zero"},
		 FILE_ANON_SHM,
		 "[anon_shmem]"},
		{{.magic = HUGETLBFS, .mode = REGULAR, .fs_flags = 1, .name = "anon_hugepage"},
		 FILE_ANON_HUGETLB,
		 "[anon_hugetlb]"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct file_id id = file_of(rows[i].file);

		assert_int_equal(id.kind, rows[i].kind);
		assert_string_equal(id.path, rows[i].path);
		assert_false(id.deleted);
	}
}

/* Names are anybody's choice; only on a kernel mount are they the kernel's. */
static void names_that_pretend(void **state)
{
	struct mt_file memfd = {.magic = EXT4, .mode = REGULAR, .nlink = 0, .name = "memfd:not"};
	struct mt_file segment = {.magic = TMPFS, .mode = REGULAR, .nlink = 1, .name = "SYSV00000001"};
	struct mt_file device = {.magic = TMPFS, .mode = CHARDEV, .rdev = 0xa00001, .nlink = 1, .name = "zero"};
	struct mt_file pages = {.magic = HUGETLBFS, .mode = REGULAR, .nlink = 1, .name = "anon_hugepage"};
	struct mt_file bracket = {.magic = TMPFS, .mode = REGULAR, .nlink = 1, .name = "[anon_shmem]"};

	(void)state;
	assert_int_equal(file_of(memfd).kind, FILE_REGULAR);
	assert_true(file_of(memfd).deleted);
	assert_int_equal(file_of(segment).kind, FILE_SHM);
	assert_int_equal(file_of(device).kind, FILE_DEVICE);
	assert_int_equal(file_of(pages).kind, FILE_HUGETLB);
	assert_int_equal(file_of(bracket).kind, FILE_SHM);
}

static void names_without_end(void **state)
{
	struct mt_file file = {.magic = EXT4, .mode = REGULAR, .nlink = 1};
	struct file_id id;

	(void)state;
	memset(file.name, 'n', sizeof(file.name));
	id = file_of(file);
	assert_int_equal(strlen(id.path), MT_FILE_NAME_LEN);
	assert_int_equal(strspn(id.path, "n"), MT_FILE_NAME_LEN);
	memset(file.name, 0, sizeof(file.name));
	assert_string_equal(file_of(file).path, "");
}

/* Kept as they are here; escaped where they are shown. */
static void names_of_any_bytes(void **state)
{
	static const char *const names[] = {"a b\n\x1b[2J", "\"\\\xff\xfe", "%s%n%1000d", "\xe2\x80\xaegpj"};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		struct mt_file file = {.magic = EXT4, .mode = REGULAR, .nlink = 1};

		memcpy(file.name, names[i], strlen(names[i]));
		assert_string_equal(file_of(file).path, names[i]);
	}
}

static void device_numbers(void **state)
{
	struct mt_file file = {.magic = EXT4, .mode = REGULAR, .nlink = 1, .dev = UINT32_MAX, .name = "x"};
	struct file_id id = file_of(file);

	(void)state;
	assert_int_equal(id.dev_major, 0xfff);
	assert_int_equal(id.dev_minor, 0xfffff);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(op_without_file),
		cmocka_unit_test(op_with_file),
		cmocka_unit_test(op_of_which_only_the_change_is_known),
		cmocka_unit_test(op_that_failed),
		cmocka_unit_test(errnos_at_their_bounds),
		cmocka_unit_test(errors_are_never_negative),
		cmocka_unit_test(facts_of_a_refusal),
		cmocka_unit_test(segment_of_shmat),
		cmocka_unit_test(unknown_op_is_other),
		cmocka_unit_test(lives),
		cmocka_unit_test(alarms),
		cmocka_unit_test(alarm_without_arguments_and_file),
		cmocka_unit_test(every_cut_is_refused),
		cmocka_unit_test(claimed_sizes),
		cmocka_unit_test(file_beyond_the_claimed_size),
		cmocka_unit_test(versions),
		cmocka_unit_test(types),
		cmocka_unit_test(a_stack),
		cmocka_unit_test(nothing_is_returned_on_failure),
		cmocka_unit_test(file_kinds),
		cmocka_unit_test(never_linked_is_not_deleted),
		cmocka_unit_test(memory_without_a_name),
		cmocka_unit_test(names_that_pretend),
		cmocka_unit_test(names_without_end),
		cmocka_unit_test(names_of_any_bytes),
		cmocka_unit_test(device_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
