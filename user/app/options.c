/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parse.h"
#include "plan.h"

#define SECOND_NS	1000000000ULL
#define INTERVAL_MIN_NS (10 * 1000000ULL)
#define RING_MIN	4096
#define RING_MAX	(1U << 30)
#define DURATION_FORM	"a time such as 10, 500ms, 5m, 2h or 7d"

/* Sets one option from its text (NULL for a switch). 0, or the form it should have had. */
typedef const char *option_set_fn(struct options *options, const char *text);

struct option_spec {
	const char *name;
	char letter; /* 0: none */
	const char *value;
	const char *help;
	option_set_fn *set;
};

static const char *set_pid(struct options *options, const char *text)
{
	uint32_t *pids;
	size_t count, bad = 0;

	if (parse_pids(text, &pids, &count, &bad))
		return "process ids from 1 to 4194304, with commas between";
	free(options->pids);
	options->pids = pids;
	options->pid_count = count;
	return NULL;
}

static const char *set_name(struct options *options, const char *text)
{
	options->filter.comm = text;
	return *text ? NULL : "part of a process name";
}

static const char *set_cgroup(struct options *options, const char *text)
{
	options->cgroup = text;
	options->filter.in_cgroup = true;
	return *text == '/' ? NULL : "the path of a cgroup, beginning with /";
}

static const char *set_duration(struct options *options, const char *text)
{
	return parse_duration(text, &options->duration_ns) || !options->duration_ns ? DURATION_FORM : NULL;
}

static const char *set_interval(struct options *options, const char *text)
{
	uint64_t ns;

	if (parse_duration(text, &ns) || ns < INTERVAL_MIN_NS)
		return DURATION_FORM ", at least 10ms";
	options->interval_ns = ns;
	return NULL;
}

static const char *set_rows(struct options *options, const char *text)
{
	return parse_u32(text, 1, 1000000, &options->rows) ? "a number from 1 to 1000000" : NULL;
}

static const char *set_sort(struct options *options, const char *text)
{
	return sort_key_parse(text, &options->sort) ? sort_key_names() : NULL;
}

static const char *set_failed(struct options *options, const char *text)
{
	(void)text;
	options->failed_only = options->filter.failed_only = true;
	return NULL;
}

static const char *set_timestamp(struct options *options, const char *text)
{
	(void)text;
	options->timestamps = true;
	return NULL;
}

static const char *set_verbose(struct options *options, const char *text)
{
	(void)text;
	options->verbose = true;
	return NULL;
}

static const char *set_json(struct options *options, const char *text)
{
	(void)text;
	options->json = true;
	return NULL;
}

static const char *set_output(struct options *options, const char *text)
{
	options->output = text;
	return *text ? NULL : "the path of a file";
}

static const char *set_limit(struct options *options, const char *text)
{
	return parse_u32(text, 16, 2147483647, &options->limit) ? "a number of maps from 16 to 2147483647" : NULL;
}

static const char *set_horizon(struct options *options, const char *text)
{
	return parse_duration(text, &options->horizon_ns) ? DURATION_FORM : NULL;
}

static const char *set_stop_at(struct options *options, const char *text)
{
	return parse_percent(text, &options->stop_at_percent) ? "a share of the limit from 1% to 100%" : NULL;
}

static const char *set_exit_code(struct options *options, const char *text)
{
	(void)text;
	options->exit_code = true;
	return NULL;
}

static const char *set_hooks(struct options *options, const char *text)
{
	const char *bad;

	return hooks_parse(text, &options->hooks, &bad)
		       ? "names out of witness, syscalls, fentry, kprobe, with commas between"
		       : NULL;
}

static const char *set_ring_size(struct options *options, const char *text)
{
	uint64_t bytes;

	if (parse_size(text, &bytes) || bytes < RING_MIN || bytes > RING_MAX || (bytes & (bytes - 1)))
		return "a power of two from 4K to 1G";
	options->ring_bytes = (uint32_t)bytes;
	return NULL;
}

static const char *set_max_procs(struct options *options, const char *text)
{
	return parse_u32(text, 1, 4194304, &options->max_processes) ? "a number from 1 to 4194304" : NULL;
}

static const char *set_help(struct options *options, const char *text)
{
	(void)text;
	options->command = COMMAND_HELP;
	return NULL;
}

static const char *set_version(struct options *options, const char *text)
{
	(void)text;
	options->command = COMMAND_VERSION;
	return NULL;
}

