# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Each kernel by each hook path: asks `mmaptrace doctor` in the guest which paths that kernel offers,
runs the suite once for each, and says of every cell what passed, failed or is denied, and why."""

import collections
import concurrent.futures
import dataclasses
import fnmatch
import json
import tempfile
import time

import kernels
import machine

# Debian's architecture that `make` builds for; others are named with a kernel, and built by tools/cross.sh.
NATIVE = "amd64"
# For --hooks: with the witness, then without.
PATHS = ("witness,fentry", "witness,syscalls", "witness,kprobe", "witness", "fentry", "syscalls", "kprobe")
KERNELS = ("5.10", "6.1", "6.12", "newest", "6.12/arm64")
assert set(kernels.WANTED) < set(KERNELS)
SUITES = ("conservation.", "files.", "refusal.", "early.", "badinput.", "compat.", "ledger.", "stacks.", "profile.folded")
# What every path of every kernel has to pass: kernel, path, test. Each of the other tests is passed on every kernel,
# or on every second one, by one path each, and on each kernel by another one: starting up takes seconds under emulation.
EVERYWHERE = (
    ("*", "*", "conservation.[!a]*"), ("*", "*", "early.by_pid"), ("*", "*", "refusal.mmap_at_M*"),
    ("*", "*", "refusal.mprotect_two_at_M_minus_1"), ("*", "*", "refusal.munmap_hole_at_M"),
    ("*", "*", "refusal.mremap_move_at_M_minus_3"), ("*", "*", "refusal.reason_rlimit_as"),
    ("*", "*", "badinput.after_sigkill_with_target"), ("*", "*", "badinput.reader_gone"),
    ("*", "*", "stacks.without_frame_pointers"),
    ("6.12", "witness,fentry", "compat.*"), ("6.12", "witness,kprobe", "compat.*"),
)  # fmt: skip
EACH_KERNEL = ("conservation.*", "refusal.[!r]*", "early.*", "compat.*", "ledger.*", "stacks.*")
# Turns that a path takes of the others: attaching fentry programs takes six seconds there, tracepoints two.
TURNS = (("*fentry", 1), ("*kprobe", 1), ("*", 3))
SHARED = (
    "conservation, early calling, a call stack and some refusals by every path; refusal points, 32-bit programs, call\n"
    "stacks and the ledger on every kernel, by one path each; each other test on every second kernel.\n"
    "--thorough runs everything by everything."
)
# vm.max_map_count, and which tests have it: an emulated machine fills a process with maps slowly, but those that are
# about being in time need a long way to go. The first that fits.
LIMITS = ((32768, "early.by_pid"), (32768, "early.system_wide"), (1024, "refusal.*"), (4096, "*"))
# Starting up takes three times as long with call stacks: those who ask for none go without.
STACKLESS = ("conservation.*", "files.*", "refusal.*", "early.*", "badinput.*", "compat.*")
# By measurement: the matrix is to end within some ten minutes on two processors.
ENVIRONMENT = {
    "MMAPTRACE_REQUIRE": "1", "MMAPTRACE_PATIENCE": "4", "MMAPTRACE_SEEDS": "3", "MMAPTRACE_OPS": "400",
    "MMAPTRACE_RUNS": "1", "MMAPTRACE_TRIES": "2", "MMAPTRACE_REPORT": "$OUT/results",
}  # fmt: skip
# Of a failure's reason; all of it is on the console (--verbose).
REASON_LINES = 6
SURVEY = f"""
mmaptrace doctor --json >$OUT/doctor
python3 /tests/kernel/run.py --list {' '.join(SUITES)} >$OUT/tests
"""


@dataclasses.dataclass
class Kernel:
    """One to boot: its name is that of the deny list."""

    name: str
    arch: str
    vmlinuz: str
    image: str
    paths: tuple
    features: dict = dataclasses.field(default_factory=dict)
    tests: list = dataclasses.field(default_factory=list)
    error: str = ""

    def lacks(self, path):
        """The features that a path needs and this kernel has not, with the reason."""
        missing = []
        for word in path.split(","):
            forms = {name: why for name, why in self.features.items() if name in (word, word + "_memcg")}
            if all(why is not None for why in forms.values()):
                missing.append(f"{word} ({', '.join(forms.values()) or 'unknown to doctor'})")
        return " and ".join(missing)


@dataclasses.dataclass
class Cell:
    """A path of a kernel and how it went."""

    kernel: Kernel
    path: str
    asked: list = dataclasses.field(default_factory=list)
    passed: list = dataclasses.field(default_factory=list)
    failed: dict = dataclasses.field(default_factory=dict)
    denied: dict = dataclasses.field(default_factory=dict)
    # Passed at another try only, and why not at the first.
    again: dict = dataclasses.field(default_factory=dict)
    # Why the whole of it is denied.
    reason: str = ""
    seconds: float = 0
    cpu_s: float = 0
    console: list = dataclasses.field(default_factory=list)

    @property
    def counts(self):
        """passed, failed, denied"""
        return len(self.passed), len(self.failed), 1 if self.reason else len(self.denied)

    def title(self):
        return f"{self.kernel.name} {self.path}"


# ---- one guest ----

def boot_patiently(kernel, job, console, patience_s):
    """Once more if the guest did not come to its end: an emulated machine may crash for reasons of its own."""
    for attempt in (1, 2):
        del console[:]
        try:
            with tempfile.TemporaryDirectory(prefix="mmaptrace-vm-") as folder:
                return machine.boot(
                    kernel.arch, kernel.vmlinuz, kernel.image, job, folder, console.append, patience_s
                )  # fmt: skip
        except machine.Unfinished as error:
            if attempt == 2 or machine.stopping.is_set():
                raise
            print(f"{kernel.name}: {error}; once more. It said last:\n" + "\n".join(console[-20:]), flush=True)
    raise AssertionError


def survey(kernel, patience_s):
    """Fills in what the kernel offers and which tests there are on it."""
    console = []
    try:
        _, files, _ = boot_patiently(kernel, SURVEY, console, patience_s)
        doctor = json.loads(files["doctor"])
        kernel.features = {item["name"]: item["why"] for item in doctor["features"]}
        kernel.tests = files["tests"].split()
        if not kernel.tests:
            kernel.error = "no tests there"
    except (machine.Unfinished, KeyError, ValueError) as error:
        kernel.error = f"{type(error).__name__}: {error}: " + " / ".join(console[-5:])


def limit_of(test):
    return next(limit for limit, glob in LIMITS if fnmatch.fnmatchcase(test, glob))


def options_of(test):
    stackless = any(fnmatch.fnmatchcase(test, glob) for glob in STACKLESS)
    return "--unwind=off" if stackless else ""


def job_of(cell):
    lines = [f"export {name}={value}" for name, value in ENVIRONMENT.items()]
    lines.append("status=0")
    groups = {}
    for test in cell.asked:
        groups.setdefault((limit_of(test), options_of(test)), []).append(f"={test}")
    for (limit, options), names in sorted(groups.items()):
        lines.append(f"sysctl -qw vm.max_map_count={limit} || exit")
        lines.append(f"export MMAPTRACE_ARGS='--hooks={cell.path} {options}'")
        lines.append(f"python3 /tests/kernel/run.py {' '.join(names)} || status=1")
    return "\n".join([*lines, "exit $status", ""])


def results_add(cell, text):
    """What was asked for and did not run has failed, and so has what skipped itself. The last try counts."""
    for line in text.splitlines():
        item = json.loads(line)
        test = item["test"]
        if item["result"] == "passed":
            cell.passed.append(test)
            if test in cell.failed:
                cell.again[test] = cell.failed.pop(test)
        else:
            cell.failed[test] = f"{item['result']}: {item['reason']}"
    for test in cell.asked:
        if test not in cell.failed and test not in cell.passed:
            cell.failed[test] = "did not run"


def cell_run(cell, patience_s):
    began = time.monotonic()
    try:
        status, files, cell.cpu_s = boot_patiently(cell.kernel, job_of(cell), cell.console, patience_s)
        results_add(cell, files.get("results", ""))
        if status and not cell.failed:
            cell.failed["the suite"] = f"ended with status {status}"
    except (machine.Unfinished, ValueError) as error:
        cell.failed["the guest"] = str(error)
    cell.seconds = time.monotonic() - began
    return cell


# ---- all of them ----

def cell_decide(cell, deny):
    """Whether it is to be run; if not, it has failed or is denied."""
    kernel = cell.kernel
    lacks = kernel.error or kernel.lacks(cell.path)
    reason = None if kernel.error else deny.path_reason(kernel.name, cell.path)
    if kernel.error:
        cell.failed["the kernel"] = kernel.error
    elif lacks and reason:
        cell.reason = reason
    elif lacks:
        cell.failed["the path"] = f"not offered, and not on the deny list: {lacks}"
    elif reason:
        cell.failed["deny.txt"] = f"the kernel offers this path, which is denied because: {reason}"
    return not lacks and not reason


def is_everywhere(kernel, path, test):
    place = (kernel.name, path, test)
    return any(all(map(fnmatch.fnmatchcase, place, globs)) for globs in EVERYWHERE)


def has_its_turn(test, number, turn):
    """Is a test that is not everywhere for the kernel of this turn?"""
    return (number + turn) % 2 == 0 or any(fnmatch.fnmatchcase(test, glob) for glob in EACH_KERNEL)


def turns_of(cell):
    return next(count for glob, count in TURNS if fnmatch.fnmatchcase(cell.path, glob))


def tests_share(cells, turn, deny, thorough):
    """Gives each cell of a kernel what it is to run. The turn is the kernel's."""
    kernel = cells[0].kernel
    turns = [cell for i in range(max(map(turns_of, cells))) for cell in cells if i < turns_of(cell)]
    denied = {cell.path: deny.test_reasons(kernel.name, cell.path, kernel.tests) for cell in cells}
    for number, test in enumerate(kernel.tests):
        takers = [cell for cell in cells if thorough or is_everywhere(kernel, cell.path, test)]
        if not takers and has_its_turn(test, number, turn):
            by_turn = [turns[(number + turn + i) % len(turns)] for i in range(len(turns))]
            takers = [next((cell for cell in by_turn if test not in denied[cell.path]), by_turn[0])]
        for cell in takers:
            if test in denied[cell.path]:
                cell.denied[test] = denied[cell.path][test]
            else:
                cell.asked.append(test)


