/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <jansson.h>
#include <string.h>

#include "cleanup.h"
#include "json_lines.h"
#include "sink_fixture.h"

/* The one line in buf, parsed by another's reader; duplicate keys and trailing bytes are errors. */
static json_t *parse(const struct buf *buf)
{
	json_error_t error;
	json_t *parsed;

	assert_false(buf->failed);
	assert_true(buf->len > 0);
	assert_int_equal(buf->data[buf->len - 1], '\n');
	assert_ptr_equal(memchr(buf->data, '\n', buf->len), buf->data + buf->len - 1);
	parsed = json_loadb(buf->data, buf->len, JSON_REJECT_DUPLICATES, &error);
	if (!parsed)
		fail_msg("%s at %d: %.*s", error.text, error.position, (int)buf->len, buf->data);
	return parsed;
}

/* A member by path, "facts.limit", "evidence.files.0.file". */
static json_t *at(json_t *json, const char *path)
{
	while (*path) {
		char key[64] = "";
		size_t len = strcspn(path, ".");

		memcpy(key, path, len);
		json = json_is_array(json) ? json_array_get(json, (size_t)(key[0] - '0')) : json_object_get(json, key);
		path += len + (path[len] == '.');
	}
	return json;
}

#define INTEGER_IS(json, path, value)                                                                                  \
	do {                                                                                                           \
		assert_true(json_is_integer(at(json, path)));                                                          \
		assert_int_equal(json_integer_value(at(json, path)), value);                                           \
	} while (0)
#define NUMBER_IS(json, path, value)                                                                                   \
	do {                                                                                                           \
		assert_true(json_is_number(at(json, path)));                                                           \
		assert_float_equal(json_number_value(at(json, path)), value, 1e-6);                                    \
	} while (0)
#define TEXT_IS(json, path, value)                                                                                     \
	do {                                                                                                           \
		assert_true(json_is_string(at(json, path)));                                                           \
		assert_string_equal(json_string_value(at(json, path)), value);                                         \
	} while (0)
#define NULL_AT(json, path) assert_true(json_is_null(at(json, path)))
#define ABSENT(json, path)  assert_null(at(json, path))
#define TRUE_AT(json, path) assert_true(json_is_true(at(json, path)))

static void head_is(json_t *json, const char *type)
{
	INTEGER_IS(json, "schema", 1);
	TEXT_IS(json, "type", type);
	TEXT_IS(json, "host", "node-7");
	assert_true(json_is_string(at(json, "ts")));
}

static void process_head_is(json_t *json, const char *type)
{
	head_is(json, type);
	INTEGER_IS(json, "pid", 1234);
	TEXT_IS(json, "comm", "frames");
	TEXT_IS(json, "start_time", "2023-11-14T22:13:25.000000000Z");
}

/* The line's keys in their order. */
static void keys_are(json_t *json, const char *expected)
{
	_cleanup_buf_ struct buf keys = {0};
	const char *key;
	json_t *value;

	json_object_foreach(json, key, value)
	{
		buf_add_str(&keys, keys.len ? " " : "");
		buf_add_str(&keys, key);
	}
	buf_add_char(&keys, '\0');
	assert_string_equal(keys.data, expected);
}

#define PROCESS_KEYS "schema type ts host pid comm start_time "

static json_t *op_line(const struct op_event *op)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();

	json_op(&buf, &context, &process, op);
	return parse(&buf);
}

static void op_of_mmap(void **state)
{
	struct op_event op = op_mmap();
	json_t *json = op_line(&op);

	(void)state;
	process_head_is(json, "op");
	keys_are(json, PROCESS_KEYS "tid op addr len prot flags fd file ret errno duration_ns map_count delta");
	TEXT_IS(json, "ts", "2023-11-14T22:13:40.000000000Z");
	INTEGER_IS(json, "tid", 1234);
	TEXT_IS(json, "op", "mmap");
	TEXT_IS(json, "addr", "0x0");
	INTEGER_IS(json, "len", 65536);
	TEXT_IS(json, "prot", "PROT_READ|PROT_WRITE");
	TEXT_IS(json, "flags", "MAP_SHARED");
	INTEGER_IS(json, "fd", 3);
	TEXT_IS(json, "file.path", "/dev/shm/frames");
	TEXT_IS(json, "file.dev", "0:25");
	INTEGER_IS(json, "file.inode", 42);
	TEXT_IS(json, "file.kind", "shm");
	assert_true(json_is_false(at(json, "file.deleted")));
	TEXT_IS(json, "ret", "0x7f1234567000");
	NULL_AT(json, "errno");
	INTEGER_IS(json, "duration_ns", 1250);
	INTEGER_IS(json, "map_count", 4119);
	INTEGER_IS(json, "delta", 1);
	json_decref(json);
}

