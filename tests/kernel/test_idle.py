# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Thousands of processes of which few move: a tick reads those that changed, and nothing is missed. How many
there are is in MMAPTRACE_IDLERS."""

import calendar
import os
import re
import signal
import time

from lib import EXTRA_ARGS, PROGRAM, Case, Child, Tracer, losses, main, maps_count, process_state, wait_until, workload

MANY = int(os.environ.get("MMAPTRACE_IDLERS", "2000"))  # at least 256
SECOND_NS = 1_000_000_000
# More ends than the ring for their records holds.
ENDS_LOST = 1400


def obey(idlers, command):
    """Sends a command and returns {pid: maps} of what it says, and when it had been obeyed."""
    idlers.send(command.encode() + b"\n")
    counts = {}
    while (line := idlers.line()) != "done":
        _, pid, _, count = line.split()
        counts[int(pid)] = int(count)
    return counts, time.time_ns()


def children(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


def unix_ns(line):
    """The time of a line, to the microsecond."""
    text, _, fraction = line["ts"].rstrip("Z").partition(".")
    whole = time.strptime(text, "%Y-%m-%dT%H:%M:%S")
    return calendar.timegm(whole) * SECOND_NS + int(fraction.ljust(9, "0"))


class Idle(Case):
    def start_idlers(self, many=MANY):
        """They go by a name of their own: others' may be at work."""
        self.name = f"idle{os.getpid()}"
        path = os.path.join(self.directory(), self.name)
        os.symlink(workload("idlers"), path)
        idlers = self.enterContext(Child([path, str(many)]))
        self.assertEqual(idlers.line(), "ready")
        return idlers

    def start(self, *args, many=MANY):
        """The idlers, and mmaptrace once it has shown all of them."""
        idlers = self.start_idlers(many)
        tracer = self.enterContext(Tracer("-n", self.name, "-i", "1", "-v", *args)).ready()
        self.table_after(tracer, time.time_ns())
        return idlers, tracer

    def table_after(self, tracer, since_ns):
        """{pid: line} of a table made of a tick that began after this moment: a tick comes between two tables."""
        tables = [{}]

        def second_ended(line):
            if line["pid"] in tables[-1]:
                tables.append({})
            tables[-1][line["pid"]] = line
            # One that began before may be among them; the first after it may be made of a tick before.
            began = [unix_ns(next(iter(table.values()))) > since_ns for table in tables]
            return began.count(True) == 3

        tracer.wait_line(second_ended, "whole table", kind="process")
        return tables[-2]

    def check_counts(self, table, counts):
        self.assertEqual({pid: table[pid]["map_count"] for pid in counts if pid in table}, counts)

    def stop_and_check(self, tracer):
        self.assertEqual(tracer.stop(), 0)
        lines = tracer.lines()
        self.check_lines(lines)
        return lines

    def test_changes_of_some(self):
        """Whoever moved is in the next table as /proc has it, again and again; all others as they were."""
        idlers, tracer = self.start()
        pids = children(idlers.pid)
        self.assertEqual(len(pids), MANY)
        expected = {pid: maps_count(pid) for pid in pids}
        for first, number, maps in ((0, 1, 1), (MANY // 2, 50, 7), (MANY - 10, 10, 100), (MANY // 2, 50, 2)):
            counts, done_ns = obey(idlers, f"map {first} {number} {maps}")
            self.assertEqual(len(counts), number)
            expected.update(counts)
            table = self.table_after(tracer, done_ns)
            self.check_counts(table, expected)
            for pid in counts:
                self.assertEqual(table[pid]["map_count"], maps_count(pid))
        self.assertEqual(losses(self.stop_and_check(tracer)), [])

    def test_ends(self):
        """Each end is told once, and the ended are in no table after it."""
        idlers, tracer = self.start()
        pids = children(idlers.pid)
        _, done_ns = obey(idlers, f"end {MANY // 8} {MANY // 4}")
        gone = set(pids) - set(children(idlers.pid))
        self.assertEqual(len(gone), MANY // 4)
        table = self.table_after(tracer, done_ns)
        self.assertEqual(set(table) & set(pids), set(pids) - gone)
        lines = self.stop_and_check(tracer)
        exits = sorted(line["pid"] for line in lines if line["type"] == "exit" and line["pid"] in set(pids))
        self.assertEqual(exits, sorted(gone))
        self.assertEqual(losses(lines), [])

    def freeze(self, tracer):
        """mmaptrace reads nothing until SIGCONT; what the kernel tells it has to wait, or finds no room."""
        tracer.process.send_signal(signal.SIGSTOP)
        wait_until(lambda: process_state(tracer.pid) == "T", "mmaptrace to stop")

    def missed(self, tracer):
        return [int(count) for count in re.findall(r"notes or ends missed: (\d+) in all", tracer.err.text())]

    def test_too_many_changes(self):
        """More change between two ticks than there is room to note: all are read, and no loss is told of."""
        # Room for notes is an eighth of the table's.
        idlers, tracer = self.start("--max-procs", max(2 * MANY, 1024))
        moved = MANY * 3 // 4
        self.freeze(tracer)
        counts, _ = obey(idlers, f"map 0 {moved} 3")
        self.assertEqual(len(counts), moved)
        self.assertEqual(self.missed(tracer), [])
        tracer.process.send_signal(signal.SIGCONT)
        self.check_counts(self.table_after(tracer, time.time_ns()), counts)
        self.assertEqual(len(self.missed(tracer)), 1)
        self.assertGreaterEqual(self.missed(tracer)[0], moved - max(MANY // 4, 128))
        # And it goes on as before.
        counts, done_ns = obey(idlers, "map 10 20 5")
        self.check_counts(self.table_after(tracer, done_ns), counts)
        self.assertEqual(losses(self.stop_and_check(tracer)), [])

    def test_lost_ends(self):
        """More end than the ring holds records: that is told, and the forgotten are found to be gone."""
        idlers, tracer = self.start(many=max(MANY, ENDS_LOST + 200))
        pids = set(children(idlers.pid))
        self.freeze(tracer)
        obey(idlers, f"end 0 {ENDS_LOST}")
        gone = pids - set(children(idlers.pid))
        tracer.process.send_signal(signal.SIGCONT)
        told = tracer.wait_line(lambda line: "exec and fork" in line["what"], "loss of ends", kind="loss")
        self.assertGreater(told["count"], 0)
        exits = set()

        def all_told(line):
            exits.add(line["pid"])
            return gone <= exits

        tracer.wait_line(all_told, f"end of each of {ENDS_LOST}", kind="exit")
        table = self.table_after(tracer, time.time_ns())
        self.assertEqual(set(table) & pids, pids - gone)
        lines = self.stop_and_check(tracer)
        exits = [line["pid"] for line in lines if line["type"] == "exit" and line["pid"] in gone]
        self.assertEqual(sorted(exits), sorted(gone))

    def test_quiet_ticks_read_few(self):
        """What a tick of thousands at rest reads is what else happens on this machine."""
        _, tracer = self.start()
        known = re.compile(r"accounts read: (\d+) changed of (\d+)")
        begun = len(known.findall(tracer.err.text()))
        wait_until(lambda: len(known.findall(tracer.err.text())) >= begun + 6, "6 ticks")
        ticks = [(int(changed), int(all_)) for changed, all_ in known.findall(tracer.err.text())[begun:]]
        for _, all_ in ticks:
            self.assertGreaterEqual(all_, MANY)
        self.assertLess(sorted(changed for changed, _ in ticks)[len(ticks) // 2], max(MANY // 10, 50))
        self.stop_and_check(tracer)

    def test_text_table(self):
        """The first rows are the first of all, and a change makes one of them."""
        idlers = self.start_idlers()
        argv = [PROGRAM, *EXTRA_ARGS, "-n", self.name, "-r", "5", "-i", "1"]
        tracer = self.enterContext(Child(argv))

        def rows():
            """Of the next table: [(pid, maps)]."""
            found = []
            while not re.match(r"\s*PID", tracer.line()):
                pass
            while len(found) < 5:
                words = tracer.line().split()
                found.append((int(words[0]), int(words[2].replace(",", ""))))
            return found

        pids = sorted(children(idlers.pid))
        rest = maps_count(pids[0])
        self.assertEqual([row for row in rows() if row[0] != idlers.pid][:4], [(pid, rest) for pid in pids[:4]])
        counts, _ = obey(idlers, f"map {MANY * 3 // 4} 3 40")
        expected = sorted(counts.items())
        for _ in range(3):
            shown = rows()
            if shown[:3] == expected:
                break
        self.assertEqual(shown[:3], expected)
        tracer.process.send_signal(signal.SIGINT)
        self.assertEqual(tracer.wait(), 0)

    def test_cgroup(self):
        """-c with more processes than are looked up at once: all of the group, none of another."""
        with open("/proc/self/cgroup", encoding="ascii") as file:
            paths = [line.rstrip("\n").split(":", 2)[2] for line in file]
        path = max(paths, key=len)
        if path == "/":
            self.lacking("these tests run in no cgroup but the root")
        idlers, tracer = self.start("-c", path)
        pids = set(children(idlers.pid))
        table = self.table_after(tracer, time.time_ns())
        self.assertEqual(set(table) & pids, pids)
        counts, done_ns = obey(idlers, f"map {MANY // 3} 10 9")
        self.check_counts(self.table_after(tracer, done_ns), counts)
        self.stop_and_check(tracer)


if __name__ == "__main__":
    main()
