/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A recording, entry by entry: each input is taken when the answers that follow it have been read. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "log.h"
#include "recording_answers.h"
#include "replay.h"
#include "units.h"

#define WORDS_MAX 64 /* of a command line that are shown */

struct replay {
	struct session *session;
	struct options *options; /* what was recorded sets some */
	FILE *file;
	const char *name;
	struct account_codec codec;
	struct buf entries;    /* of the block at hand */
	struct buf pending;    /* payload of the input that waits for its answers */
	struct buf answers;    /* to it, as entries */
	uint32_t pending_type; /* 0: none */
	uint64_t offset;       /* bytes read */
	uint64_t rendered_ns;  /* boot clock */
	uint64_t accounts;     /* taken */
	bool has_header, ended;
};

/* ---- a block at a time ---- */

/* 1: there is one; 0: the end; -ENODATA: cut off, -EBADMSG: damaged, -ENOMEM, or what reading said. */
static int read_block(struct replay *replay)
{
	uint8_t head[RECORDING_HEAD_BYTES];
	size_t got = fread(head, 1, sizeof(head), replay->file);
	char *data _cleanup_free_ = NULL;
	uint32_t len;
	int error;

	if (ferror(replay->file))
		return errno ? -errno : -EIO;
	if (!got)
		return 0;
	if (got < sizeof(head))
		return -ENODATA;
	len = recording_block_bytes(head);
	if (!len)
		return -EBADMSG;
	data = malloc(len);
	if (!data)
		return -ENOMEM;
	if (fread(data, 1, len, replay->file) < len)
		return ferror(replay->file) ? -EIO : -ENODATA;
	buf_consume(&replay->entries, replay->entries.len);
	error = recording_block_open(head, data, &replay->entries);
	if (error)
		return error;
	replay->offset += sizeof(head) + len;
	return 1;
}

/* ---- inputs ---- */

/* Time goes forward only, as entries of two rings may be a little out of order. */
static void set_now(uint64_t ts_ns)
{
	if (ts_ns > session_now())
		session_set_now(ts_ns);
}

static int take_header(struct replay *replay, struct unpack *payload)
{
	struct session *session = replay->session;
	struct options *options = replay->options;
	char *words[WORDS_MAX] = {NULL};
	struct recording_header header;
	int count = 0, error = recording_take_header(payload, &header);

	if (error)
		return error;
	options->command = !header.stream ? COMMAND_TABLE : header.child ? COMMAND_RUN : COMMAND_STREAM;
	if (!options->interval_given)
		options->interval_ns = header.interval_ns;
	session->child.pid = (pid_t)header.child;
	session->page_size = header.page_size;
	session->limit = options->limit ? options->limit : header.limit;
	session->real_limit = header.real_limit;
	session->plan.calls = header.calls;
	session->plan.gap = header.gap;
	session->plan.commit = header.commit ? ROAD_FENTRY : ROAD_NONE;
	session->style.no_results = !header.calls;
	thresholds_default(&session->model.thresholds, session->limit);
	session->model.thresholds.horizon_s = (double)options->horizon_ns / 1e9;
	session->model.tick_ns = header.tick_ns;
	session->start_ns = session->style.start_ns = header.start_ns;
	session->style.line.wall_offset_ns = header.wall_offset_ns;
	memcpy(session->host, header.host, sizeof(session->host));
	memcpy(session->kernel, header.kernel, sizeof(session->kernel));
	memccpy(session->plan_text, header.plan, '\0', sizeof(session->plan_text) - 1);
	session_set_now(header.start_ns ? header.start_ns : 1);
	replay->rendered_ns = header.stream ? header.start_ns : 0;
	replay->has_header = true;
	header.command[sizeof(header.command) - 1] = '\0';
	for (uint32_t at = 0; at < header.command_bytes && count < WORDS_MAX;
	     at += (uint32_t)strlen(words[count++]) + 1)
		words[count] = header.command + at;
	report_start(session, count, words);
	return 0;
}

static void take_record(struct replay *replay, struct unpack *payload)
{
	size_t size = (size_t)(payload->end - payload->at);
	struct mt_head head;

	if (size >= sizeof(head)) {
		memcpy(&head, payload->at, sizeof(head));
		set_now(head.ts_ns);
	}
	account_codec_note(&replay->codec, payload->at, size);
	if (replay->pending_type == ENTRY_ALARM)
		records_take_alarm(payload->at, size, replay->session);
	else
		records_take_event(payload->at, size, replay->session);
}

