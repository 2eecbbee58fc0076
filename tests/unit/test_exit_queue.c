/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/exit_queue.c: ends wait for what came before them. */
#include "fake.h"

#include "exit_queue.h"

static bool put(struct exit_queue *queue, uint64_t ts_ns)
{
	struct mt_process account = {.tgid = (uint32_t)ts_ns};

	return exit_queue_put(queue, ts_ns, &account);
}

static void check_take(struct exit_queue *queue, uint64_t before_ns, uint64_t ts_ns)
{
	const struct exit_event *event = exit_queue_take(queue, before_ns);

	assert_non_null(event);
	assert_int_equal(event->ts_ns, ts_ns);
	assert_int_equal(event->account.tgid, ts_ns);
}

static void empty(void **state)
{
	struct exit_queue queue = {0};

	(void)state;
	assert_null(exit_queue_take(&queue, UINT64_MAX));
	exit_queue_free(&queue);
}

static void only_what_is_older(void **state)
{
	struct exit_queue queue = {0};

	(void)state;
	assert_true(put(&queue, 10));
	assert_true(put(&queue, 20));
	assert_null(exit_queue_take(&queue, 9));
	assert_null(exit_queue_take(&queue, 10)); /* an operation of the same instant is before it */
	check_take(&queue, 11, 10);
	assert_null(exit_queue_take(&queue, 20));
	check_take(&queue, UINT64_MAX, 20);
	assert_null(exit_queue_take(&queue, UINT64_MAX));
	exit_queue_free(&queue);
}

/* Two CPUs may hand in theirs the other way round: none goes before one that came earlier. */
static void in_order_of_arrival(void **state)
{
	struct exit_queue queue = {0};

	(void)state;
	put(&queue, 20);
	put(&queue, 10);
	assert_null(exit_queue_take(&queue, 15));
	check_take(&queue, 21, 20);
	check_take(&queue, 21, 10);
	exit_queue_free(&queue);
}

static void bounded(void **state)
{
	struct exit_queue queue = {0};

	(void)state;
	for (uint64_t i = 0; i < EXIT_QUEUE_MAX; i++)
		assert_true(put(&queue, i));
	assert_false(put(&queue, EXIT_QUEUE_MAX));
	check_take(&queue, UINT64_MAX, 0);
	assert_true(put(&queue, EXIT_QUEUE_MAX)); /* around the end of the array */
	assert_false(put(&queue, EXIT_QUEUE_MAX));
	for (uint64_t i = 1; i <= EXIT_QUEUE_MAX; i++)
		check_take(&queue, UINT64_MAX, i);
	assert_int_equal(queue.count, 0);
	exit_queue_free(&queue);
	exit_queue_free(&queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(empty),
		cmocka_unit_test(only_what_is_older),
		cmocka_unit_test(in_order_of_arrival),
		cmocka_unit_test(bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
