/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "rule.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"
#include "container.h"
#include "parse.h"

#define SECOND_NS     1000000000ULL
#define SIGNAL_MAX    64
#define TIMEOUT_MAX   (24 * 3600 * SECOND_NS)
#define NO_MEMORY     "memory for it, and there is none"
#define DURATION_FORM "a time such as 10, 500ms, 5m, 2h or 7d"

/* Sets one key from its text. 0, or the form it should have had. */
typedef const char *rule_set_fn(struct rule *rule, const char *text);

/* No pattern matches what a process has not. A star takes slashes too: cgroups are as deep as they like. */
static bool is_like(const char *pattern, const char *text)
{
	return !pattern || (text && !fnmatch(pattern, text, 0));
}

static bool begins_with(const char *beginning, const char *text)
{
	return !beginning || (text && !strncmp(text, beginning, strlen(beginning)));
}

static bool rule_means(const struct rule *rule, const struct rule_subject *subject)
{
	return (!rule->by_uid || rule->uid == subject->uid) && is_like(rule->comm, subject->comm) &&
	       begins_with(rule->container, subject->container_id) && is_like(rule->unit, subject->unit) &&
	       is_like(rule->cgroup, subject->cgroup);
}

const struct rule *rule_find(const struct rule_list *list, const struct rule_subject *subject)
{
	for (unsigned int i = 0; i < list->count; i++) {
		if (rule_means(&list->rules[i], subject))
			return &list->rules[i];
	}
	return NULL;
}

struct rule *rule_list_add(struct rule_list *list, const char *name)
{
	_cleanup_free_ char *copy = strdup(name);
	struct rule *rules;

	if (!copy || list->count == RULES_MAX)
		return NULL;
	rules = reallocarray(list->rules, list->count + 1, sizeof(*rules));
	if (!rules)
		return NULL;
	list->rules = rules;
	rules[list->count] = (struct rule){
		.name = TAKE_PTR(copy),
		.least = SEVERITY_WARNING,
		.run_timeout_ns = 10 * SECOND_NS,
		.run_every_ns = 60 * SECOND_NS,
	};
	return &rules[list->count++];
}

/* ---- keys ---- */

static const char *text_set(char **ret_text, const char *text, const char *form)
{
	char *copy;

	if (!*text)
		return form;
	copy = strdup(text);
	if (!copy)
		return NO_MEMORY;
	free(*ret_text);
	*ret_text = copy;
	return NULL;
}

static const char *set_comm(struct rule *rule, const char *text)
{
	return text_set(&rule->comm, text, "a pattern of process names such as java or php-fpm*");
}

static const char *set_cgroup(struct rule *rule, const char *text)
{
	return text_set(&rule->cgroup, text, "a pattern of cgroup paths such as /system.slice/*");
}

static const char *set_unit(struct rule *rule, const char *text)
{
	return text_set(&rule->unit, text, "a pattern of systemd units such as nginx.service or php*");
}

static const char *set_container(struct rule *rule, const char *text)
{
	static const char form[] = "the beginning of a container's id, up to 64 digits of 0-9 and a-f";
	size_t len = strspn(text, "0123456789abcdef");

	return text[len] || len > CONTAINER_ID_LEN ? form : text_set(&rule->container, text, form);
}

static const char *set_uid(struct rule *rule, const char *text)
{
	uint32_t uid;

	if (parse_u32(text, 0, UINT32_MAX - 1, &uid))
		return "the number of a user, from 0 to 4294967294";
	rule->uid = uid;
	rule->by_uid = true;
	return NULL;
}

static const char *switch_set(bool *ret_on, const char *text)
{
	if (strcmp(text, "yes") != 0 && strcmp(text, "no") != 0)
		return "yes or no";
	*ret_on = *text == 'y';
	return NULL;
}

static const char *set_ignore(struct rule *rule, const char *text)
{
	return switch_set(&rule->ignore, text);
}

static const char *set_stop(struct rule *rule, const char *text)
{
	return switch_set(&rule->stop, text);
}

static const char *set_limit(struct rule *rule, const char *text)
{
	return parse_u32(text, 16, 2147483647, &rule->limit) ? "a number of maps from 16 to 2147483647" : NULL;
}

/* 0 stands for "not given". */
static const char *set_horizon(struct rule *rule, const char *text)
{
	uint64_t ns;

	if (parse_duration(text, &ns) || !ns)
		return DURATION_FORM ", more than 0";
	rule->horizon_ns = ns;
	return NULL;
}

static const char *set_severity(struct rule *rule, const char *text)
{
	for (unsigned int severity = SEVERITY_INFO; severity <= SEVERITY_CRITICAL; severity++) {
		if (!strcmp(text, severity_name((enum severity)severity))) {
			rule->least = (enum severity)severity;
			return NULL;
		}
	}
	return "info, warning or critical";
}

