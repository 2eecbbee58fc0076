/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/account.c: what one account tells. */
#include "fake.h"

#include "account.h"
#include "fake_tally.h"

static void whole_while_the_law_holds(void **state)
{
	struct mt_process account = fake_account(1, 20);

	(void)state;
	assert_true(account_is_whole(&account));
	fake_change(&account, MT_OP_MMAP, 100, 100, SECOND);
	fake_change(&account, MT_OP_MUNMAP, 120, -110, 2 * SECOND);
	assert_int_equal(account.map_count, 10);
	assert_true(account_is_whole(&account));
}

static void torn_when_any_side_differs(void **state)
{
	struct mt_process whole = fake_account(1, 20), torn;

	(void)state;
	fake_change(&whole, MT_OP_MMAP, 100, 100, SECOND);
	torn = whole;
	torn.map_count++;
	assert_false(account_is_whole(&torn));
	torn = whole;
	torn.opened++;
	assert_false(account_is_whole(&torn));
	torn = whole;
	torn.closed++;
	assert_false(account_is_whole(&torn));
	torn = whole;
	torn.tallies[MT_OP_OTHER].delta--;
	assert_false(account_is_whole(&torn));
	torn = whole;
	torn.baseline--;
	assert_false(account_is_whole(&torn));
}

static void whole_at_the_widest_counts(void **state)
{
	struct mt_process account = fake_account(1, UINT32_MAX);

	(void)state;
	assert_true(account_is_whole(&account));
	account.closed = account.map_count;
	account.map_count = 0;
	account.tallies[MT_OP_MUNMAP].delta = -(int64_t)UINT32_MAX;
	assert_true(account_is_whole(&account));
}

static void mended_is_whole(const struct mt_process *torn)
{
	struct mt_process account = *torn;

	account_mend(&account);
	assert_true(account_is_whole(&account));
	assert_int_equal(account.map_count, torn->map_count); /* the truth */
}

/* A copy read while it changed: some counters are of before, some of after. */
static void mends_a_torn_copy(void **state)
{
	struct mt_process before = fake_account(1, 1000), after, torn;
	uint64_t seed = 1;

	(void)state;
	fake_change(&before, MT_OP_MMAP, 100, 100, SECOND);
	fake_change(&before, MT_OP_MUNMAP, 7, -7, SECOND);
	mended_is_whole(&before);
	for (unsigned int i = 0; i < 1000; i++) {
		uint32_t op = 1 + fake_below(&seed, MT_OP_MAX - 1);
		unsigned int late = fake_below(&seed, 16);

		after = before;
		fake_change(&after, op, 1, (int32_t)fake_below(&seed, 100) - 50, 2 * SECOND);
		torn = after;
		if (late & 1)
			torn.map_count = before.map_count;
		if (late & 2)
			torn.opened = before.opened;
		if (late & 4)
			torn.closed = before.closed;
		if (late & 8)
			torn.tallies[op] = before.tallies[op];
		mended_is_whole(&torn);
	}
}

/* What is whole stays as it is; what is missing goes to `other`. */
static void mends_no_more_than_needed(void **state)
{
	struct mt_process account = fake_account(1, 20), whole;

	(void)state;
	fake_change(&account, MT_OP_MMAP, 100, 100, SECOND);
	whole = account;
	account_mend(&account);
	assert_memory_equal(&account, &whole, sizeof(whole));
	account.tallies[MT_OP_MMAP].delta -= 3;
	account_mend(&account);
	assert_int_equal(account.tallies[MT_OP_OTHER].delta, 3);
	assert_int_equal(account.baseline, 20);
}

/* -- CMD and vfork begin at 0: a count that lags behind its rises must not take the baseline below. */
static void mends_what_began_at_nothing(void **state)
{
	struct mt_process torn = fake_account(1, 0);

	(void)state;
	torn.opened = 5;
	mended_is_whole(&torn);
	torn.map_count = 4;
	mended_is_whole(&torn);
}

/* ---- as kept ---- */

/* Every count comes back as it went in, whatever the copy before it held. */
static void taken_as_it_is(void **state)
{
	struct account account = {0};
	uint64_t seed = 5;

	(void)state;
	for (unsigned int turn = 0; turn < 300; turn++) {
		struct mt_process from = fake_account(1000, fake_below(&seed, 70000));
		unsigned int changes = turn % 4 ? fake_below(&seed, 8) : 0;

		for (unsigned int i = 0; i < changes; i++)
			fake_change(&from, fake_below(&seed, MT_OP_MAX), 1, 5, SECOND);
		if (changes)
			from.tallies[fake_below(&seed, MT_OP_MAX)].failed = 7;
		if (fake_below(&seed, 2))
			from.failed[fake_below(&seed, MT_FAIL_MAX)] = 1 + turn; /* with a tally or, torn, without */
		from.execs = turn;
		from.flags = MT_PROCESS_STOPPED;
		from.total_vm_pages = turn * 3;
		from.peak_vm_pages = turn * 4;
		assert_int_equal(account_copy(&account, &from), 0);
		for (uint32_t op = 0; op < MT_OP_MAX; op++) {
			struct mt_tally tally = account_tally(&account, op);

			assert_memory_equal(&tally, &from.tallies[op], sizeof(tally));
		}
		for (unsigned int slot = 0; slot < MT_FAIL_MAX; slot++)
			assert_int_equal(account_failures(&account, slot), from.failed[slot]);
		assert_int_equal(account.mm, from.mm);
		assert_int_equal(account.opened, from.opened);
		assert_int_equal(account.closed, from.closed);
		assert_int_equal(account.first_change_ns, from.first_change_ns);
		assert_int_equal(account.last_change_ns, from.last_change_ns);
		assert_int_equal(account.map_count, from.map_count);
		assert_int_equal(account.baseline, from.baseline);
		assert_int_equal(account.high_water, from.high_water);
		assert_int_equal(account.execs, turn);
		assert_int_equal(account.flags, MT_PROCESS_STOPPED);
		assert_int_equal(account.total_vm_pages, turn * 3);
		assert_int_equal(account.peak_vm_pages, turn * 4);
	}
	account_free(&account);
	account_free(&account); /* twice does no harm */
}

