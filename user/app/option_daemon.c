/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "option_daemon.h"

#include <string.h>

#include "parse.h"

#define SECOND_NS     1000000000ULL
#define REPORT_MIN_NS (10 * 1000000ULL)
#define LOG_MIN	      4096
#define QUEUE_MIN     (64U << 10)
#define QUEUE_MAX     (1U << 30)
#define HOST_MAX      255
#define DEV_LOG	      "/dev/log"
#define DURATION_FORM "a time such as 10, 500ms, 5m, 2h or 7d"

const struct daemon_options daemon_options_default = {
	.report_ns = 60 * SECOND_NS,
	.log_max_bytes = 64 << 20,
	.log_max_age_ns = 86400 * SECOND_NS,
	.log_keep = 7,
	.queue_bytes = 8 << 20,
	.web_address = "127.0.0.1:9797",
	.metrics_top = 20,
	.state_dir = "/var/lib/mmaptrace",
	.pin_dir = "/sys/fs/bpf/mmaptrace",
	.max_suspects = 8,
};

const char *option_set_config(struct options *options, const char *text)
{
	options->daemon.config = text;
	return *text ? NULL : "the path of a file";
}

const char *option_set_check_config(struct options *options, const char *text)
{
	(void)text;
	options->daemon.check_config = true;
	return NULL;
}

/* The place of text among names, -1 if it is none. */
static int place_of(const char *text, const char *const *names, int count)
{
	for (int i = 0; i < count; i++) {
		if (!strcmp(text, names[i]))
			return i;
	}
	return -1;
}

const char *option_set_events(struct options *options, const char *text)
{
	static const char *const names[] = {
		[EVENTS_FINDINGS] = "findings", [EVENTS_PROCESS] = "process", [EVENTS_OPS] = "ops"};
	int place = place_of(text, names, 3);

	if (place < 0)
		return "findings, process or ops";
	options->daemon.events = (enum event_choice)place;
	return NULL;
}

const char *option_set_report_every(struct options *options, const char *text)
{
	uint64_t ns;

	if (parse_duration(text, &ns) || ns < REPORT_MIN_NS)
		return DURATION_FORM ", at least 10ms";
	options->daemon.report_ns = ns;
	return NULL;
}

const char *option_set_log_file(struct options *options, const char *text)
{
	options->daemon.log_file = text;
	return *text ? NULL : "the path of a file";
}

const char *option_set_log_max_size(struct options *options, const char *text)
{
	uint64_t bytes;

	if (parse_size(text, &bytes) || (bytes && bytes < LOG_MIN))
		return "a size such as 64M, at least 4K, or 0 for any size";
	options->daemon.log_max_bytes = bytes;
	return NULL;
}

const char *option_set_log_max_age(struct options *options, const char *text)
{
	uint64_t ns;

	if (parse_duration(text, &ns) || (ns && ns < SECOND_NS))
		return DURATION_FORM ", at least 1s, or 0 for any age";
	options->daemon.log_max_age_ns = ns;
	return NULL;
}

const char *option_set_log_keep(struct options *options, const char *text)
{
	return parse_u32(text, 0, 1000, &options->daemon.log_keep) ? "a number from 0 to 1000" : NULL;
}

const char *option_set_log_queue(struct options *options, const char *text)
{
	uint64_t bytes;

	if (parse_size(text, &bytes) || bytes < QUEUE_MIN || bytes > QUEUE_MAX)
		return "a size from 64K to 1G";
	options->daemon.queue_bytes = (uint32_t)bytes;
	return NULL;
}

const char *option_set_journald(struct options *options, const char *text)
{
	(void)text;
	options->daemon.journald = true;
	return NULL;
}

/* "HOST:PORT", with a host of several colons in brackets. */
static bool is_host_and_port(const char *text)
{
	const char *colon = strrchr(text, ':');
	size_t len = colon ? (size_t)(colon - text) : 0;
	uint32_t port;

	if (!len || len > HOST_MAX || parse_u32(colon + 1, 1, 65535, &port))
		return false;
	if (*text == '[')
		return len > 2 && colon[-1] == ']' && strspn(text + 1, "0123456789abcdefABCDEF:.%") == len - 2;
	return strcspn(text, ":[]/ \t") == len;
}

const char *option_set_syslog(struct options *options, const char *text)
{
	static const char form[] = "/dev/log or another socket's path, udp:HOST:PORT or tcp:HOST:PORT";

	options->daemon.syslog = text ? text : DEV_LOG;
	if (!text || *text == '/')
		return NULL;
	if (strncmp(text, "udp:", 4) != 0 && strncmp(text, "tcp:", 4) != 0)
		return form;
	return is_host_and_port(text + 4) ? NULL : form;
}

const char *option_set_web_address(struct options *options, const char *text)
{
	options->daemon.web_address = text;
	if (!strcmp(text, "none") || !strcmp(text, "systemd") || !strncmp(text, "unix:/", 6) || is_host_and_port(text))
		return NULL;
	return "HOST:PORT, [IPV6]:PORT, unix:/PATH, systemd or none";
}

const char *option_set_metrics_top(struct options *options, const char *text)
{
	return parse_u32(text, 0, 10000, &options->daemon.metrics_top) ? "a number from 0 to 10000" : NULL;
}

const char *option_set_metrics_group(struct options *options, const char *text)
{
	static const char *const names[] = {[METRICS_BY_COMM] = "comm", [METRICS_BY_CGROUP] = "cgroup"};
	int place = place_of(text, names, 2);

	if (place < 0)
		return "comm or cgroup";
	options->daemon.metrics_group = (enum metrics_group)place;
	return NULL;
}

static const char *set_dir(const char **ret_dir, const char *text)
{
	bool none = !strcmp(text, "none");

	*ret_dir = none ? NULL : text;
	return none || *text == '/' ? NULL : "the path of a directory, beginning with /, or none";
}

const char *option_set_state_dir(struct options *options, const char *text)
{
	return set_dir(&options->daemon.state_dir, text);
}

const char *option_set_pin_dir(struct options *options, const char *text)
{
	return set_dir(&options->daemon.pin_dir, text);
}

const char *option_set_max_suspects(struct options *options, const char *text)
{
	return parse_u32(text, 0, 1024, &options->daemon.max_suspects) ? "a number from 0 to 1024" : NULL;
}
