# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Call stacks: who called, by function and line, up to the program's beginning; how many of them are whole, as the
program itself says; and what becomes of them when the code's files are not what they should be."""

import os
import re
import shutil
import signal

import schema
from lib import (
    EXTRA_ARGS, PATIENCE, PROGRAM, ROOT, SKIPS_EXCUSED, Case, Child, Tracer, losses, main, process_state, skips_of,
    start_workload, wait_until, workload,
)  # fmt: skip
from profiles import RANGES, Told

SOURCES = os.path.join(ROOT, "tests", "workloads")
MARK = re.compile(r"/\* line: (\w+)")
SHARE = 0.95
# A guest's disk is small.
PERF_MAP_BYTES = 100_000_000 if PATIENCE == 1 else 10_000_000
CAP_DAC_READ_SEARCH, CAP_SYS_PTRACE, CAP_CHECKPOINT_RESTORE = 2, 19, 40
RESTARTED = "ends of the symbolizer: it was started again"


def marks(name):
    """{mark: line} of a source; none where a guest has no sources."""
    path = os.path.join(SOURCES, name)
    if not os.path.exists(path):
        return {}
    with open(path, encoding="ascii") as file:
        found = [(match[1], number) for number, line in enumerate(file, 1) if (match := MARK.search(line))]
    return dict(found)


class StackTracer(Tracer, Told):
    """With a stack for each operation; says on stderr whose code it has rules for."""

    def __init__(self, *args, **options):
        super().__init__("--stacks", "-v", "-i", "1h", *args, **options)
        self.start_telling()

    def wait_rules(self, pid, ranges=0):
        """The next time that the code of a process has been looked at and has so many ranges with rules."""
        while int(self.wait_told(rf"process {pid} has (\d+) ranges")[1]) < ranges:
            pass

    def ready(self, *pids):
        """And each has been looked at: by -p, and again when it was found in the kernel's table."""
        super().ready()
        for _ in range(2 * len(pids)):
            self.wait_told(r"process \d+ has \d+ ranges")
        return self


class StacksCase(Case):
    def start(self, *steps, program="callers", **options):
        """The program before its first step."""
        library = "libmapper-fp.so" if program == "callers-fp" else "libmapper.so"
        environment = {**os.environ, "MAPPER": workload(library), **options.pop("environment", {})}
        return start_workload(program, *steps, ready=True, env=environment, **options)

    def step(self, child, name, tracer=None):
        child.send()
        self.assertEqual(child.line(), f"done {name}")
        if tracer and name == "load":
            # It is looked at when it is seen to be mapped. By frame pointers it has no rules.
            tracer.wait_rules(child.pid, 0 if "--unwind=fp" in tracer.argv else RANGES + 1)

    def run_steps(self, *steps, program="callers", options=(), **more):
        """Lines of a run over all the steps, from before the first to the end of the last."""
        with self.start(*steps, program=program, **more) as child, StackTracer(*options, "-p", child.pid) as tracer:
            tracer.ready(child.pid)
            for name in steps:
                self.step(child, name, tracer)
            child.wait()
            self.assertEqual(tracer.wait(), 0, tracer.err.text())
            lines = tracer.lines()
        self.check_lines(lines)
        return lines

    def stacks(self, lines, function, op="mmap"):
        """Of the operations that a function is in the stack of."""
        ops = [line for line in lines if line["type"] == "op" and line["op"] == op]
        return [line for line in ops if any(frame["function"] == function for frame in line["stack"] or [])]

    def check_chain(self, line, chain, source="callers.c"):
        """Functions, innermost first, one after the other, each at the line that is marked so; nothing between."""
        where = marks(source)
        own = [frame for frame in line["stack"] if os.path.basename(frame["file"] or "") == os.path.basename(source)]
        said = [(frame["function"], frame["line"] if where else None) for frame in own][: len(chain)]
        self.assertEqual(said, [(function, where[mark] if where else None) for function, mark in chain], line["stack"])

    def check_share(self, lines, what):
        """Of whole stacks, as the last line has it."""
        (ends,) = [line["stacks"] for line in lines if line["type"] == "end"]
        whole, total = ends["complete"], sum(ends.values())
        self.assertGreater(total, 20)
        self.assertGreaterEqual(whole / total, SHARE, ends)
        print(f"     {what}: {whole / total:.1%} of {total} stacks complete")


PLAIN = [("map_here", "map_here"), ("inner", "inner"), ("outer", "outer"), ("repeat", "repeat")]


