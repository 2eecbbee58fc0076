/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "call.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cleanup.h"
#include "digits.h"
#include "units.h"
#include "utf8.h"
#include "vma.h"

#define WORDS_LEN	 256
#define PATH_COLUMNS_MIN 8
#define FIXED_FLAGS	 0x100010U /* MAP_FIXED, MAP_FIXED_NOREPLACE: else the address is a hint at best */

/* What stands between the brackets, piece by piece. */
struct pieces {
	struct buf *buf;
	size_t start;
};

static void piece_begin(struct pieces *pieces)
{
	if (pieces->buf->len > pieces->start)
		buf_add_str(pieces->buf, ", ");
}

/* "MAP_SHARED|MAP_FIXED" without the prefix that all share. */
static void piece_names(struct pieces *pieces, const char *names, const char *prefix)
{
	size_t prefix_len = strlen(prefix), len;

	piece_begin(pieces);
	for (;; names += len) {
		if (strncmp(names, prefix, prefix_len) == 0)
			names += prefix_len;
		len = strcspn(names, "|");
		len += names[len] == '|';
		if (!len)
			break;
		buf_add(pieces->buf, names, len);
	}
}

static void piece_range(struct pieces *pieces, uint32_t op, const struct op_args *args)
{
	char text[UNITS_LEN];

	if (args->has_addr && (op != MT_OP_MMAP || (args->flags & FIXED_FLAGS))) {
		piece_begin(pieces);
		*digits_append_hex(text, args->addr) = '\0';
		buf_add_str(pieces->buf, text);
	}
	if (args->has_len) {
		piece_begin(pieces);
		buf_add_str(pieces->buf, units_bytes(args->len, text, sizeof(text)));
	}
	if (args->has_new_len) {
		buf_add_str(pieces->buf, " -> ");
		buf_add_str(pieces->buf, units_bytes(args->new_len, text, sizeof(text)));
	}
}

/* "rw-"; in words if it holds more than the three. */
static void piece_prot(struct pieces *pieces, uint64_t prot)
{
	char text[WORDS_LEN];

	if (prot & ~7ULL) {
		piece_names(pieces, op_prot_text(prot, text, sizeof(text)), "PROT_");
		return;
	}
	piece_begin(pieces);
	buf_add_str(pieces->buf, vma_prot_text(prot, text));
}

static const char *flags_prefix(uint32_t op)
{
	switch (op) {
	case MT_OP_MREMAP:
		return "MREMAP_";
	case MT_OP_MLOCKALL:
		return "MCL_";
	case MT_OP_MLOCK2:
		return "MLOCK_";
	case MT_OP_SHMAT:
		return "SHM_";
	}
	return "MAP_";
}

static void pieces_args(struct pieces *pieces, uint32_t op, const struct op_args *args)
{
	char text[WORDS_LEN];

	piece_range(pieces, op, args);
	if (args->has_prot)
		piece_prot(pieces, args->prot);
	if (args->has_flags && args->flags)
		piece_names(pieces, op_flags_text(op, args->flags, text, sizeof(text)), flags_prefix(op));
	if (args->has_advice)
		piece_names(pieces, op_advice_text(args->advice, text, sizeof(text)), "MADV_");
}

/* The file in at most `room` columns, its last part first of all, as that tells most; not at all if that is too few. */
static void add_file(struct buf *buf, const struct file_id *file, const char *fd, unsigned int room)
{
	_cleanup_buf_ struct buf text = {0};
	unsigned int width, fd_width = (unsigned int)strlen(fd);

	utf8_escape_terminal(&text, file->path, strnlen(file->path, sizeof(file->path)));
	if (file->deleted)
		buf_add_str(&text, " (deleted)");
	width = utf8_width(text.data, text.len);
	if (width > room && room < PATH_COLUMNS_MIN)
		return;
	buf_add_str(buf, ", ");
	if (width + fd_width <= room)
		buf_add_str(buf, fd);
	utf8_clip_start(buf, text.data, text.len, room);
}

static void pieces_file(struct pieces *pieces, const struct call *call, unsigned int columns, size_t call_start)
{
	/* what is there, a comma and a blank before, a bracket behind */
	unsigned int used = utf8_width(pieces->buf->data + call_start, pieces->buf->len - call_start) + 3;
	unsigned int room = !columns ? UINT_MAX : columns > used ? columns - used : 0;
	char fd[24] = "";

	if (call->args && call->args->has_fd)
		snprintf(fd, sizeof(fd), "fd %d%s", call->args->fd, call->file ? " " : "");
	if (call->file) {
		add_file(pieces->buf, call->file, fd, room);
	} else if (*fd) {
		piece_begin(pieces);
		buf_add_str(pieces->buf, fd);
	}
}

static void other_text(struct buf *buf, uint32_t syscall)
{
	buf_add_str(buf, "other");
	if (syscall != UINT32_MAX)
		buf_printf(buf, " (system call %u)", syscall);
}

void call_text(struct buf *buf, const struct call *call, unsigned int columns)
{
	size_t start = buf->len;
	struct pieces pieces = {.buf = buf};

	if (call->op == MT_OP_OTHER) {
		other_text(buf, call->syscall);
		return;
	}
	buf_add_str(buf, op_name(call->op));
	buf_add_char(buf, '(');
	pieces.start = buf->len;
	if (call->args)
		pieces_args(&pieces, call->op, call->args);
	else
		buf_add_char(buf, '?');
	if (!buf->failed)
		pieces_file(&pieces, call, columns, start);
	buf_add_char(buf, ')');
}
