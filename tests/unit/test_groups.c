/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/groups.c: names of cgroups, each kept once. */
#include "fake.h"

#include <stdio.h>

#include "groups.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void kept_once(void **state)
{
	const char *id = NULL;
	struct groups *groups = NULL;
	char path[] = "/system.slice/cron.service";
	const char *first = groups_take(&groups, path, &id), *second;

	(void)state;
	assert_string_equal(first, "/system.slice/cron.service");
	assert_ptr_not_equal(first, path);
	assert_null(id);
	path[1] = 'S'; /* the caller's copy may go */
	assert_string_equal(first, "/system.slice/cron.service");
	second = groups_take(&groups, "/system.slice/cron.service", &id);
	assert_ptr_equal(second, first);
	groups_release(&groups, first);
	assert_string_equal(second, "/system.slice/cron.service"); /* one user is left */
	groups_release(&groups, second);
	assert_null(groups);
}

static void container_of_a_path(void **state)
{
	const char *id = NULL;
	struct groups *groups = NULL;
	const char *path = groups_take(&groups, "/docker/" ID, &id);

	(void)state;
	assert_string_equal(id, ID);
	groups_release(&groups, path);
	assert_null(groups);
}

static void nothing_to_release(void **state)
{
	struct groups *groups = NULL;

	(void)state;
	groups_release(&groups, NULL);
	groups_release(&groups, "/never/taken");
	assert_null(groups);
}

static void many(void **state)
{
	const char *paths[2000], *id;
	struct groups *groups = NULL;

	(void)state;
	for (unsigned int i = 0; i < COUNT(paths); i++) {
		char path[32];

		snprintf(path, sizeof(path), "/group/%u", i % 700);
		paths[i] = groups_take(&groups, path, &id);
		assert_string_equal(paths[i], path);
		if (i >= 700)
			assert_ptr_equal(paths[i], paths[i - 700]);
	}
	for (unsigned int i = 0; i < COUNT(paths); i++)
		groups_release(&groups, paths[i]);
	assert_null(groups);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kept_once),
		cmocka_unit_test(container_of_a_path),
		cmocka_unit_test(nothing_to_release),
		cmocka_unit_test(many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
