/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* From what the kernel offers and what is wanted to what gets attached. Pure. */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

enum feature {
	FEATURE_BTF,		  /* /sys/kernel/btf/vmlinux */
	FEATURE_RINGBUF,	  /* BPF ring buffer, 5.8 */
	FEATURE_WITNESS,	  /* tp_btf mmap_lock_released (mm, write), 6.16 */
	FEATURE_WITNESS_MEMCG,	  /* the same with a memcg path, 5.15 to 6.15 */
	FEATURE_LIFE,		  /* tp_btf sched_process_{fork,exec,exit} */
	FEATURE_EXIT_MMAP,	  /* tp_btf exit_mmap, 6.1 */
	FEATURE_EXIT_MMAP_FENTRY, /* the function itself, before that */
	FEATURE_EXIT_MMAP_KPROBE,
	FEATURE_RENAME,	     /* tp_btf task_rename */
	FEATURE_ITER,	     /* iter/task, 5.8 */
	FEATURE_SYSCALLS,    /* tracefs and syscalls:sys_enter_mmap */
	FEATURE_FENTRY,	     /* fentry and fexit on the functions behind system calls */
	FEATURE_KPROBE,	     /* kprobe and kretprobe on the same, and on do_mmap */
	FEATURE_CORE_FENTRY, /* fentry and fexit on do_mmap, 6.6 on x86, 6.17 on arm64 */
	FEATURE_COMMIT_FENTRY,
	FEATURE_COMMIT_KPROBE, /* fexit, kretprobe on __vm_enough_memory */
	FEATURE_GAP,	       /* tp_btf vm_unmapped_area */
	FEATURE_FIND_VMA,      /* bpf_find_vma, 5.17 */
	FEATURE_SEND_SIGNAL,   /* bpf_send_signal, 5.3 */
	FEATURES,
};

/* errno with which each feature was refused; 0: it works. */
struct features {
	int error[FEATURES];
};

/* Names for --hooks; bits of plan_want.hooks. */
enum hook { HOOK_WITNESS = 1, HOOK_SYSCALLS = 2, HOOK_FENTRY = 4, HOOK_KPROBE = 8 };

struct plan_want {
	uint32_t hooks;	 /* enum hook, 0: choose */
	bool operations; /* results of calls are wanted, not map counts alone */
	bool stop;	 /* --stop-at */
};

/* By which kind of hook something is seen. */
enum road { ROAD_NONE, ROAD_TRACEPOINT, ROAD_FENTRY, ROAD_KPROBE };

struct plan {
	bool witness, witness_memcg; /* neither: calls' exits and a walk a second take its place */
	bool rename, find_vma, gap;
	enum road calls;     /* the 25 system calls, enter and exit */
	enum road core;	     /* do_mmap and the munmap core; no tracepoint */
	enum road commit;    /* __vm_enough_memory */
	enum road exit_mmap; /* the end of an address space */
	char why_not[256];   /* set when plan_make fails; one clause */
};

/* Static names: "witness", "syscalls", ... and what a person can do when it is missing. */
const char *feature_name(enum feature feature);
const char *feature_purpose(enum feature feature);
const char *feature_advice(const struct features *features, enum feature feature);
/* Missing, and of no use here: another feature that works does the same. */
bool feature_is_replaced(const struct features *features, enum feature feature);

/* "witness,syscalls" -> bits. -EINVAL: an unknown name; ret_bad points at it within text. */
int hooks_parse(const char *text, uint32_t *ret_hooks, const char **ret_bad);
/* 0, or -ENOTSUP with plan->why_not telling what is missing. */
int plan_make(const struct features *features, const struct plan_want *want, struct plan *ret_plan);
/* True if map counts are exact under the lock. */
bool plan_has_witness(const struct plan *plan);
#define PLAN_TEXT_LEN 160
/* "witness syscalls life exit_mmap rename iter" for the start line; at most PLAN_TEXT_LEN with its end. */
const char *plan_text(const struct plan *plan, char *buf, unsigned long size);

#endif
