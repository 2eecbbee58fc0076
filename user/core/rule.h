/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Rules of the daemon: which processes are treated otherwise, and what is done on a finding. Pure. */
#ifndef CORE_RULE_H
#define CORE_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "finding.h"

#define RULES_MAX     256
#define RULE_ARGS_MAX 32

/* What a process is known by. Texts are borrowed; NULL: it has none. */
struct rule_subject {
	const char *comm, *cgroup, *unit, *container_id;
	uint32_t uid;
};

/* Patterns as of fnmatch(3); NULL: anything goes. All that are given must match. Texts are owned. */
struct rule {
	char *name;
	char *comm, *cgroup, *unit, *container; /* a container by the beginning of its id */
	bool by_uid;
	uint32_t uid;
	bool ignore;			       /* judged and told of nothing */
	uint32_t limit;			       /* pretended limit, maps; 0: that of all */
	uint64_t horizon_ns;		       /* 0: that of all */
	enum severity least;		       /* severity from which on the actions are taken */
	char **run;			       /* argv, NULL-terminated; NULL: nothing is run */
	uint64_t run_timeout_ns, run_every_ns; /* it is killed after; no more than one run in this time */
	bool stop;			       /* SIGSTOP */
	int signal;			       /* 0: none */
};

/* Zero-initialised is empty. */
struct rule_list {
	struct rule *rules; /* owned */
	unsigned int count;
};

/* The first rule, in the order of the file, that this process is meant by; NULL: none. */
const struct rule *rule_find(const struct rule_list *list, const struct rule_subject *subject);
/* Appends an empty one with this name. NULL: RULES_MAX, or no memory. */
struct rule *rule_list_add(struct rule_list *list, const char *name);
/* Sets "comm", "horizon", "run" ... from its text. 0, or the form it should have had; "" if there is no such key. */
const char *rule_set(struct rule *rule, const char *key, const char *text);
/* The keys there are, from 0 on; NULL behind the last. */
const char *rule_key_name(unsigned int index);
void rule_list_free(struct rule_list *list);

#endif
