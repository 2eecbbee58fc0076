/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/saved.c and urgency.c: what a daemon keeps for the next run, and whom it looks at first. */
#include "fake.h"

#include <stdlib.h>

#include "fake_tally.h"
#include "saved.h"
#include "urgency.h"

#define BOOT  "5f0e8a9e-0000-4000-8000-000000000001"
#define OTHER "5f0e8a9e-0000-4000-8000-000000000002"

static struct model model_make(void)
{
	struct model model = {0};

	thresholds_default(&model.thresholds, LIMIT);
	return model;
}

/* A process that grows by a hundred maps a second for so long; returns it as the model has it. */
static struct process *grow(struct model *model, uint32_t pid, unsigned int seconds, struct mt_process *account)
{
	struct process *process = NULL;

	*account = fake_account(pid, 30);
	for (unsigned int i = 1; i <= seconds; i++) {
		fake_change(account, MT_OP_MMAP, 100, 100, fake_ns(i));
		process = model_update(model, account, fake_ns(i));
		assert_non_null(process);
	}
	return process;
}

static void open_finding(struct model *model, struct process *process, enum finding_kind kind, enum severity severity)
{
	if (!process->open)
		process->open = calloc(FINDING_KINDS, sizeof(*process->open));
	assert_non_null(process->open);
	process->open[kind].severity = severity;
	process->open[kind].raised_ns = fake_ns(7);
	model_enliven(model, process);
}

static void comes_back(void **state)
{
	struct model before = model_make(), after = model_make();
	struct lifetime lifetime = {.opened = 7, .ended = 3}, taken;
	struct saved_process saved;
	struct mt_process account;
	struct buf buf = {0};
	struct unpack rest;
	struct process *process = grow(&before, 100, 60, &account), *again;
	unsigned int count = 0;

	(void)state;
	open_finding(&before, process, FINDING_LEAK, SEVERITY_WARNING);
	lifetime.refusals[MT_OP_MMAP][REASON_MAX_MAP_COUNT] = 5;
	saved_pack(&buf, BOOT, &lifetime, &before, true);
	assert_false(buf.failed);

	assert_null(saved_open(&buf, BOOT, &taken, &rest));
	assert_memory_equal(&taken, &lifetime, sizeof(taken));
	again = model_update(&after, &account, fake_ns(61));
	while (saved_next(&rest, &saved)) {
		struct mt_process kept;

		count++;
		assert_int_equal(saved.key.pid, 100);
		assert_non_null(saved.account);
		memcpy(&kept, saved.account, sizeof(kept));
		assert_int_equal(kept.opened, account.opened);
		assert_int_equal(kept.map_count, account.map_count);
		saved_restore(&after, again, &saved);
	}
	assert_int_equal(count, 1);
	assert_false(rest.failed);
	assert_int_equal(process_open_finding(again, FINDING_LEAK).severity, SEVERITY_WARNING);
	assert_int_equal(process_open_finding(again, FINDING_LEAK).raised_ns, fake_ns(7));
	assert_int_equal(after.open_findings, 1);
	assert_non_null(again->trail);
	assert_int_equal(trail_size(again->trail), trail_size(process->trail));
	buf_free(&buf);
	model_free(&before);
	model_free(&after);
}

/* One that counts anew has another past: not the one that was kept. */
static void a_past_that_does_not_fit_is_left(void **state)
{
	struct model before = model_make(), after = model_make();
	struct lifetime lifetime = {0};
	struct saved_process saved;
	struct mt_process account;
	struct buf buf = {0};
	struct unpack rest;
	struct process *process;

	(void)state;
	grow(&before, 100, 60, &account);
	saved_pack(&buf, BOOT, &lifetime, &before, false);
	assert_null(saved_open(&buf, BOOT, &lifetime, &rest));
	account = fake_account(100, 6030);
	process = model_update(&after, &account, fake_ns(61));
	assert_true(saved_next(&rest, &saved));
	assert_null(saved.account);
	saved_restore(&after, process, &saved);
	assert_null(process->trail);
	buf_free(&buf);
	model_free(&before);
	model_free(&after);
}

static void damaged(void **state)
{
	struct model model = model_make();
	struct lifetime lifetime = {0};
	struct mt_process account;
	struct buf buf = {0};
	struct unpack rest;
	uint64_t seed = 11;

	(void)state;
	grow(&model, 100, 60, &account);
	saved_pack(&buf, BOOT, &lifetime, &model, true);
	assert_non_null(saved_open(&buf, OTHER, &lifetime, &rest));
	for (unsigned int turn = 0; turn < 500; turn++) {
		struct buf copy = {0};
		size_t at = fake_below(&seed, (uint32_t)buf.len);

		buf_add(&copy, buf.data, turn % 2 ? buf.len : at);
		if (turn % 2)
			copy.data[at] ^= (char)(1 + fake_below(&seed, 255));
		assert_non_null(saved_open(&copy, BOOT, &lifetime, &rest));
		buf_free(&copy);
	}
	buf_free(&buf);
	model_free(&model);
}

/* Whatever the bytes of a process are, they are read within their bounds. */
static void forged(void **state)
{
	uint64_t seed = 12;

	(void)state;
	for (unsigned int turn = 0; turn < 2000; turn++) {
		uint8_t bytes[256];
		struct unpack rest = {.at = bytes, .end = bytes + fake_below(&seed, sizeof(bytes))};
		struct saved_process saved;
		unsigned int count = 0;

		for (unsigned int i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)fake_below(&seed, turn % 2 ? 256 : 8);
		while (saved_next(&rest, &saved)) {
			free(trail_from_bytes(saved.trail, saved.trail ? saved.trail_len : 0));
			assert_in_range(++count, 1, sizeof(bytes));
		}
	}
}

static void the_most_urgent_first(void **state)
{
	const struct process *chosen[3];
	struct model model = model_make();
	struct process *processes[5];
	struct mt_process account;
	uint64_t all;

	(void)state;
	for (uint32_t i = 0; i < COUNT(processes); i++) {
		processes[i] = grow(&model, 200 + i, 10 + i, &account);
		processes[i]->forecast.eta_s = 1000 - i;
		open_finding(&model, processes[i], FINDING_LEAK, i == 0 ? SEVERITY_INFO : SEVERITY_WARNING);
	}
	open_finding(&model, processes[2], FINDING_EXHAUSTION, SEVERITY_CRITICAL);
	assert_int_equal(urgency_choose(&model, chosen, 3, &all), 3);
	assert_int_equal(all, 4); /* a note makes nobody a suspect */
	assert_ptr_equal(chosen[0], processes[2]);
	assert_ptr_equal(chosen[1], processes[4]);
	assert_ptr_equal(chosen[2], processes[3]);
	assert_int_equal(urgency_choose(&model, chosen, 0, &all), 0);
	assert_int_equal(all, 4);
	model_free(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comes_back),
		cmocka_unit_test(a_past_that_does_not_fit_is_left),
		cmocka_unit_test(damaged),
		cmocka_unit_test(forged),
		cmocka_unit_test(the_most_urgent_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
