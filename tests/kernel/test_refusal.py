# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The refusal points and every other reason, on the live kernel: the errno that the caller saw, the op line
and the enomem line agree. An entry is an operation at a map count relative to M."""

import collections
import contextlib
import os
import platform

import schema
from lib import Case, Tracer, kernel_at_least, limit_maps, main, start_workload

OK = "0"
ADVICE = "EAGAIN" if kernel_at_least(6, 1) else "ENOMEM"
SHRINK = "ENOMEM" if kernel_at_least(7, 1) else OK
MOVED_FIRST = "max_map_count" if kernel_at_least(7, 1) else None

# operation of refuse.c, map count less M, errno, system call, where it is refused from (less M)
TABLE = [
    ("mmap", 0, OK, "mmap", None),
    ("mmap", 1, "ENOMEM", "mmap", (1,)),
    # Beside another thread, who might have changed what is looked at afterwards.
    ("mmap_beside", 1, "ENOMEM", "mmap", (1,)),
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

# Refused for something else, far from the limit: operation of refuse.c, errno that its caller sees, system call, errno
# of that, reason.
REASONS = [
    ("rlimit_as", "ENOMEM", "mmap", "ENOMEM", "rlimit_as"),
    ("rlimit_as_beside", "ENOMEM", "mmap", "ENOMEM", "rlimit_as"),
    ("rlimit_as_fixed", "ENOMEM", "mmap", "ENOMEM", "rlimit_as"),
    ("rlimit_as_mremap", "ENOMEM", "mremap", "ENOMEM", "rlimit_as"),
    ("rlimit_as_brk", "ENOMEM", "brk", "ENOMEM", "rlimit_as"),
    ("rlimit_as_shmat", "ENOMEM", "shmat", "ENOMEM", "rlimit_as"),
    ("rlimit_data", "ENOMEM", "mmap", "ENOMEM", "rlimit_data"),
    ("rlimit_data_zero", "ENOMEM", "mmap", "ENOMEM", "rlimit_data"),
    ("rlimit_data_brk", "ENOMEM", "brk", "ENOMEM", "rlimit_data"),
    ("rlimit_data_mprotect", "ENOMEM", "mprotect", "ENOMEM", "rlimit_data"),
    ("memlock", "ENOMEM", "mlock", "ENOMEM", "memlock"),
    ("memlock_all", "ENOMEM", "mlockall", "ENOMEM", "memlock"),
    ("memlock_mmap", "EAGAIN", "mmap", "EAGAIN", "memlock"),
    ("memlock_mremap", "EAGAIN", "mremap", "EAGAIN", "memlock"),
    ("overcommit_private", "ENOMEM", "mmap", "ENOMEM", "overcommit"),
    ("overcommit_shared", "ENOMEM", "mmap", "ENOMEM", "overcommit"),
    ("overcommit_mprotect", "ENOMEM", "mprotect", "ENOMEM", "overcommit"),
    ("overcommit_mremap", "ENOMEM", "mremap", "ENOMEM", "overcommit"),
    ("length", "ENOMEM", "mmap", "ENOMEM", "length"),
    ("length_mprotect", "ENOMEM", "mprotect", "ENOMEM", "length"),
    ("address_space", "ENOMEM", "mmap", "ENOMEM", "address_space"),
    ("no_gap", "ENOMEM", "mmap", "ENOMEM", "address_space"),
    ("beyond", "ENOMEM", "mmap", "ENOMEM", "address_space"),
    ("in_place", "ENOMEM", "mremap", "ENOMEM", "no_room"),
    ("break_hemmed", "ENOMEM", "brk", "ENOMEM", "no_room"),
    ("mprotect_gap", "ENOMEM", "mprotect", "ENOMEM", "not_mapped"),
    ("mprotect_gap_split", "ENOMEM", "mprotect", "ENOMEM", "not_mapped"),
    ("madvise_gap", "ENOMEM", "madvise", "ENOMEM", "not_mapped"),
    ("mlock_gap", "ENOMEM", "mlock", "ENOMEM", "not_mapped"),
    ("munlock_gap", "ENOMEM", "munlock", "ENOMEM", "not_mapped"),
    ("hugetlb", "ENOMEM", "mmap", "ENOMEM", "kernel_memory"),
    ("thread_as", "EAGAIN", "mmap", "ENOMEM", "rlimit_as"),
    ("thread_data", "EAGAIN", "mprotect", "ENOMEM", "rlimit_data"),
]
FAR = -limit_maps() * 9 // 10

# At the limit, where the map count would be a reason, too: the kernel's order decides. The same with the map count.
COUNTED = "max_map_count"
BOTH = [
    ("rlimit_as", 0, "ENOMEM", "mmap", "ENOMEM", "rlimit_as"),
    ("rlimit_as", 1, "ENOMEM", "mmap", "ENOMEM", COUNTED),
    ("rlimit_as_fixed", 0, "ENOMEM", "mmap", "ENOMEM", "rlimit_as"),
    ("rlimit_as_mremap", 0, "ENOMEM", "mremap", "ENOMEM", MOVED_FIRST or "rlimit_as"),
    ("rlimit_as_brk", 1, "ENOMEM", "brk", "ENOMEM", "rlimit_as"),
    ("rlimit_data", 0, "ENOMEM", "mmap", "ENOMEM", "rlimit_data"),
    ("rlimit_data_brk", 1, "ENOMEM", "brk", "ENOMEM", "rlimit_data"),
    ("rlimit_data_mprotect", 1, "ENOMEM", "mprotect", "ENOMEM", "rlimit_data"),
    ("memlock", 1, "ENOMEM", "mlock", "ENOMEM", "memlock"),
    ("memlock_mmap", 0, "EAGAIN", "mmap", "EAGAIN", "memlock"),
    ("overcommit_private", 0, "ENOMEM", "mmap", "ENOMEM", "overcommit"),
    ("overcommit_private", 1, "ENOMEM", "mmap", "ENOMEM", COUNTED),
    ("overcommit_shared", 0, "ENOMEM", "mmap", "ENOMEM", "overcommit"),
    ("overcommit_mprotect", 1, "ENOMEM", "mprotect", "ENOMEM", "overcommit"),
    ("length", 1, "ENOMEM", "mmap", "ENOMEM", "length"),
    ("address_space", 0, "ENOMEM", "mmap", "ENOMEM", "address_space"),
    ("address_space", 1, "ENOMEM", "mmap", "ENOMEM", COUNTED),
    ("no_gap", 0, "ENOMEM", "mmap", "ENOMEM", "address_space"),
    ("no_gap", 1, "ENOMEM", "mmap", "ENOMEM", COUNTED),
    ("in_place", 0, "ENOMEM", "mremap", "ENOMEM", MOVED_FIRST or "no_room"),
    ("mprotect_gap", 0, "ENOMEM", "mprotect", "ENOMEM", "not_mapped"),
    ("mprotect_gap_split", 0, "ENOMEM", "mprotect", "ENOMEM", COUNTED),
    ("madvise_gap", 0, "ENOMEM", "madvise", "ENOMEM", "not_mapped"),
    ("mlock_gap", 0, "ENOMEM", "mlock", "ENOMEM", "not_mapped"),
    ("munlock_gap", 0, "ENOMEM", "munlock", "ENOMEM", "not_mapped"),
    # It has split already, and so has reached the limit, when it meets what it is refused for.
    ("mprotect_gap_split", -1, "ENOMEM", "mprotect", "ENOMEM", "not_mapped"),
    ("mlock_unread", -1, "ENOMEM", "mlock", "ENOMEM", "unknown"),
    ("mlock_unread", 0, "ENOMEM", "mlock", "ENOMEM", COUNTED),
    # Those who go on at once, in the same place.
    ("mprotect_gap_moving", 0, "ENOMEM", "mprotect", "ENOMEM", "not_mapped"),
    ("mprotect_gap_split_moving", -1, "ENOMEM", "mprotect", "ENOMEM", "not_mapped"),
    ("mprotect_gap_split_moving", 0, "ENOMEM", "mprotect", "ENOMEM", COUNTED),
    ("madvise_gap_moving", 0, "ENOMEM", "madvise", "ENOMEM", "not_mapped"),
    ("mlock_gap_moving", 0, "ENOMEM", "mlock", "ENOMEM", "not_mapped"),
    ("munlock_gap_moving", 0, "ENOMEM", "munlock", "ENOMEM", "not_mapped"),
    ("mlock_many_moving", 0, "ENOMEM", "mlock", "ENOMEM", "not_mapped"),
    ("mprotect_across_moving", 0, "ENOMEM", "mprotect", "ENOMEM", COUNTED),
    ("mlock_across_moving", 0, "ENOMEM", "mlock", "ENOMEM", COUNTED),
    ("mlock_across_moving", -1, "ENOMEM", "mlock", "ENOMEM", COUNTED),
    ("hugetlb", 0, "ENOMEM", "mmap", "ENOMEM", "kernel_memory"),
    ("hugetlb", 1, "ENOMEM", "mmap", "ENOMEM", COUNTED),
    ("thread", 0, "EAGAIN", "mprotect", "ENOMEM", COUNTED),
    ("thread", 1, "EAGAIN", "mmap", "ENOMEM", COUNTED),
]
# With vm.overcommit_memory 2, which is the whole machine's.
NEVER = [
    ("commit_private", "ENOMEM", "mmap", "ENOMEM", "overcommit"),
    ("commit_shared", "ENOMEM", "mmap", "ENOMEM", "overcommit"),
]

# A process at a limit of a million maps takes some 200 MB of kernel memory.
MAPS_AT_ONCE = 3_000_000


class Outcome:
    """What the caller of one entry saw, and what the program said."""

    def __init__(self, words, lines):
        self.operation, self.errno = words[:2]
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
        # What is mapped there is looked up in /proc while they stay; they are told of in the order in which they failed.
        refused = [children[entry].pid for entry in entries if words[entry][1] != OK]
        if schema.CALLS_SEEN and refused:
            tracer.wait_type("enomem", pid=refused[-1])
        for child in children.values():
            child.close_stdin()
            child.wait()
        if tracer.wait() != 0:
            raise AssertionError(tracer.err.text())
        for entry, child in children.items():
            outcomes[entry] = Outcome(words[entry], tracer.lines(pid=child.pid))
    return outcomes


def all_run():
    entries = [(operation, offset) for operation, offset, *_ in TABLE + BOTH]
    entries += [(reason[0], FAR) for reason in REASONS]
    at_once = max(MAPS_AT_ONCE // (limit_maps() + 2), 1)
    outcomes = {}
    for start in range(0, len(entries), at_once):
        outcomes.update(entries_run(entries[start : start + at_once]))
    return outcomes


@contextlib.contextmanager
def overcommit_mode(mode):
    path = "/proc/sys/vm/overcommit_memory"
    with open(path, encoding="ascii") as file:
        before = file.read()
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(mode)
        yield
    finally:
        with open(path, "w", encoding="ascii") as file:
            file.write(before)


class Matrix:
    """What was the reason by what was told, and whether as a certainty."""

    def __init__(self):
        self.counts = collections.Counter()

    def add(self, truth, line):
        self.counts[truth, line["reason"], line["estimated"]] += 1

    def text(self):
        lines = [f"{'was':14} {'told':14} {'exact':>5} {'estimated':>9}"]
        for truth, told in sorted({key[:2] for key in self.counts}):
            exact, estimated = (self.counts[truth, told, flag] for flag in (False, True))
            wrong = "" if truth == told else "   <- not so"
            lines.append(f"{truth:14} {told:14} {exact:5} {estimated:9}{wrong}")
        return "\n".join(lines)


class Refusal(Case):
    @classmethod
    def setUpClass(cls):
        cls.matrix = Matrix()
        cls.outcomes = all_run()

    @classmethod
    def tearDownClass(cls):
        print(cls.matrix.text(), flush=True)

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
        self.matrix.add("max_map_count", outcome.of_type("enomem")[0])
        facts = outcome.of_type("enomem")[0]["facts"]
        self.assertEqual(facts["limit"], limit_maps())
        self.assertIn(facts["map_count"], {outcome.before, outcome.after})
        self.assertIn(facts["refusal_point"], points)
        findings = [line for line in outcome.of_type("finding") if line["kind"] == "enomem"]
        self.assertEqual([line["severity"] for line in findings[:1]], ["critical"])

    def check_reason(self, outcome, errno, call, told, reason):
        """errno is the caller's, told that of the system call: pthread_create has one of its own."""
        self.check_lines(outcome.lines)
        self.assertEqual(outcome.errno, errno, "the kernel's own answer")
        if not schema.CALLS_SEEN:
            return self.check_certain(outcome, call)
        if errno == told:
            self.check_op(outcome, call)
        enomem = outcome.of_type("enomem")
        self.assertEqual([(line["op"], line["errno"]) for line in enomem], [(call, told)])
        self.matrix.add(reason, enomem[0])
        self.assertIn(enomem[0]["reason"], {reason} | self.excuses(outcome, enomem[0]), enomem[0])
        self.check_facts(enomem[0], outcome.operation)

    def excuses(self, outcome, line):
        """Of a process that has gone on, what it found in a range is told by the kernel alone, up to so many maps:
        else nothing is."""
        if not outcome.operation.endswith("_moving"):
            return set()
        far = outcome.operation.startswith("mlock_many")
        # arm64 runs kprobe programs with interrupts off, where bpf_find_vma unlocks the maps only once.
        locked = platform.machine() == "aarch64" and "kprobe" in os.environ.get("MMAPTRACE_ARGS", "")
        return {"unknown"} if far or locked or not kernel_at_least(5, 17) else set()

    def check_certain(self, outcome, call):
        """Without results of calls only the mmap beyond the limit is told of."""
        certain = call == "mmap" and outcome.before > limit_maps() and outcome.operation != "length"
        for line in outcome.of_type("enomem"):
            self.matrix.add("max_map_count", line)
        reasons = [(line["reason"], line["estimated"]) for line in outcome.of_type("enomem")]
        self.assertEqual(reasons, [("max_map_count", False)] if certain else [])

    def check_facts(self, line, operation):
        """The figures that prove the reason are there, and do."""
        facts, reason = line["facts"], line["reason"]
        self.assertEqual(facts.get("thread_stack", False), operation.startswith("thread"))
        if reason == "rlimit_as":
            self.assertGreater(facts["total_vm_bytes"] + facts["asked_bytes"], facts["rlimit_as_bytes"])
        elif reason == "overcommit":
            of = "shared_anonymous" if operation.endswith("_shared") else "private"
            self.assertEqual(facts["overcommit_of"], of)
            never = facts["overcommit_memory"] == 2
            most = facts["ram_bytes"] + facts["swap_bytes"]
            if never:
                most = facts["commit_limit_bytes"] - facts["committed_bytes"]
            self.assertGreater(facts["asked_bytes"], most)
        elif reason == "not_mapped":
            self.assertTrue(line["estimated"] or facts["hole"])
        elif reason == "no_room":
            self.assertLessEqual(facts["room_bytes"], facts["asked_bytes"])
        elif operation == "hugetlb" and reason == "kernel_memory":
            self.assertEqual((facts["huge_pages_free"], facts["huge_pages_more"]), (0, 0))

    def test_reasons_of_overcommit_memory_2(self):
        if os.environ.get("MMAPTRACE_GUEST") != "1":
            self.skipTest("vm.overcommit_memory is the whole machine's: in a virtual machine alone (make test-vm)")
        with overcommit_mode("2"):
            outcomes = entries_run([(reason[0], FAR) for reason in NEVER])
        for operation, *expected in NEVER:
            with self.subTest(operation):
                self.check_reason(outcomes[operation, FAR], *expected)


def place_name(offset):
    return "_at_M" if offset == 0 else f"_at_M_{'plus' if offset > 0 else 'minus'}_{abs(offset)}"


def add_tests():
    """A test per entry, called after its place: mmap_at_M_plus_1."""
    for entry in TABLE:
        operation, offset = entry[0], entry[1]
        setattr(
            Refusal, f"test_{operation}{place_name(offset)}", lambda self, entry=entry: self.check_entry(*entry)
        )
    for entry in [(reason[0], FAR, *reason[1:]) for reason in REASONS] + BOTH:
        setattr(
            Refusal,
            f"test_reason_{entry[0]}{'' if entry[1] == FAR else place_name(entry[1])}",
            lambda self, entry=entry: self.check_reason(self.outcomes[entry[:2]], *entry[2:]),
        )


add_tests()

if __name__ == "__main__":
    main()
