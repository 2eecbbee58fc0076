/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The options of `daemon`, by the command line and by a file. */
#include "fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"
#include "config.h"
#include "option_table.h"

#define PATH_TEMPLATE "/tmp/mmaptrace-config-XXXXXX"

/* Written to a file of its own; gone with file_remove. */
static void file_make(char *path, const char *text)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static int parse(struct options *options, const char *path, const char *word, const char *value)
{
	char *argv[] = {"mmaptrace", "daemon", "--config", (char *)path, (char *)word, (char *)value, NULL};
	int argc = 4 + (word != NULL) + (value != NULL);

	return options_parse(argc, argv, options);
}

static const char *told(const char *text)
{
	static char error[CONFIG_ERROR_LEN];
	struct options options = {0};
	int code;

	error[0] = '\0';
	code = config_parse("F", text, strlen(text), &options, error, sizeof(error));
	assert_int_equal(code != 0, *error != '\0');
	options_free(&options);
	return error;
}

static void is_told(const char *text, const char *beginning)
{
	const char *error = told(text);

	if (strncmp(error, beginning, strlen(beginning)) != 0)
		fail_msg("'%s': '%s' instead of '%s'", text, error, beginning);
}

static void options_of_a_file(void **state)
{
	char path[] = PATH_TEMPLATE;
	struct options options;

	(void)state;
	file_make(path, "\xef\xbb\xbf[mmaptrace]\r\n  limit = 5000\r\n  json = yes ; for machines\n\n# c\nverbose=no\n"
			"syslog = yes\nevents=ops\nstate-dir = none\nweb.listen-address = [::1]:9\nreport-every: 5m");
	assert_int_equal(parse(&options, path, NULL, NULL), 0);
	assert_int_equal(options.command, COMMAND_DAEMON);
	assert_int_equal(options.limit, 5000);
	assert_true(options.json);
	assert_false(options.verbose);
	assert_string_equal(options.daemon.syslog, "/dev/log");
	assert_int_equal(options.daemon.events, EVENTS_OPS);
	assert_null(options.daemon.state_dir);
	assert_string_equal(options.daemon.pin_dir, "/sys/fs/bpf/mmaptrace");
	assert_string_equal(options.daemon.web_address, "[::1]:9");
	assert_true(options.daemon.report_ns == 300 * SECOND);
	assert_true(options.interval_ns == SECOND);
	options_free(&options);
	unlink(path);
}

static void the_line_wins(void **state)
{
	char path[] = PATH_TEMPLATE;
	struct options options;

	(void)state;
	file_make(path, "[mmaptrace]\nlimit = 5000\nlog-file = /a\nhooks = witness\n[rule r]\ncomm = x\n");
	assert_int_equal(parse(&options, path, "--limit=70", NULL), 0);
	assert_int_equal(options.limit, 70);
	assert_string_equal(options.daemon.log_file, "/a");
	assert_int_equal(options.daemon.rules.count, 1);
	options_free(&options);
	assert_int_equal(parse(&options, path, "--log-file", "/b"), 0);
	assert_int_equal(options.limit, 5000);
	assert_string_equal(options.daemon.log_file, "/b");
	options_free(&options);
	unlink(path);
}

static void rules_of_a_file(void **state)
{
	char path[] = PATH_TEMPLATE;
	struct options options;
	struct rule *rules;

	(void)state;
	file_make(path, "[rule java]\n comm = java*\n uid = root\n run = /bin/echo \"a b\" c\n\n[mmaptrace]\nlimit=99\n"
			"[rule all]\nuid = 12\n[rule nothing]");
	assert_int_equal(parse(&options, path, NULL, NULL), 0);
	rules = options.daemon.rules.rules;
	assert_int_equal(options.daemon.rules.count, 3);
	assert_string_equal(rules[0].name, "java");
	assert_string_equal(rules[0].comm, "java*");
	assert_true(rules[0].by_uid && rules[0].uid == 0);
	assert_string_equal(rules[0].run[1], "a b");
	assert_int_equal(rules[1].uid, 12);
	assert_string_equal(rules[2].name, "nothing");
	assert_int_equal(options.limit, 99);
	options_free(&options);
	unlink(path);
}

