// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 13, which is none: many maps that stay as many. A ledger maps a file for each part of its accounts; as it goes
 * on it replaces old parts by new ones (solana#19320: 450 000 maps of 1 000 000 are normal).
 *
 *     high_and_flat FOLDER [PARTS [PACE_US [ROUNDS]]]
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define PART_SIZE 4096UL

struct part {
	char *accounts;
	char name[32];
};

static void part_map(int folder, long number, struct part *part)
{
	int fd;

	snprintf(part->name, sizeof(part->name), "%ld.accounts", number);
	fd = openat(folder, part->name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, PART_SIZE) < 0) {
		perror(part->name);
		exit(1);
	}
	part->accounts = mmap(NULL, PART_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (part->accounts == MAP_FAILED) {
		fprintf(stderr, "unable to map %s, increase vm.max_map_count\n", part->name);
		exit(1);
	}
	close(fd);
	snprintf(part->accounts, PART_SIZE, "accounts %ld", number);
}

static void parts_replace(int folder, struct part *parts, long count, long round)
{
	long first = round * 13 % (count - 8), replaced = 1 + round % 8;

	for (long i = first; i < first + replaced; i++) {
		munmap(parts[i].accounts, PART_SIZE);
		unlinkat(folder, parts[i].name, 0);
		part_map(folder, count + round * 8 + i - first, &parts[i]);
	}
}

int main(int argc, char **argv)
{
	long count = argc > 2 ? atol(argv[2]) : 3600;
	long pace_us = argc > 3 ? atol(argv[3]) : 20000;
	long rounds = argc > 4 ? atol(argv[4]) : 400;
	int folder = open(argc > 1 ? argv[1] : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct part *parts = calloc(count, sizeof(*parts));

	if (folder < 0 || !parts || count < 16) {
		fprintf(stderr, "usage: high_and_flat FOLDER [PARTS [PACE_US [ROUNDS]]]\n");
		return 2;
	}
	for (long i = 0; i < count; i++)
		part_map(folder, i, &parts[i]);
	for (long round = 0; round < rounds; round++) {
		parts_replace(folder, parts, count, round);
		usleep(pace_us);
	}
	printf("%s\n", parts[0].accounts);
	return 0;
}
