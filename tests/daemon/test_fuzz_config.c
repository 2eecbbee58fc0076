/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Configurations that somebody's editor or disk has spoilt: taken, or refused
 * with the line at fault. The same texts each time; FUZZ_SEED and FUZZ_ROUNDS
 * choose others.
 */
#include "fake.h"

#include <stdio.h>
#include <stdlib.h>

#include "cleanup.h"
#include "config.h"

#define ROUNDS	 20000
#define TEXT_MAX 2048

static const char good[] = "# a comment\n[mmaptrace]\nlimit = 5000\n  json = yes\nsyslog = udp:[::1]:514\n"
			   "horizon = 2h\nlog-max-size = 64M ; in all\nhooks = witness,syscalls\n"
			   "web.listen-address = 127.0.0.1:9797\n\n[rule java]\r\ncomm = java*\r\nuid = 1000\n"
			   "run = /bin/echo \"a b\" 'c' d\\ e\nrun-timeout = 1.5s\nsignal = SIGTERM\n[rule other]\n"
			   "cgroup = /a/[b-c]/*\nseverity = critical\nstop = yes\n";

static uint64_t setting(const char *name, uint64_t fallback)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : fallback;
}

/* On the heap, to the byte, so that the sanitizer sees a read beyond. */
static void is_taken_or_told(const char *text, size_t len)
{
	_cleanup_free_ char *copy = malloc(len ? len : 1);
	struct options options = {0};
	char error[CONFIG_ERROR_LEN] = "";
	unsigned int line = 0, lines = 1;

	assert_non_null(copy);
	memcpy(copy, text, len);
	for (size_t i = 0; i < len; i++)
		lines += text[i] == '\n';
	if (config_parse("F", copy, len, &options, error, sizeof(error))) {
		assert_int_equal(sscanf(error, "F:%u: ", &line), 1);
		assert_in_range(line, 1, lines);
	} else {
		assert_string_equal(error, "");
	}
	options_free(&options);
}

/* Bytes changed, taken out, put in twice; sometimes cut. */
static size_t mutate(uint64_t *seed, char *text, size_t len)
{
	for (uint32_t changes = 1 + fake_below(seed, 4); len && changes; changes--) {
		size_t at = fake_below(seed, (uint32_t)len), part = fake_below(seed, (uint32_t)(len - at)) + 1;

		switch (fake_below(seed, 5)) {
		case 0:
			text[at] = (char)fake_below(seed, 256);
			break;
		case 1:
			text[at] = "\n=[];#\\\"' \t\r:"[fake_below(seed, 13)];
			break;
		case 2:
			memmove(text + at, text + at + part, len - at - part);
			len -= part;
			break;
		case 3:
			if (len + part <= TEXT_MAX) {
				memmove(text + at + part, text + at, len - at);
				len += part;
			}
			break;
		case 4:
			len = fake_below(seed, 4) ? len : at;
			break;
		}
	}
	return len;
}

static void good_ones_spoilt(void **state)
{
	uint64_t seed = setting("FUZZ_SEED", 1), rounds = setting("FUZZ_ROUNDS", ROUNDS);
	char text[TEXT_MAX];

	(void)state;
	is_taken_or_told(good, strlen(good));
	for (uint64_t i = 0; i < rounds; i++) {
		memcpy(text, good, strlen(good));
		is_taken_or_told(text, mutate(&seed, text, strlen(good)));
	}
}

static void any_bytes(void **state)
{
	uint64_t seed = setting("FUZZ_SEED", 2), rounds = setting("FUZZ_ROUNDS", ROUNDS);
	static const char few[] = "[]=:;#\n\n\r \t\"'\\\0arule mmaptrace0";
	char text[TEXT_MAX];

	(void)state;
	for (uint64_t i = 0; i < rounds; i++) {
		size_t len = fake_below(&seed, fake_below(&seed, 8) ? 64 : TEXT_MAX);
		bool any = fake_below(&seed, 2);

		for (size_t at = 0; at < len; at++)
			text[at] = any ? (char)fake_below(&seed, 256) : few[fake_below(&seed, sizeof(few) - 1)];
		is_taken_or_told(text, len);
	}
}

/* Whole lines in any order, keys with values of others. */
static void lines_shuffled(void **state)
{
	static const char *const pieces[] = {
		"[mmaptrace]\n", "[rule a]\n",	"[rule b]\n",	"limit", "comm",  "run",
		"syslog",	 "journald",	" = ",		"=",	 "yes\n", "no\n",
		"500\n",	 "/bin/x 'y\n", "uid = root\n", "\n",	 "\0",	  " ; c\n"};
	uint64_t seed = setting("FUZZ_SEED", 3), rounds = setting("FUZZ_ROUNDS", ROUNDS);

	(void)state;
	for (uint64_t i = 0; i < rounds; i++) {
		struct buf text _cleanup_buf_ = {0};

		for (uint32_t count = fake_below(&seed, 30); count; count--)
			buf_add_str(&text, pieces[fake_below(&seed, COUNT(pieces))]);
		is_taken_or_told(text.data ? text.data : "", text.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_ones_spoilt),
		cmocka_unit_test(any_bytes),
		cmocka_unit_test(lines_shuffled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
