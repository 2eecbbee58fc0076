/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/model.c: who is who, and what is kept of their past. */
#include "fake.h"

#include <errno.h>

#include "fake_tally.h"
#include "model.h"

#define NOW (500 * SECOND)

static struct model model_make(void)
{
	struct model model = {0};

	thresholds_default(&model.thresholds, LIMIT);
	return model;
}

static struct process *update(struct model *model, const struct mt_process *account, uint64_t ts_ns)
{
	struct process *process = model_update(model, account, ts_ns);

	assert_non_null(process);
	return process;
}

static const struct trail *trail_of(const struct process *process)
{
	static struct trail trail;

	trail_unpack(process->trail, &trail);
	return &trail;
}

static const struct history *history_of(const struct process *process)
{
	return &trail_of(process)->history;
}

/* There is nothing to say of the process, of no kind. */
static void assert_quiet(struct model *model, struct process *process, uint64_t now_ns)
{
	struct judgement judgements[FINDING_KINDS];

	model_judge(model, process, now_ns, judgements);
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++)
		assert_int_equal(judgements[kind].change, CHANGE_NONE);
}

static void mmaps(struct mt_process *account, int32_t count, uint64_t ts_ns)
{
	fake_change(account, MT_OP_MMAP, (uint32_t)count, count, ts_ns);
}

static void opens_and_finds(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 23);
	struct process *process;

	(void)state;
	assert_null(model_find(&model, 1000, account.start_ns));
	process = update(&model, &account, NOW);
	assert_ptr_equal(model_find(&model, 1000, account.start_ns), process);
	assert_int_equal(process->key.pid, 1000);
	assert_int_equal(process->key.start_ns, account.start_ns);
	assert_int_equal(process->seen_ns, NOW);
	assert_int_equal(process->account.map_count, 23);
	assert_string_equal(process->comm, "fake");
	assert_true(isinf(process->forecast.eta_s));
	assert_ptr_equal(update(&model, &account, NOW + SECOND), process);
	assert_int_equal(process->seen_ns, NOW);
	assert_int_equal(HASH_COUNT(model.processes), 1);
	model_free(&model);
	assert_null(model.processes);
}

/* The pid is the same, its start is not: another process. */
static void pid_reuse(void **state)
{
	struct model model = model_make();
	struct mt_process first = fake_account(1000, 23), second = fake_account(1000, 300);
	struct process *old, *new;

	(void)state;
	second.start_ns = first.start_ns + 1;
	mmaps(&first, 5000, NOW);
	old = update(&model, &first, NOW);
	new = update(&model, &second, NOW + SECOND);
	assert_ptr_not_equal(old, new);
	assert_int_equal(old->account.map_count, 5023);
	assert_int_equal(new->account.map_count, 300);
	assert_null(new->trail);
	assert_ptr_equal(model_find(&model, 1000, first.start_ns), old);
	assert_ptr_equal(model_find(&model, 1000, second.start_ns), new);
	model_remove(&model, old);
	assert_null(model_find(&model, 1000, first.start_ns));
	assert_ptr_equal(model_find(&model, 1000, second.start_ns), new);
	model_free(&model);
}

static void same_start_other_pid(void **state)
{
	struct model model = model_make();
	struct mt_process one = fake_account(1000, 23), two = fake_account(1001, 24);

	(void)state;
	assert_ptr_not_equal(update(&model, &one, NOW), update(&model, &two, NOW));
	model_free(&model);
}

/* All 16 bytes used, none of them NUL (the kernel always ends it, a damaged record may not). */
static void comm_without_end(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 23);

	(void)state;
	memset(account.comm, 'c', sizeof(account.comm));
	assert_string_equal(update(&model, &account, NOW)->comm, "cccccccccccccccc");
	memcpy(account.comm, "new", 4); /* renamed */
	assert_string_equal(update(&model, &account, NOW + 1)->comm, "new");
	model_free(&model);
}

/* 10 000 idle processes cost no history each. */
static void unchanged_keeps_no_past(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 60000);

	(void)state;
	for (unsigned int i = 0; i < 100; i++)
		assert_null(update(&model, &account, NOW + i * SECOND)->trail);
	model_free(&model);
}

