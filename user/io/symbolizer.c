/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbolizer.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "symbol_helper.h"
#include "symbol_reply.h"
#include "symbol_requests.h"
#include "symbol_wire.h"

#define RESTARTS_MAX 8
#define RESTART_EACH 256 /* answers that make up for a restart */
#define HANG_NS	     10000000000ULL
#define STEP_MAX_NS  3000000000ULL /* that count of the time between two checks */
#define READ_BUDGET  256	   /* packets taken at a time, so that others get their turn */

struct symbolizer {
	enum unwind_mode mode;
	struct symbol_helper helper;
	struct symbol_reply reply;
	struct symbol_requests requests;
	uint32_t last_module;
	uint32_t restarts_left, answers; /* since one was added */
	uint32_t watched, beat;		 /* what it was at when last looked at */
	uint64_t checked_ns, waited_ns;
	int own_fd; /* when it is gone for good: readable while there is something to answer */
	bool gone;
	struct symbolizer_losses losses;
};

static void symbolizer_release(struct symbolizer **symbolizer)
{
	symbolizer_free(*symbolizer);
}

int symbolizer_new(enum unwind_mode mode, struct symbolizer **ret_symbolizer)
{
	struct symbolizer *symbolizer _cleanup_(symbolizer_release) = calloc(1, sizeof(*symbolizer));
	int error;

	if (!symbolizer)
		return -ENOMEM;
	symbolizer->mode = mode;
	symbolizer->restarts_left = RESTARTS_MAX;
	symbolizer->helper.fd = -1;
	symbolizer->own_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (symbolizer->own_fd < 0)
		return -errno;
	error = symbol_helper_start(&symbolizer->helper, mode, 0);
	if (error)
		return error;
	*ret_symbolizer = TAKE_PTR(symbolizer);
	return 0;
}

void symbolizer_free(struct symbolizer *symbolizer)
{
	if (!symbolizer)
		return;
	symbol_helper_free(&symbolizer->helper);
	symbol_reply_free(&symbolizer->reply);
	symbol_requests_free(&symbolizer->requests);
	if (symbolizer->own_fd >= 0)
		close(symbolizer->own_fd);
	free(symbolizer);
}

int symbolizer_fd(const struct symbolizer *symbolizer)
{
	return symbolizer->gone ? symbolizer->own_fd : symbolizer->helper.fd;
}

/* ---- asking ---- */

/* To be answered by ourselves: nobody waits for ever. */
static void lay_bare(struct symbolizer *symbolizer, struct symbol_request *request)
{
	uint64_t one = 1;

	symbol_requests_lay_bare(&symbolizer->requests, request);
	if (symbolizer->gone && write(symbolizer->own_fd, &one, sizeof(one)) < 0)
		return; /* readable already */
}

static struct symbol_request *request_new(struct symbolizer *symbolizer, enum wire_type type, uint32_t pid,
					  uint64_t start_ns, uint32_t ips)
{
	struct symbol_request *request = symbol_request_new(&symbolizer->requests, type, pid, start_ns, ips);

	symbolizer->losses.refused += !request;
	return request;
}

static int submit(struct symbolizer *symbolizer, struct symbol_request *request)
{
	bool wants_answer = request->wire.type != WIRE_FORGET;

	if (symbol_requests_add(&symbolizer->requests, request)) {
		symbolizer->losses.refused++;
		return -ENOBUFS;
	}
	symbolizer->losses.asked += wants_answer;
	if (!symbolizer->gone)
		symbol_requests_send(&symbolizer->requests, symbolizer->helper.fd);
	else if (wants_answer)
		lay_bare(symbolizer, request);
	else
		symbol_requests_drop(&symbolizer->requests, request);
	return 0;
}

int symbolizer_ask_process(struct symbolizer *symbolizer, uint32_t pid, uint64_t start_ns)
{
	struct symbol_request *request = request_new(symbolizer, WIRE_PROCESS, pid, start_ns, 0);

	return request ? submit(symbolizer, request) : -ENOBUFS;
}

int symbolizer_ask_stack(struct symbolizer *symbolizer, uint32_t pid, uint64_t start_ns, uint64_t id,
			 enum mt_stack_end end, const uint64_t *ips, uint32_t count)
{
	uint32_t taken = count < MT_STACK_FRAMES_MAX ? count : MT_STACK_FRAMES_MAX;
	struct symbol_request *request = request_new(symbolizer, WIRE_STACK, pid, start_ns, taken);

	if (!request)
		return -ENOBUFS;
	request->id = id;
	request->end = taken < count ? MT_STACK_CUT_DEPTH : end;
	memcpy(request->wire.ips, ips, taken * sizeof(*ips));
	return submit(symbolizer, request);
}

