#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Families of generated traces whose truth is known; each from its seed, the same bytes each time.

    tests/replay/families.py --list [--part design|held]    their names and truths
    tests/replay/families.py NAME...                        their JSON lines, as `mmaptrace replay` reads them
    tests/replay/families.py --all [--part design|held]     those of all

A trace is one process on a host of its own. What it does is drawn, not what a detector would see: sizes, rates and
noise span what is met with in the field. Of each family the traces with an odd number are held back: detectors are
not tuned on them.
"""
import argparse
import math
import random
import sys
import time
import zlib
from dataclasses import dataclass, field

PER_FAMILY = 14
LIMITS = (65530, 262144, 1048576)
MINUTE, HOUR, DAY = 60, 3600, 86400
EPOCH = 1767571200  # 2026-01-05, a Monday
ROWS_MAX = 20000
RATE_MAX = 20000  # maps a second of a program that is well: some 50 us each
OVERRUN = 1.3  # a leak that is slower than meant has so much longer
PARTS = ("design", "held")


@dataclass
class Trace:
    """rows: (t, map_count, opened, closed, mapped, limit), t in seconds from the first; opened and closed are running
    sums, mapped is what of opened mmap made. leaks: [(from, to)] in which maps are leaked. settled_s: the limit
    stays as it is from here on."""

    name: str
    family: str
    seed: int
    tick_s: int
    rows: list
    leaks: list
    exhaustion_s: float | None = None
    healthy: bool = False
    hidden: bool = False
    settled_s: float = 0
    part: str = "design"

    @property
    def seconds(self):
        return self.rows[-1][0] if self.exhaustion_s is None else self.exhaustion_s

    @property
    def leak_from_s(self):
        """When the leak began that ends it all; None if none does."""
        return None if self.exhaustion_s is None else self.leaks[-1][0]


def log_uniform(draw, low, high):
    return math.exp(draw.uniform(math.log(low), math.log(high)))


def poisson(draw, mean):
    if mean > 30:
        return max(0, round(draw.gauss(mean, math.sqrt(mean))))
    floor, product, count = math.exp(-mean), draw.random(), 0
    while product > floor:
        product *= draw.random()
        count += 1
    return count


def part_of_limit(draw):
    """How high one that is well goes: mostly 5 to 40 % of the limit."""
    low, high = draw.choice(((0.05, 0.4),) * 6 + ((0.01, 0.05), (0.4, 0.55)))
    return draw.uniform(low, high)


def tick_for(seconds):
    """As often as such a time is sampled: each second, ten seconds, minute or minutes."""
    if seconds <= HOUR:
        return 1
    if seconds <= DAY:
        return 10
    return MINUTE * math.ceil(seconds / MINUTE / ROWS_MAX)


def rises(levels):
    """What a level that goes up and down has opened and closed so far."""
    opened, closed, sums, before = 0, 0, ([], []), 0
    for level in levels:
        if level > before:
            opened += level - before
        else:
            closed += before - level
        before = level
        sums[0].append(opened)
        sums[1].append(closed)
    return sums


@dataclass
class Life:
    """A process in the making: parts that each open and close maps, tick by tick."""

    draw: random.Random
    seconds: float
    limit: int
    overrun: float = 1.0
    leaks: list = field(default_factory=list)
    parts: list = field(default_factory=list)  # (opened, closed, share of opened that mmap made)

    def __post_init__(self):
        self.tick_s = tick_for(self.seconds)
        self.times = range(0, int(self.seconds * self.overrun) + 1, self.tick_s)
        self.baseline = int(log_uniform(self.draw, 20, 3000))
        self.limits = [(0, self.limit)]  # (from when on, limit)

    @property
    def room(self):
        return self.limit - self.baseline

    def add(self, opened, closed=None, mapped=1.0):
        self.parts.append((opened, closed or [0] * len(opened), mapped))

    def hold(self, levels, mapped=1.0):
        self.add(*rises([max(0, int(level)) for level in levels]), mapped)

    def wander(self, memory):
        """Noise of variance 1, tick by tick; memory: what is left of it after a tick."""
        x, fresh = self.draw.gauss(0, 1), math.sqrt(1 - memory * memory)
        for _ in self.times:
            x = memory * x + fresh * self.draw.gauss(0, 1)
            yield x

    def load(self):
        """How busy it is, 1 on average."""
        spread = self.draw.choice((0, 0, 0.1, 0.3, 0.7))
        if not spread:
            return [1.0] * len(self.times)
        memory = math.exp(-1 / log_uniform(self.draw, 1, max(2, len(self.times) / 50)))
        return [math.exp(spread * x - spread * spread / 2) for x in self.wander(memory)]

    def churn(self, width, per_s):
        """Maps in flight, and how many come and go a second besides."""
        memory = self.draw.choice((0, 0.5, 0.9))
        opened, closed = rises([max(0, int(width * (1 + 0.4 * x))) for x in self.wander(memory)])
        passing = [int(t * per_s) for t in self.times]
        self.add([a + b for a, b in zip(opened, passing)], [a + b for a, b in zip(closed, passing)])

    def background(self):
        """What goes on beside; nothing in one of four."""
        if self.draw.random() < 0.75:
            self.churn(log_uniform(self.draw, 1, self.limit * 0.003), log_uniform(self.draw, 0.01, 100))

    def leak(self, amount, begin_s=0, end_s=None, curve=None, mapped=1.0, pace=None):
        """amount maps between two moments, along a curve from 0 to 1 that may go on after it, busy or less so."""
        end_s, stops = end_s or self.seconds, end_s is not None
        total, before, opened = 0, 0.0, []
        for t, load in zip(self.times, pace or self.load()):
            x = max(0.0, (t - begin_s) / (end_s - begin_s))
            now = min(x, 1.0) if stops else x
            now = curve(now) if curve else now
            total += poisson(self.draw, (now - before) * amount * load)
            before = now
            opened.append(total)
        self.add(opened, mapped=mapped)
        self.leaks.append((begin_s, end_s if stops else math.inf))

    def saturate(self, height, tau_s, begin_s=0):
        self.hold([height * (1 - math.exp(-max(0, t - begin_s) / tau_s)) for t in self.times])

    def teeth(self, period_s, height, mapped=1.0):
        """A saw-tooth, from somewhere within a tooth on."""
        draw = self.draw
        uneven_period, uneven_height = draw.choice((0, 0.05, 0.2, 0.5)), draw.choice((0, 0.05, 0.2, 0.5))
        fall, bend = draw.choice((0, 0, 0.05, 0.3)), draw.choice((1, 1, 0.6, 1.6))
        begin, opened, closed, sums = -draw.uniform(0, period_s), 0, 0, ([], [])
        length, top = period_s, height
        for t in self.times:
            while t >= begin + length:
                opened, closed, begin = opened + int(top), closed + int(top), begin + length
                length = period_s * (1 + uneven_period * draw.uniform(-1, 1))
                top = height * (1 - uneven_height * draw.random())
            x, up = (t - begin) / length, 1 - fall
            sums[0].append(opened + int(top * min(x / up, 1) ** bend))
            sums[1].append(closed + int(top * max(x - up, 0) / fall if fall else 0))
        self.add(*sums, mapped)

    def rows(self):
        sums = [(0, 0, 0)] * len(self.times)
        for opened, closed, mapped in self.parts:
            sums = [(a + o, b + c, m + int(o * mapped)) for (a, b, m), o, c in zip(sums, opened, closed)]
        rows, limits = [], list(self.limits)
        for t, (opened, closed, mapped) in zip(self.times, sums):
            while len(limits) > 1 and t >= limits[1][0]:
                limits.pop(0)
            rows.append((t, self.baseline + opened - closed, opened, closed, mapped, limits[0][1]))
        return rows


def exhaustion_of(rows):
    """(number of rows before, moment) of the first time the limit is reached; None if it is not."""
    for i, (t, count, *_, limit) in enumerate(rows):
        if count >= limit:
            before = rows[i - 1]
            share = (limit - before[1]) / (count - before[1]) if count > before[1] else 0
            return i, before[0] + (t - before[0]) * max(share, 0)
    return None


class Gallery:
    """The traces of the families, made when asked for."""

    def __init__(self):
        self.makers = {}
        self.salt = ""  # another one, and all traces are others

    def family(self, **flags):
        def note(make):
            self.makers[make.__name__] = (make, flags)
            return make

        return note

    def names(self, part=None):
        return [f"{family}-{i:03}" for family in self.makers for i in range(PER_FAMILY)
                if part in (None, PARTS[i % 2])]

    def trace(self, name):
        family, number = name.rsplit("-", 1)
        make, flags = self.makers[family]
        seed = zlib.crc32((self.salt + name).encode())
        trace = Trace(name, family, seed, 0, [], [], **flags, part=PARTS[int(number) % 2])
        lives = make(random.Random(seed), int(number) // 2)
        for life in lives if isinstance(lives, list) else [lives]:
            append(trace, life)
        return trace


def append(trace, life):
    """One life after another: each begins a tick after the one before, with counters of its own."""
    begin = trace.rows[-1][0] + life.tick_s if trace.rows else 0
    rows = life.rows()
    found = exhaustion_of(rows)
    if found:
        trace.exhaustion_s = begin + found[1]
        rows = rows[:found[0]]
    end = trace.exhaustion_s or begin + rows[-1][0]
    trace.rows += [(begin + row[0], *row[1:]) for row in rows] if begin else rows
    trace.leaks += [(begin + a, min(begin + b, end)) for a, b in life.leaks if begin + a < end]
    trace.tick_s = max(trace.tick_s, life.tick_s)
    trace.settled_s = max(begin + change for change, _ in life.limits if begin + change < end)


GALLERY = Gallery()
leaking, hidden, healthy = GALLERY.family(), GALLERY.family(hidden=True), GALLERY.family(healthy=True)


def begin_life(draw, low_s=20, high_s=42 * DAY, limit=None):
    return Life(draw, log_uniform(draw, low_s, high_s), limit or draw.choice(LIMITS))


def begin_leak(draw, low_s=20, high_s=30 * DAY, limit=None):
    return Life(draw, log_uniform(draw, low_s, high_s), limit or draw.choice(LIMITS), OVERRUN)


def cut(life, share):
    """It ends before it comes to the limit."""
    life.times = life.times[:max(10, int(len(life.times) * share))]


# ---- leaks ----

@leaking
def linear(draw, variant):
    """The same pace throughout, in half of them after some time without; one of seven ends before the limit."""
    life = begin_leak(draw)
    if variant == 5:
        cut(life, draw.uniform(0.2, 0.5))
    life.leak(life.room, draw.choice((0, 0, draw.uniform(0.05, 0.3) * life.seconds)), pace=[1.0] * len(life.times))
    life.background()
    return life


@leaking
def churning(draw, variant):
    """A server: many maps come and go, some stay."""
    life = begin_leak(draw, MINUTE)
    if variant == 5:
        cut(life, draw.uniform(0.2, 0.5))
    life.leak(life.room)
    life.churn(life.limit * log_uniform(draw, 0.001, 0.05), log_uniform(draw, 1, 2000))
    return life


@leaking
def bursty(draw, _):
    """Bursts at times of their own: errors, reconnects, uploads."""
    life = begin_leak(draw, MINUTE)
    bursts, spread = log_uniform(draw, 15, 300), draw.uniform(0.2, 1)
    due, total, opened = draw.expovariate(bursts / life.seconds), 0, []
    for t in life.times:
        while due <= t:
            total += int(life.room / bursts * draw.lognormvariate(-spread * spread / 2, spread)) + 1
            due += draw.expovariate(bursts / life.seconds)
        opened.append(total)
    life.add(opened)
    life.leaks.append((0, math.inf))
    life.background()
    return life


@leaking
def staircase(draw, _):
    """A batch, a job, a rotation: so many maps each time."""
    life = begin_leak(draw, MINUTE)
    steps, uneven, jitter = draw.randint(8, 100), draw.choice((0, 0.1, 0.3)), draw.choice((0, 0.05, 0.2))
    period = life.seconds / steps
    due, total, opened = draw.uniform(0, period), 0, []
    for t in life.times:
        while due <= t:
            total += int(life.room / steps * (1 + uneven * draw.uniform(-1, 1))) + 1
            due += period * (1 + jitter * draw.uniform(-1, 1))
        opened.append(total)
    life.add(opened)
    life.leaks.append((0, math.inf))
    life.background()
    return life


def day_and_night(draw, times):
    """What a service has to do: less at night, less still at the weekend."""
    depth, weekend, peak = draw.uniform(0, 0.9), draw.choice((1, 1, 0.5)), draw.uniform(0, 1)
    days = [weekend if t // DAY % 7 >= 5 else 1 for t in times]
    return [day * (1 + depth * math.cos(2 * math.pi * (t / DAY - peak))) for t, day in zip(times, days)]


@leaking
def slow(draw, _):
    """Days to weeks, by the load of day and night."""
    life = begin_leak(draw, 2 * DAY, 42 * DAY)
    life.leak(life.room, pace=day_and_night(draw, life.times))
    life.background()
    return life


@leaking
def quadratic(draw, _):
    """Each costs more than the one before: a list gone through, a retry for each that failed."""
    life = begin_leak(draw)
    power = draw.uniform(1.6, 3)
    life.leak(life.room, curve=lambda x: x ** power)
    life.background()
    return life


@leaking
def exponential(draw, _):
    """flowlog#177: what is split is split again."""
    life = begin_leak(draw)
    pace = draw.uniform(2, 6)
    life.leak(life.room, curve=lambda x: math.expm1(pace * x) / math.expm1(pace), mapped=draw.choice((1.0, 0.1)))
    life.background()
    return life


