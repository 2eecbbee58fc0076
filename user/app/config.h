/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The configuration of `daemon`: [mmaptrace] with its options by their long
 * names, switches as yes or no, and a [rule NAME] for each rule.
 */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "options.h"

#define CONFIG_ERROR_LEN 512
#define CONFIG_MAX	 (1U << 20) /* bytes */

/*
 * Sets what the file gives over what options holds. Its texts are kept in
 * options->texts. On failure one line "FILE:LINE: what, what it should be" is
 * in error ("FILE: why" if it cannot be read), options holds the lines before
 * it and is for the caller to free. 0; -EINVAL; what open(2) and read(2) say;
 * -EFBIG, -ENOMEM.
 */
int config_load(const char *path, struct options *options, char *error, size_t size);
/* The same from bytes, of a file that is called name. */
int config_parse(const char *name, const char *text, size_t len, struct options *options, char *error, size_t size);
/* What --check-config says once all has been read. */
void config_tell(const struct options *options, struct buf *buf);

/*
 * The words of the start and the file once more, for SIGHUP. 0; or negative
 * errno with ret_fresh untouched, after one line on stderr.
 */
int config_reload(int argc, char **argv, struct options *ret_fresh);
/*
 * Names what differs but cannot change while running, with blanks between
 * ("" if nothing is, cut if it is long). Returns how many there are.
 */
unsigned int config_changes_needing_restart(const struct options *old, const struct options *fresh, char *names,
					    size_t size);

#endif
