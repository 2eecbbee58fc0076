/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/plan.c: from what a kernel offers to what gets attached. */
#include "fake.h"

#include <errno.h>

#include "plan.h"

/* Linux 6.18 has the witness without memcg path; 6.12 the other one. This one refuses fentry and has no kprobes. */
static struct features linux_6_18(void)
{
	static const enum feature missing[] = {
		FEATURE_WITNESS_MEMCG,	  FEATURE_FENTRY, FEATURE_CORE_FENTRY,	 FEATURE_COMMIT_FENTRY,
		FEATURE_EXIT_MMAP_FENTRY, FEATURE_KPROBE, FEATURE_COMMIT_KPROBE, FEATURE_EXIT_MMAP_KPROBE,
	};
	struct features features = {0};

	for (size_t i = 0; i < COUNT(missing); i++)
		features.error[missing[i]] = ENOENT;
	return features;
}

/* Debian's 5.10: no mmap_lock tracepoint, no exit_mmap, fentry on short functions alone. */
static struct features linux_5_10(void)
{
	static const enum feature missing[] = {
		FEATURE_WITNESS,     FEATURE_WITNESS_MEMCG, FEATURE_EXIT_MMAP,
		FEATURE_CORE_FENTRY, FEATURE_COMMIT_FENTRY, FEATURE_FIND_VMA,
	};
	struct features features = {0};

	for (size_t i = 0; i < COUNT(missing); i++)
		features.error[missing[i]] = ENOENT;
	return features;
}

static struct features linux_without(enum feature feature, int error)
{
	struct features features = linux_6_18();

	features.error[feature] = error;
	return features;
}

static const struct plan_want want_counts = {0};
static const struct plan_want want_operations = {.operations = true};

static void plan_of_a_new_kernel(void **state)
{
	struct features features = linux_6_18();
	struct plan plan;
	char text[PLAN_TEXT_LEN];

	(void)state;
	memset(&plan, 0xff, sizeof(plan));
	assert_int_equal(plan_make(&features, &want_operations, &plan), 0);
	assert_true(plan.witness && plan.calls == ROAD_TRACEPOINT && plan.exit_mmap == ROAD_TRACEPOINT);
	assert_true(plan.rename && plan.find_vma && plan.gap);
	assert_false(plan.witness_memcg || plan.core || plan.commit);
	assert_string_equal(plan.why_not, "");
	assert_string_equal(plan_text(&plan, text, sizeof(text)),
			    "witness syscalls gap life exit_mmap rename find_vma iter");
}

static void plan_of_an_older_kernel(void **state)
{
	struct features features = linux_without(FEATURE_WITNESS, EINVAL);
	struct plan plan;
	char text[PLAN_TEXT_LEN];

	(void)state;
	features.error[FEATURE_WITNESS_MEMCG] = 0;
	features.error[FEATURE_EXIT_MMAP] = ENOENT;
	features.error[FEATURE_RENAME] = ENOENT;
	features.error[FEATURE_FIND_VMA] = EINVAL;
	assert_int_equal(plan_make(&features, &want_operations, &plan), 0);
	features.error[FEATURE_GAP] = ENOENT;
	assert_int_equal(plan_make(&features, &want_operations, &plan), 0);
	assert_true(plan.witness_memcg && plan.calls == ROAD_TRACEPOINT);
	assert_false(plan.witness || plan.exit_mmap || plan.rename || plan.find_vma || plan.gap);
	assert_string_equal(plan_text(&plan, text, sizeof(text)), "witness_memcg syscalls life iter");
}

/* The calls' exits and a walk a second take the witness's place, for map counts alone too. */
static void plan_without_a_witness(void **state)
{
	struct features features = linux_5_10();
	struct plan plan;
	char text[PLAN_TEXT_LEN];

	(void)state;
	assert_int_equal(plan_make(&features, &want_operations, &plan), 0);
	assert_false(plan_has_witness(&plan));
	assert_string_equal(plan_text(&plan, text, sizeof(text)),
			    "fentry core_kprobe gap commit_kprobe life exit_mmap_fentry rename iter sweep");
	assert_int_equal(plan_make(&features, &want_counts, &plan), 0);
	assert_int_equal(plan.calls, ROAD_FENTRY);
	features.error[FEATURE_FENTRY] = features.error[FEATURE_EXIT_MMAP_FENTRY] = EPERM;
	assert_int_equal(plan_make(&features, &want_operations, &plan), 0);
	assert_string_equal(plan_text(&plan, text, sizeof(text)),
			    "syscalls core_kprobe gap commit_kprobe life exit_mmap_kprobe rename iter sweep");
	features.error[FEATURE_SYSCALLS] = ENOENT;
	assert_int_equal(plan_make(&features, &want_operations, &plan), 0);
	assert_int_equal(plan.calls, ROAD_KPROBE);
	features.error[FEATURE_KPROBE] = EPERM;
	assert_int_equal(plan_make(&features, &want_operations, &plan), -ENOTSUP);
}

