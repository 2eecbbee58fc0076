#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Writes the traces of this folder; the same bytes each time (every trace has its seed).

    tests/replay/make.py            all of them
    tests/replay/make.py NAME...    these

A process is a function of time: how many maps it has mapped, split off and
given up so far. What mmaptrace would see of it is worked out here: ticks, and
the alarms that its kernel side sends when a step of the limit is crossed.
test_replay.c tells how the lines are read.
"""
import math
import random
import sys
from pathlib import Path

HERE = Path(__file__).parent
LIMIT = 65530
TABLE_TICK = 1.0  # the system-wide table samples each second,
STREAM_TICK = 0.25  # -p and -- CMD four times a second


def step_after(count, limit):
    """The map count of the next alarm: an eighth of the limit, or one of the last ten percent (bpf/process.bpf.h)."""
    if count >= limit:
        return math.inf
    eighth = (count * 8 // limit + 1) * limit
    percent = max(count * 100 // limit + 1, 90) * limit
    return min((eighth + 7) // 8, (percent + 99) // 100)


class Process:
    """life(t) -> (mapped, split, closed) so far, each never falling; watched from its first row (or its birth) on."""

    def __init__(self, pid, baseline, life, born=None):
        self.pid, self.baseline, self.life = pid, baseline, life
        self.start = None if born is None else self.sums(born)
        self.step = None

    def sums(self, t):
        return tuple(int(x) for x in self.life(t))

    def at(self, t):
        """(maps, opened, closed, mapping)"""
        if self.start is None:
            self.start = self.sums(t)
        mapped, split, closed = (now - then for now, then in zip(self.sums(t), self.start))
        return self.baseline + mapped + split - closed, mapped + split, closed, mapped

    def row(self, t, word=""):
        return f"{t:.3f} {self.pid} %d %d %d %d{word}" % self.at(t)


class Trace:
    def __init__(self, name, text, expect, limit=LIMIT):
        self.name, self.limit = name, limit
        self.lines = ["# " + line for line in text.strip().splitlines()] + expect.strip().splitlines()
        if limit != LIMIT:
            self.lines.append(f"limit {limit}")

    def say(self, line):
        self.lines.append(line)

    def steps(self, process, begin, end, resolution=0.002):
        """Rows of the alarms that a process raises between two ticks."""
        if process.step is None:
            process.step = step_after(process.at(begin)[0], self.limit)
        if process.at(begin)[0] + process.at(end)[1] - process.at(begin)[1] < process.step:
            return
        for i in range(int((end - begin) / resolution)):
            t = begin + i * resolution
            count = process.at(t)[0]
            if count >= process.step:
                self.lines.append(process.row(t, " step"))
                process.step = step_after(count, self.limit)

    def run(self, processes, begin, end, tick=TABLE_TICK):
        """Ticks from begin to end, both included, with the alarms in between."""
        if isinstance(processes, Process):
            processes = [processes]
        ticks = int((end - begin) / tick + 1e-6)
        for i in range(ticks + 1):
            t = begin + i * tick
            self.lines += [process.row(t) for process in processes]
            if i < ticks:
                for process in processes:
                    self.steps(process, t, t + tick)

    def write(self):
        text = "\n".join(self.lines) + "\n"
        assert len(text) < 60000, f"{self.name}: {len(text)} bytes"
        (HERE / f"{self.name}.trace").write_text(text)


def ramp(t, begin, end, height):
    """From 0 to height between begin and end, linearly."""
    return height * min(max((t - begin) / (end - begin), 0), 1)


def saturating(t, height, tau):
    return height * (1 - math.exp(-max(t, 0) / tau))


class Noise:
    """A churn of maps opened and closed again: what is open follows a bounded walk."""

    def __init__(self, seed, width, per_second):
        self.random, self.width, self.per_second = random.Random(seed), width, per_second
        self.known = {}

    def __call__(self, t):
        """(opened, closed)"""
        key = round(t * 1000)
        if key not in self.known:
            closed = int(t * self.per_second)
            self.known[key] = (closed + self.random.randint(0, self.width), closed)
        return self.known[key]


# ---- leaks: to be called early ----

def story_life(t):
    """FIELD.md's story: 64 inputs mapped a batch, one munmap, 8 batches a second."""
    calls = int(t * 512)
    return calls, 0, calls // 64


def story():
    trace = Trace("story", """
The story this project was born from (FIELD.md), streamed (-p): one shared object mapped
for each of 64 inputs, unmapped once a batch; 504 maps a second stay; fails at 65531.
Called while the count is low, by a detector that needs 8 s at this pace (0.063).
""", "file 1000\nexpect leak before 0.10\nexpect exhaustion before 0.20\nexpect enomem before 2\nheld leak")
    trace.run(Process(1000, 27, story_life), 0, 130, STREAM_TICK)
    trace.say("fail 130.001 1000")
    trace.write()


