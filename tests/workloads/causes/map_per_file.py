# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Cause 12: one map per file. A store keeps each chunk in a file and maps all of them (prometheus#4392). What goes
wrong in the end is told as something else.

    python3 map_per_file.py FOLDER [CHUNKS [PACE_US]]"""

import mmap
import os
import resource
import sys
import time


class Store:
    def __init__(self, folder):
        self.folder = folder
        self.chunks = []

    def add(self, number):
        path = os.path.join(self.folder, f"{number:06}.chunk")
        with open(path, "w+b") as file:
            file.write(b"%4095d\n" % number)
            file.flush()
            chunk = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ)  # LEAK
        self.chunks.append(chunk)
        return chunk[-2]


def main(folder, count=100000, pace_us=1000):
    # Each mmap object keeps a descriptor of its own.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    store = Store(folder)
    for number in range(count):
        try:
            store.add(number)
        except OSError:
            print(f"iteration {number}: chunk is corrupt", file=sys.stderr)
            return 1
        if pace_us:
            time.sleep(pace_us / 1e6)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], *map(int, sys.argv[2:])))
