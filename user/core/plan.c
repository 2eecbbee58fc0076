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
	[FEATURE_RENAME] = {"rename", "process names kept up to date", "without it a name is the one at exec"},
	[FEATURE_ITER] = {"iter", "processes that lived before", "needs Linux 5.8 or newer"},
	[FEATURE_SYSCALLS] = {"syscalls", "calls, results and failures (syscalls:sys_enter_mmap ...)",
			      "needs tracefs (mount -t tracefs tracefs /sys/kernel/tracing) and "
			      "CONFIG_FTRACE_SYSCALLS=y"},
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

const char *feature_advice(enum feature feature, int error)
{
	if (error == EPERM || error == EACCES)
		return "run as root, or with CAP_BPF and CAP_PERFMON (and CAP_SYS_RESOURCE before Linux 5.11)";
	return feature_facts[feature].advice;
}

static const struct {
	const char *name;
	enum hook hook;
} hook_names[] = {{"witness", HOOK_WITNESS}, {"syscalls", HOOK_SYSCALLS}};

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
	int error = features->error[feature];

	if (error == EPERM || error == EACCES)
		snprintf(plan->why_not, sizeof(plan->why_not), "not permitted to trace (%s): %s", feature_name(feature),
			 feature_advice(feature, error));
	else
		snprintf(plan->why_not, sizeof(plan->why_not), "%s (%s) is not to be had: %s", feature_name(feature),
			 feature_purpose(feature), feature_advice(feature, error));
	return -ENOTSUP;
}

int plan_make(const struct features *features, const struct plan_want *want, struct plan *ret_plan)
{
	static const enum feature always[] = {FEATURE_BTF, FEATURE_RINGBUF, FEATURE_LIFE, FEATURE_ITER};
	struct plan plan = {0};
	uint32_t hooks = want->hooks ? want->hooks : HOOK_WITNESS | (want->operations ? HOOK_SYSCALLS : 0);

	*ret_plan = plan;
	for (unsigned int i = 0; i < sizeof(always) / sizeof(always[0]); i++) {
		if (!has(features, always[i]))
			return plan_refuse(ret_plan, features, always[i]);
	}
	if (want->stop && !has(features, FEATURE_SEND_SIGNAL))
		return plan_refuse(ret_plan, features, FEATURE_SEND_SIGNAL);
	plan.witness = (hooks & HOOK_WITNESS) && has(features, FEATURE_WITNESS);
	plan.witness_memcg = (hooks & HOOK_WITNESS) && !plan.witness && has(features, FEATURE_WITNESS_MEMCG);
	if ((hooks & HOOK_WITNESS) && !plan.witness && !plan.witness_memcg)
		return plan_refuse(ret_plan, features, FEATURE_WITNESS);
	plan.syscalls = (hooks & HOOK_SYSCALLS) && has(features, FEATURE_SYSCALLS);
	/* Asked for by name, it has to be there; chosen by us, the witness does alone. */
	if ((want->hooks & HOOK_SYSCALLS) && !plan.syscalls)
		return plan_refuse(ret_plan, features, FEATURE_SYSCALLS);
	plan.exit_mmap = has(features, FEATURE_EXIT_MMAP);
	plan.rename = has(features, FEATURE_RENAME);
	plan.find_vma = plan.syscalls && has(features, FEATURE_FIND_VMA);
	*ret_plan = plan;
	return 0;
}

const char *plan_text(const struct plan *plan, char *buf, unsigned long size)
{
	snprintf(buf, size, "%s%slife%s%s%s iter",
		 plan->witness	       ? "witness "
		 : plan->witness_memcg ? "witness_memcg "
				       : "",
		 plan->syscalls ? "syscalls " : "", plan->exit_mmap ? " exit_mmap" : "", plan->rename ? " rename" : "",
		 plan->find_vma ? " find_vma" : "");
	return buf;
}
