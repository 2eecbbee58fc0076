/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "memory.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/shm.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "maps_reader.h"

#define RANGE_OVER 1 /* what follows does not matter */

/* The first number of a file; false if there is none. */
static bool number_of(const char *path, uint64_t *ret_number)
{
	FILE *file _cleanup_file_ = fopen(path, "re");
	unsigned long long number;

	if (!file || fscanf(file, "%llu", &number) != 1)
		return false;
	*ret_number = number;
	return true;
}

static int read_meminfo(struct machine *machine)
{
	const struct {
		const char *name;
		uint64_t *bytes;
	} rows[] = {
		{"MemTotal:", &machine->ram},
		{"SwapTotal:", &machine->swap},
		{"CommitLimit:", &machine->commit_limit},
		{"Committed_AS:", &machine->committed},
		{"Hugepagesize:", &machine->huge_page},
	};
	FILE *file _cleanup_file_ = fopen("/proc/meminfo", "re");
	unsigned long long kib;
	char line[256];

	if (!file)
		return -errno;
	while (fgets(line, sizeof(line), file)) {
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			if (!strncmp(line, rows[i].name, strlen(rows[i].name)) &&
			    sscanf(line + strlen(rows[i].name), "%llu", &kib) == 1)
				*rows[i].bytes = kib * 1024;
		}
	}
	return machine->commit_limit ? 0 : -EIO;
}

static bool huge_number(const struct machine *machine, const char *name, uint64_t *ret_number)
{
	char path[128];

	snprintf(path, sizeof(path), "/sys/kernel/mm/hugepages/hugepages-%llukB/%s",
		 (unsigned long long)machine->huge_page / 1024, name);
	return number_of(path, ret_number);
}

static void read_huge(struct machine *machine)
{
	uint64_t free_pages, reserved, may_make, made;

	machine->huge_known = huge_number(machine, "free_hugepages", &free_pages) &&
			      huge_number(machine, "resv_hugepages", &reserved) &&
			      huge_number(machine, "nr_overcommit_hugepages", &may_make) &&
			      huge_number(machine, "surplus_hugepages", &made);
	if (!machine->huge_known)
		return;
	machine->huge_free = free_pages > reserved ? free_pages - reserved : 0;
	machine->huge_more = may_make > made ? may_make - made : 0;
}

static bool parameter_is_set(const char *path)
{
	FILE *file _cleanup_file_ = fopen(path, "re");

	return file && fgetc(file) == 'Y';
}

int memory_read_machine(uint64_t huge_page, struct machine *ret_machine)
{
	struct machine machine = {.known = true};
	uint64_t mode, kib;
	int error;

	if (!number_of("/proc/sys/vm/overcommit_memory", &mode))
		return -EIO;
	machine.overcommit = (enum overcommit)mode;
	error = read_meminfo(&machine);
	if (error)
		return error;
	if (huge_page)
		machine.huge_page = huge_page;
	read_huge(&machine);
	if (number_of("/proc/sys/vm/admin_reserve_kbytes", &kib))
		machine.admin_reserve = kib * 1024;
	if (number_of("/proc/sys/vm/user_reserve_kbytes", &kib))
		machine.user_reserve = kib * 1024;
	machine.ignores_rlimit_data = parameter_is_set("/sys/module/kernel/parameters/ignore_rlimit_data");
	*ret_machine = machine;
	return 0;
}

static int take_map(const struct vma *vma, void *arg)
{
	return range_take(arg, vma) ? 0 : RANGE_OVER;
}

int memory_read_range(uint32_t pid, struct range *range)
{
	int result = maps_read_from(pid, range->start, take_map, range);

	if (result < 0)
		return result;
	/* A process on its way out has no maps any more, or half of them. Behind those asked for there is always one.
	 */
	if (result != RANGE_OVER)
		return -ESRCH;
	range_end(range);
	return 0;
}

/* Ids belong to a namespace. */
static bool shares_ids(uint32_t pid)
{
	struct stat own, other;
	char path[64];

	snprintf(path, sizeof(path), "/proc/%u/ns/ipc", pid);
	return !stat("/proc/self/ns/ipc", &own) && !stat(path, &other) && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

int memory_read_segment(uint32_t pid, int32_t id, uint64_t *ret_bytes)
{
	struct shmid_ds segment;

	if (!shares_ids(pid))
		return -EXDEV;
	if (shmctl(id, IPC_STAT, &segment) < 0)
		return -errno;
	*ret_bytes = segment.shm_segsz;
	return 0;
}