class Stacks(StacksCase):
    def check_whole(self, program, *options):
        # The witness sees changes: neither what is loaded, nor a map that merges with another.
        library = ["load", "library"] if schema.CALLS_SEEN else []
        steps = ["plain", "threads", "signal", *library, "shallow"]
        lines = self.run_steps(*steps, program=program, options=options)
        threads = self.stacks(lines, "run_thread")
        (handled,) = self.stacks(lines, "on_signal")
        (descended,) = self.stacks(lines, "descend")
        plain = self.stacks(lines, "repeat")[:20]
        self.assertEqual(len(plain), 20)
        for line in plain:
            self.check_chain(line, PLAIN)
        for line in threads:
            self.check_chain(line, [*PLAIN[:3], ("run_thread", "run_thread")])
        self.check_chain(handled, [*PLAIN[:3], ("on_signal", "on_signal")])
        self.assertEqual([frame["function"] for frame in descended["stack"]].count("descend"), 41)
        for line in [*plain, handled, descended]:
            self.assertIn("main", [frame["function"] for frame in line["stack"]])
        for line in [*plain, *threads, handled, descended]:
            self.assertEqual(line["stack_end"], "complete")
        if schema.CALLS_SEEN:
            skipped = skips_of(lines) if SKIPS_EXCUSED else 0
            self.assertIn(len(threads), range(80 - skipped, 81))
            self.check_library(self.stacks(lines, "mapper_map"))
        self.check_share(lines, " ".join([program, *options]))

    def check_library(self, library):
        self.assertEqual(len(library), 20)
        chain = [("mapper_inner", "mapper_inner"), ("mapper_map", "mapper_map")]
        self.check_chain(library[-1], chain, "libraries/mapper.c")
        self.check_chain(library[-1], [("library_run", "library_run"), ("repeat", "repeat")])

    def test_without_frame_pointers(self):
        self.check_whole("callers", "--unwind=dwarf")

    def test_with_frame_pointers(self):
        self.check_whole("callers-fp", "--unwind=fp")

    def test_deeper_than_a_stack_may_be(self):
        lines = self.run_steps("deep")
        (line,) = self.stacks(lines, "descend")
        self.assertEqual(len({frame["function"] for frame in line["stack"]} & {"main", "_start"}), 0)
        self.assertGreaterEqual(len(line["stack"]), 128)
        self.assertNotEqual(line["stack_end"], "complete")
        self.assertGreaterEqual(self.share_of_depth(lines), 1)

    def share_of_depth(self, lines):
        return next(line for line in lines if line["type"] == "end")["stacks"]["depth"]

    def test_a_refusal_has_its_stack(self):
        if not schema.CALLS_SEEN:
            return
        lines = self.run_steps("refused")
        (line,) = [line for line in lines if line["type"] == "enomem"]
        self.check_chain(line, [("refused", "refused")])
        (op,) = self.stacks(lines, "refused")
        self.assertEqual((op["errno"], op["stack"]), ("ENOMEM", line["stack"]))

    def test_off(self):
        with self.start("plain") as child, Tracer("--unwind=off", "-p", child.pid) as tracer:
            tracer.ready()
            self.assertEqual(children_of(tracer.pid), [])
            self.step(child, "plain")
            self.assertEqual(child.wait(), 0)
            self.assertEqual(tracer.wait(), 0)
            self.check_lines(tracer.lines())
            ops = [line for line in tracer.lines("op") if line["op"] == "mmap"]
            self.assertTrue(ops)
            self.assertEqual([line.get("stack") for line in ops if line.get("stack")], [])
            (end,) = tracer.lines("end")
            self.assertEqual(sum(end["stacks"].values()), 0)

    def test_names_outlive_the_process(self):
        """It ends while nobody reads what it did; its code has been looked at before."""
        with self.start("plain", "load", "library") as child, StackTracer("-p", child.pid) as tracer:
            tracer.ready(child.pid)
            os.kill(tracer.pid, signal.SIGSTOP)
            wait_until(lambda: process_state(tracer.pid) == "T", "a stop")
            for name in ("plain", "load", "library"):
                self.step(child, name)
            self.assertEqual(child.wait(), 0)
            os.kill(tracer.pid, signal.SIGCONT)
            self.assertEqual(tracer.wait(), 0, tracer.err.text())
            lines = tracer.lines()
        self.check_lines(lines)
        plain = self.stacks(lines, "map_here")
        self.assertEqual(len(plain), 20)
        self.check_chain(plain[-1], PLAIN)

    def test_two_programs_at_the_same_addresses(self):
        with self.start("plain", program="callers-static") as one, self.start(
            "plain", program="callers-static-other"
        ) as other, StackTracer("-p", f"{one.pid},{other.pid}") as tracer:
            tracer.ready(one.pid, other.pid)
            for child in (one, other):
                self.step(child, "plain")
                self.assertEqual(child.wait(), 0)
            self.assertEqual(tracer.wait(), 0, tracer.err.text())
            lines = tracer.lines()
        by_pid = {
            pid: {frame["function"] for line in lines if line["type"] == "op" and line["pid"] == pid and line["op"] == "mmap"
                  for frame in line["stack"]}
            for pid in (one.pid, other.pid)
        }  # fmt: skip
        self.assertLessEqual({"map_here", "outer"}, by_pid[one.pid])
        self.assertLessEqual({"map_there", "outside"}, by_pid[other.pid])
        self.assertFalse({"map_there", "outside"} & by_pid[one.pid] | {"map_here", "outer"} & by_pid[other.pid])


