/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What outlives a daemon: its accounts in the kernel, pinned, and what it knows besides, in a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "daemon.h"
#include "folder.h"
#include "json_lines.h"
#include "log.h"
#include "procfs.h"

#define STATE_NAME    "state"
#define SNAPSHOT_NAME "snapshot.jsonl"
#define STATE_MAX     (512U << 20) /* bytes; more is no state of ours */

/* ---- the folders ---- */

/* A second daemon would pin over the first one's table, and write over its state. */
static int lock_folder(const char *path, const char *option, int *ret_fd)
{
	int fd _cleanup_close_ = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), error;

	if (fd < 0) {
		error = -errno;
		log_error("%s %s: %s", option, path, strerror(-error));
		return error;
	}
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		error = -errno;
		if (error == -EWOULDBLOCK)
			log_error(
				"another mmaptrace daemon is at work with %s: end it first, or give this one an %s of "
				"its own",
				path, option);
		else
			log_error("%s %s: cannot be locked: %s", option, path, strerror(-error));
		return error;
	}
	*ret_fd = TAKE_FD(fd);
	return 0;
}

int state_open(struct session *session)
{
	const struct daemon_options *options = &session->options->daemon;
	struct daemon *daemon = session->daemon;
	int error;

	if (folder_read_text(AT_FDCWD, "/proc/sys/kernel/random/boot_id", daemon->boot_id, sizeof(daemon->boot_id)))
		daemon->boot_id[0] = '\0';
	if (options->state_dir) {
		error = folder_make(options->state_dir, 0700);
		if (error) {
			log_error("--state-dir %s: cannot be made: %s", options->state_dir, strerror(-error));
			return error;
		}
		error = lock_folder(options->state_dir, "--state-dir", &daemon->state_dir);
		if (error)
			return error;
	}
	if (!options->pin_dir)
		return 0;
	error = folder_make_bpf(options->pin_dir);
	if (error) {
		log_warn("--pin-dir %s: %s: counts do not outlive a daemon that is killed", options->pin_dir,
			 error == -EMEDIUMTYPE ? "is not on a bpffs" : strerror(-error));
		return 0;
	}
	return lock_folder(options->pin_dir, "--pin-dir", &daemon->pin_lock);
}

void state_close(struct daemon *daemon)
{
	if (daemon->state_dir >= 0)
		close(daemon->state_dir);
	if (daemon->pin_lock >= 0)
		close(daemon->pin_lock);
}

/* ---- what was there before ---- */

/* NULL: there is nothing to go on from; said, unless there never was. */
static const char *read_state(struct session *session, struct buf *buf, struct lifetime *lifetime, struct unpack *rest)
{
	struct daemon *daemon = session->daemon;
	const char *why = NULL;
	int error;

	if (daemon->state_dir < 0)
		return "none is kept";
	error = folder_read(daemon->state_dir, STATE_NAME, STATE_MAX, buf);
	if (error == -ENOENT)
		return "there is none yet";
	why = error ? strerror(-error) : saved_open(buf, daemon->boot_id, lifetime, rest);
	if (why)
		log_info("%s/%s is not gone on from: %s", session->options->daemon.state_dir, STATE_NAME, why);
	return why;
}

static void adopt_saved(struct session *session)
{
	struct buf buf _cleanup_buf_ = {0};
	struct saved_process saved;
	struct mt_process account;
	struct lifetime lifetime;
	struct unpack rest;

	if (read_state(session, &buf, &lifetime, &rest))
		return;
	while (saved_next(&rest, &saved)) {
		if (!saved.account)
			continue;
		memcpy(&account, saved.account, sizeof(account));
		session->daemon->adopted += tracer_adopt(session->tracer, &account) == ADOPTED;
	}
}

