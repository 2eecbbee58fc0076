/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/site.c, stack.c, stack_table.c: what a call site holds, and which line is to blame. */
#include "fake.h"

#include <stdlib.h>

#include "site.h"
#include "stack_table.h"

/* ---- what it holds ---- */

static int64_t held(int64_t delta, int64_t live, uint64_t unmapped)
{
	const struct site site = {.delta = delta, .live = live, .unmapped = unmapped, .growth = 25};

	return site_held(&site);
}

static void maps_that_stay(void **state)
{
	(void)state;
	assert_int_equal(held(0, 0, 0), 0);
	assert_int_equal(held(20, 0, 0), 20); /* holes: a munmap makes no map, but leaves two */
	assert_int_equal(held(30, 0, 0), 25); /* some of which others have closed */
	assert_int_equal(held(-30, 0, 0), 0);
	assert_int_equal(held(58112, 57088, 1024), 57088); /* FIELD.md's story */
	assert_int_equal(held(1024, 0, 1024), 0);
	assert_int_equal(held(1, 1000, 0), 1);	     /* they merged */
	assert_int_equal(held(2000, 1000, 0), 2000); /* splits: two maps more each */
	assert_int_equal(held(2000, 10, 990), 20);   /* and merged again */
	assert_int_equal(held(-5, 5, 0), 0);
	assert_int_equal(held(10, 500, 0), 10); /* of one map many parts are left */
}

/* ---- the list ---- */

static void put(struct site_list *list, uint64_t stack, uint32_t op, int64_t delta, int64_t live)
{
	const struct mt_site_key key = {.mm = 1, .stack = stack, .tgid = 2, .op = op};
	const struct mt_site site = {.delta = delta, .live = live, .calls = 3};

	assert_int_equal(site_list_add(list, &key, &site), 0);
}

static void enter(const struct site_list *list, struct ledger *ledger, uint64_t addr, uint64_t len, uint64_t stack,
		  uint32_t op)
{
	static uint64_t ts_ns;
	const struct mt_map_key key = {.mm = 1, .addr = addr};
	const struct mt_map map = {.len = len, .ts_ns = ++ts_ns, .stack = stack, .op = op, .tgid = 2};

	assert_int_equal(site_list_enter(list, &key, &map, ledger), 0);
}

static void ranked(void **state)
{
	struct site_list list = {0};

	(void)state;
	for (unsigned int i = 0; i < 200; i++)
		put(&list, i + 1, MT_OP_MMAP, i * 7 % 200, 1);
	put(&list, 500, MT_OP_MAX, 1, 1); /* of a newer kernel side */
	site_list_sort(&list);
	site_list_rank(&list);
	assert_int_equal(list.count, 201);
	for (unsigned int i = 1; i < list.count; i++)
		assert_true(site_held(&list.sites[i - 1]) >= site_held(&list.sites[i]));
	site_list_free(&list);
	assert_int_equal(list.count, 0);
}