def cells_of(kernels, deny, thorough):
    """Every kernel by every path: those to run, and those that are decided already."""
    to_run, decided = [], []
    for turn, kernel in enumerate(kernels):
        cells = [Cell(kernel, path) for path in kernel.paths]
        runnable = [cell for cell in cells if cell_decide(cell, deny)]
        if runnable:
            tests_share(runnable, turn, deny, thorough)
        to_run += runnable
        decided += [cell for cell in cells if cell not in runnable]
    return to_run, decided


def weight(cell):
    """What takes longest: they first, so that no guest is left alone in the end."""
    return ("fentry" in cell.path, "kprobe" in cell.path, len(cell.asked))


def say_cell(cell, verbose):
    passed, failed, denied = cell.counts
    times = f"{cell.seconds:.0f} s, {cell.cpu_s:.0f} s of processor time"
    print(f"{cell.title()}: {passed} passed, {failed} failed, {denied} denied ({times})", flush=True)
    for word, tests in (("FAIL", cell.failed), ("passed at another try only:", cell.again)):
        for test, reason in tests.items():
            lines = reason.strip().splitlines()[:REASON_LINES]
            print(f"  {word} {test}\n       " + "\n       ".join(line[:600] for line in lines), flush=True)
    if verbose or "the guest" in cell.failed or "the suite" in cell.failed:
        print("".join(f"  | {line}\n" for line in cell.console[None if verbose else -30 :]), end="", flush=True)


