# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""inspect: one look at a process's maps, by what they are and by what keeps them apart."""

import json
import os
import subprocess
import sys

import schema
from lib import PROGRAM, Case, Child, main, maps_count, start_workload, wait_until

NOBODY = 65534
COUNT = 1200
# Each prints "ready" and waits: COUNT maps of a kind that FIELD.md tells of.
PRELUDE = f"""
import ctypes, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
page, count = mmap.PAGESIZE, {COUNT}
def new(length, prot=3, flags=0x22, fd=-1, offset=0, at=None):
    address = libc.mmap(ctypes.c_void_p(at), ctypes.c_size_t(length), prot, flags, fd, ctypes.c_long(offset))
    assert address != ctypes.c_void_p(-1).value, ctypes.get_errno()
    return address
def call(function, *args):
    assert not function(*map(ctypes.c_void_p, args)), ctypes.get_errno()
area = new(2 * count * page)
"""
READY = "\nprint('ready', flush=True)\nsys.stdin.read()\n"
KINDS = {
    "madvise": ("for i in range(count): call(libc.madvise, area + 2 * i * page, page, 10)", "MADV_DONTFORK"),
    "mprotect": ("for i in range(count): call(libc.mprotect, area + 2 * i * page, page, 1)", "protection"),
    "guards": ("for i in range(count): call(libc.mprotect, area + 2 * i * page, page, 0)", "guard page"),
    "gaps": ("for i in range(count): call(libc.munmap, area + 2 * i * page, page)", "gaps between"),
    "offsets": (
        "fd = os.memfd_create('scattered'); os.ftruncate(fd, count * page)\n"
        "for i in range(count): new(page, 1, 0x11, fd, (count - 1 - i) * page, area + i * page)",
        "pieces out of order",
    ),
    "one file": (
        "fd = os.memfd_create('frames'); os.ftruncate(fd, page)\nfor i in range(count): new(page, 1, 1, fd)",
        "times over",
    ),
}  # fmt: skip


class Inspect(Case):
    def inspect(self, *args, prefix=(), status=0):
        argv = [*prefix, PROGRAM, "inspect", *map(str, args)]
        done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, status, done.stderr)
        return done.stdout.decode(), done.stderr.decode()

    def report(self, pid, *args, prefix=()):
        out, err = self.inspect("--json", *args, pid, prefix=prefix)
        self.assertEqual(err, "")
        line = schema.parse(out.encode())
        self.assertEqual((line["schema"], line["type"], line["pid"]), (1, "inspect", pid))
        self.assertEqual(sum(group["maps"] for group in line["groups"]), line["map_count"])
        return line

    def test_counts(self):
        """As many as /proc and the tracer say, in groups that add up."""
        with start_workload("holder", "--maps", "777", ready=True) as holder:
            line = self.report(holder.pid)
            self.assertEqual(line["map_count"], 777)
            self.assertEqual(maps_count(holder.pid), 777)
            self.assertEqual(line["comm"], "holder")
            self.assertEqual(self.report(holder.pid, "--limit", "800")["distances"][0]["left"], 801 - 777)
            text, _ = self.inspect(holder.pid)
            self.assertIn(f"holder[{holder.pid}]: 777 maps", text)

    def test_kinds(self):
        """What keeps the maps apart is named, each kind by its own words."""
        for name, (code, words) in KINDS.items():
            with self.subTest(name), Child([sys.executable, "-c", PRELUDE + code + READY]) as child:
                self.assertEqual(child.line(), "ready")
                line = self.report(child.pid, "--limit", "16384")
                self.assertEqual(line["map_count"], maps_count(child.pid))
                if name != "madvise" or not line["not_compared"]:
                    self.assertIn(words, line["advice"])
                child.close_stdin()
                child.wait()

    def test_without_privilege(self):
        """Anybody may look at what is his own; flags are then not compared, and that is said."""
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        with Child([*drop, sys.executable, "-c", "import sys; print('ready', flush=True); sys.stdin.read()"]) as child:
            self.assertEqual(child.line(), "ready")
            line = self.report(child.pid, prefix=drop)
            self.assertEqual(line["not_compared"], line["map_count"])
            text, _ = self.inspect(child.pid, prefix=drop)
            self.assertIn("were not compared: Operation not permitted", text)
            child.close_stdin()
            child.wait()
        _, err = self.inspect(os.getpid(), prefix=drop, status=1)
        self.check_one_message(err, str(os.getpid()), "CAP_SYS_PTRACE")

    def test_bad_input(self):
        ended = subprocess.Popen(["true"])
        ended.wait()
        for args, status, word in (
            ([], 2, "process id"), (["x"], 2, "process id"), (["1", "2"], 2, "word"), (["-p", "1,2"], 2, "one"),
            (["1", "-p", "4"], 2, "one"),
            (["1", "-d", "5"], 2, "duration"), (["0"], 2, "process id"), ([ended.pid], 1, "no such process"),
            (["2"], 1, "kernel thread"),
        ):  # fmt: skip
            with self.subTest(args=args):
                out, err = self.inspect(*args, status=status)
                self.assertEqual(out, "")
                self.check_one_message(err, word)

    def test_output(self):
        path = os.path.join(self.directory(), "out")
        with start_workload("holder", "--maps", "100", ready=True) as holder:
            for _ in range(2):
                self.inspect(holder.pid, "--json", "-o", path)
            with open("/dev/full", "wb") as full:
                done = subprocess.run(
                    [PROGRAM, "inspect", str(holder.pid)], stdout=full, stderr=subprocess.PIPE, check=False
                )  # fmt: skip
            self.assertEqual(done.returncode, 1)
            self.check_one_message(done.stderr.decode(), "stdout", "no space")
        with open(path, encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["map_count"] for line in file], [100, 100])

    def test_real_program(self):
        (redis,) = self.need("redis-server")
        socket = os.path.join(self.directory(), "socket")
        with Child([redis, "--port", "0", "--unixsocket", socket, "--save", ""]) as child:
            wait_until(lambda: os.path.exists(socket), "redis-server's socket")
            line = self.report(child.pid)
            self.assertTrue(any("redis" in group["file"] for group in line["groups"]))
            self.assertIn("nothing to do", line["advice"])
            child.process.terminate()
            child.wait()

    def test_workload_named(self):
        """The story: the object, and what to do."""
        name = f"/inspect-{os.getpid()}"
        with start_workload("frames", "--object", name, "--inputs", "9000", "--batches", "1", "--pace", "500") as child:
            wait_until(lambda: maps_count(child.pid) > 2000, "2,000 maps")
            self.assertIn(f"/dev/shm{name} is mapped", self.report(child.pid)["advice"])


if __name__ == "__main__":
    main()
