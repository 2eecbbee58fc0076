/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The command line. */
#ifndef APP_OPTIONS_H
#define APP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "profile.h"
#include "symbolizer.h"
#include "view.h"

enum command {
	COMMAND_TABLE,
	COMMAND_STREAM,
	COMMAND_RUN,
	COMMAND_REPLAY,
	COMMAND_INSPECT,
	COMMAND_DOCTOR,
	COMMAND_HELP,
	COMMAND_VERSION
};

/* A profile of call sites instead of lines. */
enum profile_format { PROFILE_NONE, PROFILE_FOLDED, PROFILE_PPROF };

/* Exit status: also 3, a finding (with --exit-code), and a command's own. */
enum { EXIT_FINE = 0, EXIT_ERROR = 1, EXIT_USAGE = 2, EXIT_FINDING = 3 };

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
	bool json, failed_only, stacks, timestamps, verbose, exit_code;
};

/* Fills options; returns 0, or EXIT_USAGE after one line on stderr. */
int options_parse(int argc, char **argv, struct options *ret_options);
void options_free(struct options *options);
/* The text of --help. */
void options_help(struct buf *buf);

#endif
