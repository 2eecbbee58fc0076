# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What the tests on the live kernel share: start the program and the workloads, read what they
say, and compare it with /proc. Everything waits for a line, an end or a condition, never for time
to pass; each wait has an end of its own."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

import schema

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("MMAPTRACE", os.path.join(ROOT, "build", "mmaptrace"))
WORKLOADS = os.environ.get("MMAPTRACE_WORKLOADS", os.path.join(ROOT, "build", "tests", "workloads"))
REQUIRE = os.environ.get("MMAPTRACE_REQUIRE") == "1"
# More arguments for every run, such as --hooks=kprobe: the same tests on another path.
EXTRA_ARGS = os.environ.get("MMAPTRACE_ARGS", "").split()
# How much slower than a real machine this one may be: an emulated one is, by far.
PATIENCE = float(os.environ.get("MMAPTRACE_PATIENCE", "1"))
PATIENCE_S = 30 * PATIENCE
# Programs that are preempted in the middle are skipped for whoever comes to them on that processor meanwhile, and
# emulated they are long. That is counted, and the law holds; but to compare line for line takes a run without it.
SKIPS = "runs of BPF programs: skipped by the kernel"
SKIPS_EXCUSED = PATIENCE != 1
# How often what may go wrong by chance is tried.
RUNS = int(os.environ.get("MMAPTRACE_RUNS", "20"))


# The same as 32-bit programs, beside those.
WORKLOADS32 = WORKLOADS.rstrip("/") + "32"


def workload(name):
    return os.path.join(WORKLOADS, name)


def workload32(name):
    return os.path.join(WORKLOADS32, name)


def limit_maps():
    with open("/proc/sys/vm/max_map_count", encoding="ascii") as file:
        return int(file.read())


def kernel_at_least(major, minor):
    numbers = os.uname().release.split(".")
    return (int(numbers[0]), int(numbers[1].split("-")[0])) >= (major, minor)


def maps_count(pid):
    """Lines of /proc/PID/maps less [vsyscall]; None if the process is gone, or closed even to root."""
    try:
        with open(f"/proc/{pid}/maps", "rb") as file:
            text = file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    return text.count(b"\n") - text.endswith(b"[vsyscall]\n")


def maps_count_all():
    """{pid: count} of everything that has an address space."""
    counts = {int(name): maps_count(name) for name in os.listdir("/proc") if name.isdigit()}
    return {pid: count for pid, count in counts.items() if count}


