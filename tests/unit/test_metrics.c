/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/sink/metrics.c and page.c: bounded, and nothing that a name holds becomes syntax. */
#include "fake.h"

#include <stdio.h>

#include <stdlib.h>

#include "fake_tally.h"
#include "metrics.h"
#include "page.h"

static const char hostile[] = "x\"} 1\n# EOF<b>'&\x1b[2J\xff";

static void add_process(struct model *model, uint32_t pid, uint32_t maps, const char *comm)
{
	struct mt_process account = fake_account(pid, 10);

	memset(account.comm, 0, sizeof(account.comm));
	memcpy(account.comm, comm, strnlen(comm, sizeof(account.comm)));
	for (unsigned int i = 1; i <= 5; i++) {
		fake_change(&account, MT_OP_MMAP, maps / 5, (int32_t)(maps / 5), fake_ns(i));
		assert_non_null(model_update(model, &account, fake_ns(i)));
	}
}

static struct metrics_facts facts_of(const struct model *model, const struct lifetime *lifetime)
{
	return (struct metrics_facts){
		.model = model,
		.lifetime = lifetime,
		.limit = LIMIT,
		.top = 20,
		.version = "1",
		.kernel = hostile,
		.plan = "witness",
	};
}

static unsigned int count_of(const struct buf *buf, const char *what)
{
	unsigned int count = 0;

	for (const char *at = buf->data; (at = memmem(at, (size_t)(buf->data + buf->len - at), what, strlen(what)));
	     at += strlen(what))
		count++;
	return count;
}

/* Each line is a comment, or a sample: a name, labels in quotes that are closed, a number. */
static void assert_syntax(const struct buf *buf, bool has_end)
{
	const char *at = buf->data, *end = buf->data + buf->len;

	assert_true(buf->len > 0 && end[-1] == '\n');
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		bool quoted = false;
		unsigned int closed = 0;

		assert_non_null(newline);
		if (newline + 1 == end && has_end) {
			assert_memory_equal(at, "# EOF", 5);
			break;
		}
		if (strncmp(at, "# HELP ", 7) != 0 && strncmp(at, "# TYPE ", 7) != 0) {
			assert_memory_equal(at, "mmaptrace_", 10);
			for (const char *c = at; c < newline; c++) {
				assert_true((unsigned char)*c >= ' ');
				if (quoted && *c == '\\')
					c++;
				else if (*c == '"')
					quoted = !quoted;
				else if (!quoted && *c == '}')
					closed++;
			}
			assert_false(quoted);
			assert_in_range(closed, 0, 1);
		}
		at = newline + 1;
	}
}

static void names_stay_names(void **state)
{
	struct model model = {0};
	struct lifetime lifetime = {0};
	struct metrics_facts facts = facts_of(&model, &lifetime);
	struct buf old = {0}, open = {0};

	(void)state;
	thresholds_default(&model.thresholds, LIMIT);
	add_process(&model, 100, 500, hostile);
	add_process(&model, 101, 50, "fine");
	metrics_add(&old, EXPOSITION_PROMETHEUS, &facts);
	metrics_add(&open, EXPOSITION_OPENMETRICS, &facts);
	assert_syntax(&old, false);
	assert_syntax(&open, true);
	assert_int_equal(count_of(&open, "# EOF\n"), 1);
	assert_int_equal(count_of(&old, "# EOF\n"), 0);
	assert_int_equal(count_of(&old, "# TYPE mmaptrace_maps_opened_total counter\n"), 1);
	assert_int_equal(count_of(&open, "# TYPE mmaptrace_maps_opened counter\n"), 1);
	buf_free(&old);
	buf_free(&open);
	model_free(&model);
}

static void as_many_series_as_asked_for(void **state)
{
	struct model model = {0};
	struct lifetime lifetime = {.opened = 7};
	struct metrics_facts facts = facts_of(&model, &lifetime);
	struct buf buf = {0};

	(void)state;
	thresholds_default(&model.thresholds, LIMIT);
	for (uint32_t i = 0; i < 500; i++) {
		char comm[16];

		snprintf(comm, sizeof(comm), "c%u", i);
		add_process(&model, 1000 + i, 10 + i, comm);
	}
	metrics_add(&buf, EXPOSITION_PROMETHEUS, &facts);
	assert_int_equal(count_of(&buf, "\nmmaptrace_process_maps{"), facts.top);
	assert_int_equal(count_of(&buf, "\nmmaptrace_group_maps{"), METRICS_GROUPS_MAX);
	assert_int_equal(count_of(&buf, "\nmmaptrace_group_maps{comm=\"(others)\"}"), 1);
	assert_int_equal(count_of(&buf, "\nmmaptrace_processes 500\n"), 1);
	buf_free(&buf);
	model_free(&model);
}

static void what_accept_asks_for(void **state)
{
	(void)state;
	assert_int_equal(metrics_choose(NULL), EXPOSITION_PROMETHEUS);
	assert_int_equal(metrics_choose("*/*"), EXPOSITION_PROMETHEUS);
	assert_int_equal(metrics_choose("application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.1"),
			 EXPOSITION_OPENMETRICS);
}

/* No tag, no attribute, no control character comes from a name; and there is a curve. */
static void the_page_is_ours(void **state)
{
	struct model model = {0};
	struct lifetime lifetime = {0};
	struct metrics_facts metrics = facts_of(&model, &lifetime);
	struct page_advice advice = {.key = {.pid = 100, .start_ns = 60 * SECOND}, .text = hostile, .site = hostile};
	struct page_facts facts = {
		.metrics = &metrics, .host = hostile, .now_ns = fake_ns(6), .advice = &advice, .advice_count = 1};
	struct buf buf = {0};

	(void)state;
	thresholds_default(&model.thresholds, LIMIT);
	page_add(&buf, &facts);
	assert_int_equal(count_of(&buf, "No process has been seen yet"), 1);
	buf_consume(&buf, buf.len);
	add_process(&model, 100, 500, hostile);
	page_add(&buf, &facts);
	assert_int_equal(count_of(&buf, "<polyline class=curve"), 1);
	assert_int_equal(count_of(&buf, "<b>"), 0);
	assert_int_equal(count_of(&buf, "<script"), 0);
	assert_int_equal(count_of(&buf, "\x1b"), 0);
	assert_int_equal(count_of(&buf, "\xff"), 0);
	assert_true(count_of(&buf, "&lt;b&gt;") >= 3);
	buf_free(&buf);
	model_free(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_stay_names),
		cmocka_unit_test(as_many_series_as_asked_for),
		cmocka_unit_test(what_accept_asks_for),
		cmocka_unit_test(the_page_is_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
