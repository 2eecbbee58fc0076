// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define VSYSCALL_TAIL "[vsyscall]\n"
#define TAIL_SIZE     (sizeof(VSYSCALL_TAIL) - 1)

/* Remembers the last bytes of the file: the [vsyscall] line, where there is one, is the last. */
static void tail_append(char tail[static TAIL_SIZE], const char *data, size_t len)
{
	if (len >= TAIL_SIZE) {
		memcpy(tail, data + len - TAIL_SIZE, TAIL_SIZE);
		return;
	}
	memmove(tail, tail + len, TAIL_SIZE - len);
	memcpy(tail + TAIL_SIZE - len, data, len);
}

static long lines_count(const char *data, size_t len)
{
	const char *end = data + len;
	long lines = 0;

	while ((data = memchr(data, '\n', end - data)) != NULL) {
		lines++;
		data++;
	}
	return lines;
}

static long maps_count_path(const char *path)
{
	static char buf[32 * 1024];
	char tail[TAIL_SIZE] = {0};
	long lines = 0;
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die(path);
	while ((len = read(fd, buf, sizeof(buf))) > 0) {
		lines += lines_count(buf, len);
		tail_append(tail, buf, len);
	}
	if (len < 0)
		die(path);
	close(fd);
	return lines - (memcmp(tail, VSYSCALL_TAIL, TAIL_SIZE) == 0);
}

long maps_count(void)
{
	return maps_count_path("/proc/self/maps");
}

long maps_count_of_task(pid_t tgid, pid_t tid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/maps", tgid, tid);
	return maps_count_path(path);
}

long limit_maps(void)
{
	char text[32] = {0};
	int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		die("/proc/sys/vm/max_map_count");
	close(fd);
	text[strcspn(text, "\n")] = '\0';
	return number_parse(text);
}

size_t page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

void *page_map(unsigned long sequence)
{
	return mmap(NULL, page_size(), sequence % 2 ? PROT_READ : PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

void maps_fill(long target)
{
	unsigned long sequence = 0;
	void *page = NULL;

	/* A page can fall into a gap between two others and merge there, so count again until it is exact. */
	for (long missing; (missing = target - maps_count()) != 0;) {
		if (missing < 0 && munmap(page, page_size()) < 0)
			die("munmap");
		for (; missing > 0; missing--) {
			page = page_map(sequence++);
			if (page == MAP_FAILED)
				die("mmap");
		}
	}
}

int64_t realtime_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

/* Days since 1970 to a date: years begin in March, so that the leap day is a year's last. */
static void date_from_days(int64_t days, int *ret_year, int *ret_month, int *ret_day)
{
	int64_t shifted = days + 719468;
	int64_t era = shifted / 146097;
	int64_t of_era = shifted % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
	int64_t month = (5 * of_year + 2) / 153;

	*ret_day = of_year - (153 * month + 2) / 5 + 1;
	*ret_month = month < 10 ? month + 3 : month - 9;
	*ret_year = year + era * 400 + (*ret_month <= 2);
}

void time_format(int64_t ns, char buf[static TIME_TEXT_SIZE])
{
	int64_t seconds = ns / 1000000000;
	int of_day = seconds % 86400;
	int year, month, day;

	date_from_days(seconds / 86400, &year, &month, &day);
	snprintf(buf, TIME_TEXT_SIZE, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", year % 10000, month % 100, day % 100,
		 of_day / 3600, of_day / 60 % 60, of_day % 60, (int)(ns % 1000000000));
}

void text_write(int fd, const char *format, ...)
{
	char text[1024];
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (len >= (int)sizeof(text))
		len = sizeof(text) - 1;
	if (len > 0 && write(fd, text, len) != len)
		_exit(1);
}

void die(const char *what)
{
	text_write(STDERR_FILENO, "%s: %s: %s\n", program_invocation_short_name, what, strerror(errno));
	exit(1);
}

void refusal_report(const char *call, unsigned long iteration, int64_t before_ns, int error)
{
	char when[TIME_TEXT_SIZE];

	time_format(before_ns, when);
	text_write(STDERR_FILENO, "iteration %lu: %s: %s (called at %s)\n", iteration, call, strerror(error), when);
}

long number_parse(const char *text)
{
	char *end;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (errno || end == text || *end) {
		text_write(STDERR_FILENO, "%s: not a number: %s\n", program_invocation_short_name, text);
		exit(2);
	}
	return number;
}

void line_wait(int fd)
{
	char c;

	while (read(fd, &c, 1) == 1 && c != '\n')
		;
}

void stdin_wait(void)
{
	char buf[64];

	while (read(STDIN_FILENO, buf, sizeof(buf)) > 0)
		;
}
