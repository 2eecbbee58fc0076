/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "web.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <systemd/sd-daemon.h>
#include <time.h>
#include <unistd.h>
#include <utlist.h>

#include "cleanup.h"

#define SECOND_NS    1000000000ULL
#define PATIENCE_NS  (10 * SECOND_NS) /* for a whole request and its answer */
#define CROWDED_NS   (1 * SECOND_NS)  /* the same, when there are many */
#define CROWD	     (WEB_CONNECTIONS_MAX * 3 / 4)
#define IDLE_S	     10
#define MEMORY_BYTES (8 << 10) /* a connection: request line and headers */
#define BACKLOG	     128
#define TURNS_MAX    16
#define SOCKET_MODE  0660
#define ADDRESS_MAX  256
#define PORT_LEN     8

struct connection {
	int fd;
	uint64_t since_ns;
	bool evicted;
	struct connection *prev, *next;
};

struct web {
	struct MHD_Daemon *daemon;
	web_answer_fn *answer;
	void *arg;
	struct connection *connections; /* utlist, oldest first */
	struct web_counts counts;
	char *socket_path; /* owned: ours, to be taken away */
};

/* ---- listening ---- */

static int listen_on(int fd, const struct sockaddr *address, socklen_t len)
{
	if (bind(fd, address, len) || listen(fd, BACKLOG))
		return -errno;
	return 0;
}

static int listen_inet(const char *address, int *ret_fd)
{
	const char *colon = strrchr(address, ':');
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV}, *found;
	char host[ADDRESS_MAX] = "";
	int fd _cleanup_close_ = -1, error, one = 1;
	size_t len;

	if (!colon || !colon[1] || (size_t)(colon - address) >= sizeof(host))
		return -EINVAL;
	len = (size_t)(colon - address);
	memcpy(host, address, len);
	if (len >= 2 && host[0] == '[' && host[len - 1] == ']') {
		memmove(host, host + 1, len - 2);
		host[len - 2] = '\0';
	}
	if (getaddrinfo(*host ? host : NULL, colon + 1, &hints, &found))
		return -EINVAL;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	error = fd < 0 ? -errno : 0;
	if (!error)
		error = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ? -errno : 0;
	if (!error)
		error = listen_on(fd, found->ai_addr, found->ai_addrlen);
	freeaddrinfo(found);
	if (!error)
		*ret_fd = TAKE_FD(fd);
	return error;
}

/* Left behind by one who is gone: nobody listens there. */
static bool is_stale(const struct sockaddr_un *address)
{
	int fd _cleanup_close_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct stat status;

	if (fd < 0 || lstat(address->sun_path, &status) || !S_ISSOCK(status.st_mode))
		return false;
	return connect(fd, (const struct sockaddr *)address, sizeof(*address)) && errno == ECONNREFUSED;
}

static int listen_unix(struct web *web, const char *path, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd _cleanup_close_ = -1, error;

	if (path[0] != '/')
		return -EINVAL;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, path, strlen(path));
	if (is_stale(&address))
		unlink(path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	error = listen_on(fd, (struct sockaddr *)&address, sizeof(address));
	if (error)
		return error;
	web->socket_path = strdup(path);
	if (!web->socket_path || chmod(path, SOCKET_MODE))
		return -errno;
	*ret_fd = TAKE_FD(fd);
	return 0;
}

static int listen_systemd(int *ret_fd)
{
	int count = sd_listen_fds(1);

	if (count < 1)
		return count < 0 ? count : -ENOTCONN;
	*ret_fd = SD_LISTEN_FDS_START;
	return 0;
}

static int open_socket(struct web *web, const char *address, int *ret_fd)
{
	if (!strcmp(address, "systemd"))
		return listen_systemd(ret_fd);
	if (!strncmp(address, "unix:", 5))
		return listen_unix(web, address + 5, ret_fd);
	return listen_inet(address, ret_fd);
}

static void explain(const char *address, int error, char text[WEB_ERROR_LEN])
{
	const char *more = "";

	if (error == -EADDRINUSE)
		more = ": another program listens there; choose another address, or none";
	else if (error == -EINVAL)
		more = ": want HOST:PORT, unix:/PATH, systemd or none";
	else if (error == -ENOTCONN)
		more = ": no socket was handed over by systemd";
	snprintf(text, WEB_ERROR_LEN, "--web.listen-address %s: %s%s", address, strerror(-error), more);
}

/* ---- connections ---- */

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

static void on_connection(void *arg, struct MHD_Connection *mhd, void **own, enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct connection *connection = *own;
	struct web *web = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED && info) {
		connection = calloc(1, sizeof(*connection));
		*own = connection;
		if (!connection)
			return;
		connection->fd = info->connect_fd;
		connection->since_ns = now_ns();
		DL_APPEND(web->connections, connection);
		web->counts.connections++;
	} else if (code == MHD_CONNECTION_NOTIFY_CLOSED && connection) {
		DL_DELETE(web->connections, connection);
		web->counts.connections--;
		free(connection);
		*own = NULL;
	}
}

