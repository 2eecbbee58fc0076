/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Keys told apart: each one is kept once, and gets a number when it is met first. */
#ifndef BASE_INTERN_H
#define BASE_INTERN_H

#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct interned {
	UT_hash_handle hh; /* hh.next: the one met next */
	uint64_t index;	   /* from 0, in the order in which they were met */
	size_t len;
	_Alignas(8) char key[]; /* and a NUL behind it */
};

/* Zero-initialised is empty. As large as what is put in: whoever does that sees to it that there is an end to it. */
struct intern {
	struct interned *first;
};

/* 0, or -ENOMEM. */
int intern_index(struct intern *intern, const void *key, size_t len, uint64_t *ret_index);
/* The text, kept for as long as the table; NULL: out of memory, or text is NULL. */
const char *intern_text(struct intern *intern, const char *text);
uint64_t intern_count(const struct intern *intern);
void intern_free(struct intern *intern);

#endif
