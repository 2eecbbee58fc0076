# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How many events get into a log, and for how much CPU time.

One process maps and unmaps on a CPU of its own, as fast as it can or at a pace; the tracer has the other CPU and the
same buffers as its peers. Events are what is in the log when the tracer has ended, held against the calls made; the
CPU time is the tracer's own, from its being ready until it has caught up. A tool that stops its target for each event
(strace) loses none: it slows the target down instead, and that is told."""

import lib
import peers

# Pairs a second: an event each for mmap and munmap. 0 is as fast as one CPU can.
PACES = [500, 1000, 2000, 5000, 10_000, 20_000, 40_000, 80_000, 120_000, 160_000, 0]
KINDS = ("anon", "shm")


def tools():
    chosen = [peers.Mmaptrace("mmaptrace --json", json=True), peers.Mmaptrace("mmaptrace, text")]
    return chosen + [peers.Bpftrace(), peers.PerfTrace(), peers.PerfRecord(), peers.PerfScript(), peers.Strace()]


class Generator:
    """The process that is traced, and what came of it in a log."""

    def __init__(self, folder, ops, ms):
        self.folder, self.ops, self.ms = folder, ops, ms
        self.solitude = lib.Solitude()

    def measure(self, tool, kind, pace):
        self.solitude.wait()
        run = tool.start(self.folder, self.ops.pid)
        try:
            began_ns = run.cpu_ns()
            done = self.ops.ask(f"run {kind} {pace} {self.ms}")
            run.settle()
            used_ns = run.cpu_ns() - began_ns
        finally:
            run.stop()
        if not self.solitude.is_kept():
            self.solitude.count()
        return outcome(tool, run, done, used_ns + tool.afterwards(run))

    def first_loss(self, tool, kind, slowest_with):
        """Bisects PACES: (events a second of the fastest pace without loss, of the slowest with)."""
        low, high, clean = -1, len(PACES) - 1, 0
        while high - low > 1:
            middle = (low + high) // 2
            taken = self.measure(tool, kind, PACES[middle])
            if taken["lost"]:
                high, slowest_with = middle, taken["per_s"]
            else:
                low, clean = middle, taken["per_s"]
        return clean, slowest_with


def outcome(tool, run, done, used_ns):
    events, logged = int(done["calls"]) * 2, tool.operations(run)
    if not logged:
        raise lib.CannotRun("its log is empty (another's BPF program that returns 0 hides events from perf)")
    return {
        "events": events,
        "lost": max(events - logged, 0),
        "said": tool.lost(run),
        "per_s": events / done["wall_ns"] * 1e9,
        "per_cpu_s": logged / used_ns * 1e9,
        "bytes": tool.log_bytes(run) / logged,
    }


def full_speed(generator, chosen, repetitions):
    """{(tool, kind): [outcome]}, {(tool, kind): why there is none}"""
    samples, refused = {}, {}
    for turn in range(repetitions):
        for tool in chosen:
            for kind in KINDS:
                try:
                    samples.setdefault((tool.name, kind), []).append(generator.measure(tool, kind, 0))
                except lib.CannotRun as why:
                    refused[tool.name, kind] = str(why)
        lib.progress(f"export: round {turn + 1} of {repetitions}")
    return {key: taken for key, taken in samples.items() if taken}, refused


def summary(name, kind, taken):
    keys = ("per_s", "per_cpu_s", "bytes")
    row = {"name": name, "kind": kind, **{key: lib.median([one[key] for one in taken]) for key in keys}}
    row["lost_share"] = sum(one["lost"] for one in taken) / sum(one["events"] for one in taken)
    row["said"] = next((one["said"] for one in taken if one["said"]), "")
    row["spread"] = lib.spread([one["per_cpu_s"] for one in taken])
    return row


def find_losses(generator, rows, chosen):
    """Where each that lost at full speed starts to."""
    for row in rows:
        row["clean_per_s"], row["loses_per_s"] = row["per_s"], None
        if not row["lost_share"]:
            continue
        if row["kind"] != KINDS[0]:
            row["clean_per_s"] = None
            continue
        tool = next(tool for tool in chosen if tool.name == row["name"])
        try:
            row["clean_per_s"], row["loses_per_s"] = generator.first_loss(tool, row["kind"], row["per_s"])
        except lib.CannotRun as why:
            row["clean_per_s"], row["said"] = None, str(why)
        lib.progress(f"export: looked for where {tool.name} starts to lose")


def failures(refused, samples):
    """What was never measured; a round that failed once is left out."""
    missing = refused.keys() - samples.keys()
    return [{"name": name, "kind": kind, "why_not": refused[name, kind]} for name, kind in sorted(missing)]


def show(report):
    rows = report.parts["export"]

    def share(row):
        return "-" if "why_not" in row else f"{row['lost_share'] * 100:.2f} %" if row["lost_share"] else "none"

    def figure(key):
        return lambda row: lib.number(row.get(key), 0)

    lib.table([("to a log in memory", lambda row: row["name"]), ("", lambda row: row.get("kind", "")),
               ("per CPU s", figure("per_cpu_s")), ("at full speed/s", figure("per_s")), ("lost", share),
               ("clean at/s", figure("clean_per_s")), ("loses at/s", figure("loses_per_s")),
               ("bytes", figure("bytes")),
               ("it says", lambda row: row.get("why_not") or row.get("said", ""))], rows)


# Words are held against words.
RIVALS = (("bpftrace, same facts", "mmaptrace --json"), ("perf trace", "mmaptrace --json"),
          ("perf record + script", "mmaptrace --json"), ("strace -f -e %memory", "mmaptrace --json"))


def goals(report, rows):
    by_name = {(row["name"], row["kind"]): row for row in rows}
    for kind in KINDS:
        json = by_name.get(("mmaptrace --json", kind))
        if not json:
            continue
        report.goal(f"mmaptrace --json, {kind}: share lost at full speed of one core: 0", 0, json["lost_share"],
                    not json["lost_share"], 4)
        for rival, name in RIVALS:
            peer, ours = by_name.get((rival, kind)), by_name.get((name, kind), json)
            if peer:
                factor = ours["per_cpu_s"] / peer["per_cpu_s"]
                report.goal(f"{ours['name']}, {kind}: events per CPU second, times {rival}'s: over 1 (aim 5)", 1,
                            factor, factor > 1)


def run(report, quick):
    ms, repetitions = (1000, 1) if quick else (2500, 3)
    with lib.scratch() as folder, lib.Ops(folder) as ops:
        generator, chosen = Generator(folder, ops, ms), tools()
        samples, refused = full_speed(generator, chosen, repetitions)
        rows = [summary(name, kind, taken) for (name, kind), taken in samples.items()]
        find_losses(generator, rows, chosen)
        report.note_disturbed("export", generator.solitude)
    for row in rows + failures(refused, samples):
        report.add("export", row)
    show(report)
    goals(report, rows)