/* It was so at the last tick, and has changed since: the past begins there. */
static void first_change_of_a_known_process(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 23);
	struct process *process;

	(void)state;
	update(&model, &account, NOW);
	model.last_tick_ns = NOW;
	mmaps(&account, 100, NOW + SECOND - 1);
	process = update(&model, &account, NOW + SECOND);
	assert_non_null(process->trail);
	assert_int_equal(history_of(process)->first_ns, NOW);
	assert_int_equal(history_of(process)->first_count, 23);
	assert_int_equal(history_of(process)->last.ts_ns, NOW + SECOND);
	assert_int_equal(history_of(process)->last.map_count, 123);
	model_free(&model);
}

/* Born and grown between two ticks: it began from its baseline at its first change. */
static void first_change_of_a_new_process(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 23);
	struct process *process;

	(void)state;
	model.last_tick_ns = NOW;
	mmaps(&account, 100, NOW + SECOND / 2);
	process = update(&model, &account, NOW + SECOND);
	assert_int_equal(history_of(process)->first_ns, NOW + SECOND / 2);
	assert_int_equal(history_of(process)->first_count, 23);
	assert_int_equal(history_of(process)->last.map_count, 123);
	assert_int_equal(history_of(process)->last.opened, 100);
	assert_int_equal(history_of(process)->last.mapping, 100);
	model_free(&model);
}

/* A tick of a model whose owner reads an account only if it may have changed. */
static void tick(struct model *model, const struct mt_process *account, bool read, uint64_t now_ns,
		 struct judgement *ret_judgements)
{
	struct process *process, *next;

	memset(ret_judgements, 0, FINDING_KINDS * sizeof(*ret_judgements));
	if (read)
		update(model, account, now_ns);
	model->last_tick_ns = now_ns;
	LIVELY_EACH(model, process, next)
	{
		model_hold(model, process);
		model_judge(model, process, now_ns, ret_judgements);
	}
}

/* Their samples may lie a nanosecond apart. */
static void assert_eta(double eta_s, double expected_s)
{
	if (isinf(expected_s))
		assert_true(isinf(eta_s));
	else
		assert_true(fabs(eta_s - expected_s) <= 1e-6 * expected_s);
}

/* Whoever does not change need not be read: what is said of it is the same. */
static void read_when_changed_or_always(void **state)
{
	unsigned int raised = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct model always = model_make(), changed = model_make();
		struct mt_process account = fake_account(1000, 23);
		struct judgement one[FINDING_KINDS], other[FINDING_KINDS];
		uint64_t random = seed, last_change_s = 0;
		uint32_t pace = 1 + fake_below(&random, 12), step = 1 + fake_below(&random, 400);

		changed.tick_ns = SECOND;
		for (uint64_t now_s = 1; now_s < 1500 && account.map_count < LIMIT - 500; now_s++) {
			bool rests = now_s > 400 && now_s < 400 + 30 * pace;

			if (!rests && !fake_below(&random, pace)) {
				mmaps(&account, (int32_t)(1 + fake_below(&random, step)), NOW + now_s * SECOND - 1);
				last_change_s = now_s;
			}
			tick(&always, &account, true, NOW + now_s * SECOND, one);
			tick(&changed, &account, now_s == 1 || (last_change_s && now_s < last_change_s + 3),
			     NOW + now_s * SECOND, other);
			for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
				assert_int_equal(one[kind].change, other[kind].change);
				assert_eta(other[kind].verdict.forecast.eta_s, one[kind].verdict.forecast.eta_s);
				raised += one[kind].change == CHANGE_RAISED;
			}
			assert_int_equal(always.processes->state, changed.processes->state);
		}
		model_free(&always);
		model_free(&changed);
	}
	assert_true(raised > 10);
}

