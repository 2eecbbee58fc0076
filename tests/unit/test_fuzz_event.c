/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Damaged and hostile records through decode, model, detectors and sinks: no
 * read out of bounds, no overflow (the sanitizers see to that), JSON that
 * parses, text that is harmless on a terminal. The same numbers each time;
 * FUZZ_SEED and FUZZ_ROUNDS choose others.
 */
#include "fake.h"

#include <errno.h>
#include <jansson.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>

#include "event.h"
#include "json_lines.h"
#include "model.h"
#include "text.h"
#include "utf8.h"

#define ROUNDS	      200000
#define SINK_EVERY    40 /* survivors: JSON is parsed again by jansson, which takes its time */
#define RECORD_MAX    (sizeof(struct mt_alarm_record) + 64)
#define PROCESSES_MAX 64

struct fuzz {
	uint64_t seed;
	unsigned int round, survivors;
	struct model model;
	struct process stream; /* to whom operations belong */
	struct buf buf;
};

struct record {
	unsigned char bytes[RECORD_MAX];
	size_t size;
};

static uint64_t setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : fallback;
}

/* ---- what comes in ---- */

/* Values at the edges of what some field can hold. */
static uint64_t odd_value(uint64_t *seed)
{
	static const uint64_t values[] = {
		0,	    1,		0x7f,	   0x80,       0xff,	   0x7fff, 0xffff,    INT32_MAX, 1ULL << 31,
		UINT32_MAX, 1ULL << 32, INT64_MAX, 1ULL << 63, UINT64_MAX, LIMIT,  LIMIT + 1, SECOND,
	};

	return fake_below(seed, 4) ? values[fake_below(seed, COUNT(values))] : fake_random(seed);
}

static void name_make(uint64_t *seed, char *name, size_t size)
{
	static const char *const names[] = {"libc.so.6",      "memfd:a",      "SYSV00000000",
					    "\x1b[31m\"\\\n", "\xff\xfe\xc3", "%s%n",
					    "\xe2\x80\xae",   "{\"a\":1}",    "zero"};
	const char *chosen = names[fake_below(seed, COUNT(names))];

	memset(name, 0, size);
	memcpy(name, chosen, strlen(chosen));
	if (fake_below(seed, 3))
		return;
	for (size_t i = 0; i < size; i++)
		name[i] = (char)fake_random(seed);
}

static struct mt_process account_make(uint64_t *seed)
{
	struct mt_process account = fake_account(1 + fake_below(seed, 100), fake_below(seed, 70000));

	for (unsigned int i = fake_below(seed, 6); i; i--)
		fake_change(&account, fake_below(seed, MT_OP_MAX), fake_below(seed, 1000),
			    (int32_t)fake_below(seed, 1000), 100 * SECOND + fake_below(seed, 1000000000));
	name_make(seed, account.comm, sizeof(account.comm));
	return account;
}

static struct mt_file file_make(uint64_t *seed)
{
	struct mt_file file = {.inode = fake_random(seed), .dev = (uint32_t)fake_random(seed), .mode = 0100644};

	file.magic = fake_below(seed, 2) ? 0x01021994 : 0xef53;
	file.nlink = fake_below(seed, 2);
	file.fs_flags = fake_below(seed, 2);
	name_make(seed, file.name, sizeof(file.name));
	return file;
}

static size_t op_make(uint64_t *seed, void *bytes)
{
	uint16_t flags = (uint16_t)fake_below(seed, 16);
	size_t size = flags & MT_OP_HAS_FILE ? sizeof(struct mt_op_record) : offsetof(struct mt_op_record, file);
	struct mt_op_record record = {
		.head = {MT_VERSION, MT_TYPE_OP, (uint32_t)size, 100 * SECOND},
		.tgid = 1000,
		.tid = 1001,
		.ret = flags & MT_OP_FAILED ? -ENOMEM : 0x7f0000000000,
		.duration_ns = fake_below(seed, 100000),
		.map_count = fake_below(seed, 70000),
		.delta = (int32_t)fake_below(seed, 5) - 2,
		.op = (uint16_t)fake_below(seed, MT_OP_MAX),
		.flags = flags,
		.syscall = fake_below(seed, 500),
		.file = file_make(seed),
	};

	for (unsigned int i = 0; i < MT_ARGS_MAX; i++)
		record.args[i] = odd_value(seed);
	memcpy(bytes, &record, size);
	return size;
}