@hidden
def leak_in_teeth(draw, variant):
    """A collector gives back what it knows of; some it does not."""
    life = begin_leak(draw, 4 * MINUTE)
    height = life.limit * draw.uniform(0.03, 0.3)
    life.teeth(log_uniform(draw, max(3, life.seconds / 2000), life.seconds / 6), height)
    life.leak(life.room - height * 0.8, life.seconds * draw.uniform(0.1, 0.3) if variant % 2 else 0)
    life.background()
    return life


@hidden
def leak_behind_warmup(draw, variant):
    """A start that fills caches, and a leak from the beginning or a while later."""
    life = begin_leak(draw, 4 * MINUTE)
    height = life.limit * draw.uniform(0.05, 0.35)
    life.saturate(height, max(life.seconds * draw.uniform(0.01, 0.08), height / RATE_MAX))
    life.leak(life.room - height, life.seconds * draw.uniform(0.05, 0.4) if variant % 2 else 0)
    life.background()
    return life


@leaking
def leak_that_stops(draw, _):
    """Mended, or its cause is gone; what was leaked stays, or is given back in part."""
    life = begin_life(draw, MINUTE)
    begin, end = life.seconds * draw.choice((0, draw.uniform(0, 0.2))), life.seconds * draw.uniform(0.3, 0.6)
    amount = min(life.limit * draw.uniform(0.08, 0.65), RATE_MAX * (end - begin))
    life.leak(amount, begin, end, pace=[1.0] * len(life.times))
    back = amount * draw.choice((0, 0, 0.5, 0.9))
    life.add([0] * len(life.times), [int(back) if t > end else 0 for t in life.times])
    life.background()
    return life


