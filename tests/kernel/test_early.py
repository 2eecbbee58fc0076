# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Called before it fails: a loop that leaks as fast as the machine can, to the real limit."""

import os
import shutil
import signal

import schema
from lib import (
    PATIENCE, RUNS, Case, Tracer, limit_maps, main, maps_count, process_state, run_program, start_workload,
    wait_until, workload,
)  # fmt: skip


def called_at_ns(message):
    """When the refused call of frames began."""
    return schema.time_ns(message.partition("called at ")[2].partition(")")[0])


class Leak:
    """One run of fastleak: when it was refused, and the first finding about it."""

    def __init__(self, child, tracer):
        child.send()
        words = child.line().split()
        self.refused_ns, self.maps = int(words[1]), int(words[4])
        self.finding = tracer.wait_type("finding", child.pid)

    @property
    def called_early(self):
        return schema.time_ns(self.finding["ts"]) < self.refused_ns

    @property
    def written_early(self):
        return self.finding["arrival_ns"] < self.refused_ns


class Early(Case):
    def check_leaks(self, leaks):
        """ts in all runs, writing in all but one."""
        lead_ms = [round((leak.refused_ns - leak.finding["arrival_ns"]) / 1e6, 1) for leak in leaks]
        self.assertEqual(sum(leak.called_early for leak in leaks), RUNS, f"called early; lead in ms {lead_ms}")
        self.assertGreaterEqual(sum(leak.written_early for leak in leaks), RUNS - RUNS // 20, f"lead in ms {lead_ms}")
        self.assertEqual({leak.maps for leak in leaks}, {limit_maps() + 1})

    def test_system_wide(self):
        leaks = []
        with Tracer() as tracer:
            tracer.ready()
            for _ in range(RUNS):
                with start_workload("fastleak", "--wait", ready=True) as child:
                    leaks.append(Leak(child, tracer))
                    self.assertEqual(child.wait(), 0)
            self.assertEqual(tracer.stop(), 0)
            self.check_lines(tracer.lines("finding") + tracer.lines("exit") + tracer.lines("enomem"))
        self.check_leaks(leaks)

    def test_by_pid(self):
        leaks = []
        for _ in range(RUNS):
            with start_workload("fastleak", "--wait", ready=True) as child, Tracer("-p", child.pid) as tracer:
                tracer.ready()
                leaks.append(Leak(child, tracer))
                self.assertEqual(child.wait(), 0)
                self.assertEqual(tracer.wait(), 0)
        self.check_leaks(leaks)

    def stop_one(self, child, tracer):
        """State T with fewer than M maps, nothing refused."""
        tracer.ready()
        child.send()
        wait_until(lambda: process_state(child.pid) in ("T", None), "state T")
        self.assertEqual(process_state(child.pid), "T")
        count, limit = maps_count(child.pid), limit_maps()
        self.assertLess(count, limit)
        self.assertGreaterEqual(count, limit * 95 // 100)

    def test_stop_at(self):
        for _ in range(RUNS):
            with start_workload("fastleak", "--wait", ready=True) as child:
                with Tracer("-p", child.pid, "--stop-at", "95%") as tracer:
                    self.stop_one(child, tracer)
                    self.assertEqual(tracer.stop(), 0)
                # It is a debugger's to go on with, also once the tracer is gone.
                self.assertEqual(process_state(child.pid), "T")
                self.assertLess(maps_count(child.pid), limit_maps())

    def test_stop_at_and_time_up(self):
        """Who is stopped hears that the time is up, and mmaptrace ends as it does."""
        args = ["--limit", "1000", "--stop-at", "50%", "-d", "1", "--", workload("holder"), "--maps", "3000"]
        status, _, stderr = run_program(*args)
        self.assertEqual(status, -signal.SIGTERM, stderr)
        self.assertIn("has been stopped at", stderr)

    def test_stop_at_system_wide(self):
        # Under a name of its own, so that nobody else's is stopped.
        program = os.path.join(self.directory(), f"leak-{os.getpid()}")
        shutil.copy(workload("fastleak"), program)
        with Tracer("-n", os.path.basename(program), "--stop-at", "50%") as tracer:
            tracer.ready()
            with start_workload(program, "--wait", ready=True) as child:
                child.send()
                wait_until(lambda: process_state(child.pid) == "T", "state T")
                self.assertLess(maps_count(child.pid), limit_maps() * 51 // 100)
            self.assertEqual(tracer.stop(), 0)

    def test_finding_names_the_file(self):
        """The story: one shared object mapped again and again."""
        # To a third of the limit.
        batches = limit_maps() // (3 * 49)
        with Tracer("--", *self.frames("--inputs", "50", "--batches", str(batches))) as tracer:
            self.assertEqual(tracer.wait(), 0)
            findings = tracer.lines("finding")
        self.assertTrue(findings, "no finding")
        last = findings[-1]
        self.assertEqual(last["evidence"]["ops"][0]["op"], "mmap")
        named = any("frames" in str(file["file"]) for file in last["evidence"]["files"])
        self.assertEqual(named, schema.CALLS_SEEN, last)

    def test_story_to_the_real_limit(self):
        """frames fails at the limit, and was called before."""
        with Tracer("--", *self.frames("--inputs", "8", "--batches", "0")) as tracer:
            self.assertEqual(tracer.wait(), 1)
            pid = tracer.lines("exit")[0]["pid"]
            message = tracer.err.text()
            self.assertRegex(message, r"iteration \d+: mmap: Cannot allocate memory \(called at \S+Z\)")
            called_ns = called_at_ns(message)
            findings = tracer.lines("finding", pid)
            enomem = tracer.lines("enomem", pid)
        self.assertLess(schema.time_ns(findings[0]["ts"]), called_ns)
        self.assertEqual([(line["op"], line["reason"]) for line in enomem], [("mmap", "max_map_count")])
        self.assertEqual([line["severity"] for line in findings if line["kind"] == "enomem"], ["critical"])

    def frames(self, *args):
        return [workload("frames"), "--object", f"/frames-{os.getpid()}", *args]

    def test_forecast_brackets_the_failure(self):
        """A steady leak: the failure comes between the bounds of each forecast, give or take a factor of two."""
        # Some seconds to any limit, most of them asleep: that is steady also where others keep the machine busy.
        pace_us = round(20 * PATIENCE * 65530 / limit_maps())
        argv = self.frames("--inputs", "1000", "--pace", str(pace_us), "--batches", "0")
        with Tracer("--", *argv) as tracer:
            self.assertEqual(tracer.wait(120 * PATIENCE), 1)
            called_ns = called_at_ns(tracer.err.text())
            findings = [line for line in tracer.lines("finding") if line["eta_s"] and line["kind"] != "enomem"]
        self.assertTrue(findings, "no forecast")
        for line in findings:
            left_s = (called_ns - schema.time_ns(line["ts"])) / 1e9
            if left_s > 1:
                self.assertLessEqual(line["eta_low_s"], left_s * 2, line)
                self.assertGreaterEqual(line["eta_high_s"], left_s / 2, line)


if __name__ == "__main__":
    main()
