/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every workload needs: exact counts, and messages that never change the map count themselves.
 * Nothing here allocates, uses stdio or maps anything, so it also works at the limit.
 */
#ifndef TESTS_WORKLOADS_COMMON_H
#define TESTS_WORKLOADS_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Lines of /proc/self/maps less [vsyscall]: what the kernel keeps in mm->map_count. Not for two threads at once. */
long maps_count(void);

/* The same of one task, for a process whose leader is a zombie. */
long maps_count_of_task(pid_t tgid, pid_t tid);

/* vm.max_map_count. */
long limit_maps(void);

/* Maps single pages, none of which merges with its neighbour, until the process has exactly target maps. */
void maps_fill(long target);

/* One page that will not merge with the page mapped before it (odd and even sequence numbers differ). */
void *page_map(unsigned long sequence);

size_t page_size(void);

int64_t realtime_ns(void);

/* "2025-11-22T18:06:00.123456789Z" into buf. gmtime() is no use here: it opens files, and that takes memory. */
#define TIME_TEXT_SIZE 40
void time_format(int64_t ns, char buf[static TIME_TEXT_SIZE]);

/* One write(2) of at most 1023 bytes. */
void text_write(int fd, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "what: strerror" on stderr and exit status 1. */
void die(const char *what) __attribute__((noreturn));

/* "NAME: mmap: Cannot allocate memory" with the time just before the failing call. */
void refusal_report(const char *call, unsigned long iteration, int64_t before_ns, int error);

/* A whole number, or exit status 2. */
long number_parse(const char *text);

/* Returns at the next newline of fd, or at its end. */
void line_wait(int fd);

/* Blocks until stdin is closed. */
void stdin_wait(void);

#endif
