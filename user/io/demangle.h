/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names as people wrote them, for C++ (Itanium ABI) and Rust (legacy and v0). */
#ifndef IO_DEMANGLE_H
#define IO_DEMANGLE_H

#include <stdbool.h>
#include <stddef.h>

#define DEMANGLE_LEN 1024 /* longer ones are cut */

/* Writes the name, without parameters, into out of DEMANGLE_LEN bytes. False: it is not mangled, or wrongly. */
bool demangle(const char *symbol, char *out);

#endif
