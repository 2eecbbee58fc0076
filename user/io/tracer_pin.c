/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Accounts that outlive whoever keeps them. The table of accounts is pinned while it is in use, so that what an end
 * without a word (SIGKILL) has left is found by the next run. That fills a table of its own and takes over what is
 * still true: an mm is an address in the kernel, which may be another's by now.
 */
#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account.h"
#include "cleanup.h"
#include "log.h"
#include "tracer_private.h"

#define PIN_NAME "processes"

static int pin_path(const char *folder, char *path, size_t size)
{
	int len = snprintf(path, size, "%s/" PIN_NAME, folder);

	return len < 0 || (size_t)len >= size ? -ENAMETOOLONG : 0;
}

/* What was done while nobody looked: its sum is all there is to tell. */
static void book_meanwhile(struct mt_process *account, const struct mt_process *now)
{
	int64_t delta = (int64_t)now->map_count - account->map_count;

	account->map_count = now->map_count;
	if (delta > 0)
		account->opened += (uint64_t)delta;
	else
		account->closed += (uint64_t)-delta;
	account->tallies[MT_OP_OTHER].delta += delta;
	if (account->map_count > account->high_water)
		account->high_water = account->map_count;
	account->total_vm_pages = now->total_vm_pages;
	if (now->peak_vm_pages > account->peak_vm_pages)
		account->peak_vm_pages = now->peak_vm_pages;
}

enum adopted tracer_adopt(struct tracer *tracer, const struct mt_process *left)
{
	const struct bpf_map *processes = tracer->bpf->maps.processes;
	struct mt_process account = *left, now;
	uint64_t mm = left->mm;

	if (bpf_map__lookup_elem(processes, &mm, sizeof(mm), &now, sizeof(now), 0) || now.tgid != left->tgid ||
	    now.start_ns != left->start_ns)
		return ADOPTED_NOT_THERE;
	/* Cut off in the middle of a change, it breaks the law. */
	account_mend(&account);
	book_meanwhile(&account, &now);
	account.flags = now.flags;
	account.step_limit = 0;
	account.tick = 0;
	memcpy(account.comm, now.comm, sizeof(account.comm));
	return bpf_map__update_elem(processes, &mm, sizeof(mm), &account, sizeof(account), BPF_EXIST)
		       ? ADOPTED_NOT_THERE
		       : ADOPTED;
}

/* Another version's accounts may be of another shape. */
static bool is_of_our_shape(int fd)
{
	struct bpf_map_info info = {0};
	__u32 len = sizeof(info);

	return !bpf_obj_get_info_by_fd(fd, &info, &len) && info.type == BPF_MAP_TYPE_HASH &&
	       info.key_size == sizeof(uint64_t) && info.value_size == sizeof(struct mt_process);
}

int tracer_adopt_pinned(struct tracer *tracer, const char *folder)
{
	int fd _cleanup_close_ = -1, count = 0;
	uint64_t mm, next, *at = NULL;
	char path[PATH_MAX];
	int error = pin_path(folder, path, sizeof(path));

	if (error)
		return error;
	fd = bpf_obj_get(path);
	if (fd < 0)
		return -errno == -ENOENT ? 0 : -errno;
	if (!is_of_our_shape(fd)) {
		log_warn("%s is not a table of this version's accounts: its counts are not gone on from", path);
		return 0;
	}
	while (!bpf_map_get_next_key(fd, at, &next)) {
		struct mt_process account;

		mm = next;
		at = &mm;
		if (!bpf_map_lookup_elem(fd, &mm, &account) && account.tgid && account.mm == mm)
			count += tracer_adopt(tracer, &account) == ADOPTED;
	}
	return count;
}

int tracer_pin(struct tracer *tracer, const char *folder)
{
	char path[PATH_MAX];
	int error = pin_path(folder, path, sizeof(path));

	if (error)
		return error;
	if (mkdir(folder, 0700) && errno != EEXIST)
		return -errno;
	if (unlink(path) && errno != ENOENT)
		return -errno;
	return bpf_obj_pin(bpf_map__fd(tracer->bpf->maps.processes), path) ? -errno : 0;
}

void tracer_unpin(const char *folder)
{
	char path[PATH_MAX];

	if (!pin_path(folder, path, sizeof(path)))
		unlink(path);
	rmdir(folder); /* others may have something there */
}
