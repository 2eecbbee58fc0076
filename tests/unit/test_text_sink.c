/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/sink/text_*.c: whatever is shown, no line is wider than the terminal and no byte of another's reaches it raw. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above before it */
#include <cmocka.h>

#include <string.h>

#include "cleanup.h"
#include "sink_fixture.h"
#include "text_site.h"
#include "utf8.h"

/* Colours out, the rest as it is, NUL-terminated. */
static void strip_colours(struct buf *buf)
{
	size_t to = 0;

	for (size_t from = 0; from < buf->len; from++) {
		if (buf->data[from] == '\033') {
			while (buf->data[from] != 'm')
				from++;
			continue;
		}
		buf->data[to++] = buf->data[from];
	}
	buf->len = to;
	buf_add_char(buf, '\0');
}

static unsigned int widest_line(const struct buf *buf)
{
	unsigned int widest = 0;

	for (const char *line = buf->data; *line; line += strcspn(line, "\n") + 1) {
		unsigned int width = utf8_width(line, strcspn(line, "\n"));

		widest = width > widest ? width : widest;
	}
	return widest;
}

static void assert_has(const struct buf *buf, const char *text)
{
	if (!strstr(buf->data, text))
		fail_msg("'%s' is not in:\n%s", text, buf->data);
}

static void assert_lacks(const struct buf *buf, const char *text)
{
	if (strstr(buf->data, text))
		fail_msg("'%s' is in:\n%s", text, buf->data);
}

static const struct table_totals totals = {
	.ts_ns = 20 * SECOND,
	.limit = LIMIT,
	.processes = 128,
	.shown = 2,
	.growing = 1,
	.open_findings = 1,
	.maps = 20412,
	.interval_s = 1,
};

/* The leak, and a sibling that is failing. */
static void table_print(struct buf *buf, const struct text_style *style)
{
	struct process leaking = process_leaking(), failing = process_leaking();
	const struct process *rows[] = {&failing, &leaking};

	failing.key.pid = 4194304;
	failing.account.map_count = 65531;
	failing.account.high_water = 65531;
	failing.state = PROCESS_FAILING;
	failing.forecast.eta_s = 0;
	tally_set(&failing, MT_OP_MMAP, 4294967295U, 12, 65531);
	strcpy(failing.comm, "a\x1b[2Jb\nc\xff\xe2\x80\xae");
	text_table(buf, style, &totals, rows, 2);
}

static void table_shows_what_matters(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct text_style style = style_of(0);

	(void)state;
	table_print(&buf, &style);
	strip_colours(&buf);
	assert_has(&buf, "22:13:40 UTC, limit 65,530, 1 finding, 1 growing, 128 processes (2 shown), 20,412 maps\n");
	assert_has(&buf, "   PID COMM               MAPS LIMIT%    HIGH  RATE/s    OPENED    CLOSED ");
	assert_has(&buf, "  1234 frames            4,119    6.3   4,120    +512     4,160        64 ");
	assert_has(&buf, "2m leaking    mmap 100 %\n");
	assert_has(&buf, "0s failing    mmap 100 %\n");
	assert_has(&buf, "a\\x1b[2Jb\\nc");
	assert_lacks(&buf, "lost");
	assert_lacks(&buf, "CONTAINER");
}

static void table_at_80_columns(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	const struct process *rows[] = {&process};
	struct text_style style = style_of(80);

	(void)state;
	text_table(&buf, &style, &totals, rows, 1);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "   PID COMM               MAPS LIMIT%    HIGH  RATE/s FAILED    ETA STATE\n"
			 "  1234 frames            4,119    6.3   4,120    +512      0     2m leaking\n");
}

static void table_without_rows(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct text_style style = style_of(80);

	(void)state;
	text_table(&buf, &style, &totals, NULL, 0);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "PID COMM");
}

static void table_losses_and_stop(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct table_totals lossy = totals;
	struct process process = process_leaking();
	const struct process *rows[] = {&process};
	struct text_style style = style_of(200);

	(void)state;
	lossy.losses = 1234;
	process.account.flags = MT_PROCESS_STOPPED;
	process.trail = NULL; /* never changed: no rate, no forecast */
	process.container_id = "0123456789abcdef0123";
	text_table(&buf, &style, &lossy, rows, 1);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "1,234 lost");
	assert_has(&buf, " - stopped ");
	assert_has(&buf, "CONTAINER\n");
	assert_has(&buf, "0123456789ab\n");
}

