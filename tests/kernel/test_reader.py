# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Whoever reads what mmaptrace writes may be slow, stop reading, or stop and go on: what it is told stays
true and in order, what it was not told is counted, and nothing else waits for it."""

import contextlib
import fcntl
import itertools
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import termios
import threading

import schema
from lib import EXTRA_ARGS, PATIENCE_S, PROGRAM, Case, Lines, losses, main, start_workload, wait_until, workload

ERROR = 1
# The time a reader gets at the end, and what a busy machine may need beside.
AT_ONCE_S = 8


# Looks at a full pipe, a few milliseconds apart, in which a storm has made thousands of lines more.
FULL_LOOKS = 20


def unread(fd):
    """Bytes that wait in a pipe, a socket or a terminal."""
    return struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0]


def has_room(fd):
    return bool(select.select([], [fd], [], 0)[1])


def silent(name, *args):
    """A command whose own stdout is another than the one that is not read."""
    return ["--", "sh", "-c", 'exec "$@" >/dev/null', "sh", workload(name), *map(str, args)]


class Run:
    """mmaptrace with a stdout that is read when and as fast as the test says."""

    def __init__(self, *args, stdout=None, prefix=(), **options):
        self.read_fd, write_fd = stdout or os.pipe()
        self.write_fd = os.dup(write_fd)
        self.process = subprocess.Popen(
            [*prefix, PROGRAM, *EXTRA_ARGS, *map(str, args)],
            stdin=options.pop("stdin", subprocess.DEVNULL), stdout=write_fd, stderr=subprocess.PIPE, **options,
        )  # fmt: skip
        os.close(write_fd)
        self.err = Lines(os.dup(self.process.stderr.fileno()))
        self.process.stderr.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for fd in (self.read_fd, self.write_fd):
            with contextlib.suppress(OSError):
                os.close(fd)

    def wait(self, patience_s=PATIENCE_S):
        try:
            status = self.process.wait(patience_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still runs after {patience_s} s; stderr: {self.err.text()}") from None
        self.err.ended()
        return status

    def filled(self):
        """Its reader is behind by more than fits in between: what is found full has room for a last line or two (a page
        to be filled up, a socket's reserve), so it is to be found so again and again."""
        looks = itertools.count()
        wait_until(lambda: not has_room(self.write_fd) and next(looks) > FULL_LOOKS, "stdout to be full")

    def read(self, size=1 << 20, pause_s=0.0):
        """All there is to the end, size bytes each pause."""
        os.close(self.write_fd)
        clock = threading.Event()
        pieces = []
        while True:
            data = os.read(self.read_fd, size)
            if not data:
                return b"".join(pieces)
            pieces.append(data)
            if pause_s:
                clock.wait(pause_s)

    def read_json(self, **pace):
        """The lines of --json; those of a command in the same stream aside."""
        raws = self.read(**pace).split(b"\n")
        return [schema.parse(raw) for raw in raws if raw.startswith(b"{")]


def output_losses(lines):
    return [line for line in lines if line["type"] == "loss" and line["what"].startswith("output: ")]


class SlowReader(Case):
    """It gets everything, in order, and the same verdict as any other."""

    def test_json(self):
        maps = 20000
        with Run("--json", "--", workload("holder"), "--maps", maps) as run:
            lines = run.read_json(size=8192, pause_s=0.008)
            self.assertEqual(run.wait(), 0, run.err.text())
        self.check_lines(lines)
        self.assertEqual(losses(lines), [])
        exits = [line for line in lines if line["type"] == "exit"]
        self.assertEqual([(line["comm"], line["map_count"]) for line in exits], [("holder", maps)])
        self.assertEqual(lines[-1]["type"], "end")
        ops = [line for line in lines if line["type"] == "op"]
        self.assertGreaterEqual(sum(line["op"] == "mmap" for line in ops), exits[0]["mmap_calls"])
        self.assertEqual(exits[0]["baseline"] + sum(line["delta"] for line in ops), maps)
        kinds = [line["type"] for line in lines]
        self.assertGreater(kinds.index("exit"), len(kinds) - 1 - kinds[::-1].index("op"))

    def test_text(self):
        maps = 32777
        with Run("--", workload("holder"), "--maps", maps) as run:
            text = run.read(size=4096, pause_s=0.01).decode()
            self.assertEqual(run.wait(), 0, run.err.text())
        exits = re.findall(r"^exit +(\S+)\[\d+\]: ([\d,]+) maps at the end", text, re.M)
        self.assertEqual(exits, [("holder", f"{maps:,}")])
        verdicts = re.findall(r"^(\S*)\[\d+\]: ([\d,]+) -> ([\d,]+) maps", text, re.M)
        self.assertEqual([(name, last) for name, _, last in verdicts], [("holder", f"{maps:,}")])
        self.assertGreater(text.index(" -> "), text.rindex(" mmap("), "an operation after the verdict")
        for word in ("output", "op records"):
            self.assertNotIn(word, run.err.text())

    def test_pause_at_the_end(self):
        """A person in a pager: the command has ended long before the verdict is read."""
        with Run("--json", *silent("holder", "--maps", 5000)) as run:
            run.filled()
            wait_until(lambda: "waiting" in run.err.text(), "word that it waits for its reader")
            self.assertIsNone(run.process.poll())
            lines = run.read_json()
            self.assertEqual(run.wait(), 0, run.err.text())
        self.check_lines(lines)
        self.assertEqual(losses(lines), [])
        self.assertEqual([line["map_count"] for line in lines if line["type"] == "exit"], [5000])
        self.assertEqual(lines[-1]["type"], "end")

    def test_gone_at_the_end(self):
        """It leaves the pager without having read on."""
        with Run(*silent("holder", "--maps", 5000)) as run:
            run.filled()
            wait_until(lambda: "waiting" in run.err.text(), "word that it waits for its reader")
            os.close(run.write_fd)
            os.close(run.read_fd)
            self.assertEqual(run.wait(AT_ONCE_S), 0, run.err.text())


class StalledReader(Case):
    """It opens stdout and never reads."""

    def check_given_up(self, run, status):
        self.assertEqual(status, ERROR, run.err.text())
        self.assertEqual(len(re.findall(r"not written", run.err.text())), 1, run.err.text())

    def check_signal(self, run, signum):
        run.filled()
        run.process.send_signal(signum)
        self.check_given_up(run, run.wait(AT_ONCE_S))

    def storm(self):
        return start_workload("storm", "--seconds", "60", "--wait", ready=True)

    def test_signals(self):
        for signum in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(signum=signum), self.storm() as storm, Run("-p", storm.pid) as run:
                wait_until(lambda: unread(run.read_fd), "its header")
                storm.send()
                self.check_signal(run, signum)

    def test_duration(self):
        with self.storm() as storm, Run("--json", "-p", storm.pid, "-d", "2") as run:
            storm.send()
            run.filled()
            self.check_given_up(run, run.wait(2 + AT_ONCE_S))

    def test_whole_lines(self):
        """What it was told before ends with a whole line."""
        with self.storm() as storm, Run("--json", "-p", storm.pid) as run:
            wait_until(lambda: unread(run.read_fd), "its first line")
            storm.send()
            self.check_signal(run, signal.SIGTERM)
            text = run.read()
        self.assertTrue(text.endswith(b"\n"))
        self.check_lines([schema.parse(raw) for raw in text.splitlines()])

    def test_interrupted_while_it_waits(self):
        """The command has ended by itself; the one who waits for its trace gives up."""
        with Run(*silent("holder", "--maps", 5000)) as run:
            wait_until(lambda: "waiting" in run.err.text(), "word that it waits for its reader")
            run.process.send_signal(signal.SIGINT)
            self.check_given_up(run, run.wait(AT_ONCE_S))

    def test_socket(self):
        ours, theirs = socket.socketpair()
        with self.storm() as storm, Run("-p", storm.pid, stdout=(ours.detach(), theirs.detach())) as run:
            wait_until(lambda: unread(run.read_fd), "its header")
            storm.send()
            self.check_signal(run, signal.SIGTERM)

    def test_terminal(self):
        with self.storm() as storm, Run("-p", storm.pid, stdout=pty.openpty()) as run:
            wait_until(lambda: unread(run.read_fd), "its header")
            storm.send()
            self.check_signal(run, signal.SIGTERM)

    def test_stderr_is_the_same(self):
        """2>&1: messages do not wait either."""
        read_fd, write_fd = os.pipe()
        os.set_inheritable(write_fd, True)
        with self.storm() as storm:
            argv = [PROGRAM, *EXTRA_ARGS, "-p", str(storm.pid), "--ring-size", "64K"]
            with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=write_fd, stderr=write_fd) as process:
                try:
                    wait_until(lambda: unread(read_fd), "its header")
                    storm.send()
                    wait_until(lambda: not has_room(write_fd), "stdout to be full")
                    process.terminate()
                    self.assertEqual(process.wait(AT_ONCE_S), ERROR)
                finally:
                    process.kill()
                    os.close(read_fd)
                    os.close(write_fd)

    def test_terminal_interrupts(self):
        """Ctrl-C ends the tracing; who pressed it may be about to read on in a pager. A second one gives up."""
        keys, terminal = pty.openpty()

        def own_terminal():
            os.setsid()
            fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)

        try:
            with self.storm() as storm, Run("-p", storm.pid, stdin=terminal, preexec_fn=own_terminal) as run:
                wait_until(lambda: unread(run.read_fd), "its header")
                storm.send()
                run.filled()
                os.write(keys, b"\x03")
                wait_until(lambda: "waiting" in run.err.text(), "word that it waits for its reader")
                os.write(keys, b"\x03")
                self.check_given_up(run, run.wait(AT_ONCE_S))
        finally:
            os.close(keys)
            os.close(terminal)

    def test_not_to_be_reopened(self):
        """A stdout that cannot be opened anew is asked for room before each write."""
        script = 'mount -t tmpfs none /proc/$$/fd && exec "$@"'
        prefix = ["unshare", "--mount", "sh", "-c", script, "sh"]
        with self.storm() as storm, Run("-p", storm.pid, prefix=prefix) as run:
            wait_until(lambda: unread(run.read_fd), "its header")
            storm.send()
            self.check_signal(run, signal.SIGTERM)

    def test_blocking_stays_blocking(self):
        """stdout is shared with others: its flags are not ours to change."""
        with self.storm() as storm, Run("-p", storm.pid) as run:
            wait_until(lambda: unread(run.read_fd), "its header")
            storm.send()
            run.filled()
            self.assertFalse(fcntl.fcntl(run.write_fd, fcntl.F_GETFL) & os.O_NONBLOCK)
            self.check_signal(run, signal.SIGTERM)

    def test_command_goes_on(self):
        """A command is not held up by the reader of its trace, and its end is noticed."""
        with Run("--json", *silent("storm", "--seconds", 2)) as run:
            run.filled()
            wait_until(lambda: "waiting" in run.err.text(), "word that it waits for its reader", 60)
            lines = run.read_json()
            self.assertEqual(run.wait(), 0, run.err.text())
        self.check_behind(lines)

    def check_behind(self, lines):
        """It got what there was room for, the rest was counted, and the last word is right."""
        self.check_lines(lines)
        lost = sum(line["count"] for line in lines if line["type"] == "loss")
        self.assertEqual(lines[-1]["type"], "end")
        self.assertEqual(lines[-1]["lost"], lost)
        exits = [line for line in lines if line["type"] == "exit"]
        self.assertEqual([line["comm"] for line in exits], ["storm"])
        ops = sum(line["type"] == "op" for line in lines)
        self.assertGreaterEqual(ops + lost, exits[0]["mmap_calls"] + exits[0]["munmap_calls"])

    def test_reads_on(self):
        """Stalled for longer than there is room, then reading: losses in between, the end as it should be."""
        with start_workload("storm", "--seconds", "60", "--wait", ready=True) as storm:
            with Run("--json", "-p", storm.pid) as run:
                wait_until(lambda: unread(run.read_fd), "its first line")
                storm.send()
                wait_until(lambda: "output: " in run.err.text(), "the first line left out", 60)
                storm.process.terminate()
                lines = run.read_json()
                self.assertEqual(run.wait(), 0, run.err.text())
        self.check_behind(lines)
        self.assertTrue(output_losses(lines), "nothing said of lines left out")
        self.assertGreaterEqual(run.err.text().count("output: "), 2, "its beginning and the sum")

    def test_findings_before_operations(self):
        """A leak amid a storm is told though nobody reads; so is how it ended."""
        script = '("$1" --seconds 4 & "$2"; wait) >/dev/null'
        argv = ["--json", "--", "sh", "-c", script, "sh", workload("storm"), workload("fastleak")]
        with Run(*argv) as run:
            wait_until(lambda: "waiting" in run.err.text(), "word that it waits for its reader", 90)
            lines = run.read_json()
            self.assertEqual(run.wait(), 0, run.err.text())
        self.check_lines(lines)
        kinds = {line["kind"] for line in lines if line["type"] == "finding" and line["comm"] == "fastleak"}
        self.assertIn("enomem", kinds)
        self.assertEqual({line["comm"] for line in lines if line["type"] == "exit"}, {"sh", "storm", "fastleak"})


if __name__ == "__main__":
    main()
