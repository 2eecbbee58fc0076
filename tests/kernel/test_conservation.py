# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The conservation law over random operations: baseline + credited deltas = map_count = /proc, for
every process, and with a single thread every op line's map_count is what /proc said right then."""

import os
import subprocess
from collections import defaultdict

import schema
from lib import (
    EXTRA_ARGS, PATIENCE, PROGRAM, RUNS, SKIPS, SKIPS_EXCUSED, Case, Tracer, losses, main, results_parse, skips_of,
    start_workload, workload,
)  # fmt: skip

SEEDS = int(os.environ.get("MMAPTRACE_SEEDS", "200"))
OPS = int(os.environ.get("MMAPTRACE_OPS", "2000"))
BATCH = 50
# What follows from a skip of the program at a call's end, and from more threads in a call than the kernel keeps
# return probes for: on older kernels as many as there are processors.
UNSEEN = "operations whose end was not seen"
BY_KPROBE = "kprobe" in os.environ.get("MMAPTRACE_ARGS", "")
# The reader has had too little of a busy machine: told, and no fault, but nothing can be compared by it.
RING_FULL = "ring buffer full"
ATTEMPTS = 4
MARKER = "0x6d61726b000"
SUCCESS = None


class Run:
    """One tracer over a batch of seeds, two at a time unless told otherwise."""

    def __init__(self, folder, seeds, options, program, parallel=2):
        self.json = os.path.join(folder, "json")
        self.results = os.path.join(folder, "results")
        self.verify = os.path.join(folder, "verify")
        self.seeds = os.path.join(folder, "seeds")
        script = f'seq "$1" "$2" | xargs -P {parallel} -I@ "$3" --seed @ --results "$4" ' + " ".join(options)
        argv = ["sh", "-c", script, "sh", str(seeds[0]), str(seeds[-1]), program, self.results]
        tracer = [PROGRAM, "--json", "-o", self.json, "--ring-size", "64M", *EXTRA_ARGS, "--"]
        with open(self.seeds, "wb") as out:
            done = subprocess.run([*tracer, *argv], stdout=out, stderr=subprocess.PIPE, timeout=300, check=False)
        self.status = done.returncode
        self.stderr = done.stderr.decode(errors="replace")

    def text(self, path):
        with open(path, encoding="utf-8") as file:
            return file.read()

    def seed_of(self):
        """{pid: seeds it ran}, for messages."""
        seeds = defaultdict(list)
        for line in self.text(self.seeds).splitlines():
            words = line.split()
            seeds[int(words[3])].append(words[1])
        return seeds

    def lines(self):
        with open(self.json, "rb") as file:
            for raw in file:
                yield schema.parse_fast(raw)


class Books:
    """What the program said, per process."""

    def __init__(self, lines, calls_seen):
        self.exits = defaultdict(list)
        self.op_sums = defaultdict(int)
        self.ops = defaultdict(list)
        self.others = []
        self.end = None
        self.problems = []
        self.resultless = []
        self._verifying = {}
        self.changes = defaultdict(list)
        for number, line in enumerate(lines):
            self._add(line)
            # Millions of op lines are of one make: looking closer at some of them will do.
            if line["type"] != "op" or number % 64 == 0 or (line["ret"] is None and calls_seen):
                self._judge(line, calls_seen)

    def _judge(self, line, calls_seen):
        for problem in schema.problems(line, calls_seen):
            kind = self.resultless if problem == schema.RESULTLESS else self.problems
            kind.append(f"{problem}: {line}")

    @property
    def was_full(self):
        return any(line["what"].endswith(RING_FULL) for line in losses(self.others))

    @property
    def skips(self):
        return skips_of(self.others)

    def _add(self, line):
        kind = line["type"]
        if kind == "op":
            self.op_sums[line["pid"], line["start_time"]] += line["delta"]
            self.changes[line["pid"]].append((line["op"], line["map_count"]))
            self._add_op(line)
        elif kind == "exit":
            self.exits[line["pid"]].append(line)
        elif kind == "loss":
            self.others.append(line)
        elif kind == "end":
            self.end = line

    def _add_op(self, line):
        """Keeps the ops of the generator: from its marker on, or from birth for a forked child, to an exec."""
        pid = line["pid"]
        if line["op"] == "execve" and line["errno"] is SUCCESS:
            self._verifying[pid] = False
        elif line["op"] == "munmap" and line["addr"] == MARKER:
            self._verifying[pid] = True
        if self._verifying.get(pid, True):
            self.ops[pid].append((line["op"], line["map_count"]))


