/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Forged and damaged input: ELF files, answers of a symbolizer that has been taken over. Nothing of it may crash or
 * hang us. Seeded: the same every time; SEED=N ROUNDS=N for others.
 */
#include "subject.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "demangle.h"
#include "symbol_elf.h"
#include "symbol_lookup.h"
#include "symbol_reply.h"
#include "symbol_unwind.h"
#include "symbol_wire.h"

static uint64_t seed;

static uint32_t below(uint32_t bound)
{
	uint64_t z = seed += 0x9e3779b97f4a7c15ULL; /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return (uint32_t)((z ^ (z >> 31)) % bound);
}

static uint32_t number_of(const char *name, uint32_t otherwise)
{
	const char *text = getenv(name);

	return text ? (uint32_t)atol(text) : otherwise;
}

/* ---- ELF ---- */

static void count_line(void *arg, const char *function, const char *file, uint32_t line, bool inlined)
{
	uint64_t *bytes = arg;

	(void)inlined;
	*bytes += (function ? strlen(function) : 0) + (file ? strlen(file) : 0) + line;
}

/* All that is done with a module. */
static void digest(int fd)
{
	struct symbol_rows rows = {0};
	struct symbol_lookup *lookup;
	struct symbol_elf look;
	Elf *elf = symbol_elf_open(fd);
	uint64_t bytes = 0;

	if (!elf || symbol_elf_look(elf, &look)) {
		elf_end(elf);
		return;
	}
	if (!symbol_unwind_make(elf, &look, &rows) && rows.count)
		assert_int_equal(wire_check_rows(rows.rows, rows.count * sizeof(*rows.rows), rows.count), 0);
	symbol_unwind_free(&rows);
	symbol_unwind_calls_kernel(fd, &look);
	elf_end(elf);
	if (symbol_lookup_new(fd, &look, "/nowhere/forged", -1, &lookup))
		return;
	for (uint64_t vaddr = 0x1000; vaddr < 0x1800; vaddr += 7)
		symbol_lookup_find(lookup, vaddr, count_line, &bytes);
	symbol_lookup_free(lookup);
}

struct original {
	char bytes[262144];
	size_t size;
};

static void read_original(const char *name, struct original *original)
{
	char path[600];
	FILE *file = fopen(beside(name, path, sizeof(path)), "re");

	assert_non_null(file);
	original->size = fread(original->bytes, 1, sizeof(original->bytes), file);
	fclose(file);
	assert_true(original->size > 1000 && original->size < sizeof(original->bytes));
}

/* Some bytes are others, by chance or to be as large as they can; or the end is missing. */
static size_t forge(const struct original *original, char *out)
{
	size_t size = original->size;
	uint32_t changes = 1 + below(12);

	memcpy(out, original->bytes, size);
	while (changes--) {
		uint32_t at = below(below(4) ? (uint32_t)size : 1024), kind = below(4);

		if (kind == 0)
			out[at] = (char)below(256);
		else if (kind == 1)
			out[at] = (char)(below(2) ? 0xff : 0x00);
		else if (kind == 2)
			out[at] ^= (char)(1 << below(8));
		else if (at + 4 <= size)
			memset(out + at, below(2) ? 0xff : 0, 4);
	}
	return below(8) ? size : below((uint32_t)size);
}

static void forged_rounds(const struct original *original, uint32_t rounds)
{
	static char copy[sizeof(original->bytes)];

	for (uint32_t i = 0; i < rounds; i++) {
		size_t size = forge(original, copy);
		int fd = memfd_create("forged", MFD_CLOEXEC);

		assert_true(fd >= 0);
		assert_int_equal(write(fd, copy, size), (ssize_t)size);
		alarm(20); /* a round is a few milliseconds */
		digest(fd);
		close(fd);
	}
	alarm(0);
}