def story_table():
    trace = Trace("story_table", """
The same, in the system-wide table: a sample a second.
""", "file 1000\nexpect leak before 0.10\nexpect exhaustion before 0.20\nheld leak")
    trace.run(Process(1000, 27, story_life), 0, 130)
    trace.write()


def fast_climb():
    trace = Trace("fast_climb", """
A loop that leaks as fast as it can: from nothing to the limit in 100 ms. No tick sees it;
the alarms of the kernel side do, and the second of them (2/8) is enough.
""", "expect exhaustion before 0.30\nexpect enomem before 2\nallow leak")
    process = Process(1000, 27, lambda t: (ramp(t, 0.3, 0.4, LIMIT + 1 - 27), 0, 0))
    trace.say(process.row(0))
    trace.steps(process, 0, 0.4001, 0.0001)
    trace.say("fail 0.401 1000")
    trace.run(process, 1, 5)
    trace.write()


def fast_climb_attached():
    trace = Trace("fast_climb_attached", """
The same of a process that stood at 20 000 maps for minutes.
""", "expect exhaustion before 0.60\nallow leak")
    process = Process(1000, 20000, lambda t: (ramp(t, 60.3, 60.4, LIMIT + 1 - 20000), 0, 0))
    trace.run(process, 0, 60)
    trace.steps(process, 60, 60.4001, 0.0001)
    trace.run(process, 61, 65)
    trace.write()


def seconds_climb():
    trace = Trace("seconds_climb", """
A leak of 8 000 maps a second, in the table: too few ticks for a leak, enough for its end.
""", "expect exhaustion before 0.60\nallow leak")
    trace.run(Process(1000, 27, lambda t: (min(t * 8000, LIMIT + 1 - 27), 0, 0)), 0, 9)
    trace.write()


def slow_leak():
    trace = Trace("slow_leak", """
A map a second, --limit 4096: an hour and eight minutes to go when it begins.
""", "noted leak before 0.10\nheld leak", 4096)
    noise = random.Random(4)
    late = [noise.random() * 0.9 for _ in range(2000)]
    trace.run(Process(1000, 40, lambda t: (sum(1 for i in range(int(t) + 1) if i + late[i] <= t), 0, 0)), 0, 700)
    trace.write()


def slow_leak_in_churn():
    trace = Trace("slow_leak_in_churn", """
A server: 1 000 maps a second come and go, ten a second stay.
""", "noted leak before 0.10\nallow exhaustion\nheld leak")
    noise = Noise(5, 40, 1000)
    trace.run(Process(1000, 300, lambda t: (noise(t)[0] + int(t * 10), 0, noise(t)[1])), 0, 600)
    trace.write()


def split_leak():
    trace = Trace("split_leak", """
Mooncake#3639: madvise(MADV_DONTFORK) splits never undone, 70 a minute, while mmap and
munmap calls balance. An hour, a sample each ten seconds.
""", "noted leak before 0.10\nallow exhaustion\nheld leak")
    noise = Noise(6, 4, 20)
    trace.run(Process(1000, 400, lambda t: (noise(t)[0], t * 70 / 60, noise(t)[1])), 0, 3600, 10)
    trace.write()


def allocator_purge():
    trace = Trace("allocator_purge", """
flowlog#177: an allocator's purge splits, 445 to 44 982 to 65 530 in minutes, ever faster.
The lifetime average would call it far too late.
""", "expect exhaustion before 0.60\nallow leak")
    trace.run(Process(1000, 445, lambda t: (0, 65100 * (math.exp(t / 60) - 1) / (math.exp(4) - 1), 0)), 0, 240)
    trace.write()


def staircase():
    trace = Trace("staircase", """
1 000 maps at once, every ten seconds, none given back: a leak by the batch.
""", "noted leak before 0.25\nexpect leak before 0.50\nexpect exhaustion before 0.50\nheld leak")
    trace.run(Process(1000, 100, lambda t: (int(t / 10) * 1000, 0, 0)), 0, 600)
    trace.write()


def leak_that_slows():
    trace = Trace("leak_that_slows", """
A leak of 300 a second that goes on with 60 a second after ten: called once, and not taken
back while it goes on.
""", "noted leak before 0.12\nallow exhaustion\nheld leak")
    trace.run(Process(1000, 30, lambda t: (min(t, 10) * 300 + max(t - 10, 0) * 60, 0, 0)), 0, 120)
    trace.write()


