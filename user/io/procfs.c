/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "procfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "maps_reader.h"

#define PROC_PID_INIT_INO  0xEFFFFFFCU /* include/linux/proc_ns.h */
#define KERNEL_THREAD_FLAG 0x00200000U /* PF_KTHREAD */
#define START_FIELD	   22	       /* of stat, proc(5) */

static void dir_release(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

int procfs_read_limit(uint32_t *ret_limit)
{
	FILE *file _cleanup_file_ = fopen("/proc/sys/vm/max_map_count", "re");
	uint32_t limit;

	if (!file)
		return -errno;
	if (fscanf(file, "%" SCNu32, &limit) != 1)
		return -EIO;
	*ret_limit = limit;
	return 0;
}

struct task_stat {
	char state;
	unsigned int flags;
};

/* comm may hold anything, so the fields are counted from the last ')'. */
static int read_stat(const char *path, struct task_stat *ret_stat)
{
	FILE *file _cleanup_file_ = fopen(path, "re");
	char line[1024], *at;
	size_t len;

	if (!file)
		return -errno;
	len = fread(line, 1, sizeof(line) - 1, file);
	line[len] = '\0';
	at = strrchr(line, ')');
	if (!at || sscanf(at, ") %c %*d %*d %*d %*d %*d %u", &ret_stat->state, &ret_stat->flags) != 2)
		return -EIO;
	return 0;
}

static bool state_is_dead(char state)
{
	return state == 'Z' || state == 'X';
}

/* A leader may be a zombie while its threads live on, and hold its maps. */
static bool has_living_thread(uint32_t pid)
{
	char path[64];
	struct dirent *entry;
	DIR *dir _cleanup_(dir_release) = NULL;

	snprintf(path, sizeof(path), "/proc/%u/task", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		struct task_stat stat;
		char stat_path[384];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(stat_path, sizeof(stat_path), "/proc/%u/task/%s/stat", pid, entry->d_name);
		if (!read_stat(stat_path, &stat) && !state_is_dead(stat.state))
			return true;
	}
	return false;
}

/* NULL with errno if it is not to be had. */
static FILE *open_of_pid(uint32_t pid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
	return fopen(path, "re");
}

static uint32_t tgid_of(uint32_t pid)
{
	FILE *file _cleanup_file_ = open_of_pid(pid, "status");
	uint32_t tgid = pid;
	char line[256];

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "Tgid: %u", &tgid) == 1)
			break;
	}
	return tgid;
}

enum pid_state procfs_pid_state(uint32_t pid, uint32_t *ret_tgid)
{
	char path[64];
	struct task_stat stat;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	if (read_stat(path, &stat))
		return PID_NONE;
	*ret_tgid = tgid_of(pid);
	if (stat.flags & KERNEL_THREAD_FLAG)
		return PID_KERNEL_THREAD;
	if (*ret_tgid != pid)
		return PID_THREAD;
	if (state_is_dead(stat.state) && !has_living_thread(pid))
		return PID_ZOMBIE;
	return PID_ALIVE;
}

bool procfs_in_initial_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) || st.st_ino == PROC_PID_INIT_INO;
}

/* Takes what the kernel wrote, len bytes and at most FILE_PATH_LEN - 1, as the path. */
static void path_take(struct file_id *id, const char *path, size_t len)
{
	len = vma_path_len(path, len);
	memcpy(id->path, path, len);
	id->path[len] = '\0';
	id->path_is_full = true;
}

/* Takes the link's text as the path if it leads to the very same inode. */
static bool path_from_link(const char *link, struct file_id *id)
{
	char target[FILE_PATH_LEN];
	struct stat st;
	ssize_t len;

	/* btrfs and overlayfs give stat(2) another device than the mapping's. */
	if (stat(link, &st) || st.st_ino != id->inode)
		return false;
	len = readlink(link, target, sizeof(target) - 1);
	if (len <= 0)
		return false;
	path_take(id, target, (size_t)len);
	return true;
}

/* The map's own word: ld.so has closed the file and has divided the map long before we come. */
static void path_from_map(uint32_t pid, uint64_t addr, struct file_id *id)
{
	char name[FILE_PATH_LEN];
	uint64_t inode;

	if (!maps_query(pid, addr, name, sizeof(name), &inode) && inode == id->inode && name[0] == '/')
		path_take(id, name, strlen(name));
}

void procfs_file_path(uint32_t pid, int32_t fd, uint64_t addr, uint64_t len, struct file_id *id)
{
	char link[96];
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);

	snprintf(link, sizeof(link), "/proc/%u/fd/%d", pid, fd);
	if (fd >= 0 && path_from_link(link, id))
		return;
	if (!addr || !len)
		return;
	snprintf(link, sizeof(link), "/proc/%u/map_files/%" PRIx64 "-%" PRIx64, pid, addr,
		 addr + (len + page - 1) / page * page);
	if (!path_from_link(link, id))
		path_from_map(pid, addr, id);
}

