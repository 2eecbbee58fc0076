/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the sink tests show: the story of FIELD.md, frozen at one moment. */
#ifndef SINK_FIXTURE_H
#define SINK_FIXTURE_H

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fake_tally.h"
#include "reason.h"
#include "text.h"

#define SECOND	  1000000000ULL
#define LIMIT	  65530
#define BOOT_UNIX 1700000000LL /* 2023-11-14T22:13:20Z */

static const struct line_context context = {.host = "node-7", .wall_offset_ns = BOOT_UNIX * (int64_t)SECOND};

static char trail_any; /* not looked into */

static inline struct text_style style_of(unsigned int width)
{
	return (struct text_style){.width = width, .start_ns = 10 * SECOND, .line = context};
}

static inline void tally_set(struct process *process, uint32_t op, uint32_t calls, uint32_t failed, int64_t delta)
{
	fake_tally(&process->account, op, (struct mt_tally){.calls = calls, .failed = failed, .delta = delta});
}

/* 4,160 mmaps of one shared object, 64 munmaps. */
static inline struct process process_leaking(void)
{
	struct process process = {.key = {.start_ns = 5 * SECOND, .pid = 1234}, .comm = "frames"};

	process.trail = (struct packed_trail *)&trail_any;
	process.account.baseline = 23;
	process.account.map_count = 4119;
	process.account.high_water = 4120;
	process.account.opened = 4160;
	process.account.closed = 64;
	tally_set(&process, MT_OP_MMAP, 4160, 0, 4160);
	tally_set(&process, MT_OP_MUNMAP, 64, 0, -64);
	process.forecast = (struct forecast){512, 120, 110, 130, 2};
	process.state = PROCESS_LEAKING;
	return process;
}

static inline struct file_use file_frames(void)
{
	struct file_use use = {.calls = 4160, .unmapped = 64, .maps = 4096, .bytes = 272629760};

	use.id = (struct file_id){.dev_minor = 25, .inode = 42, .kind = FILE_SHM, .path = "/dev/shm/frames"};
	return use;
}

static inline struct finding finding_leak(void)
{
	struct finding finding = {
		.verdict = {FINDING_LEAK, SEVERITY_WARNING, {512, 120, 110, 130, 2}},
		.ts_ns = 20 * SECOND,
		.raised_ns = 20 * SECOND,
		.map_count = 4119,
		.limit = LIMIT,
		.op_count = 2,
		.file_count = 1,
		.ops = {{MT_OP_MMAP, 4160, 0, 4160}, {MT_OP_MUNMAP, 64, 0, -64}},
		.advice = "/dev/shm/frames was mapped 4160 times and unmapped 64 times: unmap it where it is mapped",
	};

	finding.files[0] = file_frames();
	return finding;
}

static inline struct op_event op_mmap(void)
{
	struct op_event op = {
		.ts_ns = 20 * SECOND,
		.start_ns = 5 * SECOND,
		.pid = 1234,
		.tid = 1234,
		.op = MT_OP_MMAP,
		.has_result = true,
		.has_args = true,
		.has_file = true,
		.args = {.has_len = true, .has_prot = true, .has_flags = true, .has_fd = true},
		.ret = 0x7f1234567000,
		.duration_ns = 1250,
		.map_count = 4119,
		.delta = 1,
	};

	op.args.has_addr = true;
	op.args.len = 65536;
	op.args.prot = 3;
	op.args.flags = 1;
	op.args.fd = 3;
	op.file = file_frames().id;
	return op;
}

static inline struct refusal refusal_by_count(void)
{
	return (struct refusal){
		.ts_ns = 20 * SECOND,
		.tid = 1234,
		.op = MT_OP_MMAP,
		.error = ENOMEM,
		.reason = REASON_MAX_MAP_COUNT,
		.map_count = LIMIT + 1,
		.limit = LIMIT,
		.refusal_point = LIMIT + 1,
		.args = {.has_len = true, .len = 65536},
		.has_args = true,
		.total_vm = 1ULL << 32,
		.rlimit_as = UINT64_MAX,
		.rlimit_data = UINT64_MAX,
		.rlimit_memlock = 8388608,
	};
}

#endif
