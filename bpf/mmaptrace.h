/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The contract between the kernel side (bpf/) and the user side (user/): map
 * values, ring buffer records, counters. Nothing else is shared. Widths are
 * fixed, padding is explicit, sizes are asserted; every record begins with
 * struct mt_head.
 */
#ifndef MMAPTRACE_H
#define MMAPTRACE_H

#ifndef __bpf__ /* there vmlinux.h has the types */
#include <linux/types.h>
#endif

#define MT_VERSION	 1
#define MT_COMM_LEN	 16
#define MT_FILE_NAME_LEN 64
#define MT_ARGS_MAX	 6
#define MT_NR_MAX	 1024 /* two tables of 512: native, then 32-bit compat */
#define MT_NR_COMPAT	 512

/*
 * Operations that can change a process's map count (KERNEL.md section 1), in
 * the order of their tallies. X(enumerator, name, number of arguments)
 */
#define MT_OPS(X)                                                                                                      \
	X(OTHER, "other", 0) /* no operation explains the change */                                                    \
	MT_CALLS(X)

/* Those that are system calls. */
#define MT_CALLS(X)                                                                                                    \
	X(MMAP, "mmap", 6)                                                                                             \
	X(MUNMAP, "munmap", 2)                                                                                         \
	X(MPROTECT, "mprotect", 3)                                                                                     \
	X(PKEY_MPROTECT, "pkey_mprotect", 4)                                                                           \
	X(MREMAP, "mremap", 5)                                                                                         \
	X(BRK, "brk", 1)                                                                                               \
	X(MADVISE, "madvise", 3)                                                                                       \
	X(PROCESS_MADVISE, "process_madvise", 5)                                                                       \
	X(MLOCK, "mlock", 2)                                                                                           \
	X(MLOCK2, "mlock2", 3)                                                                                         \
	X(MUNLOCK, "munlock", 2)                                                                                       \
	X(MLOCKALL, "mlockall", 1)                                                                                     \
	X(MUNLOCKALL, "munlockall", 0)                                                                                 \
	X(MBIND, "mbind", 6)                                                                                           \
	X(SET_MEMPOLICY_HOME_NODE, "set_mempolicy_home_node", 4)                                                       \
	X(MSEAL, "mseal", 3)                                                                                           \
	X(PRCTL, "prctl", 5)                                                                                           \
	X(SHMAT, "shmat", 3)                                                                                           \
	X(SHMDT, "shmdt", 1)                                                                                           \
	X(IO_SETUP, "io_setup", 2)                                                                                     \
	X(IO_DESTROY, "io_destroy", 1)                                                                                 \
	X(REMAP_FILE_PAGES, "remap_file_pages", 5)                                                                     \
	X(MAP_SHADOW_STACK, "map_shadow_stack", 3)                                                                     \
	X(EXECVE, "execve", 3)                                                                                         \
	X(EXECVEAT, "execveat", 5)

#define MT_OP_ENUM(id, name, nargs) MT_OP_##id,
enum mt_op { MT_OPS(MT_OP_ENUM) MT_OP_MAX };
#undef MT_OP_ENUM

/* Failures are counted by errno; what has no slot of its own is in the last. */
#define MT_ERRNOS(X)                                                                                                   \
	X(ENOMEM, 12)                                                                                                  \
	X(EAGAIN, 11)                                                                                                  \
	X(EINVAL, 22)                                                                                                  \
	X(EEXIST, 17)                                                                                                  \
	X(EACCES, 13)                                                                                                  \
	X(EPERM, 1)                                                                                                    \
	X(EBADF, 9)                                                                                                    \
	X(EFAULT, 14)                                                                                                  \
	X(ENODEV, 19)

#define MT_ERRNO_ENUM(id, number) MT_FAIL_##id,
enum mt_fail { MT_ERRNOS(MT_ERRNO_ENUM) MT_FAIL_REST, MT_FAIL_MAX };
#undef MT_ERRNO_ENUM

/* What can go missing; each is a per-CPU counter that user space shows. */
#define MT_LOSSES(X)                                                                                                   \
	X(OP_RECORDS, "op records: ring buffer full")                                                                  \
	X(ALARM_RECORDS, "alarm records: ring buffer full")                                                            \
	X(LIFE_RECORDS, "exec and fork records: ring buffer full")                                                     \
	X(PROCESSES, "changes not counted: process table full (--max-procs)")                                          \
	X(OWNERS, "process owners not kept: table full (--max-procs)")                                                 \
	X(CONTEXTS, "operations without arguments and results: no room for their thread (--max-procs)")                \
	X(EXITS, "operations whose end was not seen")                                                                  \
	X(TARGETS, "children not followed: table full (--max-procs)")                                                  \
	X(SIGNALS, "stop signals not sent")                                                                            \
	X(FILES, "files not identified")

