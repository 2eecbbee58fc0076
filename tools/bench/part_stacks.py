# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What call stacks add to a traced mmap+munmap pair: by frame pointers in a program that has them, by unwind
information in one that has none, at three depths; beside bpftrace and perf.

As in part pair each tracer is attached for short slices in turn, and compared with the slices just before and after
it. What stacks, call sites and the ledger cost is what a tracer with them adds to the pair more than one without
(--unwind=off) in the same round, as a multiple of what that one adds: the operation's record."""

import os

import lib
import part_pair
import peers

# ops has nine frames of its own, from _start to munmap.
OWN_FRAMES = 9
DEPTHS = (9, 20, 60)
SLICE_MS = 15
GOAL = 1.5


class DeepRound(part_pair.Round):
    requests = {depth: f"slice anon {SLICE_MS} {depth - OWN_FRAMES}" for depth in DEPTHS}


class BpftraceStacks(peers.Tool):
    """It counts by stack in the kernel, which is less than is asked here: no operation, no length, no ledger."""

    name = "bpftrace, @[ustack]"
    needs = ("bpftrace",)
    PROGRAM = "tracepoint:syscalls:sys_exit_%s /pid == %d/ { @[ustack(127)] = count(); }"

    def argv(self, log, pid):
        script = " ".join(self.PROGRAM % (call, pid) for call in ("mmap", "munmap"))
        return ["bpftrace", "-o", log, "-e", script]

    def is_ready(self, run):
        return all(peers.is_attached(run, f"sys_exit_{call}") for call in ("mmap", "munmap"))


class PerfStacks(peers.PerfRecord):
    def __init__(self, how):
        self.name = f"perf record --call-graph {how}"
        self.how = how

    def argv(self, log, pid):
        events = ",".join(f"syscalls:sys_exit_{call}" for call in ("mmap", "munmap"))
        return ["perf", "record", "-q", "-m", f"{peers.BUFFER_MIB}M", "-e", events, "--call-graph", self.how,
                "-p", pid, "-o", log]


def mmaptrace(how):
    return peers.Mmaptrace(f"--unwind={how}", f"--unwind={how}", json=True)


# What is dear is known well enough from fewer rounds.
WITH_FP = [(mmaptrace("off"), 1), (mmaptrace("fp"), 1), (BpftraceStacks(), 3), (PerfStacks("fp"), 3)]
WITHOUT_FP = [(mmaptrace("off"), 1), (mmaptrace("dwarf"), 1), (PerfStacks("dwarf"), 3)]


class Bench:
    """One program, and who traces it in turn."""

    def __init__(self, folder, ops, built, tools, solitude):
        self.folder, self.ops, self.built, self.tools, self.solitude = folder, ops, built, tools, solitude
        self.samples = {tool.name: {depth: [] for depth in DEPTHS} for tool, _ in tools}
        self.lost, self.refused = {}, {}

    def attempt(self, round_, tool):
        self.lost.setdefault(tool.name, set())
        taken = round_.measure(tool)
        lost = tool.lost(round_.last)
        if lost:
            self.lost[tool.name].add(lost)
        for depth in DEPTHS:
            self.samples[tool.name][depth].append(taken[depth])

    def round(self, turn, repetitions):
        round_ = DeepRound(self.ops, self.folder, repetitions, self.solitude)
        for tool, every in self.tools:
            if turn % every or tool.name in self.refused:
                continue
            try:
                self.attempt(round_, tool)
            except lib.CannotRun as why:
                self.refused[tool.name] = str(why)

    def times_record(self, tool, depth):
        """(what it adds more than the record) / (what the record adds), round by round."""
        base = [busy - bare for busy, bare in self.samples[self.tools[0][0].name][depth]]
        mine = [busy - bare for busy, bare in self.samples[tool.name][depth]]
        every = dict(self.tools)[tool]
        return [(added - record) / record for added, record in zip(mine, base[::every]) if record > 0]

    def rows(self):
        for tool, _ in self.tools:
            row = {"name": tool.name, "built": self.built}
            if tool.name in self.refused:
                yield {**row, "why_not": self.refused[tool.name]}
                continue
            for depth in DEPTHS:
                samples, times = self.samples[tool.name][depth], self.times_record(tool, depth)
                row[str(depth)] = {
                    "bare_ns": lib.median([bare for _, bare in samples]),
                    "ratio": lib.median([busy / bare for busy, bare in samples]),
                    "added_ns": lib.median([busy - bare for busy, bare in samples]),
                    "times_record": lib.median(times),
                    "spread": lib.spread(times),
                }
            yield {**row, "rounds": len(samples), "lost": "; ".join(sorted(self.lost[tool.name]))}


def measure_all(report, rounds, repetitions):
    solitude = lib.Solitude()
    with lib.scratch() as folder, lib.Ops(folder, name="ops-fp") as with_fp, lib.Ops(folder) as without_fp:
        benches = [Bench(folder, with_fp, "with frame pointers", WITH_FP, solitude),
                   Bench(folder, without_fp, "without", WITHOUT_FP, solitude)]
        for turn in range(rounds):
            for bench in benches:
                bench.round(turn, repetitions)
            lib.progress(f"stacks: round {turn + 1} of {rounds}")
    report.note_disturbed("stacks", solitude)
    for bench in benches:
        for row in bench.rows():
            report.add("stacks", row)


def show(rows):
    def cell(depth, what, digits):
        return lambda row: "-" if "why_not" in row else lib.number(row[str(depth)][what], digits)

    columns = [("attached", lambda row: row["name"]), ("a program", lambda row: row["built"])]
    for depth in DEPTHS:
        columns += [(f"{depth} frames", cell(depth, "ratio", 2)), ("+ns", cell(depth, "added_ns", 0)),
                    ("/ record", cell(depth, "times_record", 2))]
    columns.append(("lost", lambda row: row.get("why_not", row.get("lost", ""))))
    bare = next((row for row in rows if "why_not" not in row), None)
    if bare:
        print("nothing attached: " + ", ".join(f"{bare[str(depth)]['bare_ns']:,.0f} ns at {depth} frames"
                                               for depth in DEPTHS))
    lib.table(columns, rows)
    print("/ record: what it adds more than --unwind=off, as a multiple of what that adds")


def goals(report, rows):
    row = next((row for row in rows if row["name"] == "--unwind=fp" and "why_not" not in row), None)
    for depth in DEPTHS:
        report.goal_below(f"stacks by frame pointers, {depth} frames: added / the record", GOAL,
                          row and row[str(depth)]["times_record"])


def run(report, quick):
    rounds, repetitions = (3, 2) if quick else (9, 3)
    if os.geteuid():
        raise lib.CannotRun("needs root")
    measure_all(report, rounds, repetitions)
    rows = report.parts["stacks"]
    show(rows)
    goals(report, rows)
