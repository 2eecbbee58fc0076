/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "privilege.h"

#include <cap-ng.h>
#include <errno.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NOBODY 65534

/* They are to be all that is held. */
static void choose(const unsigned int *capabilities, size_t count, const bool *held)
{
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < count; i++) {
		if (held[capabilities[i]])
			capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, capabilities[i]);
	}
}

int privilege_keep_only(const unsigned int *capabilities, size_t count, bool as_nobody)
{
	bool held[CAP_LAST_CAP + 1] = {false};

	if (capng_get_caps_process())
		return -EPERM;
	for (size_t i = 0; i < count; i++)
		held[capabilities[i]] = capng_have_capability(CAPNG_PERMITTED, capabilities[i]);
	as_nobody = as_nobody && !geteuid() && capng_have_capability(CAPNG_EFFECTIVE, CAP_SETUID) &&
		    capng_have_capability(CAPNG_EFFECTIVE, CAP_SETGID);
	choose(capabilities, count, held);
	if (!as_nobody || capng_change_id(NOBODY, NOBODY, CAPNG_DROP_SUPP_GRP | CAPNG_CLEAR_BOUNDING)) {
		/* A user namespace need not have a nobody. */
		choose(capabilities, count, held);
		if (capng_apply(CAPNG_SELECT_CAPS))
			return -EPERM;
	}
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ? -errno : 0;
}