static size_t life_make(uint64_t *seed, void *bytes)
{
	struct mt_life_record record = {
		.head = {MT_VERSION, (uint16_t)(MT_TYPE_FORK + fake_below(seed, 3)), sizeof(record), 100 * SECOND},
		.parent = fake_below(seed, 100),
		.process = account_make(seed),
	};

	memcpy(bytes, &record, sizeof(record));
	return sizeof(record);
}

static size_t alarm_make(uint64_t *seed, void *bytes)
{
	struct mt_alarm_record record = {
		.head = {MT_VERSION, (uint16_t)(MT_TYPE_STEP + fake_below(seed, 2)), sizeof(record), 100 * SECOND},
		.tid = 1001,
		.op = (uint16_t)fake_below(seed, MT_OP_MAX),
		.flags = (uint16_t)fake_below(seed, 16),
		.error = fake_below(seed, 2) ? ENOMEM : EAGAIN,
		.limit = LIMIT,
		.total_vm_pages = odd_value(seed),
		.rlimit_as = odd_value(seed),
		.rlimit_data = odd_value(seed),
		.rlimit_memlock = odd_value(seed),
		.file = file_make(seed),
		.process = account_make(seed),
	};

	for (unsigned int i = 0; i < MT_ARGS_MAX; i++)
		record.args[i] = odd_value(seed);
	memcpy(bytes, &record, sizeof(record));
	return sizeof(record);
}

static void damage(uint64_t *seed, struct record *record)
{
	size_t from = fake_below(seed, 4) ? sizeof(struct mt_head) : 0; /* a damaged head rarely gets far */

	for (unsigned int i = fake_below(seed, 6); i && record->size > from + 8; i--) {
		size_t at = from + fake_below(seed, (uint32_t)(record->size - from - 8));
		size_t width = 1U << fake_below(seed, 4);
		uint64_t value = odd_value(seed);

		memcpy(record->bytes + at / width * width, &value, width);
	}
	if (!fake_below(seed, 16)) /* cut, or followed by other bytes */
		record->size = fake_below(seed, RECORD_MAX + 1);
}

static void noise(uint64_t *seed, struct record *record)
{
	struct mt_head head = {MT_VERSION, (uint16_t)fake_below(seed, 8), 0, fake_random(seed)};

	record->size = fake_below(seed, RECORD_MAX + 1);
	for (size_t i = 0; i < record->size; i++)
		record->bytes[i] = (unsigned char)fake_random(seed);
	head.size = (uint32_t)record->size;
	if (fake_below(seed, 8) && record->size >= sizeof(head))
		memcpy(record->bytes, &head, sizeof(head));
}

static void record_make(uint64_t *seed, struct record *record)
{
	memset(record, 0, sizeof(*record));
	switch (fake_below(seed, 8)) {
	case 0:
		noise(seed, record);
		return;
	case 1:
	case 2:
		record->size = life_make(seed, record->bytes);
		break;
	case 3:
	case 4:
		record->size = alarm_make(seed, record->bytes);
		break;
	default:
		record->size = op_make(seed, record->bytes);
	}
	damage(seed, record);
}

/* ---- what may come out ---- */

static void file_is_sound(const struct file_id *file)
{
	assert_non_null(memchr(file->path, '\0', sizeof(file->path)));
	assert_string_not_equal(file_kind_name(file->kind), "");
	assert_true(file->dev_major <= 0xfff && file->dev_minor <= 0xfffff);
}

static void event_is_sound(const struct event *event)
{
	switch (event->type) {
	case EVENT_OP:
		assert_true(event->op.op < MT_OP_MAX);
		assert_true(event->op.error >= 0);
		if (event->op.has_file)
			file_is_sound(&event->op.file);
		return;
	case EVENT_STEP:
	case EVENT_FAIL:
		assert_true(event->alarm.op < MT_OP_MAX);
		assert_true(event->alarm.error >= 0);
		if (event->alarm.has_file)
			file_is_sound(&event->alarm.file);
		return;
	case EVENT_STACK:
		assert_true(event->stack.count <= MT_STACK_FRAMES_MAX);
		assert_true(event->stack.end < MT_STACK_ENDS);
		return;
	case EVENT_FORK:
	case EVENT_EXEC:
	case EVENT_EXIT:
		return;
	}
	fail_msg("unknown type %d", event->type);
}

/* Each line an object of schema 1. */
static void json_is_sound(struct fuzz *fuzz)
{
	const char *at = fuzz->buf.data, *end = at + fuzz->buf.len;

	assert_false(fuzz->buf.failed);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		json_error_t error;
		json_t *line;

		assert_non_null(newline);
		/* 64-bit counters, of which jansson's integers hold 63 */
		line = json_loadb(at, (size_t)(newline - at), JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &error);
		if (!line)
			fail_msg("round %u: %s: %.*s", fuzz->round, error.text, (int)(newline - at), at);
		assert_near(json_number_value(json_object_get(line, "schema")), 1);
		json_decref(line);
		at = newline + 1;
	}
	buf_consume(&fuzz->buf, fuzz->buf.len);
}

