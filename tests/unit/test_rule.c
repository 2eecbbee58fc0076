/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "fake.h"

#include <signal.h>
#include <stdio.h>

#include "rule.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static struct rule *rule_add(struct rule_list *list, const char *name)
{
	struct rule *rule = rule_list_add(list, name);

	assert_non_null(rule);
	return rule;
}

static void is_set(struct rule *rule, const char *key, const char *text)
{
	const char *form = rule_set(rule, key, text);

	if (form)
		fail_msg("%s = %s: want %s", key, text, form);
}

static void is_refused(struct rule *rule, const char *key, const char *text, const char *part)
{
	const char *form = rule_set(rule, key, text);

	assert_non_null(form);
	assert_non_null(strstr(form, part));
}

static const char *found(const struct rule_list *list, const struct rule_subject *subject)
{
	const struct rule *rule = rule_find(list, subject);

	return rule ? rule->name : "";
}

static void first_that_matches(void **state)
{
	struct rule_list list = {0};
	struct rule_subject php = {.comm = "php-fpm8.2", .unit = "php.service", .cgroup = "/system.slice/php.service"};
	struct rule_subject pod = {.comm = "java", .cgroup = "/kubepods/pod1/" ID, .container_id = ID, .uid = 1000};
	struct rule_subject bare = {0};

	(void)state;
	assert_string_equal(found(&list, &php), "");
	is_set(rule_add(&list, "php"), "comm", "php-fpm*");
	is_set(rule_add(&list, "unit"), "unit", "php.*");
	is_set(rule_add(&list, "container"), "container", "012345");
	is_set(rule_add(&list, "pods"), "cgroup", "/kubepods/*");
	is_set(rule_add(&list, "root"), "uid", "0");
	assert_string_equal(found(&list, &php), "php");
	php.comm = "php";
	assert_string_equal(found(&list, &php), "unit");
	assert_string_equal(found(&list, &pod), "container");
	pod.container_id = "12345";
	assert_string_equal(found(&list, &pod), "pods");
	pod.cgroup = "/kubepods";
	assert_string_equal(found(&list, &pod), "");
	assert_string_equal(found(&list, &bare), "root");
	rule_add(&list, "all");
	assert_string_equal(found(&list, &pod), "all");
	rule_list_free(&list);
	assert_int_equal(list.count, 0);
	rule_list_free(&list);
}

static void all_that_is_given_must_match(void **state)
{
	struct rule_list list = {0};
	struct rule *rule = rule_add(&list, "both");
	struct rule_subject subject = {.comm = "java", .unit = "app.service", .uid = 7};

	(void)state;
	is_set(rule, "comm", "java");
	is_set(rule, "unit", "app.service");
	is_set(rule, "uid", "7");
	assert_non_null(rule_find(&list, &subject));
	subject.uid = 8;
	assert_null(rule_find(&list, &subject));
	subject.uid = 7;
	subject.unit = NULL;
	assert_null(rule_find(&list, &subject));
	is_set(rule, "unit", "*");
	assert_null(rule_find(&list, &subject)); /* no unit is not any unit */
	rule_list_free(&list);
}

static void keys(void **state)
{
	struct rule_list list = {0};
	struct rule *rule = rule_add(&list, "r");

	(void)state;
	assert_int_equal(rule->least, SEVERITY_WARNING);
	assert_true(rule->run_timeout_ns == 10 * SECOND && rule->run_every_ns == 60 * SECOND);
	is_set(rule, "ignore", "yes");
	assert_true(rule->ignore);
	is_set(rule, "ignore", "no");
	assert_false(rule->ignore);
	is_set(rule, "stop", "yes");
	assert_true(rule->stop);
	is_set(rule, "limit", "16");
	assert_int_equal(rule->limit, 16);
	is_set(rule, "horizon", "2h");
	assert_true(rule->horizon_ns == 7200 * SECOND);
	is_set(rule, "severity", "info");
	assert_int_equal(rule->least, SEVERITY_INFO);
	is_set(rule, "severity", "critical");
	assert_int_equal(rule->least, SEVERITY_CRITICAL);
	is_set(rule, "run-timeout", "1d");
	is_set(rule, "run-every", "0");
	assert_true(rule->run_every_ns == 0);
	is_set(rule, "uid", "4294967294");
	is_set(rule, "container", ID);
	is_set(rule, "signal", "TERM");
	assert_int_equal(rule->signal, SIGTERM);
	is_set(rule, "signal", "SIGUSR1");
	assert_int_equal(rule->signal, SIGUSR1);
	is_set(rule, "signal", "64");
	assert_int_equal(rule->signal, 64);
	is_set(rule, "comm", "a");
	is_set(rule, "comm", "b"); /* the former is freed */
	assert_string_equal(rule->comm, "b");
	rule_list_free(&list);
}