static void op_refused(void **state)
{
	struct op_event op = op_mmap();
	json_t *json;

	(void)state;
	op.error = ENOMEM;
	op.ret = -ENOMEM;
	op.delta = 0;
	json = op_line(&op);
	INTEGER_IS(json, "ret", -ENOMEM);
	TEXT_IS(json, "errno", "ENOMEM");
	json_decref(json);
}

/* A stack that is not known is null where stacks are wanted, and no word of it elsewhere. */
static void op_without_its_stack(void **state)
{
	struct op_event op = op_mmap();
	json_t *json = op_line(&op);

	(void)state;
	ABSENT(json, "stack");
	json_decref(json);
	op.tells_stack = true;
	json = op_line(&op);
	NULL_AT(json, "stack");
	ABSENT(json, "stack_end");
	json_decref(json);
}

static void op_of_brk_that_did_not_grow(void **state)
{
	struct op_event op = op_mmap();
	json_t *json;

	(void)state;
	op.op = MT_OP_BRK;
	op.has_file = false;
	op.args = (struct op_args){.has_addr = true, .addr = 0x2000};
	op.error = ENOMEM;
	op.ret = 0x1000;
	json = op_line(&op);
	TEXT_IS(json, "addr", "0x2000");
	NULL_AT(json, "len");
	NULL_AT(json, "prot");
	NULL_AT(json, "flags");
	NULL_AT(json, "fd");
	NULL_AT(json, "file");
	TEXT_IS(json, "ret", "0x1000");
	TEXT_IS(json, "errno", "ENOMEM");
	json_decref(json);
}

static void op_unexplained(void **state)
{
	struct op_event op = {.op = MT_OP_OTHER, .syscall = 321, .tid = 7, .map_count = 9, .delta = -2, .ret = 5};
	json_t *json = op_line(&op);

	(void)state;
	TEXT_IS(json, "op", "other");
	INTEGER_IS(json, "syscall", 321);
	NULL_AT(json, "addr");
	NULL_AT(json, "ret");
	NULL_AT(json, "errno");
	NULL_AT(json, "duration_ns");
	INTEGER_IS(json, "delta", -2);
	json_decref(json);
	op.syscall = UINT32_MAX;
	json = op_line(&op);
	NULL_AT(json, "syscall");
	json_decref(json);
}

/* Arguments of an operation whose enter was not seen must not be shown, whatever is in the struct. */
static void op_without_enter(void **state)
{
	struct op_event op = op_mmap();
	json_t *json;

	(void)state;
	op.has_args = op.has_result = false;
	json = op_line(&op);
	NULL_AT(json, "addr");
	NULL_AT(json, "len");
	NULL_AT(json, "prot");
	NULL_AT(json, "flags");
	NULL_AT(json, "fd");
	NULL_AT(json, "ret");
	NULL_AT(json, "duration_ns");
	ABSENT(json, "syscall");
	json_decref(json);
}

static void op_with_more_arguments(void **state)
{
	struct op_event op = op_mmap();
	json_t *json;

	(void)state;
	op.op = MT_OP_MREMAP;
	op.args = (struct op_args){.has_addr = true,
				   .has_len = true,
				   .has_new_len = true,
				   .has_flags = true,
				   .len = 4096,
				   .new_len = 8192,
				   .flags = 1};
	json = op_line(&op);
	INTEGER_IS(json, "new_len", 8192);
	TEXT_IS(json, "flags", "MREMAP_MAYMOVE");
	NULL_AT(json, "prot");
	json_decref(json);
	op.op = MT_OP_MADVISE;
	op.args = (struct op_args){.has_addr = true, .has_len = true, .has_advice = true, .advice = 10};
	op.ret = 0;
	json = op_line(&op);
	TEXT_IS(json, "advice", "MADV_DONTFORK");
	INTEGER_IS(json, "ret", 0);
	ABSENT(json, "new_len");
	json_decref(json);
}

