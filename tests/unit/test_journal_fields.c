/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "cleanup.h"
#include "journal_fields.h"
#include "journal_reader.h"

#define FIELDS_MAX 16

static void says_all_that_is_known(void **state)
{
	struct journal_facts facts = {.type = "finding",
				      .kind = "leak",
				      .severity = "critical",
				      .sentence = "maps leak",
				      .comm = "java",
				      .unit = "app.service",
				      .pid = 42};
	struct journal_field fields[FIELDS_MAX];
	_cleanup_buf_ struct buf buf = {0};
	unsigned int count;

	(void)state;
	journal_fields(&buf, &facts, "{\"a\":1}\n", 8);
	count = journal_read(buf.data, buf.len, fields, FIELDS_MAX);
	assert_int_equal(count, 11);
	assert_field(fields, count, "MESSAGE", "maps leak");
	assert_field(fields, count, "MESSAGE_ID", JOURNAL_ID_LEAK);
	assert_field(fields, count, "PRIORITY", "2");
	assert_field(fields, count, "SYSLOG_IDENTIFIER", "mmaptrace");
	assert_field(fields, count, "MMAPTRACE_TYPE", "finding");
	assert_field(fields, count, "MMAPTRACE_KIND", "leak");
	assert_field(fields, count, "MMAPTRACE_SEVERITY", "critical");
	assert_field(fields, count, "MMAPTRACE_PID", "42");
	assert_field(fields, count, "MMAPTRACE_COMM", "java");
	assert_field(fields, count, "MMAPTRACE_UNIT", "app.service");
	assert_field(fields, count, "MMAPTRACE_JSON", "{\"a\":1}");
}

static void leaves_out_what_is_not_known(void **state)
{
	struct journal_facts facts = {.type = "start", .comm = ""};
	struct journal_field fields[FIELDS_MAX];
	_cleanup_buf_ struct buf buf = {0};
	unsigned int count;

	(void)state;
	journal_fields(&buf, &facts, "", 0);
	count = journal_read(buf.data, buf.len, fields, FIELDS_MAX);
	assert_int_equal(count, 6);
	assert_field(fields, count, "MESSAGE", "start");
	assert_field(fields, count, "PRIORITY", "6");
	assert_field(fields, count, "MMAPTRACE_COMM", NULL);
	assert_field(fields, count, "MMAPTRACE_JSON", "");
}

static void no_newline_forges_a_field(void **state)
{
	struct journal_facts facts = {
		.type = "x", .severity = "warning", .sentence = "\nPRIORITY=0\n", .comm = "a\n_UID=0", .unit = "=\n="};
	struct journal_field fields[FIELDS_MAX];
	_cleanup_buf_ struct buf buf = {0};
	unsigned int count;

	(void)state;
	journal_fields(&buf, &facts, "{\n}", 3);
	count = journal_read(buf.data, buf.len, fields, FIELDS_MAX);
	assert_int_equal(count, 9);
	assert_field(fields, count, "MESSAGE", "\nPRIORITY=0\n");
	assert_field(fields, count, "PRIORITY", "4");
	assert_field(fields, count, "MMAPTRACE_COMM", "a\n_UID=0");
	assert_field(fields, count, "_UID", NULL);
	assert_field(fields, count, "MMAPTRACE_UNIT", "=\n=");
	assert_field(fields, count, "MMAPTRACE_JSON", "{\n}");
}

static void a_length_takes_eight_bytes(void **state)
{
	static char big[70000];
	struct journal_facts facts = {.type = "x"};
	struct journal_field fields[FIELDS_MAX];
	_cleanup_buf_ struct buf buf = {0};

	(void)state;
	memset(big, 'b', sizeof(big));
	big[1] = '\n';
	journal_fields(&buf, &facts, big, sizeof(big));
	assert_int_equal(journal_read(buf.data, buf.len, fields, FIELDS_MAX), 6);
	assert_int_equal(fields[5].len, sizeof(big));
	assert_memory_equal(fields[5].value, big, sizeof(big));
}

static void each_kind_has_its_id(void **state)
{
	static const char *const kinds[][3] = {
		{"finding", "leak", JOURNAL_ID_LEAK},	  {"finding", "exhaustion", JOURNAL_ID_EXHAUSTION},
		{"finding", "enomem", JOURNAL_ID_ENOMEM}, {"cleared", "leak", JOURNAL_ID_CLEARED},
		{"enomem", NULL, JOURNAL_ID_REFUSAL},	  {"loss", NULL, JOURNAL_ID_LOSS},
		{"start", NULL, JOURNAL_ID_START},	  {"end", NULL, JOURNAL_ID_END},
		{"finding", NULL, JOURNAL_ID_OTHER},	  {NULL, NULL, JOURNAL_ID_OTHER},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		assert_string_equal(journal_message_id(kinds[i][0], kinds[i][1]), kinds[i][2]);
		assert_int_equal(strspn(kinds[i][2], "0123456789abcdef"), 32);
		assert_int_equal(strlen(kinds[i][2]), 32);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_all_that_is_known),    cmocka_unit_test(leaves_out_what_is_not_known),
		cmocka_unit_test(no_newline_forges_a_field), cmocka_unit_test(a_length_takes_eight_bytes),
		cmocka_unit_test(each_kind_has_its_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