void state_adopt(struct session *session)
{
	const char *folder = session->options->daemon.pin_dir;
	struct daemon *daemon = session->daemon;
	int count = 0, error;

	error = tracer_seed(session->tracer);
	if (error)
		return; /* the first look says so */
	if (daemon->pin_lock >= 0)
		count = tracer_adopt_pinned(session->tracer, folder);
	if (count > 0)
		daemon->adopted = (unsigned int)count;
	else
		adopt_saved(session);
	if (daemon->pin_lock < 0)
		return;
	if (count < 0)
		log_warn("%s: accounts of the daemon before cannot be read: %s", folder, strerror(-count));
	error = tracer_pin(session->tracer, folder);
	daemon->is_pinned = !error;
	if (error)
		log_warn("%s: cannot pin the table of processes: %s: counts do not outlive a daemon that is killed",
			 folder, strerror(-error));
}

/* Seeded before the hooks were there, it may have ended unseen. */
static void drop_the_dead(struct session *session)
{
	struct process *process, *next;

	MODEL_EACH (&session->model, process, next) {
		uint64_t start_ns;

		if (procfs_start_ns(process->key.pid, &start_ns) != -ENOENT)
			continue;
		tracer_account_drop(session->tracer, process->account.mm, process->key.pid);
		session_take_missing(session, process);
	}
}

void state_restore(struct session *session)
{
	struct daemon *daemon = session->daemon;
	struct buf buf _cleanup_buf_ = {0};
	struct saved_process saved;
	struct lifetime lifetime;
	struct unpack rest;

	if (tracer_catch_up(session->tracer))
		log_warn("what changed while the hooks were attached may not be counted");
	drop_the_dead(session);
	if (read_state(session, &buf, &lifetime, &rest))
		return;
	daemon->lifetime = lifetime;
	while (saved_next(&rest, &saved)) {
		struct process *process = model_find(&session->model, saved.key.pid, saved.key.start_ns);

		if (!process)
			continue;
		saved_restore(&session->model, process, &saved);
		daemon->restored++;
	}
	/* From here on the accounts in it are old, should we be killed. */
	state_save(session, false);
}

/* ---- what is to be there after ---- */

void state_save(struct session *session, bool at_end)
{
	struct daemon *daemon = session->daemon;
	struct buf buf _cleanup_buf_ = {0};
	int error;

	daemon->saved_ns = session_now();
	if (daemon->state_dir >= 0) {
		saved_pack(&buf, daemon->boot_id, &daemon->lifetime, &session->model, at_end || !daemon->is_pinned);
		error = buf.failed ? -ENOMEM : folder_replace(daemon->state_dir, STATE_NAME, &buf);
		if (error && !daemon->save_failures)
			log_warn("--state-dir %s: the state cannot be saved: %s; it is tried again",
				 session->options->daemon.state_dir, strerror(-error));
		if (!error && daemon->save_failures)
			log_info("--state-dir %s: the state is saved again", session->options->daemon.state_dir);
		daemon->save_failures = error ? daemon->save_failures + 1 : 0;
		if (error)
			return; /* what is pinned is all there is */
	}
	if (at_end && daemon->is_pinned)
		tracer_unpin(session->options->daemon.pin_dir);
}

void state_snapshot(struct session *session)
{
	struct daemon *daemon = session->daemon;
	struct buf buf _cleanup_buf_ = {0};
	struct process *process, *next;
	uint64_t now = session_now();
	int error = 0;

	MODEL_EACH (&session->model, process, next) {
		source_identify(session, process);
		json_process(&buf, &session->style.line, now, process, session->limit);
	}
	if (daemon->state_dir < 0) {
		buf_add(&session->buf, buf.data, buf.len);
		return;
	}
	error = buf.failed ? -ENOMEM : folder_replace(daemon->state_dir, SNAPSHOT_NAME, &buf);
	if (error)
		log_warn("snapshot: %s", strerror(-error));
	else
		log_info("snapshot: %u processes in %s/" SNAPSHOT_NAME, HASH_COUNT(session->model.processes),
			 session->options->daemon.state_dir);
}
