/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"

static int check_file(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return errno;
	if (S_ISDIR(st.st_mode))
		return EISDIR;
	return access(path, X_OK) ? errno : 0;
}

char *child_find(const char *command)
{
	const char *at = getenv("PATH");
	int found = ENOENT;

	if (strchr(command, '/') || !*command) {
		found = *command ? check_file(command) : ENOENT;
		errno = found;
		return found ? NULL : strdup(command);
	}
	for (at = at ? at : "/bin:/usr/bin"; at; at = strchr(at, ':') ? strchr(at, ':') + 1 : NULL) {
		int len = (int)strcspn(at, ":"), error;
		char *path;

		if (asprintf(&path, "%.*s/%s", len ? len : 1, len ? at : ".", command) < 0)
			return NULL;
		error = check_file(path);
		if (!error)
			return path;
		if (error == EACCES)
			found = error;
		free(path);
	}
	errno = found;
	return NULL;
}

static void run(const char *path, char *const *argv, int go, int failed)
{
	sigset_t none;
	char byte;
	int error;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	/* End of file: the tracer has died or given up. */
	if (read(go, &byte, 1) != 1)
		_exit(CHILD_NOT_RUN);
	execv(path, argv);
	error = errno;
	if (write(failed, &error, sizeof(error)) != sizeof(error))
		_exit(CHILD_NOT_RUN);
	_exit(error == ENOENT ? CHILD_NOT_FOUND : CHILD_NOT_RUN);
}

int child_start(const char *path, char *const *argv, struct child *ret_child)
{
	int go[2], failed[2];
	pid_t pid;

	if (pipe2(go, O_CLOEXEC))
		return -errno;
	if (pipe2(failed, O_CLOEXEC)) {
		int error = errno;

		close(go[0]);
		close(go[1]);
		return -error;
	}
	pid = fork();
	if (!pid) {
		close(go[1]);
		run(path, argv, go[0], failed[1]);
	}
	close(go[0]);
	close(failed[1]);
	if (pid < 0) {
		int error = errno;

		close(go[1]);
		close(failed[0]);
		return -error;
	}
	*ret_child = (struct child){.pid = pid, .go = go[1], .failed = failed[0]};
	return 0;
}

int child_go(struct child *child)
{
	int go _cleanup_close_ = TAKE_FD(child->go), failed _cleanup_close_ = TAKE_FD(child->failed);
	int error = 0;

	if (write(go, "", 1) != 1)
		return -errno;
	/* Closed by the exec: nothing to read. */
	return read(failed, &error, sizeof(error)) == sizeof(error) ? -error : 0;
}

void child_exit_like(int status)
{
	if (WIFSIGNALED(status)) {
		struct rlimit no_core = {0};
		sigset_t set;
		int number = WTERMSIG(status);

		setrlimit(RLIMIT_CORE, &no_core); /* the command has dumped its own */
		signal(number, SIG_DFL);
		raise(number);
		sigemptyset(&set);
		sigaddset(&set, number);
		sigprocmask(SIG_UNBLOCK, &set, NULL);
		_exit(128 + number);
	}
	_exit(WEXITSTATUS(status));
}
