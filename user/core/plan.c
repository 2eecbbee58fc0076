/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *purpose, *advice;
} feature_facts[FEATURES] = {
	[FEATURE_BTF] = {"btf", "kernel types for CO-RE",
			 "use a kernel built with CONFIG_DEBUG_INFO_BTF=y (/sys/kernel/btf/vmlinux is missing)"},
	[FEATURE_RINGBUF] = {"ringbuf", "events to user space", "needs Linux 5.8 or newer"},
	[FEATURE_WITNESS] = {"witness", "map count under the lock (mmap_lock_released: mm, write)",
			     "Linux 6.16 or newer has this form; older ones have witness_memcg"},
	[FEATURE_WITNESS_MEMCG] = {"witness_memcg", "the same (mmap_lock_released: mm, memcg path, write)",
				   "Linux 5.15 to 6.15 has this form; newer ones have witness"},
	[FEATURE_LIFE] = {"life", "fork, exec and exit of every process", "needs BTF tracepoints (Linux 5.8 or newer)"},
	[FEATURE_EXIT_MMAP] = {"exit_mmap", "exact end of an address space",
			       "Linux 6.1 or newer; without it a process ends with its last thread"},
	[FEATURE_EXIT_MMAP_FENTRY] =
		{"exit_mmap_fentry", "the same before the tracepoint",
		 "fentry needs a BPF JIT and CONFIG_FUNCTION_TRACER; exit_mmap_kprobe does as well"},
	[FEATURE_EXIT_MMAP_KPROBE] = {"exit_mmap_kprobe", "the same before the tracepoint",
				      "needs CONFIG_KPROBES=y and CONFIG_KPROBE_EVENTS=y"},
	[FEATURE_RENAME] = {"rename", "process names kept up to date", "without it a name is the one at exec"},
	[FEATURE_ITER] = {"iter", "processes that lived before", "needs Linux 5.8 or newer"},
	[FEATURE_SYSCALLS] = {"syscalls", "calls, results and failures (syscalls:sys_enter_mmap ...)",
			      "needs tracefs (mount -t tracefs tracefs /sys/kernel/tracing) and "
			      "CONFIG_FTRACE_SYSCALLS=y"},
	[FEATURE_FENTRY] = {"fentry", "calls, results and failures at no cost to other system calls",
			    "needs a BPF JIT and CONFIG_FUNCTION_TRACER (arm64: Linux 6.4 or newer); some kernels "
			    "refuse it"},
	[FEATURE_KPROBE] = {"kprobe", "calls, results and failures, 32-bit ones included; do_mmap",
			    "needs CONFIG_KPROBES=y and CONFIG_KPROBE_EVENTS=y"},
	[FEATURE_CORE_FENTRY] = {"core_fentry", "do_mmap and the munmap core: what no syscall event tells",
				 "Linux 6.6 or newer (arm64: 6.17); kprobe does as well"},
	[FEATURE_COMMIT_FENTRY] = {"commit_fentry", "refusals by overcommit (__vm_enough_memory)",
				   "Linux 5.17 or newer with fentry; commit_kprobe does as well"},
	[FEATURE_COMMIT_KPROBE] = {"commit_kprobe", "refusals by overcommit (__vm_enough_memory)",
				   "needs CONFIG_KPROBES=y; without either, overcommit cannot be told for sure"},
	[FEATURE_GAP] = {"gap", "refusals for want of address space (vm_unmapped_area)",
			 "without it, they cannot be told for sure"},
	[FEATURE_FIND_VMA] = {"find_vma", "the file that munmap, mprotect ... act on",
			      "needs Linux 5.17 or newer; without it only mmap's files are named"},
	[FEATURE_SEND_SIGNAL] = {"send_signal", "--stop-at", "needs Linux 5.3 or newer"},
};

const char *feature_name(enum feature feature)
{
	return feature_facts[feature].name;
}

const char *feature_purpose(enum feature feature)
{
	return feature_facts[feature].purpose;
}

static bool is_denied(const struct features *features, enum feature feature)
{
	return features->error[feature] == EPERM || features->error[feature] == EACCES;
}

/* Trampolines are what some kernels refuse to everyone: who may attach to tracepoints does not lack a privilege. */
static bool lacks_privilege(const struct features *features, enum feature feature)
{
	bool trampoline = feature == FEATURE_FENTRY || feature == FEATURE_CORE_FENTRY ||
			  feature == FEATURE_COMMIT_FENTRY || feature == FEATURE_EXIT_MMAP_FENTRY;

	if (is_denied(features, feature) && is_denied(features, FEATURE_LIFE))
		return true;
	return features->error[feature] == EPERM && !trampoline;
}

