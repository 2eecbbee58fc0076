/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One epoll loop: every source of events is a peer with a callback. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop; /* opaque */

/* A source's callback; a negative return ends the loop with it. */
typedef int loop_fn(void *arg);
/* from_process: sent by kill(2) and the like, not by the terminal or the kernel. */
typedef int loop_signal_fn(int signal, bool from_process, void *arg);

int loop_new(struct loop **ret_loop);
void loop_free(struct loop *loop);
/* Calls fn whenever fd is readable. Borrows fd. Sources are served in the order they were added. */
int loop_add(struct loop *loop, int fd, loop_fn *fn, void *arg);
/* The same for a source that fn and arg already have, which may be closed by now; a new one if they have none. */
int loop_replace(struct loop *loop, int fd, loop_fn *fn, void *arg);
/* Like loop_add, once: the source is removed before fn is called. */
int loop_add_once(struct loop *loop, int fd, loop_fn *fn, void *arg);
/* Calls fn once, as soon as fd can be written to, after the other sources. One fd in a loop's life. Borrows it. */
int loop_await_writable(struct loop *loop, int fd, loop_fn *fn, void *arg);
/* Calls fn every period_ns, first after first_ns (0: one period). */
int loop_add_timer(struct loop *loop, uint64_t first_ns, uint64_t period_ns, loop_fn *fn, void *arg);
/* Blocks the signals (a list ended by 0) and takes them by signalfd. */
int loop_add_signals(struct loop *loop, const int *signals, loop_signal_fn *fn, void *arg);
/* Asks for another turn without waiting: a source stopped at its budget. */
void loop_again(struct loop *loop, loop_fn *fn, void *arg);
/* Runs until loop_stop or a callback's error. Returns that error or 0. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);

#endif
