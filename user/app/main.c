/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "buf.h"
#include "child.h"
#include "cleanup.h"
#include "config.h"
#include "doctor.h"
#include "inspect.h"
#include "log.h"
#include "options.h"
#include "output.h"
#include "replay.h"
#include "session.h"

static int print_help(void)
{
	struct buf buf _cleanup_buf_ = {0};

	options_help(&buf);
	return output_once(NULL, &buf) ? EXIT_ERROR : EXIT_FINE;
}

static int print_version(void)
{
	struct buf buf _cleanup_buf_ = {0};

	buf_add_str(&buf, "mmaptrace " MMAPTRACE_VERSION "\n");
	return output_once(NULL, &buf) ? EXIT_ERROR : EXIT_FINE;
}

/* It has been read by now: what was wrong has been said. */
static int check_config(const struct options *options)
{
	struct buf buf _cleanup_buf_ = {0};

	config_tell(options, &buf);
	return output_once(options->output, &buf) ? EXIT_ERROR : EXIT_FINE;
}

static int run(const struct options *options, int argc, char **argv)
{
	int child_status, status;

	switch (options->command) {
	case COMMAND_HELP:
		return print_help();
	case COMMAND_VERSION:
		return print_version();
	case COMMAND_REPLAY:
		return replay_run(options);
	case COMMAND_INSPECT:
		return inspect_run(options);
	case COMMAND_DOCTOR:
		return doctor_run(options);
	case COMMAND_TABLE:
	case COMMAND_STREAM:
	case COMMAND_RUN:
	case COMMAND_DAEMON:
		break;
	}
	if (options->daemon.check_config)
		return check_config(options);
	status = session_run(options, argc, argv, &child_status);
	/* A command's end is ours: how it ended, or why it could not begin. A finding goes before (--exit-code). */
	if (child_status >= 0 && status != EXIT_FINDING)
		child_exit_like(child_status);
	return status;
}

/* A closed 0, 1 or 2 must not become the number of a file of ours: messages would land in it. */
static void fill_standard_fds(void)
{
	static const int modes[] = {O_RDONLY, O_RDONLY /* so that writing to it is an error */, O_WRONLY};

	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
			_exit(EXIT_ERROR); /* no way to say why */
	}
}

int main(int argc, char **argv)
{
	struct options options;
	int status;

	fill_standard_fds();
	signal(SIGPIPE, SIG_IGN); /* a closed stdout is an error of write(2), dealt with there */
	status = options_parse(argc, argv, &options);

	if (status)
		return status;
	if (options.verbose)
		log_set_level(LOG_LEVEL_DEBUG);
	status = run(&options, argc, argv);
	options_free(&options);
	return status;
}
