# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Other users of the same tracepoints see what they would see without us."""

import contextlib
import ctypes
import mmap
import os
import platform
import struct

from lib import Case, Tracer, main, start_workload

CALLS = 100
PERF_TYPE_TRACEPOINT = 2
PERF_ATTR_BYTES = 112
PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}


def tracepoint_id(name):
    for root in ("/sys/kernel/tracing", "/sys/kernel/debug/tracing"):
        with contextlib.suppress(OSError), open(f"{root}/events/syscalls/{name}/id", encoding="ascii") as file:
            return int(file.read())
    return None


def counter_open(event):
    """A perf counter of this process's own hits of a tracepoint."""
    libc = ctypes.CDLL(None, use_errno=True)
    attr = struct.pack("=IIQ", PERF_TYPE_TRACEPOINT, PERF_ATTR_BYTES, event).ljust(PERF_ATTR_BYTES, b"\0")
    number = PERF_EVENT_OPEN[platform.machine()]
    fd = libc.syscall(ctypes.c_long(number), attr, 0, ctypes.c_int(-1), ctypes.c_int(-1), ctypes.c_ulong(0))
    if fd < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "perf_event_open")
    return fd


class Neighbours(Case):
    def test_perf_counts_what_we_trace(self):
        """A BPF program on a tracepoint that returns 0 hides the event from perf."""
        with start_workload("holder", "--maps", 100, ready=True) as holder, Tracer(
            "--hooks=witness,syscalls", "-p", holder.pid
        ) as tracer:
            tracer.ready()
            event = tracepoint_id("sys_exit_munmap")
            if event is None:
                self.lacking("no tracepoint syscalls:sys_exit_munmap")
            fd = counter_open(event)
            try:
                before = struct.unpack("=Q", os.read(fd, 8))[0]
                for _ in range(CALLS):
                    mmap.mmap(-1, 1 << 20).close()
                after = struct.unpack("=Q", os.read(fd, 8))[0]
            finally:
                os.close(fd)
            self.assertGreaterEqual(after - before, CALLS)
            self.assertEqual(tracer.stop(), 0)


if __name__ == "__main__":
    main()
