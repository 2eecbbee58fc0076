/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#define HASH_NONFATAL_OOM 1
#include "anatomy.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define EXTENSION_MAX 8
#define VM_SOFTDIRTY  (1ULL << 27) /* does not keep maps apart (VM_IGNORE_MERGE) */

/* Zeroed before it is filled: it is compared byte by byte. */
struct group_key {
	uint64_t inode;
	uint32_t dev_major, dev_minor;
	uint32_t name_hash; /* of memory with a name: "[heap]", "[anon:worker]" */
	uint8_t prot, shared, kind, deleted;
};

struct group_entry {
	struct group_key key;
	struct anatomy_group group;
	UT_hash_handle hh;
};

struct file_key {
	uint64_t inode;
	uint32_t dev_major, dev_minor;
};

struct file_entry {
	struct file_key key;
	struct family_entry *family; /* NULL: found no room */
	UT_hash_handle hh;
};

struct family_entry {
	struct anatomy_family family;
	UT_hash_handle hh;
};

struct anatomy_tables {
	struct group_entry *groups;
	struct file_entry *files;
	struct family_entry *families;
	struct group_entry *last_group; /* neighbours are often of one group */
};

const char *seam_name(enum seam seam)
{
	static const char *const names[] = {"first", "gap",	    "file",	   "prot",     "offset",
					    "flags", "numa_policy", "userfaultfd", "anon_vma", "alike"};

	return (unsigned int)seam < SEAMS ? names[seam] : "unknown";
}

const char *seam_text(enum seam seam)
{
	static const char *const texts[] = {
		[SEAM_FIRST] = "nothing is mapped below",
		[SEAM_GAP] = "unmapped addresses between",
		[SEAM_FILE] = "another file, or other memory",
		[SEAM_PROT] = "another protection",
		[SEAM_OFFSET] = "the same file, but not where the other ends",
		[SEAM_FLAGS] = "other flags",
		[SEAM_POLICY] = "another NUMA policy",
		[SEAM_UFFD] = "another userfaultfd",
		[SEAM_ANON_VMA] = "written to before they met (anon_vma)",
		[SEAM_ALIKE] = "nothing that is seen",
	};

	return (unsigned int)seam < SEAMS ? texts[seam] : "unknown";
}

const char *vma_flag_name(unsigned int bit)
{
	/* include/linux/mm.h; the numbers are the same from 5.10 to 7.x */
	switch (bit) {
	case 13:
		return "mlock";
	case 15:
		return "MADV_SEQUENTIAL";
	case 16:
		return "MADV_RANDOM";
	case 17:
		return "MADV_DONTFORK";
	case 19:
		return "MLOCK_ONFAULT";
	case 20:
		return "accounted as committed";
	case 21:
		return "MAP_NORESERVE";
	case 25:
		return "MADV_WIPEONFORK";
	case 26:
		return "MADV_DONTDUMP";
	case 29:
		return "MADV_HUGEPAGE";
	case 30:
		return "MADV_NOHUGEPAGE";
	case 31:
		return "MADV_MERGEABLE";
	default:
		return NULL;
	}
}

const char *anatomy_prot_text(const struct anatomy_group *group, char *out)
{
	vma_prot_text(group->prot, out);
	return strcat(out, group->shared ? "s" : "p");
}

/* FNV-1a (Fowler, Noll, Vo). */
static uint32_t hash_of(const char *bytes, size_t len)
{
	uint32_t hash = 2166136261U;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (uint8_t)bytes[i]) * 16777619U;
	return hash;
}

static bool same_file(const struct vma *a, const struct vma *b)
{
	return a->inode == b->inode && a->dev_major == b->dev_major && a->dev_minor == b->dev_minor &&
	       a->kind == b->kind;
}

/* The kernel's order of questions is another one; ours is that of what a person can do about it. */
static enum seam seam_of(const struct anatomy *anatomy, const struct vma *vma, uint32_t name_hash,
			 const struct vma_detail *detail)
{
	const struct vma *last = &anatomy->last;
	const struct vma_detail *before = &anatomy->last_detail;

	if (!anatomy->has_last)
		return SEAM_FIRST;
	if (last->end != vma->start)
		return SEAM_GAP;
	if (!same_file(last, vma) || (!vma->inode && anatomy->last_name_hash != name_hash))
		return SEAM_FILE;
	if (last->prot != vma->prot || last->shared != vma->shared)
		return SEAM_PROT;
	if (vma->inode && last->offset + (last->end - last->start) != vma->offset)
		return SEAM_OFFSET;
	if (!detail || !anatomy->has_last_detail)
		return SEAM_ALIKE;
	if ((before->flags ^ detail->flags) & ~VM_SOFTDIRTY)
		return SEAM_FLAGS;
	if (before->policy != detail->policy)
		return SEAM_POLICY;
	if (before->uffd != detail->uffd)
		return SEAM_UFFD;
	return before->anon_vma && detail->anon_vma && before->anon_vma != detail->anon_vma ? SEAM_ANON_VMA
											    : SEAM_ALIKE;
}

