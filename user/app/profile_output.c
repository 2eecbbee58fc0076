/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call sites as a profile, instead of lines: --folded, --pprof. */
#include <errno.h>
#include <string.h>

#include "folded.h"
#include "log.h"
#include "session.h"

int profile_open(struct session *session)
{
	if (session->options->profile != PROFILE_PPROF)
		return 0;
	session->pprof = pprof_new();
	return session->pprof ? 0 : -ENOMEM;
}

void profile_add(struct session *session, const struct process *process)
{
	const struct profile_process whose = {.pid = process->key.pid, .comm = process->comm};
	const struct site_list *list = &process->sites;
	int error = 0;

	if (session->options->profile == PROFILE_FOLDED)
		error = folded_sites(&session->profile, &whose, list->sites, list->count,
				     session->options->profile_value);
	else if (session->options->profile == PROFILE_PPROF)
		error = pprof_add(session->pprof, &whose, list->sites, list->count);
	if (error)
		session->memory_lost++;
}

void profile_finish(struct session *session)
{
	uint64_t start_ns = session->start_ns + (uint64_t)session->style.line.wall_offset_ns;
	struct pprof_time time = {.unix_ns = (int64_t)start_ns,
				  .duration_ns = (int64_t)(session_now() - session->start_ns)};

	if (session->options->profile == PROFILE_NONE)
		return;
	if (session->pprof && pprof_finish(session->pprof, &time, &session->profile)) {
		log_error("no memory for the profile");
		session->memory_lost++;
	}
	buf_consume(&session->buf, session->buf.len);
	buf_add(&session->buf, session->profile.data, session->profile.len);
	session->is_profile_due = true;
}

void profile_close(struct session *session)
{
	pprof_free(session->pprof);
	buf_free(&session->profile);
}
