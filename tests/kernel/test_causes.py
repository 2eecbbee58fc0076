# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What makes programs run out of maps, in the field: for each cause a small honest program, and what is to be
said of it: the kind of finding, the operation, the file, and the line of its source that is marked LEAK. Three of
them are healthy, and no leak.

The programs are in tests/workloads/causes, where each tells whose misfortune it is. The limit is pretended where
that saves time; the paces are such that what a user meets in hours comes in seconds."""

import contextlib
import os
import re
import signal
from dataclasses import dataclass

import schema
from lib import PATIENCE, ROOT, Case, Tracer, limit_maps, main, workload

SOURCES = os.path.join(ROOT, "tests", "workloads", "causes")
MARK = re.compile(r"(?:/\*|//|#) LEAK\b")
LIBRARY = re.compile(r"/(?:ld-linux[^/]*|libc|libstdc\+\+|libm|libpthread|librt)[.-][^/]*$")
OBJECT = f"/detector-{os.getpid()}"
# Splits count as a leak when they go on for longer than any allocator's round: 8 windows of 4 seconds.
SLOW_S = 90 * PATIENCE


def source(name):
    return os.path.join(SOURCES, name)


def own(name, *args):
    return [workload(os.path.join("causes", name)), *map(str, args)]


@dataclass(frozen=True)
class Cause:
    name: str
    # In source, where its program is; {folder} is an empty one.
    source: str
    command: list
    kind: str
    op: str
    # The first of the finding's files, or one of them where there are thousands of one map each.
    file: str
    limit: int = 4096  # pretended; 0: the kernel's
    deleted: bool = False
    # Functions of the stack, innermost first; others may be between them.
    through: tuple = ()
    # Where the source is Java or Python, of which a native stack shows no line: the module that made the map.
    module: str = ""
    # How many operations share in it.
    ops: int = 1
    needs: tuple = ()
    patience_s: float = 30 * PATIENCE
    # Where another sentence would mislead: how it begins.
    advice: str = ""


@dataclass(frozen=True)
class Healthy:
    name: str
    command: list
    limit: int
    reaches: float  # a part of the limit, at its highest
    needs: tuple = ()
    patience_s: float = 60 * PATIENCE


STORY = {
    "source": "shared_object_again.cc", "kind": "leak", "op": "mmap", "file": f"/dev/shm{OBJECT}",
    "through": ("FrameView", "service::Detector::batch", "main"),
}  # fmt: skip
STORY_ARGS = (2000, 2000, 8, OBJECT)
JAVA = ["java", source("DeletedSegments.java"), "{folder}", "40000", "2000"]
PYTHON = ["/usr/bin/python3", source("map_per_file.py"), "{folder}", "20000", "2000"]
# So that no limit takes more files than a test should make.
BLOCKS = 1 + limit_maps() // 65536

LEAKS = [
    # 1: the story; with frame pointers, and with its symbols in a file beside it, it is the same line
    Cause("shared_object_again", command=own("shared_object_again", *STORY_ARGS), **STORY),
    Cause("shared_object_fp", command=own("shared_object_again-fp", *STORY_ARGS), **STORY),
    Cause("shared_object_stripped", command=own("shared_object_again-stripped", *STORY_ARGS), **STORY),
    # 2: OpenSearch#18226
    Cause(
        "deleted_segments", source="DeletedSegments.java", command=JAVA, kind="leak", op="mmap", file=r".*\.cfs",
        deleted=True, module=r"/libnio\.so$", needs=("java", "javac"),
    ),
    # 3: jemalloc#1328
    Cause(
        "guard_holes", source="guard_holes.c", command=own("guard_holes", 20000, 4000), kind="leak", op="mmap",
        file=r"\[anon\]", through=("page_decommit", "request_serve", "main"),
    ),
    # 4: jemalloc#970; only the kernel's own limit refuses
    Cause(
        "munmap_refused", source="munmap_refused.c", command=own("munmap_refused", 2 * limit_maps() + 200), limit=0,
        kind="enomem", op="munmap", file=r"\[anon\]", through=("buffer_free", "main"),
    ),
    # 6: flowlog#177
    Cause(
        "allocator_purge", source="allocator_purge.c", command=own("allocator_purge", 20000, 1000, 1000), kind="exhaustion",
        op="munmap", file=r"\[anon\]", through=("heap_purge", "purge_thread"),
    ),
    # 7: Mooncake#3639
    Cause(
        "dontfork_splits", source="dontfork_splits.c", command=own("dontfork_splits", 40000, 20000), kind="leak",
        op="madvise", file=r"\[anon\]", limit=16384, through=("piece_register", "transfer", "main"), patience_s=SLOW_S,
    ),
    # 8: ClickHouse#5369
    Cause(
        "fiber_stacks", source="fiber_stacks.c", command=own("fiber_stacks", 10000, 2000), kind="exhaustion", op="mmap",
        file=r"\[anon\]", through=("stack_make", "main"), ops=2,
    ),
    # 8 again, with a munmap that forgets the guard page
    Cause(
        "guard_left", source="guard_left.c", command=own("guard_left", 20000, 1000), kind="leak", op="mprotect",
        file=r"\[anon\]", through=("guard_make", "stack_make", "main"), ops=2,
        advice="munmap leaves what mprotect(PROT_NONE) has set apart at guard_make",
    ),
    # 10: gVisor PR#11360
    Cause(
        "scattered_offsets", source="scattered_offsets.c", command=own("scattered_offsets", 20000, 2000, 1000), kind="leak",
        op="mmap", file=".*runsc-memory", through=("page_fault", "main"),
    ),
    # 11: bdwgc#324
    Cause(
        "mprotect_tracking", source="mprotect_tracking.c", command=own("mprotect_tracking", 60000, 2000),
        kind="exhaustion", op="mprotect", file=r"\[anon\]", through=("page_open", "write_handle", "object_write", "main"),
    ),
    # 12: prometheus#4392
    Cause(
        "map_per_file", source="map_per_file.py", command=PYTHON, kind="leak", op="mmap",
        file=r".*\.chunk", module=r"/mmap\.[^/]*\.so$|/python3[^/]*$",
    ),
    # 12: leveldb#128, pmdk#5131; to the kernel's own limit
    Cause(
        "table_cache", source="table_cache.cc",
        command=own("table_cache", "{folder}", limit_maps() // BLOCKS + 1, 0, BLOCKS), limit=0, kind="enomem", op="mmap",
        file=r".*\.ldb", through=("Block", "Table", "store::TableCache::find", "main"),
    ),
]  # fmt: skip

HEALTHY = [
    # 5: redis#12821
    Healthy(
        "eviction_swing", command=["sh", source("eviction_swing.sh"), "{folder}"], limit=4096, reaches=0.3,
        needs=("redis-server", "redis-cli"),
    ),
    # 9: dotnet/runtime#80580; what is said on the way up is taken back ten seconds later
    Healthy("double_mapping", command=own("double_mapping", 1200, 500, 13000), limit=8192, reaches=0.28),
    # 13: solana#19320; the same
    Healthy("high_and_flat", command=own("high_and_flat", "{folder}", 3600, 20000, 700), limit=8192, reaches=0.43),
]  # fmt: skip


def leak_line(name):
    """The number of the one line that is marked."""
    with open(source(name), encoding="ascii") as file:
        (number,) = [number for number, line in enumerate(file, 1) if MARK.search(line)]
    return number


def object_remove():
    """Who is ended by a signal leaves it behind."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(f"/dev/shm{OBJECT}")


