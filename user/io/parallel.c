/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "parallel.h"

#include <pthread.h>

#define THREADS_MAX 24

struct parallel {
	parallel_fn *fn;
	void *arg;
	unsigned int next, count;
};

static void *work(void *arg)
{
	struct parallel *parallel = arg;
	unsigned int i;

	while ((i = __atomic_fetch_add(&parallel->next, 1, __ATOMIC_RELAXED)) < parallel->count)
		parallel->fn(parallel->arg, i);
	return NULL;
}

void parallel_each(unsigned int count, parallel_fn *fn, void *arg)
{
	struct parallel parallel = {.fn = fn, .arg = arg, .count = count};
	pthread_t threads[THREADS_MAX];
	unsigned int started = 0;

	while (started < THREADS_MAX && started + 1 < count &&
	       !pthread_create(&threads[started], NULL, work, &parallel))
		started++;
	work(&parallel); /* all of it, if there can be no threads */
	while (started)
		pthread_join(threads[--started], NULL);
}
