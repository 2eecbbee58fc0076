/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "site.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"
#include "path.h"

#define ROOM_FIRST 64

uint64_t site_cut(const struct site *site)
{
	return site->cut + site->rests;
}

static bool op_maps(uint32_t op)
{
	return op == MT_OP_MMAP || op == MT_OP_MREMAP || op == MT_OP_SHMAT || op == MT_OP_MAP_SHADOW_STACK ||
	       op == MT_OP_BRK || op == MT_OP_IO_SETUP;
}

/*
 * Of what was credited to it, the share of its maps that is still there: calls that
 * merged have added nothing, a split has added up to two, and what was unmapped is
 * somebody else's fall.
 */
int64_t site_held(const struct site *site)
{
	double made = (double)site->live + (double)site->unmapped;

	/* It makes no maps of its own: a munmap that leaves two parts. Nor is any known where calls are not seen. */
	if (made <= 0 && (!site->calls || !op_maps(site->op)))
		return site->delta <= 0 ? 0 : site->delta < site->growth ? site->delta : site->growth;
	if (site->delta <= 0 || site->live <= 0)
		return 0;
	/* A live count taken from the kernel's list can exceed what was made: parts of one map are maps. */
	if (made > (double)site->live)
		return (int64_t)((double)site->delta * (double)site->live / made + 0.5);
	/* Or be far less, where mappings have gone without the kernel side knowing: into the middle of one adds two. */
	return op_maps(site->op) && site->delta > 2 * site->live ? 2 * site->live : site->delta;
}

/* Libraries that map for whoever calls them; by the beginning of their names, as version numbers follow. */
static bool module_passes_on(const char *module)
{
	static const char *const names[] = {"libc.so",	   "libc-",	     "ld-linux",    "ld-2",	"ld.so",
					    "ld-musl",	   "libpthread",     "libstdc++",   "libc++",	"libgcc_s",
					    "libjemalloc", "libtcmalloc",    "libmimalloc", "librt.so", "librt-",
					    "libnuma",	   "libhugetlbfs.so"};
	const char *base = path_base(module);

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strncmp(base, names[i], strlen(names[i])))
			return true;
	}
	return !strcmp(module, "[vdso]");
}

/* The same functions linked into the program itself. */
static bool function_passes_on(const char *function)
{
	static const char *const names[] = {
		"mmap",		  "mmap64",    "munmap",      "mprotect",     "pkey_mprotect",	"mremap",
		"madvise",	  "brk",       "sbrk",	      "mlock",	      "mlock2",		"munlock",
		"mlockall",	  "mbind",     "shmat",	      "shmdt",	      "syscall",	"prctl",
		"malloc",	  "calloc",    "realloc",     "free",	      "memalign",	"aligned_alloc",
		"posix_memalign", "sysmalloc", "_int_malloc", "operator new", "pthread_create", "allocate_stack"};

	while (*function == '_')
		function++;
	if (!strncmp(function, "libc_", 5) || !strncmp(function, "GI_", 3) || !strncmp(function, "operator new", 12))
		return true;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(function, names[i]))
			return true;
	}
	return false;
}

const struct frame *stack_culprit(const struct stack *stack)
{
	for (uint32_t i = 0; stack && i < stack->count; i++) {
		const struct frame *frame = &stack->frames[i];

		if (!frame->module || module_passes_on(frame->module))
			continue;
		if (!frame->function || !function_passes_on(frame->function))
			return frame;
	}
	return NULL;
}

const struct frame *site_culprit(const struct site *site)
{
	return stack_culprit(site->stack);
}

