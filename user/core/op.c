/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "op.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

struct flag {
	uint64_t bit;
	const char *name;
};

/* Numbers are the kernel's ABI (include/uapi), given here so that old headers do. */
static const struct flag prot_flags[] = {
	{0x1, "PROT_READ"},
	{0x2, "PROT_WRITE"},
	{0x4, "PROT_EXEC"},
	{0x8, "PROT_SEM"},
	{0x10, "PROT_BTI"},
	{0x20, "PROT_MTE"},
	{0x01000000, "PROT_GROWSDOWN"},
	{0x02000000, "PROT_GROWSUP"},
};

static const struct flag map_flags[] = {
	{0x10, "MAP_FIXED"},
	{0x20, "MAP_ANONYMOUS"},
	{0x40, "MAP_32BIT"},
	{0x100, "MAP_GROWSDOWN"},
	{0x800, "MAP_DENYWRITE"},
	{0x1000, "MAP_EXECUTABLE"},
	{0x2000, "MAP_LOCKED"},
	{0x4000, "MAP_NORESERVE"},
	{0x8000, "MAP_POPULATE"},
	{0x10000, "MAP_NONBLOCK"},
	{0x20000, "MAP_STACK"},
	{0x40000, "MAP_HUGETLB"},
	{0x80000, "MAP_SYNC"},
	{0x100000, "MAP_FIXED_NOREPLACE"},
	{0x4000000, "MAP_UNINITIALIZED"},
};

static const struct flag mremap_flags[] = {{1, "MREMAP_MAYMOVE"}, {2, "MREMAP_FIXED"}, {4, "MREMAP_DONTUNMAP"}};
static const struct flag mlock2_flags[] = {{1, "MLOCK_ONFAULT"}};
static const struct flag mlockall_flags[] = {{1, "MCL_CURRENT"}, {2, "MCL_FUTURE"}, {4, "MCL_ONFAULT"}};
static const struct flag shmat_flags[] = {
	{010000, "SHM_RDONLY"}, {020000, "SHM_RND"}, {040000, "SHM_REMAP"}, {0100000, "SHM_EXEC"}};

