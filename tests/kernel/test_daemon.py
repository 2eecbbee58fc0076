# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`mmaptrace daemon`: from healthy to a finding with its evidence, and what outlives it."""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import time

from lib import PATIENCE, RUNS, Case, Child, Tracer, main, maps_count, run_program, wait_until, workload

BPFFS = "/sys/fs/bpf"


def links(pid):
    """How many BPF links it holds: what is attached."""
    count = 0
    for fd in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError), open(f"/proc/{pid}/fdinfo/{fd}", encoding="ascii") as file:
            count += "link_type:" in file.read()
    return count


class Daemon(Case):
    def setUp(self):
        self.state = self.directory()
        self.pins = f"{BPFFS}/mmaptrace-test-{os.getpid()}-{random.getrandbits(32):x}"
        self.addCleanup(self.unpin)

    def unpin(self):
        shutil.rmtree(self.pins, ignore_errors=True)

    def daemon(self, *args, wait=True, **options):
        daemon = self.enterContext(Tracer("--state-dir", self.state, "--pin-dir", self.pins, "--web.listen-address",
                                          "none", *args, "daemon", **options))
        if wait:
            daemon.ready()
            wait_until(lambda: os.path.exists(f"{self.pins}/processes"), "the table pinned")
        return daemon

    def snapshot(self, daemon, pid):
        """The line of this process."""
        path = os.path.join(self.state, "snapshot.jsonl")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        daemon.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists(path), "a snapshot")
        with open(path, encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        return next((line for line in lines if line["pid"] == pid), None)

    def frames(self, *args):
        return Child([workload("frames"), "--object", f"/daemon-{os.getpid()}-{random.getrandbits(32):x}", *args])

    def assert_lawful(self, line):
        self.assertEqual(line["baseline"] + line["opened"] - line["closed"], line["map_count"])
        self.assertEqual(line["baseline"] + sum(line["credits"].values()), line["map_count"])


class Pages(Daemon):
    def follow_leak(self, limit, pace_us):
        """From healthy to a finding that names line and file; and the hooks for it are gone again."""
        daemon = self.daemon("-v", "--limit", limit)
        before = links(daemon.process.pid)
        with self.frames("--inputs", "50", "--batches", "0", "--pace", pace_us) as leak:
            finding = daemon.wait_line(
                lambda line: line["pid"] == leak.process.pid and line["evidence"]["sites"], "finding with sites",
                120 * PATIENCE, kind="finding")
            self.assertLess(finding["map_count"], limit)
            site = finding["evidence"]["sites"][0]
            self.assertIn(("frame_map", "frames.c"), [(f["function"], os.path.basename(f["file"] or ""))
                                                      for f in site["stack"]])
            self.assertEqual(site["op"], "mmap")
            self.assertTrue(finding["evidence"]["files"][0]["file"].startswith("/dev/shm/daemon-"), finding)
            self.assertGreater(links(daemon.process.pid), before)
        wait_until(lambda: links(daemon.process.pid) == before, "the hooks for a suspect are gone", 60 * PATIENCE)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.check_lines(daemon.lines())
        first = daemon.lines("finding", leak.process.pid)[0]
        self.assertFalse(first.get("update"))
        return finding

    def test_middle_leak(self):
        self.follow_leak(6000, "5000")

    def test_slow_leak_among_many_that_come_and_go(self):
        with Child(["sh", "-c", "while :; do /bin/true; done"]):
            self.follow_leak(300, "500000")

    def test_findings_alone_by_default(self):
        daemon = self.daemon("-d", "3")
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual({line["type"] for line in daemon.lines()} - {"finding", "cleared", "loss", "exit"},
                         {"start", "end"})

    def test_processes_too(self):
        daemon = self.daemon("-d", "3", "--events=process", "--report-every", "1")
        self.assertEqual(daemon.wait(), 0)
        self.assertIn(os.getpid(), [line["pid"] for line in daemon.lines("process")])

    def test_operations_of_suspects_too(self):
        daemon = self.daemon("--events=ops", "--limit", "4000")
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "2000") as leak:
            daemon.wait_line(lambda line: line["pid"] == leak.process.pid, "operation", 60 * PATIENCE, kind="op")
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.assertEqual({line["pid"] for line in daemon.lines("op")}, {leak.process.pid})

    def test_no_more_suspects_than_asked_for(self):
        daemon = self.daemon("-v", "--limit", "3000", "--max-suspects", "1")
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "8000") as slow, \
                self.frames("--inputs", "50", "--batches", "0", "--pace", "5000") as quick:
            daemon.wait_line(lambda line: line["pid"] == quick.process.pid and line["evidence"]["sites"],
                             "finding with sites", 60 * PATIENCE, kind="finding")
            self.assertIsNotNone(slow.process.pid)
        daemon.stop(signal.SIGTERM)

    def test_none_followed(self):
        daemon = self.daemon("--limit", "2000", "--max-suspects", "0")
        before = links(daemon.process.pid)
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "3000") as leak:
            finding = daemon.wait_type("finding", leak.process.pid, 60 * PATIENCE)
            self.assertEqual(finding["evidence"]["sites"], [])
            self.assertEqual(links(daemon.process.pid), before)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)


