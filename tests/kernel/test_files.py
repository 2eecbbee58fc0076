# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The file of a map is told with each operation on it."""

import platform
import sys

import schema
from lib import Case, Tracer, main

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


class Files(Case):
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


if __name__ == "__main__":
    main()
