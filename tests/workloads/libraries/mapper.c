// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A library that maps, to be loaded when its program runs already. */
#include <stddef.h>
#include <sys/mman.h>

void *mapper_map(size_t len);

__attribute__((noinline, noclone)) static void *mapper_inner(size_t len)
{
	void *start = mmap(NULL, len, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0); /* line: mapper_inner */

	__asm__ volatile("" ::: "memory");
	return start;
}

void *mapper_map(size_t len)
{
	void *start = mapper_inner(len); /* line: mapper_map */

	__asm__ volatile("" ::: "memory");
	return start;
}