const char *feature_advice(const struct features *features, enum feature feature)
{
	if (lacks_privilege(features, feature))
		return "run as root, or with CAP_BPF and CAP_PERFMON (and CAP_SYS_RESOURCE before Linux 5.11)";
	/* Events are asked for by numbers that stand in files for root to read. */
	if (features->error[feature] == EACCES)
		return "tracefs may not be read: run as root, or with CAP_DAC_READ_SEARCH as well";
	return feature_facts[feature].advice;
}

bool feature_is_replaced(const struct features *features, enum feature feature)
{
	static const struct {
		enum feature missing, instead;
	} pairs[] = {
		{FEATURE_WITNESS, FEATURE_WITNESS_MEMCG},	{FEATURE_WITNESS_MEMCG, FEATURE_WITNESS},
		{FEATURE_EXIT_MMAP, FEATURE_EXIT_MMAP_FENTRY},	{FEATURE_EXIT_MMAP, FEATURE_EXIT_MMAP_KPROBE},
		{FEATURE_EXIT_MMAP_FENTRY, FEATURE_EXIT_MMAP},	{FEATURE_EXIT_MMAP_FENTRY, FEATURE_EXIT_MMAP_KPROBE},
		{FEATURE_EXIT_MMAP_KPROBE, FEATURE_EXIT_MMAP},	{FEATURE_EXIT_MMAP_KPROBE, FEATURE_EXIT_MMAP_FENTRY},
		{FEATURE_COMMIT_FENTRY, FEATURE_COMMIT_KPROBE}, {FEATURE_COMMIT_KPROBE, FEATURE_COMMIT_FENTRY},
		{FEATURE_CORE_FENTRY, FEATURE_KPROBE},
	};

	for (unsigned int i = 0; features->error[feature] && i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		if (pairs[i].missing == feature && !features->error[pairs[i].instead])
			return true;
	}
	return false;
}

static const struct {
	const char *name;
	enum hook hook;
} hook_names[] = {
	{"witness", HOOK_WITNESS},
	{"syscalls", HOOK_SYSCALLS},
	{"fentry", HOOK_FENTRY},
	{"kprobe", HOOK_KPROBE},
};

int hooks_parse(const char *text, uint32_t *ret_hooks, const char **ret_bad)
{
	uint32_t hooks = 0;

	for (const char *at = text;; at++) {
		size_t len = strcspn(at, ","), i;

		for (i = 0; i < sizeof(hook_names) / sizeof(hook_names[0]); i++) {
			if (strlen(hook_names[i].name) == len && !strncmp(at, hook_names[i].name, len))
				break;
		}
		if (i == sizeof(hook_names) / sizeof(hook_names[0])) {
			*ret_bad = at;
			return -EINVAL;
		}
		hooks |= hook_names[i].hook;
		at += len;
		if (!*at)
			break;
	}
	*ret_hooks = hooks;
	return 0;
}

static bool has(const struct features *features, enum feature feature)
{
	return features->error[feature] == 0;
}

static int plan_refuse(struct plan *plan, const struct features *features, enum feature feature)
{
	const char *advice = feature_advice(features, feature);

	if (lacks_privilege(features, feature))
		snprintf(plan->why_not, sizeof(plan->why_not), "not permitted to trace (%s): %s", feature_name(feature),
			 advice);
	else
		snprintf(plan->why_not, sizeof(plan->why_not), "%s (%s) is not to be had%s: %s", feature_name(feature),
			 feature_purpose(feature), features->error[feature] == EPERM ? ", the kernel refuses it" : "",
			 advice);
	return -ENOTSUP;
}

bool plan_has_witness(const struct plan *plan)
{
	return plan->witness || plan->witness_memcg;
}

/* Of two that do the same the first that works. */
static enum road road_of(const struct features *features, enum feature fentry, enum feature kprobe)
{
	return has(features, fentry) ? ROAD_FENTRY : has(features, kprobe) ? ROAD_KPROBE : ROAD_NONE;
}

/*
 * The roads to calls, best first: fentry costs other system calls nothing and is
 * never skipped; a syscall tracepoint slows every call of the machine, and is
 * skipped while a bpf() call is preempted on that CPU (trace_call_bpf); kprobes
 * are the dearest for the call itself.
 */
static const struct {
	enum hook hook;
	enum road road;
	enum feature feature;
} call_roads[] = {
	{HOOK_FENTRY, ROAD_FENTRY, FEATURE_FENTRY},
	{HOOK_SYSCALLS, ROAD_TRACEPOINT, FEATURE_SYSCALLS},
	{HOOK_KPROBE, ROAD_KPROBE, FEATURE_KPROBE},
};
#define CALL_ROADS (sizeof(call_roads) / sizeof(call_roads[0]))

static void calls_choose(const struct features *features, struct plan *plan)
{
	for (unsigned int i = 0; i < CALL_ROADS && !plan->calls; i++) {
		if (has(features, call_roads[i].feature))
			plan->calls = call_roads[i].road;
	}
}

