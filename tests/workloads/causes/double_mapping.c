// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Cause 9: a compiler that never maps code writable and executable at once: all code is in one memfd, each method has a
 * map to run it and, while it is compiled, another to write it. The writable ones are given back in bulk, after the
 * start (dotnet/runtime#80580: 80 000 maps, then 34 000). No leak.
 *
 *     double_mapping [METHODS [PACE_US [RUN_MS]]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define METHOD_SIZE 4096UL

struct compiler {
	int fd;
	long methods;
	char **writable;
	char **code;
};

static char *method_map(struct compiler *compiler, long method, int protection)
{
	/* Methods of one caller are far from each other in the file, so that no two maps become one. */
	long place = method % 2 ? method : compiler->methods + method;
	char *at = mmap(NULL, METHOD_SIZE, protection, MAP_SHARED, compiler->fd, place * METHOD_SIZE);

	if (at == MAP_FAILED) {
		fprintf(stderr, "Out of memory.\n");
		exit(1);
	}
	return at;
}

static void method_compile(struct compiler *compiler, long method)
{
	compiler->writable[method] = method_map(compiler, method, PROT_READ | PROT_WRITE);
	compiler->code[method] = method_map(compiler, method, PROT_READ);
	snprintf(compiler->writable[method], METHOD_SIZE, "method %ld", method);
}

static void writable_release(struct compiler *compiler, long pace_us)
{
	for (long method = 0; method < compiler->methods; method++) {
		munmap(compiler->writable[method], METHOD_SIZE);
		/* Of some methods only the first version was needed. */
		if (method % 8 == 0)
			munmap(compiler->code[method], METHOD_SIZE);
		if (method % 16 == 0)
			usleep(pace_us);
	}
}

int main(int argc, char **argv)
{
	struct compiler compiler = {.methods = argc > 1 ? atol(argv[1]) : 1200};
	long pace_us = argc > 2 ? atol(argv[2]) : 1000;
	long run_ms = argc > 3 ? atol(argv[3]) : 5000;

	compiler.fd = memfd_create("doublemapper", MFD_CLOEXEC);
	compiler.writable = calloc(compiler.methods, sizeof(*compiler.writable));
	compiler.code = calloc(compiler.methods, sizeof(*compiler.code));
	if (compiler.fd < 0 || ftruncate(compiler.fd, 2 * compiler.methods * METHOD_SIZE) < 0 || !compiler.writable ||
	    !compiler.code) {
		fprintf(stderr, "Failed to create the runtime\n");
		return 1;
	}
	for (long method = 0; method < compiler.methods; method++) {
		method_compile(&compiler, method);
		usleep(pace_us);
	}
	writable_release(&compiler, pace_us);
	usleep(run_ms * 1000);
	printf("%s\n", compiler.code[1]);
	return 0;
}
