// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The story the project was born from: a service maps one shared-memory object in its inner loop (batches x inputs) and
 * unmaps it once an outer loop. With one input a batch all is well; with more, maps pile up over one physical object
 * until mmap fails with ENOMEM.
 */
#include "common.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A 32-bit address space has room for more of them than vm.max_map_count allows. */
#define FRAME_SIZE (sizeof(void *) == 4 ? 16 * 1024 : 64 * 1024)

struct service {
	const char *object;
	int fd;
	long inputs;
	long pace_us;
	long batches;
	bool hold;
	unsigned long iteration;
};

static const char *object_name = "/frames";

static void object_unlink(void)
{
	shm_unlink(object_name);
}

static void signal_handle(int signal)
{
	object_unlink();
	_exit(128 + signal);
}

static int object_open(void)
{
	int fd = shm_open(object_name, O_RDWR | O_CREAT, 0600);

	if (fd < 0 || ftruncate(fd, FRAME_SIZE) < 0)
		die(object_name);
	atexit(object_unlink);
	signal(SIGINT, signal_handle);
	signal(SIGTERM, signal_handle);
	return fd;
}

static void *frame_map(struct service *service)
{
	int64_t before_ns = realtime_ns();
	void *frame = mmap(NULL, FRAME_SIZE, PROT_READ, MAP_SHARED, service->fd, 0);

	service->iteration++;
	if (frame == MAP_FAILED) {
		refusal_report("mmap", service->iteration, before_ns, errno);
		exit(1);
	}
	return frame;
}

static void batch_run(struct service *service)
{
	void *frame = MAP_FAILED;

	for (long input = 0; input < service->inputs; input++) {
		frame = frame_map(service);
		if (service->pace_us > 0)
			usleep(service->pace_us);
	}
	/* The bug: this belongs into the loop. */
	munmap(frame, FRAME_SIZE);
}

static void options_parse(struct service *service, int argc, char **argv)
{
	static const struct option options[] = {
		{"inputs", required_argument, NULL, 'i'},  {"pace", required_argument, NULL, 'p'},
		{"batches", required_argument, NULL, 'b'}, {"object", required_argument, NULL, 'o'},
		{"hold", no_argument, NULL, 'h'},	   {0},
	};

	for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
		switch (c) {
		case 'i':
			service->inputs = number_parse(optarg);
			break;
		case 'p':
			service->pace_us = number_parse(optarg);
			break;
		case 'b':
			service->batches = number_parse(optarg);
			break;
		case 'o':
			object_name = optarg;
			break;
		case 'h':
			service->hold = true;
			break;
		default:
			text_write(
				STDERR_FILENO,
				"usage: frames [--inputs N] [--pace USEC_PER_MAP] [--batches N, 0: until mmap fails] "
				"[--object /NAME] [--hold]\n");
			exit(2);
		}
	}
}

/* So that it can be looked at before it begins and when it is done. */
static void hold(const struct service *service, const char *word)
{
	if (!service->hold)
		return;
	text_write(STDOUT_FILENO, "%s\n", word);
	line_wait(STDIN_FILENO);
}

int main(int argc, char **argv)
{
	struct service service = {.inputs = 8};

	options_parse(&service, argc, argv);
	if (service.inputs < 1)
		service.inputs = 1;
	service.fd = object_open();
	hold(&service, "ready");
	for (long batch = 0; service.batches == 0 || batch < service.batches; batch++)
		batch_run(&service);
	hold(&service, "done");
	return 0;
}