static void process_line(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	json_t *json;

	(void)state;
	json_process(&buf, &context, 20 * SECOND, &process, LIMIT);
	json = parse(&buf);
	process_head_is(json, "process");
	keys_are(json,
		 PROCESS_KEYS "map_count limit ratio high_water baseline mmap_calls munmap_calls net_calls "
			      "opened closed failed rate_per_s eta_s eta_low_s eta_high_s state stopped credits ops");
	INTEGER_IS(json, "map_count", 4119);
	INTEGER_IS(json, "limit", LIMIT);
	NUMBER_IS(json, "ratio", 0.0628567);
	INTEGER_IS(json, "high_water", 4120);
	INTEGER_IS(json, "mmap_calls", 4160);
	INTEGER_IS(json, "munmap_calls", 64);
	INTEGER_IS(json, "net_calls", 4096);
	INTEGER_IS(json, "failed", 0);
	NUMBER_IS(json, "eta_s", 120);
	TEXT_IS(json, "state", "leaking");
	INTEGER_IS(json, "credits.mmap", 4160);
	INTEGER_IS(json, "credits.munmap", -64);
	assert_int_equal(json_object_size(at(json, "credits")), 2);
	INTEGER_IS(json, "ops.munmap.calls", 64);
	INTEGER_IS(json, "ops.munmap.failed", 0);
	INTEGER_IS(json, "ops.munmap.delta", -64);
	/* the law */
	assert_int_equal(json_integer_value(at(json, "baseline")) + json_integer_value(at(json, "opened")) -
				 json_integer_value(at(json, "closed")),
			 4119);
	json_decref(json);
}

static void process_that_never_changed(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = {.key = {.pid = 1}};
	json_t *json;

	(void)state;
	json_process(&buf, &context, 20 * SECOND, &process, 0);
	json = parse(&buf);
	NUMBER_IS(json, "ratio", 0);
	NUMBER_IS(json, "rate_per_s", 0);
	NULL_AT(json, "eta_s");
	ABSENT(json, "cgroup");
	ABSENT(json, "container_id");
	ABSENT(json, "failures");
	assert_int_equal(json_object_size(at(json, "credits")), 0);
	assert_int_equal(json_object_size(at(json, "ops")), 0);
	json_decref(json);
}

static void process_with_all_there_is(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	char cgroup[] = "/kubepods/\"pod\"";
	json_t *json;

	(void)state;
	process.cgroup = cgroup;
	process.container_id = "0123456789abcdef";
	process.forecast.eta_s = (double)INFINITY;
	fake_tallies(&process.account)->failed[MT_FAIL_ENOMEM] = 3;
	fake_tallies(&process.account)->failed[MT_FAIL_REST] = 1;
	/* credited without a call: a thread's exit, say */
	tally_set(&process, MT_OP_OTHER, 0, 0, -5);
	tally_set(&process, MT_OP_MPROTECT, 10, 4, 0);
	json_process(&buf, &context, 20 * SECOND, &process, LIMIT);
	json = parse(&buf);
	TEXT_IS(json, "cgroup", cgroup);
	TEXT_IS(json, "container_id", "0123456789abcdef");
	NULL_AT(json, "eta_s");
	INTEGER_IS(json, "failed", 4);
	INTEGER_IS(json, "failures.ENOMEM", 3);
	INTEGER_IS(json, "failures.other", 1);
	assert_int_equal(json_object_size(at(json, "failures")), 2);
	INTEGER_IS(json, "credits.other", -5);
	ABSENT(json, "ops.other");
	INTEGER_IS(json, "ops.mprotect.failed", 4);
	ABSENT(json, "credits.mprotect");
	json_decref(json);
}

