/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "gear.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cleanup.h"
#include "log.h"
#include "urgency.h"

#define SECOND_NS   1000000000ULL
#define LINGER_NS   (5 * SECOND_NS)  /* after the last suspect: it may be back */
#define LEAVE_NS    (3 * SECOND_NS)  /* one that is suspected no more is followed so much longer */
#define RETRY_NS    (60 * SECOND_NS) /* after a failure */
#define RING_BYTES  (4 << 20)
#define TARGETS_MAX 1024
/* Maps that a suspect has made before its sites are told: so many, or, once it was followed for a while, fewer. */
#define SITES_ENOUGH 16
#define SITES_MIN    3
#define OLD_NS	     (10 * SECOND_NS)

enum gear_state {
	GEAR_OFF,
	GEAR_LOADING,	/* in a thread: the verifier takes half a second, in which alarms are to be read */
	GEAR_ATTACHING, /* the same */
	GEAR_ON,
	GEAR_LETTING_GO, /* the same: grace periods take seconds */
};

struct suspect {
	struct process_key key;
	uint64_t wanted_ns;  /* boot clock: when it was last among those to be followed */
	uint64_t adopted_ns; /* boot clock */
	bool adopted;	     /* the gear knows its account */
	bool completed;	     /* its finding was told with what the gear knows */
};

struct gear {
	struct session *watch; /* borrowed */
	struct session detail;
	struct options options; /* of detail */
	struct tracer_options tracer_options;
	enum gear_state state;
	struct suspect *suspects; /* owned, room for max_suspects */
	unsigned int count;
	uint64_t busy_ns;  /* boot clock: when there was a suspect last */
	uint64_t retry_ns; /* not before */
	struct gear_counts counts;

	/* the thread at work: it has the tracer to itself in LOADING and LETTING_GO */
	pthread_t thread;
	struct tracer *tracer;
	int error;
	int done; /* eventfd */
};

/* ---- work that takes long, each in a thread of its own ---- */

static void tell_done(struct gear *gear)
{
	uint64_t one = 1;

	if (write(gear->done, &one, sizeof(one)) < 0)
		return; /* an eventfd that is full has told already */
}

static void *load(void *arg)
{
	struct gear *gear = arg;

	gear->error = tracer_open(&gear->tracer_options, &gear->tracer);
	tell_done(gear);
	return NULL;
}

static void *attach(void *arg)
{
	struct gear *gear = arg;

	gear->error = tracer_attach(gear->tracer, &gear->tracer_options);
	if (!gear->error)
		gear->error = tracer_seed(gear->tracer);
	tell_done(gear);
	return NULL;
}

static void *let_go(void *arg)
{
	struct gear *gear = arg;

	tracer_free(gear->tracer);
	gear->tracer = NULL;
	tell_done(gear);
	return NULL;
}

static int begin(struct gear *gear, enum gear_state state, void *(*work)(void *))
{
	int error = pthread_create(&gear->thread, NULL, work, gear);

	if (!error)
		gear->state = state;
	return -error;
}

/* ---- suspects ---- */

static struct suspect *find_suspect(struct gear *gear, const struct process_key *key)
{
	for (unsigned int i = 0; i < gear->count; i++) {
		if (gear->suspects[i].key.pid == key->pid && gear->suspects[i].key.start_ns == key->start_ns)
			return &gear->suspects[i];
	}
	return NULL;
}

static struct process *detail_of(struct gear *gear, const struct suspect *suspect)
{
	return model_find(&gear->detail.model, suspect->key.pid, suspect->key.start_ns);
}

/* Its account as the gear has it from now on. False: it has just ended, or lives in the address space of another. */
static bool adopt(struct gear *gear, struct suspect *suspect)
{
	struct session *detail = &gear->detail;
	struct mt_process account;
	struct process *process;
	uint64_t mm;

	if (tracer_mm_of(gear->tracer, suspect->key.pid, &mm) || tracer_read(gear->tracer, mm, &account) ||
	    account.tgid != suspect->key.pid || account.start_ns != suspect->key.start_ns)
		return false;
	process = session_take_account(detail, &account, session_now());
	if (!process)
		return false;
	process->target = true;
	stacks_look_at(&detail->stacks, process->key.pid, process->key.start_ns);
	suspect->adopted = true;
	suspect->adopted_ns = session_now();
	log_debug("%s[%u] is followed in detail", process->comm, process->key.pid);
	return true;
}

