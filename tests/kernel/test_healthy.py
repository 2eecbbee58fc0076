# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Healthy stays silent: no finding of severity warning or above about real programs at work.

Nothing is installed here; what is missing is skipped, or with MMAPTRACE_REQUIRE=1 failed."""

import glob
import os
import shutil
import subprocess

from lib import ROOT, WORKLOADS, Case, Child, Tracer, main, start_workload, wait_until

NOBODY = 65534
# Comms of the test workloads: other tests may leak on this machine at the same time.
LEAKS = {name[:15] for _, _, names in os.walk(WORKLOADS) for name in names}


class Healthy(Case):
    def watch(self, work, *options):
        """Runs work under the program and returns what it said of at least a warning."""
        with Tracer("-i", "1", *options) as tracer:
            tracer.ready()
            work()
            # One more round of every process, so that a late word is heard too.
            seen = len(tracer.json.items)
            tracer.wait_line(lambda line: line["type"] == "process", "another round", since=seen)
            self.assertEqual(tracer.stop(), 0)
            self.check_silent(tracer)

    def check_silent(self, tracer):
        lines = tracer.lines()
        alarms = [
            line
            for line in lines
            if line["type"] == "finding" and line["severity"] != "info" and line["comm"] not in LEAKS
        ]
        told = [
            f"{line['severity']} {line['kind']} of {line['comm']} ({line['pid']}): {line['map_count']} maps,"
            f" {line['rate_per_s']} a second, eta {line['eta_s']}: {line['advice']}"
            for line in alarms
        ]
        self.assertEqual(told[:5], [], f"{len(told)} findings")
        self.check_lines([line for line in lines if line["type"] != "op"])

    def follow(self, *command, **options):
        """The same as `-- CMD`, in the trace gear; only failed operations have lines."""
        with Tracer("-x", "--", *command, **options) as tracer:
            self.assertEqual(tracer.wait(120), 0, tracer.err.text())
            self.check_silent(tracer)

    def run_quietly(self, *command, **options):
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=150, check=False, **options
        )
        self.assertEqual(done.returncode, 0, done.stderr.decode(errors="replace")[-2000:])
        return done.stdout.decode(errors="replace")

    # ---- a compile of this project ----

    def test_compile(self):
        self.need("make", "gcc", "clang")
        copy = os.path.join(self.directory(), "tree")
        shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".git", "build"))
        self.watch(lambda: self.run_quietly("make", "-C", copy, "-j2"))

    # ---- python3 importing its standard library ----

    IMPORT_ALL = (
        "import sys, importlib, warnings; warnings.simplefilter('ignore')\n"
        "for name in sorted(sys.stdlib_module_names - {'antigravity', 'this', 'idlelib'}):\n"
        "    try: importlib.import_module(name)\n"
        "    except Exception: pass\n"
    )

    def test_python(self):
        self.watch(lambda: self.run_quietly("/usr/bin/env", "python3", "-c", self.IMPORT_ALL))

    def test_python_followed(self):
        self.follow("python3", "-c", self.IMPORT_ALL)

    # ---- redis-server under redis-benchmark ----

    def test_redis(self):
        server, benchmark, cli = self.need("redis-server", "redis-benchmark", "redis-cli")
        folder = self.directory()
        socket = os.path.join(folder, "socket")
        options = ["--port", "0", "--unixsocket", socket, "--dir", folder, "--save", "", "--appendonly", "yes"]
        with Child([server, *options]) as redis:
            wait_until(lambda: os.path.exists(socket), "redis-server's socket")

            def work():
                kinds = "set,get,rpush,hset,zadd,lrange_100,mset"
                self.run_quietly(
                    benchmark, "-s", socket, "-t", kinds, "-n", "40000", "-q", "-d", "512", "-r", "100000"
                )
                self.run_quietly(cli, "-s", socket, "flushall")

            self.watch(work)
            redis.process.terminate()
            redis.wait()

    # ---- postgres under pgbench ----

    def test_postgres(self):
        places = os.pathsep.join([*sorted(glob.glob("/usr/lib/postgresql/*/bin")), os.environ["PATH"]])
        programs = [shutil.which(name, path=places) for name in ("initdb", "postgres", "pgbench")]
        if None in programs:
            self.lacking("postgresql is not installed")
        initdb, postgres, pgbench = programs
        folder = self.directory()
        os.chmod(folder, 0o700)
        os.chown(folder, NOBODY, NOBODY)
        data = os.path.join(folder, "data")
        drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        options = {"cwd": folder, "env": {**os.environ, "LC_ALL": "C", "PGHOST": folder, "PGUSER": "test"}}
        self.run_quietly(*drop, initdb, "-D", data, "-U", "test", "--auth=trust", "--no-sync", **options)
        server = [*drop, postgres, "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "fsync=off"]

        def work():
            with Child(server, **options) as child:
                wait_until(lambda: os.path.exists(f"{folder}/.s.PGSQL.5432"), "postgres's socket")
                self.run_quietly(*drop, pgbench, "-i", "-q", "-s", "2", "postgres", **options)
                self.run_quietly(*drop, pgbench, "-c", "8", "-j", "2", "-T", "5", "postgres", **options)
                self.run_quietly(*drop, pgbench, "-C", "-c", "2", "-T", "2", "postgres", **options)
                child.process.terminate()
                child.wait()

        self.watch(work)

    # ---- a JVM start ----

    HELLO = "class Hello { public static void main(String[] a) { System.out.println(1); } }"

    def test_jvm(self):
        (java,) = self.need("java")
        path = os.path.join(self.directory(), "Hello.java")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.HELLO)

        def work():
            self.run_quietly(java, "-version")
            if shutil.which("javac"):
                self.run_quietly(java, path)

        self.watch(work)

    def test_jvm_followed(self):
        (java,) = self.need("java")
        self.follow(java, "-version")

    # ---- stress-ng --mmap: tens of thousands of maps within a second, by splits, and back ----

    def test_stress(self):
        (stress,) = self.need("stress-ng")
        seconds = os.environ.get("MMAPTRACE_STRESS_S", "20")
        folder = self.directory()
        self.watch(lambda: self.run_quietly(stress, "--mmap", "2", "--timeout", seconds, "--temp-path", folder))

    def test_stress_followed(self):
        (stress,) = self.need("stress-ng")
        self.follow(stress, "--mmap", "2", "--timeout", "5", "--temp-path", self.directory())

    # ---- high and flat, and warm-up that ends ----

    def test_high_and_flat(self):
        """A high count is no finding as long as it stays (solana#19320: 450 000 maps are normal)."""
        with start_workload("holder", "--maps", "40000", ready=True) as holder:
            with Tracer("-i", "1", "-d", "4", "-p", holder.pid) as tracer:
                self.assertEqual(tracer.wait(), 0)
                self.assertEqual([line["kind"] for line in tracer.lines("finding")], [])


if __name__ == "__main__":
    main()
