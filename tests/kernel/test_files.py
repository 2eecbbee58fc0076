# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The file of a map is told with each operation on it."""

import json
import os
import platform
import re
import sys

import schema
from lib import Case, Tracer, main, run_program

PAGES = 3
# What the kernel ignores of an address (arm64's top byte): munmap and mprotect take it, so must we.
TAG = 0x2A << 56 if platform.machine() == "aarch64" else 0
SCRIPT = f"""
import ctypes, mmap, os
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
length = {PAGES} * mmap.PAGESIZE
fd = os.memfd_create("frames")
os.ftruncate(fd, length)
at = libc.mmap(None, ctypes.c_size_t(length), mmap.PROT_READ, mmap.MAP_SHARED, fd, ctypes.c_long(0))
at = ctypes.c_void_p(at | {TAG})
for error in (
    libc.mprotect(at, ctypes.c_size_t(length), mmap.PROT_READ | mmap.PROT_WRITE),
    libc.munmap(at, ctypes.c_size_t(length)),
):
    if error:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
"""
SHARED = """
import mmap, os
kept = [mmap.mmap(-1, 3 * mmap.PAGESIZE, flags=mmap.MAP_SHARED) for _ in range(50)]
for _ in range(50):
    mmap.mmap(-1, 3 * mmap.PAGESIZE, flags=mmap.MAP_SHARED).close()
os._exit(0)
"""
SEGMENT = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
shmid = libc.shmget(0, 4096, 0o1600)
at = [libc.shmat(shmid, None, 0) for _ in range(50)]
libc.shmctl(shmid, 0, None)
for address in at[:10]:
    libc.shmdt(ctypes.c_void_p(address))
print(shmid)
"""


class Files(Case):
    def hooks(self):
        """What is used with the arguments that all of this run get."""
        status, out, stderr = run_program("--json", "--", "true")
        self.assertEqual(status, 0, stderr)
        return json.loads(out.splitlines()[0])["plan"]["hooks"]

    def test_of_one_memfd(self):
        with Tracer("--", sys.executable, "-c", SCRIPT) as tracer:
            self.assertEqual(tracer.wait(), 0, tracer.err.text())
            lines = tracer.lines()
        if not schema.CALLS_SEEN:
            return
        hooks = next(line for line in lines if line["type"] == "start")["plan"]["hooks"]
        told = [line["op"] for line in lines if line["type"] == "op" and (line["file"] or {}).get("kind") == "memfd"]
        # Without bpf_find_vma (Linux 5.17) only mmap names its file.
        self.assertEqual(told, ["mmap", "mprotect", "munmap"] if "find_vma" in hooks else ["mmap"])

    def test_of_shared_memory(self):
        """The kernel makes a file for each piece; mapped and unmapped is booked of all of it together."""
        status, out, stderr = run_program("-x", "--", sys.executable, "-c", SHARED)
        self.assertEqual(status, 0, stderr)
        rows = [line.split() for line in out.decode().splitlines() if "[anon_shmem]" in line]
        hooks = self.hooks()
        if not {"fentry", "syscalls", "kprobe"} & set(hooks):
            return
        self.assertEqual([row[:2] for row in rows], [["[anon_shmem]", "100"]])
        if "find_vma" in hooks:
            self.assertEqual(rows[0][2:4], ["50", "50"])

    def test_of_libraries(self):
        """ld.so closes a library, and has divided its map, before anybody can ask by descriptor or by range."""
        release = tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])
        script = "import time; time.sleep(2)"
        status, out, stderr = run_program("-x", "--", sys.executable, "-c", script)
        self.assertEqual(status, 0, stderr)
        rows = [line.split()[0] for line in out.decode().splitlines() if re.match(r" *\S*libc\.so\.6 ", line)]
        if {"fentry", "syscalls", "kprobe"} & set(self.hooks()):
            self.assertEqual(len(rows), 1)
            if release >= (6, 11):
                self.assertTrue(rows[0].startswith("/"), rows)

    def test_of_a_segment(self):
        """shmat gives a descriptor of nothing, but the map it makes has a file: the segment, its inode the id."""
        with Tracer("--", sys.executable, "-c", SEGMENT) as tracer:
            self.assertEqual(tracer.wait(), 0, tracer.err.text())
            tracer.out.ended()
            lines = tracer.lines()
            shmid = int(tracer.out.text())
        self.check_lines(lines)
        hooks = self.hooks()
        if not {"core_fentry", "core_kprobe"} & set(hooks) and not {"syscalls", "find_vma"} <= set(hooks):
            return
        told = [(line["op"], line["file"]["kind"], line["file"]["inode"]) for line in lines
                if line["type"] == "op" and line["file"] and line["op"].startswith("shm")]  # fmt: skip
        detached = 10 if "find_vma" in hooks else 0
        self.assertEqual(told, [("shmat", "shm", shmid)] * 50 + [("shmdt", "shm", shmid)] * detached)


if __name__ == "__main__":
    main()
