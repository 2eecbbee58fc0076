# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""--folded and --pprof: call sites as a profile, on the story's program. Its values are those of /proc, its forms are
those that flame graphs and pprof read."""

import gzip
import os
import re
import shutil
import subprocess

import schema
from lib import ROOT, Case, main, run_program, start_workload
from profiles import FOLDED, Profiler

INPUTS, BATCHES = 40, 10
LIVE = (INPUTS - 1) * BATCHES
OBJECT = f"/profile-{os.getpid()}"
PROTO = os.path.join(ROOT, "user", "sink")


class Profile(Case):
    def story(self, option):
        """The profile of the story, that maps INPUTS times and unmaps once in each of its batches."""
        path = os.path.join(self.directory(), "profile")
        arguments = ("--inputs", INPUTS, "--batches", BATCHES, "--object", OBJECT, "--hold")
        with start_workload("frames", *arguments, ready=True) as frames, Profiler(option, path, [frames.pid]) as tracer:
            frames.send()
            self.assertEqual(frames.line(), "done")
            with open(f"/proc/{frames.pid}/maps", encoding="ascii") as file:
                self.assertEqual(sum(OBJECT in line for line in file), LIVE)
            tracer.finish()
            frames.send()
            self.assertEqual(frames.wait(), 0)
        with open(path, "rb") as file:
            return file.read()

    def top(self, text):
        """(function that calls, op, value) of the line with the most."""
        lines = [FOLDED.fullmatch(line) for line in text.decode().splitlines()]
        self.assertTrue(lines and all(lines), text)
        top = max(lines, key=lambda line: int(line["value"]))
        named = [name for name in top["frames"].split(";") if name.startswith("frame_map")]
        self.assertTrue(named, top.group())
        return top["op"], int(top["value"])

    def check_folded(self, option, value):
        if schema.CALLS_SEEN:
            self.assertEqual(self.top(self.story(option)), ("mmap", value))

    def test_folded_live(self):
        self.check_folded("--folded", LIVE)
        self.check_folded("--folded=live", LIVE)

    def test_folded_growth(self):
        text = self.story("--folded=growth")
        # The witness sees changes as well, and who has made them.
        self.assertEqual(self.top(text), ("mmap", INPUTS * BATCHES))

    def test_folded_bytes(self):
        self.check_folded("--folded=bytes", LIVE * 65536)

    def test_folded_calls(self):
        self.check_folded("--folded=calls", INPUTS * BATCHES)

    def test_pprof(self):
        """Well-formed by the schema, and each figure there."""
        (protoc,) = self.need("protoc")
        data = gzip.decompress(self.story("--pprof"))
        argv = [protoc, "--decode=perftools.profiles.Profile", f"-I{PROTO}", "profile.proto"]
        done = subprocess.run(argv, input=data, capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        text = done.stdout.decode()
        self.assertNotRegex(text, r"(?m)^\s*\d+: ")  # no field that the schema has not
        self.assertIn('"frame_map"', text)
        if schema.CALLS_SEEN:
            samples = re.findall(r"(?ms)^sample \{.*?^\}", text)
            values = [list(map(int, re.findall(r"\n  value: (-?\d+)", sample))) for sample in samples]
            self.assertIn([LIVE, INPUTS * BATCHES, LIVE * 65536, INPUTS * BATCHES], values)

    def test_pprof_by_go(self):
        go = shutil.which("go") or next(filter(os.path.exists, ["/usr/local/go/bin/go"]), None)
        if not go:
            self.skipTest("go is not installed; protoc reads the same")
        path = os.path.join(self.directory(), "profile.pb.gz")
        with open(path, "wb") as file:
            file.write(self.story("--pprof"))
        done = subprocess.run([go, "tool", "pprof", "-top", path], capture_output=True, check=False, timeout=60)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        self.assertIn("frame_map", done.stdout.decode())

    def test_what_makes_no_sense_together(self):
        for options, word in (
            (["--folded"], "table"),
            (["--pprof"], "table"),
            (["--stacks"], "table"),
            (["--folded", "--unwind=off", "--", "true"], "--unwind=off"),
            (["--pprof", "--unwind=off", "--", "true"], "--unwind=off"),
            (["--stacks", "--unwind=off", "--", "true"], "--unwind=off"),
            (["--folded=lives", "--", "true"], "live, growth, bytes"),
            (["--unwind=frames", "--", "true"], "dwarf, fp or off"),
        ):
            with self.subTest(options=options):
                status, out, stderr = run_program(*options)
                self.assertEqual((status, out), (2, b""))
                self.check_one_message(stderr, word)

    def test_no_pprof_on_a_terminal(self):
        master, slave = os.openpty()
        with os.fdopen(master, "rb"), os.fdopen(slave, "wb") as terminal:
            status, _, stderr = run_program("--pprof", "--", "true", stdout=terminal)
        self.assertEqual(status, 2)
        self.check_one_message(stderr, "-o FILE")


if __name__ == "__main__":
    main()
