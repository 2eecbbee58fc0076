/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/recording.c, recording_answers.c: what goes in comes out; cut off or damaged, it is good up to there. */
#include "fake.h"

#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "recording.h"
#include "recording_answers.h"

#define FUZZ_ROUNDS 4000

/* The entries of the first block of `bytes`. 0 or negative errno. */
static int open_block(const struct buf *bytes, size_t len, struct buf *entries)
{
	const uint8_t *head = (const uint8_t *)bytes->data;
	uint32_t rest;
	uint8_t *copy;
	int error;

	buf_consume(entries, entries->len);
	if (len < RECORDING_HEAD_BYTES)
		return -ENODATA;
	rest = recording_block_bytes(head);
	if (!rest)
		return -EBADMSG;
	if (len - RECORDING_HEAD_BYTES < rest)
		return -ENODATA;
	copy = malloc(rest); /* to the byte: the sanitizer sees a read beyond */
	assert_non_null(copy);
	memcpy(copy, head + RECORDING_HEAD_BYTES, rest);
	error = recording_block_open(head, copy, entries);
	free(copy);
	return error;
}

static struct unpack all_of(const struct buf *buf)
{
	return (struct unpack){.at = (const uint8_t *)buf->data, .end = (const uint8_t *)buf->data + buf->len};
}

static struct unpack expect_entry(struct unpack *entries, enum entry_type type)
{
	struct unpack payload;
	uint32_t found;

	assert_true(recording_next(entries, &found, &payload));
	assert_int_equal(found, type);
	return payload;
}

static const struct recording_header header = {
	.contract = MT_VERSION,
	.account_bytes = sizeof(struct mt_process),
	.page_size = 4096,
	.limit = 65530,
	.real_limit = 65531,
	.child = 7,
	.stream = true,
	.gap = true,
	.start_ns = 123,
	.tick_ns = 250000000,
	.interval_ns = 1000,
	.wall_offset_ns = -5,
	.host = "host",
	.kernel = "6.18",
	.plan = "witness",
	.command = "mmaptrace\0-p\0001",
	.command_bytes = 15,
};

static void header_comes_back(void **state)
{
	_cleanup_buf_ struct buf bytes = {0}, entries = {0};
	struct recorder recorder = {0};
	struct recording_header got;
	struct unpack all, payload;

	(void)state;
	recorder_add_header(&recorder, &header);
	assert_int_equal(recorder_seal(&recorder, &bytes), 0);
	assert_int_equal(open_block(&bytes, bytes.len, &entries), 0);
	all = all_of(&entries);
	payload = expect_entry(&all, ENTRY_HEADER);
	assert_int_equal(recording_take_header(&payload, &got), 0);
	assert_int_equal(got.limit, 65530);
	assert_int_equal(got.child, 7);
	assert_true(got.stream && got.gap && !got.calls && !got.commit);
	assert_int_equal(got.wall_offset_ns, -5);
	assert_string_equal(got.kernel, "6.18");
	assert_memory_equal(got.command, header.command, 15);
	recorder_free(&recorder);
}

static void header_of_another_version(void **state)
{
	struct recording_header other = header, got;
	struct recorder recorder = {0};
	struct unpack all, payload;

	(void)state;
	other.contract++;
	recorder_add_header(&recorder, &other);
	all = all_of(&recorder.entries);
	payload = expect_entry(&all, ENTRY_HEADER);
	assert_int_equal(recording_take_header(&payload, &got), -EPROTONOSUPPORT);
	recorder_free(&recorder);
}

/* What would make a replay turn round for ever. */
static void header_that_makes_no_sense(void **state)
{
	static const uint64_t ticks_ns[] = {0, 1, 250, 999999, 3600000000001ULL, 1ULL << 62, UINT64_MAX};

	(void)state;
	for (size_t i = 0; i < COUNT(ticks_ns); i++) {
		struct recording_header other = header, got;
		struct recorder recorder = {0};
		struct unpack all, payload;

		other.tick_ns = ticks_ns[i];
		recorder_add_header(&recorder, &other);
		all = all_of(&recorder.entries);
		payload = expect_entry(&all, ENTRY_HEADER);
		assert_int_equal(recording_take_header(&payload, &got), -EBADMSG);
		recorder_free(&recorder);
	}
}

static void account_random(uint64_t *seed, struct mt_process *account)
{
	uint8_t *bytes = (uint8_t *)account;

	for (unsigned int i = 0; i < 1 + fake_below(seed, 6); i++)
		bytes[fake_below(seed, sizeof(*account))] = (uint8_t)fake_random(seed);
	account->mm = 1 + fake_below(seed, 3); /* of few address spaces, in turn */
}