#define MT_LOSS_ENUM(id, text) MT_LOSS_##id,
enum mt_loss { MT_LOSSES(MT_LOSS_ENUM) MT_LOSS_MAX };
#undef MT_LOSS_ENUM

/* One operation's share in a process's account. */
struct mt_tally {
	__u64 calls;  /* completed, failed ones included */
	__u64 failed; /* of these */
	__s64 delta;  /* maps credited to it */
};

enum mt_process_flags {
	MT_PROCESS_STOPPED = 1 << 0,	/* --stop-at has struck */
	MT_PROCESS_OWNER_DEAD = 1 << 1, /* tgid is gone, another still uses the mm */
	MT_PROCESS_TARGET = 1 << 2,	/* its operations are streamed, or were */
};

/*
 * Value of the map `processes`, keyed by mm: the account of one address space.
 * Always: baseline + opened - closed = map_count = baseline + sum of deltas.
 */
struct mt_process {
	__u64 mm;			       /* the key, so that a copy stands alone */
	__u64 start_ns;			       /* boot clock; the thread group leader's start */
	__u64 opened, closed;		       /* maps, sums of the rises and of the falls */
	__u64 first_change_ns, last_change_ns; /* boot clock, to a jiffy; 0 before the first */
	__u64 total_vm_pages, peak_vm_pages;   /* size of the address space at the last change, and its highest */
	__u32 tgid;			       /* owner: who brought the mm to life */
	__u32 flags;			       /* enum mt_process_flags */
	__u32 map_count;		       /* mm->map_count as last witnessed */
	__u32 baseline;			       /* map_count when watching began */
	__u32 high_water;		       /* highest map_count witnessed */
	__u32 next_step;		       /* map_count that raises the next alarm */
	__u32 step_limit;		       /* the limit next_step was made for */
	__u32 execs;			       /* number of execs witnessed */
	__s32 exec_delta;		       /* maps credited to the exec under way */
	__u32 tick;			       /* the reading before which it was last noted as changed */
	char comm[MT_COMM_LEN];		       /* the leader's; raw bytes */
	__u32 failed[MT_FAIL_MAX];
	__u32 swept;	    /* the last walk found a change, and left it to the call that may be at it */
	__u32 change_jiffy; /* low bits of the jiffy of last_change_ns */
	struct mt_tally tallies[MT_OP_MAX];
};

/* The file behind a mapping, as the kernel knows it without a path walk. */
struct mt_file {
	__u64 inode;
	__u32 dev; /* kernel encoding: major << 20 | minor */
	__u32 rdev;
	__u32 magic;		     /* of the superblock */
	__u32 nlink;		     /* 0: deleted, memfd, or never linked */
	__u32 mode;		     /* S_IFMT bits tell devices */
	__u32 fs_flags;		     /* MT_FILE_* */
	char name[MT_FILE_NAME_LEN]; /* last component, raw bytes, cut to fit */
};
#define MT_FILE_KERNEL_MOUNT 1 /* the superblock is SB_KERNMOUNT: memfd, anonymous shm */

/* Marks of those who might be targets, by the low bits of their tgid. */
#define MT_TARGET_MARKS 65536

/* Value of `targets`, keyed by tgid: processes whose operations are streamed. */
struct mt_target {
	__u32 flags;
};
#define MT_TARGET_FOLLOW  1 /* children become targets too */
#define MT_TARGET_PENDING 2 /* silent until its first exec (-- CMD) */

enum mt_type {
	MT_TYPE_OP = 1,	  /* struct mt_op_record, with or without its file */
	MT_TYPE_FORK = 2, /* struct mt_life_record: a target's child lives */
	MT_TYPE_EXEC = 3, /* struct mt_life_record */
	MT_TYPE_EXIT = 4, /* struct mt_life_record: an address space has ended */
	MT_TYPE_STEP = 5, /* struct mt_alarm_record: a step crossed the first time */
	MT_TYPE_FAIL = 6, /* struct mt_alarm_record: ENOMEM or EAGAIN */
};