static const struct option_spec specs[] = {
	{"pid", 'p', "PID[,PID]", "stream the operations of these processes; a verdict at the end", set_pid},
	{"name", 'n', "TEXT", "only processes whose name contains TEXT", set_name},
	{"cgroup", 'c', "PATH", "only processes in this cgroup or below it", set_cgroup},
	{"duration", 'd', "TIME", "stop after TIME (10, 500ms, 5m); ends the command, if one is run", set_duration},
	{"interval", 'i', "TIME", "a table, or process lines, every TIME (1s)", set_interval},
	{"rows", 'r', "N", "rows of the table (as many as fit; 20 if not on a terminal; all in JSON)", set_rows},
	{"sort", 's', "KEY", "ratio, maps, rate, eta, opened, closed, mmaps, failed, pid or comm", set_sort},
	{"failed", 'x', NULL, "only failed operations, or processes that had some", set_failed},
	{"timestamp", 'T', NULL, "time of day (UTC) instead of seconds since the start", set_timestamp},
	{"verbose", 'v', NULL, "more on stderr: the plan, what the kernel says", set_verbose},
	{"json", 0, NULL, "JSON lines, schema 1", set_json},
	{"output", 'o', "FILE", "append to FILE instead of writing to stdout", set_output},
	{"limit", 0, "N", "pretend that the limit is N maps", set_limit},
	{"horizon", 0, "TIME", "warn of a limit reached within TIME (1h)", set_horizon},
	{"stop-at", 0, "N%", "SIGSTOP a process that reaches N% of the limit (with -p or a command: only those)",
	 set_stop_at},
	{"exit-code", 0, NULL, "exit with 3 if a finding of severity warning or above was made", set_exit_code},
	{"hooks", 0, "LIST", "force the hooks: witness, syscalls, fentry, kprobe", set_hooks},
	{"ring-size", 0, "SIZE", "ring buffer for operations, a power of two (16M)", set_ring_size},
	{"max-procs", 0, "N", "processes counted at a time (16384)", set_max_procs},
	{"version", 0, NULL, "print the version", set_version},
	{"help", 'h', NULL, "print this", set_help},
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SPEC_COUNT   COUNT(specs)
_Static_assert(SPEC_COUNT <= 32, "one bit each");
#define LONG_BASE 256 /* getopt's value for spec i is LONG_BASE + i */

void options_help(struct buf *buf)
{
	buf_add_str(buf, "mmaptrace: who is running out of memory maps (vm.max_map_count), when, and why\n\n"
			 "  mmaptrace [options]               the whole system: a table, refreshed each interval\n"
			 "  mmaptrace [options] -p PID[,PID]  every operation of these processes, and a verdict\n"
			 "  mmaptrace [options] -- CMD ARGS   the same for a command and its children\n"
			 "  mmaptrace inspect PID [--json]    what its maps are made of, how far to each refusal\n"
			 "  mmaptrace doctor [--json]         what works on this machine, and what to do\n\n");
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		const struct option_spec *spec = &specs[i];
		char left[64];

		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", spec->letter ? '-' : ' ',
			 spec->letter ? spec->letter : ' ', spec->letter ? "," : " ", spec->name,
			 spec->value ? " " : "", spec->value ? spec->value : "");
		buf_printf(buf, "  %-26s %s\n", left, spec->help);
	}
	buf_add_str(buf, "\nExit: 0 fine, 1 error, 2 usage, 3 finding (--exit-code); a command's own status.\n"
			 "Needs root, or CAP_BPF and CAP_PERFMON; with CAP_SYS_PTRACE for the paths of files, "
			 "CAP_DAC_READ_SEARCH for tracefs.\n");
}

static void getopt_tables(char *letters, struct option *longs)
{
	*letters++ = '+'; /* stop at the first word that is no option */
	*letters++ = ':';
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		longs[i] = (struct option){specs[i].name, specs[i].value ? required_argument : no_argument, NULL,
					   LONG_BASE + (int)i};
		if (!specs[i].letter)
			continue;
		*letters++ = specs[i].letter;
		if (specs[i].value)
			*letters++ = ':';
	}
	*letters = '\0';
	longs[SPEC_COUNT] = (struct option){0};
}

static const struct option_spec *spec_of(int value)
{
	if (value >= LONG_BASE)
		return &specs[value - LONG_BASE];
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		if (specs[i].letter == value)
			return &specs[i];
	}
	return NULL;
}

static void options_default(struct options *options)
{
	*options = (struct options){
		.interval_ns = SECOND_NS,
		.horizon_ns = 3600 * SECOND_NS,
		.ring_bytes = 16 << 20,
		.max_processes = 16384,
	};
}

static int usage_error(const char *what, const char *value, const char *why)
{
	log_error("%s%s%s%s%s (mmaptrace --help)", what, value ? " '" : "", value ? value : "", value ? "': " : ": ",
		  why);
	return EXIT_USAGE;
}

