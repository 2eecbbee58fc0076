/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Operations in words: names, arguments, flags, errno. */
#ifndef CORE_OP_H
#define CORE_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "mmaptrace.h"

/* Name as in the system call table, "other" for none or for an unknown number. Static. */
const char *op_name(uint32_t op);

/* "ENOMEM"; "E123" style for a number without a name. buf holds at least 16 bytes. */
const char *errno_name(int error, char *buf, size_t size);

/* The arguments of an operation, by meaning. */
struct op_args {
	bool has_addr, has_len, has_prot, has_flags, has_fd, has_new_len, has_advice;
	uint64_t addr, len, new_len; /* bytes */
	uint64_t prot, flags, advice;
	int32_t fd;
};

/* Reads the raw arguments by the convention of op. */
void op_args_decode(uint32_t op, const uint64_t *raw, struct op_args *ret_args);

/*
 * Writes "PROT_READ|PROT_WRITE", "MAP_SHARED|MAP_FIXED|0x80000000",
 * "MADV_DONTFORK"... into buf, cut to fit. Returns buf. The meaning of flags
 * depends on op (mmap's MAP_, mremap's MREMAP_, shmat's SHM_, ...).
 */
const char *op_prot_text(uint64_t prot, char *buf, size_t size);
const char *op_flags_text(uint32_t op, uint64_t flags, char *buf, size_t size);
const char *op_advice_text(uint64_t advice, char *buf, size_t size);

/* True if an execve was refused as one that searches PATH is, which goes on after these errors (execvp(3)). */
bool op_is_search(uint32_t op, uint32_t error);
/* True if a successful result of op is an address (mmap, mremap, brk, shmat, map_shadow_stack). */
bool op_returns_address(uint32_t op);

/*
 * Map count from which op is refused for want of maps, given M = limit (KERNEL.md
 * section 1): mmap M+1, a split M, two splits M-1, mremap M-3. What it needs
 * depends on its arguments: this is the strictest case of its kind with
 * `worst`, the most lenient without. UINT32_MAX: never refused by count.
 */
uint32_t op_refusal_point(uint32_t op, uint64_t flags, uint32_t limit, bool worst);

#endif
