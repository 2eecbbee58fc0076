# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The refusal points, on the live kernel: the errno that the caller saw, the op line and the enomem
line agree. An entry is an operation at a map count relative to M."""

import contextlib

import schema
from lib import Case, Tracer, kernel_at_least, limit_maps, main, start_workload

OK = "0"
ADVICE = "EAGAIN" if kernel_at_least(6, 1) else "ENOMEM"
SHRINK = "ENOMEM" if kernel_at_least(7, 1) else OK

# operation of refuse.c, map count less M, errno, system call, where it is refused from (less M)
TABLE = [
    ("mmap", 0, OK, "mmap", None),
    ("mmap", 1, "ENOMEM", "mmap", (1,)),
    ("mmap_fixed", -1, OK, "mmap", None),
    ("mmap_fixed", 0, "ENOMEM", "mmap", (0,)),
    ("munmap_hole", -1, OK, "munmap", None),
    ("munmap_hole", 0, "ENOMEM", "munmap", (0,)),
    ("munmap_head", 1, OK, "munmap", None),
    ("munmap_whole", 1, OK, "munmap", None),
    ("mprotect_one", -1, OK, "mprotect", None),
    ("mprotect_one", 0, "ENOMEM", "mprotect", (-1, 0)),
    ("mprotect_two", -2, OK, "mprotect", None),
    # It has split once already when it is refused: the count is one higher after it.
    ("mprotect_two", -1, "ENOMEM", "mprotect", (-1,)),
    ("mprotect_two", 0, "ENOMEM", "mprotect", (-1, 0)),
    ("pkey_mprotect_one", -1, OK, "pkey_mprotect", None),
    ("pkey_mprotect_one", 0, "ENOMEM", "pkey_mprotect", (-1, 0)),
    ("mremap_move", -4, OK, "mremap", None),
    ("mremap_move", -3, "ENOMEM", "mremap", (-3,)),
    ("mremap_shrink", 0, SHRINK, "mremap", (-3,)),
    ("madvise_one", -1, OK, "madvise", None),
    ("madvise_one", 0, ADVICE, "madvise", (-1, 0)),
    ("madvise_two", -2, OK, "madvise", None),
    ("madvise_two", -1, ADVICE, "madvise", (-1,)),
    ("madvise_dontneed", 1, OK, "madvise", None),
    ("mlock_one", -1, OK, "mlock", None),
    ("mlock_one", 0, "ENOMEM", "mlock", (-1, 0)),
    ("mbind_one", -1, OK, "mbind", None),
    ("mbind_one", 0, "ENOMEM", "mbind", (-1, 0)),
    ("brk", 0, OK, "brk", None),
    ("brk", 1, "ENOMEM", "brk", (1,)),
    ("shmat", 0, OK, "shmat", None),
    ("shmat", 1, "ENOMEM", "shmat", (1,)),
    ("io_setup", 0, OK, "io_setup", None),
    ("io_setup", 1, "ENOMEM", "io_setup", (1,)),
    ("fork", 1, OK, None, None),
]
if kernel_at_least(6, 10):
    TABLE += [("mseal_one", -1, OK, "mseal", None), ("mseal_one", 0, "ENOMEM", "mseal", (-1, 0))]

# Refused for something else, far from the limit.
REASONS = [
    ("rlimit_as", "ENOMEM", "mmap", {"rlimit_as"}),
    ("rlimit_data", "ENOMEM", "mmap", {"rlimit_data"}),
    ("length", "ENOMEM", "mmap", {"length"}),
    ("address_space", "ENOMEM", "mmap", {"address_space"}),
    ("no_gap", "ENOMEM", "mmap", {"address_space"}),
    ("memlock", "ENOMEM", "mlock", {"memlock"}),
    ("mprotect_gap", "ENOMEM", "mprotect", {"unknown"}),
]
FAR = -limit_maps() * 9 // 10

# A process at a limit of a million maps takes some 200 MB of kernel memory.
MAPS_AT_ONCE = 3_000_000


class Outcome:
    """What the caller of one entry saw, and what the program said."""

    def __init__(self, words, lines):
        self.errno = words[1]
        self.before, self.after = int(words[3]), int(words[4])
        self.lines = lines

    def of_type(self, kind):
        return [line for line in self.lines if line["type"] == kind]


def entries_run(entries):
    """{(operation, offset): Outcome}, all of them under one tracer."""
    outcomes = {}
    with contextlib.ExitStack() as stack:
        children = {
            entry: stack.enter_context(start_workload("refuse", *entry, "--wait")) for entry in entries
        }
        for child in children.values():
            if child.line() != "ready":
                raise AssertionError(child.argv)
        pids = ",".join(str(child.pid) for child in children.values())
        tracer = stack.enter_context(Tracer("-p", pids, "--ring-size", "16M")).ready()
        words = {}
        for entry, child in children.items():
            child.send()
            words[entry] = child.line().split()
            child.close_stdin()
            child.wait()
        if tracer.wait() != 0:
            raise AssertionError(tracer.err.text())
        for entry, child in children.items():
            outcomes[entry] = Outcome(words[entry], tracer.lines(pid=child.pid))
    return outcomes


def all_run():
    entries = [(operation, offset) for operation, offset, *_ in TABLE] + [(reason[0], FAR) for reason in REASONS]
    at_once = max(MAPS_AT_ONCE // (limit_maps() + 2), 1)
    outcomes = {}
    for start in range(0, len(entries), at_once):
        outcomes.update(entries_run(entries[start : start + at_once]))
    return outcomes


class Refusal(Case):
    @classmethod
    def setUpClass(cls):
        cls.outcomes = all_run()

    def check_entry(self, operation, offset, errno, call, points):
        outcome = self.outcomes[operation, offset]
        self.check_lines(outcome.lines)
        self.assertEqual(outcome.before, limit_maps() + offset, "the set-up")
        self.assertEqual(outcome.errno, errno, "the kernel's own answer")
        if not schema.CALLS_SEEN:
            self.check_changes(outcome, call)
            return
        if call:
            op = self.check_op(outcome, call)
            self.assertEqual(op["delta"], outcome.after - outcome.before)
        if errno == OK:
            self.assertEqual(outcome.of_type("enomem"), [])
        else:
            self.check_enomem(outcome, call, {limit_maps() + point for point in points})

    def check_changes(self, outcome, call):
        """Of a call that is not seen: what it changed, by its name, and no word of its result but for the one
        that is certain, mmap beyond the limit."""
        seen = [(line["op"], line["delta"], line["map_count"]) for line in outcome.of_type("op")]
        delta = outcome.after - outcome.before
        mine = [change for change in seen if change[0] == call]
        self.assertEqual(mine, [(call, delta, outcome.after)] if delta else [], seen)
        certain = call == "mmap" and outcome.before > limit_maps()
        reasons = [(line["op"], line["errno"], line["reason"]) for line in outcome.of_type("enomem")]
        self.assertEqual(reasons, [("mmap", "ENOMEM", "max_map_count")] if certain else [])

    def check_op(self, outcome, call):
        ops = [line for line in outcome.of_type("op") if line["op"] == call]
        self.assertTrue(ops, f"no op line of {call}")
        op = ops[-1]
        self.assertEqual(op["errno"] or OK, outcome.errno)
        self.assertEqual(op["map_count"], outcome.after)
        return op

    def check_enomem(self, outcome, call, points):
        self.assertEqual(
            [(line["op"], line["errno"], line["reason"]) for line in outcome.of_type("enomem")],
            [(call, outcome.errno, "max_map_count")],
        )
        facts = outcome.of_type("enomem")[0]["facts"]
        self.assertEqual(facts["limit"], limit_maps())
        self.assertIn(facts["map_count"], {outcome.before, outcome.after})
        self.assertIn(facts["refusal_point"], points)
        findings = [line for line in outcome.of_type("finding") if line["kind"] == "enomem"]
        self.assertEqual([line["severity"] for line in findings[:1]], ["critical"])

    def check_reason(self, operation, errno, call, reasons):
        outcome = self.outcomes[operation, FAR]
        self.assertEqual(outcome.errno, errno, "the kernel's own answer")
        if not schema.CALLS_SEEN:
            self.assertEqual(outcome.of_type("enomem"), [])
            return
        self.check_op(outcome, call)
        enomem = outcome.of_type("enomem")
        self.assertEqual([(line["op"], line["errno"]) for line in enomem], [(call, errno)])
        self.assertIn(enomem[0]["reason"], reasons)


def add_tests():
    """A test per entry, called after its place: mmap_at_M_plus_1."""
    for entry in TABLE:
        operation, offset = entry[0], entry[1]
        place = "M" if offset == 0 else f"M_{'plus' if offset > 0 else 'minus'}_{abs(offset)}"
        setattr(
            Refusal, f"test_{operation}_at_{place}", lambda self, entry=entry: self.check_entry(*entry)
        )
    for entry in REASONS:
        setattr(Refusal, f"test_reason_{entry[0]}", lambda self, entry=entry: self.check_reason(*entry))


add_tests()

if __name__ == "__main__":
    main()
