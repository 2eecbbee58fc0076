/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the tracer and its symbolizer say to each other: one message a packet. The tracer believes nothing of it: the
 * symbolizer reads other people's files, and may have been taken over by one.
 */
#ifndef IO_SYMBOL_WIRE_H
#define IO_SYMBOL_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "mmaptrace.h"
#include "stack.h"
#include "symbolizer.h"

#define WIRE_INLINE_MAX	 16384	 /* bytes behind a head; what is longer comes as a sealed memfd */
#define WIRE_ROWS_MAX	 1000000 /* of a module */
#define WIRE_RANGES_MAX	 65536	 /* of a process */
#define WIRE_INLINES_MAX 16	 /* functions at one address */
#define WIRE_FRAMES_MAX	 (MT_STACK_FRAMES_MAX * WIRE_INLINES_MAX)

enum wire_type {
	WIRE_PROCESS = 1, /* request; its answer is WIRE_RANGES */
	WIRE_STACK,	  /* request, and its answer */
	WIRE_FORGET,	  /* request without an answer */
	WIRE_MODULE,	  /* on the way to an answer */
	WIRE_RANGES,	  /* an answer, or on the way to that for a stack */
};

struct wire_request {
	uint32_t type;	 /* enum wire_type */
	uint32_t number; /* not 0 */
	uint32_t pid;
	uint32_t count; /* of ips */
	uint64_t start_ns;
	uint64_t ips[];
};

struct wire_reply {
	uint32_t type;
	uint32_t number; /* of the request */
	uint32_t module; /* WIRE_MODULE */
	uint32_t count;	 /* of rows, ranges, frames */
	uint64_t size;	 /* bytes of them */
};

/* In the answer for a stack; behind the last one are the strings. */
struct wire_frame {
	uint64_t address, offset;
	uint32_t function, file, module, build_id; /* place in the strings + 1; 0: none */
	uint32_t line;
	uint32_t inlined;
};

/* What the two share besides: a page that the symbolizer writes, for when it cannot speak any more. */
struct wire_page {
	uint32_t number; /* of the request at work; 0: none */
	uint32_t beat;	 /* moves while it does */
	uint64_t gone, bad_modules, rules_left_out;
};

/* Room for the largest request. */
union wire_request_room {
	struct wire_request request;
	char bytes[sizeof(struct wire_request) + MT_STACK_FRAMES_MAX * sizeof(uint64_t)];
};

size_t wire_request_size(const struct wire_request *request);
/* Whether size bytes are such a request. */
bool wire_request_valid(const struct wire_request *request, size_t size);

/* Each: 0, or -EPROTO if it cannot be trusted. payload is aligned to 8 bytes. */
int wire_check_rows(const void *payload, uint64_t size, uint32_t count);
/* module_max: the highest number told. */
int wire_check_ranges(const void *payload, uint64_t size, uint32_t count, uint32_t module_max);
/* ret_frames has room for count; their texts lie in the payload. -EPROTO as well if count is above WIRE_FRAMES_MAX. */
int wire_take_frames(const void *payload, uint64_t size, uint32_t count, struct frame *ret_frames);

/* An answer for a stack in the making; zero-initialised is empty. */
struct wire_stack {
	struct buf frames, strings;
	struct wire_frame last;
	uint32_t count;
};
void wire_stack_add(struct wire_stack *stack, const struct frame *frame);
/* Moves the strings behind the frames: *ret_payload is stack->frames. 0 or -ENOMEM. */
int wire_stack_end(struct wire_stack *stack);
void wire_stack_free(struct wire_stack *stack);

#endif