static void adopt_new(struct gear *gear)
{
	bool seeded = false;

	for (unsigned int i = 0; i < gear->count; i++) {
		struct suspect *suspect = &gear->suspects[i];

		if (suspect->adopted || adopt(gear, suspect) || seeded)
			continue;
		tracer_seed(gear->tracer);
		seeded = true;
		adopt(gear, suspect);
	}
}

static int add_target(struct gear *gear, const struct suspect *suspect)
{
	stacks_look_at(&gear->detail.stacks, suspect->key.pid, suspect->key.start_ns);
	return tracer_target_add(gear->tracer, suspect->key.pid, 0);
}

static void follow(struct gear *gear, const struct process *process)
{
	struct suspect *suspect = &gear->suspects[gear->count++];

	*suspect = (struct suspect){.key = process->key, .wanted_ns = session_now()};
	gear->counts.followed++;
	if (gear->state == GEAR_ON || gear->state == GEAR_ATTACHING)
		add_target(gear, suspect);
}

static void leave(struct gear *gear, struct suspect *suspect)
{
	struct process *process = detail_of(gear, suspect);

	if (process) {
		session_forget_sites(&gear->detail, process, UINT64_MAX);
		model_remove(&gear->detail.model, process);
	}
	if (gear->state == GEAR_ON)
		tracer_target_drop(gear->tracer, suspect->key.pid);
	*suspect = gear->suspects[--gear->count];
}

/* Who is suspected now, and has room; who is no more, or whose place is wanted, goes. */
static void choose(struct gear *gear)
{
	uint32_t room = gear->watch->options->daemon.max_suspects;
	const struct process **wanted _cleanup_free_ = calloc(room + 1, sizeof(*wanted));
	uint64_t now = session_now(), all = 0;
	unsigned int count;

	if (!wanted)
		return;
	count = urgency_choose(&gear->watch->model, wanted, room, &all);
	gear->counts.waiting = all - count;
	for (unsigned int i = 0; i < count; i++) {
		struct suspect *suspect = find_suspect(gear, &wanted[i]->key);

		if (suspect)
			suspect->wanted_ns = now;
	}
	for (unsigned int i = gear->count; i-- > 0;) {
		struct suspect *suspect = &gear->suspects[i];
		bool is_full = all > room,
		     ended = !model_find(&gear->watch->model, suspect->key.pid, suspect->key.start_ns);

		if (ended || suspect->wanted_ns + (is_full ? 1 : LEAVE_NS) <= now)
			leave(gear, suspect);
	}
	for (unsigned int i = 0; i < count && gear->count < room; i++) {
		if (!find_suspect(gear, &wanted[i]->key))
			follow(gear, wanted[i]);
	}
	if (gear->count)
		gear->busy_ns = now;
}

/* ---- from one state to the next ---- */

static void failed(struct gear *gear, const char *what, int error)
{
	gear->counts.failures++;
	gear->retry_ns = session_now() + RETRY_NS;
	log_warn("suspects are not followed in detail: %s: %s; another attempt follows in a minute", what,
		 strerror(-error));
}

static void switch_on(struct gear *gear)
{
	struct session *detail = &gear->detail;
	int error = stacks_open(&detail->stacks, gear->options.unwind);

	if (error) {
		failed(gear, "the symbolizer does not start", error);
		return;
	}
	gear->tracer_options.limit = gear->watch->limit;
	gear->tracer_options.real_limit = gear->watch->real_limit;
	session_size_stacks(detail, &gear->tracer_options);
	error = begin(gear, GEAR_LOADING, load);
	if (error)
		failed(gear, "no thread", error);
}