def process_state(pid):
    """The letter of /proc/PID/stat, None when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1].decode()
    except (FileNotFoundError, ProcessLookupError):
        return None


def wait_until(condition, what, patience_s=PATIENCE_S):
    """For kernel states no event tells of (a stopped process, a freed program)."""
    deadline = time.monotonic() + patience_s
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {patience_s} s for {what}")
        pause.wait(0.005)


class Lines:
    """Reads a pipe to its end, each line with the CLOCK_REALTIME of its arrival."""

    def __init__(self, fd):
        self._fd = fd
        self._rest = b""
        self._ended = False
        self._changed = threading.Condition()
        self.items = []
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        while True:
            data = os.read(self._fd, 1 << 20)
            now_ns = time.time_ns()
            lines = (self._rest + data).split(b"\n")
            self._rest = lines.pop()
            with self._changed:
                self.items.extend((now_ns, line) for line in lines)
                if not data:
                    self._ended = True
                    if self._rest:
                        self.items.append((now_ns, self._rest))
                self._changed.notify_all()
            if not data:
                os.close(self._fd)
                return

    def get(self, index, deadline):
        """Item of this index, None at the end; TimeoutError past the deadline (monotonic)."""
        with self._changed:
            while len(self.items) <= index:
                if self._ended:
                    return None
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    if time.monotonic() >= deadline:
                        raise TimeoutError
            return self.items[index]

    def ended(self, patience_s=PATIENCE_S):
        self._thread.join(patience_s)
        return not self._thread.is_alive()

    def text(self):
        return b"\n".join(line for _, line in list(self.items)).decode(errors="replace")


class Child:
    """A process with its lines of stdout and stderr, killed at the end of its with block."""

    def __init__(self, argv, **options):
        options.setdefault("stdin", subprocess.PIPE)
        self.argv = argv
        self.started_ns = time.time_ns()
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, bufsize=0, **options
        )
        self.pid = self.process.pid
        self.out = Lines(os.dup(self.process.stdout.fileno()))
        self.err = Lines(os.dup(self.process.stderr.fileno()))
        self.process.stdout.close()
        self.process.stderr.close()
        self._next = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.process.stdin:
            with contextlib.suppress(OSError):
                self.process.stdin.close()

    def line(self, patience_s=PATIENCE_S):
        """The next line of stdout, without its end."""
        item = self._get(self.out, self._next, patience_s)
        self._next += 1
        return item[1].decode(errors="replace")

    def _get(self, lines, index, patience_s):
        try:
            item = lines.get(index, time.monotonic() + patience_s)
        except TimeoutError:
            raise AssertionError(f"{self.argv}: no line in {patience_s} s; stderr: {self.err.text()}") from None
        if item is None:
            raise AssertionError(f"{self.argv}: ended early; stderr: {self.err.text()}")
        return item

    def send(self, data=b"\n"):
        self.process.stdin.write(data)

    def close_stdin(self):
        self.process.stdin.close()

    def wait(self, patience_s=PATIENCE_S):
        """Exit status, negative for a signal."""
        try:
            status = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.argv}: still runs after {patience_s} s; stderr: {self.err.text()}") from None
        self.err.ended()
        return status


def start_workload(name, *args, ready=False, **options):
    child = Child([workload(name), *map(str, args)], **options)
    if ready and child.line() != "ready":
        raise AssertionError(f"{name} is not ready")
    return child


class Tracer(Child):
    """mmaptrace --json. Its lines come through a pipe of their own, so that `-- CMD` has stdout."""

    def __init__(self, *args, **options):
        read_fd, write_fd = os.pipe()
        argv = [PROGRAM, "--json", "-o", f"/dev/fd/{write_fd}", *EXTRA_ARGS, *map(str, args)]
        super().__init__(argv, pass_fds=[write_fd], **options)
        os.close(write_fd)
        self.json = Lines(read_fd)
        self._parsed = {}

    def _parse(self, index, arrival_ns, raw):
        if index not in self._parsed:
            self._parsed[index] = {**schema.parse(raw), "arrival_ns": arrival_ns}
        return self._parsed[index]

    def wait_line(self, matches, what, patience_s=PATIENCE_S, since=0, kind=None):
        """The first line from index since on that matches, of a type if one is given."""
        deadline = time.monotonic() + patience_s
        for index in itertools.count(since):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise AssertionError(f"no {what} in {patience_s} s; stderr: {self.err.text()}")
            arrival_ns, raw = self._get(self.json, index, left_s)
            if schema.is_type(raw, kind):
                line = self._parse(index, arrival_ns, raw)
                if matches(line):
                    return line

    def wait_type(self, kind, pid=None, patience_s=PATIENCE_S):
        return self.wait_line(lambda line: pid in (None, line.get("pid")), f"{kind} line", patience_s, kind=kind)

    def ready(self):
        """Attached: everything from now on is seen."""
        self.wait_type("start", patience_s=2 * PATIENCE_S)
        return self

    def stop(self, signum=signal.SIGINT, patience_s=PATIENCE_S):
        if self.process.poll() is None:
            self.process.send_signal(signum)
        return self.wait(patience_s)

    def lines(self, kind=None, pid=None):
        """All lines so far, or those of a type and a pid."""
        if self.process.poll() is not None and not self.json.ended():
            raise AssertionError(f"{self.argv}: its output stays open after its end")
        chosen = [(i, *item) for i, item in enumerate(list(self.json.items)) if schema.is_type(item[1], kind)]
        lines = [self._parse(*item) for item in chosen]
        return [line for line in lines if pid in (None, line.get("pid"))]


def run_program(*args, prefix=(), patience_s=PATIENCE_S, **options):
    """Runs to the end: (status, stdout bytes, stderr text)."""
    options.setdefault("stdin", subprocess.DEVNULL)
    options.setdefault("stdout", subprocess.PIPE)
    extra = EXTRA_ARGS if args[:1] != ("doctor",) else [arg for arg in EXTRA_ARGS if arg.startswith("--hooks")]
    argv = [*prefix, PROGRAM, *extra, *map(str, args)]
    try:
        done = subprocess.run(argv, stderr=subprocess.PIPE, timeout=patience_s, check=False, **options)
    except subprocess.TimeoutExpired as error:
        raise AssertionError(f"{argv}: still runs after {patience_s} s; stderr: {error.stderr}") from None
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


class Case(unittest.TestCase):
    """Adds what the tests of this folder say often."""

    maxDiff = None

    def directory(self):
        path = tempfile.mkdtemp(prefix="mmaptrace-test-")
        self.addCleanup(shutil.rmtree, path, ignore_errors=True)
        return path

    def need(self, *programs):
        """The paths of programs; a skip, or with MMAPTRACE_REQUIRE=1 a failure, without them."""
        paths = [shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin") for name in programs]
        for name, path in zip(programs, paths):
            if path is None:
                self.lacking(f"{name} is not installed")
        return paths

    def lacking(self, reason):
        if REQUIRE:
            self.fail(f"{reason}, and nothing may be skipped here")
        self.skipTest(reason)

    def check_lines(self, lines):
        """Schema and conservation law of every line; what a call's line lacks has been counted as lost."""
        found = [(problem, line) for line in lines for problem in schema.problems(line)]
        counted = sum(line["count"] for line in losses(lines) if line["what"].startswith("operations "))
        if sum(problem == schema.RESULTLESS for problem, _ in found) <= counted:
            found = [(problem, line) for problem, line in found if problem != schema.RESULTLESS]
        wrong = [f"{problem}: {str(line)[:400]}" for problem, line in found]
        if wrong:
            self.fail(f"{len(wrong)} wrong lines, such as\n" + "\n".join(wrong[:5]))

    def check_one_message(self, stderr, *words):
        """One clear line, as the program says it, and with each of the words."""
        self.assertRegex(stderr, r"\Ammaptrace: [^\n]+\n\Z")
        for word in words:
            self.assertIn(word.lower(), stderr.lower())


