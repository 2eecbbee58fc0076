# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Call stacks of what others have built, as distributions ship it: the share of whole ones."""

import os
import subprocess

from lib import PATIENCE, PATIENCE_S, Child, Tracer, main, wait_until
from test_stacks import StacksCase, StackTracer


class Programs(StacksCase):
    """What others have built: the share of whole stacks of a run that goes on long enough to be known."""

    def run_command(self, *command):
        """Lines of a command, and all its children."""
        with Tracer("--stacks", "-i", "1h", "--", *command) as tracer:
            self.assertEqual(tracer.wait(120 * PATIENCE), 0, tracer.err.text())
            return tracer.lines()

    def test_python(self):
        code = "import mmap, time\nfor i in range(6000):\n m = mmap.mmap(-1, 4096); time.sleep(0.001)"
        self.check_share(self.run_command("/usr/bin/python3", "-c", code), "python3")

    def test_java(self):
        """Its own code has no rules: it is told where a stack ends. The machine's own threads are C++."""
        self.need("java")
        lines = self.run_command("java", "-Xint", "-Xmx64m", "-version")
        (ends,) = [line["stacks"] for line in lines if line["type"] == "end"]
        self.assertGreater(ends["complete"], 20)
        print(f"     java: {ends['complete'] / sum(ends.values()):.1%} of {sum(ends.values())} stacks complete")

    def test_redis(self):
        """By jemalloc, in a server with threads; it runs when it is looked at."""
        server, client = self.need("redis-server", "redis-cli")
        folder = self.directory()
        path = os.path.join(folder, "socket")
        argv = [server, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder, "--enable-debug-command", "yes"]

        def ask(*words):
            done = subprocess.run([client, "-s", path, *words], capture_output=True, timeout=PATIENCE_S, check=False)
            return done.stdout.decode().strip()

        with Child(argv) as redis:
            wait_until(lambda: ask("ping") == "PONG", "redis")
            with StackTracer("-p", redis.pid) as tracer:
                tracer.ready(redis.pid)
                self.assertEqual(ask("debug", "populate", "300000", "k", "256"), "OK")
                self.assertEqual(ask("flushall"), "OK")
                ask("shutdown", "nosave")
                self.assertEqual(tracer.wait(), 0, tracer.err.text())
                lines = tracer.lines()
        self.check_share(lines, "redis-server")


if __name__ == "__main__":
    main()
