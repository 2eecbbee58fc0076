/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command line. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "intern.h"
#include "profile.h"
#include "rule.h"
#include "symbolizer.h"
#include "view.h"

enum command {
	COMMAND_TABLE,
	COMMAND_STREAM,
	COMMAND_RUN,
	COMMAND_REPLAY,
	COMMAND_INSPECT,
	COMMAND_DOCTOR,
	COMMAND_DAEMON,
	COMMAND_HELP,
	COMMAND_VERSION
};

/* A profile of call sites instead of lines. */
enum profile_format { PROFILE_NONE, PROFILE_FOLDED, PROFILE_PPROF };

/* Exit status: also 3, a finding (with --exit-code), and a command's own. */
enum { EXIT_FINE = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_FINDING = 3 };

/* How much a daemon writes: findings and refusals; processes each interval too; operations of suspects too. */
enum event_choice { EVENTS_FINDINGS, EVENTS_PROCESS, EVENTS_OPS };

/* What its metrics sum up processes by. */
enum metrics_group { METRICS_BY_COMM, METRICS_BY_CGROUP };

/* Of `daemon` alone. Texts are borrowed, from the command line or the configuration. */
struct daemon_options {
	const char *config; /* NULL: none */
	bool check_config;
	enum event_choice events;
	uint64_t report_ns;	 /* lines of processes; the sampling has its own interval */
	const char *log_file;	 /* NULL: none. Without any destination lines go to stdout, or --output. */
	uint64_t log_max_bytes;	 /* when it is rotated; 0: never by size */
	uint64_t log_max_age_ns; /* 0: never by age */
	uint32_t log_keep;	 /* rotated files that are kept */
	uint32_t queue_bytes;	 /* of lines on their way, for each destination */
	bool journald;
	const char *syslog;	 /* path of a socket, or "udp:HOST:PORT"; NULL: none */
	const char *web_address; /* "HOST:PORT", "[V6]:PORT", "unix:/PATH", "systemd"; "none" */
	uint32_t metrics_top;	 /* processes with metrics of their own */
	enum metrics_group metrics_group;
	const char *state_dir;	/* NULL: nothing is kept for the next run */
	const char *pin_dir;	/* of a bpffs; NULL: the same */
	uint32_t max_suspects;	/* followed in detail at a time; 0: none */
	struct rule_list rules; /* owned */
};

struct options {
	enum command command;
	uint32_t *pids; /* owned */
	size_t pid_count;
	bool pid_is_word;  /* of inspect */
	char *const *argv; /* the command to run, NULL-terminated; borrowed */
	struct view_filter filter;
	enum sort_key sort;
	uint64_t duration_ns; /* 0: until stopped */
	uint64_t interval_ns;
	bool interval_given;
	uint32_t rows;		  /* 0: as many as fit, all in JSON */
	uint32_t limit;		  /* 0: vm.max_map_count */
	uint32_t stop_at_percent; /* 0: never */
	uint64_t horizon_ns;
	uint32_t hooks; /* enum hook, 0: choose */
	uint32_t ring_bytes;
	uint32_t max_processes;
	uint32_t max_maps; /* in the ledger; 0: as the limit asks for */
	enum unwind_mode unwind;
	enum profile_format profile;
	enum profile_value profile_value; /* of folded stacks */
	const char *cgroup;		  /* of the filter, as given; NULL: any */
	const char *output;		  /* NULL: stdout */
	const char *replay;		  /* what to replay; NULL: stdin */
	bool record;
	struct daemon_options daemon;
	struct intern texts; /* owned: what the configuration gave, borrowed by the rest */
	bool json, failed_only, stacks, timestamps, verbose, exit_code;
};

/*
 * Fills options, from the configuration too if one is named, over which the
 * words win; returns 0, or EXIT_USAGE after one line on stderr, with
 * ret_options untouched. May be called again with the same words.
 */
int options_parse(int argc, char **argv, struct options *ret_options);
void options_free(struct options *options);
/* The text of --help. */
void options_help(struct buf *buf);

#endif
