/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/io/procfs.c: when a process began, whatever it calls itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "procfs.h"

static void start_behind_any_name(void **state)
{
	static const char *const names[] = {"a\n) S 1 2 3", ") R 1 1 1 1 1", "((((", "))))", "\n", ""};
	uint64_t expected, start_ns;
	char old[16];

	(void)state;
	assert_int_equal(prctl(PR_SET_NAME, "plain"), 0);
	assert_int_equal(procfs_start_ns((uint32_t)getpid(), &expected), 0);
	assert_true(expected > 0);
	assert_int_equal(prctl(PR_GET_NAME, old), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(prctl(PR_SET_NAME, names[i]), 0);
		start_ns = 0;
		assert_int_equal(procfs_start_ns((uint32_t)getpid(), &start_ns), 0);
		assert_int_equal(start_ns, expected);
	}
	prctl(PR_SET_NAME, old);
}

static void start_of_nobody(void **state)
{
	uint64_t start_ns = 7;

	(void)state;
	assert_true(procfs_start_ns(0x7fffffff, &start_ns) < 0);
	assert_int_equal(start_ns, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(start_behind_any_name), cmocka_unit_test(start_of_nobody)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
