/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Windows are merged two by two into those of the next level, as in the exponential histograms of Datar, Gionis,
 * Indyk and Motwani (2002): the ends of a level's windows are ends of the level's before, so that reading can go from
 * one level to the next without a gap.
 */
#include "history.h"

#include <string.h>

#define UNIT_SHIFT    22			  /* 4.2 ms; modulo 2^32 that is 208 days */
#define GAP_MAX_NS    (1ULL << (28 + UNIT_SHIFT)) /* 13 days: after five such, ends can still be told apart */
#define HOLD_STEPS    512
#define MANTISSA_BITS 11
#define MANTISSA_MAX  ((1U << (MANTISSA_BITS + 1)) - 1)

/* 16 bits for up to 2^42, to one part in 2,048: four bits more would say no more about a trend. */
static uint16_t float_pack(uint64_t value)
{
	unsigned int exponent = 0;

	while (value > MANTISSA_MAX) {
		value >>= 1;
		exponent++;
	}
	if (!exponent && value <= MANTISSA_MAX >> 1)
		return (uint16_t)value;
	/* The highest bit is set, and need not be kept. */
	exponent++;
	return exponent > 31 ? UINT16_MAX
			     : (uint16_t)(exponent << MANTISSA_BITS | (value & ((1U << MANTISSA_BITS) - 1)));
}

static uint64_t float_unpack(uint16_t packed)
{
	unsigned int exponent = packed >> MANTISSA_BITS;
	uint64_t mantissa = packed & ((1U << MANTISSA_BITS) - 1);

	return exponent ? (mantissa | 1U << MANTISSA_BITS) << (exponent - 1) : mantissa;
}

void history_reset(struct history *history)
{
	memset(history, 0, sizeof(*history));
}

uint64_t history_spacing(unsigned int level)
{
	return HISTORY_BASE_NS << level;
}

static uint32_t units(uint64_t ts_ns)
{
	return (uint32_t)(ts_ns >> UNIT_SHIFT);
}

static uint64_t window_low(const struct window *window)
{
	uint64_t below = float_unpack(window->below);

	return below < window->last ? window->last - below : 0;
}

static uint64_t window_high(const struct window *window)
{
	return window->last + float_unpack(window->above);
}

/* When the newest window of a level ended; of one that has none yet, when all began. */
static uint32_t level_end(const struct history *history, unsigned int level)
{
	unsigned int used = history->used[level];

	return used ? history->levels[level][used - 1].end : units(history->first_ns);
}

static void high_lose(struct history *history, const struct window *window)
{
	if (window_high(window) > history->high_lost)
		history->high_lost = (uint32_t)window_high(window);
}

static void level_add(struct history *history, unsigned int level, const struct window *window)
{
	struct window *windows = history->levels[level];
	unsigned int used = history->used[level];

	if (used == HISTORY_WINDOWS)
		memmove(windows, windows + 1, --used * sizeof(*windows));
	windows[used] = *window;
	history->used[level] = (uint8_t)(used + 1);
	/* Of the oldest of all nobody knows when it began: it is not read any more. */
	if (level == HISTORY_LEVELS - 1 && used + 1 == HISTORY_WINDOWS)
		high_lose(history, &windows[0]);
}

/* The windows of a level that ended after `since`, as one. */
static struct window merge_since(const struct history *history, unsigned int level, uint32_t since)
{
	const struct window *windows = history->levels[level];
	unsigned int used = history->used[level], from = used - 1;
	struct window merged = windows[used - 1];
	uint64_t low = UINT64_MAX, high = 0, closed = 0, mapped = 0;

	while (from && (int32_t)(windows[from - 1].end - since) > 0)
		from--;
	for (unsigned int i = from; i < used; i++) {
		low = window_low(&windows[i]) < low ? window_low(&windows[i]) : low;
		high = window_high(&windows[i]) > high ? window_high(&windows[i]) : high;
		closed += float_unpack(windows[i].closed);
		mapped += float_unpack(windows[i].mapped);
	}
	merged.below = float_pack(merged.last - low);
	merged.above = float_pack(high - merged.last);
	merged.closed = float_pack(closed);
	merged.mapped = float_pack(mapped);
	return merged;
}