static void switch_off(struct gear *gear)
{
	struct session *detail = &gear->detail;
	struct process *process, *next;

	report_losses(detail, true);
	report_flush(detail);
	MODEL_EACH (&detail->model, process, next)
		model_remove(&detail->model, process);
	stacks_use(&detail->stacks, NULL);
	stacks_close(&detail->stacks);
	exit_queue_free(&detail->exits);
	memset(detail->loss_shown, 0, sizeof(detail->loss_shown)); /* the next tracer counts anew */
	detail->tracer = NULL;
	for (unsigned int i = 0; i < gear->count; i++)
		gear->suspects[i].adopted = false;
	gear->counts.is_on = false;
	if (begin(gear, GEAR_LETTING_GO, let_go))
		let_go(gear); /* at once, then */
}

static int drain_alarms(void *arg)
{
	struct gear *gear = arg;

	return gear->state == GEAR_ON ? records_drain(&gear->detail) : 0;
}

static int drain_events(void *arg)
{
	return drain_alarms(arg);
}

static void loaded(struct gear *gear)
{
	struct session *detail = &gear->detail;
	int error = gear->error;

	if (error) {
		stacks_close(&detail->stacks);
		gear->state = GEAR_OFF;
		failed(gear, "the BPF programs do not load", error);
		return;
	}
	/* Rules come before the first operation. */
	stacks_use(&detail->stacks, gear->tracer);
	for (unsigned int i = 0; i < gear->count; i++)
		add_target(gear, &gear->suspects[i]);
	error = begin(gear, GEAR_ATTACHING, attach);
	if (error) {
		failed(gear, "no thread", error);
		switch_off(gear);
	}
}

static void attached(struct gear *gear)
{
	struct session *detail = &gear->detail;
	struct loop *loop = gear->watch->loop;
	int error = gear->error;

	detail->tracer = gear->tracer;
	if (!error)
		error = loop_replace(loop, tracer_alarms_fd(gear->tracer), drain_alarms, gear);
	if (!error)
		error = loop_replace(loop, tracer_events_fd(gear->tracer), drain_events, gear);
	if (error) {
		failed(gear, "the hooks do not attach", error);
		switch_off(gear);
		return;
	}
	gear->state = GEAR_ON;
	gear->counts.is_on = true;
	detail->start_ns = session_now();
	log_debug("trace gear is on: %s", detail->plan_text);
	adopt_new(gear);
}

/* The thread has come to its end. loop_fn. */
static int take_done(void *arg)
{
	struct gear *gear = arg;
	uint64_t times;

	if (read(gear->done, &times, sizeof(times)) < 0)
		return 0;
	if (gear->state == GEAR_OFF || gear->state == GEAR_ON)
		return 0;
	pthread_join(gear->thread, NULL);
	if (gear->state == GEAR_LOADING) {
		loaded(gear);
	} else if (gear->state == GEAR_ATTACHING) {
		attached(gear);
	} else {
		gear->state = GEAR_OFF;
		log_debug("trace gear is off");
	}
	return 0;
}

/* ---- what is asked of it ---- */

static void look(struct gear *gear)
{
	struct session *detail = &gear->detail;

	adopt_new(gear);
	records_drain(detail);
	session_clear_ledger(detail);
	stacks_read(&detail->stacks);
	session_watch_stacks(detail);
	session_sample(detail);
	report_losses(detail, false);
	report_flush(detail);
}

void gear_tick(struct gear *gear)
{
	uint64_t now = session_now();

	choose(gear);
	if (gear->state == GEAR_OFF && gear->count && now >= gear->retry_ns)
		switch_on(gear);
	else if (gear->state == GEAR_ON && !gear->count && now > gear->busy_ns + LINGER_NS)
		switch_off(gear);
	else if (gear->state == GEAR_ON)
		look(gear);
}

void gear_catch_up(struct gear *gear)
{
	if (gear->state == GEAR_ON)
		records_drain(&gear->detail);
}

