/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "maps_reader.h"
#include "procfs.h"
#include "rooted.h"
#include "search.h"
#include "symbol_wire.h"
#include "vdso.h"

#define RANGES_MIN    16
#define JIT_REREAD_NS 100000000ULL
#define START_FUZZ_NS 20000000LL /* /proc tells it in clock ticks, of 10 ms each */
#define NAME_LEN      PATH_MAX

struct looking {
	struct symbol_process *process;
	struct symbol_modules *modules;
	int proc, root; /* its folder in /proc; its root, if that is not ours; -1: none */
	uint64_t now_ns;
};

/* ---- whether it is the one ---- */

/* What a time namespace adds to the boot clock as we see it. */
static int64_t boot_offset_ns(void)
{
	FILE *file _cleanup_file_ = fopen("/proc/self/timens_offsets", "re");
	char line[128];
	int64_t s, ns;

	while (file && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "boottime %" SCNd64 " %" SCNd64, &s, &ns) == 2)
			return s * 1000000000 + ns;
	}
	return 0;
}

static bool is_the_one(int proc, uint64_t start_ns)
{
	uint64_t seen_ns;
	int64_t difference;

	if (procfs_start_in(proc, &seen_ns))
		return false;
	difference = (int64_t)seen_ns - boot_offset_ns() - (int64_t)start_ns;
	return !start_ns || (difference > -START_FUZZ_NS && difference < START_FUZZ_NS);
}

bool symbol_process_is(const struct symbol_process *process, uint64_t start_ns)
{
	int64_t difference = (int64_t)(process->start_ns - start_ns);

	return difference > -START_FUZZ_NS && difference < START_FUZZ_NS;
}

/* ---- its files ---- */

/* The kernel writes a newline in a path as \012, and nothing else in that way. */
static void name_of(const struct vma *vma, char *out)
{
	size_t len = 0;

	for (size_t i = 0; i < vma->name_len && len < NAME_LEN - 1; i++) {
		if (vma->name_len - i >= 4 && !memcmp(vma->name + i, "\\012", 4)) {
			out[len++] = '\n';
			i += 3;
		} else {
			out[len++] = vma->name[i];
		}
	}
	out[len] = '\0';
}

/*
 * By the map itself, which leads to files that are deleted or of another mount namespace; else (that takes a
 * capability) by its path, if that still is the same file. btrfs and overlayfs give stat(2) another device than the
 * map's.
 */