static void recounted(void **state)
{
	struct site_list list = {0};
	struct ledger ledger = {0};

	(void)state;
	put(&list, 9, MT_OP_MMAP, 3, 100);
	put(&list, 9, MT_OP_MPROTECT, 2, 1);
	put(&list, 4, MT_OP_SHMAT, 1, 1);
	site_list_sort(&list);
	enter(&list, &ledger, 0x10000, 0x4000, 9, MT_OP_MMAP);
	enter(&list, &ledger, 0x11000 | MT_MAP_SPLIT, 0x1000, 9, MT_OP_MPROTECT);
	enter(&list, &ledger, 0x20000, 0, 4, MT_OP_SHMAT);	/* its length is not known */
	enter(&list, &ledger, 0x30000, 0x1000, 77, MT_OP_MMAP); /* a site that found no room */
	assert_int_equal(ledger_sort(&ledger), 0);
	site_list_recount(&list);
	site_list_count(&list, ledger_owner(&ledger, 0x1000, 0x1000 + 0x1000), 0x1000,
			false); /* older than the trace */
	site_list_count(&list, ledger_owner(&ledger, 0x10000, 0x10000 + 0x1000), 0x1000, false);
	site_list_count(&list, ledger_owner(&ledger, 0x11000, 0x11000 + 0x1000), 0x1000, false);
	site_list_count(&list, ledger_owner(&ledger, 0x12000, 0x12000 + 0x2000), 0x2000, false);
	site_list_count(&list, ledger_owner(&ledger, 0x20000, 0x20000 + 0x8000), 0x8000, false);
	site_list_count(&list, ledger_owner(&ledger, 0x30000, 0x30000 + 0x1000), 0x1000, false);
	assert_true(list.is_exact);
	assert_int_equal(list.all, 6);
	assert_int_equal(list.nobodys, 2);
	for (unsigned int i = 0; i < list.count; i++) {
		const struct site *site = &list.sites[i];

		assert_int_equal(site->live, site->op == MT_OP_MMAP ? 2 : 1);
		assert_int_equal(site->bytes, site->op == MT_OP_MMAP	   ? 0x3000
					      : site->op == MT_OP_MPROTECT ? 0x1000
									   : 0x8000);
	}
	ledger_free(&ledger);
	site_list_free(&list);
}

/* Guard pages left by a munmap that is too short: counted while the maps can be read, and carried to the end. */
static void rests_are_carried(void **state)
{
	struct site_list live = {0}, ended = {0};
	struct site_shares shares = {0};
	struct ledger ledger = {0};

	(void)state;
	put(&live, 9, MT_OP_MMAP, 1, 1);
	put(&live, 9, MT_OP_MPROTECT, 1, 1);
	site_list_sort(&live);
	enter(&live, &ledger, 0x10000, 0x11000, 9, MT_OP_MMAP);
	enter(&live, &ledger, 0x10000 | MT_MAP_SPLIT, 0x1000, 9, MT_OP_MPROTECT);
	assert_int_equal(ledger_sort(&ledger), 0);
	site_list_recount(&live);
	site_list_count(&live, ledger_owner(&ledger, 0x10000, 0x11000), 0x1000, false);
	site_list_count_rests(&live, &ledger);
	site_list_keep(&live, &shares);

	put(&ended, 9, MT_OP_MMAP, 8, 8);
	put(&ended, 9, MT_OP_MPROTECT, 8, 8);
	put(&ended, 10, MT_OP_MMAP, 5, 5);
	site_list_sort(&ended);
	site_list_carry(&ended, &shares);
	for (unsigned int i = 0; i < ended.count; i++) {
		const struct site *site = &ended.sites[i];
		bool splits = site->op == MT_OP_MPROTECT;

		assert_int_equal(site->live, site->stack_id == 10 ? 5 : splits ? 8 : 0);
		assert_int_equal(site_held(site), site->live);
		assert_int_equal(site_cut(site), splits ? 8 : 0);
		assert_int_equal(site->cut_len, splits ? 0x10000 : 0);
	}
	site_list_restore(&live);
	for (unsigned int i = 0; i < live.count; i++)
		assert_int_equal(live.sites[i].live, 1);
	site_shares_free(&shares);
	ledger_free(&ledger);
	site_list_free(&live);
	site_list_free(&ended);
}

