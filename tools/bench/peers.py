# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""mmaptrace and its peers: how each is started on a process, when it is ready, what it wrote, what it says it lost.
Each gets buffers of the size of mmaptrace's own (16 MiB), where it has some, and writes to a file in memory."""

import collections
import contextlib
import glob
import os
import re
import shutil
import subprocess
import time

import lib
from lib import CannotRun

BUFFER_MIB = 16
EVENTS = ",".join(f"syscalls:sys_{edge}_{call}" for call in ("mmap", "munmap") for edge in ("enter", "exit"))


def count_lines(path, pattern):
    done = subprocess.run(["grep", "-cE", pattern, path], env={**os.environ, "LC_ALL": "C"}, capture_output=True,
                          text=True, check=False)
    return int(done.stdout or 0)


class Tool:
    """One tracer. Subclasses say how it is run."""

    name = ""
    needs = ()  # programs
    environment = {}

    def argv(self, log, pid):
        raise NotImplementedError

    def is_ready(self, run):
        return lib.is_there(run.log)

    def operations(self, run):
        """mmaps and munmaps in the log."""
        raise NotImplementedError

    def lost(self, _run):
        """What it says itself that it lost; '' for nothing."""
        return ""

    def log_bytes(self, run):
        return os.path.getsize(run.log)

    def afterwards(self, _run):
        """CPU time, in ns, of what is still to be done for a log that can be read."""
        return 0

    def start(self, folder, pid):
        for name in self.needs:
            if not shutil.which(name):
                raise CannotRun(f"{name} is not installed")
        return Run(self, folder, pid)