def children_of(pid):
    with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
        return [int(word) for word in file.read().split()]


class Hostile(StacksCase):
    """Files and processes that are out to deceive, or to be too much."""

    def test_header_overwritten_in_memory(self):
        lines = self.run_steps("spoil", "plain")
        plain = self.stacks(lines, "repeat")
        self.assertEqual(len(plain), 20)
        self.check_chain(plain[-1], PLAIN)

    def test_program_replaced_by_garbage(self):
        """Its path leads to another file, before anybody has looked at the first."""
        path = os.path.join(self.directory(), "callers")
        shutil.copy(workload("callers"), path)
        child = Child([path, "plain", "plain"])
        with child:
            self.assertEqual(child.line(), "ready")
            os.unlink(path)
            with open(path, "wb") as file:
                file.write(b"\x7fELF\x02\x01\x01" + os.urandom(200000))
            with StackTracer("-p", child.pid) as tracer:
                tracer.ready(child.pid)
                for _ in range(2):
                    self.step(child, "plain")
                self.assertEqual(child.wait(), 0)
                self.assertEqual(tracer.wait(), 0, tracer.err.text())
                lines = tracer.lines()
        self.check_lines(lines)
        self.assertEqual([line["what"] for line in losses(lines) if line["what"] == RESTARTED], [])
        plain = self.stacks(lines, "repeat")
        self.assertEqual(len(plain), 40)  # of the file that runs, not of the one that has its name
        self.check_chain(plain[-1], PLAIN)

    def test_library_overwritten_by_garbage(self):
        """Where no code is: sections, symbols and lines, in the very file that is mapped."""
        path = os.path.join(self.directory(), "libmapper.so")
        shutil.copy(workload("libmapper.so"), path)
        with self.start("load", "library", "plain", environment={"MAPPER": path}) as child:
            self.step(child, "load")
            with open(f"/proc/{child.pid}/maps", encoding="ascii") as maps:
                # But for the gaps between segments, which lie behind the file's end where those are aligned to 64 KiB.
                used = max(int(line.split()[2], 16) + 4096 for line in maps if path in line and "---p" not in line)
            with open(path, "r+b") as file:
                rest = os.fstat(file.fileno()).st_size - used
                file.seek(used)
                file.write(os.urandom(max(rest, 0)))
                file.seek(40)
                file.write(b"\xff" * 24)  # where the section headers are, and how many
            with StackTracer("-p", child.pid) as tracer:
                tracer.ready(child.pid)
                self.step(child, "library")
                self.step(child, "plain")
                self.assertEqual(child.wait(), 0)
                self.assertEqual(tracer.wait(), 0, tracer.err.text())
                lines = tracer.lines()
        self.check_lines(lines)
        self.assertGreaterEqual(len(self.stacks(lines, "map_here")), 20)
        self.assertGreater(rest, 0)

    def test_a_path_with_a_newline_and_escapes(self):
        # The witness sees changes alone: not that a library was loaded, whose rules this is about.
        if not schema.CALLS_SEEN:
            return
        path = os.path.join(self.directory(), "lib\n\x1b[31mred\x9b\t\".so")
        shutil.copy(workload("libmapper.so"), path)
        lines = self.run_steps("load", "library", environment={"MAPPER": path})
        stacks = self.stacks(lines, "mapper_map")
        self.assertEqual(len(stacks), 20)
        self.assertTrue(any("red" in (frame["module"] or "") for frame in stacks[-1]["stack"]))
        for extra in (["--stacks"], ["--folded"]):
            with self.subTest(extra=extra):
                self.check_text(path, extra)

    def check_text(self, path, extra):
        """Nothing of it comes through to a terminal."""
        out = os.path.join(self.directory(), "out")
        with self.start("load", "library", environment={"MAPPER": path}) as child:
            argv = [PROGRAM, *EXTRA_ARGS, "-v", *extra, "-o", out, "-p", str(child.pid)]
            with ToldChild(argv) as tracer:
                tracer.wait_told("attached")
                for name in ("load", "library"):
                    self.step(child, name)
                self.assertEqual(child.wait(), 0)
                self.assertEqual(tracer.wait(), 0, tracer.err.text())
                self.assertNotIn("\x1b", tracer.err.text())
        with open(out, "rb") as file:
            text = file.read()
        self.assertTrue(text)
        self.assertNotRegex(text, rb"[\x00-\x08\x0b-\x1f\x7f]")

    def test_a_perf_map_of_100_mb(self):
        with self.start("plain", "code", "plain") as child:
            path = f"/tmp/perf-{child.pid}.map"
            self.addCleanup(lambda: os.path.exists(path) and os.unlink(path))
            with open(path, "wb") as file:
                block = b"".join(b"%x 10 a_function_of_some_name_%d\n" % (0x1000 + 16 * i, i) for i in range(20000))
                for _ in range(PERF_MAP_BYTES // len(block) + 1):
                    file.write(block)
            with StackTracer("-p", child.pid) as tracer:
                tracer.ready(child.pid)
                for name in ("plain", "code", "plain"):
                    self.step(child, name)
                self.assertEqual(child.wait(), 0)
                self.assertEqual(tracer.wait(), 0, tracer.err.text())
                lines = tracer.lines()
        self.check_lines(lines)
        self.assertEqual(len(self.stacks(lines, "map_here")), 40)
        self.assertEqual([line["what"] for line in losses(lines) if line["what"] == RESTARTED], [])
        self.assertEqual(len([line for line in lines if line["type"] == "exit"]), 1)

    def test_the_symbolizer_can_do_little(self):
        """It reads hostile files: nothing but reading is left to it, and that even of files only their owner may read."""
        path = os.path.join(self.directory(), "callers")
        shutil.copy(workload("callers"), path)
        os.chmod(path, 0o500)
        os.chown(path, 1234, 1234)
        with Child([path, "plain"]) as child, StackTracer("-p", child.pid) as tracer:
            self.assertEqual(child.line(), "ready")
            os.unlink(path)
            tracer.ready(child.pid)
            (helper,) = children_of(tracer.pid)
            with open(f"/proc/{helper}/status", encoding="ascii") as file:
                status = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
            self.step(child, "plain")
            self.assertEqual(child.wait(), 0)
            self.assertEqual(tracer.wait(), 0, tracer.err.text())
            lines = tracer.lines()
        self.check_lines(lines)
        needed = 1 << CAP_SYS_PTRACE | 1 << CAP_DAC_READ_SEARCH | 1 << CAP_CHECKPOINT_RESTORE
        self.assertEqual([int(status[name], 16) for name in ("CapPrm", "CapEff")], [needed, needed])
        self.assertEqual([int(status[name], 16) for name in ("CapInh", "CapBnd", "CapAmb")], [0, 0, 0])
        self.assertEqual((status["Uid"], status["Groups"].strip()), ("\t".join(["65534"] * 4), ""))
        self.assertEqual(status["NoNewPrivs"], "1")
        plain = self.stacks(lines, "repeat")
        self.assertEqual(len(plain), 20)
        self.check_chain(plain[-1], PLAIN)

    def test_the_symbolizer_is_killed(self):
        with self.start("plain", "signal", "shallow") as child, StackTracer("-p", child.pid) as tracer:
            tracer.ready(child.pid)
            self.step(child, "plain")
            (helper,) = children_of(tracer.pid)
            os.kill(helper, signal.SIGKILL)
            wait_until(lambda: [pid for pid in children_of(tracer.pid) if pid != helper], "another helper")
            tracer.wait_rules(child.pid, RANGES)
            self.step(child, "signal")
            self.step(child, "shallow")
            self.assertEqual(child.wait(), 0)
            self.assertEqual(tracer.wait(), 0, tracer.err.text())
            lines = tracer.lines()
        self.check_lines(lines)
        self.assertEqual([line["count"] for line in lines if line["type"] == "loss" and line["what"] == RESTARTED], [1])
        (handled,) = self.stacks(lines, "on_signal")
        self.check_chain(handled, [*PLAIN[:3], ("on_signal", "on_signal")])
        (descended,) = self.stacks(lines, "descend")
        self.assertEqual(descended["stack_end"], "complete")


class ToldChild(Child, Told):
    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.start_telling()


if __name__ == "__main__":
    main()