/* fentry before tracepoints before kprobes; do_mmap by the best there is. */
static void roads_to_calls(void **state)
{
	static const struct {
		uint32_t hooks;
		bool witness;
		enum road calls, core;
	} rows[] = {
		{0, true, ROAD_FENTRY, ROAD_FENTRY},
		{HOOK_WITNESS, true, ROAD_NONE, ROAD_NONE},
		{HOOK_SYSCALLS, false, ROAD_TRACEPOINT, ROAD_NONE},
		{HOOK_FENTRY, false, ROAD_FENTRY, ROAD_FENTRY},
		{HOOK_KPROBE, false, ROAD_KPROBE, ROAD_KPROBE},
		{HOOK_WITNESS | HOOK_KPROBE, true, ROAD_KPROBE, ROAD_KPROBE},
		{HOOK_SYSCALLS | HOOK_KPROBE, false, ROAD_TRACEPOINT, ROAD_KPROBE},
		{HOOK_SYSCALLS | HOOK_FENTRY, false, ROAD_TRACEPOINT, ROAD_FENTRY},
		{HOOK_FENTRY | HOOK_KPROBE, false, ROAD_FENTRY, ROAD_FENTRY},
	};
	struct features features = {0};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct plan_want want = {.hooks = rows[i].hooks, .operations = true};
		struct plan plan;

		assert_int_equal(plan_make(&features, &want, &plan), 0);
		assert_int_equal(plan_has_witness(&plan), rows[i].witness);
		assert_int_equal(plan.calls, rows[i].calls);
		assert_int_equal(plan.core, rows[i].core);
		assert_int_equal(plan.commit != ROAD_NONE, rows[i].core != ROAD_NONE);
	}
}

/* What another feature does as well is not called missing. */
static void replaced_features(void **state)
{
	struct features features = linux_5_10();

	(void)state;
	assert_true(feature_is_replaced(&features, FEATURE_EXIT_MMAP));
	assert_true(feature_is_replaced(&features, FEATURE_CORE_FENTRY));
	assert_false(feature_is_replaced(&features, FEATURE_WITNESS));
	assert_false(feature_is_replaced(&features, FEATURE_KPROBE)); /* works */
	features = linux_6_18();
	assert_true(feature_is_replaced(&features, FEATURE_WITNESS_MEMCG));
	assert_true(feature_is_replaced(&features, FEATURE_EXIT_MMAP_KPROBE));
	assert_false(feature_is_replaced(&features, FEATURE_KPROBE));
	assert_false(feature_is_replaced(&features, FEATURE_COMMIT_FENTRY));
}

/* One argument shape or the other, never both: each change is witnessed once. */
static void never_two_witnesses(void **state)
{
	struct features features = {0};
	struct plan plan;

	(void)state;
	assert_int_equal(plan_make(&features, &want_counts, &plan), 0);
	assert_int_equal(plan.witness + plan.witness_memcg, 1);
}

/* Watch gear: map counts alone pay no syscall tax (KERNEL.md section 3). */
static void counts_alone_attach_no_syscalls(void **state)
{
	struct features features = linux_6_18();
	struct plan plan;
	char text[PLAN_TEXT_LEN];

	(void)state;
	assert_int_equal(plan_make(&features, &want_counts, &plan), 0);
	assert_true(plan.witness);
	assert_false(plan.calls || plan.core || plan.find_vma || plan.gap);
	assert_string_equal(plan_text(&plan, text, sizeof(text)), "witness life exit_mmap rename iter");
}

