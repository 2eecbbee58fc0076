/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "probe.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "bpf_log.h"
#include "cleanup.h"
#include "kernel_btf.h"
#include "log.h"
#include "parallel.h"
#include "probe.skel.h"
#include "syscalls.h"

#define TRACEFS_MAGIC_NUMBER 0x74726163
#define LICENSE		     "Dual BSD/GPL"
#define PROGRAM_NAME	     "mmaptrace_probe"
#define LOG_LEN		     65536 /* before 6.4 a log too long for its buffer hides the error */

int probe_mount_tracefs(void)
{
	struct statfs fs;

	if (!statfs(TRACEFS_PATH, &fs) && fs.f_type == TRACEFS_MAGIC_NUMBER)
		return 0;
	if (!access(TRACEFS_DEBUG_PATH "/events", F_OK))
		return 0;
	if (mount("tracefs", TRACEFS_PATH, "tracefs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL))
		return -errno;
	return 1;
}

/* An old kernel says EINVAL, a missing capability EPERM. */
static int probe_ringbuf(void)
{
	int fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, (__u32)sysconf(_SC_PAGESIZE), NULL);

	if (fd < 0)
		return -fd;
	close(fd);
	return 0;
}

/*
 * What has been attached, until all has been tried: letting go waits for RCU
 * grace periods, as does attaching a tracepoint soon after another was let go.
 */
struct held {
	struct bpf_link *links[FEATURES]; /* NULL: fds has it */
	int fds[FEATURES];
	unsigned int count;
};

static void let_go(void *arg, unsigned int i)
{
	struct held *held = arg;

	if (held->links[i])
		bpf_link__destroy(held->links[i]);
	else
		close(held->fds[i]);
}

/* ---- hooks found by the kernel's types: assembled here, as libbpf would read all types anew for each object ---- */

#define INSN(op, to, from, offset, value)                                                                              \
	{                                                                                                              \
		.code = (op), .dst_reg = (to), .src_reg = (from), .off = (offset), .imm = (value)                      \
	}
#define SET(to, value)		    INSN(BPF_ALU64 | BPF_MOV | BPF_K, to, 0, 0, value)
#define MOVE(to, from)		    INSN(BPF_ALU64 | BPF_MOV | BPF_X, to, from, 0, 0)
#define ADD(to, value)		    INSN(BPF_ALU64 | BPF_ADD | BPF_K, to, 0, 0, value)
#define LOAD(to, from, offset)	    INSN(BPF_LDX | BPF_MEM | BPF_DW, to, from, offset, 0)
#define STORE(to, offset, value)    INSN(BPF_ST | BPF_MEM | BPF_DW, to, 0, offset, value)
#define SKIP_UNLESS(reg, value, by) INSN(BPF_JMP | BPF_JNE | BPF_K, reg, 0, by, value)
#define CALL(helper)		    INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define RETURN_0		    SET(BPF_REG_0, 0), INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0) /* fentry and fexit must */

static const struct bpf_insn nothing[] = {RETURN_0};
/* The verifier knows how many arguments there are. */
static const struct bpf_insn first_arg[] = {LOAD(BPF_REG_2, BPF_REG_1, 0), RETURN_0};
static const struct bpf_insn second_arg[] = {LOAD(BPF_REG_2, BPF_REG_1, 8), RETURN_0};
static const struct bpf_insn third_arg[] = {LOAD(BPF_REG_2, BPF_REG_1, 16), RETURN_0};
static const struct bpf_insn result[] = {
	MOVE(BPF_REG_2, BPF_REG_10), ADD(BPF_REG_2, -8), STORE(BPF_REG_2, 0, 0), CALL(BPF_FUNC_get_func_ret), RETURN_0,
};
static const struct bpf_insn send_signal[] = {
	CALL(BPF_FUNC_get_current_pid_tgid),
	SKIP_UNLESS(BPF_REG_0, -1, 2), /* nobody's */
	SET(BPF_REG_1, 19),
	CALL(BPF_FUNC_send_signal),
	RETURN_0,
};

/* A program, and what it is tried on. */
struct trial {
	enum feature feature;
	enum bpf_attach_type hook;
	const char *target;
	int args_min, args_max; /* of a tracepoint: the verifier would take a program that names them wrongly */
	const struct bpf_insn *code;
	size_t len;
};

#define CODE(array) (array), sizeof(array) / sizeof(*(array))
#define ARGS_MAX    12 /* of any tracepoint */

static const struct trial trials[] = {
	{FEATURE_WITNESS, BPF_TRACE_RAW_TP, "mmap_lock_released", 2, 2, CODE(second_arg)},
	{FEATURE_WITNESS_MEMCG, BPF_TRACE_RAW_TP, "mmap_lock_released", 3, 3, CODE(third_arg)},
	{FEATURE_LIFE, BPF_TRACE_RAW_TP, "sched_process_fork", 2, ARGS_MAX, CODE(second_arg)},
	{FEATURE_EXIT_MMAP, BPF_TRACE_RAW_TP, "exit_mmap", 1, 1, CODE(first_arg)},
	{FEATURE_EXIT_MMAP_FENTRY, BPF_TRACE_FENTRY, "exit_mmap", 0, 0, CODE(nothing)},
	{FEATURE_RENAME, BPF_TRACE_RAW_TP, "task_rename", 2, ARGS_MAX, CODE(first_arg)},
	{FEATURE_ITER, BPF_TRACE_ITER, "bpf_iter_task", 0, 0, CODE(nothing)},
	{FEATURE_FENTRY, BPF_TRACE_FEXIT, SYSCALL_PREFIX "munmap", 0, 0, CODE(nothing)},
	{FEATURE_CORE_FENTRY, BPF_TRACE_FEXIT, "do_mmap", 0, 0, CODE(result)},
	{FEATURE_COMMIT_FENTRY, BPF_TRACE_FEXIT, "__vm_enough_memory", 0, 0, CODE(result)},
	{FEATURE_GAP, BPF_TRACE_RAW_TP, "vm_unmapped_area", 1, ARGS_MAX, CODE(first_arg)},
	{FEATURE_SEND_SIGNAL, BPF_TRACE_RAW_TP, "sched_process_exec", 1, ARGS_MAX, CODE(send_signal)},
};

/* The type that stands for the target; negative errno: this kernel has none, or with other arguments. */
static int trial_type(const struct trial *trial, const struct btf *btf)
{
	int type, args;

	if (trial->hook != BPF_TRACE_RAW_TP)
		return kernel_btf_function(btf, trial->target);
	type = kernel_btf_tracepoint(btf, trial->target, &args);
	if (type < 0)
		return type;
	return args < trial->args_min || args > trial->args_max ? -ENOENT : type;
}

/* A file descriptor, or negative errno after the verifier's reasons. */
static int trial_load(const struct trial *trial, int type)
{
	char log[LOG_LEN];
	struct bpf_prog_load_opts options = {
		.sz = sizeof(options),
		.expected_attach_type = trial->hook,
		.attach_btf_id = (__u32)type,
		.log_buf = log,
		.log_size = sizeof(log),
	};
	int program, error;

	log[0] = '\0';
	program = bpf_prog_load(BPF_PROG_TYPE_TRACING, PROGRAM_NAME, LICENSE, trial->code, trial->len, &options);
	if (program >= 0)
		return program;
	error = errno;
	log_debug("cannot load a program for %s: %s", trial->target, strerror(error));
	bpf_log_text(log);
	return -error;
}

/* Loads and attaches. Returns errno, 0 if it works. */
static int trial_run(const struct trial *trial, const struct btf *btf, struct held *held)
{
	int program _cleanup_close_ = -1;
	int type = trial_type(trial, btf), link, error;

	if (type < 0)
		return -type;
	program = trial_load(trial, type);
	if (program < 0)
		return -program;
	link = bpf_link_create(program, 0, trial->hook, NULL);
	if (link >= 0) {
		held->fds[held->count++] = link;
		return 0;
	}
	error = errno;
	log_debug("cannot attach to %s: %s", trial->target, strerror(error));
	return error;
}

/* ---- hooks found by name: libbpf knows how to attach to them on each kernel ---- */

static void probe_release(struct probe_bpf **probe)
{
	probe_bpf__destroy(*probe);
}

/* Opens the probe object and loads one program of it alone. Returns errno. */
static int probe_load(size_t program_offset, struct probe_bpf **ret_probe, struct bpf_program **ret_program)
{
	struct probe_bpf *probe _cleanup_(probe_release) = probe_bpf__open();
	struct bpf_program *program = NULL, *wanted;
	int error;

	if (!probe)
		return errno;
	wanted = *(struct bpf_program **)((char *)probe + program_offset);
	bpf_object__for_each_program(program, probe->obj) bpf_program__set_autoload(program, program == wanted);
	error = probe_bpf__load(probe);
	if (error)
		return -error;
	*ret_probe = TAKE_PTR(probe);
	*ret_program = wanted;
	return 0;
}

/* errno of an attach, 0 if it was made. It outlives its object. */
static int link_hold(struct held *held, struct bpf_link *link)
{
	if (!link)
		return errno;
	held->links[held->count++] = link;
	return 0;
}

#define PROGRAM(name) offsetof(struct probe_bpf, progs.name)

/* One program of its own kind and target. */
static int probe_program(size_t program_offset, struct held *held)
{
	struct probe_bpf *probe _cleanup_(probe_release) = NULL;
	struct bpf_program *program;
	int error = probe_load(program_offset, &probe, &program);

	return error ? error : link_hold(held, bpf_program__attach(program));
}

/* Where there are kretprobes there are kprobes. */
static void probe_kprobes(int *error, struct held *held)
{
	static const struct {
		enum feature feature;
		bool is_return;
		const char *function;
	} kprobes[] = {
		{FEATURE_EXIT_MMAP_KPROBE, false, "exit_mmap"},
		{FEATURE_KPROBE, true, "do_mmap"},
		{FEATURE_COMMIT_KPROBE, true, "__vm_enough_memory"},
	};
	struct probe_bpf *probe _cleanup_(probe_release) = NULL;
	struct bpf_program *program;
	int load_error = probe_load(PROGRAM(probe_kprobe), &probe, &program);

	for (size_t i = 0; i < sizeof(kprobes) / sizeof(kprobes[0]); i++)
		error[kprobes[i].feature] =
			load_error ? load_error
				   : link_hold(held, bpf_program__attach_kprobe(program, kprobes[i].is_return,
										kprobes[i].function));
}

void probe_features(struct features *ret_features)
{
	struct held held = {0};
	const struct btf *btf;
	int *error = ret_features->error;

	for (unsigned int i = 0; i < FEATURES; i++)
		error[i] = ENOENT;
	error[FEATURE_BTF] = -kernel_btf_get(&btf);
	if (error[FEATURE_BTF])
		return; /* nothing else can be found out without it */
	error[FEATURE_RINGBUF] = probe_ringbuf();
	for (size_t i = 0; i < sizeof(trials) / sizeof(trials[0]); i++)
		error[trials[i].feature] = trial_run(&trials[i], btf, &held);
	error[FEATURE_SYSCALLS] = probe_program(PROGRAM(probe_syscalls), &held);
	error[FEATURE_FIND_VMA] = probe_program(PROGRAM(probe_find_vma), &held);
	probe_kprobes(error, &held);
	parallel_each(held.count, let_go, &held);
}
