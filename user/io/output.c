/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

int output_open(const char *path, struct output *ret_output)
{
	struct output output = {.fd = STDOUT_FILENO, .name = "stdout"};

	if (path) {
		output.fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
		if (output.fd < 0)
			return -errno;
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

int output_flush(struct output *output, struct buf *buf)
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

int output_close(struct output *output)
{
	int fd = output->fd;

	output->fd = -1;
	if (output->owned && fd >= 0 && close(fd))
		return -errno;
	return 0;
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
