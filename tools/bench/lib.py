# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the benchmarks share: the workload on a CPU of its own, tracers on the other, CPU time to the nanosecond,
medians and their spread, the machine, and what comes out of it all."""

import contextlib
import ctypes
import json
import os
import platform
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.dirname(os.path.abspath(__file__))
PROGRAM = os.environ.get("MMAPTRACE", os.path.join(ROOT, "build", "mmaptrace"))
PROGRAMS = os.environ.get("MMAPTRACE_BENCH_PROGRAMS", os.path.join(ROOT, "build", "tools", "bench"))
PATIENCE_S = 30

# The daemons and some tracers are not on everyone's PATH.
os.environ["PATH"] += ":/usr/sbin:/sbin"

CPUS = sorted(os.sched_getaffinity(0))
TRACER_CPU, WORK_CPU = CPUS[0], CPUS[-1]


class CannotRun(Exception):
    """Why something cannot be measured here: it becomes a row of the table."""


def program(name):
    return os.path.join(PROGRAMS, name)


def is_there(path):
    with contextlib.suppress(OSError):
        return os.stat(path).st_size > 0
    return False


def wait_until(condition, what, patience_s=PATIENCE_S, step_s=0.02):
    deadline = time.monotonic() + patience_s
    while not condition():
        if time.monotonic() > deadline:
            raise CannotRun(f"{what} not in {patience_s} s")
        time.sleep(step_s)


# ---- processes ----


def spawn(argv, cpu=None, **options):
    """A process on a CPU of its own, which hears SIGINT even if whoever started us had it ignored."""

    def prepare():
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})

    options.setdefault("stdin", subprocess.DEVNULL)
    try:
        return subprocess.Popen(list(map(str, argv)), preexec_fn=prepare, **options)
    except OSError as error:
        raise CannotRun(f"{argv[0]}: {error.strerror}") from None


# On a machine under load the kernel takes its time to let go of what was attached (grace periods).
END_PATIENCE_S = 120
# Some miss the signal while they print: it is sent again.
SIGNAL_AGAIN_S = 10


def end(process, number=signal.SIGINT, patience_s=END_PATIENCE_S):
    deadline = time.monotonic() + patience_s
    while process.poll() is None:
        if time.monotonic() > deadline:
            process.kill()
            process.wait()
            raise CannotRun(f"{process.args[0]} did not end on a signal")
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(SIGNAL_AGAIN_S)


def cpu_ns(pid):
    """CPU time of a process's threads so far, in the scheduler's nanoseconds."""
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):
            with open(f"/proc/{pid}/task/{task}/schedstat", encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total


def status_kib(pid, field):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise CannotRun(f"/proc/{pid}/status has no {field}")


def output_of(argv):
    """The last word of a command that may not be there: '' then."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except OSError:
        return ""
    return done.stdout or done.stderr


