# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Births, execs, shared address spaces and ends: every process leaves with /proc's count."""

from collections import Counter

from lib import (
    EXTRA_ARGS, PROGRAM, Case, Child, Tracer, losses, main, op_sums, results_parse, start_workload, workload,
)  # fmt: skip


class Lifecycle(Case):
    def trace(self, scenario, *options):
        """(results of the scenario, lines of the program), both checked by themselves."""
        with Tracer("--ring-size", "16M", *options, "--", workload("lifecycle"), scenario) as tracer:
            self.assertEqual(tracer.wait(), 0, tracer.err.text())
            tracer.out.ended()
            results = results_parse(tracer.out.text())
            lines = tracer.lines()
        self.assertTrue(results, "the scenario said nothing")
        self.check_lines(lines)
        self.assertEqual(losses(lines), [])
        return results, lines

    def check_all(self, scenario):
        """Each result has an exit line of that pid and count, which the op lines add up to."""
        results, lines = self.trace(scenario)
        exits = [line for line in lines if line["type"] == "exit"]
        said = Counter((pid, count) for pid, count, _ in results)
        seen = Counter((line["pid"], line["map_count"]) for line in exits)
        self.assertEqual(said - seen, Counter(), f"exit lines {seen}")
        sums = op_sums(lines)
        for line in exits:
            by_ops = line["baseline"] + sums.get((line["pid"], line["start_time"]), 0)
            self.assertEqual(by_ops, line["map_count"], line)
        return results, lines

    def check_shared(self, scenario):
        """With one address space under two pids only the last to go leaves its count."""
        results, lines = self.trace(scenario)
        counts = {line["map_count"] for line in lines if line["type"] == "exit"}
        self.assertLessEqual({count for _, count, name in results if name in ("last", "leaf")}, counts)
        self.assertLessEqual({results[-1][1]}, counts)
        return results, lines

    def test_vfork_exec(self):
        results, lines = self.check_all("vfork_exec")
        leaf = next(pid for pid, _, name in results if name == "leaf")
        exec_line = next(line for line in lines if line["type"] == "op" and line["pid"] == leaf)
        exit_line = next(line for line in lines if line["type"] == "exit" and line["pid"] == leaf)
        self.assertEqual(exit_line["baseline"], 0)
        self.assertEqual((exec_line["op"], exec_line["delta"]), ("execve", exec_line["map_count"]))

    def test_spawn(self):
        self.check_all("spawn")

    def test_clone_vm_parent_outlives(self):
        self.check_shared("clone_vm_parent")

    def test_clone_vm_child_outlives(self):
        self.check_shared("clone_vm_child")

    def test_clone_vm_before(self):
        """Who shared the address space before mmaptrace came is no target, but what he maps is his partner's."""
        with start_workload("lifecycle", "clone_vm_waiter", ready=True) as child, Tracer("-p", child.pid) as tracer:
            tracer.ready()
            child.send()
            counts = [int(child.line().split()[3]) for _ in range(2)]
            self.assertEqual(child.wait(), 0)
            self.assertEqual(tracer.wait(), 0)
            lines = tracer.lines()
        exit_line = next(line for line in lines if line["type"] == "exit")
        self.assertEqual(exit_line["map_count"], counts[-1])
        by_ops = exit_line["baseline"] + op_sums(lines)[child.pid, exit_line["start_time"]]
        self.assertEqual(by_ops, exit_line["map_count"])
        self.assertGreaterEqual(exit_line["opened"], 40)

    def test_clone_vm_exec(self):
        self.check_shared("clone_vm_exec")

    def test_exec_by_another_thread(self):
        results, lines = self.check_all("exec_nonleader")
        pid = results[0][0]
        execs = [line for line in lines if line["type"] == "op" and line["op"] == "execve" and line["pid"] == pid]
        self.assertEqual(len(execs), 2, execs)
        self.assertEqual(execs[0]["delta"], execs[0]["map_count"])
        # The second one swapped what was there for what the new program has.
        self.assertLess(execs[1]["delta"], 0)

    def test_zombie_leader(self):
        self.check_all("zombie_leader")

    def test_zombie_leader_by_pid(self):
        with start_workload("lifecycle", "zombie_leader", "--hold") as child:
            count = int(child.line().split()[3])
            self.assertEqual(child.line(), "ready")
            with Tracer("-p", child.pid) as tracer:
                tracer.ready()
                child.close_stdin()
                self.assertEqual(child.wait(), 0)
                self.assertEqual(tracer.wait(), 0)
                exits = tracer.lines("exit", child.pid)
        self.assertEqual([line["map_count"] for line in exits], [count])

    def test_pid_reuse(self):
        results, lines = self.check_all("pid_reuse")
        pid = results[0][0]
        starts = [line["start_time"] for line in lines if line["type"] == "exit" and line["pid"] == pid]
        self.assertEqual(len(starts), len(set(starts)), "one pid, as many processes as start times")
        self.assertGreaterEqual(len(starts), 3)

    def test_fork_tree(self):
        self.check_all("fork_tree")

    def test_fork_churn(self):
        """300 children one after the other: the slab hands out the same mm again."""
        results, _ = self.check_all("fork_churn")
        self.assertEqual(len(results), 301)

    def test_fork_dontfork(self):
        results, lines = self.check_all("fork_dontfork")
        child = next(pid for pid, _, name in results if name == "child")
        exit_line = next(line for line in lines if line["type"] == "exit" and line["pid"] == child)
        self.assertEqual(exit_line["map_count"] - exit_line["baseline"], 4)

    def test_thread_churn(self):
        self.check_all("thread_churn")

    def test_exec_fails(self):
        results, lines = self.check_all("exec_fails")
        pid = results[0][0]
        failed = [
            (line["errno"], line["delta"])
            for line in lines
            if line["type"] == "op" and line["op"] == "execve" and line["pid"] == pid and line["errno"]
        ]
        self.assertEqual(failed, [("ENOENT", 0), ("EACCES", 0)])

    def test_killed(self):
        self.check_all("killed")

    def test_system_wide_exit(self):
        """Without -p the account is the same, only the op lines are not there."""
        with Tracer("-i", "500ms") as tracer:
            tracer.ready()
            with start_workload("lifecycle", "fork_dontfork", "--hold") as child:
                child.line()
                count = int(child.line().split()[3])
                self.assertEqual(tracer.wait_type("process", child.pid)["map_count"], count)
                child.close_stdin()
                self.assertEqual(child.wait(), 0)
            self.assertEqual(tracer.wait_type("exit", child.pid)["map_count"], count)
            self.assertEqual(tracer.stop(), 0)
            self.check_lines(tracer.lines())

    def test_text_stream(self):
        """The same run for people: no JSON on stdout, the command's own lines among it."""
        with Child([PROGRAM, *EXTRA_ARGS, "--", workload("lifecycle"), "killed"]) as child:
            self.assertEqual(child.wait(), 0)
            child.out.ended()
            self.assertEqual(len(results_parse(child.out.text())), 2)


if __name__ == "__main__":
    main()
