/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Made-up call sites for the tests of what flame graphs and pprof are written from; brings cmocka along. */
#ifndef PROFILE_FIXTURE_H
#define PROFILE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "profile.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define LIBC	 "/usr/lib/x86_64-linux-gnu/libc.so.6"
#define SERVER	 "/opt/shop/bin/server"
#define HOSTILE	 "a;b\nc\r\033[31m\xff\xc3\x28\x80 \xe2\x80\xae\"\\ 7" /* invalid UTF-8, ESC, right-to-left override */
#define HARMLESS "a;b\\nc\\r\\x1b[31m\xef\xbf\xbd\xef\xbf\xbd(\xef\xbf\xbd \\u202e\"\\ 7"

static struct frame frames_leak[] = {
	{.address = 0x7f11e4a3, .offset = 0x11e4a3, .function = "__mmap64", .module = LIBC, .build_id = "c0ffee"},
	{.address = 0x40137a,
	 .offset = 0x137a,
	 .function = "frame_map",
	 .file = "src/frames.c",
	 .line = 31,
	 .module = SERVER,
	 .build_id = "5eed",
	 .inlined = true},
	{.address = 0x40137a,
	 .offset = 0x137a,
	 .function = "shop::Cart::add(int, std::string const&)",
	 .file = "src/cart.cc",
	 .line = 107,
	 .module = SERVER,
	 .build_id = "5eed"},
	{.address = 0x401042,
	 .offset = 0x1042,
	 .function = "main",
	 .file = "src/main.cc",
	 .line = 12,
	 .module = SERVER,
	 .build_id = "5eed"},
};

/* Nothing but addresses, of a file and of none; and what an ELF file may say to do harm. */
static struct frame frames_bare[] = {
	{.address = 0x7f00beef, .offset = 0xbeef, .module = "/opt/x/libdark.so"},
	{.address = 0xdead0000},
	{.address = 0x7f00cafe, .offset = 0xcafe, .function = "", .module = ""},
};
static struct frame frames_hostile[] = {
	{.address = 1, .offset = 1, .function = HOSTILE, .file = HOSTILE, .module = HOSTILE, .build_id = HOSTILE},
	{.address = 2, .offset = 2, .module = "/" HOSTILE, .inlined = true}, /* into nothing */
};

static const struct stack stack_leak = {.id = 1, .count = COUNT(frames_leak), .frames = frames_leak};
static const struct stack stack_cut = {
	.id = 2, .end = MT_STACK_CUT_NO_RULE, .count = COUNT(frames_bare), .frames = frames_bare};
static const struct stack stack_hostile = {.id = 3, .count = COUNT(frames_hostile), .frames = frames_hostile};
static const struct stack stack_empty = {.id = 4, .end = MT_STACK_CUT_UNREAD};

static const struct profile_process server = {.pid = 1234, .comm = "server", .program = SERVER};

static inline struct site site_of(uint32_t op, const struct stack *stack, int64_t live, int64_t delta)
{
	return (struct site){
		.op = op,
		.stack_id = stack ? stack->id : 0,
		.stack = stack,
		.calls = 500,
		.delta = delta,
		.live = live,
		.bytes = live > 0 ? (uint64_t)live * 4096 : 0,
	};
}

/* ---- many ---- */

#define MANY_SITES  10000
#define MANY_FRAMES 60

struct many {
	struct site sites[MANY_SITES];
	struct stack stacks[MANY_SITES];
	struct frame frames[MANY_SITES][MANY_FRAMES];
	char names[MANY_SITES * 64][48];
};

/* No two stacks are the same, but the further out, the more they share: each fourth frame half as many functions. */
static inline uint32_t many_function(uint32_t site, uint32_t frame)
{
	return (site >> (frame / 4)) * 64 + frame;
}

static inline uint32_t many_functions(void)
{
	uint32_t sum = 0;

	for (uint32_t frame = 0; frame < MANY_FRAMES; frame++)
		sum += ((MANY_SITES - 1) >> (frame / 4)) + 1;
	return sum;
}

static inline struct many *many_new(void)
{
	struct many *many = calloc(1, sizeof(*many));

	assert_non_null(many);
	for (uint32_t i = 0; i < MANY_SITES; i++) {
		for (uint32_t j = 0; j < MANY_FRAMES; j++) {
			uint32_t function = many_function(i, j);
			char *name = many->names[function];

			snprintf(name, sizeof(many->names[0]), "space::Type::function_%u(int)", function);
			many->frames[i][j] = (struct frame){.offset = function,
							    .function = name,
							    .file = "src/a_file_of_many.cc",
							    .line = j + 1,
							    .module = j % 2 ? SERVER : LIBC,
							    .build_id = "5eed"};
		}
		many->stacks[i] = (struct stack){.id = i + 1, .count = MANY_FRAMES, .frames = many->frames[i]};
		many->sites[i] = site_of(MT_OP_MMAP, &many->stacks[i], i + 1, i + 1);
	}
	return many;
}

static inline double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

#endif