int site_list_add(struct site_list *list, const struct mt_site_key *key, const struct mt_site *from)
{
	unsigned int room = list->room ? list->room * 2 : ROOM_FIRST;
	struct site *site;

	if (list->count == list->room) {
		struct site *sites = realloc(list->sites, room * sizeof(*sites));

		if (!sites)
			return -ENOMEM;
		list->sites = sites;
		list->room = room;
	}
	site = &list->sites[list->count++];
	memset(site, 0, sizeof(*site));
	site->op = key->op < MT_OP_MAX ? key->op : MT_OP_OTHER;
	site->stack_id = key->stack;
	site->stacks = 1;
	site->growth = INT64_MAX;
	site->calls = from->calls;
	site->delta = from->delta;
	site->live = site->booked = from->live > 0 ? from->live : 0;
	site->bytes = site->booked_bytes = from->bytes > 0 ? (uint64_t)from->bytes : 0;
	site->unmapped = from->unmapped;
	site->cut = from->cut;
	site->map_len = from->map_len;
	site->cut_len = from->cut_len;
	site->first_ns = from->first_ns;
	site->last_ns = from->last_ns;
	site->fd = -1;
	memcpy(site->args, from->args, sizeof(site->args));
	if (!(from->flags & MT_SITE_HAS_FILE))
		return 0;
	site->has_file = true;
	site->many_files = from->flags & MT_SITE_MANY_FILES;
	site->fd = (int32_t)from->fd;
	file_decode(&from->file, &site->file);
	return 0;
}

static int by_key(const void *a, const void *b)
{
	const struct site *left = a, *right = b;

	if (left->stack_id != right->stack_id)
		return left->stack_id < right->stack_id ? -1 : 1;
	return left->op < right->op ? -1 : left->op > right->op;
}

void site_list_set_growth(struct site_list *list, int64_t growth)
{
	for (unsigned int i = 0; i < list->count; i++)
		list->sites[i].growth = growth > 0 ? growth : 0;
}

void site_list_sort(struct site_list *list)
{
	if (list->count)
		qsort(list->sites, list->count, sizeof(*list->sites), by_key);
}

int site_list_enter(const struct site_list *list, const struct mt_map_key *key, const struct mt_map *map,
		    struct ledger *ledger)
{
	const struct site wanted = {.stack_id = map->stack, .op = map->op};
	const struct site *site = NULL;
	struct ledger_entry entry = {.start = key->addr & ~MT_MAP_SPLIT,
				     .ts_ns = map->ts_ns,
				     .site = LEDGER_NOBODY,
				     .splits = key->addr & MT_MAP_SPLIT};

	if (list->count)
		site = bsearch(&wanted, list->sites, list->count, sizeof(wanted), by_key);
	if (site)
		entry.site = (uint32_t)(site - list->sites);
	/* What a shmat has attached is as long as it is: it is asked about at its beginning. */
	entry.end = map->len ? entry.start + map->len : entry.start + 1;
	return ledger_add(ledger, &entry);
}

void site_list_recount(struct site_list *list)
{
	for (unsigned int i = 0; i < list->count; i++) {
		list->sites[i].live = 0;
		list->sites[i].bytes = 0;
	}
	list->is_exact = true;
	list->nobodys = list->all = 0;
}

void site_list_restore(struct site_list *list)
{
	for (unsigned int i = 0; i < list->count; i++) {
		list->sites[i].live = list->sites[i].booked;
		list->sites[i].bytes = list->sites[i].booked_bytes;
		list->sites[i].deleted = 0;
	}
	list->is_exact = false;
	list->nobodys = list->all = 0;
}

void site_list_count(struct site_list *list, uint32_t site, uint64_t bytes, bool deleted)
{
	list->all++;
	if (site >= list->count) {
		list->nobodys++;
		return;
	}
	list->sites[site].live++;
	list->sites[site].bytes += bytes;
	list->sites[site].deleted += deleted;
}

static void count_rest(uint32_t site, uint64_t len, uint64_t left, void *arg)
{
	struct site_list *list = arg;

	if (site >= list->count)
		return;
	list->sites[site].rests++;
	list->sites[site].map_len = len;
	list->sites[site].cut_len = len - left;
}

void site_list_count_rests(struct site_list *list, const struct ledger *ledger)
{
	ledger_rests(ledger, count_rest, list);
}

void site_list_settle(struct site_list *list, const struct site_list *later)
{
	for (unsigned int i = 0; later->count && i < list->count; i++) {
		struct site *site = &list->sites[i];
		const struct site *then = bsearch(site, later->sites, later->count, sizeof(*site), by_key);

		if (!then || site->rests)
			continue;
		if ((site->booked < site->live && site->live <= then->booked) ||
		    (then->booked <= site->live && site->live < site->booked))
			site->booked = site->live;
	}
}

