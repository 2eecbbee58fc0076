/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cleanup.h"
#include "log.h"
#include "option_table.h"

#define BOM	      "\xef\xbb\xbf"
#define RULE	      "rule "
#define RULE_NAME_MAX 64
#define LINE_FORM     "want [mmaptrace], [rule NAME], key = value, or a comment behind #"
#define QUOTED_MAX    64 /* bytes of what is wrong that are shown */

enum section { SECTION_NONE, SECTION_OPTIONS, SECTION_RULE };

/* The library takes its lines from here, so that they are counted and looked at before it cuts them to its buffer. */
struct reading {
	const char *name, *at, *end;
	unsigned int line;
	struct options *options;
	enum section section;
	struct rule *rule;  /* of SECTION_RULE; the last one */
	uint64_t given;	    /* options, one bit each */
	uint64_t rule_keys; /* of this rule */
	unsigned int bad_line;
	int code;
	char *error;
	size_t size;
};

/* The first failure stays. */
static void fail(struct reading *reading, int code, const char *what, const char *value, const char *want)
{
	if (reading->bad_line)
		return;
	reading->bad_line = reading->line;
	reading->code = code;
	snprintf(reading->error, reading->size, "%s:%u: %s%s%.*s%s: %s", reading->name, reading->line, what,
		 value ? " '" : "", QUOTED_MAX, value ? value : "", value ? "'" : "", want);
}

/* ---- sections ---- */

static bool rule_exists(const struct rule_list *list, const char *name)
{
	for (unsigned int i = 0; i < list->count; i++) {
		if (!strcmp(list->rules[i].name, name))
			return true;
	}
	return false;
}

static void rule_begin(struct reading *reading, const char *name)
{
	struct rule_list *list = &reading->options->daemon.rules;

	if (!*name || strlen(name) > RULE_NAME_MAX || name[strcspn(name, " \t")])
		return fail(reading, -EINVAL, "rule", name, "want a name of 1 to 64 bytes without blanks");
	if (rule_exists(list, name))
		return fail(reading, -EINVAL, "rule", name, "there is one of this name, want another");
	if (list->count == RULES_MAX)
		return fail(reading, -EINVAL, "rule", name, "want at most 256 rules");
	reading->section = SECTION_RULE;
	reading->rule_keys = 0;
	reading->rule = rule_list_add(list, name);
	if (!reading->rule)
		fail(reading, -ENOMEM, "rule", name, "no memory for it");
}

/* The line's own header, since the library would cut a name of 50 bytes, and passes over what stands behind it. */
static void section_begin(struct reading *reading, const char *line, size_t len)
{
	const char *close = memchr(line, ']', len);
	char name[sizeof(RULE) + RULE_NAME_MAX + 2]; /* one too long shows */
	const char *rest;

	if (!close)
		return fail(reading, -EINVAL, "a section's ] is missing", NULL, LINE_FORM);
	snprintf(name, sizeof(name), "%.*s", (int)(close - line - 1), line + 1);
	for (rest = close + 1; rest < line + len && strchr(" \t\r\n", *rest);)
		rest++;
	if (rest < line + len && *rest != ';' && *rest != '#')
		fail(reading, -EINVAL, "section", name, "want nothing behind its ]");
	else if (!strcmp(name, "mmaptrace"))
		reading->section = SECTION_OPTIONS;
	else if (!strncmp(name, RULE, strlen(RULE)))
		rule_begin(reading, name + strlen(RULE));
	else
		fail(reading, -EINVAL, "section", name, "want [mmaptrace] or [rule NAME]");
}

/* ---- keys ---- */

/* What names a configuration, or is no setting, has no place in one. */
static const struct option_spec *key_find(const char *key)
{
	static const char *const never[] = {"config", "check-config", "help", "version"};
	const struct option_spec *spec = option_find(key);

	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++) {
		if (!strcmp(key, never[i]))
			return NULL;
	}
	return spec && spec->place != OF_OTHERS ? spec : NULL;
}