def leak_after_a_high():
    trace = Trace("leak_after_a_high", """
A start that takes 40 000 maps and gives them back after two minutes; then a leak of 50 a second
begins, far below that high. As a flank that leads to where it has been it takes more to be called.
""", "noted leak before 0.40 after 200\nexpect leak before 0.70 after 200\nallow exhaustion\nheld leak")
    trace.run(Process(1000, 300, lambda t: (ramp(t, 2, 2.5, 39700) + max(t - 200, 0) * 50, 0, ramp(t, 130, 130.5, 39700))), 0, 1200)
    trace.write()


def gap():
    trace = Trace("gap", """
A leak of 100 a second, of which nothing is heard for a minute (a stopped mmaptrace), up to
0.10 of the limit. Called when it is heard of again, and not taken back while it goes on.
""", "noted leak before 0.16\nallow exhaustion\nheld leak")
    process = Process(1000, 30, lambda t: (t * 100, 0, 0))
    trace.run(process, 0, 5)
    trace.run(process, 65, 120)
    trace.write()


def exec_then_leak():
    trace = Trace("exec_then_leak", """
Warm at 3 000 maps for a minute, then exec of a program that leaks 200 a second: the past
of the old image neither hides the leak nor hastens it.
""", "noted leak before 0.10 after 61\nheld leak")
    before = Process(1000, 30, lambda t: (saturating(t, 2970, 1), 0, 0))
    trace.run(before, 0, 60)
    opened, closed = before.at(60)[1:3]
    shrunk = before.at(60)[0] - 30
    trace.say("exec 1000")
    # the account goes on; what the exec took away is closed, and gone from what is mapped (booked as execve's)
    after = Process(1000, 30, lambda t: ((t - 61) * 200, opened, closed + shrunk))
    after.start = (0, 0, 0)
    trace.run(after, 61, 120)
    trace.write()


def leak_in_a_compile():
    trace = Trace("leak_in_a_compile", """
A leak of 300 a second among the many short processes of a compile: the one, and no other.
""", "noted leak before 0.10\nheld leak")
    compile_rows(trace, 7, 40, [Process(5000, 30, lambda t: (t * 300, 0, 0))])
    trace.write()


# ---- healthy: nothing to be said ----

def jvm_start():
    trace = Trace("jvm_start", """
A JVM start, streamed: 500 maps within two seconds and a half, then flat but for threads
that come and go.
""", "expect none")
    noise = Noise(10, 4, 2)
    trace.run(Process(1000, 21, lambda t: (saturating(t, 480, 0.7) + noise(t)[0], 0, noise(t)[1])), 0, 120, STREAM_TICK)
    trace.write()


def jvm_start_small_limit():
    trace = Trace("jvm_start_small_limit", """
The same under --limit 1000, where 500 maps are half of all: no leak. While it climbs
that fast nobody can know that it will stop; it has to be taken back.
""", "allow exhaustion\ncleared exhaustion", 1000)
    noise = Noise(11, 4, 2)
    trace.run(Process(1000, 21, lambda t: (saturating(t, 480, 0.7) + noise(t)[0], 0, noise(t)[1])), 0, 120, STREAM_TICK)
    trace.write()


def python_import():
    trace = Trace("python_import", """
python3 importing its standard library, streamed: five maps a shared object, in bursts,
240 in the end.
""", "expect none")
    draw = random.Random(12)
    times = sorted(draw.uniform(0.05, 1.6) for _ in range(40))
    trace.run(Process(1000, 30, lambda t: (5 * sum(1 for at in times if at <= t) + 10 * (t > 0), 0, 0)), 0, 30, STREAM_TICK)
    trace.write()


def compile_rows(trace, seed, seconds, others=()):
    """make -j8: make, shells and compilers, each of them a life of its own."""
    draw = random.Random(seed)
    jobs, t = [], 0.1
    for pid in range(2000, 2000 + seconds * 10):
        long = draw.random() < 0.3
        jobs.append((t, t + (draw.uniform(0.5, 4) if long else draw.uniform(0.01, 0.2)), pid,
                     draw.randint(150, 400) if long else draw.randint(20, 60)))
        t += draw.expovariate(10)
    alive = {}
    for second in range(seconds + 1):
        for pid in [pid for pid, (end, _) in alive.items() if end <= second]:
            trace.say(f"exit {pid}")
            del alive[pid]
        for begin, end, pid, height in jobs:
            if pid not in alive and second - 1 < begin <= second < end:
                life = lambda t, begin=begin, height=height: (saturating(t - begin, height, 0.15), 0, 0)
                alive[pid] = (end, Process(pid, 25, life, born=begin))
                trace.say(f"born {begin:.3f} {pid}")
        for process in [process for _, process in alive.values()] + list(others):
            trace.say(process.row(second))