/* A window that comes a little early, as ticks do, still counts as a whole one. */
static bool is_due(uint32_t end, uint32_t since, unsigned int level)
{
	return (int32_t)(end - since) >= (int32_t)(history_spacing(level) * 9 / 10 >> UNIT_SHIFT);
}

/* A damaged copy may hold anything: sums that run backwards are none. */
static void changes_since(const struct sample *base, const struct sample *last, uint64_t *ret_closed,
			  uint64_t *ret_mapped)
{
	uint64_t mapped = (uint64_t)last->mapping - (uint64_t)base->mapping;

	*ret_closed = last->closed > base->closed ? last->closed - base->closed : 0;
	*ret_mapped = (int64_t)mapped > 0 ? mapped : 0;
}

/* Closes the window that the newest sample ends. */
static void window_close(struct history *history)
{
	const struct sample *last = &history->last, *base = &history->base;
	uint64_t closed, mapped;
	struct window window = {
		.end = units(last->ts_ns),
		.last = last->map_count,
		.below = float_pack(last->map_count - history->low),
		.above = float_pack(history->high - last->map_count),
	};

	changes_since(base, last, &closed, &mapped);
	window.closed = float_pack(closed);
	window.mapped = float_pack(mapped);

	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		uint32_t since = level_end(history, level);

		if (level && !is_due(window.end, since, level))
			break;
		if (level)
			window = merge_since(history, level - 1, since);
		level_add(history, level, &window);
	}
	history->base = *last;
	history->low = history->high = last->map_count;
}

/* All but the newest sample, which is told as if it had come at from_ns, and the highest count. */
static void history_forget(struct history *history, uint64_t from_ns)
{
	if (history->high > history->high_lost)
		history->high_lost = history->high;
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++) {
		for (unsigned int i = 0; i < history->used[level]; i++)
			high_lose(history, &history->levels[level][i]);
	}
	memset(history->used, 0, sizeof(history->used));
	memset(history->levels, 0, sizeof(history->levels));
	history->last.ts_ns = history->first_ns = from_ns;
	history->first_count = history->low = history->high = history->last.map_count;
	history->base = history->last;
}

void history_add(struct history *history, const struct sample *sample)
{
	if (sample->ts_ns <= history->last.ts_ns)
		return;
	if (history->first_ns && sample->ts_ns - history->last.ts_ns > GAP_MAX_NS)
		history_forget(history, sample->ts_ns - GAP_MAX_NS);
	history->last = *sample;
	if (!history->first_ns) {
		history->first_ns = sample->ts_ns;
		history->first_count = history->low = history->high = sample->map_count;
		history->base = *sample;
		return;
	}
	if (sample->map_count < history->low)
		history->low = sample->map_count;
	if (sample->map_count > history->high)
		history->high = sample->map_count;
	if (is_due(units(sample->ts_ns), units(history->base.ts_ns), 0))
		window_close(history);
}

/* Step by step as if it had been sampled, but for what will be old then: an eighth of the time at once. */
void history_hold(struct history *history, const struct sample *sample, uint64_t step_ns)
{
	struct sample flat = *sample;

	if (!history->last.ts_ns || !step_ns)
		return;
	while (sample->ts_ns > history->last.ts_ns) {
		uint64_t left_ns = sample->ts_ns - history->last.ts_ns;

		if (left_ns <= step_ns || left_ns - step_ns <= step_ns / 2)
			return;
		flat.ts_ns = history->last.ts_ns + (left_ns / HOLD_STEPS > step_ns ? left_ns / 8 : step_ns);
		history_add(history, &flat);
	}
}

/* ---- reading ---- */