static bool is_switch_word(const char *text)
{
	return !strcmp(text, "yes") || !strcmp(text, "no");
}

static void option_apply(struct reading *reading, const struct option_spec *spec, const char *text)
{
	bool may_switch = !spec->value || spec->value[0] == '[';
	const char *form = NULL, *kept;
	char want[256];

	if (!spec->value && !is_switch_word(text))
		return fail(reading, -EINVAL, spec->name, text, "want yes or no");
	if (may_switch && !strcmp(text, "no"))
		return;
	if (may_switch && !strcmp(text, "yes")) {
		form = spec->set(reading->options, NULL);
	} else {
		kept = intern_text(&reading->options->texts, text);
		if (!kept)
			return fail(reading, -ENOMEM, spec->name, NULL, "no memory for its value");
		form = spec->set(reading->options, kept);
	}
	snprintf(want, sizeof(want), "want %s", form ? form : "");
	if (form)
		fail(reading, -EINVAL, spec->name, text, want);
}

static void option_take(struct reading *reading, const char *key, const char *text)
{
	const struct option_spec *spec = key_find(key);
	uint64_t bit;

	if (!spec)
		return fail(reading, -EINVAL, "key", key, "want the long name of an option of daemon");
	bit = 1ULL << (spec - option_specs);
	if (reading->given & bit)
		return fail(reading, -EINVAL, "key", key, "it is given above, want it once");
	reading->given |= bit;
	option_apply(reading, spec, text);
}

/* By name too: rules know numbers alone. */
static const char *uid_set(struct rule *rule, const char *text)
{
	const struct passwd *user = *text && strspn(text, "0123456789") < strlen(text) ? getpwnam(text) : NULL;
	const char *form;
	char number[16];

	if (user) {
		snprintf(number, sizeof(number), "%u", (unsigned int)user->pw_uid);
		text = number;
	}
	form = rule_set(rule, "uid", text);
	return form ? "the name of a user of this machine, or a number from 0 to 4294967294" : NULL;
}

static uint64_t rule_key_bit(const char *key)
{
	for (unsigned int i = 0; rule_key_name(i); i++) {
		if (!strcmp(rule_key_name(i), key))
			return 1ULL << i;
	}
	return 0;
}

static void rule_take(struct reading *reading, const char *key, const char *text)
{
	uint64_t bit = rule_key_bit(key);
	const char *form;
	char want[256];

	if (!bit)
		return fail(reading, -EINVAL, "key", key, "a rule has no such key, want comm, cgroup, unit, ...");
	if (reading->rule_keys & bit)
		return fail(reading, -EINVAL, "key", key, "it is given above in this rule, want it once");
	reading->rule_keys |= bit;
	form = strcmp(key, "uid") ? rule_set(reading->rule, key, text) : uid_set(reading->rule, text);
	snprintf(want, sizeof(want), "want %s", form ? form : "");
	if (form)
		fail(reading, -EINVAL, key, text, want);
}

/* ini_handler: 0 is failure. */
static int take_key(void *arg, const char *section, const char *key, const char *text)
{
	struct reading *reading = arg;

	(void)section; /* cut by the library: ours is whole */
	if (reading->bad_line)
		return 0;
	if (reading->section == SECTION_OPTIONS)
		option_take(reading, key, text);
	else if (reading->section == SECTION_RULE)
		rule_take(reading, key, text);
	else
		fail(reading, -EINVAL, "key", key, "want [mmaptrace] or [rule NAME] before it");
	return !reading->bad_line;
}

/* ---- lines ---- */

/* Blanks before a key mean no more of the one above, as the library would have it. */
static void line_trim(const char **line, size_t *len)
{
	while (*len && (**line == ' ' || **line == '\t')) {
		++*line;
		--*len;
	}
}

static size_t length_without_end(const char *line, size_t len)
{
	while (len && strchr("\r\n", line[len - 1]))
		len--;
	return len;
}

