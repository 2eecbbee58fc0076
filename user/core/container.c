/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "container.h"

#include <string.h>

static const char hex[] = "0123456789abcdef";

bool container_id_find(const char *cgroup, char *ret_id)
{
	const char *found = NULL;

	for (const char *at = cgroup; *at;) {
		size_t run = strspn(at, hex);

		if (run == CONTAINER_ID_LEN)
			found = at;
		at += run ? run : 1;
	}
	if (!found)
		return false;
	memcpy(ret_id, found, CONTAINER_ID_LEN);
	ret_id[CONTAINER_ID_LEN] = '\0';
	return true;
}