@leaking
def splits(draw, _):
    """Mooncake#3639: madvise splits never undone, while mmap and munmap calls balance."""
    life = begin_leak(draw, MINUTE)
    life.leak(life.room, mapped=draw.choice((0.0, 0.05)))
    life.churn(log_uniform(draw, 1, life.limit * 0.01), log_uniform(draw, 0.1, 500))
    return life


# ---- those that are well ----

@healthy
def cache_saturates(draw, _):
    """Ever fewer misses."""
    life = begin_life(draw)
    height = life.limit * part_of_limit(draw)
    life.saturate(height, max(life.seconds * draw.uniform(0.03, 0.22), height / RATE_MAX),
                  life.seconds * draw.choice((0, 0.02, 0.1)))
    life.background()
    return life


@healthy
def cache_lru(draw, _):
    """One map a miss until it is full; then for each that comes one goes."""
    life = begin_life(draw, MINUTE)
    fills_s = life.seconds * draw.uniform(0.1, 0.7)
    capacity = int(min(life.limit * part_of_limit(draw), RATE_MAX * fills_s))
    total, opened = 0, []
    for load in life.load():
        total += poisson(draw, capacity / fills_s * life.tick_s * load)
        opened.append(total)
    life.add(opened, [max(0, n - capacity) for n in opened])
    life.background()
    return life


