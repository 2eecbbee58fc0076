/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "recording.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <zlib.h>

#define MAGIC	  "mmtrace1"
#define MAGIC_LEN 8
#define LEVEL	  3 /* of zlib: twice as fast as its own choice, and a tenth more bytes */

#define TICK_MIN_NS  1000000ULL
#define TICK_MAX_NS  3600000000000ULL
#define ACCOUNTS_MAX (1U << 20) /* address spaces: more than that is no machine, but a forged recording */

#define WORDS	   (sizeof(struct mt_process) / 8)
#define MASK_WORDS ((WORDS + 63) / 64)
_Static_assert(sizeof(struct mt_process) % 8 == 0, "an account is whole words");

struct account_memory {
	uint64_t mm;
	union {
		struct mt_process account;
		uint64_t words[WORDS];
	};
	UT_hash_handle hh;
};

/* ---- accounts ---- */

/* What was last told of this address space; all 0 at first. NULL: out of memory. */
static struct account_memory *memory_of(struct account_codec *codec, uint64_t mm)
{
	struct account_memory *memory;

	HASH_FIND(hh, codec->accounts, &mm, sizeof(mm), memory);
	if (memory)
		return memory;
	memory = HASH_COUNT(codec->accounts) < ACCOUNTS_MAX ? calloc(1, sizeof(*memory)) : NULL;
	if (!memory)
		return NULL;
	memory->mm = mm;
	HASH_ADD(hh, codec->accounts, mm, sizeof(memory->mm), memory);
	if (!memory->hh.tbl) {
		free(memory); /* uthash had no memory */
		return NULL;
	}
	return memory;
}

static void memory_free(struct account_codec *codec, struct account_memory *memory)
{
	HASH_DEL(codec->accounts, memory);
	free(memory);
}

void account_codec_forget(struct account_codec *codec, uint64_t mm)
{
	struct account_memory *memory;

	HASH_FIND(hh, codec->accounts, &mm, sizeof(mm), memory);
	if (memory)
		memory_free(codec, memory);
}

void account_codec_note(struct account_codec *codec, const void *record, size_t size)
{
	struct mt_life_record life;

	if (size != sizeof(life))
		return;
	memcpy(&life, record, sizeof(life));
	if (life.head.type == MT_TYPE_EXIT)
		account_codec_forget(codec, life.process.mm);
}

void account_codec_free(struct account_codec *codec)
{
	while (codec->accounts)
		memory_free(codec, codec->accounts);
}

/* Which words have changed, and by how much. */
void recorder_add_account(struct recorder *recorder, const struct mt_process *account, uint64_t ts_ns)
{
	struct account_memory *memory = memory_of(&recorder->codec, account->mm), now;
	uint64_t mask[MASK_WORDS] = {0};

	if (!memory) {
		recorder->payload.failed = true;
		recorder_add(recorder, ENTRY_ACCOUNT);
		return;
	}
	now.account = *account;
	for (size_t i = 0; i < WORDS; i++)
		mask[i / 64] |= (uint64_t)(now.words[i] != memory->words[i]) << i % 64;
	pack_u64(&recorder->payload, ts_ns);
	pack_u64(&recorder->payload, account->mm);
	for (size_t i = 0; i < MASK_WORDS; i++)
		pack_u64(&recorder->payload, mask[i]);
	for (size_t i = 0; i < WORDS; i++) {
		if (now.words[i] != memory->words[i])
			pack_i64(&recorder->payload, (int64_t)(now.words[i] - memory->words[i]));
	}
	memory->account = now.account;
	recorder_add(recorder, ENTRY_ACCOUNT);
}

const struct mt_process *recording_take_account(struct account_codec *codec, struct unpack *payload,
						uint64_t *ret_ts_ns)
{
	uint64_t mask[MASK_WORDS] = {0};
	struct account_memory *memory;

	*ret_ts_ns = unpack_u64(payload);
	memory = memory_of(codec, unpack_u64(payload));
	for (size_t i = 0; i < MASK_WORDS; i++)
		mask[i] = unpack_u64(payload);
	for (size_t i = 0; memory && i < WORDS; i++) {
		if (mask[i / 64] >> i % 64 & 1)
			memory->words[i] += (uint64_t)unpack_i64(payload);
	}
	return memory && !payload->failed ? &memory->account : NULL;
}

/* ---- entries ---- */

void recorder_free(struct recorder *recorder)
{
	account_codec_free(&recorder->codec);
	buf_free(&recorder->entries);
	buf_free(&recorder->payload);
}

void recorder_add(struct recorder *recorder, enum entry_type type)
{
	recorder->entries.failed |= recorder->payload.failed;
	recorder->payload.failed = false;
	pack_u64(&recorder->entries, type);
	pack_bytes(&recorder->entries, recorder->payload.data, recorder->payload.len);
	buf_consume(&recorder->payload, recorder->payload.len);
	recorder->count++;
}

void recorder_add_record(struct recorder *recorder, enum entry_type type, const void *data, size_t size)
{
	account_codec_note(&recorder->codec, data, size);
	pack_u64(&recorder->entries, type);
	pack_bytes(&recorder->entries, data, size);
	recorder->count++;
}

