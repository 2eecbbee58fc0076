# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ledger of live maps: how many of the maps that /proc lists each call site has made, at a moment when the
process stands still. The truth is /proc, and who made each page by the process's own word (shadow.py)."""

import contextlib
import os
import signal
from collections import Counter, defaultdict

import schema
import shadow
from lib import PATIENCE, Case, Tracer, main, start_workload, workload
from profiles import Held, Profiler, by_function, by_function_only, folded_sites, map_starts

SEEDS = int(os.environ.get("MMAPTRACE_SEEDS", "200"))
OPS = min(int(os.environ.get("MMAPTRACE_OPS", "400")), 400)
BATCH = 25


def needs_addresses(test):
    """The witness sees changes of the count, not of which addresses: it has no ledger."""
    return test if schema.CALLS_SEEN else lambda self: None


class Generated(Case):
    """Random operations by many processes, that stop and wait; each is then held against its own word."""

    def run_batch(self, seeds):
        """([(seed, pid, starts)], sites by pid, shadows by pid)"""
        folder = self.directory()
        log, start, pause, folded = (os.path.join(folder, name) for name in ("log", "start", "pause", "folded"))
        with Held(start) as start, Held(pause) as pause, contextlib.ExitStack() as stack:
            options = ["--ops", OPS, "--log", log, "--start", start.path, "--pause", pause.path]
            children = [
                stack.enter_context(start_workload("mapgen", "--seed", seed, *options)) for seed in seeds
            ]
            for child in children:
                child.line()
                self.assertEqual(child.line(), f"ready {child.pid}")
            tracer = stack.enter_context(Profiler("--folded=live", folded, [child.pid for child in children]))
            start.let_go()
            for child in children:
                self.assertEqual(child.line(), f"paused {child.pid}")
            found = [(seed, child.pid, map_starts(child.pid)) for seed, child in zip(seeds, children)]
            tracer.finish()
        with open(log, encoding="ascii") as file:
            return found, folded_sites(folded), shadow.replay(file)

    def compare(self, seed, pid, sites, expected, unsure):
        said = by_function(sites, "op_")
        differ = {owner: (said[owner], expected[owner]) for owner in said | expected if said[owner] != expected[owner]}
        # A map of another owner is missed by one and found by the other.
        if sum(abs(mine - his) for mine, his in differ.values()) <= 2 * unsure:
            return []
        return [f"seed {seed} pid {pid}: {differ} (said, by the pages), {unsure} unsure"]

    @needs_addresses
    def test_live_counts_on_random_operations(self):
        wrong, maps, open_ones = [], 0, 0
        for first in range(1, SEEDS + 1, BATCH):
            seeds = range(first, min(first + BATCH, SEEDS + 1))
            found, sites, shadows = self.run_batch(seeds)
            for seed, pid, starts in found:
                expected, unsure = shadows[pid].live_counts(starts)
                wrong += self.compare(seed, pid, sites[pid], expected, unsure)
                maps += sum(expected.values())
                open_ones += unsure
        if wrong:
            self.fail(f"{len(wrong)} of {SEEDS} processes differ:\n" + "\n".join(wrong[:8]))
        self.assertGreater(maps, SEEDS * 10)
        self.assertLess(open_ones, maps / 20)
        print(f"     {SEEDS} seeds: {maps} maps, each by who made it; {open_ones} of one of two")


# Of each function that makes maps in remains.c: what it makes, as it is written there.
REMAINS = {
    "case_head": 1, "case_tail": 1, "case_middle": 2, "case_across": 2, "case_all": 0, "case_trimmed": 0,
    "case_reused": 1, "case_over": 3, "case_under": 5, "case_moved": 3, "case_resized": 4, "case_split": 1,
    "case_whole": 3, "case_segment": 1, "case_ring": 1,
}  # fmt: skip


class Remains(Case):
    """One way after the other, by a program that says which function has made what is left where."""

    def ranges(self, child):
        """{function: [range]}, as it says once it is done."""
        ranges = defaultdict(list)
        while (line := child.line()) != "done":
            function, start, end = line.split()
            ranges[function].append(range(int(start, 16), int(end, 16)))
        return ranges

    def check(self, ranges, starts, sites):
        found = {name: sum(start in there for start in starts for there in ranges[name]) for name in ranges}
        self.assertEqual(found, REMAINS, "the workload is not what it says")
        self.assertEqual(+by_function_only(sites), +Counter(found))

    def check_made(self, child, tracer, folded):
        """One step further, and what it has made then is what the profile says."""
        child.send()
        ranges = self.ranges(child)
        starts = map_starts(child.pid)
        tracer.finish()
        self.check(ranges, starts, folded_sites(folded)[child.pid])

    @needs_addresses
    def test_unmapped_in_part_mapped_over_moved_split(self):
        folded = os.path.join(self.directory(), "folded")
        with start_workload("remains", ready=True) as child, Profiler("--folded=live", folded, [child.pid]) as tracer:
            tracer.wait_warm(child.pid)
            self.check_made(child, tracer, folded)

    @needs_addresses
    def test_exec_begins_anew(self):
        """Of what the program before has made nothing is said any more."""
        folded = os.path.join(self.directory(), "folded")
        with start_workload("remains", "exec", ready=True) as child, Profiler("--folded=live", folded, [child.pid]) as tracer:
            tracer.wait_warm(child.pid)
            child.send()
            tracer.wait_rules(child.pid)
            self.check_made(child, tracer, folded)

    @needs_addresses
    def test_fork_inherits_nobodys(self):
        """What a child has inherited nobody in it has made; what it makes itself is its own."""
        folded = os.path.join(self.directory(), "folded")
        with Profiler("--folded=live", folded, command=[workload("remains"), "fork"]) as tracer:
            self.assertEqual(tracer.line(), "ready")
            tracer.wait_rules()
            tracer.send()
            pid = int(tracer.line().removeprefix("child "))
            tracer.wait_rules(pid)
            tracer.send()
            ranges = self.ranges(tracer)
            starts = map_starts(pid)
            tracer.finish()
            sites = folded_sites(folded)
        self.check(ranges, starts, sites[pid])
        (parent,) = set(sites) - {pid}
        self.assertEqual(by_function_only(sites[parent]), {"case_before": 5})


class Short(Case):
    @needs_addresses
    def test_unmapped_shorter_than_mapped(self):
        """The finding says so, with both lengths."""
        command = [workload("shortunmap"), 30000, 1000]
        with Tracer("-x", "-i", "1h", "--limit", 4096, "--", *command) as tracer:
            finding = tracer.wait_line(lambda line: line["kind"] == "leak", "leak", 60 * PATIENCE, kind="finding")
            tracer.stop(signal.SIGTERM)
            self.check_lines(tracer.lines("finding"))
        site = finding["evidence"]["sites"][0]
        self.assertEqual(site["op"], "mmap")
        # The last one may be on its way, mapped and not yet unmapped.
        self.assertLessEqual(abs(site["calls"] - site["cut"]), 1)
        self.assertGreaterEqual(site["live"], site["cut"] - 1)
        self.assertIn("12 KiB of 20 KiB", finding["advice"])
        self.assertIn("main (shortunmap.c:", finding["advice"])


if __name__ == "__main__":
    main()
