#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How fast a recording is replayed, and in how much memory: `volume.py [--program PATH] [PROCESSES TICKS]...`.

Each pair is a recording of so many processes, a sample of each at each of so many ticks; by default a million samples
and ten million of the same 1,000 processes, and 100,000 processes. What is printed is what `replay -v` says, and the
peak of its resident memory: that of ten times as many samples is to be the same."""

import argparse
import os
import re
import resource
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLES = os.path.join(ROOT, "build", "tools", "evaluate", "samples")
DEFAULT = [(1000, 1000), (1000, 10_000), (100_000, 100)]
TOLD = re.compile(r"(\d+) samples in ([\d.]+) s, (\d+) a second; the pasts of (\d+) processes take (\d+) bytes, (\d+) each")


def recording(processes, ticks):
    if not os.path.exists(SAMPLES):
        sys.exit(f"volume.py: {SAMPLES} is not built: make build/tools/evaluate/samples")
    file = tempfile.TemporaryFile()
    subprocess.run([SAMPLES, str(processes), str(ticks)], stdout=file, check=True)
    return file


def replay(program, file):
    """What it says of itself, and its peak of resident memory in bytes. One after another in processes of their own,
    as the peak is that of all children so far."""
    read_fd, write_fd = os.pipe()
    pid = os.fork()
    if not pid:
        file.seek(0)
        with open(os.devnull, "w", encoding="ascii") as null:
            done = subprocess.run([program, "replay", "-v", "--json", "-"], stdin=file, stdout=null,
                                  stderr=subprocess.PIPE, text=True, check=False)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        found = TOLD.search(done.stderr)
        os.write(write_fd, (f"{found[0]}\n{peak}" if found else f"{done.stderr}\n0").encode())
        os._exit(0)
    os.close(write_fd)
    with os.fdopen(read_fd) as out:
        said, _, peak = out.read().rpartition("\n")
    os.waitpid(pid, 0)
    return TOLD.search(said), int(peak), said


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "mmaptrace"))
    parser.add_argument("numbers", nargs="*", type=int)
    chosen = parser.parse_args()
    pairs = list(zip(chosen.numbers[::2], chosen.numbers[1::2])) or DEFAULT
    print(f"{'processes':>10} {'ticks':>7} {'samples':>11} {'seconds':>8} {'a second':>9} {'bytes each':>10} {'of all':>10}"
          f" {'peak RSS':>10}")
    for processes, ticks in pairs:
        with recording(processes, ticks) as file:
            found, peak, said = replay(chosen.program, file)
        if not found:
            sys.exit(f"volume.py: {said}")
        samples, seconds, pace, _, total, each = found.groups()
        print(f"{processes:10,} {ticks:7,} {int(samples):11,} {seconds:>8} {int(pace):9,} {int(each):10,}"
              f" {int(total) / 1e6:7.1f} MB {peak / 1e6:7.1f} MB", flush=True)


main()