static const struct flag advices[] = {
	{0, "MADV_NORMAL"},	      {1, "MADV_RANDOM"},	   {2, "MADV_SEQUENTIAL"},
	{3, "MADV_WILLNEED"},	      {4, "MADV_DONTNEED"},	   {8, "MADV_FREE"},
	{9, "MADV_REMOVE"},	      {10, "MADV_DONTFORK"},	   {11, "MADV_DOFORK"},
	{12, "MADV_MERGEABLE"},	      {13, "MADV_UNMERGEABLE"},	   {14, "MADV_HUGEPAGE"},
	{15, "MADV_NOHUGEPAGE"},      {16, "MADV_DONTDUMP"},	   {17, "MADV_DODUMP"},
	{18, "MADV_WIPEONFORK"},      {19, "MADV_KEEPONFORK"},	   {20, "MADV_COLD"},
	{21, "MADV_PAGEOUT"},	      {22, "MADV_POPULATE_READ"},  {23, "MADV_POPULATE_WRITE"},
	{24, "MADV_DONTNEED_LOCKED"}, {25, "MADV_COLLAPSE"},	   {100, "MADV_HWPOISON"},
	{101, "MADV_SOFT_OFFLINE"},   {102, "MADV_GUARD_INSTALL"}, {103, "MADV_GUARD_REMOVE"},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TABLE(array) array, COUNT(array)

const char *op_name(uint32_t op)
{
#define OP_NAME(id, name, nargs) name,
	static const char *const names[] = {MT_OPS(OP_NAME)};
#undef OP_NAME

	return op < MT_OP_MAX ? names[op] : names[MT_OP_OTHER];
}

const char *errno_name(int error, char *buf, size_t size)
{
	const char *name = strerrorname_np(error);

	if (name)
		snprintf(buf, size, "%s", name);
	else
		snprintf(buf, size, "E%d", error);
	return buf;
}

/* Where an operation's arguments are in the raw six; NONE: it has no such argument. */
#define NONE (-1)
struct arg_layout {
	int8_t addr, len, prot, flags, fd, new_len, advice;
};

static const struct arg_layout *arg_layout_of(uint32_t op)
{
	/*                                      addr  len   prot  flags fd    new   advice */
	static const struct arg_layout none = {NONE, NONE, NONE, NONE, NONE, NONE, NONE};
	static const struct arg_layout range = {0, 1, NONE, NONE, NONE, NONE, NONE};
	static const struct arg_layout range_flags = {0, 1, NONE, 2, NONE, NONE, NONE};
	static const struct arg_layout protect = {0, 1, 2, NONE, NONE, NONE, NONE};
	static const struct arg_layout addr = {0, NONE, NONE, NONE, NONE, NONE, NONE};
	static const struct arg_layout special[MT_OP_MAX] = {
		[MT_OP_MMAP] = {0, 1, 2, 3, 4, NONE, NONE},
		[MT_OP_MREMAP] = {0, 1, NONE, 3, NONE, 2, NONE},
		[MT_OP_MADVISE] = {0, 1, NONE, NONE, NONE, NONE, 2},
		[MT_OP_PROCESS_MADVISE] = {NONE, NONE, NONE, NONE, NONE, NONE, 3}, /* its ranges are in user memory */
		[MT_OP_REMAP_FILE_PAGES] = {0, 1, 2, 4, NONE, NONE, NONE},
		[MT_OP_MBIND] = {0, 1, NONE, 5, NONE, NONE, NONE},
		[MT_OP_MLOCKALL] = {NONE, NONE, NONE, 0, NONE, NONE, NONE},
		[MT_OP_SHMAT] = {1, NONE, NONE, 2, NONE, NONE, NONE},
		[MT_OP_PRCTL] = {2, 3, NONE, NONE, NONE, NONE, NONE}, /* of PR_SET_VMA */
	};

	switch (op) {
	case MT_OP_MPROTECT:
	case MT_OP_PKEY_MPROTECT:
		return &protect;
	case MT_OP_MLOCK2:
	case MT_OP_MAP_SHADOW_STACK:
	case MT_OP_MSEAL:
		return &range_flags;
	case MT_OP_MUNMAP:
	case MT_OP_MLOCK:
	case MT_OP_MUNLOCK:
	case MT_OP_SET_MEMPOLICY_HOME_NODE:
		return &range;
	case MT_OP_BRK:
	case MT_OP_SHMDT:
		return &addr;
	case MT_OP_MMAP:
	case MT_OP_MREMAP:
	case MT_OP_MADVISE:
	case MT_OP_PROCESS_MADVISE:
	case MT_OP_REMAP_FILE_PAGES:
	case MT_OP_MBIND:
	case MT_OP_MLOCKALL:
	case MT_OP_SHMAT:
	case MT_OP_PRCTL:
		return &special[op];
	}
	return &none;
}

static bool arg_take(const uint64_t *raw, int8_t index, uint64_t *ret_value)
{
	if (index != NONE)
		*ret_value = raw[index];
	return index != NONE;
}

void op_args_decode(uint32_t op, const uint64_t *raw, struct op_args *ret_args)
{
	const struct arg_layout *layout = arg_layout_of(op);
	struct op_args args = {0};
	uint64_t fd = 0;

	if (op == MT_OP_PRCTL && raw[0] != 0x53564d41 /* PR_SET_VMA: the others are about no range */)
		layout = arg_layout_of(MT_OP_OTHER);
	args.has_addr = arg_take(raw, layout->addr, &args.addr);
	args.has_len = arg_take(raw, layout->len, &args.len);
	args.has_prot = arg_take(raw, layout->prot, &args.prot);
	args.has_flags = arg_take(raw, layout->flags, &args.flags);
	args.has_new_len = arg_take(raw, layout->new_len, &args.new_len);
	args.has_advice = arg_take(raw, layout->advice, &args.advice);
	args.has_fd = arg_take(raw, layout->fd, &fd) && !(args.flags & 0x20 /* MAP_ANONYMOUS ignores it */);
	args.fd = args.has_fd ? (int32_t)fd : 0;
	*ret_args = args;
}

/* Appends "|name" to what buf holds, as far as it fits. By hand: these words are a quarter of a JSON line's price. */
static void flag_append(char *buf, size_t size, const char *name)
{
	size_t at = strlen(buf), len = strlen(name);

	if (at && at + 1 < size)
		buf[at++] = '|';
	if (at + len >= size)
		len = at < size ? size - 1 - at : 0;
	memcpy(buf + at, name, len);
	buf[at + len] = '\0';
}

static const char *flags_text(const struct flag *table, size_t count, uint64_t flags, const char *none, char *buf,
			      size_t size)
{
	char rest[24];

	for (size_t i = 0; i < count && flags; i++) {
		if (!(flags & table[i].bit))
			continue;
		flag_append(buf, size, table[i].name);
		flags &= ~table[i].bit;
	}
	if (flags) {
		snprintf(rest, sizeof(rest), "0x%llx", (unsigned long long)flags);
		flag_append(buf, size, rest);
	}
	if (!*buf)
		flag_append(buf, size, none);
	return buf;
}

const char *op_prot_text(uint64_t prot, char *buf, size_t size)
{
	buf[0] = '\0';
	return flags_text(TABLE(prot_flags), (uint32_t)prot, "PROT_NONE", buf, size);
}

/* MAP_SHARED and its kin are a number in the low bits, not flags. */
static const char *map_flags_text(uint64_t flags, char *buf, size_t size)
{
	static const char *const types[] = {NULL, "MAP_SHARED", "MAP_PRIVATE", "MAP_SHARED_VALIDATE"};
	uint64_t type = flags & 0xf;
	uint64_t huge_bits = flags & 0x40000 ? (flags >> 26) & 0x3f : 0;
	char huge[32];

	flags &= 0xffffffff;
	if (type < COUNT(types) && types[type]) {
		flag_append(buf, size, types[type]);
		flags &= ~0xfULL;
	}
	if (huge_bits)
		flags &= ~(0x3fULL << 26);
	flags_text(TABLE(map_flags), flags, "0", buf, size);
	if (huge_bits) {
		snprintf(huge, sizeof(huge), "%u<<MAP_HUGE_SHIFT", (unsigned int)huge_bits);
		flag_append(buf, size, huge);
	}
	return buf;
}

const char *op_flags_text(uint32_t op, uint64_t flags, char *buf, size_t size)
{
	buf[0] = '\0';
	switch (op) {
	case MT_OP_MMAP:
	case MT_OP_REMAP_FILE_PAGES:
		return map_flags_text(flags, buf, size);
	case MT_OP_MREMAP:
		return flags_text(TABLE(mremap_flags), flags, "0", buf, size);
	case MT_OP_MLOCK2:
		return flags_text(TABLE(mlock2_flags), flags, "0", buf, size);
	case MT_OP_MLOCKALL:
		return flags_text(TABLE(mlockall_flags), flags, "0", buf, size);
	case MT_OP_SHMAT:
		return flags_text(TABLE(shmat_flags), flags, "0", buf, size);
	}
	return flags_text(NULL, 0, flags, "0", buf, size);
}

const char *op_advice_text(uint64_t advice, char *buf, size_t size)
{
	for (size_t i = 0; i < COUNT(advices); i++) {
		if (advices[i].bit == advice) {
			snprintf(buf, size, "%s", advices[i].name);
			return buf;
		}
	}
	snprintf(buf, size, "%llu", (unsigned long long)advice);
	return buf;
}

bool op_returns_address(uint32_t op)
{
	return op == MT_OP_MMAP || op == MT_OP_MREMAP || op == MT_OP_BRK || op == MT_OP_SHMAT ||
	       op == MT_OP_MAP_SHADOW_STACK;
}

/* The map count from which op is refused is limit less this; see KERNEL.md section 1. */
static uint32_t op_headroom(uint32_t op, uint64_t flags, bool worst)
{
	switch (op) {
	case MT_OP_MREMAP: /* MREMAP_FIXED, MREMAP_DONTUNMAP unmap first */
		return worst && (flags & 6) ? 5 : 3;
	case MT_OP_MPROTECT:
	case MT_OP_PKEY_MPROTECT:
	case MT_OP_MADVISE:
	case MT_OP_PROCESS_MADVISE:
	case MT_OP_MLOCK:
	case MT_OP_MLOCK2:
	case MT_OP_MUNLOCK:
	case MT_OP_MBIND:
	case MT_OP_SET_MEMPOLICY_HOME_NODE:
	case MT_OP_MSEAL:
	case MT_OP_PRCTL:
		return worst ? 1 : 0; /* the middle of a VMA takes two splits */
	}
	return 0;
}

static bool op_splits(uint32_t op, uint64_t flags)
{
	switch (op) {
	case MT_OP_MMAP:
		return flags & (0x10 /* MAP_FIXED */);
	case MT_OP_BRK:
	case MT_OP_SHMAT:
	case MT_OP_IO_SETUP:
	case MT_OP_REMAP_FILE_PAGES:
	case MT_OP_MAP_SHADOW_STACK:
	case MT_OP_OTHER:
		return false;
	}
	return true;
}

bool op_is_search(uint32_t op, uint32_t error)
{
	return (op == MT_OP_EXECVE || op == MT_OP_EXECVEAT) && (error == ENOENT || error == EACCES || error == ENOTDIR);
}

/* Whole maps, or none: their number alone never stands in the way. */
static bool op_is_never_refused(uint32_t op)
{
	return op == MT_OP_MLOCKALL || op == MT_OP_MUNLOCKALL || op == MT_OP_SHMDT || op == MT_OP_IO_DESTROY ||
	       op == MT_OP_EXECVE || op == MT_OP_EXECVEAT; /* they begin with an address space of their own */
}

uint32_t op_refusal_point(uint32_t op, uint64_t flags, uint32_t limit, bool worst)
{
	uint32_t headroom = op_headroom(op, flags, worst);

	if (op_is_never_refused(op))
		return UINT32_MAX;
	if (!op_splits(op, flags) || (op == MT_OP_MMAP && !worst))
		return limit == UINT32_MAX ? limit : limit + 1; /* one map more than the limit is let in */
	return headroom < limit ? limit - headroom : 0;
}
