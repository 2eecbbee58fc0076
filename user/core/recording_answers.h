/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The answers of a recording: what the machine said when a run asked it, put into entries and taken out again. Pure. */
#ifndef CORE_RECORDING_ANSWERS_H
#define CORE_RECORDING_ANSWERS_H

#include "file_table.h"
#include "model.h"
#include "recording.h"
#include "site.h"
#include "stack.h"
#include "surroundings.h"

/* Whom the answer is about. */
struct process_key recording_take_key(struct unpack *payload);

void recorder_add_path(struct recorder *recorder, const struct process_key *key, const struct file_id *id);
void recording_take_file(struct unpack *payload, struct file_id *ret_id);

void recorder_add_cgroup(struct recorder *recorder, const struct process_key *key, const char *cgroup);

void recorder_add_around(struct recorder *recorder, const struct surroundings *around);
void recording_take_around(struct unpack *payload, struct surroundings *ret_around);

/* With their stack ids, not with their stacks. */
void recorder_add_sites(struct recorder *recorder, const struct process_key *key, const struct site_list *list);
/* Into an empty list. 0, -EBADMSG or -ENOMEM. */
int recording_take_sites(struct unpack *payload, struct site_list *list);

void recorder_add_files(struct recorder *recorder, const struct process_key *key, const struct file_table *table);
/* 0 or -EBADMSG. */
int recording_take_files(struct unpack *payload, struct file_table *table);

void recorder_add_stack(struct recorder *recorder, const struct process_key *key, const struct stack *stack);
/* Its texts are borrowed from the payload; frames is for the caller to free. NULL frames with an error: -EBADMSG or
 * -ENOMEM. */
int recording_take_stack(struct unpack *payload, struct stack *ret_stack);

#endif
