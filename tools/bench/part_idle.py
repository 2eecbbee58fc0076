# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What watching costs when there is much to watch and nothing happens: memory and CPU time among 10 000 processes that
sleep. And one process with a million maps, streamed and attached to."""

import contextlib
import os
import subprocess
import time

import lib
import peers

PROCESSES = 10_000
MAPS = 1_000_000
SYSCTL = "/proc/sys/vm/max_map_count"
RSS_LIMIT_KIB = 16 * 1024
CORE_SHARE_LIMIT = 0.001


class Crowd:
    """tools/bench/crowd.c: `step()` sends a line and gives what it answers."""

    def __init__(self, kind, count):
        self.process = lib.spawn([lib.program("crowd"), kind, count], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 text=True, bufsize=1, cpu=None)
        self.pid = self.process.pid

    def __enter__(self):
        self.answer("ready")
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def answer(self, word):
        line = self.process.stdout.readline().split()
        if not line or line[0] != word:
            raise lib.CannotRun(f"crowd: no '{word}': ended with {self.process.wait()}")
        return int(line[1]) if len(line) > 1 else 0

    def step(self, word):
        self.process.stdin.write("\n")
        return self.answer(word)


@contextlib.contextmanager
def map_limit(limit):
    """vm.max_map_count for the time; everybody's on this machine."""
    with open(SYSCTL, "r+", encoding="ascii") as file:
        before = file.read()
    if int(before) >= limit:
        yield
        return
    with open(SYSCTL, "w", encoding="ascii") as file:
        file.write(str(limit))
    try:
        yield
    finally:
        with open(SYSCTL, "w", encoding="ascii") as file:
            file.write(before)


def kernel_kib(pid):
    """What its BPF maps take in the kernel, by their own word."""
    sizes = {}
    for number in os.listdir(f"/proc/{pid}/fdinfo"):
        with contextlib.suppress(OSError, ValueError):
            with open(f"/proc/{pid}/fdinfo/{number}", encoding="ascii") as file:
                facts = dict(line.split(":", 1) for line in file.read().splitlines() if ":" in line)
            if "map_id" in facts:
                sizes[facts["map_id"]] = int(facts["memlock"])
    return sum(sizes.values()) // 1024


def watch_for(tool, folder, seconds, others):
    run = tool.start(folder, None)
    try:
        time.sleep(3)
        before_ns, began = run.cpu_ns(), time.monotonic()
        time.sleep(seconds)
        used_ns, passed = run.cpu_ns() - before_ns, time.monotonic() - began
        pid = run.process.pid
        return {
            "name": tool.name,
            "processes": others,
            "rss_kib": lib.status_kib(pid, "VmRSS"),
            "anon_kib": lib.status_kib(pid, "RssAnon"),
            "kernel_kib": kernel_kib(pid),
            "core_share": used_ns / 1e9 / passed,
            "tick_ms": used_ns / 1e6 / passed,  # it ticks once a second
        }
    finally:
        run.stop()


def idle_tools():
    """The table each second; and what a daemon does: looks each second, writes when there is something to say."""
    return [peers.Mmaptrace("watch, a table each second", "--hooks=witness", target=False),
            peers.Mmaptrace("watch, no table (-i 1h)", "--hooks=witness", "-i", "1h", target=False)]


def processes_part(report, folder, quick):
    seconds, count = (5, 2000) if quick else (15, PROCESSES)
    for tool in idle_tools():
        report.add("idle", watch_for(tool, folder, seconds, 0))
    with Crowd("processes", count):
        lib.progress(f"idle: {count} processes sleep")
        for tool in idle_tools():
            report.add("idle", watch_for(tool, folder, seconds, count))


def maps_part(report, folder, quick):
    count = 100_000 if quick else MAPS
    row = {"name": f"{count:,} maps in one process"}
    with map_limit(count + 10_000):
        with Crowd("maps", count) as crowd:
            row["bare_map_s"], row["bare_unmap_s"] = crowd.step("mapped") / 1e9, crowd.step("unmapped") / 1e9
        tool = peers.Mmaptrace("trace", json=True)
        with Crowd("maps", count) as crowd:
            run = tool.start(folder, crowd.pid)
            row["traced_map_s"] = crowd.step("mapped") / 1e9
            row["rss_kib"], row["kernel_kib"] = lib.status_kib(run.process.pid, "VmRSS"), kernel_kib(run.process.pid)
            row["traced_unmap_s"] = crowd.step("unmapped") / 1e9
            run.settle()
            row["cpu_us_per_event"] = run.cpu_ns() / 1e3 / (2 * count)
            run.stop()
            row["lost"], row["said"] = 2 * count - tool.operations(run), tool.lost(run)
        with Crowd("maps", count) as crowd:
            crowd.step("mapped")
            began = time.monotonic()
            run = tool.start(folder, crowd.pid)
            row["attach_s"] = time.monotonic() - began
            row["attach_rss_kib"] = lib.status_kib(run.process.pid, "VmRSS")
            run.stop()
    report.add("idle-maps", row)


def show(report):
    lib.table([("while others sleep", lambda row: row["name"]), ("processes", lambda row: f"{row['processes']:,}"),
               ("RSS MiB", lambda row: f"{row['rss_kib'] / 1024:.1f}"),
               ("its own", lambda row: f"{row['anon_kib'] / 1024:.1f}"),
               ("BPF maps MiB", lambda row: f"{row['kernel_kib'] / 1024:.1f}"),
               ("CPU ms a tick", lambda row: f"{row['tick_ms']:.2f}"),
               ("CPU s a minute", lambda row: f"{row['core_share'] * 60:.3f}"),
               ("of a core", lambda row: f"{row['core_share'] * 100:.3f} %")], report.parts["idle"])
    for row in report.parts.get("idle-maps", []):
        print(f"""{row['name']}:
  to map them takes {row['bare_map_s']:.2f} s, traced {row['traced_map_s']:.2f} s
  to unmap them {row['bare_unmap_s']:.2f} s, traced {row['traced_unmap_s']:.2f} s
  lost {row['lost']} {row['said']}; {row['cpu_us_per_event']:.2f} us of CPU an event, start and end included
  RSS {row['rss_kib'] / 1024:.1f} MiB, BPF maps {row['kernel_kib'] / 1024:.1f} MiB
  to attach to such a process takes {row['attach_s']:.2f} s""")


def run(report, quick):
    with lib.scratch() as folder:
        processes_part(report, folder, quick)
        maps_part(report, folder, quick)
    show(report)
    row = report.parts["idle"][-1]
    report.goal(f"watch among {row['processes']:,} processes: RSS, MiB: under 16", 16, row["rss_kib"] / 1024,
                row["rss_kib"] < RSS_LIMIT_KIB, 1)
    report.goal(f"watch among {row['processes']:,} processes: share of a core: under 0.001", CORE_SHARE_LIMIT,
                row["core_share"], row["core_share"] < CORE_SHARE_LIMIT, 5)
    maps = report.parts["idle-maps"][0]
    report.goal(f"{maps['name']}, streamed: operations lost: 0", 0, maps["lost"], not maps["lost"], 0)