void site_list_keep(const struct site_list *list, struct site_shares *shares)
{
	site_shares_free(shares);
	if (list->count)
		shares->at = calloc(list->count, sizeof(*shares->at));
	for (unsigned int i = 0; shares->at && i < list->count; i++) {
		const struct site *site = &list->sites[i];

		if (site->live == site->booked && !site->rests)
			continue;
		shares->at[shares->count++] = (struct site_share){
			.stack_id = site->stack_id,
			.op = site->op,
			.live = site->live,
			.booked = site->booked,
			.rests = site->rests,
			.map_len = site->map_len,
			.cut_len = site->cut_len,
		};
	}
}

static void site_carry(struct site *site, const struct site_share *share)
{
	double part = share->booked > 0 ? (double)share->live / (double)share->booked : 1;

	site->live = llround((double)site->booked * part);
	site->bytes = (uint64_t)((double)site->booked_bytes * part);
	if (!share->rests || share->live <= 0)
		return;
	site->rests = (uint64_t)((double)share->rests * (double)site->live / (double)share->live);
	site->map_len = share->map_len;
	site->cut_len = share->cut_len;
}

void site_list_carry(struct site_list *list, const struct site_shares *shares)
{
	for (unsigned int i = 0; list->count && i < shares->count; i++) {
		const struct site wanted = {.stack_id = shares->at[i].stack_id, .op = shares->at[i].op};
		struct site *site = bsearch(&wanted, list->sites, list->count, sizeof(wanted), by_key);

		if (site)
			site_carry(site, &shares->at[i]);
	}
}

void site_shares_free(struct site_shares *shares)
{
	free(shares->at);
	memset(shares, 0, sizeof(*shares));
}

static int by_held(const void *a, const void *b)
{
	int64_t left = site_held(a), right = site_held(b);

	if (left != right)
		return left > right ? -1 : 1;
	return by_key(a, b);
}

void site_list_rank(struct site_list *list)
{
	if (list->count)
		qsort(list->sites, list->count, sizeof(*list->sites), by_held);
}

/* Sites of one line come together, the one that holds most first. */
static int by_culprit(const void *a, const void *b)
{
	const struct site *left = a, *right = b;
	const struct frame *one = site_culprit(left), *other = site_culprit(right);
	int order;

	if (left->op != right->op)
		return left->op < right->op ? -1 : 1;
	if (!one || !other)
		return one ? -1 : other ? 1 : by_held(a, b);
	if (one->offset != other->offset)
		return one->offset < other->offset ? -1 : 1;
	order = strcmp(one->module, other->module);
	return order ? order : by_held(a, b);
}

static bool is_one_line(const struct site *a, const struct site *b)
{
	const struct frame *one = site_culprit(a), *other = site_culprit(b);

	return a->op == b->op && one && other && one->offset == other->offset && !strcmp(one->module, other->module);
}

static void site_take(struct site *site, const struct site *other)
{
	site->calls += other->calls;
	site->delta += other->delta;
	site->live += other->live;
	site->bytes += other->bytes;
	site->deleted += other->deleted;
	site->stacks += other->stacks;
	site->unmapped += other->unmapped;
	site->cut += other->cut;
	site->rests += other->rests;
	site->booked += other->booked;
	site->booked_bytes += other->booked_bytes;
	site->many_files |= other->many_files ||
			    (site->has_file && other->has_file &&
			     (site->file.inode != other->file.inode || site->file.dev_major != other->file.dev_major ||
			      site->file.dev_minor != other->file.dev_minor));
	if (other->cut_len) {
		site->cut_len = other->cut_len;
		site->map_len = other->map_len;
	}
	if (other->first_ns < site->first_ns)
		site->first_ns = other->first_ns;
	if (other->last_ns > site->last_ns)
		site->last_ns = other->last_ns;
}

void site_list_merge(struct site_list *list)
{
	unsigned int kept = 0;

	if (list->count)
		qsort(list->sites, list->count, sizeof(*list->sites), by_culprit);
	for (unsigned int i = 1; i < list->count; i++) {
		if (is_one_line(&list->sites[kept], &list->sites[i]))
			site_take(&list->sites[kept], &list->sites[i]);
		else
			list->sites[++kept] = list->sites[i];
	}
	if (list->count)
		list->count = kept + 1;
	site_list_rank(list);
}

void site_list_free(struct site_list *list)
{
	free(list->sites);
	memset(list, 0, sizeof(*list));
}