struct reading {
	const struct history *history;
	struct stretch *stretches; /* newest first while it is being made */
	unsigned int count;
	uint32_t begin;			  /* of the oldest so far */
	uint32_t ends[HISTORY_STRETCHES]; /* of each */
};

/* What is left of a unit goes to the time since the newest window. */
static double age_s(const struct history *history, uint32_t end)
{
	const struct sample *last = &history->last, *base = &history->base;

	return (double)(last->ts_ns - base->ts_ns) / 1e9 +
	       (double)(uint32_t)(units(base->ts_ns) - end) * (double)(1ULL << UNIT_SHIFT) / 1e9;
}

/* Is it known when this window began, and at which count? */
static bool begin_of(const struct history *history, unsigned int level, unsigned int place, uint32_t *ret_begin,
		     int64_t *ret_before)
{
	const struct window *windows = history->levels[level];

	if (place) {
		*ret_begin = windows[place - 1].end;
		*ret_before = windows[place - 1].last;
		return true;
	}
	*ret_begin = units(history->first_ns);
	*ret_before = history->first_count;
	return history->used[level] < HISTORY_WINDOWS;
}

static void take_window(struct reading *reading, unsigned int level, unsigned int place)
{
	const struct window *window = &reading->history->levels[level][place];
	struct stretch *stretch = &reading->stretches[reading->count];
	uint32_t begin;

	if (!begin_of(reading->history, level, place, &begin, &stretch->before))
		return;
	stretch->begin_s = age_s(reading->history, begin);
	stretch->end_s = age_s(reading->history, window->end);
	stretch->last = window->last;
	stretch->low = (int64_t)window_low(window);
	stretch->high = (int64_t)window_high(window);
	stretch->closed = (double)float_unpack(window->closed);
	stretch->mapped = (double)float_unpack(window->mapped);
	reading->begin = begin;
	reading->ends[reading->count++] = window->end;
}

/* Takes what is older from this level, giving up what is finer but does not end where a window of it does. */
static void take_level(struct reading *reading, unsigned int level)
{
	const struct history *history = reading->history;
	const struct window *windows = history->levels[level];
	unsigned int from = history->used[level];
	uint32_t begin;
	int64_t before;

	/* The oldest that still ends at, or after, the beginning of what has been read. */
	while (from && (int32_t)(windows[from - 1].end - reading->begin) > 0 &&
	       begin_of(history, level, from - 1, &begin, &before) && (int32_t)(begin - reading->begin) >= 0)
		from--;
	if (!from || !begin_of(history, level, from - 1, &begin, &before))
		return;
	while (reading->count && (int32_t)(windows[from - 1].end - reading->begin) > 0)
		reading->begin = reading->ends[--reading->count];
	while (from)
		take_window(reading, level, --from);
}

static void take_open(struct reading *reading)
{
	const struct history *history = reading->history;
	const struct sample *last = &history->last, *base = &history->base;
	uint64_t closed, mapped;

	reading->begin = units(base->ts_ns);
	if (last->ts_ns == base->ts_ns)
		return;
	changes_since(base, last, &closed, &mapped);
	reading->ends[reading->count] = units(last->ts_ns);
	reading->stretches[reading->count++] = (struct stretch){
		.begin_s = (double)(last->ts_ns - base->ts_ns) / 1e9,
		.before = base->map_count,
		.last = last->map_count,
		.low = history->low,
		.high = history->high,
		.closed = (double)closed,
		.mapped = (double)mapped,
	};
}

unsigned int history_read(const struct history *history, struct stretch *ret_stretches)
{
	struct reading reading = {.history = history, .stretches = ret_stretches};

	take_open(&reading);
	for (unsigned int level = 0; level < HISTORY_LEVELS; level++)
		take_level(&reading, level);
	for (unsigned int i = 0; i < reading.count / 2; i++) {
		struct stretch swap = ret_stretches[i];

		ret_stretches[i] = ret_stretches[reading.count - 1 - i];
		ret_stretches[reading.count - 1 - i] = swap;
	}
	return reading.count;
}