static void colours_only_when_asked(void **state)
{
	struct text_style style = style_of(120);

	(void)state;
	for (unsigned int colour = 0; colour < 2; colour++) {
		_cleanup_buf_ struct buf buf = {0};

		style.colour = colour;
		table_print(&buf, &style);
		buf_add_char(&buf, '\0');
		if (!colour) {
			assert_lacks(&buf, "\033");
			continue;
		}
		assert_has(&buf, "\033[31m65,531\033[0m");
		assert_has(&buf, "\033[31mfailing\033[0m");
		assert_has(&buf, "\033[33mleaking\033[0m");
	}
}

static void redraw_replaces(void **state)
{
	_cleanup_buf_ struct buf redrawn = {0}, plain = {0};
	struct text_style style = style_of(80);

	(void)state;
	table_print(&plain, &style);
	style.redraw = true;
	table_print(&redrawn, &style);
	assert_memory_equal(redrawn.data, "\033[H\033[J", 6);
	assert_memory_equal(plain.data + plain.len - 2, "\n\n", 2);
}

static void op_print(struct buf *buf, unsigned int width, const struct op_event *op)
{
	struct text_style style = style_of(width);
	struct process process = process_leaking();

	text_op_header(buf, &style);
	text_op(buf, &style, &process, op);
	buf_add_char(buf, '\0');
}

static void op_row(void **state)
{
	_cleanup_buf_ struct buf wide = {0}, narrow = {0};
	struct op_event op = op_mmap();

	(void)state;
	op_print(&wide, 0, &op);
	assert_has(&wide, "        TIME         PID      MAPS  DELTA        us RESULT         OPERATION\n"
			  "   10.000000        1234     4,119     +1       1.3 0x7f1234567000 "
			  "mmap(64 KiB, rw-, SHARED, fd 3 /dev/shm/frames)\n");
	op_print(&narrow, 80, &op);
	assert_has(&narrow, "    TIME     PID    MAPS DELTA     us RESULT OPERATION\n"
			    "  10.000    1234   4,119    +1    1.3 ok     mmap(64 KiB, rw-, SHARED, ~/frames)\n");
}

static void op_is(const struct op_event *op, const char *expected)
{
	_cleanup_buf_ struct buf buf = {0};

	op_print(&buf, 0, op);
	assert_has(&buf, expected);
}

static void op_calls_in_short(void **state)
{
	struct op_event op = op_mmap();

	(void)state;
	op.error = ENOMEM;
	op.ret = -ENOMEM;
	op.has_file = op.args.has_fd = false;
	op.args.addr = 0x10000;
	op.args.prot = 0;
	op.args.flags = 0x32;
	op_is(&op, " ENOMEM         mmap(0x10000, 64 KiB, ---, PRIVATE|FIXED|ANONYMOUS)\n");
	op = op_mmap();
	op.op = MT_OP_MUNMAP;
	op.ret = 0;
	op.tid = 1240;
	op.args = (struct op_args){.has_addr = true, .has_len = true, .addr = 0x7f0000, .len = 65536};
	op.file.deleted = true;
	op_is(&op, " 1234/1240 ");
	op_is(&op, " 0              munmap(0x7f0000, 64 KiB, /dev/shm/frames (deleted))\n");
	op.op = MT_OP_MREMAP;
	op.has_file = false;
	op.args = (struct op_args){.has_addr = true,
				   .has_len = true,
				   .has_new_len = true,
				   .has_flags = true,
				   .addr = 4096,
				   .len = 4096,
				   .new_len = 8192,
				   .flags = 1};
	op_is(&op, "mremap(0x1000, 4 KiB -> 8 KiB, MAYMOVE)\n");
	op.op = MT_OP_MADVISE;
	op.args = (struct op_args){.has_addr = true, .has_len = true, .has_advice = true, .len = 4096, .advice = 10};
	op_is(&op, "madvise(0, 4 KiB, DONTFORK)\n");
	op.has_args = op.has_result = false;
	op_is(&op, " - -              madvise(?)\n");
	op.op = MT_OP_OTHER;
	op.syscall = 321;
	op_is(&op, "other (system call 321)\n");
	op.syscall = UINT32_MAX;
	op_is(&op, "other\n");
}

