# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debug information from a server, by build id: of this machine, so of no guest."""

import http.server
import os
import re
import shutil
import subprocess
import threading

from lib import Child, main, workload
from test_stacks import PLAIN, StackTracer, StacksCase


class DebugServer:
    """What debuginfod is asked for: the debug information of one program, by its build id."""

    def __init__(self, path):
        self.path, self.asked = path, []
        (self.build_id,) = re.findall(r"Build ID: (\w+)", run_tool("readelf", "-n", path))
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.asked.append(self.path)
                if self.path != f"/buildid/{server.build_id}/debuginfo":
                    self.send_error(404)
                    return
                with open(server.path, "rb") as file:
                    body = file.read()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_exception):
        self.server.shutdown()
        self.server.server_close()


def run_tool(*argv):
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout


class Debuginfod(StacksCase):
    def test_lines_of_a_stripped_program(self):
        self.need("objcopy", "strip", "readelf")
        directory = self.directory()
        path, debug = (os.path.join(directory, name) for name in ("callers", "callers.debug"))
        shutil.copy(workload("callers"), path)
        run_tool("objcopy", "--only-keep-debug", path, debug)
        run_tool("strip", path)
        with DebugServer(debug) as server, Child([path, "plain", "plain"]) as child:
            environment = {
                **os.environ, "DEBUGINFOD_URLS": server.url,
                "DEBUGINFOD_CACHE_PATH": os.path.join(directory, "cache"),
            }  # fmt: skip
            self.assertEqual(child.line(), "ready")
            with StackTracer("-p", child.pid, env=environment) as tracer:
                tracer.ready(child.pid)
                for _ in range(2):
                    self.step(child, "plain")
                self.assertEqual(child.wait(), 0)
                self.assertEqual(tracer.wait(), 0, tracer.err.text())
                lines = tracer.lines()
        self.check_lines(lines)
        self.assertIn(f"/buildid/{server.build_id}/debuginfo", server.asked)
        self.check_chain(self.stacks(lines, "repeat")[-1], PLAIN)


if __name__ == "__main__":
    main()
