/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "pprof.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "op.h"
#include "pprof_parts.h"
#include "profile.pb-c.h"
#include "utf8.h"

#define LABELS_MAX 4

struct pprof *pprof_new(void)
{
	struct pprof *pprof = calloc(1, sizeof(*pprof));
	uint64_t index;

	if (!pprof || !intern_index(&pprof->texts, "", 0, &index))
		return pprof;
	free(pprof);
	return NULL;
}

void pprof_free(struct pprof *pprof)
{
	if (!pprof)
		return;
	intern_free(&pprof->texts);
	intern_free(&pprof->functions);
	intern_free(&pprof->mappings);
	intern_free(&pprof->locations);
	buf_free(&pprof->samples);
	buf_free(&pprof->text);
	buf_free(&pprof->key);
	buf_free(&pprof->ids);
	free(pprof);
}

/* ---- frames ---- */

static const char *known(const char *text)
{
	return text && *text ? text : NULL;
}

/* pprof shows names as they are, on a terminal too. */
int pprof_text(struct pprof *pprof, const char *text, uint64_t *ret_index)
{
	*ret_index = 0;
	if (!known(text))
		return 0;
	pprof->text.len = 0;
	utf8_escape_terminal(&pprof->text, text, strlen(text));
	if (pprof->text.failed)
		return -ENOMEM;
	return intern_index(&pprof->texts, pprof->text.data, pprof->text.len, ret_index);
}

static int function_id(struct pprof *pprof, const char *name, const char *file, uint64_t *ret_id)
{
	struct function_key key;
	uint64_t index;

	if (pprof_text(pprof, name, &key.name) || pprof_text(pprof, file, &key.file) ||
	    intern_index(&pprof->functions, &key, sizeof(key), &index))
		return -ENOMEM;
	*ret_id = index + 1;
	return 0;
}

static int mapping_id(struct pprof *pprof, const struct frame *frame, uint64_t *ret_id)
{
	struct mapping_key key;
	uint64_t index;

	*ret_id = 0;
	if (!known(frame->module))
		return 0;
	if (pprof_text(pprof, frame->module, &key.file) || pprof_text(pprof, frame->build_id, &key.build_id) ||
	    intern_index(&pprof->mappings, &key, sizeof(key), &index))
		return -ENOMEM;
	*ret_id = index + 1;
	return 0;
}

/* A frame in a file but without a name gets no line: whoever has the file's symbols can still look its address up. */
static int key_add_line(struct pprof *pprof, const struct frame *frame, bool in_file)
{
	struct line_key line = {.line = frame->line};
	const char *name = known(frame->function), *file = known(frame->file);

	if (!name && !file) {
		if (in_file)
			return 0;
		name = "[unknown]";
	}
	if (function_id(pprof, name, file, &line.function))
		return -ENOMEM;
	buf_add(&pprof->key, &line, sizeof(line));
	return 0;
}

/* Frames at one address: each but the last is inlined into the next. */
static int add_location(struct pprof *pprof, const struct frame *frames, uint32_t count)
{
	const struct frame *outer = &frames[count - 1];
	struct location_key key;
	uint64_t index;

	if (mapping_id(pprof, outer, &key.mapping))
		return -ENOMEM;
	/* in the file's own addresses, which are the same in all processes */
	key.address = key.mapping ? outer->offset : outer->address;
	pprof->key.len = 0;
	buf_add(&pprof->key, &key, sizeof(key));
	for (uint32_t i = 0; i < count; i++) {
		if (key_add_line(pprof, &frames[i], key.mapping))
			return -ENOMEM;
	}
	if (pprof->key.failed || intern_index(&pprof->locations, pprof->key.data, pprof->key.len, &index))
		return -ENOMEM;
	index++;
	buf_add(&pprof->ids, &index, sizeof(index));
	return pprof->ids.failed ? -ENOMEM : 0;
}

static int add_note(struct pprof *pprof, const char *note)
{
	const struct frame frame = {.function = note};

	return add_location(pprof, &frame, 1);
}

