/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "export.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "log.h"
#include "utf8.h"

#define SECOND_NS 1000000000LL
#define PAUSE_NS  SECOND_NS /* before another attempt */
#define BATCH	  (256 << 10)
#define HOST_LEN  65
#define NOTE_LEN  1024

struct lane {
	struct export *export;
	struct destination destination;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct buf queue; /* not begun */
	size_t at;	  /* of it, taken */
	uint64_t put, written, failed, lost, told, queued;
	int error;
	bool reopen_due, ending, joined;
	struct timespec deadline; /* of the end */
};

struct export
{
	size_t room;
	char host[HOST_LEN];
	struct lane lanes[EXPORT_MAX];
	unsigned int count;
};

static uint64_t count_lines(const char *bytes, size_t len)
{
	uint64_t lines = 0;
	const char *end = bytes + len, *at = bytes;

	while (at < end && (at = memchr(at, '\n', (size_t)(end - at)))) {
		lines++;
		at++;
	}
	return lines;
}

static struct timespec after(long long ns)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ns += now.tv_nsec;
	return (struct timespec){.tv_sec = now.tv_sec + ns / SECOND_NS, .tv_nsec = ns % SECOND_NS};
}

static bool has_passed(const struct timespec *deadline)
{
	struct timespec now = after(0);

	return now.tv_sec > deadline->tv_sec || (now.tv_sec == deadline->tv_sec && now.tv_nsec >= deadline->tv_nsec);
}

/* ---- the thread ---- */

static void took(struct lane *lane, const char *bytes, size_t len, uint64_t *counter)
{
	uint64_t lines = count_lines(bytes, len);

	pthread_mutex_lock(&lane->lock);
	*counter += lines;
	lane->queued -= lines;
	lane->at += len;
	pthread_mutex_unlock(&lane->lock);
}

/* Said once when it stops to work, and once when it works again. */
static void tell_change(struct lane *lane, int error)
{
	uint64_t lost;
	int before;

	pthread_mutex_lock(&lane->lock);
	before = lane->error;
	lane->error = error;
	lost = lane->lost;
	pthread_mutex_unlock(&lane->lock);
	if (error && !before)
		log_warn("%s: %s; it is tried again each second, and lines wait", lane->destination.name,
			 strerror(error));
	else if (!error && before)
		log_info("%s: works again; %" PRIu64 " lines were lost so far", lane->destination.name, lost);
}

/* How much was lost since it was last told: a line of the log itself. */
static void tell_losses(struct lane *lane)
{
	struct buf name = {0};
	struct timespec now;
	char line[NOTE_LEN];
	uint64_t more;
	struct tm tm;
	size_t taken;
	int len;

	pthread_mutex_lock(&lane->lock);
	more = lane->lost - lane->told;
	pthread_mutex_unlock(&lane->lock);
	if (!more)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	utf8_escape_json(&name, lane->destination.name, strlen(lane->destination.name));
	buf_add_char(&name, '\0');
	len = name.failed ? 0
			  : snprintf(line, sizeof(line),
				     "{\"schema\":1,\"type\":\"loss\",\"ts\":\"%04d-%02d-%02dT%02d:%02d:%02d.%09ldZ\","
				     "\"host\":\"%s\",\"what\":\"log lines: %s\",\"count\":%" PRIu64 "}\n",
				     tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec,
				     now.tv_nsec, lane->export->host, name.data, more);
	buf_free(&name);
	if (len <= 0 || (size_t)len >= sizeof(line) ||
	    lane->destination.write(lane->destination.arg, line, (size_t)len, &taken))
		return;
	pthread_mutex_lock(&lane->lock);
	lane->told += more;
	pthread_mutex_unlock(&lane->lock);
	log_warn("%s: %" PRIu64 " lines lost: it was too slow, or did not work", lane->destination.name, more);
}

