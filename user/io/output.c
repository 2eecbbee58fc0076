/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"

#define PUSH_BYTES	 (1 << 20) /* a fast reader must not keep us from all else */
#define QUEUE_KEEP_BYTES (1 << 20)
#define PTMX_MAJOR	 5
#define PTMX_MINOR	 2

int output_open(const char *path, bool anew, struct output *ret_output)
{
	struct output output = {.fd = STDOUT_FILENO, .name = "stdout"};

	if (path) {
		output.fd = open(path, O_WRONLY | O_CREAT | (anew ? O_TRUNC : O_APPEND) | O_CLOEXEC, 0644);
		if (output.fd < 0) {
			int error = -errno;

			log_error("cannot open '%s' for writing: %s", path, strerror(-error));
			return error;
		}
		output.owned = true;
		output.name = path;
	}
	*ret_output = output;
	return 0;
}

/* A descriptor that somebody made non-blocking is waited for. */
static int wait_writable(int fd)
{
	struct pollfd poll_fd = {.fd = fd, .events = POLLOUT};

	return poll(&poll_fd, 1, -1) < 0 && errno != EINTR ? -errno : 0;
}

/* Takes a line cut short by a full disk off the end of the file again. */
static void drop_partial_line(const struct output *output, const char *written, size_t len)
{
	size_t partial = 0;
	struct stat st;

	while (partial < len && written[len - 1 - partial] != '\n')
		partial++;
	if (!partial || !output->owned || fstat(output->fd, &st) || !S_ISREG(st.st_mode))
		return;
	if ((size_t)st.st_size < partial || ftruncate(output->fd, st.st_size - (off_t)partial))
		return; /* nothing better to do: the error that brought us here is told anyway */
}

/* Writes all of buf and empties it. On an error (-EPIPE: the reader has gone) the rest stays in buf. */
static int output_flush(struct output *output, struct buf *buf)
{
	size_t done = 0;
	int error = 0;

	while (done < buf->len && !error) {
		ssize_t written = write(output->fd, buf->data + done, buf->len - done);

		if (written > 0)
			done += (size_t)written;
		else if (written < 0 && errno == EAGAIN)
			error = wait_writable(output->fd);
		else if (written < 0 && errno != EINTR)
			error = -errno;
	}
	if (error && done)
		drop_partial_line(output, buf->data, done);
	buf_consume(buf, done);
	return error;
}

static bool can_reopen(const struct stat *st, int fd)
{
	/* A terminal's controlling side opened again would be another terminal's. */
	return S_ISFIFO(st->st_mode) || (isatty(fd) && st->st_rdev != makedev(PTMX_MAJOR, PTMX_MINOR));
}

/* The same pipe or terminal as an open file of our own, whose flags are ours to choose. An fd or negative errno. */
static int reopen_nonblocking(int fd, const struct stat *st)
{
	int own _cleanup_close_ = -1;
	struct stat own_st;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	own = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (own < 0 || fstat(own, &own_st))
		return -errno;
	if (own_st.st_dev != st->st_dev || own_st.st_ino != st->st_ino || own_st.st_rdev != st->st_rdev)
		return -ESTALE;
	return TAKE_FD(own);
}

/* How to write to a pipe or a terminal without waiting. */
static enum output_way way_of(struct output *output, const struct stat *st, int flags)
{
	int own;

	if (flags & O_NONBLOCK || (output->owned && !fcntl(output->fd, F_SETFL, flags | O_NONBLOCK)))
		return OUTPUT_NONBLOCK;
	own = can_reopen(st, output->fd) ? reopen_nonblocking(output->fd, st) : -EINVAL;
	if (own < 0)
		return OUTPUT_POLLED;
	output->fd = own;
	output->owned = true;
	return OUTPUT_NONBLOCK;
}

void output_never_wait(struct output *output)
{
	int flags = fcntl(output->fd, F_GETFL), bytes;
	struct stat st;

	if (flags < 0 || fstat(output->fd, &st))
		return; /* the first write will tell what is wrong */
	if (S_ISSOCK(st.st_mode))
		output->way = OUTPUT_SOCKET;
	else if (S_ISFIFO(st.st_mode) || isatty(output->fd))
		output->way = way_of(output, &st, flags);
	bytes = output->way == OUTPUT_NONBLOCK ? fcntl(output->fd, F_GETPIPE_SZ) : 0;
	output->pipe_bytes = bytes > 0 ? (size_t)bytes : 0;
}