void symbolizer_forget(struct symbolizer *symbolizer, uint32_t pid, uint64_t start_ns)
{
	struct symbol_request *request = request_new(symbolizer, WIRE_FORGET, pid, start_ns, 0);

	if (request)
		(void)submit(symbolizer, request);
}

/* ---- answers ---- */

/* Walked without rules, by words that may be no frame pointers: what follows a place without code is no caller. */
static uint32_t frames_to_trust(const struct symbol_request *request, const struct frame *frames, uint32_t count)
{
	uint32_t i = 1;

	if (request->end != MT_STACK_CUT_EARLY)
		return count;
	while (i < count && frames[i].module)
		i++;
	return i < count ? i : count;
}

static void tell_stack(struct symbolizer *symbolizer, const struct symbol_request *request, struct frame *frames,
		       uint32_t count, const struct symbolizer_sink *sink, void *arg)
{
	struct stack stack = {.id = request->id,
			      .end = request->end,
			      .count = frames_to_trust(request, frames, count),
			      .frames = frames};

	for (uint32_t i = 0; i < stack.count; i++)
		symbolizer->losses.unknown_frames += !frames[i].function;
	if (sink->stack)
		sink->stack(arg, &stack);
}

static void tell_ranges(const struct symbol_request *request, const struct symbol_range *ranges, uint32_t count,
			const struct symbolizer_sink *sink, void *arg)
{
	if (sink->ranges)
		sink->ranges(arg, request->wire.pid, request->wire.start_ns, ranges, count);
}

static void tell_bare(struct symbolizer *symbolizer, const struct symbolizer_sink *sink, void *arg)
{
	struct frame frames[MT_STACK_FRAMES_MAX];
	struct symbol_request *request;
	uint64_t woken;

	if (symbolizer->gone && read(symbolizer->own_fd, &woken, sizeof(woken)) < 0 && errno != EAGAIN)
		return;
	while ((request = symbol_requests_take_bare(&symbolizer->requests))) {
		memset(frames, 0, request->wire.count * sizeof(frames[0]));
		for (uint32_t i = 0; i < request->wire.count; i++)
			frames[i].address = request->wire.ips[i];
		symbolizer->losses.answered++;
		if (request->wire.type == WIRE_STACK)
			tell_stack(symbolizer, request, frames, request->wire.count, sink, arg);
		else
			tell_ranges(request, NULL, 0, sink, arg);
		free(request);
	}
}

/* A request is done: the more are answered, the more crashes are forgiven. */
static void request_answered(struct symbolizer *symbolizer, struct symbol_request *request)
{
	symbol_requests_drop(&symbolizer->requests, request);
	symbolizer->losses.answered++;
	if (++symbolizer->answers < RESTART_EACH)
		return;
	symbolizer->answers = 0;
	if (symbolizer->restarts_left < RESTARTS_MAX)
		symbolizer->restarts_left++;
}

static int take_module(struct symbolizer *symbolizer, const struct symbolizer_sink *sink, void *arg)
{
	const struct symbol_reply *reply = &symbolizer->reply;

	if (reply->head.module <= symbolizer->last_module ||
	    wire_check_rows(reply->payload, reply->head.size, reply->head.count))
		return -EPROTO;
	symbolizer->last_module = reply->head.module;
	if (sink->module)
		sink->module(arg, reply->head.module, reply->payload, reply->head.count);
	return 0;
}

static int take_ranges(struct symbolizer *symbolizer, struct symbol_request *request,
		       const struct symbolizer_sink *sink, void *arg)
{
	const struct symbol_reply *reply = &symbolizer->reply;

	if (wire_check_ranges(reply->payload, reply->head.size, reply->head.count, symbolizer->last_module))
		return -EPROTO;
	tell_ranges(request, reply->payload, reply->head.count, sink, arg);
	if (request->wire.type == WIRE_PROCESS && !reply->head.module)
		request_answered(symbolizer, request); /* else it is told again */
	return 0;
}

static int take_stack(struct symbolizer *symbolizer, struct symbol_request *request, const struct symbolizer_sink *sink,
		      void *arg)
{
	const struct symbol_reply *reply = &symbolizer->reply;
	struct frame *frames _cleanup_free_ = NULL;

	if (request->wire.type != WIRE_STACK || reply->head.count > WIRE_FRAMES_MAX)
		return -EPROTO;
	frames = calloc(reply->head.count + 1, sizeof(*frames));
	if (!frames)
		return -ENOMEM;
	if (wire_take_frames(reply->payload, reply->head.size, reply->head.count, frames))
		return -EPROTO;
	tell_stack(symbolizer, request, frames, reply->head.count, sink, arg);
	request_answered(symbolizer, request);
	return 0;
}

