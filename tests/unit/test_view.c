/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/view.c: which processes are shown, and in which order. */
#include "fake.h"

#include <errno.h>
#include <stdio.h>

#include "fake_tally.h"
#include "view.h"

#define ROWS 5

/* In order, all of them. */
static void view_sort(const struct process **rows, unsigned int count, enum sort_key key)
{
	const struct process *room[ROWS];
	struct view_top top = {.rows = room, .room = ROWS, .key = key};

	for (unsigned int i = 0; i < count; i++)
		view_offer(&top, rows[i]);
	view_finish(&top);
	assert_int_equal(top.count, count);
	memcpy(rows, room, count * sizeof(*rows));
}

/* Each key puts them in an order of its own. */
static void rows_make(struct process *processes)
{
	static const struct {
		uint32_t pid, map_count, mmaps, failed;
		uint64_t opened, closed;
		double rate_per_s, eta_s;
		const char *comm;
	} rows[ROWS] = {
		{10, 500, 7, 0, 40, 400, -2, INFINITY, "delta"}, {20, 100, 9, 3, 50, 0, 0, INFINITY, "alpha"},
		{30, 65531, 1, 9, 10, 300, 5, 0, "charlie"},	 {40, 300, 5, 1, 90, 100, 900, 3600, "bravo"},
		{50, 200, 3, 2, 20, 200, 0.5, 86400, "echo"},
	};

	memset(processes, 0, ROWS * sizeof(*processes));
	for (unsigned int i = 0; i < ROWS; i++) {
		struct process *process = &processes[i];

		process->key.pid = rows[i].pid;
		snprintf(process->comm, sizeof(process->comm), "%s", rows[i].comm);
		process->account.map_count = rows[i].map_count;
		process->account.opened = rows[i].opened;
		process->account.closed = rows[i].closed;
		fake_tally(&process->account, MT_OP_MMAP, (struct mt_tally){.calls = rows[i].mmaps});
		fake_tally(&process->account, MT_OP_BRK, (struct mt_tally){.failed = rows[i].failed});
		process->forecast.rate_per_s = rows[i].rate_per_s;
		process->forecast.eta_s = rows[i].eta_s;
	}
}

static void sort_keys(void **state)
{
	static const struct {
		enum sort_key key;
		uint32_t pids[ROWS];
	} rows[] = {
		{SORT_RATIO, {30, 10, 40, 50, 20}},  {SORT_MAPS, {30, 10, 40, 50, 20}},
		{SORT_RATE, {40, 30, 50, 20, 10}},   {SORT_ETA, {30, 40, 50, 10, 20}}, /* never: last, by pid */
		{SORT_OPENED, {40, 20, 10, 50, 30}}, {SORT_CLOSED, {10, 30, 50, 40, 20}},
		{SORT_MMAPS, {20, 10, 40, 50, 30}},  {SORT_FAILED, {30, 20, 50, 40, 10}},
		{SORT_PID, {10, 20, 30, 40, 50}},    {SORT_COMM, {20, 40, 30, 10, 50}},
	};
	struct process processes[ROWS];
	uint64_t seed = 11;

	(void)state;
	rows_make(processes);
	for (size_t i = 0; i < COUNT(rows); i++) {
		const struct process *view[ROWS] = {&processes[4], &processes[0], &processes[3], &processes[1],
						    &processes[2]};
		unsigned int a = fake_below(&seed, ROWS), b = fake_below(&seed, ROWS);
		const struct process *swapped = view[a];

		view[a] = view[b];
		view[b] = swapped;
		view_sort(view, ROWS, rows[i].key);
		for (unsigned int j = 0; j < ROWS; j++)
			assert_int_equal(view[j]->key.pid, rows[i].pids[j]);
	}
}

/* The same on every refresh: equal ones do not change places. */
static void ties_go_by_pid(void **state)
{
	struct process processes[ROWS] = {0};

	(void)state;
	for (unsigned int i = 0; i < ROWS; i++) {
		processes[i].key.pid = 4194304 - i;
		processes[i].forecast.eta_s = INFINITY;
		memcpy(processes[i].comm, "same", 5);
	}
	for (enum sort_key key = SORT_RATIO; key <= SORT_COMM; key++) {
		const struct process *view[ROWS];

		for (unsigned int i = 0; i < ROWS; i++)
			view[i] = &processes[i];
		view_sort(view, ROWS, key);
		for (unsigned int i = 0; i < ROWS; i++)
			assert_int_equal(view[i]->key.pid, 4194304 - ROWS + 1 + i);
	}
}

static void widest_values(void **state)
{
	struct process processes[2] = {{.key = {.pid = 1}}, {.key = {.pid = 2}}};
	const struct process *view[2] = {&processes[0], &processes[1]};

	(void)state;
	processes[0].account.map_count = UINT32_MAX - 1;
	processes[1].account.map_count = UINT32_MAX;
	view_sort(view, 2, SORT_MAPS);
	assert_int_equal(view[0]->key.pid, 2);
	view_sort(view, 0, SORT_MAPS);
	view_sort(view, 1, SORT_MAPS);
}

