/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/judge.c: findings raised once, updated when it matters, cleared with a word. */
#include "fake.h"

#include "model.h"

#define NOW (500 * SECOND)

struct fixture {
	struct model model;
	struct process process;
	struct trail trail;
	struct open_finding open[FINDING_KINDS];
	struct judgement judgements[FINDING_KINDS];
};

static struct fixture fixture_make(void)
{
	struct fixture fixture = {0};

	thresholds_default(&fixture.model.thresholds, LIMIT);
	fixture.process.account.map_count = 30;
	fixture.process.forecast.eta_s = INFINITY;
	return fixture;
}

static enum change judge(struct fixture *fixture, enum finding_kind kind, uint64_t now_ns)
{
	memset(fixture->judgements, 0xff, sizeof(fixture->judgements));
	fixture->process.open = fixture->open;
	model_judge_by(&fixture->model, &fixture->process, &fixture->trail, now_ns, fixture->judgements);
	for (unsigned int i = 0; i < FINDING_KINDS; i++)
		assert_int_equal(fixture->judgements[i].verdict.kind, i);
	return fixture->judgements[kind].change;
}

/* A climb whose forecast is eta_s, of which the detector always says critical. */
static void climb_set(struct fixture *fixture, double eta_s)
{
	struct climb *climb = &fixture->trail.climb;

	memset(climb, 0, sizeof(*climb));
	climb->base.ts_ns = NOW;
	climb->last.ts_ns = NOW + (uint64_t)(eta_s * 1e9);
	climb->last.map_count = (LIMIT + 1) / 2 + 1;
	climb->last.opened = climb->last.map_count;
	climb->last.mapping = climb->last.map_count;
	climb->last.at_peak = 1;
}

static void quiet_process(void **state)
{
	struct fixture fixture = fixture_make();

	(void)state;
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++) {
		assert_int_equal(judge(&fixture, kind, NOW), CHANGE_NONE);
		assert_int_equal(fixture.judgements[kind].verdict.severity, SEVERITY_NONE);
	}
	assert_int_equal(fixture.model.open_findings, 0);
	assert_int_equal(fixture.process.state, PROCESS_STEADY);
}

static void raised_once(void **state)
{
	struct fixture fixture = fixture_make();

	(void)state;
	fixture.process.last_fail_ns = NOW;
	assert_int_equal(judge(&fixture, FINDING_ENOMEM, NOW), CHANGE_RAISED);
	assert_int_equal(fixture.judgements[FINDING_ENOMEM].verdict.severity, SEVERITY_CRITICAL);
	assert_int_equal(fixture.judgements[FINDING_ENOMEM].raised_ns, NOW);
	assert_int_equal(fixture.model.open_findings, 1);
	assert_int_equal(fixture.process.state, PROCESS_FAILING);
	for (unsigned int i = 1; i < 60; i++)
		assert_int_equal(judge(&fixture, FINDING_ENOMEM, NOW + i * SECOND), CHANGE_NONE);
	assert_int_equal(fixture.model.open_findings, 1);
}

/* Its detector remembers a minute; nothing is held beyond that. */
static void enomem_is_cleared_after_a_minute(void **state)
{
	struct fixture fixture = fixture_make();

	(void)state;
	fixture.process.last_fail_ns = NOW;
	judge(&fixture, FINDING_ENOMEM, NOW);
	assert_int_equal(judge(&fixture, FINDING_ENOMEM, NOW + 60 * SECOND - 1), CHANGE_NONE);
	assert_int_equal(judge(&fixture, FINDING_ENOMEM, NOW + 60 * SECOND), CHANGE_CLEARED);
	assert_int_equal(fixture.judgements[FINDING_ENOMEM].raised_ns, NOW);
	assert_int_equal(fixture.model.open_findings, 0);
	assert_int_equal(fixture.process.state, PROCESS_STEADY);
	assert_int_equal(judge(&fixture, FINDING_ENOMEM, NOW + 61 * SECOND), CHANGE_NONE);
	fixture.process.last_fail_ns = NOW + 90 * SECOND; /* and again: a new finding */
	assert_int_equal(judge(&fixture, FINDING_ENOMEM, NOW + 90 * SECOND), CHANGE_RAISED);
	assert_int_equal(fixture.judgements[FINDING_ENOMEM].raised_ns, NOW + 90 * SECOND);
}

static void cleared_only_after_the_hold(void **state)
{
	struct fixture fixture = fixture_make();

	(void)state;
	climb_set(&fixture, 8);
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW), CHANGE_RAISED);
	assert_int_equal(fixture.process.state, PROCESS_EXHAUSTING);
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + 5 * SECOND), CHANGE_NONE);
	memset(&fixture.trail.climb, 0, sizeof(fixture.trail.climb));
	/* counted from the last time the detector said so */
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + 15 * SECOND - 1), CHANGE_NONE);
	assert_int_equal(fixture.process.state, PROCESS_EXHAUSTING);
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + 15 * SECOND), CHANGE_CLEARED);
	assert_int_equal(fixture.process.state, PROCESS_STEADY);
}