class Ops:
    """tools/bench/ops.c: `ask("slice anon 50")` gives {"calls": ..., "median_ns": ...}."""

    def __init__(self, folder, cpu=WORK_CPU, name="ops"):
        self.process = spawn(
            [program(name), cpu, os.path.join(folder, "mapped")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )
        self.pid = self.process.pid
        if self._line() != "ready":
            raise CannotRun("ops is not ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def _line(self):
        line = self.process.stdout.readline()
        if not line:
            raise CannotRun(f"ops ended with {self.process.wait()}")
        return line.strip()

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        words = self._line().split()
        return {key: float(value) for key, value in zip(words[1::2], words[2::2])}


class Empty:
    """tools/bench/empty.c: programs that do nothing, on these hooks."""

    def __init__(self, hooks):
        self.process = spawn(
            [program("empty"), *hooks],
            cpu=TRACER_CPU,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        if self.process.stdout.readline() != "ready\n":
            raise CannotRun(self.process.stderr.read().strip())

    def stop(self):
        self.process.stdin.close()
        self.process.wait()


def hooks_of(pid):
    return output_of([program("empty"), "--of", str(pid)]).split()


BPF_LINK_GET_NEXT_ID = 31
BPF_SYSCALL = {"x86_64": 321, "aarch64": 280}.get(os.uname().machine)


def links():
    """The ids of the BPF links of the whole machine: somebody else's tracer changes what is measured."""
    attr, found = (ctypes.c_uint32 * 4)(), set()
    libc = ctypes.CDLL(None, use_errno=True)
    while libc.syscall(BPF_SYSCALL, BPF_LINK_GET_NEXT_ID, ctypes.byref(attr), ctypes.sizeof(attr)) == 0:
        found.add(attr[1])
        attr[0] = attr[1]
    return found


class Solitude:
    """Whether we are the only ones who trace this machine: a tracer of somebody else's is waited for, as long as a part
    can afford to, and then counted."""

    PATIENCE_S = 60

    def __init__(self):
        self._usual = links()
        self._patience_s = self.PATIENCE_S
        self.disturbed = 0

    def is_kept(self):
        now = links()
        self._usual &= now  # what was there at first and is gone was no part of the machine
        return now == self._usual

    def is_hopeless(self):
        return self._patience_s <= 0

    def wait(self):
        began = time.monotonic()
        while not self.is_kept() and time.monotonic() - began < self._patience_s:
            time.sleep(0.2)
        self._patience_s -= time.monotonic() - began

    def count(self):
        """A measurement that was taken all the same."""
        self.disturbed += 1


# ---- figures ----


def median(values):
    return statistics.median(values) if values else None


def spread(values):
    """Half of the distance between the quartiles, as a share of the median."""
    if len(values) < 2:
        return None
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    middle = statistics.median(values)
    return (high - low) / 2 / abs(middle) if middle else None


def number(value, digits=2):
    """Three or so digits that count."""
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}f}"


class Report:
    """Rows as they come, goals at the end; all of it in the JSON file."""

    def __init__(self):
        self.parts = {}
        self.goals = []
        self.notes = []

    def add(self, part, row):
        self.parts.setdefault(part, []).append(row)

    def goal(self, text, limit, measured, reached, digits=2):
        """reached is None when it could not be measured; measured then says why."""
        self.goals.append({"goal": text, "limit": limit, "measured": measured, "reached": reached, "digits": digits})

    def goal_below(self, text, limit, measured, why="not measured"):
        known = measured is not None
        self.goal(f"{text}: at most {limit:g}", limit, measured if known else why, measured <= limit if known else None,
                  4 if limit < 0.01 else 3)

    def note(self, text):
        self.notes.append(text)
        print(f"note: {text}", file=sys.stderr, flush=True)

    def note_disturbed(self, part, solitude):
        if solitude.disturbed:
            self.note(f"{part}: {solitude.disturbed} measurements while somebody else traced this machine too")

    def save(self, path, machine):
        facts = {"machine": machine, "parts": self.parts, "goals": self.goals, "notes": self.notes}
        with open(path, "w", encoding="utf-8") as file:
            json.dump(facts, file, indent=1)
            file.write("\n")


def table(columns, rows):
    """columns: (title, function of a row). The first is flush left."""
    cells = [[title for title, _ in columns]] + [[str(take(row)) for _, take in columns] for row in rows]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    for line in cells:
        padded = [cell.ljust(width) if i == 0 or i == len(columns) - 1 else cell.rjust(width)
                  for i, (cell, width) in enumerate(zip(line, widths))]
        print("  ".join(padded).rstrip())


# ---- the machine ----


def first_line(text):
    return text.strip().splitlines()[0].strip() if text.strip() else ""


def cpu_name():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def memory_gib():
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


VERSIONS = {
    "mmaptrace": [PROGRAM, "--version"],
    "bpftrace": ["bpftrace", "--version"],
    "perf": ["perf", "--version"],
    "strace": ["strace", "--version"],
    "memleak (bcc)": ["dpkg-query", "-W", "-f", "${Version}", "bpfcc-tools"],
    "redis": ["redis-server", "--version"],
    "postgresql": ["pgbench", "--version"],
    "gcc": ["gcc", "--version"],
}


def machine():
    return {
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "cpu": cpu_name(),
        "cpus": len(CPUS),
        "memory_gib": round(memory_gib(), 1),
        "load_before": os.getloadavg()[0],
        "versions": {name: first_line(output_of(argv)) or "not installed" for name, argv in VERSIONS.items()},
    }


@contextlib.contextmanager
def scratch():
    """In memory: the disk is no part of what is measured."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = tempfile.mkdtemp(prefix="mmaptrace-bench-", dir=base)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


class Sleeper:
    """A process that does nothing: someone else to trace."""

    def __enter__(self):
        self._process = spawn(["sleep", "86400"])
        return self._process

    def __exit__(self, *_):
        self._process.kill()
        self._process.wait()


def progress(text):
    print(f"  {text}", file=sys.stderr, flush=True)