static int open_file(const struct looking *looking, const struct vma *vma, const char *name, struct stat *ret_stat)
{
	int fd, root _cleanup_close_ = -1;
	char link[64];

	snprintf(link, sizeof(link), "map_files/%" PRIx64 "-%" PRIx64, vma->start, vma->end);
	fd = rooted_follow(looking->proc, link, ret_stat);
	if (fd >= 0 || fd == -EINVAL || name[0] != '/')
		return fd;
	root = openat(looking->proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -errno : rooted_open(root, name, ret_stat);
	if (fd >= 0 && ret_stat->st_ino != vma->inode) {
		close(fd);
		return -ESTALE;
	}
	return fd;
}

static bool is_vdso(const struct vma *vma)
{
	return vma->name_len == 6 && !memcmp(vma->name, "[vdso]", 6);
}

static struct symbol_module *module_of(const struct looking *looking, const struct vma *vma, const char *name)
{
	struct stat st;
	int fd;

	if (is_vdso(vma))
		fd = vdso_open(vma->end - vma->start, &st);
	else
		fd = vma->inode ? open_file(looking, vma, name, &st) : -ENOENT;
	return fd < 0 ? NULL : symbol_module_get(looking->modules, fd, &st, name, looking->root);
}

/* ---- its ranges ---- */

static struct code_range *range_add(struct symbol_process *process)
{
	if (process->count == WIRE_RANGES_MAX)
		return NULL;
	if (process->count == process->cap) {
		uint32_t cap = process->cap ? process->cap * 2 : RANGES_MIN;
		struct code_range *grown = realloc(process->ranges, cap * sizeof(*grown));

		if (!grown)
			return NULL;
		process->ranges = grown;
		process->cap = cap;
	}
	process->ranges[process->count] = (struct code_range){0};
	return &process->ranges[process->count++];
}

static void take_name(struct symbol_process *process, struct code_range *range, const char *name)
{
	const struct code_range *before = process->count > 1 ? range - 1 : NULL;

	if (before && before->name && !strcmp(before->name, name)) {
		range->name = before->name;
		return;
	}
	range->name = strdup(name);
	range->owns_name = true;
}

static int take_map(const struct vma *vma, void *arg)
{
	struct looking *looking = arg;
	struct symbol_process *process = looking->process;
	struct code_range *range;
	char name[NAME_LEN];
	uint64_t vaddr;

	if (!(vma->prot & 4))
		return 0;
	range = range_add(process);
	if (!range)
		return -ENOMEM;
	name_of(vma, name);
	range->start = vma->start;
	range->end = vma->end;
	range->module = module_of(looking, vma, name);
	take_name(process, range, name);
	if (range->module && range->module->is_elf && symbol_elf_vaddr(&range->module->elf, vma->offset, &vaddr))
		range->bias = vma->start - vaddr;
	else
		range->bias = vma->start - vma->offset;
	process->has_jit = process->has_jit || ((!range->module || !range->module->is_elf) && !is_vdso(vma));
	return 0;
}

static void drop_ranges(struct symbol_process *process, uint64_t now_ns)
{
	for (uint32_t i = 0; i < process->count; i++) {
		if (process->ranges[i].module)
			symbol_module_put(process->ranges[i].module, now_ns);
		if (process->ranges[i].owns_name)
			free(process->ranges[i].name);
	}
	free(process->ranges);
	process->ranges = NULL;
	process->count = process->cap = 0;
}

/* ---- the look ---- */

/* Its root, if its files are not the ones that we see. */
static int other_root(int proc)
{
	struct stat its, ours;

	if (fstatat(proc, "ns/mnt", &its, 0) || stat("/proc/self/ns/mnt", &ours) || its.st_ino == ours.st_ino)
		return -1;
	return openat(proc, "root", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Kept from one look to the next: it is as long as the compiler has been busy. */
static void read_jit(struct symbol_process *process, int proc)
{
	if (process->has_jit && !process->jit)
		process->jit = jit_map_new();
	if (process->has_jit && process->jit)
		jit_map_read(process->jit, proc);
}

/* By one of its threads, whose folder is like its own. */
static int read_maps(struct looking *looking, uint32_t thread)
{
	char path[32];
	int proc _cleanup_close_ = -1, error;

	snprintf(path, sizeof(path), "/proc/%u", thread);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -ESRCH;
	looking->proc = proc;
	error = maps_read(thread, take_map, looking);
	looking->proc = -1;
	return error == -ENOMEM ? 0 : error; /* as far as there was room */
}

static void dir_release(DIR **dir)
{
	if (*dir)
		closedir(*dir);
}

/* A leader may be dead while its threads live on: it has no maps then, they have. */
static int read_maps_by_threads(struct looking *looking)
{
	DIR *dir _cleanup_(dir_release) = NULL;
	struct dirent *entry;
	char path[40];
	int error = -ESRCH;

	snprintf(path, sizeof(path), "/proc/%u/task", looking->process->pid);
	dir = opendir(path);
	while (dir && !looking->process->count && (entry = readdir(dir))) {
		if (entry->d_name[0] != '.')
			error = read_maps(looking, (uint32_t)strtoul(entry->d_name, NULL, 10));
	}
	return error;
}

static int look(struct looking *looking)
{
	struct symbol_process *process = looking->process;
	int proc _cleanup_close_ = -1, root _cleanup_close_ = -1, error;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u", process->pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0)
		return -ESRCH;
	root = other_root(proc);
	looking->root = root;
	error = read_maps(looking, process->pid);
	if (!process->count)
		error = read_maps_by_threads(looking);
	/* The folder is that of one process for ever: if it is there still, no other has had the pid meanwhile. */
	if (!is_the_one(proc, process->start_ns))
		return -ESRCH;
	/* A zombie has no maps, and reading them is no error; nothing that runs is without code. */
	if (!process->count)
		return error ? error : -ESRCH;
	read_jit(process, proc);
	return 0;
}

struct symbol_process *symbol_process_look(struct symbol_modules *modules, uint32_t pid, uint64_t start_ns,
					   struct symbol_process *earlier, uint64_t now_ns)
{
	struct symbol_process *process = calloc(1, sizeof(*process));
	struct looking looking = {.process = process, .modules = modules, .now_ns = now_ns};

	if (!process)
		return NULL;
	process->pid = pid;
	process->start_ns = start_ns;
	process->users = 1;
	process->jit = earlier ? jit_map_use(earlier->jit) : NULL;
	process->taken_ns = process->jit_read_ns = now_ns;
	if (look(&looking)) {
		drop_ranges(process, now_ns);
		process->gone = true;
	}
	return process;
}

void symbol_process_use(struct symbol_process *process)
{
	process->users++;
}

void symbol_process_put(struct symbol_process *process, uint64_t now_ns)
{
	if (!process || --process->users)
		return;
	drop_ranges(process, now_ns);
	jit_map_put(process->jit);
	free(process);
}

const struct code_range *symbol_process_find(const struct symbol_process *process, uint64_t addr)
{
	size_t low = SEARCH_UNTIL(process->ranges, process->count, end, addr);
	return low < process->count && addr >= process->ranges[low].start ? &process->ranges[low] : NULL;
}

/* What the compiler has written since. */
static void read_jit_on(struct symbol_process *process, uint64_t now_ns)
{
	int proc _cleanup_close_ = -1;
	char path[32];

	if (!process->jit || process->stale || process->gone || now_ns - process->jit_read_ns < JIT_REREAD_NS)
		return;
	process->jit_read_ns = now_ns;
	snprintf(path, sizeof(path), "/proc/%u", process->pid);
	proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc >= 0 && is_the_one(proc, process->start_ns))
		jit_map_read(process->jit, proc);
}

const char *symbol_process_jit(struct symbol_process *process, uint64_t addr, uint64_t now_ns)
{
	const char *name = process->jit ? jit_map_find(process->jit, addr) : NULL;

	if (name)
		return name;
	read_jit_on(process, now_ns);
	return process->jit ? jit_map_find(process->jit, addr) : NULL;
}
