# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A daemon's configuration: rules, what they have done, reading it again; and where processes live."""

import contextlib
import os
import random
import re
import signal
import socket
import subprocess

from lib import PATIENCE, ROOT, main, process_state, run_program, wait_until
from test_daemon import Daemon

CGROUPS = "/sys/fs/cgroup"


class Rules(Daemon):
    def config(self, text):
        path = os.path.join(self.state, "mmaptrace.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def leak(self):
        return self.frames("--inputs", "50", "--batches", "0", "--pace", "3000")

    def test_ignore(self):
        daemon = self.daemon("--limit", "2000", "--config", self.config("[rule mine]\ncomm = fram*\nignore = yes\n"))
        with self.leak() as leak:
            wait_until(lambda: (line := self.snapshot(daemon, leak.process.pid)) and line["map_count"] > 1200,
                       "most of the limit used", 60 * PATIENCE)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.assertEqual(daemon.lines("finding", leak.process.pid), [])

    def test_limit_of_a_rule(self):
        daemon = self.daemon("--config", self.config("[rule mine]\ncomm = frames\nlimit = 2000\n"))
        with self.leak() as leak:
            finding = daemon.wait_line(lambda line: line["pid"] == leak.process.pid and line["severity"] != "info",
                                       "finding", 60 * PATIENCE, kind="finding")
        self.assertEqual(finding["limit"], 2000)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)

    def test_command(self):
        """Facts come by the environment, once; no shell sees the name; one that hangs is killed with its children."""
        folder = self.directory()
        out, marker = os.path.join(folder, "out"), os.path.join(folder, "marker")
        script = os.path.join(folder, "page")
        with open(script, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\nenv >> {out}\necho "args: $@" >> {out}\nls -l /proc/self/fd | wc -l >> {out}\n'
                       f"touch {marker}\nsleep 1000 & wait\n")
        os.chmod(script, 0o755)
        daemon = self.daemon("--limit", "2000", "--config", self.config(
            f"[rule mine]\ncomm = frames\nrun = {script} '$(touch /tmp/evil)' \"two words\"\nrun-timeout = 1s\n"))
        with self.leak() as leak:
            wait_until(lambda: os.path.exists(marker), "the command run", 60 * PATIENCE)
            wait_until(lambda: "its command took too long: killed" in daemon.err.text(), "its end")
            pid = leak.process.pid
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        with open(out, encoding="utf-8") as file:
            text = file.read()
        facts = dict(re.findall(r"^MMAPTRACE_(\w+)=(.*)$", text, re.MULTILINE))
        self.assertEqual((facts["PID"], facts["COMM"], facts["RULE"], facts["LIMIT"]),
                         (str(pid), "frames", "mine", "2000"))
        self.assertIn(facts["KIND"], ("leak", "exhaustion"))
        self.assertIn("args: $(touch /tmp/evil) two words\n", text)
        self.assertEqual(text.count("MMAPTRACE_PID="), 1)
        self.assertFalse(os.path.exists("/tmp/evil"))
        # 0, 1, 2, the folder itself, and the head line.
        self.assertLessEqual(int(text.split()[-1]), 6)
        self.assertEqual(subprocess.run(["pgrep", "-f", "^sleep 1000$"], check=False, capture_output=True).stdout, b"")

    def test_stop(self):
        daemon = self.daemon("--limit", "2000", "--config", self.config("[rule mine]\ncomm = frames\nstop = yes\n"))
        with self.leak() as leak:
            wait_until(lambda: process_state(leak.process.pid) == "T", "it is stopped", 60 * PATIENCE)
            os.kill(leak.process.pid, signal.SIGCONT)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)

    def test_signal(self):
        daemon = self.daemon("--limit", "2000", "--config", self.config("[rule mine]\ncomm = frames\nsignal = TERM\n"))
        with self.leak() as leak:
            self.assertEqual(leak.wait(60 * PATIENCE), 128 + signal.SIGTERM)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)

    def test_read_again(self):
        """A good one holds from then on; of a bad one file and line are said, and the old one stays."""
        path = self.config("[mmaptrace]\nlimit = 60000\n")
        daemon = self.daemon("--config", path)
        with self.leak() as leak:
            self.config("[mmaptrace]\nlimit = some\n")
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "the configuration stays as it was" in daemon.err.text(), "the bad one refused")
            self.assertIn(f"{path}:2: limit 'some': want a number of maps", daemon.err.text())
            self.config("[mmaptrace]\nlimit = 2000\nring-size = 1M\n")
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: "has been read again" in daemon.err.text(), "the good one taken")
            self.assertIn("take a restart, and stay as they were until then: ring-size", daemon.err.text())
            finding = daemon.wait_type("finding", leak.process.pid, 60 * PATIENCE)
        self.assertEqual(finding["limit"], 2000)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)

    def test_check(self):
        for text, words in (
                ("[mmaptrace]\nhorizon = soon\n", ":2: horizon 'soon': want a time"),
                ("[mmaptrace]\nlimits = 5\n", ":2: key 'limits'"),
                ("[rule a]\ncomm = x\n[rule a]\n", ":3: rule 'a': there is one of this name"),
                ("[nothing]\n", ":1: section 'nothing'"),
                ("limit = 5\n", ":1: key 'limit'"),
                ("[rule a]\nsignal = BLAH\n", ":2: signal 'BLAH'"),
        ):
            path = self.config(text)
            status, _, stderr = run_program("daemon", "--check-config", "--config", path)
            self.assertEqual(status, 2)
            self.check_one_message(stderr, path + words)
        status, stdout, _ = run_program("daemon", "--check-config", "--config",
                                        os.path.join(ROOT, "tools", "mmaptrace.conf"))
        self.assertEqual(status, 0)
        self.assertRegex(stdout.decode(), r"mmaptrace.conf: good, \d+ rules?\n$")


