/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Giving up what a process no longer needs. */
#ifndef IO_PRIVILEGE_H
#define IO_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Gives up for good all capabilities but those listed, as far as they are held, and the chance to gain any by
 * executing a program (no_new_privs). With as_nobody root becomes nobody too, so that what root owns is not ours to
 * write; then the process is not dumpable, and a parent-death signal is to be asked for again. 0 or negative errno.
 */
int privilege_keep_only(const unsigned int *capabilities, size_t count, bool as_nobody);

#endif