static int take_reply(struct symbolizer *symbolizer, const struct symbolizer_sink *sink, void *arg)
{
	struct symbol_request *request =
		symbol_requests_find_sent(&symbolizer->requests, symbolizer->reply.head.number);

	if (!request)
		return -EPROTO;
	switch (symbolizer->reply.head.type) {
	case WIRE_MODULE:
		return take_module(symbolizer, sink, arg);
	case WIRE_RANGES:
		return take_ranges(symbolizer, request, sink, arg);
	case WIRE_STACK:
		return take_stack(symbolizer, request, sink, arg);
	default:
		return -EPROTO;
	}
}

/* ---- when it breaks down ---- */

static void losses_keep(struct symbolizer *symbolizer)
{
	const struct wire_page *page = symbolizer->helper.page;

	symbolizer->losses.gone += page->gone;
	symbolizer->losses.bad_modules += page->bad_modules;
	symbolizer->losses.rules_left_out += page->rules_left_out;
	memset(symbolizer->helper.page, 0, sizeof(*page));
}

static void give_up(struct symbolizer *symbolizer)
{
	struct symbol_request *request;

	symbolizer->gone = true;
	while ((request = symbolizer->requests.table)) {
		if (request->wire.type == WIRE_FORGET)
			symbol_requests_drop(&symbolizer->requests, request);
		else
			lay_bare(symbolizer, request);
	}
}

/* 1: there is a new one; or negative errno: never again. What it was at is not asked again. */
static int restart(struct symbolizer *symbolizer)
{
	struct symbol_request *guilty;
	int error = -EPIPE;

	symbol_helper_end(&symbolizer->helper);
	guilty = symbol_requests_find_sent(&symbolizer->requests, symbolizer->helper.page->number);
	if (guilty)
		lay_bare(symbolizer, guilty);
	losses_keep(symbolizer);
	symbol_requests_unsend(&symbolizer->requests);
	if (symbolizer->restarts_left) {
		symbolizer->restarts_left--;
		symbolizer->losses.restarts++;
		error = symbol_helper_start(&symbolizer->helper, symbolizer->mode, symbolizer->last_module);
	}
	if (error) {
		give_up(symbolizer);
		return error;
	}
	symbol_requests_send(&symbolizer->requests, symbolizer->helper.fd);
	return 1;
}

int symbolizer_read(struct symbolizer *symbolizer, const struct symbolizer_sink *sink, void *arg)
{
	int result = symbolizer->gone ? -EPIPE : 0;

	for (unsigned int i = 0; !result && i < READ_BUDGET; i++) {
		int error = symbol_reply_receive(&symbolizer->reply, symbolizer->helper.fd);

		if (error == -EAGAIN)
			break;
		if (!error)
			error = take_reply(symbolizer, sink, arg);
		if (error)
			result = restart(symbolizer);
	}
	tell_bare(symbolizer, sink, arg);
	if (!result)
		symbol_requests_send(&symbolizer->requests, symbolizer->helper.fd);
	return result;
}

int symbolizer_check(struct symbolizer *symbolizer, uint64_t now_ns)
{
	uint64_t past_ns = now_ns > symbolizer->checked_ns ? now_ns - symbolizer->checked_ns : 0;
	uint32_t number, beat;

	if (symbolizer->gone)
		return -EPIPE;
	symbol_requests_send(&symbolizer->requests, symbolizer->helper.fd);
	number = __atomic_load_n(&symbolizer->helper.page->number, __ATOMIC_ACQUIRE);
	beat = __atomic_load_n(&symbolizer->helper.page->beat, __ATOMIC_ACQUIRE);
	symbolizer->checked_ns = now_ns;
	/* It need not have had the time that has passed: both may have been stopped, or the machine asleep. */
	symbolizer->waited_ns += past_ns < STEP_MAX_NS ? past_ns : STEP_MAX_NS;
	if (!symbolizer->requests.table || number != symbolizer->watched || beat != symbolizer->beat)
		symbolizer->waited_ns = 0;
	symbolizer->watched = number;
	symbolizer->beat = beat;
	if (symbolizer->waited_ns <= HANG_NS)
		return 0;
	symbolizer->waited_ns = 0;
	return restart(symbolizer);
}

uint32_t symbolizer_pending(const struct symbolizer *symbolizer)
{
	return symbol_requests_count(&symbolizer->requests);
}

void symbolizer_wait(const struct symbolizer *symbolizer, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = symbolizer_fd(symbolizer), .events = POLLIN};

	if (!symbolizer->requests.bare)
		poll(&poll_fd, 1, timeout_ms);
}

void symbolizer_read_losses(const struct symbolizer *symbolizer, struct symbolizer_losses *ret_losses)
{
	const struct wire_page *page = symbolizer->helper.page;
	struct symbolizer_losses losses = symbolizer->losses;

	losses.gone += page->gone;
	losses.bad_modules += page->bad_modules;
	losses.rules_left_out += page->rules_left_out;
	*ret_losses = losses;
}
