# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What may not run, and why: deny.txt, one line each. Nothing else may be left out, and a line that
forbids nothing any more is a failure too."""

import fnmatch
import os

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "deny.txt")
# In place of a test: the kernel does not offer the path at all.
WHOLE_PATH = "-"


class Entry:
    """Globs of kernel, path and test, and the reason."""

    def __init__(self, number, line):
        words = line.split(None, 3)
        if len(words) < 4:
            raise ValueError(f"{FILE}:{number}: kernel, path, test and reason, please: {line}")
        self.number = number
        self.kernel, self.path, self.test, self.reason = words
        self.used = False

    def covers(self, kernel, path):
        return fnmatch.fnmatchcase(kernel, self.kernel) and fnmatch.fnmatchcase(path, self.path)

    def __str__(self):
        return f"deny.txt:{self.number}: {self.kernel} {self.path} {self.test}"


class Deny:
    def __init__(self, text):
        lines = enumerate(text.splitlines(), 1)
        self.entries = [Entry(number, line) for number, line in lines if line.strip() and not line.startswith("#")]

    def path_reason(self, kernel, path):
        """Why the kernel lacks the path, None if it has to have it."""
        for entry in self.entries:
            if entry.test == WHOLE_PATH and entry.covers(kernel, path):
                entry.used = True
                return entry.reason
        return None

    def test_reasons(self, kernel, path, tests):
        """{test: reason} of those that may not run there."""
        reasons = {}
        for entry in self.entries:
            if entry.test != WHOLE_PATH and entry.covers(kernel, path):
                for test in fnmatch.filter(tests, entry.test):
                    entry.used = True
                    reasons.setdefault(test, entry.reason)
        return reasons

    def stale(self, cells, complete):
        """Entries that forbade nothing: of all if everything was run, else of those about the cells [(kernel, path)]."""
        return [
            entry
            for entry in self.entries
            if not entry.used and (complete or any(entry.covers(kernel, path) for kernel, path in cells))
        ]


def read():
    with open(FILE, encoding="utf-8") as file:
        return Deny(file.read())