static void op_time_of_day(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct text_style style = style_of(0);
	struct process process = process_leaking();
	struct op_event op = op_mmap();

	(void)state;
	style.wall_clock = true;
	text_op(&buf, &style, &process, &op);
	op.ts_ns = style.start_ns - 1; /* begun before we did: no negative time */
	style.wall_clock = false;
	text_op(&buf, &style, &process, &op);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "22:13:40.000000 ");
	assert_has(&buf, "    0.000000 ");
}

static void finding_in_words(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct finding finding = finding_leak();
	struct text_style style = style_of(0);

	(void)state;
	text_finding(&buf, &style, &process, &finding);
	buf_add_char(&buf, '\0');
	assert_string_equal(buf.data, "LEAK warning  frames[1234]: 4,119 maps (6.3 % of 65,530), +512/s, limit in 2 m "
				      "(1 m 50 s to 2 m 10 s); mmap +4,160 maps, munmap -64 maps, "
				      "/dev/shm/frames mapped 4,160 times, unmapped 64\n"
				      "    /dev/shm/frames was mapped 4160 times and unmapped 64 times: "
				      "unmap it where it is mapped\n");
}

static void finding_at_its_bounds(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct finding finding = finding_leak();
	struct text_style style = style_of(0);

	(void)state;
	finding.verdict = (struct verdict){.kind = FINDING_ENOMEM, .severity = SEVERITY_CRITICAL};
	finding.ops[0] = (struct evidence_op){MT_OP_MMAP, 7, 1, 1};
	finding.op_count = 1;
	finding.file_count = 0;
	finding.advice[0] = '\0';
	finding.update = true;
	finding.raised_ns = 15 * SECOND;
	text_finding(&buf, &style, &process, &finding);
	finding.verdict = (struct verdict){
		.kind = FINDING_LEAK,
		.severity = SEVERITY_INFO,
		.forecast = {.rate_per_s = 1, .eta_s = 60, .eta_low_s = 30, .eta_high_s = (double)INFINITY},
	};
	finding.op_count = 0;
	text_finding(&buf, &style, &process, &finding);
	finding.verdict.forecast.eta_s = (double)INFINITY;
	text_finding(&buf, &style, &process, &finding);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "ENOMEM critical (for 5 s)  frames[1234]: 4,119 maps (6.3 % of 65,530), 0/s, at the limit; "
			 "mmap +1 map, mmap failed 1 time\n");
	assert_has(&buf, "limit in 1 m (30 s at the earliest)\n");
	assert_has(&buf, "(6.3 % of 65,530), +1.0/s\n");
}

static void refusal_in_words(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct refusal refusal = refusal_by_count();
	struct text_style style = style_of(0);

	(void)state;
	text_enomem(&buf, &style, &process, &refusal);
	refusal.reason = REASON_MEMLOCK;
	refusal.error = EAGAIN;
	refusal.locked_vm = 8388608;
	text_enomem(&buf, &style, &process, &refusal);
	refusal.reason = REASON_UNKNOWN;
	refusal.has_args = false;
	text_enomem(&buf, &style, &process, &refusal);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "ENOMEM  frames[1234]: mmap(64 KiB) refused by max_map_count: 65,531 maps (100 % of 65,530), "
			 "mmap is refused from 65,531 on\n");
	assert_has(
		&buf,
		"EAGAIN  frames[1234]: mmap(64 KiB) refused by memlock: locked memory 8 MiB, RLIMIT_MEMLOCK 8 MiB\n");
	assert_has(&buf, "mmap(?) refused, reason unknown: 65,531 maps");
}

static void endings_in_words(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct text_style style = style_of(0);
	const struct verdict leak = {.kind = FINDING_LEAK, .severity = SEVERITY_WARNING};
	const struct verdict growth = {.kind = FINDING_LEAK, .severity = SEVERITY_INFO};

	(void)state;
	text_cleared(&buf, &style, &process, &leak, 30 * SECOND, 20 * SECOND);
	text_cleared(&buf, &style, &process, &growth, 30 * SECOND, 20 * SECOND);
	text_exit(&buf, &style, 30 * SECOND, &process);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "LEAK cleared  frames[1234]: 4,119 maps, no longer so after 10 s\n");
	assert_has(&buf, "GROWTH cleared  frames[1234]: 4,119 maps, no longer so after 10 s\n");
	assert_has(&buf, "exit  frames[1234]: 4,119 maps at the end, 4,120 at most, 4,160 opened, 64 closed\n");
}

