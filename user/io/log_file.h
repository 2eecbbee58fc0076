/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A log file as a destination: appended to, rotated by size and age, older ones compressed. */
#ifndef IO_LOG_FILE_H
#define IO_LOG_FILE_H

#include "export.h"

struct log_file_options {
	const char *path;		/* borrowed while it is opened */
	uint64_t max_bytes, max_age_ns; /* 0: never by that */
	unsigned int keep;		/* rotated files: FILE.1, FILE.2.gz ... */
};

/* 0 or negative errno: it cannot be opened for appending. */
int log_file_new(const struct log_file_options *options, struct destination *ret_destination);

#endif
