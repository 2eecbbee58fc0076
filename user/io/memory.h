/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the machine's memory stands, and what is mapped in a range: read when a refusal asks for it. */
#ifndef IO_MEMORY_H
#define IO_MEMORY_H

#include "surroundings.h"

/* huge_page: bytes of the pages asked for, 0 for the usual ones. 0 or negative errno: machine.known stays false. */
int memory_read_machine(uint64_t huge_page, struct machine *ret_machine);
/* Fills in what is mapped in a range of a process. Reads its maps: not to be polled. 0 or negative errno. */
int memory_read_range(uint32_t pid, struct range *range);
/* Size of the shared memory segment that a process calls by this id. 0 or negative errno; EXDEV: its ids are not ours.
 */
int memory_read_segment(uint32_t pid, int32_t id, uint64_t *ret_bytes);

#endif
