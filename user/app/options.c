/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "log.h"
#include "option_daemon.h"

#define SECOND_NS 1000000000ULL

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define LONG_BASE    256 /* getopt's value for spec i is LONG_BASE + i */

static void add_specs(struct buf *buf, bool of_daemon)
{
	for (size_t i = 0; option_specs[i].name; i++) {
		const struct option_spec *spec = &option_specs[i];
		char left[64];

		if ((spec->place == OF_DAEMON) != of_daemon)
			continue;
		snprintf(left, sizeof(left), "%c%c%s --%s%s%s", spec->letter ? '-' : ' ',
			 spec->letter ? spec->letter : ' ', spec->letter ? "," : " ", spec->name,
			 spec->value && spec->value[0] != '[' ? " " : "", spec->value ? spec->value : "");
		buf_printf(buf, "  %-26s %s\n", left, spec->help);
	}
}

void options_help(struct buf *buf)
{
	buf_add_str(buf, "mmaptrace: who is running out of memory maps (vm.max_map_count), when, and why\n\n"
			 "  mmaptrace [options]               the whole system: a table, refreshed each interval\n"
			 "  mmaptrace [options] -p PID[,PID]  every operation of these processes, and a verdict\n"
			 "  mmaptrace [options] -- CMD ARGS   the same for a command and its children\n"
			 "  mmaptrace record -o FILE [options] [-p PID | -- CMD ARGS]   a recording of either, instead "
			 "of lines\n"
			 "  mmaptrace replay FILE [--json]    a recording, or JSON lines of processes, judged again\n"
			 "  mmaptrace inspect PID [--json]    what its maps are made of, how far to each refusal\n"
			 "  mmaptrace doctor [--json]         what works on this machine, and what to do\n"
			 "  mmaptrace daemon [options]        the whole system for good: alerts, metrics, logs\n\n");
	add_specs(buf, false);
	buf_add_str(buf, "\nOf mmaptrace daemon alone:\n");
	add_specs(buf, true);
	buf_add_str(buf, "It takes also");
	for (size_t i = 0; option_specs[i].name; i++) {
		if (option_specs[i].place == OF_ALL)
			buf_printf(buf, " --%s", option_specs[i].name);
	}
	buf_add_char(buf, '\n');
	buf_add_str(buf, "\nExit: 0 fine, 1 error, 2 usage, 3 finding (--exit-code); a command's own status.\n"
			 "Needs root, or CAP_BPF and CAP_PERFMON; with CAP_SYS_PTRACE for the paths of files, "
			 "CAP_DAC_READ_SEARCH for tracefs.\n");
}

static int argument_of(const struct option_spec *spec)
{
	if (!spec->value)
		return no_argument;
	return spec->value[0] == '[' ? optional_argument : required_argument;
}

static void getopt_tables(char *letters, struct option *longs)
{
	*letters++ = '+'; /* stop at the first word that is no option */
	*letters++ = ':';
	for (size_t i = 0; option_specs[i].name; i++) {
		longs[i] =
			(struct option){option_specs[i].name, argument_of(&option_specs[i]), NULL, LONG_BASE + (int)i};
		if (!option_specs[i].letter)
			continue;
		*letters++ = option_specs[i].letter;
		if (option_specs[i].value)
			*letters++ = ':';
	}
	*letters = '\0';
}

