# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""record and replay: the same lines as of a run that is watched, however the recording has fared since."""

import json
import os
import re
import subprocess

from lib import EXTRA_ARGS, PATIENCE_S, PROGRAM, Case, losses, main, op_sums, start_workload, workload

INPUTS, BATCHES = 57, 100
CUT_OFF = rb"\Ammaptrace: \S+: cut off at byte \d+, [^\n]+: replayed up to there\n\Z"


def replay(*args, data=None):
    return subprocess.run([PROGRAM, "replay", *args], input=data, capture_output=True, timeout=PATIENCE_S)


def lines_of(result):
    return [json.loads(line) for line in result.stdout.splitlines()]


def culprits(lines):
    """{(kind, operation, function, file of its source)} of the findings."""
    found = set()
    for line in lines:
        if line["type"] != "finding":
            continue
        for site in line["evidence"]["sites"][:1]:
            frames = [frame for frame in site["stack"] if frame["file"] and "frames.c" in frame["file"]]
            found.add((line["kind"], site["op"], frames[0]["function"], os.path.basename(frames[0]["file"])))
    return found


class Recorded(Case):
    """One recording of a leak, made once."""

    @classmethod
    def setUpClass(cls):
        import tempfile  # noqa: PLC0415

        cls.folder = tempfile.TemporaryDirectory(prefix="mmaptrace-test-")
        cls.path = os.path.join(cls.folder.name, "leak.rec")
        argv = [PROGRAM, "record", *EXTRA_ARGS, "-o", cls.path, "--", workload("frames"), "--inputs", str(INPUTS),
                "--batches", str(BATCHES), "--pace", "500", "--object", f"/record-{os.getpid()}"]
        cls.recording = subprocess.run(argv, capture_output=True, text=True, timeout=4 * PATIENCE_S)
        with open(cls.path, "rb") as file:
            cls.data = file.read()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def cut(self, data):
        path = os.path.join(self.directory(), "cut.rec")
        with open(path, "wb") as file:
            file.write(data)
        return path


class Replay(Recorded):
    def test_lines(self):
        """All operations, in the order and with the counts of the run, and what came of them."""
        self.assertEqual(self.recording.returncode, 0, self.recording.stderr)
        self.assertEqual(self.recording.stdout, "")
        result = replay(self.path, "--json")
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        lines = lines_of(result)
        self.check_lines(lines)
        self.assertEqual(losses(lines), [])
        self.assertEqual([lines[0]["type"], lines[-1]["type"]], ["start", "end"])
        (ended,) = [line for line in lines if line["type"] == "exit"]
        self.assertEqual(ended["comm"], "frames")
        mapped = [line for line in lines if line["type"] == "op" and line["op"] == "mmap" and line["file"]
                  and line["file"]["path"].startswith("/dev/shm/record-")]
        self.assertEqual(len(mapped), INPUTS * BATCHES)
        sums = op_sums(lines)
        self.assertEqual(ended["baseline"] + sums[ended["pid"], ended["start_time"]], ended["map_count"])
        # Of the first milliseconds only the caller is known: they are a site of their own.
        made = [site for site in ended["sites"] if "/record-" in (site["file"] or "")]
        self.assertEqual({site["op"] for site in made}, {"mmap"})
        self.assertEqual(sum(site["calls"] for site in made), INPUTS * BATCHES)
        self.assertEqual(sum(site["live"] for site in made), (INPUTS - 1) * BATCHES)
        self.assertEqual(culprits(lines), {("leak", "mmap", "frame_map", "frames.c")})

    def test_the_same_each_time(self):
        first, second = replay(self.path, "--json"), replay("-", "--json", data=self.data)
        self.assertEqual([json.loads(line) for line in first.stdout.splitlines()[1:]],
                         [json.loads(line) for line in second.stdout.splitlines()[1:]])

    def test_text(self):
        result = replay(self.path)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        for words in (b"LEAK warning", b"frame_map (frames.c:", b"5,700        100      5,600"):
            self.assertIn(words, result.stdout)

    def test_by_another_limit(self):
        """Judged again as if less were allowed."""
        lines = lines_of(replay(self.path, "--json", "--limit", "3000"))
        kinds = {line["kind"] for line in lines if line["type"] == "finding"}
        self.assertEqual(kinds, {"leak", "exhaustion"})
        self.assertEqual({line["limit"] for line in lines if line["type"] == "finding"}, {3000})

    def test_what_was_lost(self):
        """As much is said to be lost as was."""
        path = os.path.join(self.directory(), "lost.rec")
        argv = [PROGRAM, "record", *EXTRA_ARGS, "--ring-size", "4K", "-o", path, "--", workload("storm"), "--seconds", "2"]
        result = subprocess.run(argv, capture_output=True, timeout=4 * PATIENCE_S)
        self.assertEqual(result.returncode, 0, result.stderr)
        told = sum(int(number) for number in re.findall(rb"lost: (\d+) op records", result.stderr))
        self.assertGreater(told, 0)
        lines = lines_of(replay(path, "--json"))
        lost = [line for line in lines if line["type"] == "loss"]
        self.assertEqual(sum(line["count"] for line in lost if line["what"].startswith("op records")), told)
        self.assertEqual(lines[-1]["lost"], sum(line["count"] for line in lost))

    def test_reader_gone(self):
        """replay | head -1"""
        read_fd, write_fd = os.pipe()
        os.close(read_fd)
        result = subprocess.run([PROGRAM, "replay", self.path, "--json"], stdout=write_fd, stderr=subprocess.PIPE,
                                timeout=PATIENCE_S)
        os.close(write_fd)
        self.assertEqual((result.returncode, result.stderr), (0, b""))

    def test_exit_code(self):
        self.assertEqual(replay(self.path, "--exit-code").returncode, 3)

    def test_of_all_processes(self):
        path = os.path.join(self.directory(), "all.rec")
        with start_workload("holder", "--maps", "5000", ready=True) as holder:
            argv = [PROGRAM, "record", *EXTRA_ARGS, "-o", path, "-d", "3", "-i", "1"]
            result = subprocess.run(argv, capture_output=True, timeout=PATIENCE_S)
            self.assertEqual((result.returncode, result.stdout), (0, b""), result.stderr)
        lines = lines_of(replay(path, "--json"))
        self.check_lines(lines)
        counts = [line["map_count"] for line in lines if line["type"] == "process" and line["pid"] == holder.pid]
        self.assertGreater(len(counts), 1)
        self.assertEqual(set(counts), {5000})
        cgroups = {line["cgroup"] for line in lines if line["type"] == "process" and line["pid"] == holder.pid}
        self.assertEqual(len(cgroups), 1)
        self.assertIn(b"holder", replay(path).stdout)


