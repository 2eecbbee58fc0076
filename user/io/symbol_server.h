/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The symbolizer at work, in its own process: takes requests, answers them. */
#ifndef IO_SYMBOL_SERVER_H
#define IO_SYMBOL_SERVER_H

#include <stdint.h>

#include "symbol_wire.h"
#include "symbolizer.h"

/* Until the other end of fd is closed. Modules get numbers above module_last. */
void symbol_server_run(int fd, enum unwind_mode mode, uint32_t module_last, struct wire_page *page);

#endif
