/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Takes an entry of the journal apart, as journald does. After cmocka.h. */
#ifndef TESTS_JOURNAL_READER_H
#define TESTS_JOURNAL_READER_H

#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct journal_field {
	char name[32];
	const char *value; /* borrowed from the entry */
	size_t len;
};

/* The number of fields; every byte must belong to one. */
static inline unsigned int journal_read(const char *entry, size_t size, struct journal_field *fields, unsigned int max)
{
	const char *at = entry, *end = entry + size;
	unsigned int count = 0;

	while (at < end) {
		size_t name_len = strcspn(at, "=\n");
		struct journal_field *field = &fields[count++];
		const char *sign = at + name_len;
		uint64_t len = 0;

		assert_true(count <= max && sign < end && name_len && name_len < sizeof(field->name));
		snprintf(field->name, sizeof(field->name), "%.*s", (int)name_len, at);
		field->value = sign + 1;
		if (*sign == '=') {
			const char *newline = memchr(sign, '\n', (size_t)(end - sign));

			assert_non_null(newline);
			len = (uint64_t)(newline - field->value);
		} else {
			assert_true(end - field->value > 8);
			for (unsigned int i = 0; i < 8; i++)
				len |= (uint64_t)(uint8_t)field->value[i] << 8 * i;
			field->value += 8;
		}
		assert_true(len < (uint64_t)(end - field->value));
		assert_int_equal(field->value[len], '\n');
		field->len = len;
		at = field->value + len + 1;
	}
	return count;
}

static inline const struct journal_field *journal_find(const struct journal_field *fields, unsigned int count,
						       const char *name)
{
	for (unsigned int i = 0; i < count; i++) {
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	}
	return NULL;
}

static inline void assert_field(const struct journal_field *fields, unsigned int count, const char *name,
				const char *value)
{
	const struct journal_field *field = journal_find(fields, count, name);

	assert_true(!field == !value);
	if (!value)
		return;
	assert_int_equal(field->len, strlen(value));
	assert_memory_equal(field->value, value, field->len);
}

#endif