/* Every feature missing in turn: what has to be there, and what is done without. */
static void each_feature_missing(void **state)
{
	static const bool needed[FEATURES] = {
		[FEATURE_BTF] = true,
		[FEATURE_RINGBUF] = true,
		[FEATURE_LIFE] = true,
		[FEATURE_ITER] = true,
	};

	(void)state;
	for (enum feature feature = 0; feature < FEATURES; feature++) {
		struct features features = linux_without(feature, ENOENT);
		struct plan plan;

		memset(&plan, 0xff, sizeof(plan));
		assert_int_equal(plan_make(&features, &want_operations, &plan), needed[feature] ? -ENOTSUP : 0);
		if (needed[feature]) {
			assert_non_null(strstr(plan.why_not, feature_name(feature)));
			assert_non_null(strstr(plan.why_not, feature_advice(&features, feature)));
			assert_false(plan.witness || plan.witness_memcg || plan.calls);
		} else {
			assert_string_equal(plan.why_not, "");
			assert_int_equal(plan.witness, feature != FEATURE_WITNESS);
			assert_int_equal(plan.calls, feature == FEATURE_SYSCALLS ? ROAD_NONE : ROAD_TRACEPOINT);
			assert_int_equal(plan.exit_mmap, feature == FEATURE_EXIT_MMAP ? ROAD_NONE : ROAD_TRACEPOINT);
			assert_int_equal(plan.rename, feature != FEATURE_RENAME);
			assert_int_equal(plan.gap, feature != FEATURE_GAP && feature != FEATURE_SYSCALLS);
			assert_int_equal(plan.find_vma, feature != FEATURE_FIND_VMA && feature != FEATURE_SYSCALLS);
		}
	}
}

static void no_witness_of_either_shape(void **state)
{
	struct features features = linux_without(FEATURE_WITNESS, EPERM);
	struct plan plan;

	/* Nor anything that could take its place. */
	(void)state;
	features.error[FEATURE_SYSCALLS] = EPERM;
	assert_int_equal(plan_make(&features, &want_counts, &plan), -ENOTSUP);
	assert_non_null(strstr(plan.why_not, feature_name(FEATURE_WITNESS)));
}

/* Not permitted is not missing: the one needs a capability, the other a kernel, that may also refuse it to root. */
static void refusals_in_words(void **state)
{
	static const struct {
		enum feature feature;
		int life_error, error;
		uint32_t hooks;
		const char *says, *does_not_say;
	} rows[] = {
		{FEATURE_ITER, EPERM, EPERM, 0, "run as root", "is not to be had"},
		{FEATURE_ITER, EPERM, EACCES, 0, "not permitted", "is not to be had"},
		{FEATURE_RINGBUF, EPERM, EPERM, 0, "CAP_BPF", "is not to be had"},
		{FEATURE_ITER, 0, EINVAL, 0, "iter", "root"},
		{FEATURE_ITER, 0, ENOENT, 0, "iter", "root"},
		{FEATURE_FENTRY, 0, EPERM, HOOK_FENTRY, "the kernel refuses it", "root"},
		{FEATURE_KPROBE, 0, ENOENT, HOOK_KPROBE, "CONFIG_KPROBES", "root"},
		{FEATURE_SYSCALLS, 0, EACCES, HOOK_SYSCALLS, "CAP_DAC_READ_SEARCH", "CAP_BPF"},
		{FEATURE_SYSCALLS, 0, ENOENT, HOOK_SYSCALLS, "mount -t tracefs", "root"},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct features features = linux_without(rows[i].feature, rows[i].error);
		struct plan_want want = {.hooks = rows[i].hooks};
		struct plan plan;

		if (rows[i].life_error)
			features.error[FEATURE_LIFE] = rows[i].life_error;
		assert_int_equal(plan_make(&features, &want, &plan), -ENOTSUP);
		assert_non_null(strstr(plan.why_not, rows[i].says));
		assert_null(strstr(plan.why_not, rows[i].does_not_say));
		assert_true(strlen(plan.why_not) < sizeof(plan.why_not) - 1); /* not cut */
	}
}

static void stop_needs_signals(void **state)
{
	struct features features = linux_without(FEATURE_SEND_SIGNAL, EINVAL);
	struct plan_want want = {.stop = true};
	struct plan plan;

	(void)state;
	assert_int_equal(plan_make(&features, &want, &plan), -ENOTSUP);
	assert_non_null(strstr(plan.why_not, "send_signal"));
	want.stop = false;
	assert_int_equal(plan_make(&features, &want, &plan), 0);
}

/* --hooks forces one, so that every path can be tested on every kernel. */
static void forced_hooks(void **state)
{
	static const struct {
		uint32_t hooks;
		bool operations, witness, syscalls;
	} rows[] = {
		{0, false, true, false},
		{0, true, true, true},
		{HOOK_WITNESS, false, true, false},
		{HOOK_WITNESS, true, true, false},
		{HOOK_SYSCALLS, false, false, true},
		{HOOK_SYSCALLS, true, false, true},
		{HOOK_WITNESS | HOOK_SYSCALLS, false, true, true},
	};
	struct features features = linux_6_18();

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct plan_want want = {.hooks = rows[i].hooks, .operations = rows[i].operations};
		struct plan plan;

		assert_int_equal(plan_make(&features, &want, &plan), 0);
		assert_int_equal(plan.witness, rows[i].witness);
		assert_int_equal(plan.calls, rows[i].syscalls ? ROAD_TRACEPOINT : ROAD_NONE);
	}
}

