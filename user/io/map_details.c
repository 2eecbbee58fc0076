/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "map_details.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "cleanup.h"
#include "inspect.skel.h"
#include "mmaptrace.h"

#define AT_ONCE 512 /* records of one read(2) */

struct map_details {
	struct inspect_bpf *bpf;
	struct bpf_link *link;
	int fd;
	struct mt_map_detail records[AT_ONCE];
	size_t bytes; /* of them that are there */
	size_t next;  /* record */
	struct vma_detail found;
};

static void details_release(struct map_details **details)
{
	map_details_free(*details);
}

int map_details_new(uint32_t pid, struct map_details **ret_details)
{
	struct map_details *details _cleanup_(details_release) = calloc(1, sizeof(*details));
	union bpf_iter_link_info info = {.task = {.tid = pid}}; /* its threads have the same maps */
	struct bpf_iter_attach_opts options = {
		.sz = sizeof(options),
		.link_info = &info,
		.link_info_len = sizeof(info),
	};

	if (!details)
		return -ENOMEM;
	details->fd = -1;
	details->bpf = inspect_bpf__open_and_load();
	if (!details->bpf)
		return -errno;
	details->link = bpf_program__attach_iter(details->bpf->progs.map_detail, &options);
	if (!details->link)
		return -errno;
	details->fd = bpf_iter_create(bpf_link__fd(details->link));
	if (details->fd < 0)
		return -errno;
	*ret_details = TAKE_PTR(details);
	return 0;
}

/* The next record, NULL at the end. A read may end within one: the rest of it comes with the next. */
static const struct mt_map_detail *record_peek(struct map_details *details)
{
	size_t used = details->next * sizeof(details->records[0]);

	while (details->bytes - used < sizeof(details->records[0])) {
		char *start = (char *)details->records;
		size_t left = details->bytes - used;
		ssize_t got;

		memmove(start, start + used, left);
		details->next = used = 0;
		details->bytes = left;
		got = read(details->fd, start + left, sizeof(details->records) - left);
		if (got < 0 && errno == EAGAIN)
			continue; /* the kernel takes a breath */
		if (got <= 0)
			return NULL;
		details->bytes += (size_t)got;
	}
	return &details->records[details->next];
}

const struct vma_detail *map_details_get(struct map_details *details, uint64_t start, uint64_t end)
{
	const struct mt_map_detail *record;

	while ((record = record_peek(details)) && record->start < start)
		details->next++;
	if (!record || record->start != start || record->end != end)
		return NULL;
	details->found = (struct vma_detail){record->flags, record->anon_vma, record->policy, record->uffd};
	return &details->found;
}

void map_details_free(struct map_details *details)
{
	if (!details)
		return;
	if (details->fd >= 0)
		close(details->fd);
	bpf_link__destroy(details->link);
	inspect_bpf__destroy(details->bpf);
	free(details);
}