/* Java's one line is reached by interpreted and by compiled code. */
static void one_line(void **state)
{
	struct frame line = {.module = "/lib/libnio.so", .offset = 0x10, .function = "map0"};
	struct frame other = {.module = "/lib/libnio.so", .offset = 0x20, .function = "map0"};
	struct stack stacks[] = {{.id = 1, .count = 1, .frames = &line},
				 {.id = 2, .count = 1, .frames = &line},
				 {.id = 3, .count = 1, .frames = &other}};
	struct site_list list = {0};

	(void)state;
	put(&list, 1, MT_OP_MMAP, 10, 10);
	put(&list, 2, MT_OP_MMAP, 30, 30);
	put(&list, 3, MT_OP_MMAP, 20, 20);
	put(&list, 2, MT_OP_MUNMAP, -5, 0);
	put(&list, 4, MT_OP_MMAP, 7, 7); /* of these two the line is not known */
	put(&list, 5, MT_OP_MMAP, 6, 6);
	for (unsigned int i = 0; i < 4; i++)
		list.sites[i].stack = &stacks[list.sites[i].stack_id - 1];
	site_list_merge(&list);
	assert_int_equal(list.count, 5);
	assert_int_equal(list.sites[0].delta, 40);
	assert_int_equal(list.sites[0].stack_id, 2); /* of the one that held more */
	assert_int_equal(list.sites[0].stacks, 2);
	assert_int_equal(list.sites[0].calls, 6);
	assert_int_equal(list.sites[1].delta, 20);
	site_list_merge(&list);
	assert_int_equal(list.count, 5);
	site_list_free(&list);
	site_list_merge(&list);
	assert_int_equal(list.count, 0);
}

/* ---- which line ---- */

static const char *culprit(const struct frame *frames, uint32_t count)
{
	const struct stack stack = {.frames = (struct frame *)frames, .count = count};
	const struct frame *frame = stack_culprit(&stack);

	return frame ? frame->function ? frame->function : "?" : NULL;
}

static void who_is_to_blame(void **state)
{
	const struct frame frames[] = {
		{.module = "/usr/lib/x86_64-linux-gnu/libc.so.6", .function = "mmap"},
		{.module = "/usr/lib/x86_64-linux-gnu/libstdc++.so.6.0.30", .function = "operator new(unsigned long)"},
		{.module = "/lib64/ld-linux-x86-64.so.2"},
		{.module = "[vdso]"},
		{.address = 1},
		{.module = "/opt/svc", .function = "__libc_malloc"},
		{.module = "/opt/svc", .function = "operator new[](unsigned long)"},
		{.module = "/opt/svc", .function = "load_frame"},
		{.module = "/opt/svc", .function = "main"},
	};

	(void)state;
	assert_null(stack_culprit(NULL));
	assert_null(culprit(frames, 0));
	assert_null(culprit(frames, 7));
	assert_string_equal(culprit(frames, 8), "load_frame");
	assert_string_equal(culprit(frames, 9), "load_frame");
	assert_string_equal(culprit(&(struct frame){.module = "/opt/stripped"}, 1), "?");
	assert_string_equal(culprit(&(struct frame){.module = "/opt/libcurl.so.4", .function = "f"}, 1), "f");
	assert_string_equal(culprit(&(struct frame){.module = "/opt/a", .function = "mmap_all"}, 1), "mmap_all");
}

/* ---- stacks by number ---- */

static void names_come_later(void **state)
{
	const uint64_t ips[] = {0x10, 0x20};
	const struct stack_event event = {.id = 5, .start_ns = 3, .pid = 2, .count = 2, .ips = ips};
	struct frame frames[] = {{.address = 0x10, .function = "f", .module = "m"}};
	const struct stack words = {.id = 5, .count = 1, .frames = frames, .end = MT_STACK_CUT_DEPTH};
	const struct stack other = {.id = 6};
	struct stack_table table = {0};
	const struct known_stack *known;

	(void)state;
	assert_null(stack_table_find(&table, 5));
	known = stack_table_add(&table, &event);
	assert_non_null(known);
	assert_ptr_equal(stack_table_add(&table, &event), known);
	assert_false(known->resolved);
	assert_int_equal(known->stack->count, 2);
	assert_int_equal(known->stack->frames[1].address, 0x20);
	assert_null(known->stack->frames[1].function);
	stack_table_resolve(&table, &words);
	stack_table_resolve(&table, &other); /* forgotten meanwhile */
	assert_null(stack_table_find(&table, 6));
	known = stack_table_find(&table, 5);
	assert_true(known->resolved);
	assert_int_equal(known->stack->count, 1);
	assert_string_equal(known->stack->frames[0].function, "f");
	assert_ptr_not_equal(known->stack->frames[0].module, frames[0].module);
	stack_table_forget(&table, 2, 4); /* another process of that pid */
	assert_non_null(stack_table_find(&table, 5));
	stack_table_forget(&table, 2, 3);
	assert_null(stack_table_find(&table, 5));
	stack_table_add(&table, &event);
	stack_table_free(&table);
}