/* Forced, it has to be there; nothing else steps in. */
static void forced_hooks_that_are_missing(void **state)
{
	struct features features = linux_without(FEATURE_SYSCALLS, ENOENT);
	struct plan_want want = {.hooks = HOOK_SYSCALLS};
	struct plan plan;

	(void)state;
	assert_int_equal(plan_make(&features, &want, &plan), -ENOTSUP);
	assert_non_null(strstr(plan.why_not, "tracefs"));
	want.hooks = HOOK_SYSCALLS | HOOK_WITNESS;
	assert_int_equal(plan_make(&features, &want, &plan), -ENOTSUP);
	want.hooks = HOOK_WITNESS;
	assert_int_equal(plan_make(&features, &want, &plan), 0);
	features = linux_without(FEATURE_WITNESS, ENOENT);
	assert_int_equal(plan_make(&features, &want, &plan), -ENOTSUP);
	want.hooks = HOOK_SYSCALLS;
	assert_int_equal(plan_make(&features, &want, &plan), 0);
}

static void hook_names(void **state)
{
	static const struct {
		const char *text;
		uint32_t hooks;
	} rows[] = {
		{"witness", HOOK_WITNESS},
		{"syscalls", HOOK_SYSCALLS},
		{"witness,syscalls", HOOK_WITNESS | HOOK_SYSCALLS},
		{"syscalls,witness,syscalls", HOOK_WITNESS | HOOK_SYSCALLS},
		{"kprobe", HOOK_KPROBE},
		{"witness,fentry", HOOK_WITNESS | HOOK_FENTRY},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *bad = NULL;
		uint32_t hooks = 0;

		assert_int_equal(hooks_parse(rows[i].text, &hooks, &bad), 0);
		assert_int_equal(hooks, rows[i].hooks);
	}
}

static void hook_names_refused(void **state)
{
	static const struct {
		const char *text;
		size_t bad;
	} rows[] = {
		{"", 0},
		{",", 0},
		{"witness,", 8},
		{",witness", 0},
		{"witness,,syscalls", 8},
		{"witnes", 0},
		{"witnesses", 0},
		{"Witness", 0},
		{" witness", 0},
		{"witness syscalls", 0},
		{"syscalls,kprobes", 9},
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		const char *bad = NULL;
		uint32_t hooks = 4711;

		assert_int_equal(hooks_parse(rows[i].text, &hooks, &bad), -EINVAL);
		assert_ptr_equal(bad, rows[i].text + rows[i].bad);
		assert_int_equal(hooks, 4711);
	}
}

/* doctor: each has a name of its own, a purpose, and advice that fits the refusal. */
static void features_in_words(void **state)
{
	(void)state;
	for (enum feature feature = 0; feature < FEATURES; feature++) {
		struct features features = {0};

		features.error[feature] = EINVAL;
		assert_true(strlen(feature_name(feature)) > 0);
		assert_true(strlen(feature_purpose(feature)) > 0);
		assert_true(strlen(feature_advice(&features, feature)) > 0);
		assert_null(strstr(feature_advice(&features, feature), "root"));
		features.error[FEATURE_LIFE] = features.error[feature] = EPERM;
		assert_non_null(strstr(feature_advice(&features, feature), "root"));
		for (enum feature other = 0; other < feature; other++)
			assert_string_not_equal(feature_name(other), feature_name(feature));
	}
}

static void text_is_cut_to_fit(void **state)
{
	struct features features = linux_6_18();
	struct plan plan;
	char text[17];

	(void)state;
	assert_int_equal(plan_make(&features, &want_operations, &plan), 0);
	text[16] = 'x';
	assert_string_equal(plan_text(&plan, text, 16), "witness syscall");
	assert_int_equal(text[16], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plan_of_a_new_kernel),
		cmocka_unit_test(plan_of_an_older_kernel),
		cmocka_unit_test(never_two_witnesses),
		cmocka_unit_test(counts_alone_attach_no_syscalls),
		cmocka_unit_test(each_feature_missing),
		cmocka_unit_test(no_witness_of_either_shape),
		cmocka_unit_test(refusals_in_words),
		cmocka_unit_test(stop_needs_signals),
		cmocka_unit_test(forced_hooks),
		cmocka_unit_test(forced_hooks_that_are_missing),
		cmocka_unit_test(hook_names),
		cmocka_unit_test(hook_names_refused),
		cmocka_unit_test(plan_without_a_witness),
		cmocka_unit_test(roads_to_calls),
		cmocka_unit_test(replaced_features),
		cmocka_unit_test(features_in_words),
		cmocka_unit_test(text_is_cut_to_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
