/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/ledger.c: whose a map is, by what covers its beginning. */
#include "fake.h"

#include <stdlib.h>

#include "ledger.h"

#define PAGE 4096ULL

static void enter(struct ledger *ledger, uint64_t page, uint64_t pages, uint64_t ts_ns, uint32_t site)
{
	const struct ledger_entry entry = {
		.start = page * PAGE, .end = (page + pages) * PAGE, .ts_ns = ts_ns, .site = site};

	assert_int_equal(ledger_add(ledger, &entry), 0);
}

static void owner_is(struct ledger *ledger, uint64_t page, uint32_t site)
{
	assert_int_equal(ledger_owner(ledger, page * PAGE, (page + 1) * PAGE), site);
}

static void nobody(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	assert_int_equal(ledger_sort(&ledger), 0);
	owner_is(&ledger, 0, LEDGER_NOBODY);
	owner_is(&ledger, 1000, LEDGER_NOBODY);
	ledger_free(&ledger);
}

static void edges(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	enter(&ledger, 10, 2, 1, 7);
	assert_int_equal(ledger_sort(&ledger), 0);
	owner_is(&ledger, 9, LEDGER_NOBODY);
	owner_is(&ledger, 10, 7);
	owner_is(&ledger, 11, 7);
	owner_is(&ledger, 12, LEDGER_NOBODY);
	ledger_free(&ledger);
}

/* MAP_FIXED over the middle: what is left on both sides is still the first one's. */
static void overlay(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	enter(&ledger, 14, 2, 2, 2);
	enter(&ledger, 10, 10, 1, 1);
	assert_int_equal(ledger_sort(&ledger), 0);
	owner_is(&ledger, 10, 1);
	owner_is(&ledger, 14, 2);
	owner_is(&ledger, 16, 1);
	ledger_free(&ledger);
}

/* An entry that was unmapped without a word is painted over by whoever mapped there later. */
static void stale(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	enter(&ledger, 10, 4, 5, 1);
	enter(&ledger, 8, 10, 9, 2);
	enter(&ledger, 12, 1, 7, 3);
	assert_int_equal(ledger_sort(&ledger), 0);
	owner_is(&ledger, 8, 2);
	owner_is(&ledger, 10, 2);
	owner_is(&ledger, 12, 2);
	ledger_free(&ledger);
}

/* Against painting page by page. */
static void as_painted(void **state)
{
	enum { PAGES = 500, ENTRIES = 300 };
	uint32_t owners[PAGES], seed = 1;

	(void)state;
	for (unsigned int round = 0; round < 200; round++) {
		struct ledger ledger = {0};

		for (unsigned int i = 0; i < PAGES; i++)
			owners[i] = LEDGER_NOBODY;
		for (uint32_t site = 0; site < ENTRIES; site++) {
			uint32_t page = (seed = seed * 1664525 + 1013904223) >> 8, pages;

			page %= PAGES - 20;
			pages = 1 + (seed >> 4) % 20;
			enter(&ledger, page, pages, site + 1, site);
			for (uint32_t i = page; i < page + pages; i++)
				owners[i] = site;
		}
		assert_int_equal(ledger_sort(&ledger), 0);
		for (unsigned int i = round % 3; i < PAGES; i += 1 + round % 2)
			owner_is(&ledger, i, owners[i]);
		ledger_free(&ledger);
	}
}

struct rests {
	unsigned int count;
	uint32_t site;
	uint64_t len, left;
};

static void take_rest(uint32_t site, uint64_t len, uint64_t left, void *arg)
{
	struct rests *rests = arg;

	rests->count++;
	rests->site = site;
	rests->len = len;
	rests->left = left;
}

static struct rests rests_of(const struct ledger *ledger)
{
	struct rests rests = {0};

	ledger_rests(ledger, take_rest, &rests);
	return rests;
}

static void enter_split(struct ledger *ledger, uint64_t page, uint64_t pages, uint64_t ts_ns, uint32_t site)
{
	const struct ledger_entry entry = {
		.start = page * PAGE, .end = (page + pages) * PAGE, .ts_ns = ts_ns, .site = site, .splits = true};

	assert_int_equal(ledger_add(ledger, &entry), 0);
}

/* mmap, mprotect of its first page, munmap of the others. */
static void guard_is_left(void **state)
{
	struct ledger ledger = {0};
	struct rests rests;

	(void)state;
	enter(&ledger, 10, 17, 1, 1);
	enter_split(&ledger, 10, 1, 2, 2);
	assert_int_equal(ledger_sort(&ledger), 0);
	owner_is(&ledger, 10, 2);
	rests = rests_of(&ledger);
	assert_int_equal(rests.count, 1);
	assert_int_equal(rests.site, 2); /* whose that map is */
	assert_int_equal(rests.len, 17 * PAGE);
	assert_int_equal(rests.left, PAGE);
	ledger_free(&ledger);
}

/* The guard page was there first, and what was made writable behind it is gone. */
static void end_is_gone(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	enter(&ledger, 10, 17, 1, 1);
	assert_int_equal(ledger_sort(&ledger), 0);
	owner_is(&ledger, 10, 1);
	assert_int_equal(rests_of(&ledger).count, 1);
	assert_int_equal(rests_of(&ledger).site, 1);
	ledger_free(&ledger);
}

/* Whole ones, whether split or not; gone ones; half of one, which an aligned piece is; what another has mapped since.
 */
static void no_rests(void **state)
{
	struct ledger ledger = {0};

	(void)state;
	enter(&ledger, 10, 4, 1, 1);
	enter_split(&ledger, 10, 1, 2, 2);
	enter(&ledger, 20, 4, 1, 1);
	enter(&ledger, 30, 4, 1, 1);
	enter(&ledger, 40, 4, 1, 1);
	enter(&ledger, 40, 2, 2, 3);
	assert_int_equal(ledger_sort(&ledger), 0);
	assert_int_equal(ledger_owner(&ledger, 10 * PAGE, 11 * PAGE), 2);
	assert_int_equal(ledger_owner(&ledger, 11 * PAGE, 14 * PAGE), 1);
	assert_int_equal(ledger_owner(&ledger, 32 * PAGE, 36 * PAGE), 1); /* it has merged with its neighbour */
	assert_int_equal(ledger_owner(&ledger, 40 * PAGE, 42 * PAGE), 3);
	assert_int_equal(rests_of(&ledger).count, 0);
	ledger_free(&ledger);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody),      cmocka_unit_test(edges),	     cmocka_unit_test(overlay),
		cmocka_unit_test(stale),       cmocka_unit_test(as_painted), cmocka_unit_test(guard_is_left),
		cmocka_unit_test(end_is_gone), cmocka_unit_test(no_rests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
