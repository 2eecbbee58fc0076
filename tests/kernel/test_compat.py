# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What no system call event tells: 32-bit programs, and maps made by other calls than mmap. Their counts are
exact by every road, and named wherever the program sees the maps change (the witness or do_mmap)."""

import os
import subprocess
import time

from lib import Case, Tracer, limit_maps, main, maps_count, start_workload, workload, workload32
from test_conservation import OPS, SeedsCase

SEEDS = max(int(os.environ.get("MMAPTRACE_SEEDS", "200")) // 10, 2)


class Roads:
    """What the program attached, from its start line."""

    def __init__(self, tracer):
        hooks = tracer.wait_type("start")["plan"]["hooks"]
        self.core = any(hook.startswith("core_") for hook in hooks)
        self.witness = any(hook.startswith("witness") for hook in hooks)

    @property
    def names(self):
        """Whether what no system call event announced has a name: a change, or mmap's refusal at the limit."""
        return self.core or self.witness


class CompatCase(Case):
    def need_compat(self):
        """Programs to run, and a kernel that runs them."""
        if not os.access(workload32("fastleak"), os.X_OK):
            self.lacking("no 32-bit workloads here: make workloads on x86-64")
        try:
            subprocess.run([workload32("fastleak"), "--nonsense"], stderr=subprocess.DEVNULL, check=False)
        except OSError as error:
            # No lack of this machine: there is nothing to be seen then.
            self.skipTest(f"this kernel runs no 32-bit programs: {error}")


class Leaks(CompatCase):
    """A leak to the real limit: exact to the last map, named, and called."""

    def leak(self, program, *args, call):
        with start_workload(program, *args, "--wait", "--hold", ready=True) as child, Tracer("-p", child.pid) as tracer:
            roads = Roads(tracer)
            child.send()
            count = int(child.line().split()[4])
            if not roads.names:
                tracer.wait_type("finding", child.pid)  # by the walk, once a second: the leak takes less
            child.close_stdin()
            self.assertEqual(child.wait(), 0)
            self.assertEqual(tracer.wait(), 0)
            self.assertEqual(count, limit_maps() + 1)
            self.check(child.pid, tracer, call, named=roads.names or program == workload("fastleak"))

    def check(self, pid, tracer, call, named):
        end = tracer.lines("exit", pid)[0]
        self.check_lines([end])
        self.assertEqual(end["high_water"], limit_maps() + 1)
        findings = tracer.lines("finding", pid)
        self.assertTrue(findings, "no finding")
        credited = end["credits"].get(call if named else "other", 0)
        self.assertEqual(credited, limit_maps() + 1 - end["baseline"], end["credits"])
        if named:
            self.assertEqual(findings[0]["evidence"]["ops"][0]["op"], call)
            self.assertIn(findings[0]["kind"], ("leak", "exhaustion"))

    def test_mmap_32(self):
        self.need_compat()
        self.leak(workload32("fastleak"), call="mmap")

    def test_shmat_32(self):
        self.need_compat()
        self.leak(workload32("fastleak"), "--shm", call="shmat")

    def test_walk(self):
        """What no hook sees is found while it goes on, not at the end alone: the map count keeps up."""
        self.need_compat()
        argv = ["--object", f"/walk-{os.getpid()}", "--inputs", "8", "--batches", "0", "--pace", "2000"]
        with start_workload(workload32("frames"), *argv) as child:
            with Tracer("--hooks=syscalls", "-p", child.pid, "-i", "500ms") as tracer:
                tracer.ready()
                early = maps_count(child.pid)
                time.sleep(3)
                rows = tracer.lines("process", child.pid)
                self.assertEqual(tracer.stop(), 0)
        self.assertGreater(rows[-1]["map_count"], early)
        self.assertGreater(rows[-1]["rate_per_s"], 10)

    def test_shmat_64(self):
        self.leak(workload("fastleak"), "--shm", call="shmat")


class Programs(CompatCase, SeedsCase):
    # Only by do_mmap, and of its callers alone.
    calls_seen = None

    def test_conservation_32(self):
        """Random operations, forks and execs of 32-bit programs."""
        self.need_compat()
        options = ["--ops", str(OPS), "--fork", "--exec"]
        self.run_seeds(20001, SEEDS, options, verify=False, program=workload32("mapgen"))

    def test_refusal_32(self):
        """A refusal is seen with its cause, and by do_mmap with its file, whatever made the call."""
        self.need_compat()
        argv = [workload32("frames"), "--object", f"/frames-{os.getpid()}", "--inputs", "8", "--batches", "0"]
        with Tracer("--", *argv) as tracer:
            roads = Roads(tracer)
            self.assertEqual(tracer.wait(), 1)
            enomem = tracer.lines("enomem")
            findings = tracer.lines("finding")
        seen = [("mmap", "ENOMEM", "max_map_count")] if roads.names else []
        self.assertEqual([(line["op"], line["errno"], line["reason"]) for line in enomem], seen)
        if roads.core:
            files = findings[-1]["evidence"]["files"]
            self.assertTrue(any("frames" in str(file["file"]) for file in files), findings[-1])


if __name__ == "__main__":
    main()