/* Asked for by name, it has to be there. With two names the tracepoints are for the calls, the other for the core. */
static int calls_force(const struct features *features, uint32_t hooks, struct plan *plan, struct plan *ret_refused)
{
	for (unsigned int i = 0; i < CALL_ROADS; i++) {
		if (!(hooks & call_roads[i].hook))
			continue;
		if (!has(features, call_roads[i].feature))
			return plan_refuse(ret_refused, features, call_roads[i].feature);
		if (!plan->calls || call_roads[i].hook == HOOK_SYSCALLS)
			plan->calls = call_roads[i].road;
	}
	return 0;
}

/* do_mmap sees what the road to the calls does not; it is not forced where its own road was forced away. */
static enum road core_road(const struct features *features, uint32_t hooks)
{
	enum road best = road_of(features, FEATURE_CORE_FENTRY, FEATURE_KPROBE);

	if (!hooks || (hooks & HOOK_FENTRY))
		return best;
	return (hooks & HOOK_KPROBE) ? ROAD_KPROBE : ROAD_NONE;
}

static int plan_calls(const struct features *features, const struct plan_want *want, struct plan *plan,
		      struct plan *ret_refused)
{
	uint32_t forced = want->hooks & ~(uint32_t)HOOK_WITNESS;
	int error = calls_force(features, forced, plan, ret_refused);

	if (error)
		return error;
	/* Without a witness, the calls' exits are what map counts are read at. */
	if (!want->hooks && (want->operations || !plan_has_witness(plan)))
		calls_choose(features, plan);
	if (!plan->calls)
		return plan_has_witness(plan) ? 0 : plan_refuse(ret_refused, features, FEATURE_WITNESS);
	plan->core = core_road(features, want->hooks);
	plan->find_vma = has(features, FEATURE_FIND_VMA);
	plan->gap = has(features, FEATURE_GAP);
	if (plan->core)
		plan->commit = road_of(features, FEATURE_COMMIT_FENTRY, FEATURE_COMMIT_KPROBE);
	return 0;
}

int plan_make(const struct features *features, const struct plan_want *want, struct plan *ret_plan)
{
	static const enum feature always[] = {FEATURE_BTF, FEATURE_RINGBUF, FEATURE_LIFE, FEATURE_ITER};
	bool wants_witness = !want->hooks || (want->hooks & HOOK_WITNESS);
	struct plan plan = {0};
	int error;

	*ret_plan = plan;
	for (unsigned int i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		if (!has(features, always[i]))
			return plan_refuse(ret_plan, features, always[i]);
	}
	if (want->stop && !has(features, FEATURE_SEND_SIGNAL))
		return plan_refuse(ret_plan, features, FEATURE_SEND_SIGNAL);
	plan.witness = wants_witness && has(features, FEATURE_WITNESS);
	plan.witness_memcg = wants_witness && !plan.witness && has(features, FEATURE_WITNESS_MEMCG);
	if ((want->hooks & HOOK_WITNESS) && !plan_has_witness(&plan))
		return plan_refuse(ret_plan, features, FEATURE_WITNESS);
	error = plan_calls(features, want, &plan, ret_plan);
	if (error)
		return error;
	plan.exit_mmap = has(features, FEATURE_EXIT_MMAP)
				 ? ROAD_TRACEPOINT
				 : road_of(features, FEATURE_EXIT_MMAP_FENTRY, FEATURE_EXIT_MMAP_KPROBE);
	plan.rename = has(features, FEATURE_RENAME);
	*ret_plan = plan;
	return 0;
}

static const char *road_name(enum road road, const char *tracepoint, const char *fentry, const char *kprobe)
{
	const char *const names[] = {
		[ROAD_NONE] = NULL, [ROAD_TRACEPOINT] = tracepoint, [ROAD_FENTRY] = fentry, [ROAD_KPROBE] = kprobe};

	return names[road];
}

const char *plan_text(const struct plan *plan, char *buf, unsigned long size)
{
	const char *const words[] = {
		plan->witness	      ? "witness"
		: plan->witness_memcg ? "witness_memcg"
				      : NULL,
		road_name(plan->calls, "syscalls", "fentry", "kprobe"),
		road_name(plan->core, NULL, "core_fentry", "core_kprobe"),
		plan->gap ? "gap" : NULL,
		road_name(plan->commit, NULL, "commit_fentry", "commit_kprobe"),
		"life",
		road_name(plan->exit_mmap, "exit_mmap", "exit_mmap_fentry", "exit_mmap_kprobe"),
		plan->rename ? "rename" : NULL,
		plan->find_vma ? "find_vma" : NULL,
		"iter",
		plan_has_witness(plan) ? NULL : "sweep",
	};
	unsigned long len = 0;

	buf[0] = '\0';
	for (unsigned int i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (words[i] && len < size)
			len += (unsigned long)snprintf(buf + len, size - len, "%s%s", len ? " " : "", words[i]);
	}
	return buf;
}