static void keys_refused(void **state)
{
	static const char *const bad[][3] = {
		{"comm", "", "pattern"},
		{"cgroup", "", "pattern"},
		{"unit", "", "pattern"},
		{"container", "", "id"},
		{"container", "xyz", "id"},
		{"container", "ABC", "id"},
		{"container", ID "0", "id"},
		{"uid", "root", "number"},
		{"uid", "4294967295", "number"},
		{"ignore", "true", "yes or no"},
		{"ignore", "", "yes or no"},
		{"stop", "y", "yes or no"},
		{"limit", "15", "16"},
		{"limit", "2147483648", "16"},
		{"horizon", "soon", "time"},
		{"horizon", "0", "more than 0"},
		{"severity", "none", "warning"},
		{"run-timeout", "0", "more than 0"},
		{"run-timeout", "86401", "1d"},
		{"run-every", "-1", "time"},
		{"signal", "0", "TERM"},
		{"signal", "65", "TERM"},
		{"signal", "SIG", "TERM"},
		{"signal", "term", "TERM"},
		{"signal", "SIGSIGTERM", "TERM"},
	};
	struct rule_list list = {0};
	struct rule *rule = rule_add(&list, "r");

	(void)state;
	for (size_t i = 0; i < COUNT(bad); i++)
		is_refused(rule, bad[i][0], bad[i][1], bad[i][2]);
	assert_string_equal(rule_set(rule, "comn", "x"), "");
	assert_string_equal(rule_set(rule, "", ""), "");
	assert_false(rule->by_uid || rule->limit || rule->horizon_ns || rule->signal || rule->comm);
	rule_list_free(&list);
}

static void words_are(const char *text, const char *const *words)
{
	struct rule_list list = {0};
	struct rule *rule = rule_add(&list, "r");
	size_t i = 0;

	is_set(rule, "run", text);
	for (; words[i]; i++)
		assert_string_equal(rule->run[i], words[i]);
	assert_null(rule->run[i]);
	rule_list_free(&list);
}

static void words_of_a_command(void **state)
{
	(void)state;
	words_are("/bin/true", (const char *[]){"/bin/true", NULL});
	words_are("  /bin/echo \t a  b ", (const char *[]){"/bin/echo", "a", "b", NULL});
	words_are("/bin/echo 'a b' \"c d\"", (const char *[]){"/bin/echo", "a b", "c d", NULL});
	words_are("/bin/echo a'b c'\"d\"e", (const char *[]){"/bin/echo", "ab cde", NULL});
	words_are("/bin/echo '' \"\"", (const char *[]){"/bin/echo", "", "", NULL});
	words_are("/bin/echo 'a\\' \"\\\"\\\\\" \\' a\\ b",
		  (const char *[]){"/bin/echo", "a\\", "\"\\", "'", "a b", NULL});
	words_are("/bin/echo $HOME `id` | * ;", (const char *[]){"/bin/echo", "$HOME", "`id`", "|", "*", ";", NULL});
}

static void words_refused(void **state)
{
	struct rule_list list = {0};
	struct rule *rule = rule_add(&list, "r");
	char many[200] = "/bin/echo";

	(void)state;
	is_refused(rule, "run", "", "whole path");
	is_refused(rule, "run", "   ", "whole path");
	is_refused(rule, "run", "''", "whole path");
	is_refused(rule, "run", "echo a", "whole path");
	is_refused(rule, "run", "/bin/echo 'a", "closed");
	is_refused(rule, "run", "/bin/echo \"a'", "closed");
	is_refused(rule, "run", "/bin/echo a\\", "closed");
	for (unsigned int i = 1; i < RULE_ARGS_MAX; i++)
		strcat(many, " x");
	is_set(rule, "run", many);
	assert_null(rule->run[RULE_ARGS_MAX]);
	strcat(many, " x");
	is_refused(rule, "run", many, "at most 32");
	assert_string_equal(rule->run[0], "/bin/echo"); /* the former stays */
	rule_list_free(&list);
}

static void as_many_as_there_may_be(void **state)
{
	struct rule_list list = {0};
	char name[16];

	(void)state;
	for (unsigned int i = 0; i < RULES_MAX; i++) {
		snprintf(name, sizeof(name), "r%u", i);
		rule_add(&list, name);
	}
	assert_null(rule_list_add(&list, "more"));
	assert_string_equal(list.rules[RULES_MAX - 1].name, "r255");
	rule_list_free(&list);
}

static void every_key_is_known(void **state)
{
	struct rule_list list = {0};
	struct rule *rule = rule_add(&list, "r");
	unsigned int count = 0;

	(void)state;
	for (; rule_key_name(count); count++) {
		const char *form = rule_set(rule, rule_key_name(count), "");

		assert_true(form && *form); /* nothing may be empty */
	}
	assert_int_equal(count, 14);
	rule_list_free(&list);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_that_matches),
		cmocka_unit_test(all_that_is_given_must_match),
		cmocka_unit_test(keys),
		cmocka_unit_test(keys_refused),
		cmocka_unit_test(words_of_a_command),
		cmocka_unit_test(words_refused),
		cmocka_unit_test(as_many_as_there_may_be),
		cmocka_unit_test(every_key_is_known),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
