/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Numbers into digits, two a division. For lines written by the hundred thousand a second, of which half the price
 * would be snprintf's.
 */
#ifndef BASE_DIGITS_H
#define BASE_DIGITS_H

#include <stdint.h>
#include <string.h>

/* "00" to "99" */
static const char digits_pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839"
				   "40414243444546474849505152535455565758596061626364656667686970717273747576777879"
				   "8081828384858687888990919293949596979899";

/* A number below 100 in two digits. */
static inline void digits_put_pair(char *at, uint32_t value)
{
	memcpy(at, &digits_pairs[value * 2], 2);
}

/* How many digits value has. */
static inline unsigned int digits_count(uint64_t value)
{
	unsigned int digits = 1;

	for (; value >= 10000; value /= 10000)
		digits += 4;
	return digits + (value >= 10) + (value >= 100) + (value >= 1000);
}

/* Those digits, the last of them just before `end`. */
static inline void digits_put(char *end, uint64_t value)
{
	while (value >= 100) {
		end -= 2;
		digits_put_pair(end, (uint32_t)(value % 100));
		value /= 100;
	}
	if (value >= 10)
		digits_put_pair(end - 2, (uint32_t)value);
	else
		end[-1] = (char)('0' + value);
}

/* A number from `at` on, of at most 20 digits. Returns the place behind it. */
static inline char *digits_append(char *at, uint64_t value)
{
	char *end = at + digits_count(value);

	digits_put(end, value);
	return end;
}

/* In lower-case hexadecimal, "0x" before it; plain 0 for 0 (printf's "%#x"). */
static inline char *digits_append_hex(char *at, uint64_t value)
{
	unsigned int digits = value ? (67 - (unsigned int)__builtin_clzll(value)) / 4 : 1;

	if (value) {
		*at++ = '0';
		*at++ = 'x';
	}
	for (unsigned int i = digits; i--; value >>= 4)
		at[i] = "0123456789abcdef"[value & 15];
	return at + digits;
}

/* The last `width` digits of a number, zeros before it. Returns the place behind it. */
static inline char *digits_append_padded(char *at, uint64_t value, unsigned int width)
{
	for (unsigned int i = width; i--; value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + width;
}

#endif
