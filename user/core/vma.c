/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "vma.h"

#include <errno.h>
#include <string.h>

#define DELETED " (deleted)"

/* What is left of a line. */
struct rest {
	const char *at, *end;
};

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 16;
}

/* A number and the character that must follow it. */
static bool take_number(struct rest *rest, unsigned int base, char behind, uint64_t *ret_number)
{
	const char *start = rest->at;
	uint64_t number = 0;

	for (; rest->at < rest->end && digit_of(*rest->at) < (int)base; rest->at++) {
		if (number > (UINT64_MAX - 15) / base)
			return false;
		number = number * base + (uint64_t)digit_of(*rest->at);
	}
	if (rest->at == start || rest->at == rest->end || *rest->at != behind)
		return false;
	rest->at++;
	*ret_number = number;
	return true;
}

/* "rw-p " */
static bool take_prot(struct rest *rest, struct vma *vma)
{
	const char *at = rest->at;

	if (rest->end - at < 5 || at[4] != ' ')
		return false;
	vma->prot = (uint8_t)((at[0] == 'r') | (at[1] == 'w') << 1 | (at[2] == 'x') << 2);
	vma->shared = at[3] == 's';
	rest->at = at + 5;
	return true;
}

static bool name_is(const struct vma *vma, const char *name)
{
	return vma->name_len == strlen(name) && !memcmp(vma->name, name, vma->name_len);
}

static bool name_begins(const struct vma *vma, const char *prefix)
{
	size_t len = strlen(prefix);

	return vma->name_len >= len && !memcmp(vma->name, prefix, len);
}

static enum file_kind kind_of(const struct vma *vma)
{
	if (!vma->inode)
		return FILE_ANON;
	if (name_begins(vma, "/memfd:"))
		return FILE_MEMFD;
	if (name_is(vma, "/dev/zero") || name_begins(vma, "[anon_shmem:"))
		return FILE_ANON_SHM;
	if (name_is(vma, "/anon_hugepage"))
		return FILE_ANON_HUGETLB;
	if (name_begins(vma, "/dev/shm/") || name_begins(vma, "/SYSV"))
		return FILE_SHM;
	return name_begins(vma, "/dev/") ? FILE_DEVICE : FILE_REGULAR;
}

/* The kernel writes " (deleted)" behind what never had a name in a folder, too. */
static bool was_linked(const struct vma *vma)
{
	return vma->kind != FILE_MEMFD && !file_anonymous(vma->kind) && !name_begins(vma, "/SYSV");
}

size_t vma_path_len(const char *path, size_t len)
{
	size_t suffix = strlen(DELETED);

	return len > suffix && !memcmp(path + len - suffix, DELETED, suffix) ? len - suffix : len;
}

const char *vma_prot_text(uint64_t prot, char *out)
{
	out[0] = prot & 1 ? 'r' : '-';
	out[1] = prot & 2 ? 'w' : '-';
	out[2] = prot & 4 ? 'x' : '-';
	out[3] = '\0';
	return out;
}

int vma_parse(const char *line, size_t len, struct vma *ret_vma)
{
	struct rest rest = {line, line + len};
	struct vma vma = {0};
	uint64_t major, minor;

	if (!take_number(&rest, 16, '-', &vma.start) || !take_number(&rest, 16, ' ', &vma.end) ||
	    !take_prot(&rest, &vma) || !take_number(&rest, 16, ' ', &vma.offset) ||
	    !take_number(&rest, 16, ':', &major) || !take_number(&rest, 16, ' ', &minor) ||
	    !take_number(&rest, 10, ' ', &vma.inode) || vma.end <= vma.start)
		return -EINVAL;
	vma.dev_major = (uint32_t)major;
	vma.dev_minor = (uint32_t)minor;
	while (rest.at < rest.end && *rest.at == ' ')
		rest.at++;
	vma.name = rest.at;
	vma.name_len = (size_t)(rest.end - rest.at);
	if (name_is(&vma, "[vsyscall]"))
		return -ENOENT;
	if (vma.inode) {
		vma.name_len = vma_path_len(vma.name, vma.name_len);
		vma.deleted = vma.name + vma.name_len < rest.end;
	}
	vma.kind = kind_of(&vma);
	if (!was_linked(&vma))
		vma.deleted = false;
	*ret_vma = vma;
	return 0;
}

void vma_file(const struct vma *vma, struct file_id *ret_id)
{
	const struct file_id *anonymous = file_anonymous(vma->kind);
	size_t len = vma->name_len < FILE_PATH_LEN ? vma->name_len : FILE_PATH_LEN - 1;

	if (anonymous && vma->kind != FILE_ANON) {
		*ret_id = *anonymous;
		return;
	}
	memset(ret_id, 0, sizeof(*ret_id));
	ret_id->dev_major = vma->dev_major;
	ret_id->dev_minor = vma->dev_minor;
	ret_id->inode = vma->inode;
	ret_id->kind = vma->kind;
	ret_id->deleted = vma->deleted;
	ret_id->path_is_full = true;
	memcpy(ret_id->path, vma->name, len);
	if (!len && anonymous)
		*ret_id = *anonymous;
}
