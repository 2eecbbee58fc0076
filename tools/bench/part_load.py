# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Real programs at work with nothing attached, watched, and traced themselves: how much of their speed is left.

All share the machine's CPUs, tracer included: what its reading and writing takes is part of the price. Everything
lies in memory."""

import contextlib
import glob
import os
import re
import shutil
import subprocess
import time

import lib
import peers

NOBODY = 65534
GEARS = ("nothing", "watch", "trace")


def found(name, places=""):
    path = shutil.which(name, path=os.pathsep.join([places, os.environ["PATH"]]))
    if not path:
        raise lib.CannotRun(f"{name} is not installed")
    return path


def run_quietly(argv, **options):
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **options)
    if done.returncode:
        raise lib.CannotRun(f"{argv[0]} failed: {lib.first_line(done.stdout)}")
    return done.stdout


class Server:
    """A daemon, by itself or under `mmaptrace -- CMD`."""

    def __init__(self, prefix, argv, socket, **options):
        self.process = lib.spawn([*prefix, *argv], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
        self.socket = socket
        try:
            lib.wait_until(lambda: os.path.exists(socket), f"{argv[-1]}'s socket")
        except BaseException:
            self.stop()
            raise

    def stop(self):
        lib.end(self.process, 15)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.socket)


class Redis:
    """Requests a second."""

    name = "redis-benchmark, set and get"

    def __init__(self, folder, quick):
        self.server, self.benchmark = found("redis-server"), found("redis-benchmark")
        self.socket = os.path.join(folder, "redis")
        self.folder, self.requests = folder, 20000 if quick else 80000

    def measure(self, prefix):
        argv = [self.server, "--port", "0", "--unixsocket", self.socket, "--dir", self.folder, "--save", ""]
        server = Server(prefix, argv, self.socket)
        try:
            began = time.monotonic()
            run_quietly([self.benchmark, "-s", self.socket, "-t", "set,get", "-c", "20", "-d", "512", "-q",
                         "-r", "100000", "-n", str(self.requests)])
            return 2 * self.requests / (time.monotonic() - began)
        finally:
            server.stop()


class Postgres:
    """Transactions a second. It refuses to run as root."""

    name = "pgbench, TPC-B"

    def __init__(self, folder, quick):
        places = os.pathsep.join(sorted(glob.glob("/usr/lib/postgresql/*/bin")))
        self.postgres, self.pgbench = found("postgres", places), found("pgbench", places)
        self.isready = found("pg_isready", places)
        self.folder, self.seconds = os.path.join(folder, "postgres"), 1 if quick else 3
        self.drop = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
        environment = {**os.environ, "LC_ALL": "C", "PGHOST": self.folder, "PGUSER": "test"}
        self.options = {"cwd": self.folder, "env": environment}
        os.chmod(folder, 0o711)
        os.mkdir(self.folder, 0o700)
        os.chown(self.folder, NOBODY, NOBODY)
        run_quietly([*self.drop, found("initdb", places), "-D", "data", "-U", "test", "--auth=trust", "--no-sync"],
                    **self.options)
        server = self.start([])
        run_quietly([*self.drop, self.pgbench, "-i", "-q", "-s", "2", "postgres"], **self.options)
        server.stop()

    def start(self, prefix):
        argv = [*self.drop, self.postgres, "-D", "data", "-k", self.folder]
        argv += ["-c", "listen_addresses=", "-c", "fsync=off"]
        server = Server(prefix, argv, f"{self.folder}/.s.PGSQL.5432", **self.options)
        lib.wait_until(self.is_ready, "postgres ready", step_s=0.1)
        return server

    def is_ready(self):
        done = subprocess.run([self.isready, "-q"], check=False, **self.options)
        return done.returncode == 0

    def measure(self, prefix):
        server = self.start(prefix)
        try:
            said = run_quietly([*self.drop, self.pgbench, "-n", "-c", "4", "-T", str(self.seconds), "postgres"],
                               **self.options)
            return float(re.search(r"tps = ([\d.]+)", said).group(1))
        finally:
            server.stop()


class Compile:
    """Headers a second: two or three short processes for each, of some hundred maps."""

    name = "gcc -fsyntax-only, the kernel's headers"

    def __init__(self, folder, quick):
        self.gcc, self.list = found("gcc"), os.path.join(folder, "headers")
        headers = sorted(glob.glob("/usr/include/linux/*.h"))[: 80 if quick else 400]
        if not headers:
            raise lib.CannotRun("no headers in /usr/include/linux")
        self.count = len(headers)
        with open(self.list, "w", encoding="ascii") as file:
            file.write("\n".join(headers) + "\n")

    # It takes the time itself: a tracer that runs it has to attach first.
    SCRIPT = """date +%s%N >"$0.began"
        xargs -a "$0" -n 1 -P "$2" "$1" -fsyntax-only -x c -w
        date +%s%N >"$0.ended"
        true"""

    def clock(self, edge):
        with open(f"{self.list}.{edge}", encoding="ascii") as file:
            return int(file.read())

    def measure(self, prefix):
        """Some headers do not stand alone: that is so with and without a tracer."""
        run_quietly([*prefix, "sh", "-c", self.SCRIPT, self.list, self.gcc, str(len(lib.CPUS))])
        return self.count / (self.clock("ended") - self.clock("began")) * 1e9


def measure(load, gear, folder):
    log = os.path.join(folder, "trace-log")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(log)
    if gear == "nothing":
        return load.measure([])
    if gear == "trace":
        return load.measure([lib.PROGRAM, "--json", "-o", log, "--"])
    watch = peers.Mmaptrace("watch", "--hooks=witness", target=False).start(folder, None)
    try:
        return load.measure([])
    finally:
        watch.stop()


def loads(folder, quick, report):
    for kind in (Redis, Postgres, Compile):
        try:
            yield kind(folder, quick)
        except lib.CannotRun as why:
            report.add("load", {"name": kind.name, "why_not": str(why)})


def measure_load(report, load, folder, rounds):
    rates = {gear: [] for gear in GEARS}
    for turn in range(rounds):
        for gear in GEARS[turn % 3:] + GEARS[: turn % 3]:
            rates[gear].append(measure(load, gear, folder))
        lib.progress(f"load: {load.name}, round {turn + 1} of {rounds}")
    row = {"name": load.name, "per_s": lib.median(rates["nothing"])}
    for gear in GEARS[1:]:
        ratios = [with_it / without for with_it, without in zip(rates[gear], rates["nothing"])]
        row[gear] = {"ratio": lib.median(ratios), "spread": lib.spread(ratios)}
    report.add("load", row)


def show(rows):
    def ratio(gear):
        def take(row):
            if "why_not" in row:
                return "-"
            spread = row[gear]["spread"]
            return f"{row[gear]['ratio']:.3f}" + (f" ±{spread * 100:.0f}%" if spread is not None else "")
        return take

    lib.table([("speed left, of 1", lambda row: row["name"]), ("watch", ratio("watch")), ("trace", ratio("trace")),
               ("per s with nothing", lambda row: lib.number(row.get("per_s"), 0)),
               ("", lambda row: row.get("why_not", ""))], rows)


def run(report, quick):
    with lib.scratch() as folder:
        for load in loads(folder, quick, report):
            try:
                measure_load(report, load, folder, 1 if quick else 3)
            except lib.CannotRun as why:
                report.add("load", {"name": load.name, "why_not": str(why)})
    show(report.parts["load"])
