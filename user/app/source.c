/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a run asks of the machine; a recording keeps the answers, and gives them in a replay. */
#include "cgroup.h"
#include "cleanup.h"
#include "procfs.h"
#include "recording_answers.h"
#include "session.h"

bool source_answer(const struct session *session, enum entry_type type, const struct process *process,
		   struct unpack *ret_payload)
{
	const struct buf *answers = session->answers;
	struct unpack entries = {.at = (const uint8_t *)answers->data};
	uint32_t found;

	entries.end = entries.at + answers->len;
	while (recording_next(&entries, &found, ret_payload)) {
		struct process_key key;

		if (found != type)
			continue;
		if (!process)
			return true;
		key = recording_take_key(ret_payload);
		if (key.pid == process->key.pid && key.start_ns == process->key.start_ns)
			return true;
	}
	return false;
}

void source_file_path(struct session *session, const struct process *process, const struct op_event *op,
		      struct file_id *id)
{
	struct unpack payload;

	if (session->answers) {
		if (source_answer(session, ENTRY_PATH, process, &payload))
			recording_take_file(&payload, id);
		return;
	}
	procfs_file_path(process->key.pid, op->args.has_fd ? op->args.fd : -1,
			 op->op == MT_OP_MMAP ? (uint64_t)op->ret : 0, op->args.len, id);
	if (session->recorder)
		recorder_add_path(session->recorder, &process->key, id);
}

static void identify_by_recording(struct session *session, struct process *process)
{
	struct unpack payload;
	const char *cgroup = source_answer(session, ENTRY_CGROUP, process, &payload) ? unpack_text(&payload) : NULL;

	process->identified = cgroup != NULL; /* else the answer may come with a later question */
	if (cgroup)
		model_identify(&session->model, process, cgroup);
}

void source_identify(struct session *session, struct process *process)
{
	char *cgroup _cleanup_free_ = NULL;

	if (process->identified)
		return;
	if (session->answers) {
		identify_by_recording(session, process);
		return;
	}
	process->identified = true;
	cgroup = cgroup_of(process->key.pid);
	if (cgroup)
		model_identify(&session->model, process, cgroup);
	if (session->recorder)
		recorder_add_cgroup(session->recorder, &process->key, cgroup);
}

void source_count_files(struct session *session, struct process *process)
{
	struct unpack payload;

	if (session->answers) {
		if (source_answer(session, ENTRY_FILES, process, &payload))
			recording_take_files(&payload, &process->files);
		return;
	}
	procfs_count_files(process->key.pid, &process->files);
	if (session->recorder)
		recorder_add_files(session->recorder, &process->key, &process->files);
}
