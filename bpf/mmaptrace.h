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
	X(FILES, "files not identified")                                                                               \
	X(STACKS, "call stacks: table of stacks full")                                                                 \
	X(WALKS, "call stacks: disturbed by another task on the same processor")                                       \
	X(STACK_RECORDS, "call stacks told late: ring buffer full")                                                    \
	X(SITES, "operations without their call site: table of sites full")                                            \
	X(LEDGER, "maps without their call site: ledger full")

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
	__u32 swept;	    /* the walk that has found a change, and left it to the call that may be at it; 0: none */
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
	MT_TYPE_OP = 1,	   /* struct mt_op_record, with or without its file */
	MT_TYPE_FORK = 2,  /* struct mt_life_record: a target's child lives */
	MT_TYPE_EXEC = 3,  /* struct mt_life_record */
	MT_TYPE_EXIT = 4,  /* struct mt_life_record: an address space has ended */
	MT_TYPE_STEP = 5,  /* struct mt_alarm_record: a step crossed the first time */
	MT_TYPE_FAIL = 6,  /* struct mt_alarm_record: ENOMEM or EAGAIN */
	MT_TYPE_STACK = 7, /* struct mt_stack_record: a call stack seen for the first time */
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
	__u64 stack;	     /* key of `stacks`; 0: not taken, or not known */
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
enum mt_seed_pass { MT_SEED_TARGETS, MT_SEED_SHARERS, MT_SEED_OWNERS, MT_SEED_REST, MT_SEED_SWEEP, MT_SEED_CATCH_UP };

/* What is known of a refusal beyond the figures. */
enum mt_fact {
	MT_FACT_ENTRY = 1 << 0,	    /* the figures are those at the operation's beginning, under the lock */
	MT_FACT_NO_GAP = 1 << 1,    /* the kernel found no gap in the address space (vm_unmapped_area) */
	MT_FACT_NO_COMMIT = 1 << 2, /* overcommit refused (__vm_enough_memory) */
	MT_FACT_ABOVE = 1 << 3,	    /* more maps than allowed, as the lock was released with nothing done (witness) */
	MT_FACT_ALONE = 1 << 4,	    /* nobody else uses the address space: the figures are those of the refusal */
	MT_FACT_IPC_LOCK = 1 << 5,  /* CAP_IPC_LOCK: RLIMIT_MEMLOCK does not hold */
	MT_FACT_ADMIN = 1 << 6,	    /* CAP_SYS_ADMIN: may use what vm.admin_reserve_kbytes holds back */
	MT_FACT_STACK = 1 << 7,	    /* the same thread has just mapped a stack (MAP_STACK) that this is a part of */
	MT_FACT_PEEKED = 1 << 8,    /* what was mapped at the address when the call began is known */
};

/* The map at the first argument of a call when it began; all 0: there was none. */
struct mt_peek {
	__u64 start, end;
	__u64 flags; /* vm_flags: read 1, write 2, execute 4, shared 8, ... */
};

enum mt_verdict {
	MT_WALK_NONE,  /* not walked: somebody has the lock, the kernel is too old, or the limit is far */
	MT_WALK_WHOLE, /* all of it is mapped */
	MT_WALK_HOLE,  /* not all */
	MT_WALK_LONG,  /* there are more maps in it than were looked at; no hole so far */
};

/* What a refused call has left in its range, before its caller went on. Both maps may reach beyond it. */
struct mt_walk {
	struct mt_peek first, last; /* all 0: none; last: before the hole, or for madvise at the end */
	__u64 mapped_to;	    /* address of the hole; else of the end of the last map looked at */
	__u64 new_data;		    /* bytes of the first map that is private and not writable */
	__u32 verdict;		    /* enum mt_verdict */
	__u32 pad;
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
	__u64 stack;		  /* FAIL; key of `stacks`, 0: not known */
	__u64 rlimit_data_max;	  /* bytes: what holds while rlimit_data is 0 */
	__u64 brk, start_brk;	  /* the break, addresses */
	__u64 data_segment_bytes; /* of the program: RLIMIT_DATA counts it with the break */
	struct mt_peek map;	  /* valid with MT_FACT_PEEKED */
	struct mt_walk walk;	  /* FAIL */
	__u64 entry_len;	  /* what do_mmap was asked for; 0: not seen */
	struct mt_file file;
	struct mt_process process;
};

/* Frames of a stack at most (perf: 127). A power of two, so that an index is held by a mask. */
#define MT_STACK_FRAMES_MAX 128

/* Where a walk up the stack has ended, and why. */
enum mt_stack_end {
	MT_STACK_COMPLETE,    /* at the thread's or the process's beginning */
	MT_STACK_CUT_NO_RULE, /* no unwind information there, and no frame pointer that leads on */
	MT_STACK_CUT_UNREAD,  /* the stack could not be read: its page is not in memory, or the pointer is wrong */
	MT_STACK_CUT_DEPTH,   /* more than MT_STACK_FRAMES_MAX frames */
	MT_STACK_CUT_EARLY,   /* there, and the unwind information of its process was not read yet */
	MT_STACK_ENDS
};

/* Of which operations stacks are taken, and sites and ledger kept. */
enum mt_stacks {
	MT_STACKS_NONE,
	MT_STACKS_CHANGES, /* of those that made a map, changed the map count or were refused */
	MT_STACKS_ALL,
};

