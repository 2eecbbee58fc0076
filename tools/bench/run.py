#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What mmaptrace costs beside its peers: `run.py [--quick] [-o FILE] [PART...]`, as root.

Ratios in one run, never absolute figures: each is measured beside what it is compared with, in turns. Installs what
is missing, builds, prints tables and whether each goal is reached; FILE gets the same as JSON. Run it on a machine
that does nothing else."""

import argparse
import os
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import lib  # noqa: E402 (found by the line above)
import part_export  # noqa: E402
import part_idle  # noqa: E402
import part_load  # noqa: E402
import part_pair  # noqa: E402
import part_stacks  # noqa: E402
import part_vm  # noqa: E402

PARTS = {
    "pair": (part_pair, "the price of a pair of mmap and munmap, and of getppid"),
    "stacks": (part_stacks, "the price of call stacks, by how they are unwound and how deep they are"),
    "export": (part_export, "events per CPU second into a log, and what is lost on the way"),
    "load": (part_load, "real programs with nothing attached, watched, traced"),
    "idle": (part_idle, "among thousands of processes that sleep; a million maps in one"),
    "vm": (part_vm, "ways of hooking on other kernels, by instructions"),
}


def arguments():
    parts = "; ".join(f"{name}: {what}" for name, (_, what) in PARTS.items())
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0], epilog=parts)
    parser.add_argument("parts", nargs="*", metavar="PART", help="which of " + ", ".join(PARTS) + "; all without")
    parser.add_argument("-o", "--output", metavar="FILE", help="write what is measured to FILE as JSON")
    parser.add_argument("--quick", action="store_true", help="fewer repetitions: to see that it works")
    parser.add_argument("--no-setup", action="store_true", help="neither install nor build")
    chosen = parser.parse_args()
    for part in chosen.parts:
        if part not in PARTS:
            parser.error(f"no part {part}: " + ", ".join(PARTS))
    return chosen


def set_up(parts):
    levels = ["build", "bench"] + (["vm"] if "vm" in parts else [])
    subprocess.run([os.path.join(lib.ROOT, "tools", "setup.sh"), *levels], check=True, stdout=sys.stderr)
    make = ["make", "-C", lib.ROOT, "--no-print-directory", "all", "bench-programs"]
    subprocess.run(make, check=True, stdout=sys.stderr)


def show_machine(machine):
    print(f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['memory_gib']} GiB; Linux {machine['kernel']} "
          f"{machine['architecture']}; load before {machine['load_before']:.2f}")
    for name, version in machine["versions"].items():
        print(f"  {name}: {version}")


def show_goals(goals):
    word = {True: "reached", False: "NOT reached", None: "not measured"}
    print("\n== goals")
    lib.table([("goal", lambda goal: goal["goal"]),
               ("measured", lambda goal: lib.number(goal["measured"], goal["digits"])),
               ("", lambda goal: word[goal["reached"]])], goals)


def run_part(report, name, quick):
    began = time.monotonic()
    print(f"\n== {name}: {PARTS[name][1]}", flush=True)
    try:
        PARTS[name][0].run(report, quick)
    except lib.CannotRun as why:
        print(f"not measured: {why}")
        report.note(f"{name}: not measured: {why}")
    print(f"({time.monotonic() - began:.0f} s)", flush=True)


def main():
    chosen = arguments()
    if os.geteuid():
        sys.exit("run.py: needs root")
    parts = chosen.parts or list(PARTS)
    if not chosen.no_setup:
        set_up(parts)
    report, machine = lib.Report(), lib.machine()
    show_machine(machine)
    for name in parts:
        run_part(report, name, chosen.quick)
    if report.goals:
        show_goals(report.goals)
    if chosen.output:
        report.save(chosen.output, machine)


main()
