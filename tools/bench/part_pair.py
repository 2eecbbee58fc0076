# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What is added to an mmap+munmap pair, and to a call that has nothing to do with maps (getppid).

Each tracer is attached for short slices in turn, round after round, and each time compared with the slices just
before and after it, when nothing was attached: so neither drift nor a noisy neighbour favours anyone. What is given
is the median over the rounds of that ratio, and half the distance between its quartiles."""

import os
import statistics

import lib
import peers

KINDS = ("anon", "shm", "getppid")
SLICE_MS = {"anon": 20, "shm": 20, "getppid": 10}


class EmptyTool:
    """Empty programs on the hooks that a gear of mmaptrace attaches: what hooking alone costs."""

    def __init__(self, name, hooks):
        self.name, self.hooks = name, hooks

    def start(self, _folder, _pid):
        return lib.Empty(self.hooks)


class Other(peers.Mmaptrace):
    """mmaptrace on a process that sleeps."""

    def __init__(self, name, other, *args, **options):
        super().__init__(name, *args, **options)
        self.other = other

    def argv(self, log, _pid):
        return super().argv(log, self.other)


def hooks_attached(tool, folder, pid):
    run = tool.start(folder, pid)
    hooks = lib.hooks_of(run.process.pid)
    run.stop()
    return hooks


def is_syscall_hook(hook):
    return hook.startswith("tp:syscalls/") or hook.startswith("raw_tp:sys_")


def gears(folder, pid, other):
    """[(tool, every how many rounds)] What is dear is known well enough from fewer rounds."""
    watch = peers.Mmaptrace("watch", "--hooks=witness", target=False)
    trace = peers.Mmaptrace("trace us, JSON", json=True)
    chosen = [(watch, 1), (Other("trace someone else", other, json=True), 1), (trace, 1),
              (peers.Mmaptrace("trace us, text"), 1)]
    watched = hooks_attached(watch, folder, pid)
    traced = hooks_attached(trace, folder, pid)
    witness = [hook for hook in watched if "mmap_lock" in hook]
    syscalls = [hook for hook in traced if is_syscall_hook(hook)]
    for name, hooks in (("witness alone", witness), ("all of watch", watched), ("system calls alone", syscalls),
                        ("all of trace", traced)):
        if hooks:
            chosen.append((EmptyTool(f"empty: {name} ({len(hooks)})", hooks), 1))
    chosen += [(peers.Bpftrace(), 3), (peers.PerfTrace(), 3), (peers.Strace(), 3), (peers.Memleak(), 3)]
    return chosen


class Round:
    """Bare slices are shared by their neighbours: the end of one is the beginning of the next."""

    TRIES = 5
    requests = {kind: f"slice {kind} {ms}" for kind, ms in SLICE_MS.items()}

    def __init__(self, ops, folder, repetitions, solitude):
        self.ops, self.folder, self.repetitions, self.solitude = ops, folder, repetitions, solitude
        self.bare = self.bare_slices()
        self.last = None  # the tracer's run measured last: its log is there until the next one

    def slices(self, repetitions):
        """{kind: median over the repetitions}, the kinds in turn."""
        taken = {kind: [] for kind in self.requests}
        for _ in range(repetitions):
            for kind, request in self.requests.items():
                taken[kind].append(self.ops.ask(request)["median_ns"])
        return {kind: statistics.median(values) for kind, values in taken.items()}

    def bare_slices(self):
        """With nothing attached but what is always there."""
        for _ in range(self.TRIES):
            self.solitude.wait()
            taken = self.slices(self.repetitions)
            if self.solitude.is_kept() or self.solitude.is_hopeless():
                break
        return taken

    def attempt(self, tool):
        run = self.last = tool.start(self.folder, self.ops.pid)
        try:
            self.slices(1)  # buffers are touched for the first time here
            busy = self.slices(self.repetitions)
        finally:
            run.stop()
        before, alone = self.bare, self.solitude.is_kept()
        self.bare = self.bare_slices()
        return {kind: (busy[kind], (before[kind] + self.bare[kind]) / 2) for kind in self.requests}, alone

    def measure(self, tool):
        for _ in range(self.TRIES):
            taken, alone = self.attempt(tool)
            if alone:
                return taken
            if self.solitude.is_hopeless():
                break
        self.solitude.count()
        return taken


def summary(name, samples):
    """samples: {kind: [(busy, bare)]}"""
    row = {"name": name, "rounds": len(samples[KINDS[0]])}
    for kind in KINDS:
        ratios = [busy / bare for busy, bare in samples[kind]]
        row[kind] = {
            "ratio": lib.median(ratios),
            "spread": lib.spread(ratios),
            "added_ns": lib.median([busy - bare for busy, bare in samples[kind]]),
            "bare_ns": lib.median([bare for _, bare in samples[kind]]),
        }
    return row


def measure_all(report, rounds, repetitions):
    samples, refused = {}, {}
    with lib.scratch() as folder, lib.Sleeper() as other, lib.Ops(folder) as ops:
        tools = gears(folder, ops.pid, other.pid)
        solitude = lib.Solitude()
        for turn in range(rounds):
            round_ = Round(ops, folder, repetitions, solitude)
            for tool, every in tools[turn % len(tools):] + tools[: turn % len(tools)]:
                if turn % every or tool.name in refused:
                    continue
                try:
                    taken = round_.measure(tool)
                except lib.CannotRun as why:
                    refused[tool.name] = str(why)
                    continue
                for kind in KINDS:
                    samples.setdefault(tool.name, {kind: [] for kind in KINDS})[kind].append(taken[kind])
            lib.progress(f"pair: round {turn + 1} of {rounds}")
        report.note_disturbed("pair", solitude)
    for tool, _ in tools:
        if tool.name in refused:
            report.add("pair", {"name": tool.name, "why_not": refused[tool.name]})
        else:
            report.add("pair", summary(tool.name, samples[tool.name]))


def show(rows):
    def cell(kind, what, digits, percent=False):
        def take(row):
            if "why_not" in row:
                return "-"
            value = row[kind][what]
            return "-" if value is None else f"±{value * 100:.0f}%" if percent else lib.number(value, digits)
        return take

    bare = next((row for row in rows if "why_not" not in row), None)
    if bare:
        print("nothing attached: " + ", ".join(f"{kind} {bare[kind]['bare_ns']:,.0f} ns" for kind in KINDS))
    columns = [("attached", lambda row: row["name"])]
    for kind in KINDS:
        columns += [(kind, cell(kind, "ratio", 3)), ("", cell(kind, "spread", 0, True)),
                    ("+ns", cell(kind, "added_ns", 0))]
    columns.append(("", lambda row: row.get("why_not", "")))
    lib.table(columns, rows)


def row_named(rows, start):
    return next((row for row in rows if row["name"].startswith(start) and "why_not" not in row), None)


def quotient(rows, kind, upper, lower):
    """How many times what `lower` adds `upper` adds."""
    one, other = row_named(rows, upper), row_named(rows, lower)
    if not one or not other or other[kind]["added_ns"] <= 0:
        return None
    return one[kind]["added_ns"] / other[kind]["added_ns"]


def goals(report, rows):
    watch = row_named(rows, "watch")
    if watch:
        off = abs(watch["getppid"]["ratio"] - 1)
        report.goal_below("watch: getppid off by", 0.01, off)
        for kind in ("anon", "shm"):
            report.goal_below(f"watch: {kind} pair, ratio", 1.05, watch[kind]["ratio"])
    for kind in ("anon", "shm"):
        report.goal_below(f"trace of another: {kind} pair, added / added by empty programs", 1.1,
                          quotient(rows, kind, "trace someone else", "empty: all of trace"))
    for kind in ("anon", "shm"):
        for peer, limit in (("empty: all of trace", 1.5), ("bpftrace", 1 / 15), ("perf trace", 1 / 30),
                            ("strace", 1 / 100)):
            report.goal_below(f"trace of us: {kind} pair, added / added by {peer}", limit,
                              quotient(rows, kind, "trace us, JSON", peer))


def run(report, quick):
    rounds, repetitions = (3, 2) if quick else (9, 3)
    if os.geteuid():
        raise lib.CannotRun("needs root")
    measure_all(report, rounds, repetitions)
    rows = report.parts["pair"]
    show(rows)
    goals(report, rows)
