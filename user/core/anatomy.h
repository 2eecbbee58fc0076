/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the maps of a process are made of: groups of one file, protection and
 * sharing, and what keeps each map from being one with its neighbour below
 * (mm/vma.c, can_vma_merge_before). Pure: fed map by map, in order of address.
 */
#ifndef CORE_ANATOMY_H
#define CORE_ANATOMY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vma.h"

#define ANATOMY_GROUPS_MAX 65536
#define ANATOMY_FILES_MAX  1048576

/* The first that applies, between a map and the one below it. */
enum seam {
	SEAM_FIRST,    /* there is none below */
	SEAM_GAP,      /* addresses between them are not mapped */
	SEAM_FILE,     /* another file, or memory of another kind or name */
	SEAM_PROT,     /* other protection, or shared and private */
	SEAM_OFFSET,   /* the file does not go on where the other ends */
	SEAM_FLAGS,    /* other flags, by madvise, mlock and the like */
	SEAM_POLICY,   /* another NUMA policy */
	SEAM_UFFD,     /* watched by another userfaultfd */
	SEAM_ANON_VMA, /* anonymous pages of different descent: each was written before they met */
	SEAM_ALIKE,    /* all that could be compared agrees */
	SEAMS,
};

/* What the kernel compares besides, from a BPF iterator. */
struct vma_detail {
	uint64_t flags;			 /* vm_flags */
	uint64_t anon_vma, policy, uffd; /* kernel addresses: to compare; 0: none */
};

struct anatomy_group {
	struct file_id file;
	uint8_t prot;
	bool shared;
	uint64_t maps, bytes;
	uint64_t least, most; /* bytes of one map */
	uint64_t repeats;     /* maps that begin where the one before them in this group does, in the file */
	uint64_t last_offset;
	uint64_t seams[SEAMS];
};

/* Files that are alike: by their ending, "*.cfs", or else by their folder, "/data/chunks/". */
struct anatomy_family {
	char pattern[FILE_PATH_LEN];
	uint64_t files, maps, bytes, deleted;
};

struct anatomy {
	uint64_t maps, bytes, deleted;
	uint64_t not_grouped; /* maps of groups that found no room, or no memory */
	uint64_t files;	      /* different ones, memory without a name left out */
	uint64_t guards;      /* inaccessible memory right below memory that is not: stacks and the like */
	uint64_t seams[SEAMS];
	uint64_t flag_seams[64];       /* of SEAM_FLAGS: how often this bit differed */
	uint64_t without_detail;       /* maps of which only /proc's line is known */
	struct anatomy_tables *tables; /* owned */
	struct vma last;	       /* without its name */
	uint32_t last_name_hash;
	struct vma_detail last_detail;
	bool has_last, has_last_detail;
};

/* "gap", "file", "prot", ... as in JSON, and what it means. */
const char *seam_name(enum seam seam);
const char *seam_text(enum seam seam);
/* "dontfork" for a bit of vm_flags that madvise or mlock sets; NULL: no name that a user would know. */
const char *vma_flag_name(unsigned int bit);

/* "rw-p" or "rw-s"; out has room for five bytes. Returns out. */
const char *anatomy_prot_text(const struct anatomy_group *group, char *out);

/* The next map; detail NULL: not known. Its name is not kept. 0 or -ENOMEM. */
int anatomy_add(struct anatomy *anatomy, const struct vma *vma, const struct vma_detail *detail);
/* Copies the n groups with the most maps, most first. Returns how many. */
size_t anatomy_top(const struct anatomy *anatomy, struct anatomy_group *ret_groups, size_t n);
/* The same of families. */
size_t anatomy_top_families(const struct anatomy *anatomy, struct anatomy_family *ret_families, size_t n);
/* One sentence on what the maps are made of and what to do. Writes into buf, cut to fit; returns buf. */
const char *anatomy_advice(const struct anatomy *anatomy, uint32_t limit, char *buf, size_t size);
/* Forgets everything. */
void anatomy_free(struct anatomy *anatomy);

#endif