/* It comes and goes within the hold: one finding, not many. */
static void flapping_is_one_finding(void **state)
{
	struct fixture fixture = fixture_make();
	unsigned int raised = 0, cleared = 0;

	(void)state;
	for (unsigned int i = 0; i < 100; i++) {
		enum change change;

		if (i % 9 == 0)
			climb_set(&fixture, 8);
		else
			memset(&fixture.trail.climb, 0, sizeof(fixture.trail.climb));
		change = judge(&fixture, FINDING_EXHAUSTION, NOW + i * SECOND);
		raised += change == CHANGE_RAISED;
		cleared += change == CHANGE_CLEARED;
	}
	assert_int_equal(raised, 1);
	assert_int_equal(cleared, 0);
}

/* Twice as near, and not just said. */
static void updated_when_twice_as_near(void **state)
{
	struct fixture fixture = fixture_make();
	const double told_s = 8, half_s = told_s / 2;

	(void)state;
	climb_set(&fixture, told_s);
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW), CHANGE_RAISED);
	climb_set(&fixture, half_s + 0.01);
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + 5 * SECOND), CHANGE_NONE);
	climb_set(&fixture, half_s - 0.01);
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + SECOND), CHANGE_NONE);
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + SECOND + 1), CHANGE_UPDATED);
	assert_int_equal(fixture.judgements[FINDING_EXHAUSTION].raised_ns, NOW);
	/* measured against what was told last */
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + 9 * SECOND), CHANGE_NONE);
	climb_set(&fixture, 1.5);
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + 10 * SECOND), CHANGE_UPDATED);
	assert_int_equal(fixture.model.open_findings, 1);
}

/* A process that grows 100 maps a second, ticked once a second. */
static void tick(struct fixture *fixture, unsigned int second, uint32_t map_count)
{
	struct sample sample = {.ts_ns = NOW + second * SECOND, .map_count = map_count};

	sample.opened = map_count;
	sample.mapping = map_count;
	sample.at_peak = 1;
	fixture->process.account.map_count = map_count;
	history_add(&fixture->trail.history, &sample);
	memset(&fixture->trail.climb, 0, sizeof(fixture->trail.climb));
}

/* From a warning to critical as the limit comes near; never back to a warning while it is open. */
static void updated_when_more_severe(void **state)
{
	struct fixture fixture = fixture_make();
	enum severity severity = SEVERITY_NONE;
	unsigned int second, updates = 0;

	(void)state;
	fixture.model.thresholds.critical_s = 40; /* it is raised at some 70 s to go; twice as near comes later */
	for (second = 0; second < 200 && severity != SEVERITY_CRITICAL; second++) {
		enum change change;

		tick(&fixture, second, 30 + second * 500);
		change = judge(&fixture, FINDING_EXHAUSTION, NOW + second * SECOND);
		if (change == CHANGE_RAISED)
			assert_int_equal(fixture.judgements[FINDING_EXHAUSTION].verdict.severity, SEVERITY_WARNING);
		updates += change == CHANGE_UPDATED;
		if (change != CHANGE_NONE)
			severity = fixture.judgements[FINDING_EXHAUSTION].verdict.severity;
	}
	assert_int_equal(updates, 1);
	assert_int_equal(fixture.open[FINDING_EXHAUSTION].severity, SEVERITY_CRITICAL);
	fixture.model.thresholds.critical_s = 1; /* less than before is no news */
	assert_int_equal(judge(&fixture, FINDING_EXHAUSTION, NOW + second * SECOND), CHANGE_NONE);
	assert_int_equal(fixture.open[FINDING_EXHAUSTION].severity, SEVERITY_CRITICAL);
}

/* Leaks for a minute, then stands still: told once, and cleared once. */
static void leak_from_first_to_last(void **state)
{
	struct fixture fixture = fixture_make();
	unsigned int raised_at = 0, cleared_at = 0;

	(void)state;
	for (unsigned int second = 0; second < 300; second++) {
		tick(&fixture, second, 30 + (second < 60 ? second : 60) * 200);
		switch (judge(&fixture, FINDING_LEAK, NOW + second * SECOND)) {
		case CHANGE_RAISED:
			assert_int_equal(raised_at, 0);
			raised_at = second;
			break;
		case CHANGE_CLEARED:
			assert_int_equal(cleared_at, 0);
			cleared_at = second;
			break;
		default:
			break;
		}
	}
	assert_in_range(raised_at, 17, 20);	       /* a twentieth of the limit */
	assert_in_range(cleared_at, 60 + 15, 60 + 30); /* while what grew is half of what was seen it is not over */
	assert_int_equal(fixture.model.open_findings, 0);
}

