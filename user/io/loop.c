/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "loop.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "cleanup.h"

#define SOURCES_MAX 128
#define WRITER	    SOURCES_MAX /* among epoll's data */

struct source {
	int fd;
	bool owned, timer, once, ready;
	loop_fn *fn;
	loop_signal_fn *signal_fn;
	void *arg;
};

struct loop {
	int epoll;
	bool stopped;
	struct source sources[SOURCES_MAX];
	unsigned int count;
	struct source writer; /* fn NULL: none yet */
	loop_fn *again;
	void *again_arg;
};

static void loop_release(struct loop **loop)
{
	loop_free(*loop);
}

int loop_new(struct loop **ret_loop)
{
	struct loop *loop _cleanup_(loop_release) = calloc(1, sizeof(*loop));

	if (!loop)
		return -ENOMEM;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return -errno;
	*ret_loop = TAKE_PTR(loop);
	return 0;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	for (unsigned int i = 0; i < loop->count; i++) {
		if (loop->sources[i].owned)
			close(loop->sources[i].fd);
	}
	close(loop->epoll);
	free(loop);
}

static int source_add(struct loop *loop, const struct source *source)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u32 = loop->count};

	if (loop->count == SOURCES_MAX)
		return -ENOSPC;
	if (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, source->fd, &event))
		return -errno;
	loop->sources[loop->count++] = *source;
	return 0;
}

int loop_add(struct loop *loop, int fd, loop_fn *fn, void *arg)
{
	return source_add(loop, &(struct source){.fd = fd, .fn = fn, .arg = arg});
}

int loop_replace(struct loop *loop, int fd, loop_fn *fn, void *arg)
{
	for (unsigned int i = 0; i < loop->count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};

		if (loop->sources[i].fn != fn || loop->sources[i].arg != arg)
			continue;
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->sources[i].fd, NULL); /* closing it has done that */
		loop->sources[i].fd = fd;
		return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
	}
	return loop_add(loop, fd, fn, arg);
}

int loop_add_once(struct loop *loop, int fd, loop_fn *fn, void *arg)
{
	return source_add(loop, &(struct source){.fd = fd, .fn = fn, .arg = arg, .once = true});
}

int loop_await_writable(struct loop *loop, int fd, loop_fn *fn, void *arg)
{
	/* Between two calls not even an error is reported: nobody would take it. */
	struct epoll_event event = {.events = EPOLLOUT | EPOLLONESHOT, .data.u32 = WRITER};

	if (epoll_ctl(loop->epoll, loop->writer.fn ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event))
		return -errno;
	loop->writer = (struct source){.fd = fd, .fn = fn, .arg = arg};
	return 0;
}

static struct timespec timespec_of(uint64_t ns)
{
	return (struct timespec){.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
}

int loop_add_timer(struct loop *loop, uint64_t first_ns, uint64_t period_ns, loop_fn *fn, void *arg)
{
	struct itimerspec when = {.it_value = timespec_of(first_ns ? first_ns : period_ns),
				  .it_interval = timespec_of(period_ns)};
	int fd _cleanup_close_ = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	int error;

	if (fd < 0 || timerfd_settime(fd, 0, &when, NULL))
		return -errno;
	error = source_add(loop, &(struct source){.fd = fd, .owned = true, .timer = true, .fn = fn, .arg = arg});
	if (!error)
		(void)TAKE_FD(fd);
	return error;
}

int loop_add_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg)
{
	int fd _cleanup_close_ = -1;
	sigset_t set;
	int error;

	sigemptyset(&set);
	for (; *signals; signals++) {
		struct sigaction action;

		/* What we were started to ignore (nohup) stays ignored: blocked, it would be queued for us. */
		if (sigaction(*signals, NULL, &action) || action.sa_handler == SIG_IGN)
			continue;
		sigaddset(&set, *signals);
	}
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	error = source_add(loop, &(struct source){.fd = fd, .owned = true, .signal_fn = fn, .arg = arg});
	if (!error)
		(void)TAKE_FD(fd);
	return error;
}

void loop_again(struct loop *loop, loop_fn *fn, void *arg)
{
	loop->again = fn;
	loop->again_arg = arg;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}

static int serve_signals(struct source *source)
{
	struct signalfd_siginfo info;

	while (read(source->fd, &info, sizeof(info)) == sizeof(info)) {
		int error = source->signal_fn((int)info.ssi_signo, info.ssi_code <= 0, source->arg);

		if (error < 0)
			return error;
	}
	return 0;
}

static int serve(struct loop *loop, struct source *source)
{
	uint64_t expirations;

	source->ready = false;
	if (source->signal_fn)
		return serve_signals(source);
	if (source->timer && read(source->fd, &expirations, sizeof(expirations)) < 0)
		return 0;
	if (source->once)
		epoll_ctl(loop->epoll, EPOLL_CTL_DEL, source->fd, NULL);
	return source->fn(source->arg);
}

static int serve_again(struct loop *loop)
{
	loop_fn *fn = loop->again;

	if (!fn)
		return 0;
	loop->again = NULL;
	return fn(loop->again_arg);
}

static int serve_writer(struct loop *loop)
{
	if (!loop->writer.ready)
		return 0;
	loop->writer.ready = false;
	return loop->writer.fn(loop->writer.arg);
}

static int turn(struct loop *loop)
{
	struct epoll_event events[SOURCES_MAX + 1];
	int ready = epoll_wait(loop->epoll, events, SOURCES_MAX + 1, loop->again ? 0 : -1), error;

	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	for (int i = 0; i < ready; i++) {
		uint32_t index = events[i].data.u32;

		(index == WRITER ? &loop->writer : &loop->sources[index])->ready = true;
	}
	for (unsigned int i = 0; i < loop->count && !loop->stopped; i++) {
		if (!loop->sources[i].ready)
			continue;
		error = serve(loop, &loop->sources[i]);
		if (error < 0)
			return error;
	}
	error = loop->stopped ? 0 : serve_writer(loop);
	return loop->stopped || error < 0 ? error : serve_again(loop);
}

int loop_run(struct loop *loop)
{
	int error = 0;

	while (!loop->stopped && error >= 0)
		error = turn(loop);
	return error;
}
