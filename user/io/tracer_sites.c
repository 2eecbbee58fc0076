/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Call sites, their stacks and the ledger, as user space reads them; the unwind rules that it writes. */
#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>

#include "cleanup.h"
#include "tracer_private.h"

#define SITES_BATCH  128
#define LEDGER_BATCH 1024
#define RULES_BATCH  4096

/* Hands over every key and value of a hash map. 0 or negative errno. */
static int each_of(int fd, void *keys, size_t key_size, void *values, size_t value_size, uint32_t batch,
		   int (*take)(const void *key, const void *value, void *arg), void *arg)
{
	uint32_t position, *in = NULL;
	int error, stop;

	do {
		__u32 count = batch;

		error = bpf_map_lookup_batch(fd, in, &position, keys, values, &count, NULL);
		if (error && error != -ENOENT)
			return error;
		for (__u32 i = 0; i < count; i++) {
			stop = take((char *)keys + i * key_size, (char *)values + i * value_size, arg);
			if (stop)
				return stop;
		}
		in = &position;
	} while (!error);
	return 0;
}

struct reader {
	uint64_t mm;
	uint32_t pid;
	tracer_site_fn *site;
	tracer_map_fn *map;
	void *arg;
};

static int take_site(const void *key_of, const void *value, void *arg)
{
	const struct mt_site_key *key = key_of;
	const struct reader *reader = arg;

	return key->mm == reader->mm && key->tgid == reader->pid ? reader->site(key, value, reader->arg) : 0;
}

int tracer_read_sites(struct tracer *tracer, uint64_t mm, uint32_t pid, tracer_site_fn *take, void *arg)
{
	struct reader reader = {.mm = mm, .pid = pid, .site = take, .arg = arg};
	struct mt_site_key *keys _cleanup_free_ = calloc(SITES_BATCH, sizeof(*keys));
	struct mt_site *values _cleanup_free_ = calloc(SITES_BATCH, sizeof(*values));

	if (!keys || !values)
		return -ENOMEM;
	return each_of(bpf_map__fd(tracer->bpf->maps.sites), keys, sizeof(*keys), values, sizeof(*values), SITES_BATCH,
		       take_site, &reader);
}

static int take_map(const void *key_of, const void *value, void *arg)
{
	const struct mt_map_key *key = key_of;
	const struct mt_map *map = value;
	const struct reader *reader = arg;

	return key->mm == reader->mm && map->tgid == reader->pid ? reader->map(key, map, reader->arg) : 0;
}

int tracer_read_ledger(struct tracer *tracer, uint64_t mm, uint32_t pid, tracer_map_fn *take, void *arg)
{
	struct reader reader = {.mm = mm, .pid = pid, .map = take, .arg = arg};
	struct mt_map_key *keys _cleanup_free_ = calloc(LEDGER_BATCH, sizeof(*keys));
	struct mt_map *values _cleanup_free_ = calloc(LEDGER_BATCH, sizeof(*values));

	if (!keys || !values)
		return -ENOMEM;
	return each_of(bpf_map__fd(tracer->bpf->maps.ledger), keys, sizeof(*keys), values, sizeof(*values),
		       LEDGER_BATCH, take_map, &reader);
}

int tracer_read_stack(struct tracer *tracer, uint64_t id, struct mt_stack *ret_stack)
{
	return bpf_map__lookup_elem(tracer->bpf->maps.stacks, &id, sizeof(id), ret_stack, sizeof(*ret_stack), 0);
}

struct dropping {
	struct tracer *tracer;
	uint32_t pid;
	uint64_t before_ns;
};

static int drop_site(const void *key_of, const void *value, void *arg)
{
	const struct mt_site_key *key = key_of;
	const struct mt_site *site = value;
	const struct dropping *dropping = arg;

	if (key->tgid == dropping->pid && site->first_ns < dropping->before_ns)
		bpf_map__delete_elem(dropping->tracer->bpf->maps.sites, key, sizeof(*key), 0);
	return 0;
}

void tracer_drop_sites(struct tracer *tracer, uint32_t pid, uint64_t before_ns)
{
	struct dropping dropping = {.tracer = tracer, .pid = pid, .before_ns = before_ns};
	struct mt_site_key *keys _cleanup_free_ = calloc(SITES_BATCH, sizeof(*keys));
	struct mt_site *values _cleanup_free_ = calloc(SITES_BATCH, sizeof(*values));

	if (keys && values)
		each_of(bpf_map__fd(tracer->bpf->maps.sites), keys, sizeof(*keys), values, sizeof(*values), SITES_BATCH,
			drop_site, &dropping);
}