def culprit(stack):
    """The innermost frame outside the C and C++ libraries and the dynamic linker."""
    return next((frame for frame in stack if not LIBRARY.search(frame["module"] or "")), None)


class Causes(Case):
    def start(self, cause):
        """A tracer of its command, in an empty folder where it wants one."""
        self.need(*cause.needs)
        argv = [word.format(folder=self.directory()) if "{" in word else word for word in cause.command]
        limit = ["--limit", cause.limit] if cause.limit else []
        return Tracer("-x", "-i", "1", *limit, "--", *argv)

    # ---- what leaks ----

    def watch(self, cause):
        """The first finding of its kind, and what was refused."""
        self.addCleanup(object_remove)
        with self.start(cause) as tracer:
            finding = tracer.wait_line(
                lambda line: line["kind"] == cause.kind, f"{cause.kind} finding", cause.patience_s, kind="finding"
            )
            tracer.stop(signal.SIGTERM)
            refused = tracer.lines("enomem")
            self.check_lines(tracer.lines("finding") + tracer.lines("exit") + refused)
        return finding, refused

    def check_leak(self, cause):
        # The witness sees changes: a call that is refused makes none, nor does a file or a stack come with one.
        if cause.kind == "enomem" and not schema.CALLS_SEEN:
            return
        finding, refused = self.watch(cause)
        self.assertIn(cause.op, [item["op"] for item in finding["evidence"]["ops"][: cause.ops]], finding)
        if not schema.CALLS_SEEN:
            return
        if cause.kind == "enomem":
            self.assertEqual((refused[0]["op"], refused[0]["reason"]), (cause.op, "max_map_count"))
        self.check_file(cause, finding)
        self.check_site(cause, finding)

    def check_file(self, cause, finding):
        """Among its files; of thousands that have a map each, the top site tells one, and the advice of what kind they are."""
        named = {file["file"]: file["deleted"] for file in finding["evidence"]["files"]}
        for site in finding["evidence"].get("sites", [])[:1]:
            named.setdefault(site["file"] or "", "deleted" in finding["advice"])
        deleted = [named[name] for name in named if re.fullmatch(cause.file, name)]
        self.assertTrue(deleted, finding)
        self.assertEqual(deleted[0], cause.deleted, finding)

    def check_site(self, cause, finding):
        if "sites" not in finding["evidence"]:
            self.lacking("its findings have no call sites")
        # Where two operations make the maps of a thing, either may be the first.
        top = next((site for site in finding["evidence"]["sites"][: cause.ops] if site["op"] == cause.op), None)
        self.assertIsNotNone(top, finding)
        self.assertTrue(finding["advice"].startswith(cause.advice), finding["advice"])
        self.assertGreater(top["delta"], 0, top)
        self.assertGreaterEqual(top["share"], 0.8 / cause.ops, top)
        if cause.module:
            self.check_module(cause, top["stack"])
        else:
            self.check_line(cause, top)

    def check_module(self, cause, stack):
        modules = [frame["module"] or "" for frame in stack]
        self.assertTrue(any(re.search(cause.module, module) for module in modules), modules)

    def check_line(self, cause, site):
        frame = culprit(site["stack"])
        self.assertIsNotNone(frame, site)
        place = (os.path.basename(frame["file"] or ""), frame["line"])
        self.assertEqual(place, (cause.source, leak_line(cause.source)), site)
        self.assertEqual(site["stack_end"], "complete", site)
        functions = [frame["function"] or "" for frame in site["stack"]]
        rest = iter(functions)
        missing = [name for name in cause.through if not any(name in function for function in rest)]
        self.assertEqual(missing, [], functions)

    # ---- what is healthy ----

    def test_healthy(self):
        """All of them at once: they take their time, and little else."""
        with contextlib.ExitStack() as stack:
            tracers = [(cause, stack.enter_context(self.start(cause))) for cause in HEALTHY]
            for cause, tracer in tracers:
                with self.subTest(cause=cause.name):
                    self.assertEqual(tracer.wait(cause.patience_s), 0, tracer.err.text())
                    self.check_healthy(cause, tracer)

    def check_healthy(self, cause, tracer):
        """No leak, and if its climb looked like the end, that has been taken back."""
        findings, cleared, exits = (tracer.lines(kind) for kind in ("finding", "cleared", "exit"))
        self.check_lines(findings + cleared + exits)
        # It has been what it is here to be.
        self.assertGreater(max(line["high_water"] for line in exits), cause.limit * cause.reaches)
        self.assertLessEqual({line["kind"] for line in findings}, {"exhaustion"}, findings)
        taken_back = {(line["pid"], line["raised_ts"]) for line in cleared}
        self.assertLessEqual({(line["pid"], line["raised_ts"]) for line in findings}, taken_back)


for _cause in LEAKS:
    setattr(Causes, f"test_{_cause.name}", lambda self, cause=_cause: self.check_leak(cause))


if __name__ == "__main__":
    main()
