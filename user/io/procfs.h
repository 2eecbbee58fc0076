/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is asked of /proc: the limit, targets, who a process is, paths of files. */
#ifndef IO_PROCFS_H
#define IO_PROCFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "file_table.h"
#include "files.h"
#include "inspection.h"

/* vm.max_map_count. 0 or negative errno. */
int procfs_read_limit(uint32_t *ret_limit);

enum pid_state { PID_ALIVE, PID_NONE, PID_ZOMBIE, PID_KERNEL_THREAD, PID_THREAD };
/* What stands behind a pid. For PID_THREAD *ret_tgid is the process it belongs to. */
enum pid_state procfs_pid_state(uint32_t pid, uint32_t *ret_tgid);

/* True if we see the pids that the kernel counts by: the initial pid namespace. */
bool procfs_in_initial_pid_namespace(void);

/*
 * The whole path of a file just mapped: by the descriptor, then by the mapping
 * itself. Fills id->path and sets path_is_full if it is surely that file.
 */
void procfs_file_path(uint32_t pid, int32_t fd, uint64_t addr, uint64_t len, struct file_id *id);

/* Counts the maps of a process by file, once, into table. 0 or negative errno. Takes mmap_lock: never poll it. */
int procfs_count_files(uint32_t pid, struct file_table *table);

/* Fills in what is known of inspection->pid besides its maps. 0 or negative errno. */
int procfs_inspect(struct inspection *inspection);

/* Its effective user. 0 or negative errno. */
int procfs_uid(uint32_t pid, uint32_t *ret_uid);

/* When a process began, boot clock, to a clock tick (10 ms). 0 or negative errno. */
int procfs_start_ns(uint32_t pid, uint64_t *ret_start_ns);
/* The same by its open folder in /proc, on the boot clock of the reader's time namespace. */
int procfs_start_in(int proc, uint64_t *ret_start_ns);

/* Resident memory of this process, bytes; 0: not known. */
uint64_t procfs_self_resident(void);

#endif