static int take_account(struct replay *replay, struct unpack *payload)
{
	uint64_t ts_ns;
	const struct mt_process *account = recording_take_account(&replay->codec, payload, &ts_ns);

	if (!account)
		return -EBADMSG;
	set_now(ts_ns);
	replay->accounts++;
	session_take_account(replay->session, account, ts_ns);
	return 0;
}

static void take_limit(struct session *session, uint32_t limit, uint32_t real_limit)
{
	if (real_limit != session->real_limit && !session->options->limit)
		log_info("vm.max_map_count is now %u, was %u", real_limit, session->real_limit);
	session->real_limit = real_limit;
	if (!session->options->limit && limit)
		session->limit = session->model.thresholds.limit = limit;
}

static void take_tick(struct replay *replay, uint64_t ts_ns)
{
	struct session *session = replay->session;

	session_judge(session, ts_ns);
	/* Ticks jitter: one that comes a little early is the one. */
	if (ts_ns + session->model.tick_ns / 4 < replay->rendered_ns + session->options->interval_ns)
		return;
	replay->rendered_ns = ts_ns;
	/* A screen full of them at once is nobody's table: the last one is shown at the end. */
	if (session->options->json || session->options->command != COMMAND_TABLE)
		tick_render(session);
}

static void take_process(struct replay *replay, struct unpack *payload)
{
	struct session *session = replay->session;
	uint32_t pid = unpack_u32(payload);
	struct process *process = model_find(&session->model, pid, unpack_u64(payload));
	uint64_t mm = unpack_u64(payload);

	if (replay->pending_type == ENTRY_GONE)
		account_codec_forget(&replay->codec, mm);
	if (!process)
		return;
	if (replay->pending_type == ENTRY_GONE) {
		session_take_missing(session, process);
		return;
	}
	process->target = true;
	report_process(session, process);
}

static void take_loss(struct session *session, struct unpack *payload)
{
	uint32_t slot = unpack_u32(payload);
	uint64_t more = unpack_u64(payload);
	const char *what = unpack_text(payload);

	if (what && slot < LOSS_SLOTS)
		report_loss(session, slot, what, session->loss_shown[slot] + more);
}

static void last_word(struct session *session)
{
	if (!session->options->json && session->options->command == COMMAND_TABLE)
		report_table(session);
	report_end(session);
}

static void take_end(struct replay *replay, struct unpack *payload)
{
	struct session *session = replay->session;
	uint64_t count = unpack_u64(payload);

	for (uint64_t end = 0; end < count && end < MT_STACK_ENDS; end++)
		session->stack_ends[end] = unpack_u64(payload);
	replay->ended = true;
	last_word(session);
}

static int take_moment(struct replay *replay, struct unpack *payload)
{
	struct session *session = replay->session;
	uint64_t ts_ns = unpack_u64(payload);
	uint32_t limit, real_limit;

	set_now(ts_ns);
	switch (replay->pending_type) {
	case ENTRY_TICK:
		take_tick(replay, ts_ns);
		break;
	case ENTRY_LIMIT:
		limit = unpack_u32(payload);
		real_limit = unpack_u32(payload);
		take_limit(session, limit, real_limit);
		break;
	case ENTRY_EXITS:
		records_finish_exits(session);
		break;
	case ENTRY_GONE:
	case ENTRY_TARGET:
		take_process(replay, payload);
		break;
	case ENTRY_LOSS:
		take_loss(session, payload);
		break;
	case ENTRY_LIVING:
		session->over_ns = unpack_u64(payload);
		session_finish_living(session);
		break;
	case ENTRY_END:
		take_end(replay, payload);
		break;
	default:
		break; /* of a later version: nothing that this one could use */
	}
	return payload->failed ? -EBADMSG : 0;
}

/* Takes the input that has waited for its answers. */
static int take_pending(struct replay *replay)
{
	struct unpack payload = {.at = (const uint8_t *)replay->pending.data};
	int error;

	if (!replay->pending_type)
		return 0;
	payload.end = payload.at + replay->pending.len;
	if (replay->pending_type == ENTRY_ACCOUNT) {
		error = take_account(replay, &payload);
	} else if (replay->pending_type == ENTRY_EVENT || replay->pending_type == ENTRY_ALARM) {
		take_record(replay, &payload);
		error = 0;
	} else {
		error = take_moment(replay, &payload);
	}
	replay->pending_type = 0;
	buf_consume(&replay->answers, replay->answers.len);
	return error;
}

