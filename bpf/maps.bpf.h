/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * BPF maps, configuration and loss counters. Sizes given here are placeholders
 * for those that user space sets before loading.
 */
#ifndef MAPS_BPF_H
#define MAPS_BPF_H

#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include "mmaptrace.h"

/* The truth: mm -> account. Preallocated, as tracing programs require. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u64);
	__type(value, struct mt_process);
} processes SEC(".maps");

/* tgid -> mm it uses; tells an exec from a birth and finds shared mms. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} owners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, struct mt_target);
} targets SEC(".maps");

/* A set of mms: whose accounts have changed since user space last asked. It is read in one call and emptied. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, __u64);
	__type(value, __u8);
} changed SEC(".maps");

/* mms being booked at this moment by one who does not hold their lock. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, __u8);
} bookings SEC(".maps");

/* By tid: what the kernel found wanting in the call under way, until its refusal is told. */
struct op_want {
	__s32 nr;    /* the call it was */
	__u32 facts; /* enum mt_fact */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct op_want);
} wants SEC(".maps");

/* By tid: the range of the call that has just been refused, until it is told. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct mt_walk);
} walks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

/* Apart from `events`, so that a flood of operations can't drown an alarm. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} alarms SEC(".maps");
#define ALARMS_WAKE_BYTES (1 << 18)

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, MT_LOSS_MAX);
	__type(key, __u32);
	__type(value, __u64);
} losses SEC(".maps");

/* Set before loading. */
const volatile __u8 cfg_op_of_nr[MT_NR_MAX];	/* syscall number -> enum mt_op */
const volatile bool cfg_witness = true;		/* the witness is attached */
const volatile bool cfg_targets;		/* operations are streamed: only targets are looked at */
const volatile __u8 cfg_stacks;			/* enum mt_stacks */
const volatile bool cfg_calls;			/* every native call's exit is hooked */
const volatile bool cfg_compat_calls;		/* and every 32-bit call's */
const volatile bool cfg_core;			/* do_mmap and the munmap core are hooked */
const volatile __u8 cfg_munmap_arg = 2;		/* which argument of the munmap core is the address, from 0 */
const volatile bool cfg_munmap_unlocks;		/* the munmap core lets go of the lock before it returns */
const volatile bool cfg_stop_all;		/* --stop-at holds for every process */
const volatile char cfg_stop_comm[MT_COMM_LEN]; /* --stop-at: part of the name, empty for any */
const volatile __u32 cfg_page_size = 4096;
const volatile __u32 cfg_self;		       /* tgid of mmaptrace */
const volatile bool cfg_exit_mmap;	       /* mmap:exit_mmap is attached */
const volatile __u32 cfg_context_mask;	       /* entries of `contexts` less 1 */
const volatile __u32 cfg_wake_bytes = 1 << 20; /* wake the reader at this fill */

/* Changed while running. */
volatile __u32 limit_maps = 65530;  /* vm.max_map_count or --limit */
volatile __u32 sysctl_maps = 65530; /* vm.max_map_count: where the kernel itself refuses */
volatile __u32 wants_left = 0;	    /* entries ever made in `wants`: nearly always none */
volatile __u32 stop_at_maps = 0;    /* SIGSTOP at this map count; 0: never */
volatile bool finished = false;	    /* accounts stand still, no operation is begun */
volatile __u32 seed_pass = 0;	    /* enum mt_seed_pass */
volatile __u64 last_sweep_ns = 0;   /* boot clock: when the walk before this one began */

volatile __u32 tick = 0;	 /* counts the readings of `changed`; 0: nobody reads it */
volatile __u32 notes_missed = 0; /* changes that found no room in `changed`: all accounts are to be read */

volatile __u32 reader_woken = 0; /* a wake-up is on its way: the reader of `events` takes it down */

/* Where an account waits while its slot changes hands. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct mt_process);
} scratch SEC(".maps");

static __always_inline void loss_count(__u32 what)
{
	__u64 *count = bpf_map_lookup_elem(&losses, &what);

	if (count)
		*count += 1;
}

/*
 * Most records wait for the timer; a ring that fills wakes its reader. Once: the
 * reader takes the flag down before it drains. (A wake-up for each record, sent
 * while the reader is behind, costs seven times the record.)
 */
static __always_inline __u64 wake_flags(void)
{
	if (reader_woken || bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA) < cfg_wake_bytes)
		return BPF_RB_NO_WAKEUP;
	reader_woken = 1;
	return BPF_RB_FORCE_WAKEUP;
}

/*
 * Might this be a target, or one who shares a target's mm? A mark for each pid, shared
 * by those that agree in their low 16 bits, spares the lookups for nearly everyone
 * else. Never taken down. A byte, not a bit: two who mark at once can't lose one.
 */
volatile __u8 target_marks[MT_TARGET_MARKS];

static __always_inline bool target_maybe(__u32 tgid)
{
	return target_marks[tgid % MT_TARGET_MARKS];
}

static __always_inline void target_mark(__u32 tgid)
{
	target_marks[tgid % MT_TARGET_MARKS] = 1;
}

static __always_inline void head_fill(struct mt_head *head, __u16 type, __u32 size, __u64 now_ns)
{
	head->version = MT_VERSION;
	head->type = type;
	head->size = size;
	head->ts_ns = now_ns;
}

#endif /* MAPS_BPF_H */