/* At rest a process is not looked at, and comes back by its next change. */
static void lively_while_it_changes(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 23), idle = fake_account(1001, 23);
	struct judgement judgements[FINDING_KINDS];
	struct process *process;

	(void)state;
	model.tick_ns = SECOND;
	update(&model, &idle, NOW);
	process = update(&model, &account, NOW);
	assert_null(model.lively);
	for (unsigned int round = 0; round < 3; round++) {
		uint64_t now_ns = NOW + (1 + round * 1000) * SECOND;

		mmaps(&account, 1, now_ns);
		update(&model, &account, now_ns);
		assert_ptr_equal(model.lively, process);
		assert_null(process->lively_next);
		model_judge(&model, process, now_ns, judgements);
		assert_null(model.lively);
	}
	mmaps(&account, 1, NOW + 5000 * SECOND);
	update(&model, &account, NOW + 5000 * SECOND);
	model_calm(&model, process); /* nobody wants to know */
	model_calm(&model, process);
	assert_null(model.lively);
	update(&model, &account, NOW + 5001 * SECOND);
	assert_ptr_equal(model.lively, process);
	model_remove(&model, process);
	assert_null(model.lively);
	model_free(&model);
}

/* An alarm in the middle of a tick's span: the flat part before it is known too. */
static void flat_until_the_last_tick(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 23);
	struct process *process;
	struct stretch stretches[HISTORY_STRETCHES];
	unsigned int count;

	(void)state;
	mmaps(&account, 10, NOW);
	update(&model, &account, NOW);
	model.last_tick_ns = NOW + 100 * SECOND; /* the kernel listed no change until then */
	mmaps(&account, 8192, NOW + 100 * SECOND + 5);
	process = update(&model, &account, NOW + 100 * SECOND + SECOND / 2);
	count = history_read(history_of(process), stretches);
	assert_in_range(count, 2, 3);
	assert_int_equal(history_of(process)->last.map_count, 8225);
	assert_int_equal(stretches[count - 1].before, 33);
	assert_true(fabs(stretches[count - 1].begin_s - 0.5) < 0.01);
	assert_int_equal(stretches[count - 2].high, 33);
	model_free(&model);
}

/* Two rings, read one after the other: what was written first may be read last. */
static void older_account_is_ignored(void **state)
{
	struct model model = model_make();
	struct mt_process older = fake_account(1000, 23), newer;
	struct process *process;

	(void)state;
	mmaps(&older, 10, NOW);
	newer = older;
	mmaps(&newer, 10, NOW + SECOND);
	process = update(&model, &newer, NOW + SECOND);
	assert_ptr_equal(update(&model, &older, NOW), process);
	assert_int_equal(process->account.map_count, 43);
	assert_int_equal(history_of(process)->last.map_count, 43);
	/* same age: the same account read twice */
	update(&model, &newer, NOW + 2 * SECOND);
	assert_int_equal(process->account.map_count, 43);
	model_free(&model);
}

/* An alarm from before an exec that is read after it: the old image does not come back. */
static void older_account_of_the_image_before(void **state)
{
	struct model model = model_make();
	struct mt_process before = fake_account(1000, 23), after;
	struct process *process;

	(void)state;
	mmaps(&before, 40000, NOW);
	after = before;
	fake_change(&after, MT_OP_EXECVE, 1, -40000, NOW + SECOND);
	after.execs = 1;
	process = update(&model, &after, NOW + SECOND);
	update(&model, &before, NOW);
	assert_int_equal(process->account.map_count, 23);
	assert_int_equal(process->account.execs, 1);
	assert_int_equal(history_of(process)->last.map_count, 23);
	model_free(&model);
}

/* What the old image did says nothing about the new one. */
static void exec_restarts_the_past(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 23);
	struct process *process;

	(void)state;
	for (unsigned int i = 1; i <= 60; i++) {
		mmaps(&account, 200, NOW + i * SECOND);
		update(&model, &account, NOW + i * SECOND);
		model.last_tick_ns = NOW + i * SECOND;
	}
	fake_change(&account, MT_OP_EXECVE, 1, -11000, NOW + 61 * SECOND);
	account.execs = 1;
	process = update(&model, &account, NOW + 61 * SECOND);
	assert_ptr_equal(model_find(&model, 1000, account.start_ns), process);
	assert_int_equal(history_of(process)->first_ns, NOW + 61 * SECOND);
	assert_int_equal(history_of(process)->first_count, 1023);
	assert_int_equal(trail_of(process)->climb.base.map_count, 1023);
	model_free(&model);
}

/*
 * Pages that had been unmapped one by one are mapped back in any order: the count
 * climbs by mapping, and falls again as neighbours merge, the space being full.
 * stress-ng --mmap does so within a second.
 */