static bool rune_is_harmless(uint32_t rune)
{
	return rune == '\n' || (rune >= 0x20 && rune < 0x7f) || (rune >= 0xa0 && (rune < 0x2028 || rune > 0x202e));
}

static void text_is_sound(struct fuzz *fuzz)
{
	const char *at = fuzz->buf.data, *end = at + fuzz->buf.len;

	assert_false(fuzz->buf.failed);
	if (at < end)
		assert_int_equal(end[-1], '\n');
	while (at < end) {
		uint32_t rune;
		size_t taken = utf8_decode(at, (size_t)(end - at), &rune);

		if (rune == UTF8_REPLACEMENT)
			assert_true(taken == 3 && !memcmp(at, "\xef\xbf\xbd", 3)); /* ours, not a broken sequence */
		if (!rune_is_harmless(rune))
			fail_msg("round %u: U+%04x in text", fuzz->round, rune);
		at += taken;
	}
	buf_consume(&fuzz->buf, fuzz->buf.len);
}

/* ---- through the model into the sinks ---- */

static struct line_context context_make(uint64_t *seed)
{
	return (struct line_context){.host = "\"host\n", .wall_offset_ns = (int64_t)odd_value(seed)};
}

static struct text_style style_make(uint64_t *seed)
{
	static const unsigned int widths[] = {0, 1, 20, 40, 80, 132, 500};

	return (struct text_style){
		.wall_clock = fake_below(seed, 2),
		.width = widths[fake_below(seed, COUNT(widths))],
		.start_ns = odd_value(seed),
		.line = context_make(seed),
	};
}

static void sink_op(struct fuzz *fuzz, const struct op_event *op)
{
	struct line_context context = context_make(&fuzz->seed);
	struct text_style style = style_make(&fuzz->seed);

	json_op(&fuzz->buf, &context, &fuzz->stream, op);
	json_is_sound(fuzz);
	text_op(&fuzz->buf, &style, &fuzz->stream, op);
	text_is_sound(fuzz);
}

/* Figures of any size, contradictions included. */
static struct surroundings surroundings_make(uint64_t *seed)
{
	struct surroundings around = {
		.kernel = (uint32_t)odd_value(seed),
		.gap_told = fake_below(seed, 2),
		.commit_told = fake_below(seed, 2),
		.machine.known = fake_below(seed, 2),
		.machine.overcommit = (enum overcommit)fake_below(seed, 4),
		.machine.huge_known = fake_below(seed, 2),
		.range = range_of(odd_value(seed), odd_value(seed), odd_value(seed), 4096),
	};
	uint64_t *const figures[] = {
		&around.machine.ram,	   &around.machine.swap,	 &around.machine.commit_limit,
		&around.machine.committed, &around.machine.user_reserve, &around.machine.admin_reserve,
		&around.machine.huge_page, &around.machine.huge_free,	 &around.machine.huge_more,
	};

	for (size_t i = 0; i < COUNT(figures); i++)
		*figures[i] = odd_value(seed);
	for (int maps = (int)fake_below(seed, 4); maps > 0; maps--) {
		struct vma vma = {.start = odd_value(seed), .prot = (uint8_t)fake_below(seed, 8)};

		vma.end = vma.start + 4096;
		range_take(&around.range, &vma);
	}
	if (fake_below(seed, 2))
		range_end(&around.range);
	return around;
}

static void sink_refusal(struct fuzz *fuzz, const struct process *process, const struct event *event)
{
	struct line_context context = context_make(&fuzz->seed);
	struct text_style style = style_make(&fuzz->seed);
	struct surroundings around = surroundings_make(&fuzz->seed);
	struct refusal refusal;

	refusal_explain(&event->alarm, event->account.map_count, 4096, &around, &refusal);
	json_enomem(&fuzz->buf, &context, process, &refusal);
	json_is_sound(fuzz);
	text_enomem(&fuzz->buf, &style, process, &refusal);
	text_is_sound(fuzz);
}