struct process *gear_find(struct gear *gear, const struct process *process, struct session **ret_session)
{
	struct suspect *suspect = gear->state == GEAR_ON ? find_suspect(gear, &process->key) : NULL;
	struct process *found = suspect ? detail_of(gear, suspect) : NULL;

	if (found)
		*ret_session = &gear->detail;
	return found;
}

void gear_read(const struct gear *gear, struct gear_counts *ret_counts)
{
	*ret_counts = gear->counts;
	ret_counts->suspects = gear->count;
}

bool gear_take_completion(struct gear *gear, const struct process *process)
{
	struct suspect *suspect = gear->state == GEAR_ON ? find_suspect(gear, &process->key) : NULL;
	struct process *detail = suspect && suspect->adopted && !suspect->completed ? detail_of(gear, suspect) : NULL;
	bool is_old = detail && session_now() > suspect->adopted_ns + OLD_NS;

	if (!detail || detail->account.opened < (is_old ? SITES_MIN : SITES_ENOUGH))
		return false;
	suspect->completed = true;
	return true;
}

uint32_t gear_ring_bytes(const struct gear *gear)
{
	return gear->options.ring_bytes;
}

struct tracer *gear_tracer(const struct gear *gear)
{
	return gear->state == GEAR_ON ? gear->tracer : NULL;
}

/* ---- beginning and end ---- */

static void options_of(struct gear *gear)
{
	const struct options *from = gear->watch->options;

	gear->options = *from;
	gear->options.command = COMMAND_STREAM;
	gear->options.pids = NULL;
	gear->options.pid_count = 0;
	gear->options.json = true;
	gear->options.ring_bytes = RING_BYTES < from->ring_bytes ? RING_BYTES : from->ring_bytes;
	gear->options.max_processes = TARGETS_MAX;
	gear->options.stop_at_percent = 0;
	gear->options.filter = (struct view_filter){0};
}

static void session_of(struct gear *gear)
{
	struct session *detail = &gear->detail, *watch = gear->watch;

	session_init(detail, &gear->options);
	detail->watch = watch;
	detail->loop = watch->loop;
	detail->limit = watch->limit;
	detail->real_limit = watch->real_limit;
	detail->style.line.wall_offset_ns = watch->style.line.wall_offset_ns;
	thresholds_default(&detail->model.thresholds, watch->limit);
}

static void gear_release(struct gear **gear)
{
	gear_free(*gear);
}

int gear_new(struct session *watch, struct gear **ret_gear)
{
	struct gear *gear _cleanup_(gear_release) = calloc(1, sizeof(*gear));
	struct plan_want want = {.operations = true, .hooks = watch->options->hooks};
	int error;

	if (!gear)
		return -ENOMEM;
	gear->watch = watch;
	gear->done = -1;
	options_of(gear);
	session_of(gear);
	error = plan_make(&watch->features, &want, &gear->detail.plan);
	if (error)
		return error;
	plan_text(&gear->detail.plan, gear->detail.plan_text, sizeof(gear->detail.plan_text));
	gear->tracer_options = (struct tracer_options){
		.plan = gear->detail.plan,
		.ring_bytes = gear->options.ring_bytes,
		.max_processes = TARGETS_MAX,
		.operations = true,
	};
	gear->suspects = calloc(watch->options->daemon.max_suspects + 1, sizeof(*gear->suspects));
	gear->done = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!gear->suspects || gear->done < 0)
		return -ENOMEM;
	error = loop_add(watch->loop, gear->done, take_done, gear);
	if (!error)
		*ret_gear = TAKE_PTR(gear);
	return error;
}

void gear_free(struct gear *gear)
{
	if (!gear)
		return;
	if (gear->state != GEAR_OFF && gear->state != GEAR_ON)
		pthread_join(gear->thread, NULL);
	if (gear->detail.options) {
		stacks_use(&gear->detail.stacks, NULL);
		gear->detail.tracer = NULL;
		gear->detail.loop = NULL; /* the other one's */
		tracer_free(gear->tracer);
		session_free(&gear->detail);
	}
	if (gear->done >= 0)
		close(gear->done);
	free(gear->suspects);
	free(gear);
}