static void what_is_wrong_and_where(void **state)
{
	char text[1400];

	(void)state;
	is_told("", "");
	is_told("limit = 5", "F:1: key 'limit': want [mmaptrace]");
	is_told("\n[mmaptrace]\nlimit = 5", "F:3: limit '5': want a number of maps");
	is_told("[mmaptrace]\nlimit", "F:2: no key = value");
	is_told("[mmaptrace]\nlimit\njson = maybe", "F:2: no key = value");
	is_told("[mmaptrace]\njson = maybe\nlimit", "F:2: json 'maybe': want yes or no");
	is_told("[mmaptrace]\njson = yes\njson = yes", "F:3: key 'json': it is given above");
	is_told("[mmaptrace]\nlimt = 99", "F:2: key 'limt'");
	is_told("[mmaptrace]\nstop-at = 9", "F:2: key 'stop-at'");
	is_told("[mmaptrace]\nconfig = /a", "F:2: key 'config'");
	is_told("[mmaptrace]\nhelp = yes", "F:2: key 'help'");
	is_told("[mmaptrace]\nlimit =", "F:2: limit ''");
	is_told("[mmap]", "F:1: section 'mmap': want [mmaptrace] or [rule NAME]");
	is_told("[mmaptrace", "F:1: a section's ] is missing");
	is_told("[mmaptrace] json = yes", "F:1: section 'mmaptrace': want nothing behind");
	is_told("[rule ]", "F:1: rule ''");
	is_told("[rule a b]", "F:1: rule 'a b'");
	is_told("[rule a]\n[rule b]\n[rule a]", "F:3: rule 'a': there is one of this name");
	is_told("[rule a]\nlog-file = x", "F:2: key 'log-file': a rule has no such key");
	is_told("[rule a]\ncomm = a\ncomm = b", "F:3: key 'comm': it is given above in this rule");
	is_told("[rule a]\ncomm = a\n[rule b]\ncomm = b", "");
	is_told("[rule a]\nuid = no such user", "F:2: uid 'no such user': want the name");
	is_told("[rule a]\nrun = /bin/sh -c 'a", "F:2: run '/bin/sh -c 'a': want words whose quotes are closed");
	is_told("[rule a]\nsignal = HOLLER", "F:2: signal 'HOLLER': want a signal");
	snprintf(text, sizeof(text), "[mmaptrace]\n#%0600d\nname = %0190d\n", 0, 0);
	is_told(text, "");
	snprintf(text, sizeof(text), "[mmaptrace]\nname = %0191d\n", 0);
	is_told(text, "F:2: a line of more than 197 bytes");
	snprintf(text, sizeof(text), "[rule %064d]\n[rule %060d]\n", 0, 0);
	is_told(text, ""); /* the library would have them the same */
	snprintf(text, sizeof(text), "[rule %065d]", 0);
	is_told(text, "F:1: rule '000");
}