/* ini_reader, as fgets: the next line, with its end. */
static char *next_line(char *to, int room, void *arg)
{
	struct reading *reading = arg;
	const char *line = reading->at, *newline;
	size_t len;

	if (reading->bad_line || line == reading->end)
		return NULL;
	reading->line++;
	newline = memchr(line, '\n', (size_t)(reading->end - line));
	reading->at = newline ? newline + 1 : reading->end;
	len = (size_t)(reading->at - line);
	line_trim(&line, &len);
	if (memchr(line, '\0', len))
		fail(reading, -EINVAL, "a NUL byte", NULL, "want text");
	else if (len && strchr(";#", *line))
		len = 0; /* a comment may be as long as it likes */
	else if (length_without_end(line, len) + 3 > (size_t)room)
		fail(reading, -EINVAL, "a line of more than 197 bytes", NULL, "want a shorter one, or a script to run");
	else if (len && *line == '[')
		section_begin(reading, line, length_without_end(line, len));
	if (reading->bad_line)
		return NULL;
	len = length_without_end(line, len);
	memcpy(to, line, len);
	memcpy(to + len, "\n", 2);
	return to;
}

int config_parse(const char *name, const char *text, size_t len, struct options *options, char *error, size_t size)
{
	struct reading reading = {
		.name = name, .at = text, .end = text + len, .options = options, .error = error, .size = size};
	int line;

	if (len >= strlen(BOM) && !memcmp(text, BOM, strlen(BOM)))
		reading.at += strlen(BOM);
	line = ini_parse_stream(next_line, &reading, take_key, &reading);
	/* A line that it cannot make out it passes over, and says so at the end. */
	if (line > 0 && (!reading.bad_line || (unsigned int)line < reading.bad_line)) {
		snprintf(error, size, "%s:%d: no key = value: %s", name, line, LINE_FORM);
		return -EINVAL;
	}
	return reading.code;
}

/* ---- the file ---- */

/* It names commands that root runs: not everybody's to write. Nor one that has no end, or that would be waited for. */
static const char *file_fault(int fd, int *ret_code)
{
	struct stat st;

	*ret_code = -EINVAL;
	if (fstat(fd, &st)) {
		*ret_code = -errno;
		return strerror(errno);
	}
	if (!S_ISREG(st.st_mode))
		return "no regular file, want one";
	if (st.st_mode & S_IWOTH)
		return "anybody may write to it, and it names commands to run: want chmod o-w";
	if (st.st_size > (off_t)CONFIG_MAX) {
		*ret_code = -EFBIG;
		return "larger than 1 MiB";
	}
	return NULL;
}

/* No more than CONFIG_MAX, even of one that grows. */
static int read_all(int fd, struct buf *buf)
{
	while (buf->len <= CONFIG_MAX) {
		char *room = buf_room(buf, 65536);
		ssize_t got = room ? read(fd, room, 65536) : -1;

		if (!room)
			return -ENOMEM;
		if (!got)
			return 0;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			buf->len += (size_t)got;
	}
	return -EFBIG;
}

int config_load(const char *path, struct options *options, char *error, size_t size)
{
	int fd _cleanup_close_ = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct buf buf _cleanup_buf_ = {0};
	const char *fault;
	int code;

	if (fd < 0) {
		code = -errno;
		snprintf(error, size, "%s: %s", path, strerror(-code));
		return code;
	}
	fault = file_fault(fd, &code);
	if (fault) {
		snprintf(error, size, "%s: %s", path, fault);
		return code;
	}
	code = read_all(fd, &buf);
	if (code) {
		snprintf(error, size, "%s: %s", path, strerror(-code));
		return code;
	}
	return config_parse(path, buf.data ? buf.data : "", buf.len, options, error, size);
}

void config_tell(const struct options *options, struct buf *buf)
{
	unsigned int count = options->daemon.rules.count;

	buf_printf(buf, "%s: good, %u rule%s\n", options->daemon.config, count, count == 1 ? "" : "s");
}

int config_reload(int argc, char **argv, struct options *ret_fresh)
{
	return options_parse(argc, argv, ret_fresh) ? -EINVAL : 0;
}
