/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/sink/pprof*.c: what happens where each single allocation fails. Linked so that it is asked for each (Makefile).
 */
#include "profile_fixture.h"

#include <errno.h>

#include "cleanup.h"
#include "pprof.h"

static int allocations_left = -1; /* before one fails; negative: none does any more */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *pointer, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *pointer, size_t size);

static bool fails(void)
{
	if (allocations_left < 0)
		return false;
	return allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *pointer, size_t size)
{
	return fails() ? NULL : __real_realloc(pointer, size);
}

/* Enough for tables to grow and for the buffers to do so. */
static int write_profile(struct buf *file)
{
	struct site sites[] = {site_of(MT_OP_MMAP, &stack_leak, 4, 4), site_of(MT_OP_MMAP, &stack_cut, 1, 1),
			       site_of(MT_OP_MMAP, &stack_hostile, 1, 1)};
	const struct pprof_time when = {.unix_ns = 1};
	struct pprof *pprof = pprof_new();
	int error;

	if (!pprof)
		return -ENOMEM;
	error = pprof_add(pprof, &server, sites, COUNT(sites));
	if (error) /* nor is it finished then */
		assert_int_equal(pprof_finish(pprof, &when, file), error);
	else
		error = pprof_finish(pprof, &when, file);
	pprof_free(pprof);
	return error;
}

static void each_allocation_fails(void **state)
{
	int allocations = 0;
	bool failed = true;

	(void)state;
	for (; failed; allocations++) {
		_cleanup_buf_ struct buf file = {0};
		int error;

		allocations_left = allocations;
		error = write_profile(&file);
		failed = allocations_left < 0;
		allocations_left = -1;
		/* a hash that cannot grow is slower, no more */
		assert_true(error == -ENOMEM || error == 0);
		assert_true(failed || !error);
		assert_int_equal(!error, file.len > 0);
	}
	print_message("%d allocations\n", allocations - 1);
	assert_true(allocations > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(each_allocation_fails)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