/* One line less of what it will never take. */
static size_t first_line(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);

	return end ? (size_t)(end - bytes) + 1 : len;
}

/* False: it is to be tried again later. */
static bool write_batch(struct lane *lane, const char *bytes, size_t len)
{
	while (len) {
		size_t taken = 0, skipped;
		int error = lane->destination.write(lane->destination.arg, bytes, len, &taken);

		took(lane, bytes, taken, &lane->written);
		bytes += taken;
		len -= taken;
		if (error == -EMSGSIZE && len) {
			skipped = first_line(bytes, len);
			took(lane, bytes, skipped, &lane->failed);
			bytes += skipped;
			len -= skipped;
			continue;
		}
		if (error) {
			tell_change(lane, -error);
			return false;
		}
	}
	tell_change(lane, 0);
	return true;
}

/* A copy of whole lines from the front of the queue, so that it can grow meanwhile. Locked. */
static void take_batch(struct lane *lane, struct buf *batch)
{
	size_t len = lane->queue.len - lane->at;
	const char *from = lane->queue.data + lane->at, *end;

	buf_consume(batch, batch->len);
	batch->failed = false;
	if (len > BATCH) {
		end = memrchr(from, '\n', BATCH);
		len = end ? (size_t)(end - from) + 1 : first_line(from, len);
	}
	buf_add(batch, from, len);
}

/* Waits for something to do. False: the end has come. Locked. */
static bool await_work(struct lane *lane)
{
	while (!lane->queued && !lane->reopen_due) {
		if (lane->ending)
			return false;
		pthread_cond_wait(&lane->changed, &lane->lock);
	}
	return !(lane->ending && has_passed(&lane->deadline));
}

static void compact(struct lane *lane)
{
	if (lane->at == lane->queue.len || lane->at > lane->export->room / 2) {
		buf_consume(&lane->queue, lane->at);
		lane->at = 0;
	}
}

/* Until there is another attempt to be made, or the end is asked for. Locked. */
static void pause_lane(struct lane *lane)
{
	struct timespec until = after(lane->ending ? PAUSE_NS / 10 : PAUSE_NS);
	bool ending = lane->ending;

	while (lane->ending == ending && !lane->reopen_due &&
	       pthread_cond_timedwait(&lane->changed, &lane->lock, &until) != ETIMEDOUT)
		continue;
}

static void *run_lane(void *arg)
{
	struct lane *lane = arg;
	struct buf batch = {0};

	pthread_mutex_lock(&lane->lock);
	while (await_work(lane)) {
		bool reopen = lane->reopen_due, good;

		lane->reopen_due = false;
		take_batch(lane, &batch);
		pthread_mutex_unlock(&lane->lock);
		if (reopen && lane->destination.reopen)
			lane->destination.reopen(lane->destination.arg);
		good = !batch.failed && write_batch(lane, batch.data, batch.len);
		if (good)
			tell_losses(lane);
		pthread_mutex_lock(&lane->lock);
		compact(lane);
		if (!good)
			pause_lane(lane);
	}
	lane->lost += lane->queued;
	lane->queued = 0;
	pthread_mutex_unlock(&lane->lock);
	buf_free(&batch);
	return NULL;
}

/* ---- from outside ---- */

int export_new(size_t queue_bytes, const char *host, struct export **ret_export)
{
	struct export *export = calloc(1, sizeof(*export));
	struct buf name = {0};

	if (!export)
		return -ENOMEM;
	utf8_escape_json(&name, host, strlen(host));
	snprintf(export->host, sizeof(export->host), "%.*s", (int)name.len, name.data ? name.data : "");
	buf_free(&name);
	export->room = queue_bytes;
	*ret_export = export;
	return 0;
}

static int begin_thread(struct lane *lane)
{
	sigset_t all, before;
	int error;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&lane->thread, NULL, run_lane, lane);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -error;
}