static void nul_and_too_many(void **state)
{
	struct buf text _cleanup_buf_ = {0};
	char error[CONFIG_ERROR_LEN];
	struct options options = {0};

	(void)state;
	assert_int_equal(config_parse("F", "[mmaptrace]\njson\0= yes", 22, &options, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "F:2: a NUL byte: want text");
	options_free(&options);
	options = (struct options){0};
	for (unsigned int i = 0; i <= RULES_MAX; i++)
		buf_printf(&text, "[rule r%u]\n", i);
	assert_int_equal(config_parse("F", text.data, text.len, &options, error, sizeof(error)), -EINVAL);
	assert_string_equal(error, "F:257: rule 'r256': want at most 256 rules");
	options_free(&options);
}

static void files_refused(void **state)
{
	char path[] = PATH_TEMPLATE, error[CONFIG_ERROR_LEN];
	struct options options = {0};

	(void)state;
	assert_int_equal(config_load("/nowhere/at/all", &options, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "/nowhere/at/all: "));
	assert_int_equal(config_load("/tmp", &options, error, sizeof(error)), -EINVAL);
	assert_int_equal(config_load("/dev/zero", &options, error, sizeof(error)), -EINVAL);
	file_make(path, "[mmaptrace]\n");
	assert_int_equal(config_load(path, &options, error, sizeof(error)), 0);
	assert_int_equal(chmod(path, 0606), 0);
	assert_int_equal(config_load(path, &options, error, sizeof(error)), -EINVAL);
	assert_non_null(strstr(error, "anybody may write"));
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(truncate(path, CONFIG_MAX + 1), 0);
	assert_int_equal(config_load(path, &options, error, sizeof(error)), -EFBIG);
	options_free(&options);
	unlink(path);
}

static void reloads(void **state)
{
	char path[] = PATH_TEMPLATE, names[128], few[8];
	char *argv[] = {"mmaptrace", "daemon", "--config", path, "--limit=77"};
	struct options old, fresh = {0};
	FILE *file;

	(void)state;
	file_make(path, "[mmaptrace]\nstate-dir = /s\nlimit = 5000\n[rule a]\ncomm=x\n");
	assert_int_equal(options_parse(5, argv, &old), 0);
	assert_int_equal(config_reload(5, argv, &fresh), 0);
	assert_int_equal(config_changes_needing_restart(&old, &fresh, names, sizeof(names)), 0);
	assert_string_equal(names, "");
	options_free(&fresh);
	file = fopen(path, "w");
	fputs("[mmaptrace]\nstate-dir = none\nring-size = 4K\nhorizon = 2h\n", file);
	fclose(file);
	assert_int_equal(config_reload(5, argv, &fresh), 0);
	assert_int_equal(fresh.limit, 77);
	assert_int_equal(fresh.daemon.rules.count, 0);
	assert_int_equal(config_changes_needing_restart(&old, &fresh, names, sizeof(names)), 2);
	assert_string_equal(names, "ring-size state-dir");
	assert_int_equal(config_changes_needing_restart(&old, &fresh, few, sizeof(few)), 2);
	assert_string_equal(few, "ring-si");
	options_free(&fresh);
	file = fopen(path, "w");
	fputs("[mmaptrace]\nlimit = none\n", file);
	fclose(file);
	fresh = (struct options){.limit = 4711};
	assert_int_equal(config_reload(5, argv, &fresh), -EINVAL);
	assert_int_equal(fresh.limit, 4711);
	assert_string_equal(old.daemon.rules.rules[0].comm, "x");
	options_free(&old);
	unlink(path);
}

static void words_refused(void **state)
{
	static const char *const bad[][2] = {
		{"--stop-at", "9"},
		{"--pid", "1"},
		{"--rows", "3"},
		{"--events", "all"},
		{"--log-max-size", "1"},
		{"--log-keep", "1001"},
		{"--log-queue", "1K"},
		{"--log-queue", "2G"},
		{"--syslog=host", NULL},
		{"--syslog=udp:h", NULL},
		{"--syslog=udp:h:0", NULL},
		{"--syslog=tcp::5", NULL},
		{"--metrics-top", "-1"},
		{"--metrics-group", "pid"},
		{"--state-dir", "here"},
		{"--pin-dir", ""},
		{"--max-suspects", "1025"},
		{"--report-every", "0"},
		{"--web.listen-address", "9797"},
		{"--web.listen-address", "a:b:1"},
		{"--web.listen-address", "[::1]"},
		{"--web.listen-address", "h:65536"},
		{"word", NULL},
	};
	char path[] = PATH_TEMPLATE;
	struct options options;

	(void)state;
	file_make(path, "");
	for (size_t i = 0; i < COUNT(bad); i++) {
		if (!parse(&options, path, bad[i][0], bad[i][1]))
			fail_msg("%s %s is taken", bad[i][0], bad[i][1] ? bad[i][1] : "");
	}
	for (size_t i = 0; option_specs[i].name; i++) {
		char word[64];
		char *argv[] = {"mmaptrace", "--duration=1s", word, "/a"};

		snprintf(word, sizeof(word), "--%s", option_specs[i].name);
		if (option_specs[i].place == OF_DAEMON)
			assert_int_equal(options_parse(3 + (option_specs[i].value != NULL), argv, &options),
					 EXIT_USAGE);
	}
	unlink(path);
}

/* The example of the tree: good as it is, and with each key there is; copied, since a checkout may be anybody's to
 * write. */
static void the_example(void **state)
{
	char path[] = PATH_TEMPLATE, error[CONFIG_ERROR_LEN] = "", key[80];
	FILE *file = fopen("tools/mmaptrace.conf", "r");
	char text[16384] = "\n";
	struct options options = {0};
	struct buf line _cleanup_buf_ = {0};

	(void)state;
	assert_non_null(file);
	assert_true(fread(text + 1, 1, sizeof(text) - 2, file) > 0);
	fclose(file);
	file_make(path, text + 1);
	if (config_load(path, &options, error, sizeof(error)))
		fail_msg("%s", error);
	options.daemon.config = "F";
	config_tell(&options, &line);
	assert_memory_equal(line.data, "F: good, 3 rules\n", line.len);
	options_free(&options);
	for (size_t i = 0; option_specs[i].name; i++) {
		const char *name = option_specs[i].name;

		if (option_specs[i].place == OF_OTHERS || !strcmp(name, "config") || !strcmp(name, "check-config") ||
		    !strcmp(name, "help") || !strcmp(name, "version"))
			continue;
		snprintf(key, sizeof(key), "\n%s = ", name);
		if (!strstr(text, key)) {
			snprintf(key, sizeof(key), "\n#%s = ", name);
			if (!strstr(text, key))
				fail_msg("%s is not in it", name);
		}
	}
	for (unsigned int i = 0; rule_key_name(i); i++) {
		snprintf(key, sizeof(key), "%s = ", rule_key_name(i));
		assert_non_null(strstr(strstr(text, "---- rules"), key));
	}
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(options_of_a_file), cmocka_unit_test(the_line_wins),
		cmocka_unit_test(rules_of_a_file),   cmocka_unit_test(what_is_wrong_and_where),
		cmocka_unit_test(nul_and_too_many),  cmocka_unit_test(files_refused),
		cmocka_unit_test(reloads),	     cmocka_unit_test(words_refused),
		cmocka_unit_test(the_example),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
