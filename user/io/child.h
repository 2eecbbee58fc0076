/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `-- CMD`: a command that waits, unexecuted, until tracing is ready. */
#ifndef IO_CHILD_H
#define IO_CHILD_H

#include <sys/types.h>

struct child {
	pid_t pid;
	int go;	    /* a byte here lets it exec */
	int failed; /* its errno comes here if the exec fails */
};

/* Exit status of a command that was not found, and of one that could not be run; as sh and strace have it. */
#define CHILD_NOT_FOUND 127
#define CHILD_NOT_RUN	126

/* Whole path of a command looked up in PATH; caller frees. NULL with errno set if there is none. */
char *child_find(const char *command);
/* Forks; the child waits. 0 or negative errno. */
int child_start(const char *path, char *const *argv, struct child *ret_child);
/* Lets it run. 0 once it has exec'ed, else the negative errno of the exec. */
int child_go(struct child *child);
/* Ends this process as the wait(2) status tells: by its exit code, or by its signal, as strace does. */
void child_exit_like(int status) __attribute__((noreturn));

#endif
