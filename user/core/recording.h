/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A recording: what the kernel said in a run and what the machine answered when it was asked, in the order in which
 * the run took it, so that the same code comes to the same lines by it. Pure: bytes in, bytes out.
 *
 * A file of blocks, each compressed by itself (zlib) with a checksum: cut off anywhere, or damaged, it is good up to
 * there. A block holds entries: type, length, payload (base/pack.h). Accounts are kept as what has changed since the
 * last of the same address space.
 */
#ifndef CORE_RECORDING_H
#define CORE_RECORDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "mmaptrace.h"
#include "pack.h"

#define RECORDING_HEAD_BYTES 20		  /* of a block */
#define RECORDING_BLOCK_MAX  (64U << 20)  /* bytes of a block's entries */
#define RECORDING_SEAL_BYTES (256U << 10) /* so much is worth a block */

/* What follows until the next input are answers to what was asked because of it. */
enum entry_type {
	ENTRY_HEADER = 1,  /* the first of all */
	ENTRY_EVENT = 2,   /* input: a record of the ring of operations, as it came */
	ENTRY_ALARM = 3,   /* input: one of the ring of alarms */
	ENTRY_ACCOUNT = 4, /* input: an account, as a tick read it */
	ENTRY_TICK = 5,	   /* input: a tick is over */
	ENTRY_LIMIT = 6,   /* input: the limits as they are from here on */
	ENTRY_GONE = 7,	   /* input: the kernel lists it no more, the record of its end was lost */
	ENTRY_TARGET = 8,  /* input: it was there when it began to be followed; its account is the last one */
	ENTRY_LOSS = 9,	   /* input: something was lost */
	ENTRY_END = 10,	   /* input: the last word */
	ENTRY_PATH = 11,   /* answer: the whole path of a file */
	ENTRY_CGROUP = 12, /* answer: where a process lives */
	ENTRY_AROUND = 13, /* answer: how things stood about a refusal */
	ENTRY_SITES = 14,  /* answer: a process's call sites */
	ENTRY_FILES = 15,  /* answer: a process's files, counted */
	ENTRY_STACK = 16,  /* a call stack in words; belongs to nobody */
	ENTRY_EXITS = 17,  /* input: all operations are read; those who had ended are told of */
	ENTRY_LIVING = 18, /* input: the run is over; who lives is told of */
};

#define ENTRY_IS_ANSWER(type) ((type) >= ENTRY_PATH && (type) <= ENTRY_FILES)

struct recording_header {
	uint32_t contract;	/* MT_VERSION */
	uint32_t account_bytes; /* sizeof(struct mt_process), of whoever recorded */
	uint32_t page_size;
	uint32_t limit, real_limit;		 /* maps */
	uint32_t child;				 /* pid of the command that was run; 0: none */
	bool stream;				 /* some processes by their operations, not all by their counts */
	bool calls;				 /* results of calls were seen */
	bool gap, commit;			 /* refusals for want of room, by overcommit, were told by the kernel */
	uint64_t start_ns, tick_ns, interval_ns; /* boot clock; from one tick to the next; between lines of processes */
	int64_t wall_offset_ns;			 /* CLOCK_REALTIME less CLOCK_BOOTTIME */
	char host[65], kernel[65], plan[256];
	char command[1024]; /* as it was typed, words apart by NUL */
	uint32_t command_bytes;
};

struct account_memory;

/* The accounts that were last told, by address space: zero-initialised is empty. */
struct account_codec {
	struct account_memory *accounts; /* uthash, owned */
};

void account_codec_free(struct account_codec *codec);
/* An address space has ended. */
void account_codec_forget(struct account_codec *codec, uint64_t mm);

/* Entries on their way into a block. Zero-initialised is empty. */
struct recorder {
	struct buf entries; /* not yet compressed */
	struct buf payload; /* of the entry that is being made */
	struct account_codec codec;
	uint64_t count; /* of entries, in all */
};

void recorder_free(struct recorder *recorder);
/* Adds an entry whose payload has been put into recorder->payload, and empties that. */
void recorder_add(struct recorder *recorder, enum entry_type type);
void recorder_add_header(struct recorder *recorder, const struct recording_header *header);
/* A record of the kernel's. */
void recorder_add_record(struct recorder *recorder, enum entry_type type, const void *data, size_t size);
/* To be told of each, whoever records or replays: the end of an address space is forgotten on both sides. */
void account_codec_note(struct account_codec *codec, const void *record, size_t size);
/* ts_ns: when it was read. */
void recorder_add_account(struct recorder *recorder, const struct mt_process *account, uint64_t ts_ns);
/* Appends all entries so far to out, as one block. 0 or -ENOMEM: then those entries are gone. */
int recorder_seal(struct recorder *recorder, struct buf *out);

/* The bytes of a block that follow its head; 0: that is no head. */
uint32_t recording_block_bytes(const uint8_t head[RECORDING_HEAD_BYTES]);
/* Appends a block's entries to `entries`. 0, -EBADMSG (damaged) or -ENOMEM. */
int recording_block_open(const uint8_t head[RECORDING_HEAD_BYTES], const void *data, struct buf *entries);
/* Takes the next entry. False: none is left, or (entries->failed) it is not whole. */
bool recording_next(struct unpack *entries, uint32_t *ret_type, struct unpack *ret_payload);
/* 0, -EBADMSG, or -EPROTONOSUPPORT: of another version of mmaptrace. */
int recording_take_header(struct unpack *payload, struct recording_header *ret_header);
/* Borrowed from the codec until the next call. NULL: damaged, or out of memory. */
const struct mt_process *recording_take_account(struct account_codec *codec, struct unpack *payload,
						uint64_t *ret_ts_ns);

#endif
