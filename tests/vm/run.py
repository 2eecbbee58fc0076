#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's kernels under QEMU, with this tree's build in them.

tests/vm/run.py --kernel 5.10 --exec 'mmaptrace doctor; python3 /tests/kernel/run.py conservation'"""

import argparse
import os
import sys
import tempfile

sys.dont_write_bytecode = True

import image  # noqa: E402 (no bytecode)
import kernels  # noqa: E402
import machine  # noqa: E402


def arguments(args):
    build = os.path.join(image.ROOT, "build")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="all", help=f"{', '.join(kernels.WANTED)} (default: all of them)")
    parser.add_argument("--exec", metavar="SCRIPT", help="run this as root in the guest instead of the tests")
    parser.add_argument("--arch", default="amd64", choices=machine.MACHINES)
    parser.add_argument("--system", default="/", metavar="DIR", help="where the guest's programs and libraries come from")
    parser.add_argument("--program", default=os.path.join(build, "mmaptrace"))
    parser.add_argument("--workloads", default=os.path.join(build, "tests", "workloads"), metavar="DIR")
    parser.add_argument("--patience", type=int, default=900, metavar="SECONDS", help="for one guest")
    return parser.parse_args(args)


def names_of(text):
    """Of the kernels wanted; the newest also by its own number."""
    return list(kernels.WANTED) if text == "all" else text.split(",")


def exec_in(options, found, path):
    """The worst exit status of the script in each of the kernels."""
    worst = 0
    for name, (release, kernel) in found.items():
        prefix = f"{release}| " if len(found) > 1 else ""
        with tempfile.TemporaryDirectory() as folder:
            status = machine.boot(
                options.arch, kernel, path, options.exec, folder, lambda line: print(prefix + line, flush=True),
                options.patience,
            )
        worst = max(worst, status)
    return worst


def main(args):
    options = arguments(args)
    found = kernels.find(options.arch, names_of(options.kernel))
    with tempfile.TemporaryDirectory(prefix="mmaptrace-vm-") as folder:
        path = os.path.join(folder, "image")
        image.make(path, os.path.join(folder, "tree"), image.System(options.system), options.program, options.workloads)
        return exec_in(options, found, path)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
