#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The tests on the live kernel: `run.py [--list] [NAME...]` runs those whose name contains one of the
NAMEs, or is one with "=" before it; all without. As root, after `make workloads`. The number of seeds is
in MMAPTRACE_SEEDS, MMAPTRACE_REQUIRE=1 lets nothing be skipped, MMAPTRACE_ARGS adds arguments to every
run, MMAPTRACE_PATIENCE multiplies how long things may take, MMAPTRACE_REPORT names a file that gets a
line of JSON for each test as it ends. MMAPTRACE_TRIES=2 gives a few tests that failed another try, and
says which they were: for machines that do not belong to the tests alone."""

import fcntl
import json
import os
import sys
import tempfile
import time
import traceback
import unittest

FOLDER = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, FOLDER)
sys.dont_write_bytecode = True
REPORT = os.environ.get("MMAPTRACE_REPORT")
TRIES = int(os.environ.get("MMAPTRACE_TRIES", "1"))
# More failures than these are not the machine's.
AGAIN_MAX = 5

import lib  # noqa: E402 (found by the line above)


def flatten(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from flatten(item)
        else:
            yield item


def short_name(test):
    """test_table.Table.test_width is table.width."""
    parts = test.id().split(".")
    return ".".join(part[5:] if part.startswith("test_") else part for part in (parts[0], parts[-1]))


class Report(unittest.TestResult):
    """One line per test, reasons under it."""

    def __init__(self):
        super().__init__()
        self.passed = 0
        # Names, each as often as it failed: a test with parts may do so more than once.
        self.failed = []
        self._began = time.monotonic()
        self._file = open(REPORT, "a", encoding="utf-8") if REPORT else None

    def _tell(self, word, name, reason):
        if self._file:
            seconds = round(time.monotonic() - self._began, 2)
            print(json.dumps({"test": name, "result": word, "seconds": seconds, "reason": reason}), file=self._file)
            self._file.flush()

    def _line(self, word, test, more=""):
        # A set-up that failed comes without a test of its own.
        name = short_name(test) if isinstance(test, unittest.TestCase) else str(test)
        print(f"{word:4} {name} ({time.monotonic() - self._began:.1f} s){more}", flush=True)
        return name

    def _failure(self, test, error):
        name = self._line("FAIL", test)
        self.failed.append(name)
        where = traceback.extract_tb(error[2])
        own = [frame for frame in where if frame.filename.startswith(FOLDER)] or where
        places = " < ".join(f"{os.path.basename(frame.filename)}:{frame.lineno}" for frame in reversed(own))
        kind = "" if issubclass(error[0], AssertionError) else f"{error[0].__name__}: "
        text = f"{places}: {kind}{error[1]}"
        self._tell("failed", name, text)
        print("     " + text.strip().replace("\n", "\n     ")[:6000], flush=True)

    def startTest(self, test):
        super().startTest(test)
        self._began = time.monotonic()

    def addSuccess(self, test):
        super().addSuccess(test)
        self.passed += 1
        self._tell("passed", self._line("ok", test), "")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failure(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._failure(test, err)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._tell("skipped", self._line("skip", test, f": {reason}"), reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._failure(test, err)


def lock_take():
    """Two runs at once would stop, starve and mislead each other. Held to this process's end."""
    file = open(os.path.join(tempfile.gettempdir(), "mmaptrace-kernel-tests.lock"), "w", encoding="ascii")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print("another run of these tests is at work: waiting for its end", file=sys.stderr)
        fcntl.flock(file, fcntl.LOCK_EX)
    return file


def is_meant(test, name):
    if name.startswith("="):
        return short_name(test) == name[1:]
    return name in test.id() or name in short_name(test)


def choose(names):
    tests = sorted(flatten(unittest.TestLoader().discover(FOLDER, "test_*.py", FOLDER)), key=lambda test: test.id())
    return [test for test in tests if not names or any(is_meant(test, name) for name in names)]


def run(tests):
    """The report, and the names of those that needed another try."""
    report, again = Report(), []
    unittest.TestSuite(tests).run(report)
    for _ in range(1, TRIES):
        names = set(report.failed)
        failed = [test for test in choose([]) if short_name(test) in names]
        # A set-up that failed is no test.
        if not failed or len(failed) > AGAIN_MAX or len(failed) < len(names):
            break
        print("once more: " + " ".join(map(short_name, failed)), flush=True)
        second = Report()
        unittest.TestSuite(failed).run(second)
        again = sorted(names - set(second.failed))
        second.passed += report.passed
        second.skipped += report.skipped
        report = second
    return report, again


def main(args):
    names = [arg for arg in args if not arg.startswith("-")]
    chosen = choose(names)
    if "--list" in args:
        print("\n".join(short_name(test) for test in chosen))
        return 0
    if not chosen:
        print(f"no test is called {' or '.join(names)}", file=sys.stderr)
        return 1
    if os.geteuid() != 0:
        print("the tests on the live kernel need root", file=sys.stderr)
        return 1
    for path in (lib.PROGRAM, lib.workload("holder")):
        if not os.access(path, os.X_OK):
            print(f"{path} is not there: run make and make workloads first", file=sys.stderr)
            return 1
    with lock_take():
        report, again = run(chosen)
    if again:
        print(f"{len(again)} passed at another try only: {' '.join(again)}")
    skipped = f", {len(report.skipped)} skipped" if report.skipped else ""
    print(f"{report.passed} passed, {len(report.failed)} failed{skipped}")
    return 1 if report.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
