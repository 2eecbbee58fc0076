/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_reply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cleanup.h"

#define SEALS	  (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL)
#define FDS_MAX	  4 /* taken off a packet; one is right */
#define SIZE_MOST (WIRE_ROWS_MAX * sizeof(struct mt_unwind_row))

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int))];
};

void symbol_reply_free(struct symbol_reply *reply)
{
	if (reply->mapped)
		munmap(reply->mapped, reply->mapped_size);
	reply->mapped = NULL;
}

/* The first descriptor that came along, or -1; there should be no others. */
static int take_fd(struct msghdr *message)
{
	int fd = -1;

	for (struct cmsghdr *at = CMSG_FIRSTHDR(message); at; at = CMSG_NXTHDR(message, at)) {
		size_t count = (at->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[FDS_MAX];

		if (at->cmsg_level != SOL_SOCKET || at->cmsg_type != SCM_RIGHTS || count > FDS_MAX)
			continue;
		memcpy(fds, CMSG_DATA(at), count * sizeof(int));
		for (size_t i = 0; i < count; i++) {
			if (fd < 0)
				fd = fds[i];
			else
				close(fds[i]);
		}
	}
	return fd;
}

/* With vm.memfd_noexec the kernel adds a seal of its own. */
static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	return seals >= 0 && (seals & SEALS) == SEALS;
}

/* Sealed, or its sender could cut it off under us, which is a bus error. */
static int map_payload(struct symbol_reply *reply, int fd)
{
	struct stat st;
	void *mapped;

	if (reply->head.size > SIZE_MOST || fd < 0 || !is_sealed(fd) || fstat(fd, &st) ||
	    (uint64_t)st.st_size != reply->head.size)
		return -EPROTO;
	mapped = mmap(NULL, reply->head.size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (mapped == MAP_FAILED)
		return -errno;
	reply->mapped = mapped;
	reply->mapped_size = reply->head.size;
	reply->payload = mapped;
	return 0;
}

int symbol_reply_receive(struct symbol_reply *reply, int fd)
{
	struct iovec part = {.iov_base = reply->room.bytes, .iov_len = sizeof(reply->room.bytes)};
	union control control;
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control.bytes)};
	int memory _cleanup_close_ = -1;
	ssize_t got;

	symbol_reply_free(reply);
	got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	if (got < 0)
		return errno == EINTR ? -EAGAIN : -errno;
	memory = take_fd(&message);
	if (!got)
		return -EPIPE;
	if ((size_t)got < sizeof(reply->head) || message.msg_flags & (MSG_TRUNC | MSG_CTRUNC))
		return -EPROTO;
	memcpy(&reply->head, reply->room.bytes, sizeof(reply->head));
	reply->payload = reply->room.bytes + sizeof(reply->head);
	if (reply->head.size > WIRE_INLINE_MAX)
		return map_payload(reply, memory);
	return reply->head.size == (size_t)got - sizeof(reply->head) ? 0 : -EPROTO;
}

/* A payload too long for a packet, sealed. */
static int memory_of(const void *payload, size_t size)
{
	int fd _cleanup_close_ = memfd_create("mmaptrace-symbols", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t done = 0;

	if (fd < 0)
		return -errno;
	while (done < size) {
		ssize_t put = write(fd, (const char *)payload + done, size - done);

		if (put < 0)
			return -errno;
		done += (size_t)put;
	}
	if (fcntl(fd, F_ADD_SEALS, SEALS))
		return -errno;
	return TAKE_FD(fd);
}

static void attach(struct msghdr *message, union control *control, int fd)
{
	struct cmsghdr *head;

	memset(control, 0, sizeof(*control));
	message->msg_control = control;
	message->msg_controllen = CMSG_SPACE(sizeof(int));
	head = CMSG_FIRSTHDR(message);
	head->cmsg_level = SOL_SOCKET;
	head->cmsg_type = SCM_RIGHTS;
	head->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(head), &fd, sizeof(int));
}

int symbol_reply_send(int fd, const struct wire_reply *head, const void *payload)
{
	struct iovec parts[] = {{.iov_base = (void *)head, .iov_len = sizeof(*head)},
				{.iov_base = (void *)payload, .iov_len = head->size}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = head->size ? 2 : 1};
	int memory _cleanup_close_ = -1;
	union control control;

	if (head->size > WIRE_INLINE_MAX) {
		memory = memory_of(payload, head->size);
		if (memory < 0)
			return memory;
		attach(&message, &control, memory);
		message.msg_iovlen = 1;
	}
	while (sendmsg(fd, &message, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return 0;
}