int export_add(struct export *export, const struct destination *destination)
{
	struct lane *lane = &export->lanes[export->count];
	pthread_condattr_t attr;
	int error = -ENOSPC;

	if (export->count < EXPORT_MAX) {
		*lane = (struct lane){.export = export, .destination = *destination};
		pthread_mutex_init(&lane->lock, NULL);
		pthread_condattr_init(&attr);
		pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
		pthread_cond_init(&lane->changed, &attr);
		pthread_condattr_destroy(&attr);
		error = begin_thread(lane);
	}
	if (error)
		destination->free(destination->arg);
	else
		export->count++;
	return error;
}

/* What fits, in whole lines. */
static void put_lane(struct lane *lane, const char *lines, size_t len)
{
	size_t room, fits = len;
	uint64_t all = count_lines(lines, len), taken;

	pthread_mutex_lock(&lane->lock);
	room = lane->queue.len - lane->at < lane->export->room ? lane->export->room - (lane->queue.len - lane->at) : 0;
	if (len > room) {
		const char *end = room ? memrchr(lines, '\n', room) : NULL;

		fits = end ? (size_t)(end - lines) + 1 : 0;
	}
	buf_add(&lane->queue, lines, fits);
	if (lane->queue.failed) {
		lane->queue.failed = false;
		fits = 0;
	}
	taken = fits == len ? all : count_lines(lines, fits);
	lane->put += all;
	lane->queued += taken;
	lane->lost += all - taken;
	pthread_cond_signal(&lane->changed);
	pthread_mutex_unlock(&lane->lock);
}

void export_put(struct export *export, const char *lines, size_t len)
{
	for (unsigned int i = 0; i < export->count; i++)
		put_lane(&export->lanes[i], lines, len);
}

void export_reopen(struct export *export)
{
	for (unsigned int i = 0; i < export->count; i++) {
		struct lane *lane = &export->lanes[i];

		pthread_mutex_lock(&lane->lock);
		lane->reopen_due = true;
		pthread_cond_signal(&lane->changed);
		pthread_mutex_unlock(&lane->lock);
	}
}

void export_finish(struct export *export, unsigned int timeout_ms)
{
	struct timespec deadline = after(timeout_ms * 1000000LL);

	for (unsigned int i = 0; i < export->count; i++) {
		struct lane *lane = &export->lanes[i];

		pthread_mutex_lock(&lane->lock);
		if (!lane->ending)
			lane->deadline = deadline;
		lane->ending = true;
		pthread_cond_signal(&lane->changed);
		pthread_mutex_unlock(&lane->lock);
	}
	for (unsigned int i = 0; i < export->count; i++) {
		struct lane *lane = &export->lanes[i];

		if (lane->joined)
			continue;
		pthread_join(lane->thread, NULL);
		lane->joined = true;
		if (lane->lost > lane->told)
			log_warn("%s: %" PRIu64 " lines were lost in all", lane->destination.name, lane->lost);
	}
}

void export_free(struct export *export)
{
	if (!export)
		return;
	export_finish(export, 0);
	for (unsigned int i = 0; i < export->count; i++) {
		struct lane *lane = &export->lanes[i];

		lane->destination.free(lane->destination.arg);
		buf_free(&lane->queue);
		pthread_cond_destroy(&lane->changed);
		pthread_mutex_destroy(&lane->lock);
	}
	free(export);
}

bool export_read(struct export *export, unsigned int index, struct export_counts *ret_counts)
{
	struct lane *lane = &export->lanes[index];

	if (index >= export->count)
		return false;
	pthread_mutex_lock(&lane->lock);
	*ret_counts = (struct export_counts){
		.name = lane->destination.name,
		.put = lane->put,
		.written = lane->written,
		.failed = lane->failed,
		.lost = lane->lost,
		.queued = lane->queued,
		.queued_bytes = lane->queue.len - lane->at,
		.error = lane->error,
	};
	pthread_mutex_unlock(&lane->lock);
	return true;
}