class Damaged(Recorded):
    def test_cut_anywhere(self):
        """What was written before is replayed, and the cut is told."""
        last = 0
        for share in (1, 3, 5, 7, 9):
            path = self.cut(self.data[: len(self.data) * share // 10])
            result = replay(path, "--json")
            lines = lines_of(result)
            with self.subTest(share=share):
                if not lines:
                    self.assertIn(b"neither a recording of mmaptrace nor", result.stderr)
                    continue
                self.assertEqual(result.returncode, 0)
                self.assertRegex(result.stderr, CUT_OFF)
                self.check_lines(lines)
                self.assertEqual(lines[-1]["type"], "end")
                ops = sum(line["type"] == "op" for line in lines)
                self.assertGreaterEqual(ops, last)
                last = ops
        self.assertGreater(last, 0)

    def test_every_byte_flipped(self):
        """No crash, no hang, and never a word that all is well."""
        step = max(1, len(self.data) // 60)
        for at in range(0, len(self.data), step):
            data = bytearray(self.data)
            data[at] ^= 0x55
            result = replay(self.cut(data), "--json")
            with self.subTest(at=at):
                self.assertEqual(result.returncode, 1, result.stderr)
                self.assertRegex(result.stderr, rb"damaged at byte|neither a recording|cut off")

    def test_empty_and_foreign(self):
        for data, words in ((b"", b"empty"), (b"\x7fELF" + bytes(100), b"neither a recording"), (b"{}\n", b"no ts")):
            result = replay(self.cut(data))
            self.assertEqual(result.returncode, 1)
            self.assertIn(words, result.stderr)

    def test_not_there(self):
        result = replay("/nowhere/at/all")
        self.assertEqual(result.returncode, 1)
        self.check_one_message(result.stderr.decode(), "/nowhere/at/all", "No such file")

    def test_record_needs_a_file(self):
        result = subprocess.run([PROGRAM, "record", "--", "true"], capture_output=True, text=True, timeout=PATIENCE_S)
        self.assertEqual(result.returncode, 2)
        self.check_one_message(result.stderr, "record", "-o FILE")

    def test_full_disk(self):
        result = subprocess.run([PROGRAM, "record", *EXTRA_ARGS, "-o", "/dev/full", "--", "true"], capture_output=True,
                                text=True, timeout=PATIENCE_S)
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertIn("cannot write to /dev/full: No space left on device", result.stderr)


def fleet_line(host, second, **fields):
    stamp = f"2026-11-01T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.250Z"
    return json.dumps({"type": "process", "ts": stamp, "host": host, "pid": 7, "comm": "svc", "limit": 65530,
                       **fields}).encode() + b"\n"


class Lines(Case):
    """JSON lines of processes, as collectors of logs keep them."""

    def test_of_two_hosts(self):
        """One leaks two maps a second, the other's process of the same pid does not."""
        data = b"".join(
            fleet_line("a", second, map_count=500 + 2 * second, opened=2 * second, closed=0)
            + fleet_line("b", second, map_count=500, opened=second, closed=second)
            for second in range(0, 7200, 10)
        )  # fmt: skip
        result = replay("-", "--json", data=data)
        self.assertEqual((result.returncode, result.stderr), (0, b""))
        findings = [line for line in lines_of(result) if line["type"] == "finding"]
        self.assertEqual({(line["host"], line["kind"]) for line in findings}, {("a", "leak")})
        self.assertAlmostEqual(findings[0]["rate_per_s"], 2, delta=0.01)
        self.assertLess(findings[0]["map_count"], 6553)

    def test_counters_that_begin_again(self):
        """The pid has another process now: its growth is not the old one's."""
        counts = [60000] * 60 + [50] * 60
        data = b"".join(
            fleet_line("a", 10 * turn, map_count=count, opened=count, closed=0) for turn, count in enumerate(counts)
        )
        result = replay("-", "--json", data=data)
        self.assertEqual([line for line in lines_of(result) if line["type"] == "finding"], [])

    def test_bad_ones_are_left_out(self):
        good = b"".join(fleet_line("a", second, map_count=500, opened=0, closed=0) for second in range(0, 100, 10))
        late = fleet_line("a", 5, map_count=1, opened=1, closed=0)
        data = b"{bad\n" + good + b'[1]\n{"type":"process"}\n{"type":"op"}\n' + late
        result = replay("-", data=data)
        self.assertEqual(result.returncode, 0)
        for words in (b"stdin:1: not a JSON object", b"stdin:12: not a", b"stdin:13: no ts", b"1 lines are older"):
            self.assertIn(words, result.stderr)


if __name__ == "__main__":
    main()
