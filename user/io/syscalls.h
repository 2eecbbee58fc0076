/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System call numbers of the operations, native and 32-bit compat. */
#ifndef IO_SYSCALLS_H
#define IO_SYSCALLS_H

#include "mmaptrace.h"

/* What the functions behind native system calls begin with. */
#if defined(__x86_64__)
#define SYSCALL_PREFIX "__x64_sys_"
#elif defined(__aarch64__)
#define SYSCALL_PREFIX "__arm64_sys_"
#endif

/* Names of functions behind 32-bit calls: prefixes of an operation's name, and those that have another name. */
extern const char *const syscall_compat_prefixes[]; /* ends with NULL */
extern const char *const syscall_compat_names[];    /* ends with NULL */

/* Fills in the operation of each number (MT_NR_MAX of them; compat ones from MT_NR_COMPAT on). */
void syscalls_fill(__u8 *op_of_nr);

#endif