/* 10 000 processes at rest: what they have not done takes no room. */
static void nothing_done_takes_no_room(void **state)
{
	struct mt_process from = fake_account(1000, 60000);
	struct account account = {0};

	(void)state;
	assert_int_equal(account_copy(&account, &from), 0);
	assert_null(account.tallies);
	assert_in_range(sizeof(account), 1, 96);
	assert_int_equal(account_failed_calls(&account), 0);
}

/* Splits are growth too, but they end when all is split: not mapping. */
static void mapping_leaves_out_splits(void **state)
{
	static const uint32_t mapping[] = {MT_OP_MMAP,	 MT_OP_BRK,	 MT_OP_MREMAP,
					   MT_OP_SHMAT,	 MT_OP_IO_SETUP, MT_OP_MAP_SHADOW_STACK,
					   MT_OP_EXECVE, MT_OP_EXECVEAT, MT_OP_OTHER};
	struct account account = {0};

	(void)state;
	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		fake_tally(&account, op, (struct mt_tally){.delta = 1});
	assert_int_equal(account_mapping(&account), COUNT(mapping));
	for (size_t i = 0; i < COUNT(mapping); i++)
		fake_tally(&account, mapping[i], (struct mt_tally){0});
	assert_int_equal(account_mapping(&account), 0);
}

/* As large as it ever was, to a sixteenth: a leak grows, a pool that is refilled does not. */
static void address_space_at_its_peak(void **state)
{
	struct account account = {0};

	(void)state;
	assert_true(account_at_peak(&account)); /* no figures: nothing speaks against it */
	account.peak_vm_pages = 1600;
	for (int off = -1; off <= 1; off++) {
		account.total_vm_pages = (uint64_t)(1500 + off);
		assert_int_equal(account_at_peak(&account), off >= 0);
	}
	account.peak_vm_pages = 10; /* too small to have a sixteenth */
	account.total_vm_pages = 9;
	assert_false(account_at_peak(&account));
	account.total_vm_pages = account.peak_vm_pages = UINT64_MAX;
	assert_true(account_at_peak(&account));
}

static void calls_that_succeeded_and_failed(void **state)
{
	struct account account = {0};

	(void)state;
	assert_int_equal(account_good_calls(&account, MT_OP_MMAP), 0);
	assert_int_equal(account_failed_calls(&account), 0);
	fake_tally(&account, MT_OP_MMAP, (struct mt_tally){.calls = 10, .failed = 10});
	fake_tally(&account, MT_OP_MUNMAP, (struct mt_tally){.calls = UINT32_MAX, .failed = 1});
	fake_tally(&account, MT_OP_MAX - 1, (struct mt_tally){.calls = UINT32_MAX, .failed = UINT32_MAX});
	assert_int_equal(account_good_calls(&account, MT_OP_MMAP), 0);
	assert_int_equal(account_good_calls(&account, MT_OP_MUNMAP), UINT32_MAX - 1);
	assert_int_equal(account_failed_calls(&account), 11 + (uint64_t)UINT32_MAX);
}

/* A copy read while its calls had been counted and its failures not yet, or the other way round. */
static void good_calls_of_a_torn_copy(void **state)
{
	struct account account = {0};

	(void)state;
	fake_tally(&account, MT_OP_MMAP, (struct mt_tally){.calls = 1, .failed = 2});
	assert_int_equal(account_good_calls(&account, MT_OP_MMAP), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_while_the_law_holds),
		cmocka_unit_test(torn_when_any_side_differs),
		cmocka_unit_test(whole_at_the_widest_counts),
		cmocka_unit_test(mapping_leaves_out_splits),
		cmocka_unit_test(mends_a_torn_copy),
		cmocka_unit_test(mends_no_more_than_needed),
		cmocka_unit_test(mends_what_began_at_nothing),
		cmocka_unit_test(calls_that_succeeded_and_failed),
		cmocka_unit_test(address_space_at_its_peak),
		cmocka_unit_test(good_calls_of_a_torn_copy),
		cmocka_unit_test(taken_as_it_is),
		cmocka_unit_test(nothing_done_takes_no_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
