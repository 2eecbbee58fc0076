/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The files behind one process's mappings: a bounded table of use. */
#ifndef CORE_FILES_H
#define CORE_FILES_H

#include <stdbool.h>
#include <stdint.h>

#define FILE_PATH_LEN 160

enum file_kind {
	FILE_ANON,
	FILE_REGULAR,
	FILE_SHM, /* POSIX and System V */
	FILE_MEMFD,
	FILE_ANON_SHM,
	FILE_HUGETLB,
	FILE_DEVICE,
	FILE_OTHER,
	FILE_ANON_HUGETLB,
};

/* A file in words: whose bytes are untrusted and are to be escaped where shown. */
struct file_id {
	uint32_t dev_major, dev_minor;
	uint64_t inode;
	enum file_kind kind;
	bool deleted;
	bool path_is_full;	  /* else only the last component is known */
	char path[FILE_PATH_LEN]; /* "[anon]", "[anon_shmem]", "[anon_hugetlb]" for anonymous memory */
};

struct file_use {
	struct file_id id;
	uint64_t calls;	   /* successful mmap and shmat calls */
	uint64_t unmapped; /* successful munmap calls that began in it, and shmdt; 0 if unknown */
	int64_t maps;	   /* VMAs credited to it */
	uint64_t bytes;	   /* mapped by those calls; a shmat does not say how many */
	bool looked_up;	   /* its path was asked for; once is enough */
};

const char *file_kind_name(enum file_kind kind);
/*
 * What all memory of an anonymous kind is booked under: the kernel gives each piece of
 * shared or huge memory a file of its own, but nobody told them apart. NULL: a true file.
 */
const struct file_id *file_anonymous(enum file_kind kind);

#endif
