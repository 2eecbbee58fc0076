/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What of a configuration is fixed at the start: sizes of maps, programs attached, sockets, files of the next run. */
#include "config.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	size_t offset, size; /* size 0: a text */
} fixed[] = {
#define VALUE(name, field)                                                                                             \
	{                                                                                                              \
		name, offsetof(struct options, field), sizeof(((struct options *)0)->field)                            \
	}
#define TEXT(name, field)                                                                                              \
	{                                                                                                              \
		name, offsetof(struct options, field), 0                                                               \
	}
	VALUE("hooks", hooks),
	VALUE("ring-size", ring_bytes),
	VALUE("max-procs", max_processes),
	VALUE("max-maps", max_maps),
	VALUE("unwind", unwind),
	VALUE("stacks", stacks),
	VALUE("interval", interval_ns),
	VALUE("duration", duration_ns),
	VALUE("json", json),
	VALUE("log-queue", daemon.queue_bytes),
	TEXT("name", filter.comm),
	TEXT("cgroup", cgroup),
	TEXT("output", output),
	TEXT("state-dir", daemon.state_dir),
	TEXT("pin-dir", daemon.pin_dir),
	VALUE("report-every", daemon.report_ns),
	TEXT("log-file", daemon.log_file),
	VALUE("log-max-size", daemon.log_max_bytes),
	VALUE("log-max-age", daemon.log_max_age_ns),
	VALUE("log-keep", daemon.log_keep),
	VALUE("journald", daemon.journald),
	TEXT("syslog", daemon.syslog),
	VALUE("max-suspects", daemon.max_suspects),
	TEXT("web.listen-address", daemon.web_address),
};

static bool texts_differ(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) != 0 : a != b;
}

static bool differs(const struct options *a, const struct options *b, size_t i)
{
	const char *left = (const char *)a + fixed[i].offset, *right = (const char *)b + fixed[i].offset;
	const char *left_text, *right_text;

	if (fixed[i].size)
		return memcmp(left, right, fixed[i].size) != 0;
	memcpy(&left_text, left, sizeof(left_text));
	memcpy(&right_text, right, sizeof(right_text));
	return texts_differ(left_text, right_text);
}

unsigned int config_changes_needing_restart(const struct options *old, const struct options *fresh, char *names,
					    size_t size)
{
	unsigned int count = 0;
	size_t len = 0;

	if (size)
		names[0] = '\0';
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++) {
		if (!differs(old, fresh, i))
			continue;
		if (len < size)
			len += (size_t)snprintf(names + len, size - len, "%s%s", count ? " " : "", fixed[i].name);
		count++;
	}
	return count;
}