class SeedsCase(Case):
    """Runs the generator and checks what the program said of it."""

    calls_seen = schema.CALLS_SEEN

    def check_books(self, books):
        self.assertEqual(books.problems[:5], [])
        lost = [(line["what"], line["count"]) for line in losses(books.others)]
        excuses = (SKIPS, UNSEEN) if books.skips and SKIPS_EXCUSED else (UNSEEN,) if BY_KPROBE else ()
        if not any(what in excuses for what, _ in lost):
            self.assertEqual(books.resultless[:5], [])
        self.assertEqual([pair for pair in lost if pair[0] not in excuses], [])
        self.assertIsNotNone(books.end, "no end line")
        self.assertEqual(books.end["lost"], sum(line["count"] for line in books.others))

    def check_law(self, run, books, pids):
        """Every process's last count is /proc's, by its exit line and by its op lines; of these one process may lack
        some for each program that the kernel has skipped, and has said so."""
        seeds = run.seed_of()
        wrong, untold = [], []
        for pid, count in pids.items():
            exits = books.exits.get(pid, [])
            if len(exits) != 1:
                wrong.append(f"pid {pid} has {len(exits)} exit lines")
                continue
            line = exits[0]
            by_ops = line["baseline"] + books.op_sums[pid, line["start_time"]]
            if not line["map_count"] == count == by_ops:
                (untold if line["map_count"] == count else wrong).append(
                    f"pid {pid} seeds {seeds.get(pid)}: /proc {count}, exit line {line['map_count']},"
                    f" baseline {line['baseline']} + op lines {by_ops - line['baseline']}, credits {line['credits']}"
                )
        if len(untold) > books.skips:
            wrong += untold
        if wrong:
            self.fail(f"{len(wrong)} of {len(pids)} processes are wrong:\n" + "\n".join(wrong[:6]))

    def seen_and_expected(self, books, pid, said):
        """All calls from the marker on; where calls are not seen those that changed the count, to the process's end."""
        if schema.CALLS_SEEN:
            return books.ops[pid], said
        changes = [now for before, now in zip(said, said[1:]) if before[1] != now[1]]
        return books.changes[pid][len(books.changes[pid]) - len(changes) :], changes

    def check_every_line(self, run, books):
        """Op line for op line against the count from /proc right after the call."""
        said = defaultdict(list)
        for line in run.text(run.verify).splitlines():
            pid, _, call, count = line.split()
            said[int(pid)].append((call, int(count)))
        seeds = run.seed_of()
        for pid in said:
            seen, expected = self.seen_and_expected(books, pid, said[pid])
            if seen == expected:
                continue
            at = next((i for i, pair in enumerate(zip(seen, expected)) if pair[0] != pair[1]), len(seen))
            self.fail(
                f"pid {pid} seeds {seeds.get(pid)}: {len(seen)} op lines, {len(expected)} calls; they part at {at}:\n"
                f"op lines {seen[max(at - 2, 0):at + 3]}\n/proc    {expected[max(at - 2, 0):at + 3]}"
            )
        return sum(map(len, said.values()))

    def run_seeds(self, first, count, options, verify, program="mapgen"):
        calls = 0
        for start in range(first, first + count, BATCH):
            seeds = range(start, min(start + BATCH, first + count))
            for attempt in range(ATTEMPTS):
                is_last = attempt == ATTEMPTS - 1
                run, books = self.run_batch(seeds, options, verify, program, 1 if attempt else 2, is_last)
                if not books.was_full and not (SKIPS_EXCUSED and verify and books.skips):
                    break
            if verify:
                calls += self.check_every_line(run, books)
        if verify:
            self.assertGreaterEqual(calls, count * OPS)

    def run_batch(self, seeds, options, verify, program, parallel, is_last):
        """Its books, which obey the law unless the ring was full and it can be run again."""
        folder = self.directory()
        if verify:
            options = [*options, "--verify", os.path.join(folder, "verify")]
        run = Run(folder, seeds, options, workload(program), parallel)
        self.assertEqual(run.status, 0, run.stderr)
        books = Books(run.lines(), self.calls_seen)
        os.unlink(run.json)
        if books.was_full and not is_last:
            return run, books
        results = results_parse(run.text(run.results))
        pids = {pid: maps for pid, maps, _ in results}
        self.assertGreaterEqual(len(pids), len(seeds))
        # A pid that came twice cannot be told apart here.
        self.assertEqual(len(pids), len(results))
        self.check_books(books)
        self.check_law(run, books, pids)
        return run, books


class Conservation(SeedsCase):
    def test_single_threaded(self):
        """Plain seeds: every op line against /proc."""
        plain = SEEDS * 3 // 4
        self.run_seeds(1, plain, ["--ops", str(OPS)], verify=True)

    def test_fork_and_exec(self):
        """Children that operate, exit or exec, and an exec of itself in the end: every op line against /proc."""
        plain = SEEDS * 3 // 4
        # Where calls are not seen, nothing tells the lines of one program from those of the next one's loader.
        self.run_seeds(plain + 1, SEEDS - plain, ["--ops", str(OPS), "--fork", "--exec"], verify=schema.CALLS_SEEN)

    def test_threads(self):
        """Threads in parallel, some of them forking and executing."""
        count = max(SEEDS // 4, 1)
        options = ["--ops", str(OPS), "--threads", "4", "--fork", "--exec"]
        self.run_seeds(10001, count, options, verify=False)

    def test_attached_and_left_at_full_speed(self):
        """-p on a process that never pauses: what is told from attach to detach adds up to its last count."""
        # An emulated machine takes longer to tell what was done than to do it.
        rest_us = round(100 * (PATIENCE - 1))
        with start_workload("storm", "--seconds", "3600", "--rest", rest_us) as storm:
            for _ in range(min(3, RUNS)):
                with Tracer("-p", storm.pid, "-d", "500ms", "--ring-size", "64M") as tracer:
                    self.assertEqual(tracer.wait(), 0)
                    lines = tracer.lines()
                mine = [line for line in lines if line["type"] == "process"]
                told = sum(line["delta"] for line in lines if line["type"] == "op")
                self.assertEqual(losses(lines), [])
                self.assertEqual(mine[0]["baseline"] + told, mine[-1]["map_count"])


if __name__ == "__main__":
    main()