class Run:
    """A tracer at work."""

    def __init__(self, tool, folder, pid):
        self.tool, self.pid = tool, pid
        self.used_ns, self.idle_since = 0, time.monotonic()
        self.log = os.path.join(folder, "log")
        self.stderr_path = os.path.join(folder, "stderr")
        for path in glob.glob(self.log + "*"):
            os.unlink(path)
        with open(self.stderr_path, "wb") as stderr, open(self.log + ".out", "wb") as stdout:
            self.process = lib.spawn(tool.argv(self.log, pid), cpu=lib.TRACER_CPU, stderr=stderr, stdout=stdout,
                                     env={**os.environ, **tool.environment})
        try:
            lib.wait_until(self._ready, f"{tool.name} ready")
        except CannotRun:
            self.stop()
            raise

    def _ready(self):
        if self.process.poll() is not None:
            raise CannotRun(f"{self.tool.name} ended with {self.process.returncode}: {lib.first_line(self.stderr())}")
        return self.tool.is_ready(self)

    def stderr(self):
        with open(self.stderr_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def cpu_ns(self):
        return lib.cpu_ns(self.process.pid)

    def settle(self, patience_s=60):
        """Waits until it has caught up: its log stands still, and it uses no CPU to speak of."""
        last = None

        def is_still():
            nonlocal last
            now = (os.path.getsize(self.log) if os.path.exists(self.log) else 0, self.cpu_ns())
            still = last and now[0] == last[0] and now[1] - last[1] < 20_000_000
            last = now
            return still

        lib.wait_until(is_still, f"{self.tool.name} caught up", patience_s, step_s=0.4)

    def stop(self):
        lib.end(self.process)


def is_attached(run, needle):
    return any(needle in hook for hook in lib.hooks_of(run.process.pid))


def perf_events(pid):
    count = 0
    with contextlib.suppress(OSError):
        for fd in os.listdir(f"/proc/{pid}/fd"):
            with contextlib.suppress(OSError):
                count += "perf_event" in os.readlink(f"/proc/{pid}/fd/{fd}")
    return count


POLLS = {"x86_64": ("7", "271"), "aarch64": ("73",)}.get(os.uname().machine, ())


def system_call(pid):
    """The number of the one it sleeps in."""
    with contextlib.suppress(OSError):
        with open(f"/proc/{pid}/syscall", encoding="ascii") as file:
            return file.read().split()[0]
    return None


class Mmaptrace(Tool):
    def __init__(self, name, *args, target=True, json=False):
        self.name = name
        self.args = args
        self.target, self.json = target, json

    def argv(self, log, pid):
        target = ["-p", pid] if self.target else []
        return [lib.PROGRAM, *self.args, *(["--json"] if self.json else []), *target, "-o", log]

    def operations(self, run):
        return count_lines(run.log, '"type":"op"' if self.json else r" (mmap|munmap)\(")

    def lost(self, run):
        """In JSON by lines that count on, otherwise by warnings."""
        if not self.json:
            return ", ".join(re.findall(r"[^\n]*(?:lost|full)[^\n]*", run.stderr())[-1:])
        done = subprocess.run(["grep", "-a", '"type":"loss"', run.log], capture_output=True, text=True, check=False)
        told = re.findall(r'"what":"([^"]*)","count":(\d+)', done.stdout)
        total = collections.Counter()
        for what, count in told:
            total[what] += int(count)
        return ", ".join(f"{count} {what}" for what, count in total.items())


class Bpftrace(Tool):
    name = "bpftrace, same facts"
    needs = ("bpftrace",)
    environment = {"BPFTRACE_PERF_RB_PAGES": str(BUFFER_MIB * 256)}

    def argv(self, log, pid):
        return ["bpftrace", "-o", log, os.path.join(lib.FOLDER, "facts.bt"), pid]

    def is_ready(self, run):
        return is_attached(run, "sys_exit_munmap") and is_attached(run, "sys_enter_mmap")

    def operations(self, run):
        return count_lines(run.log, "^m")

    def lost(self, run):
        with open(run.log, encoding="utf-8", errors="replace") as file:
            lost = sum(int(count) for line in file for count in re.findall(r"Lost (\d+) events", line))
        lost += sum(map(int, re.findall(r"Lost (\d+) events", run.stderr())))
        return f"Lost {lost} events" if lost else ""


class Perf(Tool):
    needs = ("perf",)
    IDLE_S = 0.3

    def is_ready(self, run):
        """It opens its events, enables them one after the other, and then waits for them in poll for good."""
        used = run.cpu_ns()
        if perf_events(run.process.pid) < 2 or system_call(run.process.pid) not in POLLS or used != run.used_ns:
            run.used_ns, run.idle_since = used, time.monotonic()
        return time.monotonic() - run.idle_since > self.IDLE_S


class PerfTrace(Perf):
    name = "perf trace"

    def argv(self, log, pid):
        return ["perf", "trace", "-m", f"{BUFFER_MIB}M", "-e", "mmap,munmap", "-p", pid, "-o", log]

    def operations(self, run):
        return count_lines(run.log, r"(mmap|munmap)\(")

    def lost(self, run):
        with open(run.log, encoding="utf-8", errors="replace") as file:
            lost = sum(int(count) for line in file for count in re.findall(r"LOST (\d+) events", line))
        return f"LOST {lost} events" if lost else ""


class PerfRecord(Perf):
    name = "perf record"

    def argv(self, log, pid):
        return ["perf", "record", "-q", "-m", f"{BUFFER_MIB}M", "-e", EVENTS, "-p", pid, "-o", log]

    def _stats(self, run):
        return lib.output_of(["perf", "report", "--stats", "-i", run.log])

    def operations(self, run):
        """An operation is two samples, its enter and its exit."""
        samples = re.search(r"SAMPLE events:\s+(\d+)", self._stats(run))
        return int(samples.group(1)) // 2 if samples else 0

    def lost(self, run):
        """Beyond kernel.perf_event_max_sample_rate samples of an event are left out, which is called throttling."""
        found = re.findall(r"^ *(LOST\w*|THROTTLE) events:\s+(\d+)", self._stats(run), re.MULTILINE)
        return ", ".join(f"{what} {count}" for what, count in dict(found).items())


class PerfScript(PerfRecord):
    """A recording is not yet a log: each event in words, as the others have it."""

    name = "perf record + script"

    def afterwards(self, run):
        before = os.times()
        with open(run.log + ".out", "wb") as text:
            subprocess.run(["perf", "script", "-i", run.log], stdout=text, stderr=subprocess.DEVNULL, check=False)
        after = os.times()
        return int((after.children_user + after.children_system - before.children_user - before.children_system) * 1e9)

    def log_bytes(self, run):
        return os.path.getsize(run.log + ".out")


class Strace(Tool):
    name = "strace -f -e %memory"
    needs = ("strace",)

    def argv(self, log, pid):
        return ["strace", "-f", "-e", "%memory", "-o", log, "-p", pid]

    def is_ready(self, run):
        with open(f"/proc/{run.pid}/status", encoding="ascii", errors="replace") as file:
            return f"TracerPid:\t{run.process.pid}\n" in file.read()

    def operations(self, run):
        return count_lines(run.log, r" (mmap|munmap)\(")


class Memleak(Tool):
    """bcc compiles against the kernel's headers. Of them memleak uses pt_regs alone, so where the running kernel has
    none those of another do, put in their place in a mount namespace of its own."""

    name = "memleak (bcc)"
    needs = ("memleak-bpfcc", "unshare")
    environment = {"PYTHONUNBUFFERED": "1"}
    SCRIPT = """set -e
        if [ -n "$2" ]; then
            mount -t tmpfs headers /lib/modules
            mkdir "/lib/modules/$(uname -r)"
            ln -s "$2" "/lib/modules/$(uname -r)/build"
            ln -s "$3" "/lib/modules/$(uname -r)/source"
        fi
        exec memleak-bpfcc -p "$1" 1"""

    def argv(self, log, pid):
        common = build = ""
        if not os.path.isdir(f"/lib/modules/{os.uname().release}/build"):
            if not os.path.isdir("/lib/modules"):
                raise CannotRun("memleak: no kernel headers (no /lib/modules)")
            found = [path for path in sorted(glob.glob("/usr/src/linux-headers-*")) if not path.endswith("-common")]
            if not found:
                raise CannotRun("memleak: no kernel headers (/usr/src/linux-headers-*)")
            build = found[-1]
            commons = sorted(glob.glob("/usr/src/linux-headers-*-common"))
            common = commons[-1] if commons else build
        return ["unshare", "-m", "sh", "-c", self.SCRIPT, "memleak", pid, build, common]

    def is_ready(self, run):
        with open(run.log + ".out", encoding="utf-8", errors="replace") as file:
            return "Top 10" in file.read()