static void refilled_space_is_no_leak(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 171);
	struct process *process;

	(void)state;
	account.peak_vm_pages = 70000;
	account.total_vm_pages = 5000;
	mmaps(&account, 1, NOW);
	update(&model, &account, NOW);
	model.last_tick_ns = NOW;
	account.total_vm_pages = 30000;
	mmaps(&account, 16000, NOW + SECOND / 10);
	update(&model, &account, NOW + SECOND / 10);
	account.total_vm_pages = 69000;
	mmaps(&account, 10000, NOW + SECOND / 5);
	process = update(&model, &account, NOW + SECOND / 5);
	model.last_tick_ns = NOW + SECOND / 5 + 1; /* a tick, and nothing new since */
	model_hold(&model, process);
	assert_quiet(&model, process, model.last_tick_ns);
	account.total_vm_pages = 70000;
	fake_change(&account, MT_OP_MMAP, 2000, -2000, NOW + SECOND / 4);
	process = update(&model, &account, NOW + SECOND / 4);
	assert_quiet(&model, process, NOW + SECOND / 4);
	model_free(&model);
}

/* exec of a program with far more maps than the last: no growth of its own. */
static void exec_into_more_maps(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 20);
	struct process *process;

	(void)state;
	mmaps(&account, 1, NOW);
	update(&model, &account, NOW);
	model.last_tick_ns = NOW;
	fake_change(&account, MT_OP_EXECVE, 1, 50000, NOW + SECOND);
	account.execs = 1;
	process = update(&model, &account, NOW + SECOND);
	assert_quiet(&model, process, NOW + SECOND);
	model_free(&model);
}

static void remove_forgets_its_findings(void **state)
{
	struct model model = model_make();
	struct mt_process account = fake_account(1000, 23), other = fake_account(1001, 23);
	struct judgement judgements[FINDING_KINDS];
	struct process *process;

	(void)state;
	update(&model, &other, NOW);
	process = update(&model, &account, NOW);
	process->last_fail_ns = NOW;
	model_judge(&model, process, NOW, judgements);
	assert_int_equal(model.open_findings, 1);
	model_remove(&model, process);
	assert_int_equal(model.open_findings, 0);
	assert_int_equal(HASH_COUNT(model.processes), 1);
	model_free(&model);
	assert_int_equal(model.open_findings, 0);
	model_free(&model); /* twice does no harm */
}

static void many_processes(void **state)
{
	struct model model = model_make();

	(void)state;
	for (uint32_t pid = 1; pid <= 5000; pid++) {
		struct mt_process account = fake_account(pid, pid);

		mmaps(&account, 1, NOW);
		update(&model, &account, NOW);
	}
	assert_int_equal(HASH_COUNT(model.processes), 5000);
	for (uint32_t pid = 1; pid <= 5000; pid += 499)
		assert_int_equal(model_find(&model, pid, 60 * SECOND)->account.map_count, pid + 1);
	assert_int_equal(model.dropped, 0);
	model_free(&model);
}

static void ratio_and_calls(void **state)
{
	struct process process = {.account = {.map_count = 6553}};

	(void)state;
	assert_near(process_ratio(&process, 65530), 0.1);
	assert_near(process_ratio(&process, 0), 0);
	fake_tally(&process.account, MT_OP_MMAP, (struct mt_tally){.calls = 10, .failed = 3});
	fake_tally(&process.account, MT_OP_MUNMAP, (struct mt_tally){.calls = 9, .failed = 1});
	assert_int_equal(process_net_calls(&process), -1);
	assert_int_equal(process_failed_calls(&process), 4);
}

/* ---- operations on files ---- */

static struct op_event op_of(uint32_t op, int32_t delta, uint64_t inode)
{
	struct op_event event = {
		.op = op,
		.delta = delta,
		.has_args = true,
		.has_result = true,
		.has_file = inode != 0,
		.args = {.has_len = true, .len = 65536, .has_fd = inode != 0},
		.file = {.inode = inode, .kind = FILE_SHM, .path = "frames"},
	};

	return event;
}

static void book(struct process *process, struct op_event event)
{
	model_operation(process, &event);
}

