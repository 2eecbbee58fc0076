/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "demangle.h"

#include <setjmp.h>
#include <string.h>

#include <libiberty/demangle.h>

/*
 * Templates of templates. libiberty's own limit of recursion refuses whatever is longer than 1 KiB, deep or not;
 * without it the stack holds names of four times that, however deep.
 */
#define SYMBOL_LEN_MAX 4096

struct demangling {
	char *out;
	size_t len;
	jmp_buf full;
};

/*
 * A short symbol can stand for a name of any length, by references to its own parts. So it is written no further than
 * there is room; the demangler has nothing on the heap then but a punycode identifier of Rust's, and is left in
 * mid-air.
 */
static void take(const char *text, size_t len, void *arg)
{
	struct demangling *demangling = arg;
	size_t room = DEMANGLE_LEN - 1 - demangling->len;
	size_t taken = len < room ? len : room;

	if (taken)
		memcpy(demangling->out + demangling->len, text, taken);
	demangling->len += taken;
	if (taken < len)
		longjmp(demangling->full, 1);
}

static bool is_mangled(const char *symbol)
{
	return !strncmp(symbol, "_Z", 2) || !strncmp(symbol, "_R", 2) || !strncmp(symbol, "__Z", 3);
}

bool demangle(const char *symbol, char *out)
{
	struct demangling demangling = {.out = out};
	volatile bool good = false;

	if (!is_mangled(symbol) || strlen(symbol) > SYMBOL_LEN_MAX)
		return false;
	if (setjmp(demangling.full)) {
		good = true;
	} else {
		good = rust_demangle_callback(symbol, DMGL_NO_OPTS, take, &demangling);
		if (!good) {
			demangling.len = 0;
			good = cplus_demangle_v3_callback(symbol, DMGL_NO_RECURSE_LIMIT, take, &demangling);
		}
	}
	out[demangling.len] = '\0';
	return good && demangling.len;
}