static void flags_count(struct anatomy *anatomy, const struct vma_detail *detail)
{
	uint64_t changed = (anatomy->last_detail.flags ^ detail->flags) & ~VM_SOFTDIRTY;

	for (unsigned int bit = 0; bit < 64; bit++)
		anatomy->flag_seams[bit] += changed >> bit & 1;
}

/* "*.cfs" by a short ending that is no number, else "/data/chunks/". */
static void family_pattern(const struct file_id *file, char *out)
{
	const char *slash = strrchr(file->path, '/'), *base = slash ? slash + 1 : file->path;
	const char *dot = strrchr(base, '.');
	size_t len = dot && dot != base ? strlen(dot + 1) : 0;

	memset(out, 0, FILE_PATH_LEN);
	if (len && len <= EXTENSION_MAX && strspn(dot + 1, "0123456789") < len) {
		out[0] = '*';
		memcpy(out + 1, dot, len + 1);
	} else if (slash) {
		memcpy(out, file->path, (size_t)(slash - file->path) + 1);
	} else {
		memcpy(out, file->path, sizeof(file->path));
	}
}

static struct family_entry *family_get(struct anatomy_tables *tables, const struct file_id *file)
{
	char pattern[FILE_PATH_LEN];
	struct family_entry *entry;

	family_pattern(file, pattern);
	HASH_FIND_STR(tables->families, pattern, entry);
	if (entry || HASH_COUNT(tables->families) >= ANATOMY_GROUPS_MAX)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	memcpy(entry->family.pattern, pattern, sizeof(pattern));
	HASH_ADD_STR(tables->families, family.pattern, entry);
	if (entry->hh.tbl)
		return entry;
	free(entry); /* uthash had no memory */
	return NULL;
}

/* The family of a file, which is counted in it when it is met first. NULL: no room. */
static struct family_entry *family_of(struct anatomy *anatomy, const struct vma *vma)
{
	struct anatomy_tables *tables = anatomy->tables;
	struct file_key key = {vma->inode, vma->dev_major, vma->dev_minor};
	struct file_entry *entry;
	struct file_id file;

	HASH_FIND(hh, tables->files, &key, sizeof(key), entry);
	if (entry)
		return entry->family;
	if (HASH_COUNT(tables->files) >= ANATOMY_FILES_MAX)
		return NULL;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	vma_file(vma, &file);
	entry->key = key;
	entry->family = family_get(tables, &file);
	HASH_ADD(hh, tables->files, key, sizeof(key), entry);
	if (!entry->hh.tbl) {
		free(entry);
		return NULL;
	}
	anatomy->files++;
	if (entry->family)
		entry->family->family.files++;
	return entry->family;
}

static void family_count(struct anatomy *anatomy, const struct vma *vma)
{
	struct family_entry *entry = file_anonymous(vma->kind) ? NULL : family_of(anatomy, vma);

	if (!entry)
		return;
	entry->family.maps++;
	entry->family.bytes += vma->end - vma->start;
	entry->family.deleted += vma->deleted;
}

static struct group_entry *group_get(struct anatomy_tables *tables, const struct vma *vma, uint32_t name_hash)
{
	bool one = vma->kind == FILE_ANON_SHM || vma->kind == FILE_ANON_HUGETLB; /* each has an inode of its own */
	struct group_key key;
	struct group_entry *entry = tables->last_group;

	memset(&key, 0, sizeof(key));
	key.inode = one ? 0 : vma->inode;
	key.dev_major = one ? 0 : vma->dev_major;
	key.dev_minor = one ? 0 : vma->dev_minor;
	key.name_hash = vma->inode ? 0 : name_hash;
	key.prot = vma->prot;
	key.shared = vma->shared;
	key.kind = (uint8_t)vma->kind;
	key.deleted = vma->deleted && !one;
	if (entry && !memcmp(&entry->key, &key, sizeof(key)))
		return entry;
	HASH_FIND(hh, tables->groups, &key, sizeof(key), entry);
	if (entry || HASH_COUNT(tables->groups) >= ANATOMY_GROUPS_MAX)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (!entry)
		return NULL;
	entry->key = key;
	vma_file(vma, &entry->group.file);
	entry->group.prot = vma->prot;
	entry->group.shared = vma->shared;
	entry->group.least = UINT64_MAX;
	HASH_ADD(hh, tables->groups, key, sizeof(key), entry);
	if (entry->hh.tbl)
		return entry;
	free(entry);
	return NULL;
}