static uint32_t frames_at_address(const struct stack *stack, uint32_t first)
{
	uint32_t last = first;

	while (stack->frames[last].inlined && last + 1 < stack->count)
		last++;
	return last + 1 - first;
}

/* Leaves the ids of its locations in pprof->ids. */
static int add_stack(struct pprof *pprof, const struct stack *stack)
{
	pprof->ids.len = 0;
	if (!stack || !stack->count)
		return add_note(pprof, "[unknown]");
	for (uint32_t i = 0, count; i < stack->count; i += count) {
		count = frames_at_address(stack, i);
		if (add_location(pprof, &stack->frames[i], count))
			return -ENOMEM;
	}
	return stack->end == MT_STACK_COMPLETE ? 0 : add_note(pprof, "[cut off]");
}

/* ---- samples ---- */

struct labels {
	Perftools__Profiles__Label labels[LABELS_MAX], *pointers[LABELS_MAX];
	size_t count;
};

static Perftools__Profiles__Label *label_new(struct labels *labels)
{
	Perftools__Profiles__Label *label = &labels->labels[labels->count];

	perftools__profiles__label__init(label);
	labels->pointers[labels->count++] = label;
	return label;
}

static int label_text(struct pprof *pprof, struct labels *labels, const char *key, const char *text)
{
	Perftools__Profiles__Label *label;
	uint64_t key_index, index;

	if (!known(text))
		return 0;
	if (pprof_text(pprof, key, &key_index) || pprof_text(pprof, text, &index))
		return -ENOMEM;
	label = label_new(labels);
	label->key = (int64_t)key_index;
	label->str = (int64_t)index;
	return 0;
}

static int label_number(struct pprof *pprof, struct labels *labels, const char *key, int64_t number)
{
	Perftools__Profiles__Label *label;
	uint64_t key_index;

	if (pprof_text(pprof, key, &key_index))
		return -ENOMEM;
	label = label_new(labels);
	label->key = (int64_t)key_index;
	label->num = number;
	return 0;
}

/* Only the last of its files is known of a site: all of its maps booked under that one would be wrong. */
static const char *site_file(const struct site *site)
{
	if (!site->has_file)
		return NULL;
	return site->many_files ? "[several files]" : site->file.path;
}

static int add_sample(struct pprof *pprof, const struct profile_process *process, const struct site *site,
		      int64_t *values)
{
	Perftools__Profiles__Profile profile = PERFTOOLS__PROFILES__PROFILE__INIT;
	Perftools__Profiles__Sample sample = PERFTOOLS__PROFILES__SAMPLE__INIT, *samples = &sample;
	struct labels labels = {.count = 0};

	if (add_stack(pprof, site->stack) || label_text(pprof, &labels, "op", op_name(site->op)) ||
	    label_text(pprof, &labels, "comm", process->comm) || label_number(pprof, &labels, "pid", process->pid) ||
	    label_text(pprof, &labels, "file", site_file(site)))
		return -ENOMEM;
	sample.location_id = (uint64_t *)pprof->ids.data;
	sample.n_location_id = pprof->ids.len / sizeof(uint64_t);
	sample.value = values;
	sample.n_value = PROFILE_VALUES;
	sample.label = labels.pointers;
	sample.n_label = labels.count;
	profile.sample = &samples;
	profile.n_sample = 1;
	pprof_put(&pprof->samples, &profile.base);
	return pprof->samples.failed ? -ENOMEM : 0;
}

static int add_site(struct pprof *pprof, const struct profile_process *process, const struct site *site)
{
	int64_t values[PROFILE_VALUES];
	bool any = false;

	for (unsigned int i = 0; i < PROFILE_VALUES; i++) {
		values[i] = profile_value_of(site, i);
		any |= values[i] != 0;
	}
	return any ? add_sample(pprof, process, site, values) : 0;
}

int pprof_add(struct pprof *pprof, const struct profile_process *process, const struct site *sites, size_t count)
{
	if (!pprof->error && !pprof->program)
		pprof->error = pprof_text(pprof, process->program, &pprof->program);
	for (size_t i = 0; i < count && !pprof->error; i++)
		pprof->error = add_site(pprof, process, &sites[i]);
	return pprof->error;
}
