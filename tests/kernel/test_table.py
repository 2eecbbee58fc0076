# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The table for people: aligned columns, colour only on a terminal and never with NO_COLOR, no line
wider than the terminal."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time

from lib import EXTRA_ARGS, PROGRAM, Case, main, run_program, start_workload

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\x1b[=>78]")


def terminal_run(args, columns=80, env=None, until=None, patience_s=20):
    """What a terminal of that width gets; ends by SIGINT once `until` was printed, or by itself."""
    pid, fd = pty.fork()
    if pid == 0:
        os.environ.update({"TERM": "xterm-256color", **(env or {})})
        # The size has to stand before the program asks for it.
        fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        os.execv(PROGRAM, [PROGRAM, *EXTRA_ARGS, *args])
    text = b""
    deadline = time.monotonic() + patience_s
    interrupted = False
    while time.monotonic() < deadline and select.select([fd], [], [], patience_s)[0]:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        text += data
        if until and until in text and not interrupted:
            os.kill(pid, signal.SIGINT)
            interrupted = True
    else:
        os.kill(pid, signal.SIGKILL)
    os.close(fd)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status), text.decode()


def columns_of(header):
    """(name, begin, end) of each column of a header row."""
    return [(match.group(), match.start(), match.end()) for match in re.finditer(r"\S+", header)]


def flush_left(row, begin):
    return len(row) <= begin or (row[begin] != " " and (begin == 0 or row[begin - 1] == " "))


def flush_right(row, end):
    return len(row) < end or (row[end - 1] != " " and (len(row) == end or row[end] == " "))