@healthy
def cache_logistic(draw, _):
    """What is popular gets known: slow, fast, slow."""
    life = begin_life(draw, MINUTE)
    middle, width = life.seconds * draw.uniform(0.15, 0.6), life.seconds * draw.uniform(0.02, 0.08)
    height = min(life.limit * part_of_limit(draw), RATE_MAX * width)
    life.hold([height / (1 + math.exp(-(t - middle) / width)) for t in life.times])
    life.background()
    return life


@healthy
def purge(draw, _):
    """A collector's or an allocator's saw-tooth."""
    life = begin_life(draw, MINUTE)
    period = log_uniform(draw, max(2, life.seconds / 3000), life.seconds / 4)
    life.teeth(period, min(life.limit * part_of_limit(draw), RATE_MAX * period), draw.choice((1.0, 1.0, 0.1)))
    life.background()
    return life


@healthy
def segments(draw, _):
    """Files of an index: a new segment now and then, so many of a size merged into one."""
    life = begin_life(draw, 10 * MINUTE)
    base, flushes = draw.randint(3, 10), log_uniform(draw, 30, 5000)
    peak, counts = life.limit * part_of_limit(draw), []
    for t in life.times:
        number, count = int(flushes * t / life.seconds), 0
        while number:
            number, rest = divmod(number, base)
            count += rest
        counts.append(count)
    most = max(counts)
    life.hold([peak * count / most for count in counts])
    life.background()
    return life


