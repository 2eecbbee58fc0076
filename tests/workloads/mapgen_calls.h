/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The calls that mapgen draws by lot. Each is followed by called(), and what it leaves is in the areas. */
#ifndef TESTS_WORKLOADS_MAPGEN_CALLS_H
#define TESTS_WORKLOADS_MAPGEN_CALLS_H

#include "mapgen.h"

#include <limits.h>
#include <linux/mempolicy.h>
#include <sys/shm.h>
#include <sys/syscall.h>

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* mmap */

static void *map(void *hint, size_t pages, int prot, int flags, int fd, size_t offset_pages)
{
	void *start = mmap(hint, pages * self.page, prot, flags, fd, offset_pages * self.page);

	if (start != MAP_FAILED)
		did("map", start, pages * self.page);
	called("mmap");
	return start;
}

/* Maps pages of a random kind, at hint or where the kernel likes. */
static void *map_any(struct generator *g, void *hint, size_t pages, int flags, enum area_kind *ret_kind)
{
	size_t offset = pick(g, FILE_PAGES - AREA_PAGES_MAX);
	int prot = prot_pick(g);

	switch (pick(g, 5)) {
	case 0:
		*ret_kind = AREA_FILE;
		return map(hint, pages, prot, flags | (chance(g, 2) ? MAP_SHARED : MAP_PRIVATE), self.file, offset);
	case 1:
		*ret_kind = AREA_SHARED;
		return map(hint, pages, prot, flags | MAP_SHARED, self.memfd, offset);
	case 2:
		*ret_kind = AREA_SHARED;
		return map(hint, pages, prot, flags | MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	default:
		*ret_kind = AREA_ANON;
		if (chance(g, 3))
			flags |= MAP_NORESERVE;
		if (chance(g, 8))
			flags |= MAP_POPULATE;
		return map(hint, pages, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	}
}

static void op_mmap(struct generator *g)
{
	size_t pages = 1 + pick(g, AREA_PAGES_MAX);
	enum area_kind kind;
	void *start;

	if (!room(g, 1, pages))
		return;
	start = map_any(g, NULL, pages, 0, &kind);
	area_add(g, start, pages, kind);
}

/* Over a part of an area: what was there goes, and neighbours may split or merge. */
static void op_mmap_fixed(struct generator *g)
{
	struct area *area = area_pick(g);
	enum area_kind kind;
	struct range range;

	if (!area)
		return;
	range = range_pick(g, area);
	map_any(g, range.start, range.pages, MAP_FIXED, &kind);
	area->kind = kind;
}

static void op_mmap_wrong(struct generator *g)
{
	struct area *area = area_pick(g);

	if (area && chance(g, 2))
		map(area->start, 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	else
		map(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

/* munmap */

static void unmap(void *start, size_t pages)
{
	if (munmap(start, pages * self.page) == 0)
		did("unmap", start, pages * self.page);
	called("munmap");
}

static void op_munmap(struct generator *g)
{
	struct area *area = area_pick(g);

	if (!area)
		return;
	unmap(area->start, area->pages);
	area_forget(g, area);
}

/* Head, tail or hole: what is left is one area or two. */
static void op_munmap_part(struct generator *g)
{
	struct area *area = area_pick(g);
	struct range range;
	struct area whole;
	size_t head, tail;

	if (!area || !room(g, 1, 0))
		return;
	range = range_pick(g, area);
	whole = *area;
	head = (range.start - whole.start) / self.page;
	tail = whole.pages - head - range.pages;
	unmap(range.start, range.pages);
	area_forget(g, area);
	if (head)
		area_add(g, whole.start, head, whole.kind);
	if (tail)
		area_add(g, range.start + range.pages * self.page, tail, whole.kind);
}

/* A hole and then all of it: the second call takes several maps and finds nothing in between. */
static void op_munmap_span(struct generator *g)
{
	struct area *area = area_pick(g);
	struct range range;

	/* With threads another one's map could be put into the hole before it goes. */
	if (!area || opts.threads > 1)
		return;
	range = range_pick(g, area);
	unmap(range.start, range.pages);
	unmap(area->start, area->pages);
	area_forget(g, area);
}

static void op_munmap_wrong(struct generator *g)
{
	struct area *area = area_pick(g);

	if (!area)
		return;
	munmap(area->start + 1, self.page);
	called("munmap");
}

/* mprotect and the other calls that split and merge. */

static void changed(const char *call, const struct range *range, long result)
{
	if (result == 0)
		did("change", range->start, range->pages * self.page);
	called(call);
}

static void op_mprotect(struct generator *g)
{
	struct area *area = area_pick(g);
	struct range range;

	if (!area)
		return;
	range = range_pick(g, area);
	if (chance(g, 6)) {
		/* arm64 has it from 6.12 on, and before that no event for it either. */
		long result = syscall(SYS_pkey_mprotect, range.start, range.pages * self.page, prot_pick(g), -1);

		if (result == 0 || errno != ENOSYS)
			changed("pkey_mprotect", &range, result);
		return;
	}
	changed("mprotect", &range, mprotect(range.start, range.pages * self.page, prot_pick(g)));
}

static void op_madvise(struct generator *g)
{
	static const int advices[] = {
		MADV_DONTFORK, MADV_DOFORK, MADV_DONTFORK, MADV_DOFORK,	    MADV_DONTDUMP,   MADV_DODUMP,
		MADV_RANDOM,   MADV_NORMAL, MADV_DONTNEED, MADV_WIPEONFORK, MADV_KEEPONFORK,
	};
	struct area *area = area_pick(g);
	struct range range;

	if (!area)
		return;
	range = range_pick(g, area);
	changed("madvise", &range,
		madvise(range.start, range.pages * self.page, advices[pick(g, ARRAY_SIZE(advices))]));
}

static void op_mlock(struct generator *g)
{
	struct area *area = area_pick(g);
	struct range range;

	if (!area)
		return;
	range = range_pick(g, area);
	switch (pick(g, 5)) {
	case 0:
	case 1:
		changed("mlock", &range, mlock(range.start, range.pages * self.page));
		break;
	case 2:
		changed("mlock2", &range, syscall(SYS_mlock2, range.start, range.pages * self.page, MLOCK_ONFAULT));
		break;
	default:
		changed("munlock", &range, munlock(range.start, range.pages * self.page));
	}
}

static void op_mlockall(struct generator *g)
{
	if (chance(g, 2)) {
		mlockall(MCL_CURRENT | MCL_ONFAULT);
		called("mlockall");
	}
	munlockall();
	called("munlockall");
}

static void op_mbind(struct generator *g)
{
	unsigned long nodes = 1;
	struct area *area = area_pick(g);
	struct range range;
	bool prefer = chance(g, 2);

	if (!area)
		return;
	range = range_pick(g, area);
	changed("mbind", &range,
		syscall(SYS_mbind, range.start, range.pages * self.page, prefer ? MPOL_PREFERRED : MPOL_DEFAULT,
			prefer ? &nodes : NULL, prefer ? sizeof(nodes) * CHAR_BIT : 0, 0));
}

static void op_remap_file_pages(struct generator *g)
{
	struct area *area = area_pick(g);
	struct range range;

	if (!area || area->kind != AREA_SHARED)
		return;
	range = range_pick(g, area);
	changed("remap_file_pages", &range,
		syscall(SYS_remap_file_pages, range.start, range.pages * self.page, 0, pick(g, FILE_PAGES), 0));
}

/* mremap */

static void remapped(char *start, size_t old_bytes, size_t new_bytes, int flags, char *moved)
{
	if (moved == start && new_bytes > old_bytes) {
		did("grow", start + old_bytes, new_bytes - old_bytes);
	} else if (moved == start) {
		did("unmap", start + new_bytes, old_bytes - new_bytes);
	} else if (moved != MAP_FAILED) {
		if (!(flags & MREMAP_DONTUNMAP))
			did("unmap", start, old_bytes);
		did("map", moved, new_bytes);
	}
}

static void *remap(void *start, size_t old_pages, size_t new_pages, int flags, void *target)
{
	void *moved = mremap(start, old_pages * self.page, new_pages * self.page, flags, target);

	remapped(start, old_pages * self.page, new_pages * self.page, flags, moved);
	called("mremap");
	return moved;
}

static void op_mremap_shrink(struct generator *g)
{
	struct area *area = area_pick(g);
	size_t pages;

	if (!area || area->pages < 2)
		return;
	pages = 1 + pick(g, area->pages - 1);
	if (remap(area->start, area->pages, pages, 0, NULL) == MAP_FAILED)
		return;
	g->pages -= area->pages - pages;
	area->pages = pages;
}

static void op_mremap_grow(struct generator *g)
{
	struct area *area = area_pick(g);
	size_t more = 1 + pick(g, 8);
	void *start;

	if (!area || area->pages + more > AREA_PAGES_MAX || !room(g, 0, more))
		return;
	start = remap(area->start, area->pages, area->pages + more, chance(g, 4) ? 0 : MREMAP_MAYMOVE, NULL);
	if (start == MAP_FAILED)
		return;
	area->start = start;
	area->pages += more;
	g->pages += more;
}

/* Moves one page of an area over another area's, which goes. One page is one map: no move that is half done. */
static void op_mremap_move(struct generator *g)
{
	struct area *from = area_pick(g);
	struct area *to = area_pick(g);

	if (!from || !to || from == to)
		return;
	if (from->kind == AREA_ANON && chance(g, 3)) {
		remap(from->start, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to->start);
		__asm__ volatile("" ::: "memory"); /* no last deed, or this function would not be on the stack */
		return;
	}
	if (remap(from->start, 1, 1, MREMAP_MAYMOVE | MREMAP_FIXED, to->start) == MAP_FAILED)
		return;
	from->start += self.page;
	from->pages--;
	g->pages--;
	if (from->pages == 0)
		area_forget(g, from);
}

/* brk, shm, aio */

static void op_brk(struct generator *g)
{
	char *before = self.brk_now ? self.brk_now : self.brk_start;

	if (!self.brk_start || g != &generators[0])
		return;
	self.brk_now = (char *)syscall(SYS_brk, self.brk_start + pick(g, BRK_PAGES_MAX) * self.page);
	if (self.brk_now > before)
		did("map", before, self.brk_now - before);
	else
		did("unmap", self.brk_now, before - self.brk_now);
	called("brk");
}

static void op_shmat(struct generator *g)
{
	void *start;

	if (!room(g, 1, SHM_PAGES))
		return;
	start = shmat(self.shm, NULL, chance(g, 2) ? SHM_RDONLY : 0);
	if (start != (void *)-1)
		did("map", start, SHM_PAGES * self.page);
	called("shmat");
	area_add(g, start, SHM_PAGES, AREA_SHM);
}

static void op_shmdt(struct generator *g)
{
	for (size_t i = 0; i < g->areas_count; i++) {
		if (g->areas[i].kind != AREA_SHM)
			continue;
		if (shmdt(g->areas[i].start) == 0)
			did("unmap", g->areas[i].start, SHM_PAGES * self.page);
		called("shmdt");
		area_forget(g, &g->areas[i]);
		return;
	}
}

static void op_aio(struct generator *g)
{
	if (g->aio) {
		syscall(SYS_io_destroy, g->aio);
		did("unmap", (void *)g->aio, self.page);
		called("io_destroy");
		g->aio = 0;
		return;
	}
	/* Its number is where its ring is mapped. */
	if (syscall(SYS_io_setup, 8, &g->aio) == 0)
		did("map", (void *)g->aio, self.page);
	called("io_setup");
}

#endif