/* A process with more files than are shown, one with a long path of odd bytes. */
static void files_fill(struct process *process)
{
	for (unsigned int i = 0; i < 12; i++) {
		struct file_use use = file_frames();
		struct file_use *entry;

		use.id.inode += i;
		use.maps -= i;
		use.id.deleted = i == 1;
		memset(use.id.path, i == 2 ? '\x1b' : 'x', i < 3 ? 0 : FILE_PATH_LEN - 1);
		if (i == 2)
			memset(use.id.path, '\x1b', FILE_PATH_LEN - 1);
		entry = file_table_get(&process->files, &use.id);
		assert_non_null(entry);
		*entry = use;
	}
}

/* Beside a leak what a start has left is no more than a number. */
static void call_sites(void **state)
{
	struct site sites[] = {{.op = MT_OP_MMAP, .calls = 4160, .live = 4096, .delta = 4096, .growth = 4200},
			       {.op = MT_OP_MPROTECT, .calls = 41, .live = 41, .delta = 41, .growth = 4200},
			       {.op = MT_OP_MMAP, .calls = 40, .live = 40, .delta = 40, .growth = 4200},
			       {.op = MT_OP_BRK, .calls = 1, .live = 1, .delta = 1, .growth = 4200},
			       {.op = MT_OP_MMAP, .calls = 9, .unmapped = 9, .growth = 4200}};
	struct site_list list = {.sites = sites, .count = 5};
	_cleanup_buf_ struct buf buf = {0};
	struct text_style style = style_of(100);

	(void)state;
	text_sites(&buf, &style, &list);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "      4,160          0      4,096        0 B   mmap, call site not known\n");
	assert_has(&buf, "mprotect, call site not known\n");
	assert_lacks(&buf, "brk");
	assert_has(&buf, "  2 more with fewer maps\n");
}

static void verdict_block(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct finding finding = finding_leak();
	struct text_style style = style_of(100);

	(void)state;
	files_fill(&process);
	process.files.dropped = 5;
	fake_tallies(&process.account)->failed[MT_FAIL_ENOMEM] = 24;
	fake_tallies(&process.account)->failed[MT_FAIL_EINVAL] = 1;
	text_verdict(&buf, &style, 30 * SECOND, &process, LIMIT, &finding, 1);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "\nframes[1234]: 23 -> 4,119 maps (6.3 % of 65,530) in 20 s, 4,120 at most\n");
	assert_has(&buf, "  OPERATION             CALLS     FAILED       MAPS\n"
			 "  mmap                  4,160          0     +4,160\n"
			 "  munmap                   64          0        -64\n"
			 "  refused: ENOMEM 24, EINVAL 1\n");
	assert_has(&buf, "      4,160         64      4,096    260 MiB\n");
	assert_has(&buf, "(deleted)");
	assert_has(&buf, "  4 more with fewer maps\n");
	assert_has(&buf, "  5 operations on further files not booked: table full\n");
	assert_has(&buf, "LEAK warning  frames[1234]:");
	assert_lacks(&buf, "no leak seen");
	assert_lacks(&buf, "\033");
	file_table_free(&process.files);
}