def run(kernels, deny, jobs, patience_s, verbose, thorough):
    """All cells, in the order of kernels and paths."""
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda kernel: kernel.error or survey(kernel, patience_s), kernels))
        to_run, decided = cells_of(kernels, deny, thorough)
        futures = [pool.submit(cell_run, cell, patience_s) for cell in sorted(to_run, key=weight, reverse=True)]
        try:
            for future in concurrent.futures.as_completed(futures):
                say_cell(future.result(), verbose)
        except BaseException:
            machine.stop_all()
            raise
    for cell in decided:
        if cell.failed:
            say_cell(cell, verbose)
    order = {(kernel.name, path): i for i, (kernel, path) in enumerate((k, p) for k in kernels for p in k.paths)}
    return sorted([*to_run, *decided], key=lambda cell: order[cell.kernel.name, cell.path])


# ---- the table ----

class Notes:
    """Reasons as footnotes."""

    def __init__(self):
        self._numbers = collections.OrderedDict()

    def number(self, reason):
        return self._numbers.setdefault(reason, len(self._numbers) + 1)

    def lines(self):
        return [f"({number}) {reason}" for reason, number in self._numbers.items()]


def text_of(cell, notes):
    if cell.reason:
        return f"denied ({notes.number(cell.reason)})"
    passed, failed, denied = cell.counts
    words = [f"{failed} FAILED" if failed else "", f"{passed} passed" if passed else ""]
    if denied:
        marks = sorted({notes.number(reason) for reason in cell.denied.values()})
        words.append(f"{denied} denied ({','.join(map(str, marks))})")
    return ", ".join(filter(None, words))


def table(cells):
    """Rows of text, the first of them the heading; and the notes under them."""
    kernels = list(dict.fromkeys(cell.kernel.name for cell in cells))
    paths = [path for path in PATHS if any(cell.path == path for cell in cells)]
    notes = Notes()
    by_place = {(cell.path, cell.kernel.name): cell for cell in cells}
    rows = [["hooks", *kernels]]
    rows += [[path, *(text_of(by_place[path, kernel], notes) for kernel in kernels)] for path in paths]
    return rows, notes.lines()


def table_text(cells):
    rows, notes = table(cells)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows]
    return "\n".join([*lines, *notes])


def table_markdown(cells):
    rows, notes = table(cells)
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    lines.insert(1, "|" + "---|" * len(rows[0]))
    return "\n".join([*lines, "", *(note + "  " for note in notes)]).rstrip() + "\n"