static struct file_use top_file(const struct process *process)
{
	struct file_use use;

	assert_int_equal(file_table_top(&process->files, &use, 1), 1);
	return use;
}

/* The story: mapped again and again, unmapped once in a while. */
static void files_are_booked(void **state)
{
	struct process process = {0};
	struct file_use use;

	(void)state;
	for (unsigned int i = 0; i < 64; i++)
		book(&process, op_of(MT_OP_MMAP, 1, 42));
	book(&process, op_of(MT_OP_MUNMAP, -1, 42));
	book(&process, op_of(MT_OP_MPROTECT, 2, 42)); /* a split, no call that maps */
	use = top_file(&process);
	assert_int_equal(use.calls, 64);
	assert_int_equal(use.unmapped, 1);
	assert_int_equal(use.maps, 65);
	assert_int_equal(use.bytes, 64 * 65536);
	assert_string_equal(use.id.path, "frames");
	file_table_free(&process.files);
}

/* Each piece of shared memory is a file to the kernel; all that is mapped as such, and unmapped, is booked as one. */
static void shared_memory_is_balanced(void **state)
{
	static const struct {
		uint64_t flags;
		enum file_kind kind;
	} rows[] = {{0x21, FILE_ANON_SHM}, {0x40021, FILE_ANON_HUGETLB}, {0x40022, FILE_ANON_HUGETLB}};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct process process = {0};
		struct file_use use;

		for (uint64_t inode = 1; inode <= 64; inode++) {
			struct op_event mapping = op_of(MT_OP_MMAP, 1, 0), unmapping = op_of(MT_OP_MUNMAP, -1, inode);

			mapping.args.has_flags = true;
			mapping.args.flags = rows[i].flags;
			unmapping.file.kind = rows[i].kind;
			book(&process, mapping);
			book(&process, unmapping);
		}
		use = top_file(&process);
		assert_int_equal(process.files.used, 1);
		assert_string_equal(use.id.path, file_anonymous(rows[i].kind)->path);
		assert_int_equal(use.calls, 64);
		assert_int_equal(use.unmapped, 64);
		assert_int_equal(use.maps, 0);
		file_table_free(&process.files);
	}
}

/* Attached and detached count as mapped and unmapped. */
static void segments_are_booked(void **state)
{
	struct process process = {0};
	struct file_use use;

	(void)state;
	for (unsigned int i = 0; i < 10; i++)
		book(&process, op_of(MT_OP_SHMAT, 1, 3));
	book(&process, op_of(MT_OP_SHMDT, -1, 3));
	use = top_file(&process);
	assert_int_equal(use.calls, 10);
	assert_int_equal(use.unmapped, 1);
	assert_int_equal(use.maps, 9);
	file_table_free(&process.files);
}

/* What the old image had mapped is gone. */
static void exec_leaves_no_files(void **state)
{
	struct process process = {0};

	(void)state;
	book(&process, op_of(MT_OP_MMAP, 1, 3));
	book(&process, op_of(MT_OP_EXECVE, -20, 4));
	assert_int_equal(process.files.used, 0);
	book(&process, op_of(MT_OP_MMAP, 1, 5));
	assert_int_equal(top_file(&process).id.inode, 5);
	file_table_free(&process.files);
}

static void failed_exec_keeps_files(void **state)
{
	struct process process = {0};
	struct op_event exec = op_of(MT_OP_EXECVE, 0, 4);

	(void)state;
	exec.error = ENOENT;
	book(&process, op_of(MT_OP_MMAP, 1, 3));
	book(&process, exec);
	assert_int_equal(top_file(&process).id.inode, 3);
	file_table_free(&process.files);
}

static void anonymous_memory_is_a_file_of_its_own(void **state)
{
	struct process process = {0};
	struct file_use use;

	(void)state;
	book(&process, op_of(MT_OP_MMAP, 1, 0));
	book(&process, op_of(MT_OP_MMAP, 0, 0)); /* merged */
	use = top_file(&process);
	assert_int_equal(use.id.kind, FILE_ANON);
	assert_string_equal(use.id.path, "[anon]");
	assert_int_equal(use.calls, 2);
	assert_int_equal(use.maps, 1);
	file_table_free(&process.files);
}