@healthy
def daily(draw, _):
    """As many as there are users awake."""
    life = begin_life(draw, 2 * DAY, 21 * DAY)
    peak = life.limit * part_of_limit(draw)
    busy = day_and_night(draw, life.times)
    most = max(busy)
    life.hold([peak * now / most for now in busy])
    life.background()
    return life


@healthy
def jump(draw, _):
    """A file opened, a pool made, a module loaded: once, twice or thrice."""
    life = begin_life(draw)
    levels, total = [0.0] * len(life.times), life.limit * part_of_limit(draw)
    for _ in range(count := draw.randint(1, 3)):
        height, at = total / count, draw.uniform(0.05, 0.9) * life.seconds
        lasts = max(draw.uniform(0.2, 3), height / RATE_MAX)
        levels = [level + height * min(max((t - at) / lasts, 0), 1) for level, t in zip(levels, life.times)]
    life.hold(levels)
    life.background()
    return life


@healthy
def stairs_that_end(draw, _):
    """Modules, connections, threads of a pool: one after the other, until all are there."""
    life = begin_life(draw, MINUTE)
    stairs, until = draw.randint(3, 15), life.seconds * draw.uniform(0.05, 0.5)
    height = min(life.limit * part_of_limit(draw), RATE_MAX * until) / stairs
    times = sorted(draw.uniform(0, until) if draw.random() < 0.5 else i * until / stairs for i in range(stairs))
    life.hold([height * sum(1 for at in times if at <= t) for t in life.times])
    life.background()
    return life


@healthy
def overshoot(draw, _):
    """dotnet/runtime#80580: a start that takes far more than is kept."""
    life = begin_life(draw, MINUTE)
    height = life.limit * part_of_limit(draw)
    up_s = max(life.seconds * draw.uniform(0.02, 0.15), height / RATE_MAX)
    hold_s, down_s, kept = up_s * draw.uniform(0, 2), up_s * draw.uniform(0.1, 2), draw.uniform(0.1, 0.6)
    life.hold([height * (min(t / up_s, 1) - (1 - kept) * min(max((t - up_s - hold_s) / down_s, 0), 1))
               for t in life.times], draw.choice((1.0, 0.2)))
    life.background()
    return life