def op_sums(lines):
    """{(pid, start_time): sum of the op lines' deltas}."""
    sums = {}
    for line in lines:
        if line["type"] == "op":
            key = (line["pid"], line["start_time"])
            sums[key] = sums.get(key, 0) + line["delta"]
    return sums


DETAILS = (
    "files ", "call stacks: ", "call stacks without names", "modules or processes without unwind rules",
    "operations without their call site",
)  # fmt: skip


def losses(lines):
    """Loss lines of facts. Which file a call was about is a detail: the kernel lets one look only while no
    other thread changes the maps (bpf_find_vma), and what could not be looked up is counted. So are the names
    of the calls of a process that lived for a millisecond."""
    return [line for line in lines if line["type"] == "loss" and not line["what"].startswith(DETAILS)]


def skips_of(lines):
    """How often the kernel has skipped a program of ours, as was told."""
    return sum(line["count"] for line in lines if line["type"] == "loss" and line["what"] == SKIPS)


def results_parse(text):
    """"pid P maps C [NAME]" lines: [(pid, count, name)] in their order."""
    results = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4 and words[0] == "pid" and words[2] == "maps":
            results.append((int(words[1]), int(words[3]), words[4] if len(words) > 4 else ""))
    return results


def main():
    """`python3 tests/kernel/test_NAME.py` runs one file."""
    import run

    sys.exit(run.main([os.path.basename(sys.argv[0])[:-3], *sys.argv[1:]]))