def compile_():
    trace = Trace("compile", """
A compile, in the table: many short processes, each of which rises fast and is gone.
""", "expect none")
    compile_rows(trace, 13, 60, [Process(1999, 40, lambda t: (min(int(t * 3), 20), 0, 0))])
    trace.write()


def stress_ng(seed):
    draw = random.Random(seed)
    trace = Trace(f"stress_ng_{seed}", f"""
stress-ng --mmap (seed {seed}): 171 to 24 131 maps and back within a second by munmap splits,
twenty times over, sampled at whatever moment the tick falls.
""", "expect none")
    begins = [1 + i * 1.05 + draw.uniform(0, 0.04) for i in range(20)]
    peak, rise_s, fall_s = 24131 - 171, draw.uniform(0.4, 0.6), draw.uniform(0.3, 0.45)

    def life(t):
        split = sum(ramp(t, begin, begin + rise_s, peak) for begin in begins)
        merged = sum(ramp(t, begin + rise_s, begin + rise_s + fall_s, peak) for begin in begins)
        return 0, int(split), int(merged)

    phase = draw.uniform(0, 1)
    trace.run(Process(1000, 171, life), round(phase, 3), round(phase, 3) + 40)
    trace.write()


def stress_ng_streamed():
    draw = random.Random(20)
    trace = Trace("stress_ng_streamed", """
The same, streamed: four samples a second, each somewhere on a flank.
""", "expect none")
    begins = [1 + i * 1.05 + draw.uniform(0, 0.04) for i in range(20)]

    def life(t):
        split = sum(ramp(t, begin, begin + 0.55, 23960) for begin in begins)
        merged = sum(ramp(t, begin + 0.55, begin + 0.95, 23960) for begin in begins)
        return 0, int(split), int(merged)

    trace.run(Process(1000, 171, life), 0.113, 40.113, STREAM_TICK)
    trace.write()


def redis_eviction():
    trace = Trace("redis_eviction", """
redis#12821 (less high): 260 maps idle, up to 50 000 by munmap splits while keys are
evicted for 12 s, and back. No leak. That it might reach the limit is a fair word while it
climbs at 4 000 a second; it has to be taken back.
""", "allow exhaustion\ncleared exhaustion")
    trace.run(Process(1000, 260, lambda t: (0, ramp(t, 10, 22, 49740), ramp(t, 27, 39, 49740))), 0, 90)
    trace.write()


def cache_saturates():
    trace = Trace("cache_saturates", """
A cache of mapped files that fills to 20 000, ever slower (one miss in e after 20 s). Its
first seconds look like a leak's: that may be said, and has to be taken back. That the
limit is near is never true, and five seconds do not show it.
""", "expect none")
    noise = Noise(21, 10, 5)
    trace.run(Process(1000, 50, lambda t: (saturating(t - 5, 20000, 20) + noise(t)[0], 0, noise(t)[1])), 0, 240)
    trace.write()


def cache_saturates_fast():
    trace = Trace("cache_saturates_fast", """
The same within seconds (one miss in e after 4 s): a warm-up, and seen as one.
""", "expect none")
    noise = Noise(22, 10, 5)
    trace.run(Process(1000, 50, lambda t: (saturating(t - 5, 20000, 4) + noise(t)[0], 0, noise(t)[1])), 0, 120)
    trace.write()


def flat_high():
    trace = Trace("flat_high", """
solana#19320: high is normal there. 60 000 of 65 530, and some that come and go.
""", "expect none")
    noise = Noise(23, 60, 30)
    trace.run(Process(1000, 60000, lambda t: (noise(t)[0], 0, noise(t)[1])), 0, 600)
    trace.write()


def jump():
    trace = Trace("jump", """
8 000 maps at once (a file opened, a pool made), then flat.
""", "expect none")
    noise = Noise(24, 6, 3)
    trace.run(Process(1000, 120, lambda t: (ramp(t, 20.2, 20.6, 8000) + noise(t)[0], 0, noise(t)[1])), 0, 180)
    trace.write()


def jump_streamed():
    trace = Trace("jump_streamed", """
The same, streamed, within two seconds: several samples see it rise, and then nothing more.
""", "expect none")
    noise = Noise(25, 6, 3)
    trace.run(Process(1000, 120, lambda t: (ramp(t, 20.1, 22.1, 8000) + noise(t)[0], 0, noise(t)[1])), 0, 120, STREAM_TICK)
    trace.write()


