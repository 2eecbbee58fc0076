/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "log_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "cleanup.h"

#define WAIT_MS	    500
#define ADDRESS_LEN 300

struct log_socket {
	char address[ADDRESS_LEN];
	log_format_fn *format;
	void *arg; /* of format */
	bool is_journal, is_stream;
	int fd; /* -1: not connected */
	struct buf message;
	size_t sent; /* of the message, on a stream */
};

/* ---- connecting ---- */

static int wait_for(int fd, short events)
{
	struct pollfd ready = {.fd = fd, .events = events};
	int count = poll(&ready, 1, WAIT_MS);

	return count > 0 ? 0 : count < 0 ? -errno : -EAGAIN;
}

static int finish_connect(int fd)
{
	int error = wait_for(fd, POLLOUT), late = 0;
	socklen_t len = sizeof(late);

	if (error)
		return error == -EAGAIN ? -ETIMEDOUT : error;
	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &late, &len) ? -errno : -late;
}

static int connect_to(int type, const struct sockaddr *address, socklen_t len, int *ret_fd)
{
	int fd _cleanup_close_ = socket(address->sa_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, address, len))
		error = errno == EINPROGRESS ? finish_connect(fd) : -errno;
	if (!error)
		*ret_fd = TAKE_FD(fd);
	return error;
}

static int connect_path(struct log_socket *log)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int error;

	if (strlen(log->address) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, log->address, strlen(log->address));
	log->is_stream = false;
	error = connect_to(SOCK_DGRAM, (struct sockaddr *)&address, sizeof(address), &log->fd);
	if (error != -EPROTOTYPE || log->is_journal)
		return error;
	log->is_stream = true;
	return connect_to(SOCK_STREAM, (struct sockaddr *)&address, sizeof(address), &log->fd);
}

static int connect_inet(struct log_socket *log)
{
	char host[ADDRESS_LEN], *port, *name = host;
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
	int error;

	snprintf(host, sizeof(host), "%s", log->address + 4);
	port = strrchr(host, ':');
	if (!port)
		return -EINVAL;
	*port++ = '\0';
	if (*name == '[') {
		name++;
		name[strcspn(name, "]")] = '\0';
	}
	log->is_stream = !strncmp(log->address, "tcp:", 4);
	if (log->is_stream)
		hints.ai_socktype = SOCK_STREAM;
	error = getaddrinfo(name, port, &hints, &found);
	if (error)
		return error == EAI_AGAIN ? -EAGAIN : -EHOSTUNREACH;
	error = connect_to(hints.ai_socktype, found->ai_addr, found->ai_addrlen, &log->fd);
	freeaddrinfo(found);
	return error;
}

static int open_socket(struct log_socket *log)
{
	log->sent = 0;
	return log->address[0] == '/' ? connect_path(log) : connect_inet(log);
}

static void close_socket(struct log_socket *log)
{
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	log->sent = 0;
}

/* ---- sending ---- */

/* What is too large for a datagram goes to journald as a sealed file (systemd.io/JOURNAL_NATIVE_PROTOCOL). */
static int send_file(struct log_socket *log)
{
	int fd _cleanup_close_ = memfd_create("journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr header = {.msg_control = control, .msg_controllen = sizeof(control)};
	struct cmsghdr *part = CMSG_FIRSTHDR(&header);

	if (fd < 0 || write(fd, log->message.data, log->message.len) != (ssize_t)log->message.len ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		return -EMSGSIZE;
	part->cmsg_level = SOL_SOCKET;
	part->cmsg_type = SCM_RIGHTS;
	part->cmsg_len = CMSG_LEN(sizeof(fd));
	memcpy(CMSG_DATA(part), &fd, sizeof(fd));
	return sendmsg(log->fd, &header, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_datagram(struct log_socket *log)
{
	int error;

	if (send(log->fd, log->message.data, log->message.len, MSG_NOSIGNAL) >= 0)
		return 0;
	error = -errno;
	if (log->is_journal && (error == -EMSGSIZE || error == -ENOBUFS))
		return send_file(log);
	if (error != -EAGAIN)
		return error;
	error = wait_for(log->fd, POLLOUT);
	return error ? error : send(log->fd, log->message.data, log->message.len, MSG_NOSIGNAL) < 0 ? -errno : 0;
}

static int send_stream(struct log_socket *log)
{
	while (log->sent < log->message.len) {
		ssize_t count =
			send(log->fd, log->message.data + log->sent, log->message.len - log->sent, MSG_NOSIGNAL);
		int error;

		if (count >= 0) {
			log->sent += (size_t)count;
			continue;
		}
		if (errno != EAGAIN)
			return -errno;
		error = wait_for(log->fd, POLLOUT);
		if (error)
			return error;
	}
	log->sent = 0;
	return 0;
}

static void make_message(struct log_socket *log, const char *line, size_t len)
{
	struct buf text _cleanup_buf_ = {0};

	buf_consume(&log->message, log->message.len);
	log->message.failed = false;
	log->format(&text, line, len, log->arg);
	if (log->is_stream)
		buf_printf(&log->message, "%zu ", text.len);
	buf_add(&log->message, text.data, text.len);
	log->message.failed |= text.failed;
}

static int send_line(struct log_socket *log, const char *line, size_t len)
{
	int error = 0;

	if (!log->sent)
		make_message(log, line, len);
	if (log->message.failed)
		return -ENOMEM;
	error = log->is_stream ? send_stream(log) : send_datagram(log);
	/* Whoever listened is gone, or another listens there now. */
	if (error && error != -EAGAIN && error != -EMSGSIZE && error != -ENOBUFS)
		close_socket(log);
	return error;
}

static int write_lines(void *arg, const char *lines, size_t len, size_t *ret_taken)
{
	struct log_socket *log = arg;
	int error = 0;

	*ret_taken = 0;
	while (!error && *ret_taken < len) {
		const char *line = lines + *ret_taken, *end = memchr(line, '\n', len - *ret_taken);
		size_t line_len = end ? (size_t)(end - line) : len - *ret_taken;

		if (log->fd < 0)
			error = open_socket(log);
		if (!error)
			error = send_line(log, line, line_len);
		if (!error)
			*ret_taken += line_len + (end != NULL);
	}
	return error;
}

static void log_socket_free(void *arg)
{
	struct log_socket *log = arg;

	close_socket(log);
	buf_free(&log->message);
	free(log);
}

static int log_socket_new(const char *address, bool is_journal, log_format_fn *format, void *arg,
			  struct destination *ret_destination)
{
	struct log_socket *log = calloc(1, sizeof(*log));

	if (!log)
		return -ENOMEM;
	log->fd = -1;
	log->is_journal = is_journal;
	log->format = format;
	log->arg = arg;
	snprintf(log->address, sizeof(log->address), "%s", address);
	*ret_destination = (struct destination){.write = write_lines, .free = log_socket_free, .arg = log};
	return 0;
}

int log_journal_new(const char *path, log_format_fn *format, void *arg, struct destination *ret_destination)
{
	int error = log_socket_new(path, true, format, arg, ret_destination);

	if (!error)
		snprintf(ret_destination->name, sizeof(ret_destination->name), "--journald (%.96s)", path);
	return error;
}

int log_syslog_new(const char *address, log_format_fn *format, void *arg, struct destination *ret_destination)
{
	int error = log_socket_new(address, false, format, arg, ret_destination);

	if (!error)
		snprintf(ret_destination->name, sizeof(ret_destination->name), "--syslog %.96s", address);
	return error;
}
