/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a daemon shows of itself by HTTP: /, /metrics, /healthz, /readyz. */
#ifndef APP_EXHIBIT_H
#define APP_EXHIBIT_H

#include "session.h"

struct exhibit; /* opaque */

/* Listens as --web.listen-address says; *ret_exhibit NULL if that is none. 0 or negative errno, after one line. */
int exhibit_new(struct session *session, struct exhibit **ret_exhibit);
void exhibit_free(struct exhibit *exhibit);
/* Each tick: closes what takes too long. */
void exhibit_tick(struct exhibit *exhibit);
/* What was advised for this process, to be shown while the finding is open. Takes NULL. */
void exhibit_take_finding(struct exhibit *exhibit, const struct process *process, const struct finding *finding);

#endif
