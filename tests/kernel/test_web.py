# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A daemon's web server: what promtool and a browser say of it, and what it makes of those who mean ill."""

import os
import random
import re
import shutil
import signal
import socket
import struct
import subprocess
import time
import urllib.error
import urllib.request
import zlib

from lib import PATIENCE, Child, main, run_program, wait_until
from test_export import Export, free_port

HOSTILE = 'x"} 1\n# EOF<b'
CURVE = (0x25, 0x63, 0xEB)


def png_pixels(path):
    """{(r, g, b): count} of a PNG of 8-bit RGB or RGBA."""
    with open(path, "rb") as file:
        data = file.read()
    at, body, width, channels = 8, b"", 0, 0
    while at < len(data):
        (size,), kind = struct.unpack(">I", data[at:at + 4]), data[at + 4:at + 8]
        chunk = data[at + 8:at + 8 + size]
        if kind == b"IHDR":
            width, _, _, colour = struct.unpack(">IIBB", chunk[:10])
            channels = {2: 3, 6: 4}[colour]
        elif kind == b"IDAT":
            body += chunk
        at += 12 + size
    raw, stride, counts = zlib.decompress(body), width * channels, {}
    before = bytearray(stride)
    for row in range(len(raw) // (stride + 1)):
        kind, line = raw[row * (stride + 1)], bytearray(raw[row * (stride + 1) + 1:(row + 1) * (stride + 1)])
        for i in range(stride):
            left = line[i - channels] if i >= channels else 0
            corner = before[i - channels] if i >= channels else 0
            if kind == 1:
                line[i] = (line[i] + left) & 255
            elif kind == 2:
                line[i] = (line[i] + before[i]) & 255
            elif kind == 3:
                line[i] = (line[i] + (left + before[i]) // 2) & 255
            elif kind == 4:
                guess = left + before[i] - corner
                line[i] = (line[i] + min((left, before[i], corner),
                                         key=lambda value, guess=guess: abs(guess - value))) & 255
        for i in range(0, stride, channels):
            pixel = tuple(line[i:i + 3])
            counts[pixel] = counts.get(pixel, 0) + 1
        before = line
    return counts


class Web(Export):
    def get(self, path, **headers):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        with urllib.request.urlopen(request, timeout=20 * PATIENCE) as answer:
            return answer.headers, answer.read().decode()

    def connect(self):
        one = socket.create_connection(("127.0.0.1", self.port), timeout=20 * PATIENCE)
        self.addCleanup(one.close)
        return one

    def raw(self, data):
        """The status of the answer to these bytes; None: the connection was closed without one."""
        with self.connect() as one:
            try:
                one.sendall(data)
                one.shutdown(socket.SHUT_WR)
                answer = one.recv(4096)
            except (ConnectionResetError, BrokenPipeError):
                return None
        return int(answer.split()[1]) if answer else None

    def test_metrics(self):
        """promtool has nothing to say, in either format, with hostile names about."""
        self.need("promtool")
        folder = self.directory()
        os.symlink(shutil.which("sleep"), os.path.join(folder, HOSTILE))
        with Child([os.path.join(folder, HOSTILE), "1000"]) as odd:
            self.quiet("--limit", "64", "--metrics-top", "1000")
            wait_until(lambda: f'pid="{odd.process.pid}"' in self.get("/metrics")[1], "the odd one")
            headers, text = self.get("/metrics")
            self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8")
            result = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True,
                                    check=False, timeout=60)
            self.assertEqual((result.returncode, result.stdout, result.stderr), (0, "", ""))
            headers, text = self.get("/metrics", Accept="application/openmetrics-text;version=1.0.0,text/plain;q=0.1")
            self.assertEqual(headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.assertTrue(text.endswith("\n# EOF\n"))
            self.assertEqual(text.count("# EOF"), 1 + text.count(r"\\n# EOF"))
            _, page = self.get("/")
            self.assertNotIn("<b'", page)
            self.assertNotIn("EOF<b", page)

    def test_pages(self):
        self.quiet()
        self.assertEqual(self.get("/healthz")[1], "good\n")
        self.assertEqual(self.get("/readyz")[1], "ready\n")
        headers, page = self.get("/")
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertNotIn("<script", page)
        self.assertEqual(re.findall(r"(?:src|href)=", page), [])
        for path in ("/nothing", "/metrics/", "/../etc/passwd"):
            with self.assertRaises(urllib.error.HTTPError) as raised:
                self.get(path)
            self.assertEqual(raised.exception.code, 404)

    def test_wrong_requests(self):
        daemon = self.quiet()
        self.assertEqual(self.raw(b"HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n"), 200)
        self.assertEqual(self.raw(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"), 405)
        self.assertEqual(self.raw(b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n"), 405)
        self.assertIn(self.raw(b"GET / HTTP/1.1\r\nX: " + b"y" * 100000 + b"\r\n\r\n"), (None, 400, 413, 431))
        self.assertIn(self.raw(b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n"), (None, 400, 413, 414, 431))
        chance = random.Random(7)
        for _ in range(40):
            self.raw(bytes(chance.choices(b"GET /metrics HTTP/1.1\r\n:\0\xff ", k=chance.randrange(1, 200))))
        self.assertEqual(self.get("/healthz")[1], "good\n")
        self.end(daemon)

    def test_slow_clients(self):
        """Who sends a byte now and then is sent away; others are served meanwhile; no descriptor is left."""
        daemon = self.quiet()
        before = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        slow = [self.connect() for _ in range(300)]
        for one in slow:
            one.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nX: ")
        end = time.monotonic() + 4
        while time.monotonic() < end:
            for one in slow:
                try:
                    one.sendall(b"y")
                except OSError:
                    continue
            self.assertEqual(self.get("/healthz")[1], "good\n")
        wait_until(lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd")) <= before + 1, "their connections closed",
                   30 * PATIENCE)
        self.end(daemon)

    def test_ten_thousand_connections(self):
        daemon = self.quiet()
        before = len(os.listdir(f"/proc/{daemon.process.pid}/fd"))
        for _ in range(100):
            burst = []
            for _ in range(100):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(("127.0.0.1", self.port))
                burst.append(one)
            for one in burst:
                one.close()
        wait_until(lambda: self.get("/healthz")[1] == "good\n", "an answer")
        wait_until(lambda: len(os.listdir(f"/proc/{daemon.process.pid}/fd")) <= before + 1, "their connections closed",
                   30 * PATIENCE)
        self.end(daemon)

    def test_addresses(self):
        path = os.path.join(self.directory(), "web")
        daemon = self.daemon("--web.listen-address", f"unix:{path}")
        with socket.socket(socket.AF_UNIX) as one:
            wait_until(lambda: os.path.exists(path), "the socket")
            one.connect(path)
            one.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
            self.assertIn(b" 200 OK\r\n", one.recv(4096))
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
        daemon.stop(signal.SIGTERM)
        self.assertFalse(os.path.exists(path))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            status, _, stderr = run_program("daemon", "--state-dir", self.directory(), "--pin-dir", "none",
                                            "--web.listen-address", address)
        self.assertEqual(status, 1)
        self.check_one_message(stderr, f"--web.listen-address {address}: Address already in use")

    def test_socket_activation(self):
        """The listening socket as systemd hands it over."""
        with socket.socket() as ours:
            ours.bind(("127.0.0.1", 0))
            ours.listen()
            self.port = ours.getsockname()[1]
            script = 'import os, sys\nos.dup2(int(sys.argv[1]), 3)\nos.environ["LISTEN_PID"] = str(os.getpid())\n' \
                     'os.environ["LISTEN_FDS"] = "1"\nos.execv(sys.argv[2], sys.argv[2:])\n'
            from lib import EXTRA_ARGS, PROGRAM  # noqa: PLC0415
            daemon = self.enterContext(Child(
                ["/usr/bin/python3", "-c", script, str(ours.fileno()), PROGRAM, *EXTRA_ARGS, "daemon", "--state-dir",
                 self.state, "--pin-dir", "none", "--web.listen-address", "systemd", "-d", "60"],
                pass_fds=[ours.fileno()]))
            self.assertEqual(self.get("/healthz")[1], "good\n")
            self.end(daemon)

    def test_page_in_a_browser(self):
        """Curves are drawn."""
        self.need("chromium")
        self.port = free_port()
        daemon = self.quiet("--limit", "3000", "--max-suspects", "0")
        shot = os.path.join(self.directory(), "page.png")
        with self.frames("--inputs", "50", "--batches", "0", "--pace", "10000"):
            wait_until(lambda: "class=limit" in self.get("/")[1], "a curve near the limit", 60 * PATIENCE)
            subprocess.run(["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--window-size=1200,900",
                            f"--screenshot={shot}", f"http://127.0.0.1:{self.port}/"], check=True, timeout=120,
                           capture_output=True)
        self.assertGreater(png_pixels(shot).get(CURVE, 0), 200)
        self.end(daemon)


if __name__ == "__main__":
    main()
