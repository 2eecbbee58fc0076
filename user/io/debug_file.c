/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "debug_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <zlib.h>

#include "cleanup.h"
#include "rooted.h"
#include "symbol_elf.h"

#define DEBUG_DIR      "/usr/lib/debug"
#define DOWNLOAD_S     "7" /* below what a request may take before it counts as hung */
#define DOWNLOAD_PAUSE 60  /* seconds without, after one that took longer */

/* ---- whether it is the right one ---- */

static bool has_build_id(int fd, const char *build_id)
{
	struct symbol_elf look = {0};
	Elf *elf = symbol_elf_open(fd);
	bool same = elf && !symbol_elf_look(elf, &look) && !strcmp(look.build_id, build_id);

	elf_end(elf);
	return same;
}

/* The checksum of .gnu_debuglink is zlib's. */
static bool has_crc(int fd, uint32_t crc)
{
	unsigned char chunk[16384];
	uLong sum = crc32(0, NULL, 0);
	ssize_t got;
	off_t at = 0;

	while ((got = pread(fd, chunk, sizeof(chunk), at)) > 0) {
		sum = crc32(sum, chunk, (uInt)got);
		at += got;
	}
	return !got && sum == crc;
}

static int open_checked(int root, const char *path, const struct debug_file_search *search)
{
	struct stat st;
	int fd _cleanup_close_ = rooted_open(root, path, &st);

	if (fd < 0)
		return fd;
	if (search->build_id[0] ? !has_build_id(fd, search->build_id) : !has_crc(fd, search->crc))
		return -ENOENT;
	return TAKE_FD(fd);
}

/* ---- where it may be ---- */

static int find_by_id(int root, const struct debug_file_search *search)
{
	char path[PATH_MAX];

	if (strlen(search->build_id) < 3)
		return -ENOENT;
	snprintf(path, sizeof(path), DEBUG_DIR "/.build-id/%.2s/%s.debug", search->build_id, search->build_id + 2);
	return open_checked(root, path, search);
}

/* Beside the file, in .debug there, and at the same place below /usr/lib/debug. */
static int find_by_link(int root, const struct debug_file_search *search)
{
	static const char *const forms[] = {"%.*s/%s", "%.*s/.debug/%s", DEBUG_DIR "%.*s/%s"};
	const char *slash = strrchr(search->path, '/');
	int len = slash ? (int)(slash - search->path) : 0, fd = -ENOENT;
	char path[PATH_MAX];

	for (size_t i = 0; fd < 0 && i < sizeof(forms) / sizeof(forms[0]); i++) {
		if ((size_t)snprintf(path, sizeof(path), forms[i], len, search->path, search->link) < sizeof(path))
			fd = open_checked(root, path, search);
	}
	return fd;
}

/* What several debug files share (dwz), by a path absolute or from a debug file's own place, of which the end is known.
 */
static int find_shared(int root, const char *link)
{
	const char *at = strstr(link, "/.dwz/");
	char path[PATH_MAX];
	struct stat st;

	if (!at || (size_t)snprintf(path, sizeof(path), DEBUG_DIR "%s", at) >= sizeof(path))
		return -ENOENT;
	return rooted_open(root, path, &st);
}

static int find_below(int root, const struct debug_file_search *search)
{
	int fd;

	if (search->link && strchr(search->link, '/'))
		return search->crc ? -EINVAL : find_shared(root, search->link);
	fd = find_by_id(root, search);
	if (fd < 0 && search->link)
		fd = find_by_link(root, search);
	return fd;
}

int debug_file_find(const struct debug_file_search *search)
{
	int ours _cleanup_close_ = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = ours < 0 ? -errno : find_below(ours, search);

	if (fd < 0 && search->root >= 0)
		fd = find_below(search->root, search);
	return fd;
}

/* ---- from afar ---- */

void debug_file_setup(void)
{
	setenv("DEBUGINFOD_TIMEOUT", DOWNLOAD_S, 1);
	setenv("DEBUGINFOD_MAXTIME", DOWNLOAD_S, 1);
	unsetenv("DEBUGINFOD_PROGRESS");
}

static time_t now_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

int debug_file_download(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **ret_name)
{
	static time_t not_before; /* the servers are the same for all modules */
	const char *urls = getenv("DEBUGINFOD_URLS");
	time_t begun = now_s();
	int fd;

	if (!urls || !*urls || begun < not_before)
		return -1;
	/* Asks debuginfod at last, when there is nothing at this path, which there is not. */
	fd = dwfl_standard_find_debuginfo(module, userdata, name, base, "/nonexistent/module", NULL, 0, ret_name);
	if (fd < 0 && now_s() - begun > 3)
		not_before = now_s() + DOWNLOAD_PAUSE;
	return fd;
}