static const char *const headers[][2] = {
	{"Connection", "close"},
	{"Cache-Control", "no-store"},
	{"X-Content-Type-Options", "nosniff"},
	{"X-Frame-Options", "DENY"},
	{"Referrer-Policy", "no-referrer"},
	{"Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
};

static enum MHD_Result respond(struct MHD_Connection *mhd, struct web_answer *answer)
{
	struct MHD_Response *response =
		MHD_create_response_from_buffer(answer->body.len, answer->body.data, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result result;

	buf_free(&answer->body);
	if (!response)
		return MHD_NO;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		MHD_add_response_header(response, headers[i][0], headers[i][1]);
	MHD_add_response_header(response, "Content-Type", answer->type);
	if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, "Allow", "GET, HEAD");
	result = MHD_queue_response(mhd, answer->status, response);
	MHD_destroy_response(response);
	return result;
}

static void refuse(struct web_answer *answer, unsigned int status, const char *text)
{
	answer->status = status;
	answer->type = "text/plain; charset=utf-8";
	buf_add_str(&answer->body, text);
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *mhd, const char *path, const char *method,
				  const char *version, const char *upload, size_t *upload_len, void **request)
{
	static int begun;
	struct web_answer answer = {0};
	struct web *web = arg;

	(void)version;
	(void)upload;
	if (!*request && !strcmp(method, "GET")) {
		*request = &begun;
		return MHD_YES; /* its headers have been read; whether there is a body comes with the next call */
	}
	web->counts.requests++;
	if (*upload_len) {
		*upload_len = 0;
		return MHD_NO;
	}
	if (strcmp(method, "GET") && strcmp(method, "HEAD"))
		refuse(&answer, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
	else
		web->answer(path, MHD_lookup_connection_value(mhd, MHD_HEADER_KIND, "Accept"), &answer, web->arg);
	if (answer.body.failed) {
		buf_free(&answer.body);
		answer.body = (struct buf){0};
		refuse(&answer, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory\n");
	}
	if (!answer.status)
		refuse(&answer, MHD_HTTP_NOT_FOUND, "there are /, /metrics, /healthz and /readyz\n");
	return respond(mhd, &answer);
}

/* What a client sends wrong is its own affair. */
static void say_nothing(void *arg, const char *format, va_list args)
{
	(void)arg;
	(void)format;
	(void)args;
}

/* ---- its life ---- */

static void web_release(struct web **web)
{
	web_free(*web);
}

int web_new(const char *address, web_answer_fn *answer, void *arg, struct web **ret_web, char error_text[WEB_ERROR_LEN])
{
	struct web *web _cleanup_(web_release) = calloc(1, sizeof(*web));
	int fd = -1, error;

	if (!web)
		return -ENOMEM;
	web->answer = answer;
	web->arg = arg;
	error = open_socket(web, address, &fd);
	if (error) {
		explain(address, error, error_text);
		return error;
	}
	web->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, web,
				       MHD_OPTION_EXTERNAL_LOGGER, say_nothing, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
				       MHD_OPTION_CONNECTION_LIMIT, (unsigned int)WEB_CONNECTIONS_MAX,
				       MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S,
				       MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
				       MHD_OPTION_NOTIFY_CONNECTION, on_connection, web, MHD_OPTION_END);
	if (!web->daemon) {
		close(fd);
		explain(address, -EIO, error_text);
		return -EIO;
	}
	*ret_web = TAKE_PTR(web);
	return 0;
}

void web_free(struct web *web)
{
	if (!web)
		return;
	if (web->daemon)
		MHD_stop_daemon(web->daemon);
	if (web->socket_path)
		unlink(web->socket_path);
	free(web->socket_path);
	free(web);
}

int web_fd(const struct web *web)
{
	return MHD_get_daemon_info(web->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

bool web_run(struct web *web)
{
	MHD_UNSIGNED_LONG_LONG wait_ms = 1;

	for (unsigned int turn = 0; turn < TURNS_MAX; turn++) {
		MHD_run(web->daemon);
		if (MHD_get_timeout(web->daemon, &wait_ms) != MHD_YES || wait_ms)
			return true;
	}
	return false;
}

void web_tick(struct web *web)
{
	uint64_t patience = web->counts.connections >= CROWD ? CROWDED_NS : PATIENCE_NS, now = now_ns();
	struct connection *connection = NULL;

	DL_FOREACH(web->connections, connection)
	{
		if (connection->evicted || connection->since_ns + patience > now)
			continue;
		/* libmicrohttpd sees its end, and closes it. */
		shutdown(connection->fd, SHUT_RDWR);
		connection->evicted = true;
		web->counts.evicted++;
	}
	web_run(web);
}

void web_read(const struct web *web, struct web_counts *ret_counts)
{
	*ret_counts = web->counts;
}
