# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""`-- CMD` exits as strace does, passes signals on and follows forks; -p ends as it is told."""

import contextlib
import os
import re
import signal
import subprocess
import sys

from lib import (
    PROGRAM, Case, Child, Tracer, limit_maps, main, maps_count, run_program, start_workload, wait_until, workload,
)  # fmt: skip


def removed(folder):
    """Removes a cgroup; False while a process is on its way out of it."""
    try:
        os.rmdir(folder)
    except OSError:
        return False
    return True


class Command(Case):
    def status(self, *command):
        status, _, _ = run_program("--json", "-o", os.devnull, "--", *command)
        return status

    def test_exit_status(self):
        for code in (0, 1, 2, 3, 77, 255):
            with self.subTest(code=code):
                self.assertEqual(self.status("sh", "-c", f"exit {code}"), code)

    def test_killed_by_signal(self):
        for signum in (signal.SIGTERM, signal.SIGKILL, signal.SIGSEGV):
            with self.subTest(signum=signum):
                # strace dies of the same signal, which a shell shows as 128 + N too.
                self.assertIn(self.status("sh", "-c", f"kill -{int(signum)} $$"), (128 + signum, -signum))

    def test_not_found(self):
        status, _, stderr = run_program("--json", "-o", os.devnull, "--", "/nonexistent/command")
        self.assertEqual(status, 127)
        self.check_one_message(stderr, "/nonexistent/command")

    def test_not_executable(self):
        path = os.path.join(self.directory(), "file")
        with open(path, "w", encoding="ascii") as file:
            file.write("no program\n")
        status, _, stderr = run_program("--json", "-o", os.devnull, "--", path)
        self.assertEqual(status, 126)
        self.check_one_message(stderr, path)

    def test_from_path(self):
        self.assertEqual(self.status("true"), 0)

    def test_streams_and_environment(self):
        """stdin, stdout and stderr are the command's, its arguments come through as they are."""
        script = 'read line; echo "out $line $WORD $1"; echo "err" >&2'
        argv = [PROGRAM, "--json", "-o", os.devnull, "--", "sh", "-c", script, "sh", "a  b\t'\""]
        done = subprocess.run(
            argv, input=b"in\n", capture_output=True, env={**os.environ, "WORD": "w"}, timeout=30, check=False
        )
        self.assertEqual(done.stdout, b"out in w a  b\t'\"\n")
        self.assertIn(b"err\n", done.stderr)

    def test_signals_passed_on(self):
        for signum in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
            with self.subTest(signum=signum):
                name = signum.name[3:]
                script = f"trap 'echo got; exit 9' {name}; echo ready; while :; do read line || exit 1; done"
                with Tracer("--", "sh", "-c", script) as tracer:
                    self.assertEqual(tracer.line(), "ready")
                    tracer.process.send_signal(signum)
                    self.assertEqual(tracer.line(), "got")
                    self.assertEqual(tracer.wait(), 9)

    def test_signal_state_of_the_command(self):
        """Nothing blocked or ignored that was not before."""
        script = "grep -E '^Sig(Blk|Ign)' /proc/self/status"
        plain = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout
        _, out, _ = run_program("--json", "-o", os.devnull, "--", "sh", "-c", script)
        self.assertEqual(out, plain)

    def test_no_descriptor_leaks(self):
        script = "ls /proc/self/fd | wc -l"
        plain = subprocess.run(["sh", "-c", script], capture_output=True, check=True).stdout
        _, out, _ = run_program("--json", "-o", os.devnull, "--", "sh", "-c", script)
        self.assertEqual(out, plain)

    def test_first_exec(self):
        """From its first map on: baseline 0, the first execve brings all there is."""
        with Tracer("--", workload("lifecycle"), "exec_fails") as tracer:
            self.assertEqual(tracer.wait(), 0)
            ops = tracer.lines("op")
            exits = tracer.lines("exit")
            self.check_lines(tracer.lines())
        self.assertEqual((ops[0]["op"], ops[0]["errno"]), ("execve", None))
        self.assertEqual(ops[0]["delta"], ops[0]["map_count"])
        self.assertEqual([line["baseline"] for line in exits], [0])

    def test_follows_forks(self):
        with Tracer("--", "sh", "-c", "(sh -c 'true; true'; true); true") as tracer:
            self.assertEqual(tracer.wait(), 0)
            pids = {line["pid"] for line in tracer.lines("exit")}
            self.assertGreaterEqual(len(pids), 3)
            # A subshell need not map anything.
            self.assertLessEqual({line["pid"] for line in tracer.lines("op")}, pids)

    def test_exit_code_option(self):
        """3 when a finding was made, 0 when none was; the command's own status with `-- CMD`."""
        with start_workload("fastleak", "--wait", ready=True) as child:
            with Tracer("-p", child.pid, "--exit-code") as tracer:
                tracer.ready()
                child.send()
                self.assertEqual(tracer.wait(), 3)
        with start_workload("holder", "--maps", "100", ready=True) as child:
            with Tracer("-p", child.pid, "--exit-code") as tracer:
                tracer.ready()
                child.close_stdin()
                self.assertEqual(tracer.wait(), 0)


