/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `mmaptrace record`: what the kernel says and the machine answers, instead of lines. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "recording.h"
#include "session.h"

#define QUEUE_MAX (40U << 20)	/* bytes that wait for who reads the recording */
#define SEAL_NS	  1000000000ULL /* so much is lost at most where a machine stops */

int record_open(struct session *session)
{
	if (!session->options->record)
		return 0;
	session->recorder = calloc(1, sizeof(*session->recorder));
	session->stacks.recorder = session->recorder;
	return session->recorder ? 0 : -ENOMEM;
}

void record_close(struct session *session)
{
	if (session->recorder)
		recorder_free(session->recorder);
	free(session->recorder);
	session->recorder = NULL;
}

/* Words apart by NUL, as many as there is room for. */
static uint32_t join_words(char *out, size_t size, int argc, char **argv)
{
	size_t used = 0;

	for (int i = 0; i < argc; i++) {
		size_t len = strlen(argv[i]) + 1;

		if (len > size - used)
			break;
		memcpy(out + used, argv[i], len);
		used += len;
	}
	return (uint32_t)used;
}

void record_header(struct session *session, int argc, char **argv)
{
	const struct options *options = session->options;
	struct recording_header header = {
		.contract = MT_VERSION,
		.account_bytes = sizeof(struct mt_process),
		.page_size = session->page_size,
		.limit = session->limit,
		.real_limit = session->real_limit,
		.child = options->command == COMMAND_RUN ? (uint32_t)session->child.pid : 0,
		.stream = options->command != COMMAND_TABLE,
		.calls = session->plan.calls,
		.gap = session->plan.gap,
		.commit = session->plan.commit != ROAD_NONE,
		.start_ns = session->start_ns,
		.tick_ns = session->model.tick_ns,
		.interval_ns = options->interval_ns,
		.wall_offset_ns = session->style.line.wall_offset_ns,
	};

	if (!session->recorder)
		return;
	memcpy(header.host, session->host, sizeof(header.host));
	memcpy(header.kernel, session->kernel, sizeof(header.kernel));
	memccpy(header.plan, session->plan_text, '\0', sizeof(header.plan) - 1);
	header.command_bytes = join_words(header.command, sizeof(header.command), argc, argv);
	recorder_add_header(session->recorder, &header);
}

void record_account(struct session *session, const struct mt_process *account, uint64_t ts_ns)
{
	if (session->recorder)
		recorder_add_account(session->recorder, account, ts_ns);
}

void record_record(struct session *session, enum entry_type type, const void *data, size_t size)
{
	if (session->recorder)
		recorder_add_record(session->recorder, type, data, size);
}

/* NULL: nothing is recorded. Else an entry has been begun, with the time it is of. */
static struct recorder *entry_begin(struct session *session, uint64_t ts_ns)
{
	if (session->recorder)
		pack_u64(&session->recorder->payload, ts_ns);
	return session->recorder;
}

void record_moment(struct session *session, enum entry_type type, uint64_t ts_ns)
{
	struct recorder *recorder = entry_begin(session, ts_ns);

	if (!recorder)
		return;
	pack_u64(&recorder->payload, session->limit);
	pack_u64(&recorder->payload, session->real_limit);
	recorder_add(recorder, type);
}

void record_process(struct session *session, enum entry_type type, const struct process *process)
{
	struct recorder *recorder = entry_begin(session, session_now());

	if (!recorder)
		return;
	pack_u64(&recorder->payload, process->key.pid);
	pack_u64(&recorder->payload, process->key.start_ns);
	pack_u64(&recorder->payload, process->account.mm);
	recorder_add(recorder, type);
	if (type == ENTRY_GONE)
		account_codec_forget(&recorder->codec, process->account.mm);
}

void record_loss(struct session *session, unsigned int slot, const char *what, uint64_t more)
{
	struct recorder *recorder = entry_begin(session, session_now());

	if (!recorder)
		return;
	pack_u64(&recorder->payload, slot);
	pack_u64(&recorder->payload, more);
	pack_text(&recorder->payload, what);
	recorder_add(recorder, ENTRY_LOSS);
}

void record_living(struct session *session)
{
	struct recorder *recorder = entry_begin(session, session_now());

	if (!recorder)
		return;
	pack_u64(&recorder->payload, session->over_ns);
	recorder_add(recorder, ENTRY_LIVING);
}

void record_end(struct session *session, const uint64_t *stack_ends)
{
	struct recorder *recorder = entry_begin(session, session_now());

	if (!recorder)
		return;
	pack_u64(&recorder->payload, MT_STACK_ENDS);
	for (unsigned int end = 0; end < MT_STACK_ENDS; end++)
		pack_u64(&recorder->payload, stack_ends[end]);
	recorder_add(recorder, ENTRY_END);
}

static void give_up(struct session *session, int error, const char *why)
{
	log_error("cannot record to %s: %s; what was written before can be replayed", session->output.name, why);
	session->output_error = error;
	if (session->loop && !session->child_running)
		loop_stop(session->loop);
}

void record_flush(struct session *session)
{
	struct recorder *recorder = session->recorder;
	bool is_due;

	if (!recorder)
		return;
	is_due = session->is_seal_due || session_now() >= session->sealed_ns + SEAL_NS;
	buf_consume(&session->buf, session->buf.len); /* lines */
	if (!is_due && recorder->entries.len < RECORDING_SEAL_BYTES)
		return;
	session->is_seal_due = false;
	session->sealed_ns = session_now();
	if (recorder_seal(recorder, &session->buf))
		give_up(session, ENOMEM, "no memory");
	else if (output_queued(&session->output) > QUEUE_MAX)
		give_up(session, EIO, "it is read too slowly, or not at all");
}