static void what_is_no_use_of_a_file(void **state)
{
	struct process process = {0};
	struct op_event failed = op_of(MT_OP_MMAP, 0, 42), file_unknown = op_of(MT_OP_MMAP, 1, 0);

	(void)state;
	failed.error = ENOMEM;
	book(&process, failed);
	file_unknown.args.has_fd = true; /* of a file that could not be identified */
	book(&process, file_unknown);
	book(&process, op_of(MT_OP_MUNMAP, -1, 0));
	book(&process, op_of(MT_OP_EXECVE, 30, 42));
	book(&process, op_of(MT_OP_EXECVEAT, 30, 42));
	assert_int_equal(process.files.used, 0);
	file_table_free(&process.files);
}

/* The full path, once found, replaces the last component. */
static void full_path_replaces_the_name(void **state)
{
	struct process process = {0};
	struct op_event event = op_of(MT_OP_MMAP, 1, 42);

	(void)state;
	book(&process, event);
	memcpy(event.file.path, "/dev/shm/frames", 16);
	event.file.path_is_full = true;
	book(&process, event);
	assert_string_equal(top_file(&process).id.path, "/dev/shm/frames");
	book(&process, op_of(MT_OP_MMAP, 1, 42)); /* the name alone does not undo it */
	assert_string_equal(top_file(&process).id.path, "/dev/shm/frames");
	assert_int_equal(top_file(&process).calls, 3);
	file_table_free(&process.files);
}

static void files_overflow(struct process *process, unsigned int excess)
{
	for (unsigned int i = 0; i < FILE_TABLE_MAX + excess; i++) {
		struct file_id id = {.kind = FILE_REGULAR, .inode = 1 + i, .path = "f"};
		struct file_use *use = file_table_get(&process->files, &id);

		if (use)
			use->maps = 1;
	}
	assert_int_equal(process->files.dropped, excess);
}

/* Nothing is dropped silently, also not by processes that have gone since, or whose files were read anew. */
static void dropped_files_outlive_their_process(void **state)
{
	struct model model = model_make();
	struct mt_process one = fake_account(1000, 23), two = fake_account(1001, 23);

	(void)state;
	files_overflow(update(&model, &two, NOW), 5);
	files_overflow(update(&model, &one, NOW), 7);
	assert_int_equal(model.files_dropped, 12);
	file_table_free(&model_find(&model, 1001, two.start_ns)->files);
	files_overflow(model_find(&model, 1001, two.start_ns), 1);
	assert_int_equal(model.files_dropped, 13);
	model_remove(&model, model_find(&model, 1000, one.start_ns));
	model_free(&model);
	assert_int_equal(model.files_dropped, 13);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_and_finds),
		cmocka_unit_test(pid_reuse),
		cmocka_unit_test(same_start_other_pid),
		cmocka_unit_test(comm_without_end),
		cmocka_unit_test(unchanged_keeps_no_past),
		cmocka_unit_test(first_change_of_a_known_process),
		cmocka_unit_test(first_change_of_a_new_process),
		cmocka_unit_test(flat_until_the_last_tick),
		cmocka_unit_test(read_when_changed_or_always),
		cmocka_unit_test(lively_while_it_changes),
		cmocka_unit_test(older_account_is_ignored),
		cmocka_unit_test(older_account_of_the_image_before),
		cmocka_unit_test(exec_restarts_the_past),
		cmocka_unit_test(exec_into_more_maps),
		cmocka_unit_test(remove_forgets_its_findings),
		cmocka_unit_test(many_processes),
		cmocka_unit_test(ratio_and_calls),
		cmocka_unit_test(files_are_booked),
		cmocka_unit_test(refilled_space_is_no_leak),
		cmocka_unit_test(shared_memory_is_balanced),
		cmocka_unit_test(segments_are_booked),
		cmocka_unit_test(exec_leaves_no_files),
		cmocka_unit_test(failed_exec_keeps_files),
		cmocka_unit_test(anonymous_memory_is_a_file_of_its_own),
		cmocka_unit_test(what_is_no_use_of_a_file),
		cmocka_unit_test(full_path_replaces_the_name),
		cmocka_unit_test(dropped_files_outlive_their_process),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
