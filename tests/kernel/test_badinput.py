# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Bad input and bad surroundings: one clear line, the right exit code, valid JSON, nothing hung and
no BPF program left behind."""

import json
import os
import re
import resource
import signal
import subprocess

import schema
from lib import (
    EXTRA_ARGS, PATIENCE_S, PROGRAM, RUNS, Case, Child, Tracer, main, maps_count, results_parse, run_program,
    start_workload, wait_until, workload,
)  # fmt: skip

NOBODY = 65534
USAGE, ERROR = 2, 1


def programs():
    """Ids of the BPF programs in the kernel."""
    out = subprocess.run(["bpftool", "-j", "prog", "show"], capture_output=True, check=True).stdout
    return {item["id"] for item in json.loads(out)}


class BadInput(Case):
    def check_refused(self, code, args, *words, prefix=(), **options):
        status, out, stderr = run_program(*args, prefix=prefix, **options)
        self.assertEqual(status, code, stderr)
        self.check_one_message(stderr, *words)
        self.assertFalse(out, "nothing belongs on stdout")

    # ---- arguments ----

    def test_pids(self):
        for pid in ("0", "-1", "1e20", "abc", "", "1,", ",1", "1,,2", "99999999999999999999", "0x1", " 1", "1.5", "+1"):
            with self.subTest(pid=pid):
                self.check_refused(USAGE, [f"--pid={pid}"])

    def test_options(self):
        for args in (
            ["--nonsense"], ["-Q"], ["nonsense"], ["-p"], ["-d", "abc"], ["-d", "-1"], ["-d", "1x"], ["-i", "0"],
            ["-i", "nan"], ["-r", "-3"], ["-r", "x"], ["-s", "nonsense"], ["--limit", "0"], ["--limit", "-5"],
            ["--stop-at", "0%"], ["--stop-at", "101%"], ["--stop-at", "abc"], ["--ring-size", "0"],
            ["--ring-size", "12Q"], ["--max-procs", "0"], ["--horizon", "soon"], ["--hooks", "nonsense"],
            ["-p", "1", "--", "true"], ["--"], ["doctor", "-p", "1"], ["-n", "x", "doctor"], ["doctor", "x"],
        ):  # fmt: skip
            with self.subTest(args=args):
                self.check_refused(USAGE, args)

    def test_help_and_version(self):
        for option, word in (("--help", b"--stop-at"), ("--version", b"mmaptrace")):
            status, out, stderr = run_program(option)
            self.assertEqual((status, stderr), (0, ""))
            self.assertIn(word, out)

    def test_help_to_a_full_disk(self):
        for args in (["--help"], ["--version"], ["doctor"]):
            with self.subTest(args=args), open("/dev/full", "wb") as full:
                status, _, stderr = run_program(*args, stdout=full)
                self.assertEqual(status, ERROR)
                self.check_one_message(stderr, "stdout", "no space")

    def test_help_without_root(self):
        for option in ("--help", "--version"):
            status, out, _ = run_program(option, prefix=self.as_nobody())
            self.assertEqual(status, 0)
            self.assertTrue(out)

    # ---- pids ----

    def test_dead_pid(self):
        child = subprocess.Popen(["true"])
        child.wait()
        self.check_refused(ERROR, ["-p", str(child.pid)], str(child.pid))

    def test_no_such_pid(self):
        self.check_refused(ERROR, ["-p", "4194303"], "4194303")

    def test_dead_pid_among_others(self):
        child = subprocess.Popen(["true"])
        child.wait()
        self.check_refused(ERROR, ["-p", f"{os.getpid()},{child.pid}"], str(child.pid))

    def test_zombie_pid(self):
        child = subprocess.Popen(["true"])
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        try:
            self.check_refused(ERROR, ["-p", str(child.pid)], str(child.pid), "zombie")
        finally:
            child.wait()

    def test_kernel_thread(self):
        self.check_refused(ERROR, ["-p", "2"], "kernel thread")

    def test_thread_id(self):
        """A thread's id is no process's: said so, or its process is taken."""
        with start_workload("lifecycle", "zombie_leader", "--hold") as child:
            count = int(child.line().split()[3])
            child.line()
            tid = next(tid for tid in os.listdir(f"/proc/{child.pid}/task") if int(tid) != child.pid)
            status, out, stderr = run_program("--json", "-p", tid, "-d", "1")
            if status == 0:
                lines = [schema.parse(raw) for raw in out.splitlines()]
                self.assertIn((child.pid, count), {(line.get("pid"), line.get("map_count")) for line in lines})
            else:
                self.assertEqual(status, ERROR)
                self.check_one_message(stderr, tid)

    def test_pid_of_an_inner_namespace(self):
        """Seen from outside it is a process like any other."""
        argv = ["unshare", "--pid", "--fork", "--kill-child", workload("holder"), "--maps", "777"]
        with Child(argv) as unshare:
            self.assertEqual(unshare.line(), "ready")
            with open(f"/proc/{unshare.pid}/task/{unshare.pid}/children", encoding="ascii") as file:
                pid = int(file.read())
            with Tracer("-p", pid) as tracer:
                self.assertEqual(tracer.wait_type("process", pid)["map_count"], 777)
                self.assertEqual(tracer.stop(), 0)
            unshare.close_stdin()
            unshare.wait()

    def test_from_within_a_namespace(self):
        """Pids are those of the program's own namespace: right counts, or one clear line."""
        script = '"$1" -p $$ --json -d 1'
        argv = ["unshare", "--pid", "--fork", "--mount-proc", "sh", "-c", script, "sh", PROGRAM]
        with Child(argv) as child:
            status = child.wait()
            child.out.ended()
            if status == 0:
                lines = [schema.parse(raw) for _, raw in child.out.items]
                counts = [line["map_count"] for line in lines if line["type"] in ("process", "exit")]
                self.assertTrue(counts)
                self.assertEqual({line["pid"] for line in lines if line["type"] == "process"}, {1})
            else:
                self.assertEqual(status, ERROR)
                self.check_one_message(child.err.text() + "\n", "namespace")

    def test_foreign_pid_from_within_a_namespace(self):
        """A pid that exists outside only."""
        with start_workload("holder", "--maps", "100", ready=True) as holder:
            prefix = ["unshare", "--pid", "--fork", "--mount-proc"]
            self.check_refused(ERROR, ["-p", str(holder.pid)], prefix=prefix)

    # ---- rights ----

    def as_nobody(self):
        return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]

    def test_not_root(self):
        for args in ([], ["-p", "1"], ["--", "true"]):
            with self.subTest(args=args):
                self.check_refused(ERROR, args, "root", prefix=self.as_nobody())

    def test_lacking_capabilities(self):
        for caps in ("-bpf,-sys_admin", "-perfmon,-sys_admin", "-all"):
            with self.subTest(caps=caps):
                self.check_refused(ERROR, [], "cap", prefix=["setpriv", f"--bounding-set={caps}"])

    def test_tracefs_not_readable(self):
        """What is lacking is named: not the rights that are there. (Before 5.11 they need one more.)"""
        self.assertEqual(run_program("doctor")[0], 0)  # mounts it, which nobody may
        caps = ["--inh-caps=+bpf,+perfmon", "--ambient-caps=+bpf,+perfmon"]
        status, _, stderr = run_program("--hooks=syscalls", "-d", "1", prefix=[*self.as_nobody(), *caps])
        self.assertEqual(status, ERROR)
        self.check_one_message(stderr)
        self.assertRegex(stderr, "CAP_DAC_READ_SEARCH|CAP_SYS_RESOURCE")

    def test_doctor_without_root(self):
        """It says what is wrong instead of failing at it."""
        status, out, stderr = run_program("doctor", prefix=self.as_nobody())
        self.assertIn(status, (0, ERROR))
        self.assertIn(b"root", (out + stderr.encode()).lower())

    def test_no_btf(self):
        folder = self.directory()
        script = 'mount --bind "$1" /sys/kernel/btf && shift && exec "$@"'
        prefix = ["unshare", "--mount", "sh", "-c", script, "sh", folder]
        self.check_refused(ERROR, ["-d", "1"], "BTF", prefix=prefix)
        status, out, stderr = run_program("doctor", prefix=prefix)
        self.assertIn(status, (0, ERROR))
        self.assertIn(b"BTF", out + stderr.encode())

    def test_no_max_map_count(self):
        """Without the limit there is no distance to it."""
        script = 'mount -t tmpfs none /proc/sys/vm && exec "$@"'
        self.check_refused(ERROR, ["-d", "1"], "max_map_count", prefix=["unshare", "--mount", "sh", "-c", script, "sh"])

    def test_no_locked_memory(self):
        """Kernels before 5.11 charge BPF memory to RLIMIT_MEMLOCK: root raises it."""
        def limit():
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (65536, 65536))

        status, _, stderr = run_program("--json", "-d", "100ms", preexec_fn=limit)
        self.assertEqual(status, 0, stderr)

    # ---- output ----

    def test_unwritable_output(self):
        folder = self.directory()
        for path in ("/nonexistent/file", folder, os.path.join(folder, "a", "b"), ""):
            with self.subTest(path=path):
                self.check_refused(ERROR if path else USAGE, ["--json", "-o", path])

    def test_unwritable_output_runs_nothing(self):
        """The command is not started when its trace has nowhere to go."""
        mark = os.path.join(self.directory(), "ran")
        self.check_refused(ERROR, ["--json", "-o", "/nonexistent/file", "--", "touch", mark])
        self.assertFalse(os.path.exists(mark))

    def test_full_disk(self):
        folder = self.directory()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], check=True)
        self.addCleanup(subprocess.run, ["umount", folder], check=True)
        with start_workload("storm", "--seconds", "3600", "--wait", ready=True) as storm:
            argv = [PROGRAM, *EXTRA_ARGS, "--json", "-p", str(storm.pid), "-o", os.path.join(folder, "out")]
            with Child(argv) as child:
                wait_until(lambda: attached(child.pid), "its BPF programs")
                storm.send()
                self.assertEqual(child.wait(), ERROR)
                self.assertIn("No space left", child.err.text())
                self.assertEqual(child.err.text().count("No space left"), 1)

    def test_full_device_and_a_command_that_is_ended(self):
        """The error is the trace's, not the command's, which ends as it was told to."""
        with open("/dev/full", "wb") as full:
            status, _, stderr = run_program("--json", "-d", "1", "--", "sleep", "3600", stdout=full)
        self.assertEqual(status, ERROR)
        self.assertEqual(stderr.count("No space left"), 1, stderr)

    def test_full_device(self):
        with open("/dev/full", "wb") as full:
            status, _, stderr = run_program("--json", "-d", "1", stdout=full)
        self.assertEqual(status, ERROR)
        self.assertEqual(stderr.count("No space left"), 1, stderr)

    def test_reader_gone(self):
        """mmaptrace | head -1"""
        for options in (["--json", "-i", "100ms"], ["-i", "100ms"], ["--json", "-p", str(os.getppid()), "-i", "100ms"]):
            with self.subTest(options=options):
                read_fd, write_fd = os.pipe()
                with subprocess.Popen(
                    [PROGRAM, *EXTRA_ARGS, *options], stdout=write_fd, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL
                ) as child:
                    os.close(write_fd)
                    os.read(read_fd, 1)
                    os.close(read_fd)
                    try:
                        _, stderr = child.communicate(timeout=PATIENCE_S)
                    except subprocess.TimeoutExpired:
                        child.kill()
                        self.fail("still runs without a reader")
                    # As for any filter: quietly, or by SIGPIPE itself.
                    self.assertIn(child.returncode, (0, ERROR, -signal.SIGPIPE, 128 + signal.SIGPIPE))
                    self.assertLessEqual(len(re.findall(rb"(?i)pipe", stderr)), 1, stderr)

    def test_stdout_closed(self):
        script = 'exec "$@" >&-'
        status, _, stderr = run_program("--json", "-d", "1", prefix=["sh", "-c", script, "sh"])
        self.assertEqual(status, ERROR, stderr)
        self.assertIn("mmaptrace:", stderr)

    def test_all_streams_closed(self):
        """No descriptor of the program takes the place of stdin, stdout or stderr."""
        script = 'exec "$@" <&- >&- 2>&-'
        status, _, _ = run_program("--json", "-d", "1", prefix=["sh", "-c", script, "sh"])
        self.assertEqual(status, ERROR)

    def test_reader_gone_leaves_the_command_alone(self):
        """Its trace has no reader any more, the command goes on to its end."""
        read_fd, write_fd = os.pipe()
        argv = [PROGRAM, *EXTRA_ARGS, "--json", "-o", f"/dev/fd/{write_fd}", "--", workload("storm"), "--seconds", "1"]
        with Child(argv, pass_fds=[write_fd]) as child:
            os.close(write_fd)
            os.read(read_fd, 1)
            os.close(read_fd)
            self.assertIn(child.wait(), (0, ERROR))
            child.out.ended()
            self.assertTrue(results_parse(child.out.text()), "the command did not come to its end")

    # ---- untrusted bytes ----

    def odd_run(self, *options):
        """Raw stdout of a run over oddname."""
        with start_workload("oddname", self.directory(), "300", ready=True) as child:
            argv = [PROGRAM, *EXTRA_ARGS, *options, "-p", str(child.pid), "--limit", "1000"]
            with Child(argv) as tracer:
                # The start line or the header row: it has attached.
                tracer.line()
                child.send()
                child.line()
                child.close_stdin()
                child.wait()
                self.assertEqual(tracer.wait(), 0, tracer.err.text())
                tracer.out.ended()
                return [raw for _, raw in tracer.out.items], tracer.err.text()

    def test_odd_names_in_json(self):
        raws, _ = self.odd_run("--json")
        lines = [schema.parse(raw) for raw in raws]
        self.check_lines(lines)
        for raw in raws:
            self.assertIsNone(re.search(rb"[\x00-\x1f]", raw), raw)
        comms = {line["comm"] for line in lines if "comm" in line}
        self.assertEqual(comms, {"\x1b[31m\"\\\n\t\ufffd\ufffd(,\x7f)"})
        paths = {line["file"]["path"] for line in lines if line["type"] == "op" and line["file"]}
        named = any("\"b\" \\c\n\r\t\b\f\x07\x01\x1f\x7f" in path for path in paths)
        self.assertEqual(named, schema.CALLS_SEEN, paths)
        self.assertTrue(all("\ufffd" in path for path in paths if "\"b\"" in path), paths)

    def test_odd_names_in_text(self):
        raws, stderr = self.odd_run()
        for raw in [*raws, stderr.encode()]:
            self.assertIsNone(re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", raw), raw)
            raw.decode("utf-8")

    def test_odd_names_in_table(self):
        with start_workload("oddname", self.directory(), "300", ready=True) as child:
            child.send()
            child.line()
            status, out, stderr = run_program("-d", "1", "-s", "pid")
        self.assertEqual(status, 0, stderr)
        self.assertIsNone(re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", out), out)
        out.decode("utf-8")

    def test_odd_command_arguments(self):
        """argv of the start line."""
        argument = b"\xff\x1b[2J\"\\\n"
        with Tracer("--", "true", os.fsdecode(argument)) as tracer:
            self.assertEqual(tracer.wait(), 0)
            self.assertIn("\ufffd\x1b[2J\"\\\n", tracer.lines("start")[0]["argv"])


def descriptors(pid):
    """The texts of /proc/PID/fdinfo/*."""
    try:
        for name in os.listdir(f"/proc/{pid}/fdinfo"):
            with open(f"/proc/{pid}/fdinfo/{name}", encoding="ascii", errors="replace") as file:
                yield file.read()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        pass


def programs_of(pid):
    """Ids of the BPF programs that a process holds open, itself or by a link."""
    return {int(number) for text in descriptors(pid) for number in re.findall(r"^prog_id:\s*(\d+)", text, re.M)}


def attached(pid):
    return any("link_type:" in text for text in descriptors(pid))


class NothingLeft(Case):
    """No BPF program outlives the program, whatever its end."""

    def setUp(self):
        self.need("bpftool")

    def check_gone(self, ids):
        self.assertTrue(ids, "it had no BPF program at all")
        wait_until(lambda: not ids & programs(), f"the kernel to free {len(ids)} programs")

    def ended_by(self, signum):
        with Tracer("-i", "1") as tracer:
            tracer.ready()
            ids = programs_of(tracer.pid)
            status = tracer.stop(signum)
        self.check_gone(ids)
        return status

    def test_after_sigint(self):
        self.assertEqual(self.ended_by(signal.SIGINT), 0)

    def test_after_sigterm(self):
        self.assertEqual(self.ended_by(signal.SIGTERM), 0)

    def test_after_sigkill(self):
        self.assertEqual(self.ended_by(signal.SIGKILL), -signal.SIGKILL)

    def test_after_sigkill_with_target(self):
        with start_workload("storm", "--seconds", "2", "--wait", ready=True) as storm:
            with Tracer("-p", storm.pid) as tracer:
                tracer.ready()
                storm.send()
                ids = programs_of(tracer.pid)
                tracer.stop(signal.SIGKILL)
            self.check_gone(ids)
            self.assertEqual(storm.wait(), 0)

    def test_sigkill_spares_the_command(self):
        """A command whose tracer was killed lives on and comes to its end."""
        with Tracer("--", "sh", "-c", "echo $$; read line; echo over") as tracer:
            pid = int(tracer.line())
            tracer.process.kill()
            # Not to the end of its streams: the command has them too.
            self.assertEqual(tracer.process.wait(PATIENCE_S), -signal.SIGKILL)
            self.assertTrue(maps_count(pid))
            tracer.send()
            self.assertEqual(tracer.line(), "over")

    def test_counts_before_and_after(self):
        """bpftool prog show, before and after some short runs."""
        before = programs()
        for _ in range(min(5, RUNS)):
            status, _, stderr = run_program("--json", "-d", "10ms")
            self.assertEqual(status, 0, stderr)
        # Other programs on the machine may come and go meanwhile; ours are all alike.
        wait_until(lambda: len(programs() - before) <= 0 or self.foreign(programs() - before), "no program more")

    def foreign(self, ids):
        """Whether somebody alive holds all of these."""
        held = set()
        for name in os.listdir("/proc"):
            if name.isdigit():
                held |= programs_of(name)
        return ids <= held


if __name__ == "__main__":
    main()