/* In a process of their own, so that a crash is one of the failures counted. Returns how many. */
static uint32_t forged_batches(const char *name, uint32_t batches, uint32_t rounds)
{
	static struct original original;
	uint32_t failures = 0;

	read_original(name, &original);
	for (uint32_t i = 0; i < batches; i++) {
		pid_t pid;
		int status;

		pid = fork();
		if (!pid) {
			seed = number_of("SEED", 1) * 1000 + i;
			forged_rounds(&original, rounds);
			_exit(0);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (status) {
			print_message("%s, batch %u of %u rounds: status %x\n", name, i, rounds, (unsigned int)status);
			failures++;
		}
	}
	return failures;
}

static void forged_files(void **state)
{
	uint32_t rounds = number_of("ROUNDS", 50);

	(void)state;
	assert_int_equal(forged_batches("libplug.so", 40, rounds), 0);
	assert_int_equal(forged_batches("target", 40, rounds), 0);
}

/* A file that is cut off while it is mapped. In the symbolizer, whose bus errors are zeros. */
static void cut_off_while_mapped(void **state)
{
	static struct original original;
	struct answers answers;
	struct symbolizer_losses losses;
	char path[] = "/tmp/mmaptrace-cut-XXXXXX";
	int fd = mkstemp(path);
	uint64_t ip;
	char *mapped;

	(void)state;
	read_original("libplug.so", &original);
	assert_int_equal(write(fd, original.bytes, original.size), (ssize_t)original.size);
	mapped = mmap(NULL, original.size, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0);
	assert_true(mapped != MAP_FAILED);
	answers_begin(&answers, UNWIND_DWARF);
	for (uint32_t i = 0; i < 2; i++) {
		ip = (uint64_t)mapped + 0x1100 + i;
		assert_int_equal(symbolizer_ask_stack(answers.symbolizer, (uint32_t)getpid(), start_of(getpid()), 1,
						      MT_STACK_COMPLETE, &ip, 1),
				 0);
		answers_await(&answers, &answers.stack_answers, i + 1);
		assert_int_equal(ftruncate(fd, 4096), 0);
	}
	symbolizer_read_losses(answers.symbolizer, &losses);
	assert_int_equal(losses.restarts, 0);
	answers_end(&answers);
	munmap(mapped, original.size);
	unlink(path);
	close(fd);
}

/* ---- answers ---- */

static void wire_frames(void **state)
{
	struct wire_stack stack = {0};
	const struct frame frames[] = {{.address = 1,
					.offset = 2,
					.function = "f",
					.file = "/f.c",
					.line = 3,
					.module = "m",
					.build_id = "00"},
				       {.address = 1, .offset = 2, .function = "g", .module = "m", .inlined = true},
				       {.address = 9}};
	struct frame got[COUNT(frames)];
	uint64_t room[64];

	(void)state;
	for (size_t i = 0; i < COUNT(frames); i++)
		wire_stack_add(&stack, &frames[i]);
	assert_int_equal(wire_stack_end(&stack), 0);
	assert_int_equal(wire_take_frames(stack.frames.data, stack.frames.len, stack.count, got), 0);
	assert_string_equal(got[0].function, "f");
	assert_string_equal(got[0].build_id, "00");
	assert_string_equal(got[1].module, "m");
	assert_ptr_equal(got[1].module, got[0].module);
	assert_true(got[1].inlined);
	assert_null(got[2].function);
	assert_true(stack.frames.len <= sizeof(room));
	for (uint32_t i = 0; i < 100000; i++) {
		uint32_t changes = 1 + below(4), count = below(8) ? stack.count : below(UINT32_MAX);
		uint64_t size = below(8) ? stack.frames.len : below((uint32_t)stack.frames.len + 1);

		memcpy(room, stack.frames.data, stack.frames.len);
		while (changes--)
			((char *)room)[below((uint32_t)stack.frames.len)] = (char)below(256);
		if (count > COUNT(got)) {
			assert_int_equal(wire_take_frames(room, size, count, got), -EPROTO);
			continue;
		}
		if (wire_take_frames(room, size, count, got))
			continue;
		for (uint32_t j = 0; j < count; j++) {
			uint64_t bytes = 0;

			count_line(&bytes, got[j].function, got[j].file, 0, false);
			count_line(&bytes, got[j].module, got[j].build_id, 0, false);
			assert_true(bytes <= 4 * sizeof(room));
		}
	}
	wire_stack_free(&stack);
}

static void wire_rows_and_ranges(void **state)
{
	struct mt_unwind_row rows[] = {{.pc = 1}, {.pc = 5, .rule = MT_UNWIND_SIGNAL}, {.pc = 6}};
	struct symbol_range ranges[] = {
		{.start = 1, .end = 2, .module = 3}, {.start = 2, .end = 4}, {.start = 8, .end = 9}};

	(void)state;
	assert_int_equal(wire_check_rows(rows, sizeof(rows), 3), 0);
	assert_int_equal(wire_check_rows(rows, sizeof(rows), 2), -EPROTO);
	assert_int_equal(wire_check_rows(rows, sizeof(rows) - 1, 3), -EPROTO);
	assert_int_equal(wire_check_rows(rows, 0, 0), -EPROTO);
	assert_int_equal(wire_check_rows(rows, sizeof(rows), UINT32_MAX), -EPROTO);
	rows[1].pc = 6;
	assert_int_equal(wire_check_rows(rows, sizeof(rows), 3), -EPROTO);
	rows[1].pc = 5;
	rows[1].rule = MT_UNWIND_SIGNAL + 1;
	assert_int_equal(wire_check_rows(rows, sizeof(rows), 3), -EPROTO);

	assert_int_equal(wire_check_ranges(ranges, sizeof(ranges), 3, 3), 0);
	assert_int_equal(wire_check_ranges(ranges, sizeof(ranges), 3, 2), -EPROTO);
	assert_int_equal(wire_check_ranges(ranges, sizeof(ranges) - 8, 3, 3), -EPROTO);
	assert_int_equal(wire_check_ranges(NULL, 0, 0, 0), 0);
	ranges[1].start = 1;
	assert_int_equal(wire_check_ranges(ranges, sizeof(ranges), 3, 3), -EPROTO);
	ranges[1].start = 4;
	assert_int_equal(wire_check_ranges(ranges, sizeof(ranges), 3, 3), -EPROTO);
}

static int open_fds(void)
{
	int count = 0;

	for (int fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* Sends a head, and a descriptor if there is one. */
static void send_raw(int socket, const void *bytes, size_t size, int fd)
{
	struct iovec part = {.iov_base = (void *)bytes, .iov_len = size};
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *head;

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		head = CMSG_FIRSTHDR(&message);
		head->cmsg_level = SOL_SOCKET;
		head->cmsg_type = SCM_RIGHTS;
		head->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(head), &fd, sizeof(int));
	}
	assert_int_equal(sendmsg(socket, &message, 0), (ssize_t)size);
}

static void replies(void **state)
{
	struct wire_reply head = {.type = WIRE_MODULE, .number = 1, .count = 1, .size = 1 << 20};
	struct symbol_reply reply = {0};
	char *payload = calloc(1, 1 << 20), large[sizeof(struct wire_reply) + WIRE_INLINE_MAX + 1] = {0};
	int ends[2], memory = memfd_create("unsealed", MFD_CLOEXEC | MFD_ALLOW_SEALING), pipes[2], before;

	(void)state;
	assert_non_null(payload);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(pipe2(pipes, O_CLOEXEC), 0);
	assert_int_equal(ftruncate(memory, 1 << 20), 0);
	before = open_fds();
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EAGAIN);
	/* In a memfd, as it should be, and in the packet. */
	assert_int_equal(symbol_reply_send(ends[1], &head, payload), 0);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), 0);
	assert_int_equal(((const char *)reply.payload)[(1 << 20) - 1], 0);
	head.size = 16;
	assert_int_equal(symbol_reply_send(ends[1], &head, payload), 0);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), 0);
	/* Longer or shorter than it says; longer than can be. */
	send_raw(ends[1], &head, sizeof(head), -1);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPROTO);
	send_raw(ends[1], &head, 3, -1);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPROTO);
	send_raw(ends[1], large, sizeof(large), -1);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPROTO);
	/* A memfd that could be cut off, a pipe, none, a size that is not its, one beyond all. */
	head.size = 1 << 20;
	send_raw(ends[1], &head, sizeof(head), memory);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPROTO);
	send_raw(ends[1], &head, sizeof(head), pipes[0]);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPROTO);
	send_raw(ends[1], &head, sizeof(head), -1);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPROTO);
	assert_int_equal(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL), 0);
	head.size++;
	send_raw(ends[1], &head, sizeof(head), memory);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPROTO);
	head.size = UINT64_MAX;
	send_raw(ends[1], &head, sizeof(head), memory);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPROTO);
	symbol_reply_free(&reply);
	assert_int_equal(open_fds(), before);
	close(ends[1]);
	assert_int_equal(symbol_reply_receive(&reply, ends[0]), -EPIPE);
	close(ends[0]);
	close(memory);
	close(pipes[0]);
	close(pipes[1]);
	free(payload);
}

