/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Folded stacks, as flame graph tools read them: frames, a semicolon between two, a blank, a value. */
#ifndef SINK_FOLDED_H
#define SINK_FOLDED_H

#include <stddef.h>

#include "buf.h"
#include "profile.h"

/*
 * Appends a line for each site whose value is above 0, the format having no way to say less:
 *
 *	comm-PID;outermost;...;innermost;[op] VALUE
 *
 * A stack that was cut begins with "[cut off]"; a frame that the compiler inlined ends with "_[i]"; one without a name
 * is "module+0xoffset" or "[unknown]", as is a stack that is not known at all. Whatever the names are, the output is
 * valid UTF-8 without control characters, and a semicolon in a name has become a colon.
 *
 * 0, or -ENOMEM, and then nothing was appended.
 */
int folded_sites(struct buf *buf, const struct profile_process *process, const struct site *sites, size_t count,
		 enum profile_value value);

#endif