@healthy
def flat_high(draw, _):
    """solana#19320: so many are normal there."""
    life = begin_life(draw)
    life.baseline = int(life.limit * draw.uniform(0.55, 0.97))
    life.churn(log_uniform(draw, 1, life.limit * 0.01), log_uniform(draw, 0.01, 300))
    return life


@healthy
def noisy_flat(draw, _):
    """Requests in flight: much noise around a level that stays."""
    life = begin_life(draw)
    life.baseline = int(life.limit * draw.uniform(0.01, 0.7))
    life.churn(life.limit * log_uniform(draw, 0.005, 0.08), log_uniform(draw, 0.1, 1000))
    return life


@healthy
def reverting(draw, _):
    """Load that wanders off and comes back."""
    life = begin_life(draw, 10 * MINUTE)
    level = life.limit * draw.uniform(0.05, 0.28)
    width = level * draw.uniform(0.1, 0.35)
    memory = math.exp(-1 / log_uniform(draw, 3, max(4, len(life.times) / 20)))
    life.hold([level + width * x for x in life.wander(memory)])
    return life


@healthy
def swing(draw, _):
    """redis#12821: 260 maps, tens of thousands by munmap splits while keys are evicted, and back."""
    life = begin_life(draw, 2 * MINUTE, 2 * DAY)
    height = life.limit * log_uniform(draw, 0.05, 0.76)
    up_s = min(height / log_uniform(draw, 1000, RATE_MAX), life.seconds * 0.1)
    hold_s, down_s = up_s * draw.uniform(0.05, 2), up_s * draw.uniform(0.3, 2)
    swings = draw.randint(1, 4)
    starts = [life.seconds * (i + draw.uniform(0.05, 0.4)) / swings for i in range(swings)]

    def ramp(x):
        return min(max(x, 0), 1)

    life.hold([height * sum(ramp((t - at) / up_s) - ramp((t - at - up_s - hold_s) / down_s) for at in starts)
               for t in life.times], 0.02)
    life.background()
    return life


# ---- what happens to any of them ----

@leaking
def exec_to_leak(draw, _):
    """A program that was well replaces itself by one that leaks."""
    before, after = begin_life(draw, MINUTE, 2 * DAY), begin_leak(draw, MINUTE, 7 * DAY)
    before.limit = after.limit
    before.limits = list(after.limits)
    before.saturate(before.limit * draw.uniform(0.01, 0.3), before.seconds * draw.uniform(0.03, 0.1))
    before.background()
    after.leak(after.room)
    after.background()
    return [before, after]


@leaking
def leak_restarted(draw, _):
    """Someone has found a remedy: it begins anew before it comes to the limit, and leaks again."""
    limit, seconds = draw.choice(LIMITS), log_uniform(draw, MINUTE, 4 * DAY)
    lives = [Life(draw, seconds * draw.uniform(0.7, 1.1), limit) for _ in range(draw.randint(2, 6))]
    height = draw.uniform(0.1, 0.6)
    for life in lives:
        life.leak(min(life.limit * height * draw.uniform(0.8, 1.1), RATE_MAX * life.seconds))
        life.background()
    return lives


@healthy
def restarts(draw, _):
    """A worker that loads, serves and begins anew."""
    limit, seconds = draw.choice(LIMITS), log_uniform(draw, MINUTE, 4 * DAY)
    lives = [Life(draw, seconds * draw.uniform(0.5, 1.1), limit) for _ in range(draw.randint(2, 6))]
    height, warm = limit * part_of_limit(draw), draw.uniform(0.02, 0.15)
    for life in lives:
        life.saturate(height, max(life.seconds * warm, height / RATE_MAX))
        life.background()
    return lives


@leaking
def limit_raised(draw, _):
    """Raised fourfold, which hides it for a while."""
    life = begin_leak(draw, 2 * MINUTE, limit=draw.choice(LIMITS[1:]))
    life.leak(life.room)
    life.background()
    lower = LIMITS[LIMITS.index(life.limit) - 1]
    share = (lower * draw.uniform(0.4, 0.85) - life.baseline) / life.room
    life.limits = [(0, lower), (life.seconds * max(share, 0.02), life.limit)]
    return life