/* Many, each told by what has changed, through several blocks; one is forgotten on both sides. */
static void accounts_come_back(void **state)
{
	_cleanup_buf_ struct buf bytes = {0}, entries = {0};
	struct account_codec codec = {0};
	struct recorder recorder = {0};
	struct mt_process account = {0};
	uint64_t seed = 5;

	(void)state;
	for (unsigned int block = 0; block < 20; block++) {
		struct mt_process expected[50];
		struct unpack all;

		for (size_t i = 0; i < COUNT(expected); i++) {
			account_random(&seed, &account);
			expected[i] = account;
			recorder_add_account(&recorder, &account, block * 100 + i);
		}
		buf_consume(&bytes, bytes.len);
		assert_int_equal(recorder_seal(&recorder, &bytes), 0);
		assert_int_equal(open_block(&bytes, bytes.len, &entries), 0);
		all = all_of(&entries);
		for (size_t i = 0; i < COUNT(expected); i++) {
			struct unpack payload = expect_entry(&all, ENTRY_ACCOUNT);
			uint64_t ts_ns;
			const struct mt_process *got = recording_take_account(&codec, &payload, &ts_ns);

			assert_non_null(got);
			assert_int_equal(ts_ns, block * 100 + i);
			assert_memory_equal(got, &expected[i], sizeof(account));
		}
		account_codec_forget(&recorder.codec, 2);
		account_codec_forget(&codec, 2);
	}
	account_codec_free(&codec);
	recorder_free(&recorder);
}

/* One that has not changed but for its count and time takes some bytes, not all of its size. */
static void accounts_are_short(void **state)
{
	struct mt_process account = fake_account(9, 100);
	struct recorder recorder = {0};
	size_t before;

	(void)state;
	recorder_add_account(&recorder, &account, 1000000000);
	before = recorder.entries.len;
	account.map_count++;
	account.opened++;
	account.last_change_ns += 4000000;
	recorder_add_account(&recorder, &account, 1250000000);
	assert_true(recorder.entries.len - before < 64);
	recorder_free(&recorder);
}

static void end_is_forgotten(void **state)
{
	struct mt_life_record life = {.head = {.version = MT_VERSION, .type = MT_TYPE_EXIT, .size = sizeof(life)}};
	struct mt_process account = fake_account(9, 100);
	struct account_codec codec = {0};
	struct recorder recorder = {0};

	(void)state;
	recorder_add_account(&recorder, &account, 1);
	assert_non_null(recorder.codec.accounts);
	life.process.mm = account.mm;
	recorder_add_record(&recorder, ENTRY_ALARM, &life, sizeof(life));
	assert_null(recorder.codec.accounts);
	account_codec_note(&codec, &life, sizeof(life)); /* of one that is not known */
	recorder_free(&recorder);
}

/* ---- answers ---- */

static const struct process_key key = {.pid = 3, .start_ns = 77};

static void files_come_back(void **state)
{
	struct file_id id = {.dev_major = 8, .inode = 5, .kind = FILE_SHM, .deleted = true, .path = "/dev/shm/x"}, got;
	struct file_table table = {0}, copy = {0};
	struct recorder recorder = {0};
	struct process_key got_key;
	struct file_use *use;
	struct unpack all, payload;

	(void)state;
	recorder_add_path(&recorder, &key, &id);
	use = file_table_get(&table, &id);
	use->calls = 9;
	use->maps = -2;
	recorder_add_files(&recorder, &key, &table);
	all = all_of(&recorder.entries);
	payload = expect_entry(&all, ENTRY_PATH);
	got_key = recording_take_key(&payload);
	assert_int_equal(got_key.pid, 3);
	assert_int_equal(got_key.start_ns, 77);
	recording_take_file(&payload, &got);
	assert_int_equal(got.kind, FILE_SHM);
	assert_true(got.deleted && !got.path_is_full);
	assert_string_equal(got.path, "/dev/shm/x");
	payload = expect_entry(&all, ENTRY_FILES);
	recording_take_key(&payload);
	assert_int_equal(recording_take_files(&payload, &copy), 0);
	assert_int_equal(file_table_find(&copy, &id)->calls, 9);
	assert_int_equal(file_table_find(&copy, &id)->maps, -2);
	file_table_free(&table);
	file_table_free(&copy);
	recorder_free(&recorder);
}