/* Its process may have ended already, where names came late: then nobody wants it. */
static int take_stack(struct replay *replay, struct unpack *payload)
{
	struct process_key key = recording_take_key(payload);
	struct stack_event event = {.pid = key.pid, .start_ns = key.start_ns};
	struct stack stack;
	int error = recording_take_stack(payload, &stack);

	if (error)
		return error;
	event.id = stack.id;
	event.end = stack.end;
	if (model_find(&replay->session->model, key.pid, key.start_ns) || replay->pending_type == ENTRY_EVENT ||
	    replay->pending_type == ENTRY_ALARM) {
		stack_table_add(&replay->session->stacks.table, &event);
		stack_table_resolve(&replay->session->stacks.table, &stack);
	}
	free(stack.frames);
	return 0;
}

/* False: its process is not known yet. */
static bool take_cgroup(struct replay *replay, struct unpack payload)
{
	struct session *session = replay->session;
	struct process_key key = recording_take_key(&payload);
	struct process *process = model_find(&session->model, key.pid, key.start_ns);
	const char *cgroup = unpack_text(&payload);

	if (!process)
		return false;
	process->identified = true;
	if (cgroup)
		model_identify(&session->model, process, cgroup);
	return true;
}

static int take_entry(struct replay *replay, uint32_t type, struct unpack *payload)
{
	size_t size = (size_t)(payload->end - payload->at);
	int error;

	if (!replay->has_header)
		return type == ENTRY_HEADER ? take_header(replay, payload) : -EBADMSG;
	if (type == ENTRY_STACK)
		return take_stack(replay, payload);
	/* Asked for on a timer, too, behind whatever came last. */
	if (type == ENTRY_CGROUP && take_cgroup(replay, *payload))
		return 0;
	if (ENTRY_IS_ANSWER(type)) {
		pack_u64(&replay->answers, type);
		pack_bytes(&replay->answers, payload->at, size);
		return replay->answers.failed ? -ENOMEM : 0;
	}
	error = take_pending(replay);
	if (error)
		return error;
	buf_consume(&replay->pending, replay->pending.len);
	buf_add(&replay->pending, payload->at, size);
	replay->pending_type = type;
	return replay->pending.failed ? -ENOMEM : 0;
}

static int take_block(struct replay *replay)
{
	struct unpack entries = {.at = (const uint8_t *)replay->entries.data}, payload;
	uint32_t type;
	int error = 0;

	entries.end = entries.at + replay->entries.len;
	while (!error && !replay->session->output_error && recording_next(&entries, &type, &payload)) {
		error = take_entry(replay, type, &payload);
		if (outlet_is_due(replay->session))
			report_flush(replay->session);
	}
	return entries.failed ? -EBADMSG : error;
}

/* It ends before its end: those who live get their last word by what is known of them. */
static void finish_cut(struct replay *replay, int error)
{
	struct session *session = replay->session;
	char text[UNITS_LEN];

	log_warn("%s: %s at byte %llu, %s after its beginning: replayed up to there", replay->name,
		 error == -EBADMSG ? "damaged" : "cut off", (unsigned long long)replay->offset,
		 units_duration(session_now() - session->start_ns, text, sizeof(text)));
	records_finish_exits(session);
	session_finish_living(session);
	last_word(session);
}

static int replay_all(struct replay *replay)
{
	int more, error;

	do {
		more = read_block(replay);
		error = more > 0 ? take_block(replay) : more;
	} while (more > 0 && !error && !replay->session->output_error);
	if (!replay->has_header) {
		if (error == -EPROTONOSUPPORT)
			log_error("%s: recorded by another version of mmaptrace: replay it with that one",
				  replay->name);
		else
			log_error("%s: neither a recording of mmaptrace nor JSON lines", replay->name);
		return error ? error : -EBADMSG;
	}
	if (replay->session->output_error)
		return 0; /* told, or nobody reads any more */
	if (!error || error == -ENODATA || error == -EBADMSG) {
		int last = take_pending(replay);

		error = error ? error : last;
		if (!replay->ended)
			finish_cut(replay, error);
		return error == -EBADMSG ? error : 0;
	}
	log_error("cannot read %s: %s", replay->name, strerror(-error));
	return error;
}

int replay_recording(struct session *session, struct options *options, FILE *file, const char *name,
		     struct replay_sum *ret_sum)
{
	struct replay replay = {.session = session, .options = options, .file = file, .name = name};
	int error;

	session->answers = &replay.answers;
	error = replay_all(&replay);
	session->answers = NULL;
	ret_sum->samples = replay.accounts;
	ret_sum->processes = HASH_COUNT(session->model.processes);
	ret_sum->bytes = model_trail_bytes(&session->model);
	account_codec_free(&replay.codec);
	buf_free(&replay.entries);
	buf_free(&replay.pending);
	buf_free(&replay.answers);
	return error;
}