struct mt_head {
	__u16 version;
	__u16 type;
	__u32 size;  /* of the whole record, bytes */
	__u64 ts_ns; /* CLOCK_BOOTTIME */
};

enum mt_op_flags {
	MT_OP_HAS_RESULT = 1 << 0, /* ret is known: the exit was seen */
	MT_OP_HAS_ENTER = 1 << 1,  /* args and duration are known */
	MT_OP_HAS_FILE = 1 << 2,   /* file follows */
	MT_OP_FAILED = 1 << 3,
	MT_OP_ANON = 1 << 4, /* the map it acts on has no file */
};

/* One operation, or one change that none explains. In ring `events`. */
struct mt_op_record {
	struct mt_head head;
	__u64 mm;
	__u64 start_ns; /* of the process */
	__u32 tgid, tid;
	__u64 args[MT_ARGS_MAX];
	__s64 ret;
	__u64 duration_ns;
	__u32 map_count; /* after it */
	__s32 delta;
	__u16 op;	     /* enum mt_op */
	__u16 flags;	     /* enum mt_op_flags */
	__u32 syscall;	     /* number, as in the syscall tables; for MT_OP_OTHER */
	struct mt_file file; /* absent unless MT_OP_HAS_FILE */
};

/* Birth, exec or end of a process. In ring `events`; EXIT in ring `alarms`. */
struct mt_life_record {
	struct mt_head head;
	__u32 parent; /* tgid; FORK only */
	__u32 pad;
	struct mt_process process; /* as it stood */
};

/*
 * The walks over all tasks. The table may be small: targets come first, then who
 * an mm was made for, then who shares it; where targets alone are followed, who
 * shares theirs is only marked. The sweep is what a witness would have seen.
 */
enum mt_seed_pass { MT_SEED_TARGETS, MT_SEED_SHARERS, MT_SEED_OWNERS, MT_SEED_REST, MT_SEED_SWEEP };

/* What is known of a refusal beyond the figures. */
enum mt_fact {
	MT_FACT_ENTRY = 1 << 0,	    /* the figures are those at the operation's beginning, under the lock */
	MT_FACT_NO_GAP = 1 << 1,    /* the kernel found no gap in the address space (vm_unmapped_area) */
	MT_FACT_NO_COMMIT = 1 << 2, /* overcommit refused (__vm_enough_memory) */
};

/* A step crossed or an operation refused. In ring `alarms`, read at once. */
struct mt_alarm_record {
	struct mt_head head;
	__u32 tid;
	__u16 op;
	__u16 flags; /* enum mt_op_flags: HAS_ENTER (args known), HAS_FILE */
	__u32 error; /* FAIL: positive errno */
	__u32 limit; /* the limit in force, maps */
	__u64 args[MT_ARGS_MAX];
	/* figures that tell the cause of a failure (KERNEL.md section 2), pages */
	__u64 total_vm_pages, data_vm_pages, locked_vm_pages;
	/* limits of the caller, bytes; all ones: none */
	__u64 rlimit_as, rlimit_data, rlimit_memlock;
	__u32 facts; /* enum mt_fact */
	__u32 entry_map_count;
	struct mt_file file;
	struct mt_process process;
};

/* One map, as the iterator of `inspect` writes it; in order of address. */
struct mt_map_detail {
	__u64 start, end;
	__u64 flags;		      /* vm_flags */
	__u64 anon_vma, policy, uffd; /* kernel addresses, to compare; 0: none */
};

#define MT_ASSERT_SIZE(type, bytes) _Static_assert(sizeof(type) == (bytes), #type ": size is part of the contract")
MT_ASSERT_SIZE(struct mt_tally, 24);
MT_ASSERT_SIZE(struct mt_process, 64 + 40 + 16 + 48 + 24 * MT_OP_MAX);
MT_ASSERT_SIZE(struct mt_file, 96);
MT_ASSERT_SIZE(struct mt_head, 16);
MT_ASSERT_SIZE(struct mt_op_record, 120 + 96);
MT_ASSERT_SIZE(struct mt_life_record, 24 + sizeof(struct mt_process));
MT_ASSERT_SIZE(struct mt_alarm_record, 136 + 96 + sizeof(struct mt_process));
MT_ASSERT_SIZE(struct mt_map_detail, 48);

#endif /* MMAPTRACE_H */
