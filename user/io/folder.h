/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Folders that a daemon keeps things in: made when missing; files in them are read whole and replaced whole. */
#ifndef IO_FOLDER_H
#define IO_FOLDER_H

#include <sys/types.h>

#include "buf.h"

/* Makes it, and those above it. 0 or negative errno. */
int folder_make(const char *path, mode_t mode);
/* The same on a bpffs, which is mounted at /sys/fs/bpf if it is not. -EMEDIUMTYPE: it is on none. */
int folder_make_bpf(const char *path);
/* Appends a file of at most max bytes. 0 or negative errno; -EFBIG: it is larger. */
int folder_read(int folder, const char *name, size_t max, struct buf *buf);
/* Replaces a file as a whole: who reads it, or a crash, meets the old one or the new one. 0 or negative errno. */
int folder_replace(int folder, const char *name, const struct buf *buf);
/* A short text without its newline. 0 or negative errno. */
int folder_read_text(int folder, const char *name, char *text, size_t size);

#endif