/* What many stacks of a process have in common is there once, and goes with the process. */
static void texts_are_shared(void **state)
{
	const uint64_t ips[] = {0x10};
	char function[] = "main", again[] = "main";
	struct frame frames[] = {{.function = function}, {.function = again}};
	struct stack_table table = {0};
	const char *kept = NULL;

	(void)state;
	for (uint64_t id = 1; id <= 3; id++) {
		const struct stack_event event = {
			.id = id, .start_ns = 3, .pid = id < 3 ? 2 : 7, .count = 1, .ips = ips};
		const struct stack words = {.id = id, .count = 2, .frames = frames};
		const struct known_stack *known = stack_table_add(&table, &event);

		stack_table_resolve(&table, &words);
		assert_ptr_equal(known->stack->frames[0].function, known->stack->frames[1].function);
		if (id == 2)
			assert_ptr_equal(known->stack->frames[0].function, kept);
		else
			assert_ptr_not_equal(known->stack->frames[0].function, kept);
		kept = known->stack->frames[0].function;
	}
	stack_table_forget(&table, 2, 3);
	assert_string_equal(kept, "main"); /* of the other process */
	stack_table_free(&table);
}

/* What a process has mapped between the reading of the ledger and that of its maps is not carried on as a share. */
static void growth_meanwhile_is_no_difference(void **state)
{
	struct site_list live = {0}, later = {0}, ended = {0};
	struct site_shares shares = {0};

	(void)state;
	put(&live, 9, MT_OP_MMAP, 2550, 2550);
	put(&live, 10, MT_OP_MMAP, 100, 100);
	site_list_sort(&live);
	live.sites[0].live = 2551;
	live.sites[1].live = 50; /* merged: the ledger cannot know */
	put(&later, 9, MT_OP_MMAP, 2552, 2552);
	put(&later, 10, MT_OP_MMAP, 100, 100);
	site_list_sort(&later);
	site_list_settle(&live, &later);
	site_list_keep(&live, &shares);

	put(&ended, 9, MT_OP_MMAP, 5600, 5600);
	put(&ended, 10, MT_OP_MMAP, 200, 200);
	site_list_sort(&ended);
	site_list_carry(&ended, &shares);
	assert_int_equal(ended.sites[0].live, 5600);
	assert_int_equal(ended.sites[1].live, 100);
	site_shares_free(&shares);
	site_list_free(&live);
	site_list_free(&later);
	site_list_free(&ended);
}

static void ends_have_words(void **state)
{
	(void)state;
	assert_null(stack_end_text(MT_STACK_COMPLETE));
	for (enum mt_stack_end end = MT_STACK_COMPLETE + 1; end < MT_STACK_ENDS; end++) {
		assert_non_null(stack_end_text(end));
		assert_string_not_equal(stack_end_name(end), stack_end_name(end - 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(maps_that_stay),    cmocka_unit_test(ranked),
		cmocka_unit_test(recounted),	     cmocka_unit_test(one_line),
		cmocka_unit_test(who_is_to_blame),   cmocka_unit_test(names_come_later),
		cmocka_unit_test(texts_are_shared),  cmocka_unit_test(ends_have_words),
		cmocka_unit_test(rests_are_carried), cmocka_unit_test(growth_meanwhile_is_no_difference),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