/* Words after the options: a subcommand, or after "--" a command. */
static int take_words(int argc, char **argv, struct options *options)
{
	bool dashes = optind > 1 && !strcmp(argv[optind - 1], "--");

	if (options->command != COMMAND_TABLE)
		return 0;
	if (optind < argc && !dashes && !strcmp(argv[optind], "inspect")) {
		options->command = COMMAND_INSPECT;
		return 0;
	}
	if (options->pid_count)
		options->command = COMMAND_STREAM;
	if (optind == argc)
		return dashes ? usage_error("--", NULL, "a command must follow") : 0;
	if (!dashes && !strcmp(argv[optind], "doctor")) {
		options->command = COMMAND_DOCTOR;
		return 0;
	}
	if (!dashes)
		return usage_error("unknown command", argv[optind], "to run and trace it, put -- before it");
	if (options->pid_count)
		return usage_error("-p and --", NULL, "one or the other");
	options->command = COMMAND_RUN;
	options->argv = argv + optind;
	return 0;
}

/* A short option may stand anywhere in a cluster (-xz); getopt names it by its letter alone. */
static const char *bad_option(char **argv, const char *letter)
{
	return optopt > 0 && optopt < LONG_BASE ? letter : argv[optind - 1];
}

/* given: bit i is set for spec i. */
static int take_options(int argc, char **argv, struct options *options, uint32_t *given)
{
	char letters[2 * SPEC_COUNT + 3];
	struct option longs[SPEC_COUNT + 1];
	char letter[] = "-?";
	int value;

	getopt_tables(letters, longs);
	opterr = 0;
	while ((value = getopt_long(argc, argv, letters, longs, NULL)) != -1) {
		const struct option_spec *spec = spec_of(value);
		const char *form;

		if (optopt > 0 && optopt < LONG_BASE)
			letter[1] = (char)optopt;
		if (value == ':')
			return usage_error("option", argv[optind - 1], "a value must follow");
		if (value == '?' || !spec)
			return usage_error("option", bad_option(argv, letter),
					   "unknown or ambiguous, or given a value it does not take");
		form = spec->set(options, optarg);
		if (form) {
			log_error("--%s '%s': want %s (mmaptrace --help)", spec->name, optarg, form);
			return EXIT_USAGE;
		}
		*given |= 1U << (spec - specs);
	}
	return 0;
}

/* What would be ignored is refused. */
static int check_given(const char *subcommand, option_set_fn *const *taken, size_t count, uint32_t given)
{
	for (size_t i = 0; i < SPEC_COUNT; i++) {
		bool is_taken = !(given & 1U << i);
		char option[64];

		for (size_t j = 0; j < count; j++)
			is_taken |= specs[i].set == taken[j];
		if (is_taken)
			continue;
		snprintf(option, sizeof(option), "--%s", specs[i].name);
		return usage_error(subcommand, option, "takes no such option");
	}
	return 0;
}

static int check_subcommand(const struct options *options, uint32_t given)
{
	static option_set_fn *const of_doctor[] = {set_json, set_output, set_verbose, set_hooks, set_stop_at};
	static option_set_fn *const of_inspect[] = {set_pid, set_json, set_output, set_verbose, set_rows, set_limit};

	if (options->command == COMMAND_DOCTOR)
		return check_given("doctor", of_doctor, COUNT(of_doctor), given);
	if (options->command != COMMAND_INSPECT)
		return 0; /* --help, --version */
	if (options->pid_count != 1)
		return usage_error("inspect", NULL, "one process id must follow");
	return check_given("inspect", of_inspect, COUNT(of_inspect), given);
}

static int take_word(const char *word, struct options *options)
{
	const char *form = "takes no such word";

	if (options->command == COMMAND_INSPECT && !options->pid_count) {
		form = set_pid(options, word);
		return form ? usage_error("inspect", word, "want a process id") : 0;
	}
	return usage_error(options->command == COMMAND_INSPECT ? "inspect" : "doctor", word, form);
}

/* `doctor --json`, `inspect 1234 --json`: a subcommand's options may follow it, and its words. */
static int take_subcommand(int argc, char **argv, struct options *options, uint32_t *given)
{
	enum command command = options->command;
	int error = 0;

	do {
		argv += optind;
		argc -= optind;
		optind = 0; /* getopt takes the word for the program's name */
		error = take_options(argc, argv, options, given);
		if (!error && optind < argc && options->command == command)
			error = take_word(argv[optind], options);
	} while (!error && optind < argc && options->command == command);
	return error ? error : check_subcommand(options, *given);
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options;
	uint32_t given = 0;
	int error;

	options_default(&options);
	error = take_options(argc, argv, &options, &given);
	if (!error)
		error = take_words(argc, argv, &options);
	if (!error && (options.command == COMMAND_DOCTOR || options.command == COMMAND_INSPECT))
		error = take_subcommand(argc, argv, &options, &given);
	if (error)
		options_free(&options);
	else
		*ret_options = options;
	return error;
}

void options_free(struct options *options)
{
	free(options->pids);
	options->pids = NULL;
}