void tracer_drop_stack(struct tracer *tracer, uint64_t id)
{
	bpf_map__delete_elem(tracer->bpf->maps.stacks, &id, sizeof(id), 0);
}

uint64_t tracer_ledger_used(const struct tracer *tracer)
{
	int64_t used = tracer->bpf->bss->ledger_used;

	return used > 0 ? (uint64_t)used : 0;
}

uint64_t tracer_ledger_room(const struct tracer *tracer)
{
	return bpf_map__max_entries(tracer->bpf->maps.ledger);
}

struct clearing {
	struct tracer *tracer;
	tracer_keep_fn *keep;
	void *arg;
	uint64_t dropped;
};

static int clear_map(const void *key, const void *map, void *arg)
{
	struct clearing *clearing = arg;

	if (!clearing->keep(key, map, clearing->arg) &&
	    !bpf_map__delete_elem(clearing->tracer->bpf->maps.ledger, key, sizeof(struct mt_map_key), 0))
		clearing->dropped++;
	return 0;
}

uint64_t tracer_clear_ledger(struct tracer *tracer, tracer_keep_fn *keep, void *arg)
{
	struct clearing clearing = {.tracer = tracer, .keep = keep, .arg = arg};
	struct mt_map_key *keys _cleanup_free_ = calloc(LEDGER_BATCH, sizeof(*keys));
	struct mt_map *values _cleanup_free_ = calloc(LEDGER_BATCH, sizeof(*values));

	if (!keys || !values)
		return 0;
	each_of(bpf_map__fd(tracer->bpf->maps.ledger), keys, sizeof(*keys), values, sizeof(*values), LEDGER_BATCH,
		clear_map, &clearing);
	__atomic_fetch_sub(&tracer->bpf->bss->ledger_used, (int64_t)clearing.dropped, __ATOMIC_SEQ_CST);
	return clearing.dropped;
}

void tracer_read_stack_ends(const struct tracer *tracer, uint64_t *ret_ends)
{
	for (unsigned int end = 0; end < MT_STACK_ENDS; end++)
		ret_ends[end] = tracer->bpf->bss->stack_ends[end];
}

/* ---- unwind rules ---- */

uint32_t tracer_rules_room(const struct tracer *tracer)
{
	return bpf_map__max_entries(tracer->bpf->maps.unwind_rows);
}

uint32_t tracer_spaces_room(const struct tracer *tracer)
{
	return bpf_map__max_entries(tracer->bpf->maps.unwind_spaces);
}

int tracer_write_rules(struct tracer *tracer, uint32_t first, const struct mt_unwind_row *rows, uint32_t count)
{
	uint32_t *places _cleanup_free_ = calloc(RULES_BATCH, sizeof(*places));
	int fd = bpf_map__fd(tracer->bpf->maps.unwind_rows), error = 0;

	if (!places)
		return -ENOMEM;
	for (uint32_t done = 0; done < count && !error;) {
		__u32 batch = count - done < RULES_BATCH ? count - done : RULES_BATCH;

		for (__u32 i = 0; i < batch; i++)
			places[i] = first + done + i;
		error = bpf_map_update_batch(fd, places, rows + done, &batch, NULL);
		done += batch;
	}
	return error;
}

int tracer_write_space(struct tracer *tracer, uint32_t pid, uint32_t place, const struct mt_unwind_space *space)
{
	int error = bpf_map__update_elem(tracer->bpf->maps.unwind_spaces, &place, sizeof(place), space, sizeof(*space),
					 BPF_ANY);

	if (error)
		return error;
	__atomic_fetch_add(&tracer->bpf->bss->unwind_generation, 1, __ATOMIC_SEQ_CST);
	return bpf_map__update_elem(tracer->bpf->maps.unwind_places, &pid, sizeof(pid), &place, sizeof(place), BPF_ANY);
}

void tracer_drop_space(struct tracer *tracer, uint32_t pid)
{
	bpf_map__delete_elem(tracer->bpf->maps.unwind_places, &pid, sizeof(pid), 0);
}