/*
 * Bytes that a pipe takes for certain, in one write that is not cut. It has a page
 * for each write that the page before had no room for: so two pages in a row hold
 * more than one page of bytes, and at most the first and the last hold less.
 */
static size_t pipe_room(const struct output *output)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), used;
	int unread;

	if (!output->pipe_bytes || ioctl(output->fd, FIONREAD, &unread))
		return 0;
	used = 2 * ((size_t)unread + page);
	return used < output->pipe_bytes ? output->pipe_bytes - used : 0;
}

/* As many whole lines as can be written in one piece: what others write is not mixed with them. */
static size_t piece_len(const struct output *output, const char *data, size_t len)
{
	size_t room = PIPE_BUF, more;
	const char *end;

	if (len <= room)
		return len;
	more = pipe_room(output);
	if (more > room)
		room = more < len ? more : len;
	end = memrchr(data, '\n', room);
	return end ? (size_t)(end + 1 - data) : room;
}

/* Like write(2), but -1 with EAGAIN for no room. */
static ssize_t piece_write(const struct output *output, const char *data, size_t len)
{
	struct pollfd poll_fd = {.fd = output->fd, .events = POLLOUT};

	if (output->way == OUTPUT_SOCKET)
		return send(output->fd, data, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (output->way == OUTPUT_POLLED && !poll(&poll_fd, 1, 0)) {
		errno = EAGAIN;
		return -1;
	}
	return write(output->fd, data, len);
}

static void queue_empty(struct output *output)
{
	output->done = 0;
	if (output->queue.cap > QUEUE_KEEP_BYTES)
		buf_free(&output->queue);
	else
		buf_consume(&output->queue, output->queue.len);
}

int output_push(struct output *output)
{
	size_t left = output_queued(output), stop = left > PUSH_BYTES ? left - PUSH_BYTES : 0;

	while (left > stop) {
		const char *data = output->queue.data + output->done;
		ssize_t written = piece_write(output, data, piece_len(output, data, left));

		if (written < 0 && errno == EAGAIN)
			return 0;
		if (written < 0 && errno != EINTR)
			return -errno;
		if (written > 0)
			output->done += (size_t)written;
		left = output_queued(output);
	}
	if (!left)
		queue_empty(output);
	return 0;
}

static void queue_add(struct output *output, struct buf *buf)
{
	struct buf *queue = &output->queue;

	if (!output_queued(output)) {
		struct buf empty = *queue;

		output->done = empty.len = 0;
		*queue = *buf;
		*buf = empty;
		return;
	}
	if (output->done > queue->len / 2) {
		buf_consume(queue, output->done);
		output->done = 0;
	}
	buf_add(queue, buf->data, buf->len);
	if (!queue->failed)
		buf_consume(buf, buf->len);
	queue->failed = false; /* it is whole as it was */
}

int output_put(struct output *output, struct buf *buf)
{
	if (output->way == OUTPUT_WAITS)
		return output_flush(output, buf);
	queue_add(output, buf);
	return output_push(output);
}

size_t output_queued(const struct output *output)
{
	return output->queue.len - output->done;
}

size_t output_queued_lines(const struct output *output)
{
	size_t lines = 0;

	for (size_t at = output->done; at < output->queue.len; at++)
		lines += output->queue.data[at] == '\n';
	return lines;
}

int output_close(struct output *output)
{
	int fd = output->fd;

	output->fd = -1;
	buf_free(&output->queue);
	output->done = 0;
	if (output->owned && fd >= 0 && close(fd))
		return -errno;
	return 0;
}

int output_finish(struct output *output, struct buf *buf)
{
	int error = output_flush(output, buf), close_error = output_close(output);

	if (!error)
		error = close_error;
	if (error == -EPIPE)
		return 0; /* as a reader that has read enough (| head) */
	if (error)
		log_error("cannot write to %s: %s", output->name, strerror(-error));
	return error;
}

int output_once(const char *path, struct buf *buf)
{
	struct output output;
	int error = output_open(path, false, &output);

	return error ? error : output_finish(&output, buf);
}

bool output_terminal_size(const struct output *output, unsigned int *ret_columns, unsigned int *ret_rows)
{
	struct winsize size;

	if (!isatty(output->fd) || ioctl(output->fd, TIOCGWINSZ, &size) || !size.ws_col)
		return false;
	*ret_columns = size.ws_col;
	*ret_rows = size.ws_row;
	return true;
}