class Place(Daemon):
    def test_in_a_real_cgroup(self):
        """Unit, container and pod of a process are in its lines."""
        unified = next((path for path in (CGROUPS, CGROUPS + "/unified")
                        if os.path.exists(path + "/cgroup.procs")), None)
        if not unified:
            self.lacking("there is no cgroup v2 here")
        container = f"{random.getrandbits(256):064x}"
        top = f"{unified}/kubepods.slice"
        parts = [top, f"{top}/kubepods-pod12345678_1234_1234_1234_{os.getpid():012x}.slice"]
        parts.append(f"{parts[1]}/cri-containerd-{container}.scope")
        made = [part for part in parts if not os.path.exists(part)]
        try:
            for part in made:
                os.mkdir(part)
        except OSError as error:
            self.lacking(f"no cgroup can be made here: {error}")
        for part in made:
            self.addCleanup(lambda part=part: contextlib.suppress(OSError) and wait_until(
                lambda: not os.path.exists(part) or not os.rmdir(part) and True, "the cgroup empty"))
        daemon = self.daemon("--limit", "2000")
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "3000", "--hold") as leak:
            leak.line()
            with open(f"{parts[2]}/cgroup.procs", "w", encoding="ascii") as file:
                file.write(str(leak.process.pid))
            leak.send()
            finding = daemon.wait_type("finding", leak.process.pid, 60 * PATIENCE)
        self.assertEqual(daemon.stop(signal.SIGTERM), 0)
        self.assertEqual(finding["container_id"], container)
        self.assertEqual(finding["container_runtime"], "containerd")
        self.assertEqual(finding["unit"], f"cri-containerd-{container}.scope")
        self.assertEqual(finding["pod_uid"], f"12345678-1234-1234-1234-{os.getpid():012x}")


class Service(Daemon):
    def test_notify(self):
        """As systemd would be told: ready, reloading, stopping; and that it is alive."""
        path = os.path.join(self.directory(), "notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(20 * PATIENCE)
            daemon = self.daemon(env={**os.environ, "NOTIFY_SOCKET": path})

            def await_word(word):
                while word not in notify.recv(4096):
                    pass

            await_word(b"READY=1")
            await_word(b"WATCHDOG=1")
            daemon.process.send_signal(signal.SIGHUP)
            await_word(b"RELOADING=1\nMONOTONIC_USEC=")
            await_word(b"READY=1")
            daemon.process.send_signal(signal.SIGTERM)
            await_word(b"STOPPING=1")
            self.assertEqual(daemon.wait(), 0)

    def test_privileges(self):
        """What it does not need it does not have: capabilities, ways to gain any, system calls."""
        daemon = self.daemon()
        for task in os.listdir(f"/proc/{daemon.process.pid}/task"):
            with open(f"/proc/{daemon.process.pid}/task/{task}/status", encoding="ascii") as file:
                status = dict(line.rstrip().split(":\t", 1) for line in file if ":\t" in line.rstrip())
            self.assertEqual(status["NoNewPrivs"], "1")
            self.assertEqual(status["Seccomp"], "2")
            # DAC_READ_SEARCH 2, SETGID 6, SETUID 7, SYS_PTRACE 19, PERFMON 38, BPF 39
            with open("/proc/sys/kernel/perf_event_paranoid", encoding="ascii") as file:
                admin = (21,) if int(file.read()) > 2 else ()  # distributions' kernels want it there
            allowed = sum(1 << bit for bit in (2, 6, 7, 19, 38, 39, *admin))
            self.assertEqual(int(status["CapEff"], 16) & ~allowed, 0)
        daemon.stop(signal.SIGTERM)

    def test_unit(self):
        """systemd's own judgement of the sandbox."""
        self.need("systemd-analyze")
        unit = os.path.join(ROOT, "tools", "mmaptrace.service")
        result = subprocess.run(["systemd-analyze", "security", "--offline=true", unit], capture_output=True, text=True,
                                check=False, timeout=60)
        level = re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout)
        self.assertTrue(level, result.stdout + result.stderr)
        self.assertLess(float(level[1]), 2.5)


if __name__ == "__main__":
    main()