static void sink_findings(struct fuzz *fuzz, struct process *process, uint64_t ts_ns)
{
	struct line_context context = context_make(&fuzz->seed);
	struct text_style style = style_make(&fuzz->seed);
	struct judgement judgements[FINDING_KINDS];
	struct finding findings[FINDING_KINDS];

	model_judge(&fuzz->model, process, ts_ns, judgements);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		finding_make(process, &judgements[kind], LIMIT, ts_ns, &findings[kind]);
		json_finding(&fuzz->buf, &context, process, &findings[kind]);
		json_cleared(&fuzz->buf, &context, ts_ns, process, &judgements[kind].verdict,
			     judgements[kind].raised_ns);
	}
	json_is_sound(fuzz);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		text_finding(&fuzz->buf, &style, process, &findings[kind]);
		text_cleared(&fuzz->buf, &style, process, &judgements[kind].verdict, ts_ns, judgements[kind].raised_ns);
	}
	text_verdict(&fuzz->buf, &style, ts_ns, process, LIMIT, findings, FINDING_KINDS);
	text_is_sound(fuzz);
}

static void sink_process(struct fuzz *fuzz, const struct process *process, uint64_t ts_ns)
{
	struct line_context context = context_make(&fuzz->seed);
	struct text_style style = style_make(&fuzz->seed);
	struct table_totals totals = {.ts_ns = ts_ns, .limit = LIMIT, .interval_s = 1};

	json_process(&fuzz->buf, &context, ts_ns, process, LIMIT);
	json_exit(&fuzz->buf, &context, ts_ns, process);
	json_is_sound(fuzz);
	text_table(&fuzz->buf, &style, &totals, &process, 1);
	text_exit(&fuzz->buf, &style, ts_ns, process);
	text_is_sound(fuzz);
}

static void take_op(struct fuzz *fuzz, const struct op_event *op, bool shown)
{
	model_operation(&fuzz->stream, op);
	if (shown)
		sink_op(fuzz, op);
}

static void take_account(struct fuzz *fuzz, const struct event *event, bool shown)
{
	struct process *process;

	if (HASH_COUNT(fuzz->model.processes) > PROCESSES_MAX)
		model_free(&fuzz->model);
	process = model_update(&fuzz->model, &event->account, event->ts_ns);
	assert_non_null(process);
	if (event->type == EVENT_FAIL)
		process->last_fail_ns = event->ts_ns;
	if (event->type == EVENT_STEP && event->alarm.has_file)
		file_table_get(&process->files, &event->alarm.file);
	fuzz->model.last_tick_ns = event->ts_ns;
	if (!shown)
		return;
	if (event->type == EVENT_FAIL)
		sink_refusal(fuzz, process, event);
	sink_findings(fuzz, process, event->ts_ns);
	sink_process(fuzz, process, event->ts_ns);
}

/* What lies beyond the record is out of bounds: the sanitizer sees a read of it. */
static int decode(const struct record *record, struct event *ret_event)
{
	static _Alignas(8) unsigned char bytes[RECORD_MAX];
	int error;

	memcpy(bytes, record->bytes, record->size);
	ASAN_POISON_MEMORY_REGION(bytes + record->size, RECORD_MAX - record->size);
	error = event_decode(bytes, record->size, ret_event);
	ASAN_UNPOISON_MEMORY_REGION(bytes, RECORD_MAX);
	return error;
}

static void round_run(struct fuzz *fuzz)
{
	struct record record;
	struct event event;
	bool shown;
	int error;

	record_make(&fuzz->seed, &record);
	memset(&event, 0xa5, sizeof(event)); /* what decode forgets is wild */
	error = decode(&record, &event);
	if (error) {
		assert_true(error == -EBADMSG || error == -EPROTONOSUPPORT || error == -ENOTSUP);
		return;
	}
	event_is_sound(&event);
	shown = fuzz->survivors++ % SINK_EVERY == 0;
	if (event.type == EVENT_OP)
		take_op(fuzz, &event.op, shown);
	else
		take_account(fuzz, &event, shown);
}

static void records_of_any_bytes(void **state)
{
	struct fuzz fuzz = {.seed = setting("FUZZ_SEED", 2024)};
	unsigned int rounds = (unsigned int)setting("FUZZ_ROUNDS", ROUNDS);

	(void)state;
	thresholds_default(&fuzz.model.thresholds, LIMIT);
	fuzz.stream.key.pid = 1000;
	memcpy(fuzz.stream.comm, "a\x1b\"\xff", 5);
	for (fuzz.round = 0; fuzz.round < rounds; fuzz.round++)
		round_run(&fuzz);
	/* or else the damage is too great to test anything behind decode */
	assert_in_range(fuzz.survivors, rounds / 3, rounds);
	file_table_free(&fuzz.stream.files);
	model_free(&fuzz.model);
	buf_free(&fuzz.buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_of_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