/* The first of many are those that come first when all are in order. */
static void first_of_many(void **state)
{
	enum { MANY = 300 };
	static struct process processes[MANY];
	const struct process *all[MANY], *some[MANY];
	uint64_t seed = 21;

	(void)state;
	for (unsigned int turn = 0; turn < 300; turn++) {
		unsigned int count = fake_below(&seed, MANY), room = fake_below(&seed, turn % 2 ? 20 : MANY);
		enum sort_key key = fake_below(&seed, SORT_COMM + 1);
		struct view_top every = {.rows = all, .room = MANY, .key = key};
		struct view_top top = {.rows = some, .room = room, .key = key};

		for (unsigned int i = 0; i < count; i++) {
			processes[i].key.pid = 1 + i * 7919 % MANY;
			processes[i].account.map_count = fake_below(&seed, 50);
			processes[i].forecast.eta_s = fake_below(&seed, 3) ? INFINITY : fake_below(&seed, 9);
			snprintf(processes[i].comm, sizeof(processes[i].comm), "%u", fake_below(&seed, 40));
			view_offer(&every, &processes[i]);
			view_offer(&top, &processes[i]);
		}
		view_finish(&every);
		view_finish(&top);
		assert_int_equal(every.count, count);
		assert_int_equal(top.count, count < room ? count : room);
		assert_memory_equal(some, all, top.count * sizeof(some[0]));
	}
}

static void key_names(void **state)
{
	static const char *const names[] = {"ratio",  "maps",  "rate",	 "eta", "opened",
					    "closed", "mmaps", "failed", "pid", "comm"};
	static const char *const bad[] = {"", "ratios", "rati", "RATIO", " pid", "pid ", "pid,comm"};
	char list[128] = "";
	enum sort_key key;

	(void)state;
	for (unsigned int i = 0; i < COUNT(names); i++) {
		assert_int_equal(sort_key_parse(names[i], &key), 0);
		assert_int_equal(key, i);
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", i ? ", " : "", names[i]);
	}
	assert_string_equal(sort_key_names(), list);
	key = SORT_ETA;
	for (unsigned int i = 0; i < COUNT(bad); i++)
		assert_int_equal(sort_key_parse(bad[i], &key), -EINVAL);
	assert_int_equal(key, SORT_ETA);
}

static void cgroup_prefixes(void **state)
{
	static const struct {
		const char *path, *prefix;
		bool within;
	} rows[] = {
		{"/system.slice", "/system.slice", true},
		{"/system.slice/redis.service", "/system.slice", true},
		{"/system.slice/redis.service", "/system.slice/", true},
		{"/system.slice/redis.service", "/system.slice//", true},
		{"/system.slice2", "/system.slice", false}, /* a name that only begins alike */
		{"/system.slic", "/system.slice", false},
		{"/user.slice/system.slice", "/system.slice", false},
		{"/system.slice", "/system.slice/redis.service", false},
		{"/", "/", true},
		{"/anything", "/", true},
		{"/anything", "", true},
		{"", "/", true},
		{"", "/a", false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		assert_int_equal(cgroup_is_within(rows[i].path, rows[i].prefix), rows[i].within);
}

static void filters(void **state)
{
	struct process process = {.comm = "redis-server", .in_cgroup = true}, outside = {.comm = "redis-server"};
	static const struct {
		struct view_filter filter;
		bool wanted;
	} rows[] = {
		{{0}, true},
		{{.comm = "redis"}, true},
		{{.comm = "server"}, true},
		{{.comm = ""}, true},
		{{.comm = "Redis"}, false},
		{{.comm = "redis-servers"}, false},
		{{.in_cgroup = true}, true},
		{{.comm = "redis", .in_cgroup = true}, true},
		{{.comm = "mysql", .in_cgroup = true}, false},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_int_equal(view_wants(&rows[i].filter, &process), rows[i].wanted);
		assert_int_equal(view_wants(&rows[i].filter, &outside), rows[i].wanted && !rows[i].filter.in_cgroup);
	}
}

static void failed_only(void **state)
{
	static const struct view_filter filter = {.failed_only = true};
	struct process process = {.comm = "x"};

	(void)state;
	assert_false(view_wants(&filter, &process));
	fake_tally(&process.account, MT_OP_MAX - 1, (struct mt_tally){.failed = 1});
	assert_true(view_wants(&filter, &process));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sort_keys),   cmocka_unit_test(ties_go_by_pid),  cmocka_unit_test(widest_values),
		cmocka_unit_test(key_names),   cmocka_unit_test(cgroup_prefixes), cmocka_unit_test(filters),
		cmocka_unit_test(failed_only), cmocka_unit_test(first_of_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