/* ---- names ---- */

static void mangled_names(void **state)
{
	static const char *const names[][2] = {
		{"_ZN4core3ptr13drop_in_place17h0123456789abcdefE", "core::ptr::drop_in_place"},
		{"_ZN3std2io5Write9write_fmt17h4c3f3a2b1d0e5f67E", "std::io::Write::write_fmt"},
		{"_RNvCs1234_7mycrate3foo", "mycrate::foo"},
		{"_RNvMCs1234_7mycrateNtB2_3Foo3bar", "<mycrate::Foo>::bar"},
		{"_ZNSt6vectorIiSaIiEE9push_backERKi", "std::vector<int, std::allocator<int> >::push_back"},
		{"_ZN2ns5ClassC1Ev", "ns::Class::Class"},
		{"_Znwm", "operator new"},
	};
	static const char *const others[] = {"main", "", "_", "_Z", "_R", "_ZN", "__libc_start_main", "_RNv", "_ZNSt"};
	char out[DEMANGLE_LEN], doubled[4096], symbol[256];
	size_t len = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		assert_true(demangle(names[i][0], out));
		if (strcmp(out, names[i][1]))
			fail_msg("%s: %s", names[i][0], out);
	}
	for (size_t i = 0; i < COUNT(others); i++)
		assert_false(demangle(others[i], out));
	/* Each pair has the one before it twice: 2 to the power of 100 characters, of which there is room for some. */
	for (unsigned int i = 0; i < 100; i++)
		len += (size_t)snprintf(doubled + len, sizeof(doubled) - len, "%s", "St4pairI");
	memmove(doubled + 5, doubled, len);
	memcpy(doubled, "_Z1fI", 5);
	len += 5;
	len += (size_t)snprintf(doubled + len, sizeof(doubled) - len, "iiE");
	for (unsigned int i = 0; i < 99; i++)
		len += i ? (size_t)snprintf(doubled + len, sizeof(doubled) - len, "S%c%c_E",
					    i < 35 ? '0' : '1' + (i - 35) / 36,
					    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[i < 35 ? i : (i - 35) % 36])
			 : (size_t)snprintf(doubled + len, sizeof(doubled) - len, "S0_E");
	snprintf(doubled + len, sizeof(doubled) - len, "Evv");
	demangle(doubled, out);
	/* As deep as can be. */
	strcpy(doubled, "_Z1f");
	memset(doubled + 4, 'P', sizeof(doubled) - 6);
	strcpy(doubled + sizeof(doubled) - 2, "i");
	demangle(doubled, out);
	memset(doubled, 'N', sizeof(doubled) - 1);
	memcpy(doubled, "_Z", 2);
	demangle(doubled, out);
	/* One too long by itself is cut. */
	strcpy(doubled, "_ZN");
	for (len = 3; len < 3000; len += 6)
		memcpy(doubled + len, "5abcde", 7);
	strcpy(doubled + len, "Ev");
	assert_true(demangle(doubled, out));
	assert_int_equal(strlen(out), DEMANGLE_LEN - 1);
	assert_memory_equal(out, "abcde::abcde::", 14);
	for (uint32_t i = 0; i < 200000; i++) {
		len = strlen(names[i % COUNT(names)][0]);
		memcpy(symbol, names[i % COUNT(names)][0], len + 1);
		for (uint32_t j = 0; j < 1 + below(6); j++)
			symbol[2 + below((uint32_t)len - 2)] = (char)(33 + below(94));
		demangle(symbol, out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wire_frames),	 cmocka_unit_test(wire_rows_and_ranges), cmocka_unit_test(replies),
		cmocka_unit_test(mangled_names), cmocka_unit_test(cut_off_while_mapped), cmocka_unit_test(forged_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
