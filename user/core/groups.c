/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "groups.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "container.h"

struct groups {
	unsigned int users;
	char container_id[CONTAINER_ID_LEN + 1]; /* empty: none */
	UT_hash_handle hh;
	char path[];
};

static struct groups *group_find(struct groups *groups, const char *path)
{
	struct groups *group;

	HASH_FIND_STR(groups, path, group);
	return group;
}

static struct groups *group_add(struct groups **groups, const char *path)
{
	size_t size = strlen(path) + 1;
	struct groups *group = calloc(1, sizeof(*group) + size);

	if (!group)
		return NULL;
	memcpy(group->path, path, size);
	container_id_find(path, group->container_id);
	HASH_ADD_STR(*groups, path, group);
	if (!group_find(*groups, path)) {
		free(group);
		return NULL;
	}
	return group;
}

const char *groups_take(struct groups **groups, const char *path, const char **ret_container_id)
{
	struct groups *group = group_find(*groups, path);

	if (!group)
		group = group_add(groups, path);
	if (!group)
		return NULL;
	group->users++;
	*ret_container_id = group->container_id[0] ? group->container_id : NULL;
	return group->path;
}

void groups_release(struct groups **groups, const char *path)
{
	struct groups *group = path ? group_find(*groups, path) : NULL;

	if (!group || --group->users)
		return;
	HASH_DELETE(hh, *groups, group);
	free(group);
}
