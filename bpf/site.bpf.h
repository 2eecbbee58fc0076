/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who did it: call sites, and the ledger of the maps they have made. The ledger is kept
 * by where maps begin. An unmap of a part, or of several, an overlay, a fork leave in it
 * what is gone already; user space holds it against the kernel's own list when it is
 * asked (core/ledger.h), and the latest entry that covers a map is the one that made it.
 */
#ifndef SITE_BPF_H
#define SITE_BPF_H

#include "context.bpf.h"
#include "stack.bpf.h"

#define MREMAP_DONTUNMAP 4

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct mt_site_key);
	__type(value, struct mt_site);
} sites SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct mt_map_key);
	__type(value, struct mt_map);
} ledger SEC(".maps");

/* Entries of the ledger, so that user space clears it out before it is full. */
volatile __s64 ledger_used;

/* There has been an entry of MT_MAP_SPLIT: few programs have any. */
volatile bool ledger_has_splits;

static const struct mt_site site_zero = {};

static __noinline struct mt_site *site_open(const struct mt_site_key *key, __u64 now_ns)
{
	struct mt_site *site;

	/* Two that come at once: the second finds the first one's. */
	if (bpf_map_update_elem(&sites, key, &site_zero, BPF_NOEXIST)) {
		site = bpf_map_lookup_elem(&sites, key);
		if (!site)
			loss_count(MT_LOSS_SITES);
		return site;
	}
	site = bpf_map_lookup_elem(&sites, key);
	if (site)
		site->first_ns = now_ns;
	return site;
}

static __always_inline void site_set_file(struct mt_site *site, const struct op_context *context)
{
	if (!(site->flags & MT_SITE_HAS_FILE)) {
		__builtin_memcpy(&site->file, &context->file, sizeof(site->file));
		site->fd = context->op == MT_OP_MMAP ? context->args[4] : -1;
		site->flags |= MT_SITE_HAS_FILE;
	} else if (site->file.inode != context->file.inode || site->file.dev != context->file.dev) {
		site->flags |= MT_SITE_MANY_FILES;
	}
}

/* The entry's maker learns that it is gone, or, cut: that a part of it is left. */
static __noinline void maker_tell(__u64 mm, const struct mt_map *map, __u64 cut)
{
	struct mt_site_key key = {.mm = mm, .stack = map->stack, .tgid = map->tgid, .op = map->op};
	struct mt_site *site = bpf_map_lookup_elem(&sites, &key);

	if (!site)
		return;
	if (cut) {
		__sync_fetch_and_add(&site->cut, 1);
		__sync_fetch_and_add(&site->bytes, -cut);
		site->map_len = map->len;
		site->cut_len = cut;
		return;
	}
	__sync_fetch_and_add(&site->live, -1);
	__sync_fetch_and_add(&site->unmapped, 1);
	__sync_fetch_and_add(&site->bytes, -map->len);
}

/* Some of these are inlined, for a program may be 8 calls deep and no deeper (MAX_CALL_FRAMES). */
static __always_inline void ledger_drop(const struct mt_map_key *key, struct mt_map *map)
{
	struct mt_map copy = *map;

	if (bpf_map_delete_elem(&ledger, key))
		return; /* another was quicker, and has told it */
	__sync_fetch_and_add(&ledger_used, -1);
	maker_tell(key->mm, &copy, 0);
}

/*
 * Enters a map. Two cannot begin at one address: the later one stays, and the other
 * begins where that ends, if it is longer. There again may be one.
 */
#define LEDGER_TRIES 8
static __noinline void ledger_add(const struct mt_map_key *where, const struct mt_map *what)
{
	struct mt_map_key key = *where;
	struct mt_map map = *what, held;

	if (key.addr & MT_MAP_SPLIT)
		ledger_has_splits = true;
	for (int i = 0; i < LEDGER_TRIES; i++) {
		struct mt_map *old;

		if (!bpf_map_update_elem(&ledger, &key, &map, BPF_NOEXIST)) { /* nearly always */
			__sync_fetch_and_add(&ledger_used, 1);
			return;
		}
		old = bpf_map_lookup_elem(&ledger, &key);
		if (!old) {
			loss_count(MT_LOSS_LEDGER);
			return;
		}
		held = *old;
		if (held.ts_ns <= map.ts_ns) { /* mapped over, or unmapped by a call that began elsewhere */
			*old = map;
			map = held;
			held = *old;
		}
		if (!held.len)
			held.len = cfg_page_size; /* not known: that much at least */
		if (map.len <= held.len)
			break;
		key.addr += held.len;
		map.len -= held.len;
	}
	maker_tell(key.mm, &map, 0);
}