/* No more is said than a look of that length can tell. */
static void verdict_without_finding(void **state)
{
	static const struct {
		uint64_t end_s;
		uint32_t limit;
		uint64_t closed;
		const char *says;
	} rows[] = {
		{40, LIMIT, 64, "too early to tell a leak from a warm-up in 28 s: 4,160 maps opened, 64 closed\n"},
		{13, LIMIT, 64, "too early to tell a leak from a warm-up in 1 s: 4,160 maps opened, 64 closed\n"},
		{13, LIMIT, 2080, "no leak seen in 1 s: 4,160 maps opened, 2,080 closed\n"},
		{13, 64 * LIMIT, 64, "no leak seen in 1 s: 4,160 maps opened, 64 closed\n"},
		{40, 4200, 64, "near the limit, but no leak seen in 28 s: 4,160 maps opened, 64 closed\n"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		_cleanup_buf_ struct buf buf = {0};
		struct process process = process_leaking();
		struct text_style style = style_of(0);

		process.key.start_ns = 12 * SECOND; /* later than we: its own life counts */
		process.account.closed = rows[i].closed;
		text_verdict(&buf, &style, rows[i].end_s * SECOND, &process, rows[i].limit, NULL, 0);
		buf_add_char(&buf, '\0');
		assert_has(&buf, rows[i].says);
		assert_lacks(&buf, "FILE");
	}
}

/* Without hooks for calls nobody knows who failed, but for what is certain without them. */
static void verdict_without_results(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct process process = process_leaking();
	struct text_style style = style_of(0);

	(void)state;
	style.no_results = true;
	text_verdict(&buf, &style, 13 * SECOND, &process, LIMIT, NULL, 0);
	buf_add_char(&buf, '\0');
	assert_has(&buf, "  mmap                  4,160          -     +4,160\n"
			 "  munmap                   64          -        -64\n");
}

/* All there is, at one width. */
static void print_all(struct buf *buf, const struct text_style *style)
{
	struct process process = process_leaking();
	struct finding finding = finding_leak();
	struct refusal refusal = refusal_by_count();
	struct op_event op = op_mmap();

	memcpy(process.comm, "\x1b\n\xff\xe6\x97\xa5\xc2\x9b\"\\\t\r\x7f\x01\x02", MT_COMM_LEN);
	files_fill(&process);
	finding.files[0] = process.files.uses[0];
	memset(finding.advice, '\x1b', ADVICE_LEN - 1);
	memset(op.file.path, '\xe6', FILE_PATH_LEN - 1);
	table_print(buf, style);
	text_op_header(buf, style);
	text_op(buf, style, &process, &op);
	text_finding(buf, style, &process, &finding);
	text_enomem(buf, style, &process, &refusal);
	text_cleared(buf, style, &process, &finding.verdict, 30 * SECOND, 20 * SECOND);
	text_exit(buf, style, 30 * SECOND, &process);
	text_verdict(buf, style, 30 * SECOND, &process, LIMIT, &finding, 1);
	file_table_free(&process.files);
}

static void nothing_is_wider_than_the_terminal(void **state)
{
	(void)state;
	for (unsigned int width = 1; width <= 220; width++) {
		_cleanup_buf_ struct buf buf = {0};
		struct text_style style = style_of(width);

		style.colour = width % 2;
		style.wall_clock = width % 3 == 0;
		print_all(&buf, &style);
		assert_false(buf.failed);
		strip_colours(&buf);
		if (widest_line(&buf) > width)
			fail_msg("wider than %u:\n%s", width, buf.data);
	}
}

static void no_raw_control_reaches_the_terminal(void **state)
{
	_cleanup_buf_ struct buf buf = {0};
	struct text_style style = style_of(0);

	(void)state;
	print_all(&buf, &style);
	for (size_t at = 0; at < buf.len;) {
		uint32_t rune;

		at += utf8_decode(buf.data + at, buf.len - at, &rune);
		assert_true(rune == '\n' || (rune >= 0x20 && (rune < 0x7f || rune > 0x9f)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_shows_what_matters),
		cmocka_unit_test(table_at_80_columns),
		cmocka_unit_test(table_without_rows),
		cmocka_unit_test(table_losses_and_stop),
		cmocka_unit_test(colours_only_when_asked),
		cmocka_unit_test(redraw_replaces),
		cmocka_unit_test(op_row),
		cmocka_unit_test(op_calls_in_short),
		cmocka_unit_test(op_time_of_day),
		cmocka_unit_test(finding_in_words),
		cmocka_unit_test(finding_at_its_bounds),
		cmocka_unit_test(refusal_in_words),
		cmocka_unit_test(endings_in_words),
		cmocka_unit_test(call_sites),
		cmocka_unit_test(verdict_block),
		cmocka_unit_test(verdict_without_finding),
		cmocka_unit_test(verdict_without_results),
		cmocka_unit_test(nothing_is_wider_than_the_terminal),
		cmocka_unit_test(no_raw_control_reaches_the_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
