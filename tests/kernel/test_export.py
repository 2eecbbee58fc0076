# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A daemon's lines in logs: files, journald, syslog; none is lost without being counted."""

import gzip
import json
import os
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.request

from lib import PATIENCE, Child, main, run_program, wait_until
from test_daemon import Daemon


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def metric(port, name):
    """{labels: value} of a family."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return {match[1] or "": float(match[2]) for match in
            re.finditer(rf"^mmaptrace_{name}(\{{[^\n]*\}})? (\S+)$", text, re.MULTILINE)}


class Receiver:
    """A datagram socket that keeps all it gets, also what comes in files."""

    def __init__(self, path):
        self.path = path
        self.messages = []
        self._open()

    def _open(self):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self._thread = threading.Thread(target=self._read, args=(self.socket,), daemon=True)
        self._thread.start()

    def _read(self, own):
        while True:
            try:
                data, fds, _, _ = socket.recv_fds(own, 1 << 20, 4)
            except OSError:
                return
            if not data and not fds:
                return
            for fd in fds:
                with os.fdopen(fd, "rb") as file:
                    file.seek(0)
                    data += file.read()
            self.messages.append(data)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self._thread.join()
        os.unlink(self.path)

    def again(self):
        self._open()


def journal_fields(data):
    """{name: value} of the native protocol."""
    fields = {}
    while data:
        name, _, rest = data.partition(b"\n")
        if b"=" in name:
            key, _, value = name.partition(b"=")
            data = rest
        else:
            key, (size,) = name, struct.unpack("<Q", rest[:8])
            value, data = rest[8:8 + size], rest[9 + size:]
        fields[key.decode()] = value.decode()
    return fields


class Export(Daemon):
    def setUp(self):
        super().setUp()
        self.logs = self.directory()
        self.log = os.path.join(self.logs, "events.jsonl")
        self.port = free_port()

    def quiet(self, *args):
        """A daemon whose lines go to its logs alone."""
        from lib import EXTRA_ARGS, PROGRAM  # noqa: PLC0415

        daemon = self.enterContext(Child([PROGRAM, *EXTRA_ARGS, "daemon", "--state-dir", self.state, "--pin-dir",
                                          self.pins, "--web.listen-address", f"127.0.0.1:{self.port}", *args]))

        def is_ready():
            self.assertIsNone(daemon.process.poll(), daemon.err.text())
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5) as answer:
                    return answer.status == 200
            except OSError:
                return False

        wait_until(is_ready, "ready")
        return daemon

    def end(self, daemon):
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.err.text())

    def read(self):
        """All lines of the log and of its rotated files, in order."""
        paths = sorted((path for path in os.listdir(self.logs) if path.startswith("events")),
                       key=lambda path: -int((re.findall(r"\.(\d+)", path) or ["0"])[0]))
        lines = []
        for path in paths:
            full = os.path.join(self.logs, path)
            with (gzip.open(full, "rt") if path.endswith(".gz") else open(full, encoding="utf-8")) as file:
                lines += [json.loads(line) for line in file]
        return paths, lines


class Files(Export):
    def leak(self, daemon, many=4000):
        """A suspect that is followed until it has done so much."""
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "300") as leak:
            wait_until(lambda: sum(metric(self.port, "suspects").values()) and
                       sum(metric(self.port, "log_lines_total").values()) > many, "lines", 60 * PATIENCE)
            self.assertIsNone(daemon.process.poll())
            return leak.process.pid

    def test_rotation(self):
        """By size, with old ones compressed and no line lost, torn or doubled."""
        daemon = self.quiet("--events=ops", "--limit", "20000", "--log-file", self.log, "--log-max-size", "256K",
                            "--log-keep", "200")
        pid = self.leak(daemon)
        self.end(daemon)
        paths, lines = self.read()
        self.assertGreater(len([path for path in paths if path.endswith(".gz")]), 2)
        self.assertEqual((lines[0]["type"], lines[-1]["type"]), ("start", "end"))
        self.assertEqual({line["pid"] for line in lines if line["type"] == "op"}, {pid})
        for path in paths:
            if not path.endswith(".gz"):
                self.assertLessEqual(os.path.getsize(os.path.join(self.logs, path)), 256 << 10)

    def test_keep(self):
        daemon = self.quiet("--events=ops", "--limit", "20000", "--log-file", self.log, "--log-max-size", "64K",
                            "--log-keep", "3")
        self.leak(daemon)
        self.end(daemon)
        self.assertLessEqual(len(self.read()[0]), 4)

    def test_logrotate(self):
        """Moved away and SIGHUP: the lines after it are in a new file."""
        daemon = self.quiet("--log-file", self.log)
        os.rename(self.log, self.log + ".old")
        daemon.process.send_signal(signal.SIGHUP)
        wait_until(lambda: os.path.exists(self.log), "the file again")
        self.end(daemon)
        with open(self.log, encoding="utf-8") as file:
            self.assertEqual([json.loads(line)["type"] for line in file][-1], "end")

    def test_full_disk(self):
        """Lines that find no room are counted; accounts go on; and it is said when there is room again."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", self.logs], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", self.logs], check=True)
        daemon = self.quiet("--events=ops", "--limit", "30000", "--log-file", self.log, "--log-queue", "1M")
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "300"):
            wait_until(lambda: metric(self.port, "log_lines_total").get(
                f'{{log="--log-file {self.log}",result="lost"}}', 0) > 100, "lost lines", 60 * PATIENCE)
            self.assertIn("No space left on device", daemon.err.text())
            subprocess.run(["mount", "-o", "remount,size=64m", self.logs], check=True)
            wait_until(lambda: b'"what":"log lines: ' in open(self.log, "rb").read(), "the word of what was lost")
        told = []

        def lost_is_told():
            wait_until(lambda: not sum(metric(self.port, "log_lines_queued").values()), "all written")
            lost = metric(self.port, "log_lines_total")[f'{{log="--log-file {self.log}",result="lost"}}']
            told[:] = [line["count"] for line in self.read()[1]
                       if line["type"] == "loss" and line["what"].startswith("log lines")]
            return sum(told) == lost

        wait_until(lost_is_told, "all that was lost told")
        self.end(daemon)

    def test_not_writable(self):
        status, _, stderr = run_program("daemon", "--state-dir", self.state, "--pin-dir", "none", "--log-file",
                                        "/proc/no/such/file")
        self.assertEqual(status, 1)
        self.check_one_message(stderr, "--log-file /proc/no/such/file: No such file or directory")

    def test_slow_reader(self):
        """What a slow disk did not take was counted: written and lost make up all there were."""
        fifo = os.path.join(self.logs, "pipe")
        os.mkfifo(fifo)
        reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
        got = []
        stop = threading.Event()

        def read():
            while not stop.is_set():
                time.sleep(0.01)
                try:
                    got.append(os.read(reader, 4096))
                except BlockingIOError:
                    continue

        thread = threading.Thread(target=read)
        thread.start()
        daemon = self.quiet("--events=ops", "--limit", "60000", "--log-file", fifo, "--log-queue", "256K")
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "50"):
            wait_until(lambda: metric(self.port, "log_lines_total").get(
                f'{{log="--log-file {fifo}",result="lost"}}', 0) > 1000, "lost lines", 60 * PATIENCE)
        counts = metric(self.port, "log_lines_total")
        queued = metric(self.port, "log_lines_queued")
        self.assertGreater(sum(queued.values()), 0)
        self.assertEqual(counts[f'{{log="--log-file {fifo}",result="failed"}}'], 0)
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0)
        stop.set()
        thread.join()
        os.close(reader)
        whole = b"".join(got).split(b"\n")[:-1]
        for line in whole:
            json.loads(line)