bool recording_next(struct unpack *entries, uint32_t *ret_type, struct unpack *ret_payload)
{
	const void *data;
	size_t len;

	if (entries->at == entries->end)
		return false;
	*ret_type = unpack_u32(entries);
	data = unpack_bytes(entries, &len);
	if (entries->failed)
		return false;
	*ret_payload = (struct unpack){.at = data, .end = (const uint8_t *)data + len};
	return true;
}

void recorder_add_header(struct recorder *recorder, const struct recording_header *header)
{
	struct buf *payload = &recorder->payload;

	pack_u64(payload, header->contract);
	pack_u64(payload, header->account_bytes);
	pack_u64(payload, header->page_size);
	pack_u64(payload, header->limit);
	pack_u64(payload, header->real_limit);
	pack_u64(payload, header->child);
	pack_u64(payload, header->stream | header->calls << 1 | header->gap << 2 | header->commit << 3);
	pack_u64(payload, header->start_ns);
	pack_u64(payload, header->tick_ns);
	pack_u64(payload, header->interval_ns);
	pack_i64(payload, header->wall_offset_ns);
	pack_text(payload, header->host);
	pack_text(payload, header->kernel);
	pack_text(payload, header->plan);
	pack_bytes(payload, header->command, header->command_bytes);
	recorder_add(recorder, ENTRY_HEADER);
}

int recording_take_header(struct unpack *payload, struct recording_header *ret_header)
{
	struct recording_header header = {.contract = unpack_u32(payload), .account_bytes = unpack_u32(payload)};
	const void *command;
	size_t len;
	uint64_t flags;

	if (!payload->failed && (header.contract != MT_VERSION || header.account_bytes != sizeof(struct mt_process)))
		return -EPROTONOSUPPORT;
	header.page_size = unpack_u32(payload);
	header.limit = unpack_u32(payload);
	header.real_limit = unpack_u32(payload);
	header.child = unpack_u32(payload);
	flags = unpack_u64(payload);
	header.stream = flags & 1;
	header.calls = flags >> 1 & 1;
	header.gap = flags >> 2 & 1;
	header.commit = flags >> 3 & 1;
	header.start_ns = unpack_u64(payload);
	header.tick_ns = unpack_u64(payload);
	header.interval_ns = unpack_u64(payload);
	header.wall_offset_ns = unpack_i64(payload);
	unpack_text_to(payload, header.host, sizeof(header.host));
	unpack_text_to(payload, header.kernel, sizeof(header.kernel));
	unpack_text_to(payload, header.plan, sizeof(header.plan));
	command = unpack_bytes(payload, &len);
	if (payload->failed || len > sizeof(header.command) || !header.page_size || !header.limit ||
	    header.tick_ns < TICK_MIN_NS || header.tick_ns > TICK_MAX_NS || header.start_ns > UINT64_MAX / 2)
		return -EBADMSG;
	if (len)
		memcpy(header.command, command, len);
	header.command_bytes = (uint32_t)len;
	*ret_header = header;
	return 0;
}

/* ---- blocks: magic, bytes of the entries, bytes of the block, their checksum ---- */

static void put_u32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> 8 * i);
}

static uint32_t get_u32(const uint8_t *at)
{
	return at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static int seal(const struct buf *entries, struct buf *out)
{
	uLongf len = compressBound(entries->len);
	uint8_t *head, *data;

	if (entries->failed || entries->len > RECORDING_BLOCK_MAX || !buf_room(out, RECORDING_HEAD_BYTES + len))
		return -ENOMEM;
	head = (uint8_t *)out->data + out->len;
	data = head + RECORDING_HEAD_BYTES;
	if (compress2(data, &len, (const Bytef *)entries->data, entries->len, LEVEL) != Z_OK)
		return -ENOMEM;
	memcpy(head, MAGIC, MAGIC_LEN);
	put_u32(head + MAGIC_LEN, (uint32_t)entries->len);
	put_u32(head + MAGIC_LEN + 4, (uint32_t)len);
	put_u32(head + MAGIC_LEN + 8, (uint32_t)crc32(crc32(0, NULL, 0), data, (uInt)len));
	buf_end(out, (char *)data + len);
	return 0;
}

int recorder_seal(struct recorder *recorder, struct buf *out)
{
	int error = recorder->entries.len || recorder->entries.failed ? seal(&recorder->entries, out) : 0;

	recorder->entries.failed = false;
	buf_consume(&recorder->entries, recorder->entries.len);
	return error;
}

uint32_t recording_block_bytes(const uint8_t head[RECORDING_HEAD_BYTES])
{
	uint32_t raw = get_u32(head + MAGIC_LEN), len = get_u32(head + MAGIC_LEN + 4);

	if (memcmp(head, MAGIC, MAGIC_LEN) != 0 || raw > RECORDING_BLOCK_MAX || len > compressBound(raw))
		return 0;
	return len;
}

int recording_block_open(const uint8_t head[RECORDING_HEAD_BYTES], const void *data, struct buf *entries)
{
	uint32_t raw = get_u32(head + MAGIC_LEN), len = recording_block_bytes(head);
	uLongf got = raw;
	char *room;

	if (!len || crc32(crc32(0, NULL, 0), data, len) != get_u32(head + MAGIC_LEN + 8))
		return -EBADMSG;
	room = buf_room(entries, raw);
	if (!room)
		return -ENOMEM;
	if (uncompress((Bytef *)room, &got, data, len) != Z_OK || got != raw)
		return -EBADMSG;
	buf_end(entries, room + raw);
	return 0;
}
