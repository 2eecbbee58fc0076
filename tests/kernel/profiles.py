# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Profiles of call sites (--folded), of processes that stand still meanwhile."""

import os
import platform
import re
import signal
from collections import Counter, defaultdict

from lib import EXTRA_ARGS, PATIENCE_S, PROGRAM, Child

FOLDED = re.compile(r"(?P<comm>[^;]*)-(?P<pid>\d+);(?P<frames>.*;)?\[(?P<op>\w+)\] (?P<value>\d+)")


def map_starts(pid):
    """Where its maps begin, in order."""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as file:
        return [int(line.split("-", 1)[0], 16) for line in file if "[vsyscall]" not in line]


def folded_sites(path):
    """{pid: {(op, frames): value}}"""
    sites = defaultdict(Counter)
    with open(path, encoding="utf-8") as file:
        for line in file:
            match = FOLDED.fullmatch(line.rstrip("\n"))
            if not match:
                raise AssertionError(f"no folded line: {line!r}")
            frames = tuple(name.removesuffix("_[i]") for name in (match["frames"] or "").split(";")[:-1])
            sites[int(match["pid"])][match["op"], frames] += int(match["value"])
    return sites


def by_function(sites, prefix):
    """{(op, function): value} of those that have a function so called."""
    found = Counter()
    for (op, frames), value in sites.items():
        named = [name for name in frames if name.startswith(prefix)]
        if named:
            found[op, named[-1]] += value
    return found


def by_function_only(sites):
    counts = Counter()
    for (_, function), value in by_function(sites, "case_").items():
        counts[function] += value
    return counts


class Held:
    """A FIFO that somebody has open for writing until it is let go."""

    def __init__(self, path):
        self.path = path
        os.mkfifo(path)
        self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.let_go()

    def let_go(self):
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = -1


# Of the program, its loader, its library and the vdso, which has no rules on arm64.
RANGES = 3 if platform.machine() == "aarch64" else 4


class Told:
    """Of a Child: what it says on stderr (-v), line after line."""

    def start_telling(self):
        self._told = 0

    def wait_told(self, pattern):
        """The match of the next line of stderr that has it."""
        while True:
            # Loading all programs, each with the walk over stacks in it, is the longest wait on an emulated machine.
            line = self._get(self.err, self._told, 2 * PATIENCE_S)[1].decode(errors="replace")
            self._told += 1
            if match := re.search(pattern, line):
                return match


class Profiler(Child, Told):
    """A run with a profile at its end, of processes that wait (pids) or of a command: attached, when it is there."""

    def __init__(self, option, path, pids=(), command=()):
        targets = ["-p", ",".join(map(str, pids))] if pids else ["--", *command]
        super().__init__([PROGRAM, option, "-o", path, "-v", "--ring-size", "64M", *EXTRA_ARGS, *targets])
        self.start_telling()
        self.wait_told("attached")

    def wait_rules(self, pid=None):
        """Until there are new rules for the code of the program, its loader, its library and the vdso, and no more: the
        command is mmaptrace itself until it is executed. None: of the command."""
        pid = pid or rf"(?!{self.pid}\b)\d+"  # it begins with its own
        self.wait_told(rf"process {pid} has {RANGES} ranges of code with rules$")

    def wait_warm(self, pid):
        """The same of a process that was there before, whether that was told before it was attached or comes yet. It is
        looked at twice, by -p and when it is found in the kernel's table: the second answer is not to be taken for what
        comes after this."""
        told, self._told = self._told, 0
        for _ in range(2):
            self.wait_told(rf"process {pid} has {RANGES} ranges of code with rules")
        self._told = max(self._told, told)

    def finish(self):
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(PATIENCE_S)  # its stderr may be a living child's as well
        if status:
            raise AssertionError(f"status {status}: {self.err.text()}")
