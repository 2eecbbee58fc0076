/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Debug information that was taken out of a file: where distributions put it, where the file says, or by debuginfod. */
#ifndef IO_DEBUG_FILE_H
#define IO_DEBUG_FILE_H

#include <stdint.h>

#include <elfutils/libdwfl.h>

struct debug_file_search {
	const char *path;     /* of the file */
	int root;	      /* of another mount namespace, to look in as well; -1: none */
	const char *build_id; /* hexadecimal; "": none */
	const char *link;     /* .gnu_debuglink or .gnu_debugaltlink; NULL: none */
	uint32_t crc;	      /* of what the link leads to; 0 for an altlink */
};

/* A file descriptor of the debug file, which is the right one; or negative errno. */
int debug_file_find(const struct debug_file_search *search);
/* By debuginfod, if DEBUGINFOD_URLS is set. In the manner of libdwfl's callbacks. */
int debug_file_download(Dwfl_Module *module, void **userdata, const char *name, Dwarf_Addr base, char **ret_name);
/* Bounds the time that debuginfod may take. */
void debug_file_setup(void);

#endif