static const struct option_spec *spec_of(int value)
{
	if (value >= LONG_BASE)
		return &option_specs[value - LONG_BASE];
	for (size_t i = 0; option_specs[i].name; i++) {
		if (option_specs[i].letter == value)
			return &option_specs[i];
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
		.unwind = UNWIND_DWARF,
		.daemon = daemon_options_default,
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
	if (optind < argc && !dashes && !strcmp(argv[optind], "replay")) {
		options->command = COMMAND_REPLAY;
		return 0;
	}
	if (optind < argc && !dashes && !strcmp(argv[optind], "daemon")) {
		options->command = COMMAND_DAEMON;
		options->json = true;
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
static int take_options(int argc, char **argv, struct options *options, uint64_t *given)
{
	char letters[2 * OPTIONS_MAX + 3];
	struct option longs[OPTIONS_MAX + 1] = {0};
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
		*given |= 1ULL << (spec - option_specs);
	}
	return 0;
}

static bool is_given(const char *name, uint64_t given)
{
	for (size_t i = 0; option_specs[i].name; i++) {
		if (given & 1ULL << i && !strcmp(option_specs[i].name, name))
			return true;
	}
	return false;
}

/* What would be ignored is refused. */
static int check_given(const char *subcommand, const char *const *taken, size_t count, uint64_t given)
{
	for (size_t i = 0; option_specs[i].name; i++) {
		bool is_taken = !(given & 1ULL << i);
		char option[64];

		for (size_t j = 0; j < count; j++)
			is_taken |= !strcmp(option_specs[i].name, taken[j]);
		if (is_taken)
			continue;
		snprintf(option, sizeof(option), "--%s", option_specs[i].name);
		return usage_error(subcommand, option, "takes no such option");
	}
	return 0;
}

/* With `of_daemon` what only others take is refused, without it what only `daemon` takes. */
static int check_places(bool of_daemon, uint64_t given)
{
	enum option_place refused = of_daemon ? OF_OTHERS : OF_DAEMON;
	char option[64];

	for (size_t i = 0; option_specs[i].name; i++) {
		if (!(given & 1ULL << i) || option_specs[i].place != refused)
			continue;
		snprintf(option, sizeof(option), "--%s", option_specs[i].name);
		return of_daemon ? usage_error("daemon", option, "takes no such option")
				 : usage_error("option", option, "of mmaptrace daemon alone");
	}
	return 0;
}

static int check_daemon(const struct options *options, uint64_t given)
{
	if (options->record)
		return usage_error("record", "daemon", "takes no such command");
	if (options->daemon.check_config && !options->daemon.config)
		return usage_error("--check-config", NULL, "a --config must be given");
	return check_places(true, given);
}

static int check_subcommand(const struct options *options, uint64_t given)
{
	static const char *const of_doctor[] = {"json", "output", "verbose", "hooks", "stop-at"};
	static const char *const of_replay[] = {"json", "output",    "verbose", "timestamp", "limit",	"horizon",
						"name", "exit-code", "failed",	"stacks",    "interval"};
	static const char *const of_inspect[] = {"pid", "json", "output", "verbose", "rows", "limit"};

	if (options->command == COMMAND_DOCTOR)
		return check_given("doctor", of_doctor, COUNT(of_doctor), given);
	if (options->command == COMMAND_DAEMON)
		return check_daemon(options, given);
	if (options->command == COMMAND_REPLAY)
		return options->replay ? check_given("replay", of_replay, COUNT(of_replay), given)
				       : usage_error("replay", NULL, "a file must follow, or - for stdin");
	if (options->command != COMMAND_INSPECT)
		return 0; /* --help, --version */
	if (options->pid_count != 1 || (options->pid_is_word && is_given("pid", given)))
		return usage_error("inspect", NULL, "one process id must follow, and no other by --pid");
	return check_given("inspect", of_inspect, COUNT(of_inspect), given);
}

static int take_word(const char *word, struct options *options)
{
	const char *form = "takes no such word";

	if (options->command == COMMAND_INSPECT && !options->pid_count) {
		form = option_set_pid(options, word);
		options->pid_is_word = true;
		return form ? usage_error("inspect", word, "want a process id") : 0;
	}
	if (options->command == COMMAND_REPLAY && !options->replay) {
		options->replay = word;
		return 0;
	}
	return usage_error(options->command == COMMAND_INSPECT	? "inspect"
			   : options->command == COMMAND_REPLAY ? "replay"
			   : options->command == COMMAND_DAEMON ? "daemon"
								: "doctor",
			   word, form);
}

/* `doctor --json`, `inspect 1234 --json`: a subcommand's options may follow it, and its words. */
static int take_subcommand(int argc, char **argv, struct options *options, uint64_t *given)
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

static bool is_subcommand(enum command command)
{
	return command == COMMAND_DOCTOR || command == COMMAND_INSPECT || command == COMMAND_REPLAY ||
	       command == COMMAND_DAEMON;
}

/* Over what options holds. */
static int take_line(int argc, char **argv, struct options *options)
{
	uint64_t given = 0;
	int error;

	optind = 0; /* from the beginning */
	if (argc > 1 && !strcmp(argv[1], "record")) {
		/* What follows is as without it. */
		options->record = true;
		argc--;
		argv++;
	}
	error = take_options(argc, argv, options, &given);
	if (!error)
		error = take_words(argc, argv, options);
	if (error)
		return error;
	if (is_subcommand(options->command))
		return take_subcommand(argc, argv, options, &given);
	return options->command < COMMAND_REPLAY ? check_places(false, given) : 0;
}

/* The file first, the line once more over it. */
static int take_config(int argc, char **argv, struct options *options)
{
	const char *path = options->daemon.config;
	char error[CONFIG_ERROR_LEN];

	options_free(options);
	options_default(options);
	if (config_load(path, options, error, sizeof(error))) {
		log_error("%s", error);
		return EXIT_USAGE;
	}
	return take_line(argc, argv, options);
}

int options_parse(int argc, char **argv, struct options *ret_options)
{
	struct options options;
	int error;

	options_default(&options);
	error = take_line(argc, argv, &options);
	if (!error && options.command == COMMAND_DAEMON && options.daemon.config)
		error = take_config(argc, argv, &options);
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
	rule_list_free(&options->daemon.rules);
	intern_free(&options->texts);
}