class Outlives(Daemon):
    def test_kills(self):
        """Killed at random moments under load: no counts lost, none twice, and nothing stays behind at the end."""
        chance = random.Random(1)
        with self.frames("--inputs", "3", "--batches", "0", "--pace", "1000", "--hold") as leak:
            leak.line()
            pid, last = leak.process.pid, None
            first = self.daemon()
            began = wait_until(lambda: self.snapshot(first, pid), "the workload seen")
            leak.send()
            daemon = first
            for _ in range(max(RUNS // 4, 2)):
                time.sleep(chance.uniform(0, 1.5))
                daemon.process.kill()
                daemon.wait()
                daemon = self.daemon()
                line = wait_until(lambda: self.snapshot(daemon, pid), "the workload seen")  # noqa: B023
                self.assert_lawful(line)
                self.assertEqual(line["baseline"], began["baseline"])
                if last:
                    for count in ("opened", "closed", "high_water"):
                        self.assertGreaterEqual(line[count], last[count])
                last = line
            os.kill(pid, signal.SIGSTOP)
            # Nothing was booked twice: of what it opened all but every third was closed again, or is there.
            line = wait_until(lambda: (line := self.snapshot(daemon, pid)) and line["map_count"] == maps_count(pid)
                              and line, "the last count")
            self.assert_lawful(line)
            self.assertLessEqual(line["opened"] - began["opened"], 3 * (line["map_count"] - began["map_count"]) // 2 + 3)
            os.kill(pid, signal.SIGCONT)
            self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.assertFalse(os.path.exists(self.pins))

    def test_findings_are_not_raised_again(self):
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "5000") as leak:
            daemon = self.daemon("--limit", "3000")
            daemon.wait_type("finding", leak.process.pid, 60 * PATIENCE)
            os.kill(leak.process.pid, signal.SIGSTOP)
            self.assertEqual(daemon.stop(signal.SIGTERM), 0)
            self.assertFalse(os.path.exists(self.pins))
            kinds = {line["kind"] for line in daemon.lines("finding", leak.process.pid)}
            again = self.daemon("--limit", "3000")
            os.kill(leak.process.pid, signal.SIGCONT)
            again.wait_line(lambda line: line["pid"] == leak.process.pid, "finding", 60 * PATIENCE, kind="finding")
            again.stop(signal.SIGTERM)
            self.assertEqual([line for line in again.lines("finding", leak.process.pid)
                              if line["kind"] in kinds and not line.get("update")], [])

    def test_totals_after_a_clean_end(self):
        with self.frames("--inputs", "3", "--batches", "50", "--pace", "100", "--hold") as child:
            child.line()
            daemon = self.daemon()
            wait_until(lambda: self.snapshot(daemon, child.process.pid), "the workload seen")
            child.send()
            child.line()
            counted = wait_until(lambda: (line := self.snapshot(daemon, child.process.pid))
                                 and line["opened"] >= 150 and line, "all counted")
            daemon.stop(signal.SIGTERM)
            again = self.daemon()
            line = wait_until(lambda: self.snapshot(again, child.process.pid), "the workload seen")
            for count in ("baseline", "opened", "closed", "map_count", "high_water"):
                self.assertEqual(line[count], counted[count], count)
            again.stop(signal.SIGTERM)

    def test_damaged_state(self):
        with open(os.path.join(self.state, "state"), "wb") as file:
            file.write(b"mmaptrace state 1\nrubbish")
        daemon = self.daemon("-d", "1")
        self.assertEqual(daemon.wait(), 0)
        self.assertIn("is not gone on from: it is damaged", daemon.err.text())


class Alone(Daemon):
    def test_second_is_refused(self):
        self.daemon()
        other = self.directory()
        for args in (("--state-dir", self.state, "--pin-dir", "none"), ("--state-dir", other, "--pin-dir", self.pins)):
            status, _, stderr = run_program("daemon", *args)
            self.assertEqual(status, 1)
            self.check_one_message(stderr, "another mmaptrace daemon is at work with")

    def test_beside_it(self):
        """-p goes on working, and neither counts what the other does."""
        daemon = self.daemon("--limit", "5000")
        with self.frames("--inputs", "3", "--batches", "0", "--pace", "2000") as leak:
            tracer = self.enterContext(Tracer("-p", leak.process.pid)).ready()
            tracer.wait_type("op", leak.process.pid)
            tracer.stop()
            process = tracer.lines("process", leak.process.pid)[-1]
            self.assertEqual(process["baseline"] + sum(process["credits"].values()), process["map_count"])
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)

    def test_folders_that_cannot_be(self):
        status, _, stderr = run_program("daemon", "--state-dir", "/proc/nowhere", "--pin-dir", "none")
        self.assertEqual(status, 1)
        self.check_one_message(stderr, "--state-dir /proc/nowhere")
        status, _, stderr = run_program("daemon", "--state-dir", "relative")
        self.assertEqual(status, 2)

    def test_state_on_a_full_disk(self):
        """It is said once, tried again, and said again when there is room."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", self.state], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.state], check=True)
        daemon = self.daemon()
        ballast = os.path.join(self.state, "ballast")
        with open(ballast, "wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        daemon.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: "snapshot: No space left" in daemon.err.text(), "the word of a full disk")
        os.unlink(ballast)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.assertTrue(os.path.getsize(os.path.join(self.state, "state")))


if __name__ == "__main__":
    main()