class Table(Case):
    def table(self, *args, **options):
        """Rows of the first table on stdout: (header, rows)."""
        status, out, stderr = run_program("-d", "300ms", "-i", "200ms", *args, **options)
        self.assertEqual(status, 0, stderr)
        lines = out.decode().split("\n")
        headers = [number for number, line in enumerate(lines) if re.search(r"\bPID\b.*\bCOMM\b", line)]
        self.assertTrue(headers, f"no header row with PID and COMM:\n{out.decode()}")
        first = headers[0]
        rows = []
        for line in lines[first + 1 :]:
            if not line.strip() or not re.match(r"\s*\d+\s", line):
                break
            rows.append(line)
        self.assertTrue(rows, out.decode())
        return lines[first], rows

    def test_columns_aligned(self):
        """Each header word is flush left or flush right with its column in every row."""
        with start_workload("holder", "--maps", "50000", ready=True):
            header, rows = self.table()
        for name, begin, end in columns_of(header):
            left = all(flush_left(row, begin) for row in rows)
            right = all(flush_right(row, end) for row in rows)
            self.assertTrue(left or right, f"{name}:\n{header}\n" + "\n".join(rows[:10]))

    def test_sorted_by_ratio(self):
        with start_workload("holder", "--maps", "50000", ready=True) as more:
            with start_workload("holder", "--maps", "20000", ready=True) as less:
                _, rows = self.table()
        pids = [int(row.split()[0]) for row in rows]
        self.assertIn(more.pid, pids)
        self.assertIn(less.pid, pids)
        self.assertLess(pids.index(more.pid), pids.index(less.pid))

    def test_sort_keys(self):
        for key in ("ratio", "maps", "rate", "eta", "opened", "closed", "mmaps", "failed", "pid", "comm"):
            with self.subTest(key=key):
                self.table("-s", key)

    def test_sorted_by_pid(self):
        _, rows = self.table("-s", "pid", "-r", "1000")
        pids = [int(row.split()[0]) for row in rows]
        self.assertIn(pids, (sorted(pids), sorted(pids, reverse=True)))

    def test_rows(self):
        _, rows = self.table("-r", "3")
        self.assertEqual(len(rows), 3)

    def test_timestamp(self):
        status, out, _ = run_program("-T", "-d", "500ms", "-i", "200ms")
        self.assertEqual(status, 0)
        self.assertRegex(out.decode(), r"\d\d:\d\d:\d\d")

    def test_plain_in_a_pipe(self):
        for env in ({}, {"TERM": "xterm-256color", "CLICOLOR": "1"}):
            status, out, _ = run_program("-d", "500ms", "-i", "200ms", env={**os.environ, **env})
            self.assertEqual(status, 0)
            self.assertNotIn(b"\x1b", out)

    def test_colour_on_a_terminal(self):
        with start_workload("holder", "--maps", "64000", ready=True):
            status, text = terminal_run(["-d", "500ms", "-i", "200ms"])
        self.assertEqual(status, 0, text)
        self.assertRegex(text, COLOUR)

    def test_no_color(self):
        with start_workload("holder", "--maps", "64000", ready=True):
            status, text = terminal_run(["-d", "500ms", "-i", "200ms"], env={"NO_COLOR": "1"})
        self.assertEqual(status, 0, text)
        self.assertNotRegex(text, COLOUR)

    def test_no_color_that_is_empty(self):
        """no-color.org: an empty value does not count."""
        with start_workload("holder", "--maps", "64000", ready=True):
            _, text = terminal_run(["-d", "500ms", "-i", "200ms"], env={"NO_COLOR": ""})
        self.assertRegex(text, COLOUR)

    def test_dumb_terminal(self):
        _, text = terminal_run(["-d", "500ms", "-i", "200ms"], env={"TERM": "dumb"})
        self.assertNotIn("\x1b", text)

    def test_width(self):
        for columns in (40, 60, 80, 132):
            with self.subTest(columns=columns), start_workload("holder", "--maps", "50000", ready=True):
                status, text = terminal_run(["-d", "500ms", "-i", "200ms"], columns=columns)
                self.assertEqual(status, 0)
                # stderr shares the terminal: the program's own messages may wrap.
                lines = [line for line in re.split(r"[\r\n]+", CONTROL.sub("", text)) if "mmaptrace: " not in line]
                wide = [line for line in lines if len(line) > columns]
                self.assertEqual(wide, [])

    def test_interrupt(self):
        status, _ = terminal_run(["-i", "1"], until=b"COMM")
        self.assertEqual(status, 0)

    def test_terminal_is_left_clean(self):
        """Colours off and the cursor back at the end."""
        _, text = terminal_run(["-d", "500ms", "-i", "200ms"])
        codes = COLOUR.findall(text)
        if codes:
            self.assertIn(codes[-1], ("\x1b[0m", "\x1b[m", "\x1b[39m", "\x1b[22m"))
        if "\x1b[?25l" in text:
            self.assertGreater(text.rfind("\x1b[?25h"), text.rfind("\x1b[?25l"))
        if "\x1b[?1049h" in text:
            self.assertGreater(text.rfind("\x1b[?1049l"), text.rfind("\x1b[?1049h"))

    def test_doctor(self):
        """Every feature with a word whether it works."""
        done = subprocess.run([PROGRAM, "doctor"], capture_output=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        text = done.stdout.decode()
        self.assertGreaterEqual(len(text.splitlines()), 5)
        for word in ("BTF", "mmap_lock", "ring"):
            self.assertIn(word.lower(), text.lower())

    def doctor(self, *args):
        """(exit status, the JSON line)"""
        done = subprocess.run([PROGRAM, "doctor", "--json", *args], capture_output=True, timeout=60, check=False)
        return done.returncode, json.loads(done.stdout)

    def test_doctor_by_hooks(self):
        """The plans are those of the hooks asked for; the table needs none for calls where there is a witness."""
        status, report = self.doctor()
        self.assertEqual(status, 0)
        works = {item["name"] for item in report["features"] if item["works"]}
        witness = works & {"witness", "witness_memcg"}
        calls = works & {"fentry", "syscalls", "kprobe"}
        self.assertEqual(bool(calls & set(report["plan"].split())), bool(calls))
        self.assertEqual(bool(calls & set(report["plan_table"].split())), bool(calls) and not witness)
        for hooks in ("witness", "fentry", "syscalls", "kprobe"):
            with self.subTest(hooks=hooks):
                status, report = self.doctor(f"--hooks={hooks}")
                if works & {hooks, f"{hooks}_memcg"}:
                    self.assertEqual(status, 0)
                    self.assertEqual(report["plan"], report["plan_table"])
                    self.assertTrue({hooks, f"{hooks}_memcg"} & set(report["plan"].split()), report["plan"])
                else:
                    self.assertEqual((status, report["plan"]), (1, None))
                    self.assertIn(hooks, report["why_not"])

    def test_by_each_hook(self):
        """What doctor says will do does: the table by each of the hooks."""
        works = {item["name"].removesuffix("_memcg") for item in self.doctor()[1]["features"] if item["works"]}
        for hooks in sorted(works & {"witness", "fentry", "syscalls", "kprobe"}):
            with self.subTest(hooks=hooks):
                argv = [PROGRAM, "--json", "-d", "100ms", f"--hooks={hooks}"]
                done = subprocess.run(argv, capture_output=True, timeout=60, check=False)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertIn("process", {json.loads(line)["type"] for line in done.stdout.splitlines()})



if __name__ == "__main__":
    main()
