/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "cgroup.h"

#include <errno.h>
#include <limits.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "view.h"

static void mounts_release(FILE **file)
{
	if (*file)
		endmntent(*file);
}

static FILE *open_groups(uint32_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/cgroup", pid);
	return fopen(path, "re");
}

/* The path in a line "hierarchy:controllers:path"; no controllers: the unified hierarchy. NULL: not such a line. */
static char *path_of_line(char *line, bool *ret_unified)
{
	char *controllers = strchr(line, ':'), *path = controllers ? strchr(controllers + 1, ':') : NULL;

	if (!path)
		return NULL;
	*ret_unified = path == controllers + 1;
	path++;
	path[strcspn(path, "\n")] = '\0';
	return path;
}

char *cgroup_of(uint32_t pid)
{
	char *line _cleanup_free_ = NULL, *best _cleanup_free_ = NULL;
	FILE *file _cleanup_file_ = open_groups(pid);
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		bool unified;
		char *path = path_of_line(line, &unified);

		if (!path || !strcmp(path, "/") || (best && !unified))
			continue;
		free(best);
		best = strdup(path);
	}
	return TAKE_PTR(best);
}

/* Length of the mount point of a cgroup hierarchy that text lies in, 0 for none. */
static size_t mount_prefix(const char *text)
{
	FILE *mounts _cleanup_(mounts_release) = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;
	size_t longest = 0;

	while (mounts && (entry = getmntent(mounts))) {
		size_t len = strlen(entry->mnt_dir);

		if (strcmp(entry->mnt_type, "cgroup") && strcmp(entry->mnt_type, "cgroup2"))
			continue;
		if (cgroup_is_within(text, entry->mnt_dir) && len > longest)
			longest = len;
	}
	return longest;
}

/* Is there such a group in any hierarchy mounted here? */
static bool group_exists(const char *path)
{
	FILE *mounts _cleanup_(mounts_release) = setmntent("/proc/self/mounts", "re");
	const struct mntent *entry;

	while (mounts && (entry = getmntent(mounts))) {
		char directory[PATH_MAX];
		struct stat st;

		if (strcmp(entry->mnt_type, "cgroup") && strcmp(entry->mnt_type, "cgroup2"))
			continue;
		snprintf(directory, sizeof(directory), "%s%s", entry->mnt_dir, path);
		if (!stat(directory, &st))
			return true;
	}
	return false;
}

int cgroup_path_parse(const char *text, char **ret_path)
{
	size_t prefix = mount_prefix(text);
	char *path;

	if (!group_exists(text + prefix))
		return -ENOENT;
	path = strdup(text[prefix] ? text + prefix : "/");
	if (!path)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

bool cgroup_contains(const char *path, uint32_t pid)
{
	char *line _cleanup_free_ = NULL;
	FILE *file _cleanup_file_ = open_groups(pid);
	size_t size = 0;

	while (file && getline(&line, &size, file) > 0) {
		bool unified;
		const char *group = path_of_line(line, &unified);

		if (group && cgroup_is_within(group, path))
			return true;
	}
	return false;
}