@leaking
def limit_lowered(draw, _):
    """A machine set up anew: the leak has a quarter of the room it had."""
    life = begin_leak(draw, 2 * MINUTE, limit=draw.choice(LIMITS[:2]))
    life.leak(life.room)
    life.background()
    upper = LIMITS[LIMITS.index(life.limit) + 1]
    life.limits = [(0, upper), (life.seconds * draw.uniform(0.1, 0.6), life.limit)]
    return life


@healthy
def limit_lowered_flat(draw, _):
    """What stays where it is comes near the limit when that is lowered: nothing grows."""
    life = begin_life(draw, limit=draw.choice(LIMITS[:2]))
    life.baseline = int(life.limit * draw.uniform(0.2, 0.95))
    life.churn(log_uniform(draw, 1, life.limit * 0.005), log_uniform(draw, 0.01, 300))
    upper = LIMITS[LIMITS.index(life.limit) + 1]
    life.limits = [(0, upper), (life.seconds * draw.uniform(0.2, 0.7), life.limit)]
    return life


def gap(life):
    """Some times of which nothing is heard: a stopped watcher, a suspended machine. Never of the last sixth."""
    for _ in range(life.draw.randint(1, 4)):
        begin = life.seconds * life.draw.uniform(0.05, 0.6)
        end = begin + life.seconds * life.draw.uniform(0.05, 0.2)
        kept = [i for i, t in enumerate(life.times) if not begin < t < end]
        life.times = [life.times[i] for i in kept]
        life.parts = [([opened[i] for i in kept], [closed[i] for i in kept], mapped)
                      for opened, closed, mapped in life.parts]
    return life


@leaking
def gaps_in_leak(draw, variant):
    return gap((linear, churning, staircase, quadratic)[variant % 4](draw, 0))


@healthy
def gaps_in_health(draw, variant):
    return gap((noisy_flat, purge, cache_saturates, jump, flat_high)[variant % 5](draw, 0))


# ---- what is told of them ----

def json_lines(trace):
    """As `mmaptrace replay` reads them."""
    head = '{"schema":1,"type":"process","ts":"'
    tail = f'Z","host":"{trace.name}","pid":1000,"comm":"{trace.family[:15]}","map_count":'
    day, date = None, ""
    for t, count, opened, closed, mapped, limit in trace.rows:
        if (EPOCH + t) // DAY != day:
            day = (EPOCH + t) // DAY
            date = time.strftime("%Y-%m-%dT", time.gmtime(day * DAY))
        hours, rest = divmod((EPOCH + t) % DAY, HOUR)
        yield (f'{head}{date}{hours:02}:{rest // 60:02}:{rest % 60:02}{tail}{count},"limit":{limit},'
               f'"opened":{opened},"closed":{closed},"mapped":{mapped},'
               f'"credits":{{"mmap":{mapped},"munmap":{opened - mapped - closed}}}}}\n')


def describe(trace):
    truth = "never" if trace.exhaustion_s is None else f"{trace.exhaustion_s:.1f}"
    leaks = ",".join(f"{begin:.0f}-{end:.0f}" for begin, end in trace.leaks) or "none"
    kind = "healthy" if trace.healthy else "hidden" if trace.hidden else "-"
    return (f"{trace.name:24} {trace.part:6} {kind:7} seed {trace.seed:<10} limit {trace.rows[0][5]:<7} "
            f"tick {trace.tick_s:<3} rows {len(trace.rows):<5} exhausted {truth:12} leaks {leaks}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--list", action="store_true", help="names and truths instead of lines")
    parser.add_argument("--all", action="store_true", help="all of them")
    parser.add_argument("--part", choices=PARTS, help="only those to tune on, or those held back")
    chosen = parser.parse_args()
    known = GALLERY.names(chosen.part)
    for name in chosen.names:
        if name not in known:
            parser.error(f"no trace {name}: --list tells their names")
    if not chosen.names and not chosen.all and not chosen.list:
        parser.error("which? NAME..., --all or --list")
    chosen.names = chosen.names or known
    return chosen


def main():
    chosen = arguments()
    for name in chosen.names:
        trace = GALLERY.trace(name)
        if chosen.list:
            print(describe(trace))
        else:
            sys.stdout.writelines(json_lines(trace))


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        sys.exit(1)