static void sites_come_back(void **state)
{
	struct site sites[2] = {
		{.op = MT_OP_MMAP, .stack_id = 1ULL << 63, .calls = 5, .delta = -3, .live = 2, .fd = -1},
		{.op = MT_OP_MPROTECT, .has_file = true, .file = {.inode = 4, .path = "p"}}};
	const struct site_list list = {.sites = sites, .count = 2, .is_exact = true, .nobodys = 6, .all = 8};
	struct site_list got = {0};
	struct recorder recorder = {0};
	struct unpack all, payload;

	(void)state;
	recorder_add_sites(&recorder, &key, &list);
	all = all_of(&recorder.entries);
	payload = expect_entry(&all, ENTRY_SITES);
	recording_take_key(&payload);
	assert_int_equal(recording_take_sites(&payload, &got), 0);
	assert_int_equal(got.count, 2);
	assert_true(got.is_exact);
	assert_int_equal(got.all, 8);
	assert_true(got.sites[0].stack_id == 1ULL << 63);
	assert_int_equal(got.sites[0].delta, -3);
	assert_int_equal(got.sites[0].fd, -1);
	assert_string_equal(got.sites[1].file.path, "p");
	site_list_free(&got);
	recorder_free(&recorder);
}

static void stacks_come_back(void **state)
{
	struct frame frames[2] = {{.address = 1, .function = "f", .file = "f.c", .line = 70000, .inlined = true},
				  {.address = UINT64_MAX, .module = "/lib/x", .build_id = "ab"}};
	const struct stack stack = {.id = 4, .end = MT_STACK_CUT_EARLY, .count = 2, .frames = frames};
	struct recorder recorder = {0};
	struct unpack all, payload;
	struct stack got;

	(void)state;
	recorder_add_stack(&recorder, &key, &stack);
	all = all_of(&recorder.entries);
	payload = expect_entry(&all, ENTRY_STACK);
	recording_take_key(&payload);
	assert_int_equal(recording_take_stack(&payload, &got), 0);
	assert_int_equal(got.end, MT_STACK_CUT_EARLY);
	assert_int_equal(got.frames[0].line, 70000);
	assert_true(got.frames[0].inlined);
	assert_string_equal(got.frames[0].file, "f.c");
	assert_null(got.frames[0].module);
	assert_null(got.frames[1].function);
	assert_string_equal(got.frames[1].build_id, "ab");
	free(got.frames);
	recorder_free(&recorder);
}

static void surroundings_come_back(void **state)
{
	const struct surroundings around = {
		.kernel = 5,
		.machine = {.known = true, .overcommit = OVERCOMMIT_NEVER, .committed = 1ULL << 40, .huge_more = 3},
		.range =
			{.start = 4096, .end = 8192, .prot = RANGE_ANY_PROT, .known = true, .is_data = true, .room = 9},
		.segment_bytes = 11,
	};
	struct surroundings got = {.kernel = 5};
	struct recorder recorder = {0};
	struct unpack all, payload;

	(void)state;
	recorder_add_around(&recorder, &around);
	all = all_of(&recorder.entries);
	payload = expect_entry(&all, ENTRY_AROUND);
	recording_take_around(&payload, &got);
	assert_int_equal(got.machine.overcommit, OVERCOMMIT_NEVER);
	assert_true(got.machine.committed == 1ULL << 40);
	assert_int_equal(got.machine.huge_more, 3);
	assert_true(got.range.known && got.range.is_data && !got.range.fresh && !got.range.room_known);
	assert_true(got.range.prot == RANGE_ANY_PROT);
	assert_int_equal(got.range.room, 9);
	assert_int_equal(got.segment_bytes, 11);
	recorder_free(&recorder);
}

/* ---- cut off, damaged ---- */

/* Something of everything. */
static void record_all(struct recorder *recorder)
{
	struct frame frames[3] = {{.function = "f", .file = "f.c"}, {.module = "m"}, {.address = 8}};
	const struct stack stack = {.id = 4, .count = 3, .frames = frames};
	struct site sites[3] = {{.op = MT_OP_MMAP}, {.has_file = true, .file.path = "x"}, {.calls = 4}};
	const struct site_list list = {.sites = sites, .count = 3};
	const struct surroundings around = {.segment_bytes = 4};
	const struct file_id id = {.path = "/x"};
	struct file_table table = {0};
	struct mt_process account = fake_account(3, 40);

	file_table_get(&table, &id);
	recorder_add_header(recorder, &header);
	recorder_add_account(recorder, &account, 5);
	recorder_add_sites(recorder, &key, &list);
	recorder_add_files(recorder, &key, &table);
	recorder_add_path(recorder, &key, &id);
	recorder_add_cgroup(recorder, &key, "/a");
	recorder_add_around(recorder, &around);
	recorder_add_stack(recorder, &key, &stack);
	file_table_free(&table);
}

