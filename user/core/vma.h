/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One map of a process, as a line of /proc/PID/maps tells it (fs/proc/task_mmu.c, show_map_vma). */
#ifndef CORE_VMA_H
#define CORE_VMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "files.h"

struct vma {
	uint64_t start, end; /* bytes, end excluded */
	uint64_t offset;     /* into the file, bytes */
	uint64_t inode;	     /* 0: no file */
	uint32_t dev_major, dev_minor;
	uint8_t prot; /* PROT_READ 1, PROT_WRITE 2, PROT_EXEC 4 */
	bool shared;
	bool deleted;
	enum file_kind kind;
	const char *name; /* borrowed from the line, not terminated, without " (deleted)"; "[heap]" and the like too */
	size_t name_len;
};

/* Takes a line apart, its end left out. 0, or -EINVAL: not such a line; -ENOENT: [vsyscall], which is no map. */
int vma_parse(const char *line, size_t len, struct vma *ret_vma);
/* How much of a path, as the kernel writes it, is left without its " (deleted)". */
size_t vma_path_len(const char *path, size_t len);
/* "rw-"; out has room for four bytes. Returns out. */
const char *vma_prot_text(uint64_t prot, char *out);
/* The file behind it; the name is cut to fit. */
void vma_file(const struct vma *vma, struct file_id *ret_id);

#endif