static void group_count(struct anatomy *anatomy, const struct vma *vma, uint32_t name_hash, enum seam seam)
{
	struct group_entry *entry = group_get(anatomy->tables, vma, name_hash);
	uint64_t bytes = vma->end - vma->start;

	anatomy->tables->last_group = entry;
	if (!entry) {
		anatomy->not_grouped++;
		return;
	}
	entry->group.repeats += entry->group.maps && entry->group.last_offset == vma->offset;
	entry->group.last_offset = vma->offset;
	entry->group.maps++;
	entry->group.bytes += bytes;
	entry->group.seams[seam]++;
	if (bytes < entry->group.least)
		entry->group.least = bytes;
	if (bytes > entry->group.most)
		entry->group.most = bytes;
}

int anatomy_add(struct anatomy *anatomy, const struct vma *vma, const struct vma_detail *detail)
{
	uint32_t name_hash = vma->inode ? 0 : hash_of(vma->name, vma->name_len);
	enum seam seam = seam_of(anatomy, vma, name_hash, detail);

	if (!anatomy->tables) {
		anatomy->tables = calloc(1, sizeof(*anatomy->tables));
		if (!anatomy->tables)
			return -ENOMEM;
	}
	anatomy->maps++;
	anatomy->bytes += vma->end - vma->start;
	anatomy->deleted += vma->deleted && !file_anonymous(vma->kind);
	anatomy->seams[seam]++;
	anatomy->without_detail += !detail;
	anatomy->guards += seam == SEAM_PROT && vma->kind == FILE_ANON && !anatomy->last.prot;
	if (seam == SEAM_FLAGS)
		flags_count(anatomy, detail);
	family_count(anatomy, vma);
	group_count(anatomy, vma, name_hash, seam);
	anatomy->last = *vma;
	anatomy->last_name_hash = name_hash;
	anatomy->has_last = true;
	anatomy->has_last_detail = detail != NULL;
	if (detail)
		anatomy->last_detail = *detail;
	return 0;
}

static int by_maps(struct group_entry *a, struct group_entry *b)
{
	return (a->group.maps < b->group.maps) - (a->group.maps > b->group.maps);
}

static int by_family_maps(struct family_entry *a, struct family_entry *b)
{
	return (a->family.maps < b->family.maps) - (a->family.maps > b->family.maps);
}

size_t anatomy_top(const struct anatomy *anatomy, struct anatomy_group *ret_groups, size_t n)
{
	struct group_entry *entry;
	size_t count = 0;

	if (!anatomy->tables)
		return 0;
	HASH_SORT(anatomy->tables->groups, by_maps);
	for (entry = anatomy->tables->groups; entry && count < n; entry = entry->hh.next)
		ret_groups[count++] = entry->group;
	return count;
}

size_t anatomy_top_families(const struct anatomy *anatomy, struct anatomy_family *ret_families, size_t n)
{
	struct family_entry *entry;
	size_t count = 0;

	if (!anatomy->tables)
		return 0;
	HASH_SORT(anatomy->tables->families, by_family_maps);
	for (entry = anatomy->tables->families; entry && count < n; entry = entry->hh.next)
		ret_families[count++] = entry->family;
	return count;
}

void anatomy_free(struct anatomy *anatomy)
{
	struct anatomy_tables *tables = anatomy->tables;
	struct group_entry *group, *next_group;
	struct file_entry *file, *next_file;
	struct family_entry *family, *next_family;

	if (tables) {
		HASH_ITER(hh, tables->groups, group, next_group)
		{
			HASH_DEL(tables->groups, group);
			free(group);
		}
		HASH_ITER(hh, tables->files, file, next_file)
		{
			HASH_DEL(tables->files, file);
			free(file);
		}
		HASH_ITER(hh, tables->families, family, next_family)
		{
			HASH_DEL(tables->families, family);
			free(family);
		}
		free(tables);
	}
	memset(anatomy, 0, sizeof(*anatomy));
}