static const char *set_run_timeout(struct rule *rule, const char *text)
{
	uint64_t ns;

	if (parse_duration(text, &ns) || !ns || ns > TIMEOUT_MAX)
		return DURATION_FORM ", more than 0, at most 1d";
	rule->run_timeout_ns = ns;
	return NULL;
}

static const char *set_run_every(struct rule *rule, const char *text)
{
	return parse_duration(text, &rule->run_every_ns) ? DURATION_FORM : NULL;
}

static const char *set_signal(struct rule *rule, const char *text)
{
	const char *name = !strncmp(text, "SIG", 3) ? text + 3 : text;
	uint32_t number;

	if (!parse_u32(text, 1, SIGNAL_MAX, &number)) {
		rule->signal = (int)number;
		return NULL;
	}
	for (int i = 1; i < NSIG; i++) {
		const char *known = sigabbrev_np(i);

		if (known && !strcmp(known, name)) {
			rule->signal = i;
			return NULL;
		}
	}
	return "a signal such as TERM, SIGUSR1 or 15";
}

/* ---- a command's words ---- */

static void words_free(char **words)
{
	for (char **word = words; word && *word; word++)
		free(*word);
	free(words);
}

static void cleanup_words(char ***words)
{
	words_free(*words);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The word at text, without its quotes, into word, which is as large as the
 * text. Returns what is behind it; NULL if a quote or a backslash is left open.
 */
static const char *word_take(const char *text, char *word)
{
	char quote = '\0';

	for (; *text && (quote || !is_blank(*text)); text++) {
		if (*text == '\\' && quote != '\'') {
			if (!*++text)
				return NULL;
			*word++ = *text;
		} else if (quote ? *text == quote : *text == '\'' || *text == '"') {
			quote = quote ? '\0' : *text;
		} else {
			*word++ = *text;
		}
	}
	*word = '\0';
	return quote ? NULL : text;
}

/* 0, -EINVAL (left open), -E2BIG or -ENOMEM. */
static int words_split(const char *text, char ***ret_words)
{
	char **words _cleanup_(cleanup_words) = calloc(RULE_ARGS_MAX + 1, sizeof(*words));
	_cleanup_free_ char *word = malloc(strlen(text) + 1);

	if (!words || !word)
		return -ENOMEM;
	for (unsigned int count = 0;; count++) {
		while (is_blank(*text))
			text++;
		if (!*text)
			break;
		if (count == RULE_ARGS_MAX)
			return -E2BIG;
		text = word_take(text, word);
		if (!text)
			return -EINVAL;
		words[count] = strdup(word);
		if (!words[count])
			return -ENOMEM;
	}
	*ret_words = TAKE_PTR(words);
	return 0;
}

/* By its whole path: what is run as root is not looked for. */
static const char *set_run(struct rule *rule, const char *text)
{
	char **words _cleanup_(cleanup_words) = NULL;
	int error = words_split(text, &words);

	if (error == -ENOMEM)
		return NO_MEMORY;
	if (error == -E2BIG)
		return "at most 32 words; more of them in a script";
	if (error)
		return "words whose quotes are closed (a ; behind a blank begins a comment, in quotes too)";
	if (!words[0] || words[0][0] != '/')
		return "a command by its whole path, and its arguments";
	words_free(rule->run);
	rule->run = TAKE_PTR(words);
	return NULL;
}

static const struct {
	const char *name;
	rule_set_fn *set;
} keys[] = {
	{"comm", set_comm},	    {"cgroup", set_cgroup},
	{"unit", set_unit},	    {"container", set_container},
	{"uid", set_uid},	    {"ignore", set_ignore},
	{"limit", set_limit},	    {"horizon", set_horizon},
	{"severity", set_severity}, {"run", set_run},
	{"stop", set_stop},	    {"run-timeout", set_run_timeout},
	{"signal", set_signal},	    {"run-every", set_run_every},
};

const char *rule_key_name(unsigned int index)
{
	return index < sizeof(keys) / sizeof(keys[0]) ? keys[index].name : NULL;
}

const char *rule_set(struct rule *rule, const char *key, const char *text)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!strcmp(keys[i].name, key))
			return keys[i].set(rule, text);
	}
	return "";
}

void rule_list_free(struct rule_list *list)
{
	for (unsigned int i = 0; i < list->count; i++) {
		struct rule *rule = &list->rules[i];

		free(rule->name);
		free(rule->comm);
		free(rule->cgroup);
		free(rule->unit);
		free(rule->container);
		words_free(rule->run);
	}
	free(list->rules);
	*list = (struct rule_list){0};
}