/* Takes whatever an entry says it is. */
static void take_any(struct account_codec *codec, uint32_t type, struct unpack payload)
{
	struct surroundings around = {0};
	struct recording_header got;
	struct file_table table = {0};
	struct site_list list = {0};
	struct stack stack;
	uint64_t ts_ns;

	if (type == ENTRY_HEADER)
		recording_take_header(&payload, &got);
	if (type == ENTRY_ACCOUNT)
		recording_take_account(codec, &payload, &ts_ns);
	if (type >= ENTRY_PATH)
		recording_take_key(&payload);
	if (type == ENTRY_AROUND)
		recording_take_around(&payload, &around);
	if (type == ENTRY_SITES && !recording_take_sites(&payload, &list))
		site_list_free(&list);
	if (type == ENTRY_FILES)
		recording_take_files(&payload, &table);
	if (type == ENTRY_STACK && !recording_take_stack(&payload, &stack))
		free(stack.frames);
	file_table_free(&table);
}

static void take_all(const struct buf *entries)
{
	struct account_codec codec = {0};
	struct unpack all = all_of(entries), payload;
	uint32_t type;

	while (recording_next(&all, &type, &payload))
		take_any(&codec, type, payload);
	account_codec_free(&codec);
}

/* No byte of a block can be missing, or another, without that being seen. */
static void blocks_are_whole_or_not(void **state)
{
	_cleanup_buf_ struct buf bytes = {0}, entries = {0};
	struct recorder recorder = {0};

	(void)state;
	record_all(&recorder);
	assert_int_equal(recorder_seal(&recorder, &bytes), 0);
	assert_int_equal(open_block(&bytes, bytes.len, &entries), 0);
	for (size_t len = 0; len < bytes.len; len++)
		assert_int_equal(open_block(&bytes, len, &entries), -ENODATA);
	for (size_t at = 0; at < bytes.len; at++) {
		for (int bit = 0; bit < 8; bit++) {
			bytes.data[at] = (char)(bytes.data[at] ^ 1 << bit);
			assert_int_not_equal(open_block(&bytes, bytes.len, &entries), 0);
			bytes.data[at] = (char)(bytes.data[at] ^ 1 << bit);
		}
	}
	assert_int_equal(open_block(&bytes, bytes.len, &entries), 0);
	recorder_free(&recorder);
}

/* Behind a checksum that fits there may still be anything: forged, it is read to its end and not beyond. */
static void forged_entries(void **state)
{
	const char *text = getenv("FUZZ_ROUNDS");
	unsigned int rounds = text ? (unsigned int)strtoul(text, NULL, 0) : FUZZ_ROUNDS;
	_cleanup_buf_ struct buf entries = {0};
	struct recorder recorder = {0};
	uint64_t seed = getenv("FUZZ_SEED") ? strtoull(getenv("FUZZ_SEED"), NULL, 0) : 11;

	(void)state;
	record_all(&recorder);
	for (unsigned int round = 0; round < rounds; round++) {
		struct buf exact = {0};
		size_t len =
			fake_below(&seed, 4) ? recorder.entries.len : fake_below(&seed, (uint32_t)recorder.entries.len);

		exact.data = malloc(len + 1);
		assert_non_null(exact.data);
		exact.len = len;
		memcpy(exact.data, recorder.entries.data, len);
		for (unsigned int i = 0; len && i < 1 + fake_below(&seed, 8); i++)
			exact.data[fake_below(&seed, (uint32_t)len)] = (char)fake_random(&seed);
		take_all(&exact);
		free(exact.data);
	}
	recorder_free(&recorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(header_comes_back),
		cmocka_unit_test(header_of_another_version),
		cmocka_unit_test(header_that_makes_no_sense),
		cmocka_unit_test(accounts_come_back),
		cmocka_unit_test(accounts_are_short),
		cmocka_unit_test(end_is_forgotten),
		cmocka_unit_test(files_come_back),
		cmocka_unit_test(sites_come_back),
		cmocka_unit_test(stacks_come_back),
		cmocka_unit_test(surroundings_come_back),
		cmocka_unit_test(blocks_are_whole_or_not),
		cmocka_unit_test(forged_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