class Streaming(Case):
    def test_ends_with_the_last_target(self):
        with start_workload("holder", "--maps", "100", ready=True) as first:
            with start_workload("holder", "--maps", "200", ready=True) as second:
                with Tracer("-p", f"{first.pid},{second.pid}") as tracer:
                    tracer.ready()
                    first.close_stdin()
                    tracer.wait_type("exit", first.pid)
                    self.assertIsNone(tracer.process.poll())
                    second.close_stdin()
                    self.assertEqual(tracer.wait(), 0)
                    exits = {line["pid"]: line["map_count"] for line in tracer.lines("exit")}
                    self.assertEqual(exits, {first.pid: 100, second.pid: 200})
                    self.assertEqual(tracer.lines()[-1]["type"], "end")

    def test_ends_on_signals(self):
        for signum in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signum=signum), start_workload("holder", "--maps", "100", ready=True) as child:
                with Tracer("-p", child.pid) as tracer:
                    tracer.ready()
                    self.assertEqual(tracer.stop(signum), 0)
                    self.assertEqual(tracer.lines()[-1]["type"], "end")
                self.assertEqual(maps_count(child.pid), 100)

    def test_ends_by_duration(self):
        with start_workload("holder", "--maps", "100", ready=True) as child:
            with Tracer("-p", child.pid, "-d", "500ms") as tracer:
                self.assertEqual(tracer.wait(), 0)
                self.assertGreaterEqual(tracer.lines()[-1]["duration_s"], 0.4)
                self.assertLess(tracer.lines()[-1]["duration_s"], 3)

    def test_op_line(self):
        """Arguments, result and file in their words."""
        folder = self.directory()
        with start_workload("oddname", folder, "1", ready=True) as child:
            with Tracer("-p", child.pid) as tracer:
                tracer.ready()
                child.send()
                child.line()
                self.assertEqual(tracer.stop(), 0)
                op = next(line for line in tracer.lines("op") if line["op"] == "mmap")
        inode = os.stat(os.path.join(folder.encode(), os.listdir(folder.encode())[0])).st_ino
        self.assertEqual((op["prot"], op["flags"], op["delta"]), ("PROT_READ", "MAP_SHARED", 1))
        self.assertEqual(op["len"], os.sysconf("SC_PAGESIZE"))
        self.assertRegex(op["ret"], "^0x[0-9a-f]+$")
        self.assertEqual((op["file"]["inode"], op["file"]["kind"]), (inode, "regular"))
        self.assertEqual(op["file"]["deleted"], False)
        self.assertEqual(op["tid"], child.pid)

    def check_other(self, way):
        """A change of two maps that is no operation's."""
        with start_workload("other", way, ready=True) as child, Tracer("-p", child.pid) as tracer:
            tracer.ready()
            child.send()
            count = int(child.line().split()[3])
            self.assertEqual(tracer.stop(), 0)
            self.check_lines(tracer.lines())
            ops = [line for line in tracer.lines("op") if line["op"] == "other"]
            last = tracer.lines("process", child.pid)[-1]
        self.assertEqual(last["map_count"], count)
        self.assertEqual(last["credits"].get("other"), 2)
        self.assertEqual([sum(line["delta"] for line in ops), ops[-1]["map_count"]], [2, count])
        self.assertEqual({(line["pid"], line["ret"], line["duration_ns"]) for line in ops}, {(child.pid, None, None)})
        return ops

    def test_change_by_ioctl(self):
        """userfaultfd registers a part of an area."""
        ops = self.check_other("userfaultfd")
        if os.uname().machine == "x86_64":
            self.assertEqual({line["syscall"] for line in ops}, {16})

    def test_change_by_worker(self):
        """io_uring's madvise: done by a worker thread that makes no system call."""
        self.check_other("io_uring")

    def test_failed_only(self):
        """What is refused, and no place in PATH where a program is not."""
        script = "import mmap, os, sys\n" \
            "try: mmap.mmap(-1, 1 << 62)\n" \
            "except OSError: pass\n" \
            "try: os.execvp('is-nowhere', ['is-nowhere'])\n" \
            "except OSError: sys.exit(3)\n"
        with Tracer("-x", "--", sys.executable, "-c", script) as tracer:
            self.assertEqual(tracer.wait(), 3)
            self.assertEqual([(op["op"], op["errno"]) for op in tracer.lines("op")], [("mmap", "ENOMEM")])
            state = tracer.lines("exit")[-1]
        self.assertEqual({name: count for name, count in state["failures"].items() if count}, {"ENOMEM": 1})
        self.assertGreater(state["ops"]["execve"]["failed"], 0)

    def test_pretended_limit(self):
        """--limit: findings as if the limit were lower, while nothing fails."""
        with start_workload("storm", "--keep", "900", "--seconds", "0", "--wait", "--hold", ready=True) as child:
            with Tracer("-p", child.pid, "--limit", "1000") as tracer:
                tracer.ready()
                child.send()
                child.line()
                finding = tracer.wait_type("finding", child.pid)
                self.assertEqual(finding["limit"], 1000)
                self.assertEqual(tracer.stop(), 0)
        self.assertNotEqual(limit_maps(), 1000)

    def test_filters(self):
        """-n by comm; system-wide else."""
        with start_workload("holder", "--maps", "300", ready=True) as child:
            with Tracer("-n", "holder", "-i", "1") as tracer:
                self.assertEqual(tracer.wait_type("process", child.pid)["map_count"], 300)
                self.assertEqual(tracer.stop(), 0)
                self.assertEqual({line["comm"] for line in tracer.lines("process")}, {"holder"})

    def test_cgroup(self):
        """-c: those in it and below."""
        with open("/proc/mounts", encoding="utf-8") as file:
            roots = [line.split()[1] for line in file if line.split()[2] == "cgroup2"]
        if not roots:
            self.lacking("no cgroup2 is mounted")
        group = os.path.join(roots[0], f"mmaptrace-test-{os.getpid()}")
        below = os.path.join(group, "below")
        os.makedirs(below)
        try:
            with contextlib.ExitStack() as stack:
                inside = [stack.enter_context(start_workload("holder", "--maps", "300", ready=True)) for _ in range(2)]
                outside = stack.enter_context(start_workload("holder", "--maps", "300", ready=True))
                for folder, child in zip((group, below), inside):
                    with open(os.path.join(folder, "cgroup.procs"), "w", encoding="ascii") as file:
                        file.write(str(child.pid))
                with Tracer("-c", group, "-i", "1") as tracer:
                    for child in inside:
                        self.assertEqual(tracer.wait_type("process", child.pid)["map_count"], 300)
                    self.assertEqual(tracer.stop(), 0)
                    pids = {line["pid"] for line in tracer.lines("process")}
                self.assertEqual(pids, {child.pid for child in inside})
                self.assertNotIn(outside.pid, pids)
        finally:
            for folder in (below, group):
                wait_until(lambda folder=folder: removed(folder), f"{folder} to be empty")

    def test_verdicts_of_many_children(self):
        """The command's, and that of a child of which there is something to say; not one for each child."""
        script = "for i in 1 2 3; do /bin/true; done; (ulimit -v 20000; /bin/true >/dev/null 2>&1); \"$1\" --maps 3000; exit 0"
        argv = ["-x", "--", "sh", "-c", script, "sh", workload("holder")]
        status, out, stderr = run_program(*argv)
        self.assertEqual(status, 0, stderr)
        self.assertEqual(len(re.findall(r"^exit +true\[", out.decode(), re.M)), 4)
        verdicts = re.findall(r"^(\S*)\[\d+\]: [\d,]+ -> ", out.decode(), re.M)
        self.assertEqual(verdicts, ["holder", "sh"])
        self.assertRegex(out.decode(), r"\A +TIME +PID")

    def test_rows(self):
        with Tracer("-r", "2", "-i", "1", "-d", "1") as tracer:
            self.assertEqual(tracer.wait(), 0)
            shown = tracer.lines("process")
        # A round at the start, after a second and at the end, at most.
        self.assertIn(len(shown), range(2, 7))

    def test_text_verdict(self):
        """Plain text names the process, the call and the file at the end."""
        argv = [workload("frames"), "--object", f"/frames-{os.getpid()}", "--inputs", "10", "--batches", "2000"]
        with Child([PROGRAM, "--", *argv]) as child:
            self.assertEqual(child.wait(), 0)
            child.out.ended()
            verdict = child.out.text()[-3000:].lower()
        self.assertRegex(verdict, "leak|exhaustion")
        self.assertIn(f"/dev/shm/frames-{os.getpid()}", verdict)
        self.assertIn("mmap", verdict)


if __name__ == "__main__":
    main()
