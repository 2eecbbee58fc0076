/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The symbolizer's process: begun, ended, and what it lives with. */
#ifndef IO_SYMBOL_HELPER_H
#define IO_SYMBOL_HELPER_H

#include <stdint.h>
#include <sys/types.h>

#include "symbol_wire.h"
#include "symbolizer.h"

#define HELPER_UNREAPED_MAX 64

struct symbol_helper {
	pid_t pid;			     /* 0: none */
	int fd;				     /* of packets, non-blocking; -1: none */
	struct wire_page *page;		     /* shared with it */
	pid_t unreaped[HELPER_UNREAPED_MAX]; /* killed, but still in an uninterruptible wait */
};

/* Zero-initialised but for fd -1. Modules get numbers above module_last. 0 or negative errno. */
int symbol_helper_start(struct symbol_helper *helper, enum unwind_mode mode, uint32_t module_last);
/* Kills it, and waits for its end if that comes soon. */
void symbol_helper_end(struct symbol_helper *helper);
/* Ends it, and frees what it shared. */
void symbol_helper_free(struct symbol_helper *helper);

#endif