static void finding_line(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct finding finding = finding_leak();
	json_t *json;

	(void)state;
	finding.verdict.forecast.eta_high_s = (double)INFINITY;
	json_finding(&buf, &context, &process, &finding);
	json = parse(&buf);
	process_head_is(json, "finding");
	keys_are(json,
		 PROCESS_KEYS "kind severity map_count limit rate_per_s eta_s eta_low_s eta_high_s evidence advice "
			      "raised_ts update");
	TEXT_IS(json, "kind", "leak");
	TEXT_IS(json, "severity", "warning");
	NUMBER_IS(json, "eta_low_s", 110);
	NULL_AT(json, "eta_high_s");
	TEXT_IS(json, "evidence.ops.0.op", "mmap");
	INTEGER_IS(json, "evidence.ops.1.delta", -64);
	TEXT_IS(json, "evidence.files.0.file", "/dev/shm/frames");
	INTEGER_IS(json, "evidence.files.0.maps", 4096);
	INTEGER_IS(json, "evidence.files.0.unmapped", 64);
	assert_int_equal(json_array_size(at(json, "evidence.files")), 1);
	json_decref(json);
}

static void cleared_line(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	const struct verdict verdict = {.kind = FINDING_EXHAUSTION, .severity = SEVERITY_CRITICAL};
	json_t *json;

	(void)state;
	json_cleared(&buf, &context, 30 * SECOND, &process, &verdict, 20 * SECOND);
	json = parse(&buf);
	process_head_is(json, "cleared");
	TEXT_IS(json, "kind", "exhaustion");
	TEXT_IS(json, "severity", "critical");
	TEXT_IS(json, "raised_ts", "2023-11-14T22:13:40.000000000Z");
	json_decref(json);
}

static void enomem_line(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct refusal refusal = refusal_by_count();
	json_t *json;

	(void)state;
	json_enomem(&buf, &context, &process, &refusal);
	json = parse(&buf);
	process_head_is(json, "enomem");
	TEXT_IS(json, "op", "mmap");
	TEXT_IS(json, "errno", "ENOMEM");
	TEXT_IS(json, "reason", "max_map_count");
	INTEGER_IS(json, "facts.map_count", LIMIT + 1);
	INTEGER_IS(json, "facts.limit", LIMIT);
	INTEGER_IS(json, "facts.refusal_point", LIMIT + 1);
	INTEGER_IS(json, "facts.len", 65536);
	NULL_AT(json, "facts.addr");
	NULL_AT(json, "facts.rlimit_as_bytes");
	INTEGER_IS(json, "facts.rlimit_memlock_bytes", 8388608);
	json_decref(json);
}

static void exit_line(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	json_t *json;

	(void)state;
	json_exit(&buf, &context, 30 * SECOND, &process);
	json = parse(&buf);
	process_head_is(json, "exit");
	INTEGER_IS(json, "map_count", 4119);
	INTEGER_IS(json, "baseline", 23);
	INTEGER_IS(json, "high_water", 4120);
	INTEGER_IS(json, "opened", 4160);
	INTEGER_IS(json, "closed", 64);
	INTEGER_IS(json, "failed", 0);
	INTEGER_IS(json, "credits.mmap", 4160);
	json_decref(json);
}

static void run_lines(void **state)
{
	char *argv[] = {(char *)"mmaptrace", (char *)"-n", (char *)"a\"b\n\xff"};
	const struct start_facts start = {"0.1.0", "6.18.1", "witness  syscalls ", LIMIT, 3, argv};
	const struct end_facts end = {.duration_s = 12.5, .events = 1ULL << 40, .lost = 2, .findings = 3};
	_cleanup_buf_ struct buf buf = {0};
	json_t *json;

	(void)state;
	json_start(&buf, &context, 0, &start);
	json = parse(&buf);
	head_is(json, "start");
	keys_are(json, "schema type ts host version kernel plan limit argv");
	TEXT_IS(json, "plan.hooks.1", "syscalls");
	assert_int_equal(json_array_size(at(json, "plan.hooks")), 2);
	TEXT_IS(json, "argv.2", "a\"b\n\xef\xbf\xbd");
	json_decref(json);

	buf_consume(&buf, buf.len);
	json_end(&buf, &context, 0, &end);
	json = parse(&buf);
	keys_are(json, "schema type ts host duration_s events lost findings stacks");
	NUMBER_IS(json, "duration_s", 12.5);
	INTEGER_IS(json, "events", 1LL << 40);
	json_decref(json);

	buf_consume(&buf, buf.len);
	json_loss(&buf, &context, 0, "op records: ring buffer full", 17);
	json = parse(&buf);
	keys_are(json, "schema type ts host what count");
	INTEGER_IS(json, "count", 17);
	json_decref(json);
}