/* len bytes from key on are unmapped: of an entry that begins there, the rest is left. */
static __always_inline void ledger_cut(struct mt_map_key *key, __u64 len, __u64 before_ns)
{
	struct mt_map *map = bpf_map_lookup_elem(&ledger, key), rest;

	if (!map || map->ts_ns >= before_ns)
		return;
	if (!map->len || map->len <= len) {
		ledger_drop(key, map);
		return;
	}
	maker_tell(key->mm, map, len);
	rest = *map;
	rest.len -= len;
	if (!bpf_map_delete_elem(&ledger, key))
		__sync_fetch_and_add(&ledger_used, -1);
	key->addr += len;
	ledger_add(key, &rest);
}

/* addr to addr + len is unmapped; by a call that began at before_ns: who has mapped there since is another's. */
static __noinline void ledger_unmap(__u64 mm, __u64 addr, __u64 len, __u64 before_ns)
{
	struct mt_map_key key = {mm, addr | MT_MAP_SPLIT};

	if (!len)
		return;
	if (ledger_has_splits)
		ledger_cut(&key, len, before_ns);
	key.addr = addr;
	ledger_cut(&key, len, before_ns);
}

static __always_inline __u64 page_align(__u64 len)
{
	return (len + cfg_page_size - 1) & -(__u64)cfg_page_size;
}

static __always_inline bool op_maps(__u32 op)
{
	return op == MT_OP_MMAP || op == MT_OP_MREMAP || op == MT_OP_SHMAT || op == MT_OP_MAP_SHADOW_STACK ||
	       op == MT_OP_BRK || op == MT_OP_IO_SETUP;
}

static __always_inline bool op_unmaps(__u32 op)
{
	return op == MT_OP_MUNMAP || op == MT_OP_SHMDT || op == MT_OP_IO_DESTROY;
}

/* How an operation has ended, as far as that is known. */
struct op_outcome {
	__u64 mm, start_ns; /* whose it is */
	__u32 tgid;
	__u32 op;
	__u32 syscall;
	__u16 flags; /* enum mt_op_flags */
	__s64 ret;
	__s32 delta;
	__u32 map_count;
	__u64 now_ns;
	__u64 stack; /* key of `stacks` */
};

/* The ring of io_setup is mapped at the number that it has given the context; 0: not to be read. */
static __always_inline __u64 ring_address(const struct op_context *context)
{
	__u64 addr = 0;

	bpf_probe_read_user(&addr, task_is_compat(task_current()) ? sizeof(__u32) : sizeof(addr),
			    (void *)context->args[1]);
	return addr;
}

/* brk is told apart from what it grew by the start of the heap. Length 0: not known, or the call has no range. */
static __always_inline void outcome_range(const struct op_outcome *outcome, const struct op_context *context,
					  __u64 *ret_addr, __u64 *ret_len)
{
	struct mm_struct *mm = (struct mm_struct *)outcome->mm;

	switch (outcome->op) {
	case MT_OP_MMAP:
	case MT_OP_MAP_SHADOW_STACK:
		*ret_addr = outcome->ret;
		*ret_len = page_align(context->args[1]);
		return;
	case MT_OP_MREMAP:
		*ret_addr = outcome->ret;
		*ret_len = page_align(context->args[2]);
		return;
	case MT_OP_SHMAT:
		*ret_addr = outcome->ret;
		*ret_len = 0;
		return;
	case MT_OP_BRK:
		*ret_addr = page_align(BPF_CORE_READ(mm, start_brk));
		*ret_len = page_align(outcome->ret) - *ret_addr;
		return;
	case MT_OP_IO_SETUP:
		*ret_addr = ring_address(context);
		*ret_len = 0;
		return;
	case MT_OP_PROCESS_MADVISE: /* of several ranges, maybe of another process */
	case MT_OP_MLOCKALL:
	case MT_OP_MUNLOCKALL:
		*ret_addr = 0;
		*ret_len = 0;
		return;
	case MT_OP_PRCTL: /* PR_SET_VMA, what, address, length */
		*ret_addr = address_untagged(context->args[2]);
		*ret_len = page_align(context->args[3]);
		return;
	default:
		*ret_addr = address_untagged(context->args[0]);
		*ret_len = page_align(context->args[1]);
		return;
	}
}