/* Value of `stacks`, by a hash of it: one call stack of one address space. */
struct mt_stack {
	__u64 mm;
	__u64 start_ns; /* of the process that was first seen there */
	__u32 tgid;
	__u16 count;
	__u16 end;			/* enum mt_stack_end */
	__u64 ips[MT_STACK_FRAMES_MAX]; /* innermost first; return addresses but for the first */
};

struct mt_stack_record {
	struct mt_head head;
	__u64 id; /* key of `stacks` */
	struct mt_stack stack;
};

/* Key of `sites`: an operation from one call stack. */
struct mt_site_key {
	__u64 mm;
	__u64 stack; /* key of `stacks`; 0: not known */
	__u32 tgid;
	__u32 op;
};

enum mt_site_flags {
	MT_SITE_HAS_FILE = 1 << 0,
	MT_SITE_MANY_FILES = 1 << 1, /* its calls had others too */
};

/* Value of `sites`: what has come of it. */
struct mt_site {
	__u64 calls;		 /* that succeeded */
	__s64 delta;		 /* maps credited */
	__s64 live;		 /* entries of the ledger it made that are still there */
	__s64 bytes;		 /* of those */
	__u64 unmapped;		 /* those that are not */
	__u64 cut;		 /* of them, a munmap shorter than they were has left a part */
	__u64 map_len, cut_len;	 /* bytes: the last map so cut, and that munmap */
	__u64 first_ns, last_ns; /* boot clock, of the first and the last call */
	__u32 flags;		 /* enum mt_site_flags */
	__u32 fd;		 /* of the first mmap; -1: none */
	__u32 args[2];		 /* third and fourth argument of the first call: prot and flags, advice ... */
	struct mt_file file;	 /* of the first call that had one */
};

/*
 * Key of `ledger`: where a call has made a map, or has changed a piece of one so
 * that it stands apart. Both can begin at one address: the lowest bit tells the latter.
 */
struct mt_map_key {
	__u64 mm;
	__u64 addr;
};
#define MT_MAP_SPLIT 1ULL

/* Value of `ledger`. */
struct mt_map {
	__u64 len;   /* bytes; 0: not known (shmat) */
	__u64 ts_ns; /* boot clock */
	__u64 stack; /* with op, tgid and the key's mm: its site */
	__u32 op;
	__u32 tgid;
};

/* How to get from a frame to its caller's. CFA: canonical frame address (DWARF 5, 6.4). */
enum mt_unwind_rule {
	MT_UNWIND_NONE,	  /* not known: take the frame pointer's word for it */
	MT_UNWIND_END,	  /* there is no caller: _start, clone */
	MT_UNWIND_SP,	  /* CFA = stack pointer + cfa_offset */
	MT_UNWIND_FP,	  /* CFA = frame pointer + cfa_offset */
	MT_UNWIND_FP_MEM, /* CFA = *(frame pointer + cfa_offset): a realigned stack */
	MT_UNWIND_PLT,	  /* x86: CFA = stack pointer + 8, + 8 more from the 11th byte of a slot of 16 on */
	MT_UNWIND_SIGNAL, /* a signal handler's return: registers are in the signal frame at the stack pointer */
};

/* Rules from pc on, up to the next row's. */
struct mt_unwind_row {
	__u32 pc; /* in the module's ELF addresses */
	__s32 cfa_offset;
	__s16 fp_offset; /* where the caller's frame pointer was saved, from the CFA; 0: it is unchanged (FP_MEM: at the
			    frame pointer) */
	__s16 ra_offset; /* the return address, from the CFA; 0: in the link register (arm64) */
	__u8 rule;	 /* enum mt_unwind_rule */
	__u8 pad[3];
};

/* A range of a process's code, and where its rules are in `unwind_rows`. */
struct mt_unwind_range {
	__u64 start, end;
	__u64 bias; /* address less this: address in the module */
	__u32 first_row, rows;
};
#define MT_UNWIND_RANGES_MAX 256

/* Value of `unwind_spaces`: all the code of a process that has rules, ascending. */
struct mt_unwind_space {
	__u32 count;
	__u32 pad;
	struct mt_unwind_range ranges[MT_UNWIND_RANGES_MAX];
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
MT_ASSERT_SIZE(struct mt_op_record, 128 + 96);
MT_ASSERT_SIZE(struct mt_life_record, 24 + sizeof(struct mt_process));
MT_ASSERT_SIZE(struct mt_alarm_record, 144 + 64 + 72 + 96 + sizeof(struct mt_process));
MT_ASSERT_SIZE(struct mt_map_detail, 48);
MT_ASSERT_SIZE(struct mt_unwind_row, 16);
MT_ASSERT_SIZE(struct mt_unwind_range, 32);
MT_ASSERT_SIZE(struct mt_stack, 24 + 8 * MT_STACK_FRAMES_MAX);
MT_ASSERT_SIZE(struct mt_stack_record, 24 + sizeof(struct mt_stack));
MT_ASSERT_SIZE(struct mt_site_key, 24);
MT_ASSERT_SIZE(struct mt_site, 96 + 96);
MT_ASSERT_SIZE(struct mt_map_key, 16);
MT_ASSERT_SIZE(struct mt_map, 32);

#endif /* MMAPTRACE_H */