/* 300 a second for ten seconds, then 60: slower is not over. */
static void leak_that_slows_is_not_cleared(void **state)
{
	struct fixture fixture = fixture_make();
	unsigned int raised = 0, cleared = 0;

	(void)state;
	for (unsigned int second = 0; second < 200; second++) {
		enum change change;

		tick(&fixture, second, 30 + (second < 10 ? second * 300 : 2400 + second * 60));
		change = judge(&fixture, FINDING_LEAK, NOW + second * SECOND);
		raised += change == CHANGE_RAISED;
		cleared += change == CHANGE_CLEARED;
	}
	assert_int_equal(raised, 1);
	assert_int_equal(cleared, 0);
}

/* The gravest open finding names the state. */
static void states(void **state)
{
	struct fixture fixture = fixture_make();

	(void)state;
	for (unsigned int second = 0; second <= 10; second++)
		tick(&fixture, second, 30 + second);
	judge(&fixture, FINDING_LEAK, NOW + 10 * SECOND);
	assert_int_equal(fixture.process.state, PROCESS_GROWING);
	for (unsigned int second = 11; second <= 100; second++)
		tick(&fixture, second, 30 + second * 80);
	judge(&fixture, FINDING_LEAK, NOW + 100 * SECOND);
	assert_int_equal(fixture.open[FINDING_LEAK].severity, SEVERITY_INFO);
	assert_int_equal(fixture.process.state, PROCESS_GROWING); /* nobody calls it a leak yet */
	fixture.model.thresholds.horizon_s = 1;
	for (unsigned int second = 101; second <= 400; second++)
		tick(&fixture, second, 30 + second * 80);
	judge(&fixture, FINDING_LEAK, NOW + 400 * SECOND);
	assert_int_equal(fixture.process.state, PROCESS_LEAKING);
	climb_set(&fixture, 0.9);
	judge(&fixture, FINDING_LEAK, NOW + 400 * SECOND);
	assert_int_equal(fixture.process.state, PROCESS_EXHAUSTING);
	fixture.process.last_fail_ns = NOW + 400 * SECOND;
	judge(&fixture, FINDING_LEAK, NOW + 400 * SECOND);
	assert_int_equal(fixture.process.state, PROCESS_FAILING);
	assert_int_equal(fixture.model.open_findings, 3);
}

/* With 10 000 processes a tick costs by what changed, not by what exists. */
static void judged_only_when_there_is_news(void **state)
{
	struct fixture fixture = fixture_make();
	char any;
	struct packed_trail *some_trail = (struct packed_trail *)&any; /* not looked into */

	(void)state;
	assert_false(model_needs_judgement(&fixture.process)); /* nothing has ever happened */
	fixture.process.trail = some_trail;
	fixture.process.account.last_change_ns = NOW;
	assert_true(model_needs_judgement(&fixture.process));
	judge(&fixture, FINDING_LEAK, NOW);
	assert_false(model_needs_judgement(&fixture.process));
	fixture.process.account.last_change_ns = NOW + 1;
	assert_true(model_needs_judgement(&fixture.process));
	judge(&fixture, FINDING_LEAK, NOW + 1);
	fixture.process.state = PROCESS_GROWING; /* its forecast grows old */
	assert_true(model_needs_judgement(&fixture.process));
	fixture.process.state = PROCESS_STEADY;
	assert_false(model_needs_judgement(&fixture.process));
	fixture.process.forecast.rate_per_s = -0.5; /* and so does the rate of a burst that is over */
	assert_true(model_needs_judgement(&fixture.process));
}

/* What is open has to be cleared in time, news or not. */
static void judged_while_a_finding_is_open(void **state)
{
	struct fixture fixture = fixture_make();

	(void)state;
	fixture.process.last_fail_ns = NOW;
	judge(&fixture, FINDING_ENOMEM, NOW);
	assert_true(model_needs_judgement(&fixture.process));
	judge(&fixture, FINDING_ENOMEM, NOW + 60 * SECOND);
	assert_false(model_needs_judgement(&fixture.process));
}

static void state_names(void **state)
{
	(void)state;
	assert_string_equal(process_state_name(PROCESS_STEADY), "steady");
	assert_string_equal(process_state_name(PROCESS_GROWING), "growing");
	assert_string_equal(process_state_name(PROCESS_LEAKING), "leaking");
	assert_string_equal(process_state_name(PROCESS_EXHAUSTING), "exhausting");
	assert_string_equal(process_state_name(PROCESS_FAILING), "failing");
	assert_string_equal(process_state_name((enum process_state)99), "steady");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(quiet_process),
		cmocka_unit_test(raised_once),
		cmocka_unit_test(enomem_is_cleared_after_a_minute),
		cmocka_unit_test(cleared_only_after_the_hold),
		cmocka_unit_test(flapping_is_one_finding),
		cmocka_unit_test(updated_when_twice_as_near),
		cmocka_unit_test(updated_when_more_severe),
		cmocka_unit_test(leak_from_first_to_last),
		cmocka_unit_test(leak_that_slows_is_not_cleared),
		cmocka_unit_test(states),
		cmocka_unit_test(judged_only_when_there_is_news),
		cmocka_unit_test(judged_while_a_finding_is_open),
		cmocka_unit_test(state_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
