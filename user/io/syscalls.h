/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* System call numbers of the operations, native and 32-bit compat. */
#ifndef IO_SYSCALLS_H
#define IO_SYSCALLS_H

#include "mmaptrace.h"

/* Fills in the operation of each number (MT_NR_MAX of them; compat ones from MT_NR_COMPAT on). */
void syscalls_fill(__u8 *op_of_nr);

#endif