class Sockets(Export):
    def test_journal_protocol(self):
        """The native protocol, as a receiver in journald's place reads it; and after it was away for a while."""
        os.makedirs("/run/systemd/journal", exist_ok=True)
        path = "/run/systemd/journal/socket"
        if os.path.exists(path):
            self.lacking("journald is at work here, or its socket is")
        journal = Receiver(path)
        self.addCleanup(lambda: os.path.exists(path) and journal.close())
        daemon = self.quiet("--journald", "--limit", "2000")
        wait_until(lambda: journal.messages, "an entry")
        journal.close()
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "3000") as leak:
            wait_until(lambda: "--journald" in daemon.err.text(), "the word that it is away", 60 * PATIENCE)
            journal.again()
            wait_until(lambda: any(b"leak" in message or b"exhaustion" in message for message in journal.messages),
                       "the finding", 60 * PATIENCE)
            pid = leak.process.pid
        self.end(daemon)
        entries = [journal_fields(message) for message in journal.messages]
        finding = next(entry for entry in entries if entry.get("MMAPTRACE_TYPE") == "finding"
                       and entry["MMAPTRACE_SEVERITY"] != "info")
        self.assertEqual(finding["SYSLOG_IDENTIFIER"], "mmaptrace")
        self.assertEqual(finding["MMAPTRACE_PID"], str(pid))
        self.assertEqual(finding["MMAPTRACE_COMM"], "frames")
        self.assertIn(finding["PRIORITY"], ("2", "4"))
        self.assertRegex(finding["MESSAGE_ID"], "^[0-9a-f]{32}$")
        self.assertRegex(finding["MESSAGE"], r"^frames\[\d+\]: (leak|exhaustion) \((warning|critical)\): ")
        self.assertEqual(json.loads(finding["MMAPTRACE_JSON"])["pid"], pid)

    def test_rsyslog(self):
        """A real rsyslogd gets the lines by its socket, by UDP and by TCP."""
        self.need("rsyslogd")
        folder, port = self.directory(), free_port()
        conf, out, log_socket = (os.path.join(folder, name) for name in ("conf", "out", "log"))
        with open(conf, "w", encoding="ascii") as file:
            file.write(f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{log_socket}" UseSpecialParser="off")\n'
                       f'module(load="imudp")\ninput(type="imudp" address="127.0.0.1" port="{port}")\n'
                       f'module(load="imtcp")\ninput(type="imtcp" address="127.0.0.1" port="{port}")\n'
                       'template(name="all" type="string" string="%syslogseverity% %app-name% %msgid% %msg%\\n")\n'
                       f'*.* action(type="omfile" file="{out}" template="all")\n')
        with Child(["rsyslogd", "-n", "-f", conf, "-i", os.path.join(folder, "pid")]):
            wait_until(lambda: os.path.exists(log_socket), "rsyslogd")
            for address in (log_socket, f"udp:127.0.0.1:{port}", f"tcp:127.0.0.1:{port}"):
                before = os.path.getsize(out) if os.path.exists(out) else 0
                daemon = self.quiet("--syslog=" + address)
                self.end(daemon)
                wait_until(lambda before=before: os.path.exists(out)
                           and b'"type":"end"' in open(out, "rb").read()[before:], f"lines by {address}")
        with open(out, encoding="utf-8") as file:
            lines = [line for line in file if " mmaptrace " in line]
        for line in lines:
            head, _, text = line.partition("{")
            self.assertEqual(head.split()[:2], ["6", "mmaptrace"])
            self.assertEqual(json.loads("{" + text)["type"], head.split()[2])


if __name__ == "__main__":
    main()