/* comm and paths are another program's bytes. */
static void hostile_bytes(void **state)
{
	static const char evil[] = "\"},\n{\x1b]0;\xff\xc0\x80\xe2\x80\xae\\";
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct finding finding = finding_leak();
	struct op_event op = op_mmap();
	json_t *json;

	(void)state;
	memcpy(process.comm, evil, MT_COMM_LEN);
	memcpy(op.file.path, evil, sizeof(evil));
	json_op(&buf, &context, &process, &op);
	json = parse(&buf);
	assert_true(json_is_string(at(json, "comm")));
	assert_true(json_is_string(at(json, "file.path")));
	assert_null(memchr(buf.data, '\x1b', buf.len));
	json_decref(json);

	buf_consume(&buf, buf.len);
	memcpy(finding.files[0].id.path, evil, sizeof(evil));
	memcpy(finding.advice, evil, sizeof(evil));
	json_finding(&buf, &context, &process, &finding);
	json = parse(&buf);
	json_decref(json);
}

/* Out of memory in the middle: no torn line is left. */
static void failed_buffer_keeps_whole_lines(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	size_t len;

	(void)state;
	json_process(&buf, &context, 0, &process, LIMIT);
	len = buf.len;
	buf.failed = true;
	json_process(&buf, &context, 0, &process, LIMIT);
	assert_int_equal(buf.len, len);
	assert_true(buf.failed);
}

/* What is remembered of the last process is of that process as it was, and of no other. */
static void a_cache_changes_no_byte(void **state)
{
	struct line_cache cache = {0};
	struct line_context plain = context, cached = context;
	struct process one = process_leaking(), two = one;
	_cleanup_buf_ struct buf expected = {0}, got = {0};

	(void)state;
	cached.cache = &cache;
	two.key.start_ns += SECOND;
	for (unsigned int i = 0; i < 64; i++) {
		struct process *process = i & 1 ? &one : &two;

		if (i == 20)
			strcpy(one.comm, "renamed");
		if (i == 30)
			two.cgroup = "/a.slice";
		if (i == 40)
			two.container_id = "0123456789ab";
		if (i == 50)
			one.key.pid++;
		if (i % 8 < 3)
			process = &one; /* several times in a row */
		json_exit(&expected, &plain, i, process);
		json_exit(&got, &cached, i, process);
	}
	assert_int_equal(got.len, expected.len);
	assert_memory_equal(got.data, expected.data, got.len);
	line_cache_free(&cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(op_of_mmap),
		cmocka_unit_test(op_refused),
		cmocka_unit_test(op_without_its_stack),
		cmocka_unit_test(op_of_brk_that_did_not_grow),
		cmocka_unit_test(op_unexplained),
		cmocka_unit_test(op_without_enter),
		cmocka_unit_test(op_with_more_arguments),
		cmocka_unit_test(process_line),
		cmocka_unit_test(process_that_never_changed),
		cmocka_unit_test(process_with_all_there_is),
		cmocka_unit_test(finding_line),
		cmocka_unit_test(cleared_line),
		cmocka_unit_test(enomem_line),
		cmocka_unit_test(exit_line),
		cmocka_unit_test(run_lines),
		cmocka_unit_test(hostile_bytes),
		cmocka_unit_test(failed_buffer_keeps_whole_lines),
		cmocka_unit_test(a_cache_changes_no_byte),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
