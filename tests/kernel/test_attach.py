# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What already lives is known from the first second on."""

import contextlib

from lib import Case, Tracer, limit_maps, losses, main, maps_count, maps_count_all, start_workload

HELD = 60000


def limit_set(maps):
    with open("/proc/sys/vm/max_map_count", "w", encoding="ascii") as file:
        file.write(str(maps))


class Attach(Case):
    def test_holder_within_a_second(self):
        with start_workload("holder", "--maps", HELD, ready=True) as holder, Tracer("-i", "1") as tracer:
            start = tracer.wait_type("start")
            line = tracer.wait_type("process", holder.pid)
            self.assertEqual(line["map_count"], HELD)
            self.assertEqual(line["map_count"], maps_count(holder.pid))
            self.assertEqual(line["baseline"], HELD)
            self.assertLessEqual(line["arrival_ns"] - start["arrival_ns"], 1_000_000_000, "ns after the start line")
            self.assertLessEqual(line["arrival_ns"] - tracer.started_ns, 2_000_000_000, "ns after the program's start")
            self.assertEqual(tracer.stop(), 0)
            self.check_lines(tracer.lines())

    def test_holder_by_pid(self):
        with start_workload("holder", "--maps", HELD, ready=True) as holder, Tracer("-p", holder.pid) as tracer:
            line = tracer.wait_type("process", holder.pid)
            self.assertEqual(line["map_count"], HELD)
            self.assertLessEqual(line["arrival_ns"] - tracer.started_ns, 2_000_000_000)
            self.assertEqual(tracer.stop(), 0)
            self.check_lines(tracer.lines())

    def test_every_process(self):
        """Those whose count stood still meanwhile; kernel threads have none and are not shown."""
        stack = contextlib.ExitStack()
        self.addCleanup(stack.close)
        for maps in (100, 1000, 5000):
            stack.enter_context(start_workload("holder", "--maps", maps, ready=True))
        before = maps_count_all()
        with Tracer("-i", "1") as tracer:
            first = tracer.wait_type("process")
            # The first round is over when a process comes the second time.
            again = tracer.wait_line(
                lambda line: line["type"] == "process" and line["pid"] == first["pid"] and line is not first,
                "second round",
            )
            after = maps_count_all()
            self.assertEqual(tracer.stop(), 0)
            lines = [line for line in tracer.lines("process") if line["arrival_ns"] < again["arrival_ns"]]
        shown = {line["pid"]: line["map_count"] for line in lines}
        still = {pid: count for pid, count in before.items() if after.get(pid) == count}
        self.assertGreater(len(still), 3)
        self.assertEqual({pid: shown.get(pid) for pid in still}, still)
        self.check_lines(lines)

    def test_zombie_leader(self):
        """The leader has no address space any more, its thread has."""
        with start_workload("lifecycle", "zombie_leader", "--hold") as child:
            count = int(child.line().split()[3])
            self.assertEqual(child.line(), "ready")
            with Tracer("-i", "1") as tracer:
                self.assertEqual(tracer.wait_type("process", child.pid)["map_count"], count)
                self.assertEqual(tracer.stop(), 0)

    def test_limit_is_read_again(self):
        """vm.max_map_count changes while the program runs."""
        limit = limit_maps()
        self.addCleanup(limit_set, limit)
        with start_workload("holder", "--maps", "100", ready=True) as holder, Tracer("-i", "500ms") as tracer:
            self.assertEqual(tracer.wait_type("process", holder.pid)["limit"], limit)
            limit_set(limit + 1000)
            line = tracer.wait_line(
                lambda line: line["type"] == "process" and line["pid"] == holder.pid and line["limit"] != limit,
                "new limit",
            )
            self.assertEqual(line["limit"], limit + 1000)
            self.assertAlmostEqual(line["ratio"], 100 / (limit + 1000), places=4)
            self.assertEqual(tracer.stop(), 0)

    def test_growth_after_attach(self):
        """The baseline is what was there, the op lines what came."""
        with start_workload("fastleak", "--wait", "--hold", ready=True) as leak:
            baseline = maps_count(leak.pid)
            with Tracer("-p", leak.pid, "--ring-size", "64M") as tracer:
                tracer.ready()
                leak.send()
                count = int(leak.line().split()[4])
                self.assertEqual(tracer.stop(), 0)
                lines = tracer.lines()
        last = [line for line in lines if line["type"] == "process"][-1]
        self.assertEqual((last["baseline"], last["map_count"]), (baseline, count))
        if not losses(lines):
            deltas = sum(line["delta"] for line in lines if line["type"] == "op")
            self.assertEqual(baseline + deltas, count)


if __name__ == "__main__":
    main()