def stairs_that_end():
    trace = Trace("stairs_that_end", """
Six modules loaded ten seconds apart, 400 maps each, then flat: a long start, no leak.
""", "expect none")
    trace.run(Process(1000, 100, lambda t: (min(int(t / 10), 6) * 400, 0, 0)), 0, 300)
    trace.write()


def collector():
    trace = Trace("collector", """
A collector's saw-tooth: 2 500 maps are added in five seconds and given back at once.
""", "expect none")
    trace.run(Process(1000, 900, lambda t: (int(t * 500), 0, int(t / 5) * 2500)), 0.37, 240.37)
    trace.write()


def collector_slow():
    trace = Trace("collector_slow", """
The same in teeth of ten seconds, so that each flank is as long as a leak's evidence. The
first may be taken for one; but what never rises above where it has been before is none,
and the word has to be taken back.
""", "expect none")
    trace.run(Process(1000, 900, lambda t: (int(t * 500), 0, int(t / 10) * 5000)), 0.37, 240.37)
    trace.write()


def double_mapping():
    trace = Trace("double_mapping", """
dotnet/runtime#80580: W^X double mapping under a limit of 262144: a start that takes it to
80 000 in a minute and then back to 34 000. No leak, and no alarm on the way down.
""", "expect none", 262144)
    trace.run(Process(1000, 300, lambda t: (saturating(t, 80000, 15), 0, ramp(t, 60, 90, 46000))), 0, 180)
    trace.write()


def exec_into_more():
    trace = Trace("exec_into_more", """
A small launcher becomes a large program: 25 maps, then 1 800 at once. No growth of its own.
""", "expect none")
    process = Process(1000, 25, lambda t: (2 * (t > 3) + 1773 * (t > 20), 0, 0))
    trace.run(process, 0, 20)
    trace.say("exec 1000")
    trace.run(process, 21, 60)
    trace.write()


def gap_with_a_jump():
    trace = Trace("gap_with_a_jump", """
A minute without samples (a suspended machine), and 3 000 maps more after it; then flat.
""", "expect none")
    noise = Noise(26, 6, 3)
    process = Process(1000, 500, lambda t: (3000 * (t > 40) + noise(t)[0], 0, noise(t)[1]))
    trace.run(process, 0, 30)
    trace.run(process, 90, 200)
    trace.write()


def limit_raised():
    trace = Trace("limit_raised", """
A leak of 200 a second; vm.max_map_count is raised from 65530 to 1048576 after a minute
("raising it fourfold hides it for a while"). Still a leak.
""", "noted leak before 0.10")
    process = Process(1000, 30, lambda t: (t * 200, 0, 0))
    trace.run(process, 0, 60)
    trace.say("limit 1048576")
    trace.limit, process.step = 1048576, None
    trace.run(process, 61, 180)
    trace.write()


def limit_lowered():
    trace = Trace("limit_lowered", """
Flat at 5 000; the limit is lowered from 65530 to 6000. Nothing grows: nothing is said.
""", "expect none")
    noise = Noise(27, 6, 3)
    process = Process(1000, 5000, lambda t: (noise(t)[0], 0, noise(t)[1]))
    trace.run(process, 0, 60)
    trace.say("limit 6000")
    trace.run(process, 61, 180)
    trace.write()


def leak_that_stops():
    trace = Trace("leak_that_stops", """
Leaks 300 a second for a minute and is then mended: called, and taken back.
""", "noted leak before 0.10\ncleared leak")
    trace.run(Process(1000, 30, lambda t: (min(t, 60) * 300, 0, 0)), 0, 240)
    trace.write()


TRACES = {
    function.__name__.rstrip("_"): function
    for function in (story, story_table, fast_climb, fast_climb_attached, seconds_climb, slow_leak, slow_leak_in_churn,
                     split_leak, allocator_purge, staircase, leak_that_slows, leak_after_a_high, gap, exec_then_leak, leak_in_a_compile, jvm_start,
                     jvm_start_small_limit, python_import, compile_, stress_ng_streamed, redis_eviction,
                     cache_saturates, cache_saturates_fast, flat_high, jump, jump_streamed, stairs_that_end, collector, collector_slow,
                     double_mapping, exec_into_more, gap_with_a_jump, limit_raised, limit_lowered, leak_that_stops)
}
for seed_ in (1, 2, 3, 4, 5):
    TRACES[f"stress_ng_{seed_}"] = lambda seed=seed_: stress_ng(seed)

for name in sys.argv[1:] or TRACES:
    TRACES[name]()