static int count_map(const struct vma *vma, void *arg)
{
	struct file_table *table = arg;
	struct file_id id;
	struct file_use *use;

	vma_file(vma, &id);
	use = file_table_get(table, &id);
	if (!use)
		return 0; /* counted there */
	use->maps++;
	use->bytes += vma->end - vma->start;
	return 0;
}

int procfs_count_files(uint32_t pid, struct file_table *table)
{
	return maps_read(pid, count_map, table);
}

/* "Name:", "VmSize:  1234 kB", ... of a file in /proc. Bytes; false if it is not there. */
static bool take_kib(const char *line, const char *name, uint64_t *ret_bytes)
{
	unsigned long long kib;
	size_t len = strlen(name);

	if (strncmp(line, name, len) || line[len] != ':' || sscanf(line + len + 1, "%llu", &kib) != 1)
		return false;
	*ret_bytes = kib * 1024;
	return true;
}

static int read_use(struct inspection *inspection)
{
	FILE *file _cleanup_file_ = open_of_pid(inspection->pid, "status");
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		if (!strncmp(line, "Name:\t", 6))
			snprintf(inspection->comm, sizeof(inspection->comm), "%.*s", (int)strcspn(line + 6, "\n"),
				 line + 6);
		sscanf(line, "Threads: %u", &inspection->threads);
		take_kib(line, "VmSize", &inspection->address_space.used);
		take_kib(line, "VmData", &inspection->data.used);
		take_kib(line, "VmLck", &inspection->locked.used);
		take_kib(line, "VmStk", &inspection->stack.used);
	}
	return 0;
}

/* "Max address space   unlimited   unlimited   bytes": the soft limit is what counts. */
static void take_rlimit(const char *line, const char *name, uint64_t *ret_limit)
{
	unsigned long long limit;
	size_t len = strlen(name);

	if (strncmp(line, name, len))
		return;
	*ret_limit = sscanf(line + len, "%llu", &limit) == 1 ? limit : UINT64_MAX;
}

static int read_rlimits(struct inspection *inspection)
{
	FILE *file _cleanup_file_ = open_of_pid(inspection->pid, "limits");
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		take_rlimit(line, "Max address space", &inspection->address_space.limit);
		take_rlimit(line, "Max data size", &inspection->data.limit);
		take_rlimit(line, "Max locked memory", &inspection->locked.limit);
		take_rlimit(line, "Max stack size", &inspection->stack.limit);
	}
	return 0;
}

static int read_commit(struct inspection *inspection)
{
	FILE *mode _cleanup_file_ = fopen("/proc/sys/vm/overcommit_memory", "re");
	FILE *file _cleanup_file_ = fopen("/proc/meminfo", "re");
	char line[256];

	if (!mode || !file)
		return -errno;
	if (fscanf(mode, "%u", &inspection->overcommit) != 1)
		return -EIO;
	while (fgets(line, sizeof(line), file)) {
		take_kib(line, "CommitLimit", &inspection->commit.limit);
		take_kib(line, "Committed_AS", &inspection->commit.used);
	}
	return 0;
}

int procfs_inspect(struct inspection *inspection)
{
	int error = read_use(inspection);

	if (!error)
		error = read_rlimits(inspection);
	if (!error)
		error = read_commit(inspection);
	return error;
}

int procfs_start_in(int proc, uint64_t *ret_start_ns)
{
	int fd _cleanup_close_ = openat(proc, "stat", O_RDONLY | O_CLOEXEC);
	long ticks_per_s = sysconf(_SC_CLK_TCK);
	char text[2048], *at;
	ssize_t got;

	if (fd < 0)
		return -errno;
	got = read(fd, text, sizeof(text) - 1);
	if (got <= 0)
		return got < 0 ? -errno : -ESRCH;
	text[got] = '\0';
	/* The second field is a name that may hold anything, in parentheses: what follows is counted from the last. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < START_FIELD; field++)
		at = strchr(at + 1, ' ');
	if (!at || ticks_per_s <= 0)
		return -EIO;
	*ret_start_ns = strtoull(at, NULL, 10) * (1000000000ULL / (unsigned long long)ticks_per_s);
	return 0;
}

int procfs_start_ns(uint32_t pid, uint64_t *ret_start_ns)
{
	int proc _cleanup_close_ = -1;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", pid);
	proc = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return proc < 0 ? -errno : procfs_start_in(proc, ret_start_ns);
}

uint64_t procfs_self_resident(void)
{
	FILE *file = fopen("/proc/self/statm", "re");
	unsigned long long pages = 0;

	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &pages) != 1)
		pages = 0;
	fclose(file);
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

int procfs_uid(uint32_t pid, uint32_t *ret_uid)
{
	struct stat status;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", pid);
	if (stat(path, &status))
		return -errno;
	*ret_uid = status.st_uid;
	return 0;
}
