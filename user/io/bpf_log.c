/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "bpf_log.h"

#include <bpf/libbpf.h>

#include "log.h"

static int print(enum libbpf_print_level level, const char *format, va_list args)
{
	(void)level;
	log_at(LOG_LEVEL_DEBUG, format, args);
	return 0;
}

void bpf_log_install(void)
{
	libbpf_set_print(print);
}