/* Enters an operation. Returns the bytes of the map that it has made, so that its site has one more; -1: none. */
static __always_inline __s64 ledger_enter(const struct op_outcome *outcome, const struct op_context *context)
{
	struct mt_map map = {
		.ts_ns = outcome->now_ns, .stack = outcome->stack, .op = outcome->op, .tgid = outcome->tgid};
	struct mt_map_key key = {.mm = outcome->mm};
	struct mt_map *old;

	outcome_range(outcome, context, &key.addr, &map.len);
	if (op_unmaps(outcome->op)) {
		ledger_unmap(outcome->mm, key.addr, outcome->op == MT_OP_MUNMAP ? map.len : ~0ULL, context->enter_ns);
		return -1;
	}
	if (outcome->op == MT_OP_MREMAP) {
		__u64 from = address_untagged(context->args[0]), from_len = page_align(context->args[1]);

		if (outcome->ret == from) {
			/* It has grown or shrunk where it is. Its end may be of another call than its beginning. */
			old = bpf_map_lookup_elem(&ledger, &key);
			if (old &&
			    (map.len > from_len ? old->len == from_len : old->len > map.len && old->len <= from_len))
				old->len = map.len;
			if ((old && old->len >= map.len) || map.len <= from_len)
				return -1;
			key.addr += from_len;
			map.len -= from_len;
			goto add;
		}
		if (!(context->args[3] & MREMAP_DONTUNMAP))
			ledger_unmap(outcome->mm, from, from_len, context->enter_ns);
	} else if (outcome->op == MT_OP_BRK) {
		if (outcome->delta <= 0)
			return -1;
	} else if (!op_maps(outcome->op)) {
		if (!map.len)
			return -1;
		key.addr |= MT_MAP_SPLIT;
		if (outcome->delta < 0) {
			old = bpf_map_lookup_elem(&ledger, &key);
			if (old)
				ledger_drop(&key, old); /* it has merged with its neighbours again */
		}
		if (outcome->delta <= 0)
			return -1;
	}
	if (!key.addr)
		return -1;
add:
	ledger_add(&key, &map);
	return map.len;
}

/* Credits an operation of the current task to its site. NULL: no room for one (counted). */
static __noinline struct mt_site *site_credit(const struct op_outcome *outcome)
{
	struct mt_site_key key = {.mm = outcome->mm, .stack = outcome->stack, .tgid = outcome->tgid, .op = outcome->op};
	struct mt_site *site = bpf_map_lookup_elem(&sites, &key);

	if (!site)
		site = site_open(&key, outcome->now_ns);
	if (!site)
		return NULL;
	site->last_ns = outcome->now_ns;
	__sync_fetch_and_add(&site->delta, outcome->delta);
	return site;
}

/* The same of one whose arguments and success are known: enters into the ledger what it did. */
static __noinline void site_book(const struct op_outcome *outcome, const struct op_context *context)
{
	struct mt_site *site;
	__s64 len;

	if (!outcome->delta && op_unmaps(outcome->op)) {
		ledger_enter(outcome, context); /* what it took away others had made, and yet there are as many */
		return;
	}
	site = site_credit(outcome);
	if (!site)
		return;
	if (!site->calls) {
		site->args[0] = context->args[2];
		site->args[1] = context->args[3];
	}
	__sync_fetch_and_add(&site->calls, 1);
	if (context->has_file)
		site_set_file(site, context);
	len = ledger_enter(outcome, context);
	if (len < 0)
		return;
	__sync_fetch_and_add(&site->live, 1);
	__sync_fetch_and_add(&site->bytes, len);
}

#endif /* SITE_BPF_H */
