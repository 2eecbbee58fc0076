#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's kernels under QEMU, with this tree's build in them: the suite of tests/kernel by each hook
path that each kernel offers; the last line is 'N passed, N failed, N skipped', which counts tests.

    tests/vm/run.py
    tests/vm/run.py --kernel 6.12 --hooks witness
    tests/vm/run.py --kernel 5.10 --exec 'mmaptrace doctor; python3 /tests/kernel/run.py conservation'"""

import argparse
import os
import signal
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import deny  # noqa: E402 (no bytecode)
import image  # noqa: E402
import kernels  # noqa: E402
import machine  # noqa: E402
import matrix  # noqa: E402


def arguments(args):
    build = os.path.join(image.ROOT, "build")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="all", help=f"{', '.join(kernels.WANTED)} (default: all of them)")
    parser.add_argument("--hooks", action="append", metavar="PATH", help=f"{'; '.join(matrix.PATHS)} (default: all)")
    parser.add_argument("--exec", metavar="SCRIPT", help="run this as root in the guest instead of the tests")
    parser.add_argument("--arch", default="amd64", choices=machine.MACHINES)
    parser.add_argument("--system", default="/", metavar="DIR", help="where the guest's programs and libraries come from")
    parser.add_argument("--program", default=os.path.join(build, "mmaptrace"))
    parser.add_argument("--workloads", default=os.path.join(build, "tests", "workloads"), metavar="DIR")
    parser.add_argument("--patience", type=int, default=900, metavar="SECONDS", help="for one guest")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), metavar="N", help="guests at a time")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there as well")
    parser.add_argument("--verbose", action="store_true", help="show the guests' consoles")
    return parser.parse_args(args)


def kernel_names(options):
    return list(kernels.WANTED) if options.kernel == "all" else options.kernel.split(",")


def exec_in(options, chosen):
    """The worst exit status of the script in each of the kernels."""
    worst = 0
    for kernel in chosen:
        prefix = f"{kernel.name}| " if len(chosen) > 1 else ""
        if kernel.error:
            print(f"{prefix}{kernel.error}", file=sys.stderr)
            worst = max(worst, 1)
            continue
        with tempfile.TemporaryDirectory(prefix="mmaptrace-vm-") as folder:
            status, _, _ = machine.boot(
                kernel.arch, kernel.vmlinuz, kernel.image, options.exec, folder,
                lambda line: print(prefix + line, flush=True), options.patience,
            )  # fmt: skip
        worst = max(worst, status)
    return worst


def kernels_chosen(options, path):
    """What to boot; a kernel that is not to be had is in it with its error."""
    names = kernel_names(options)
    found = kernels.find(options.arch, names)
    tail = "" if options.arch == "amd64" else f"/{options.arch}"
    paths = tuple(options.hooks or matrix.PATHS)
    chosen = []
    for name in names:
        release, vmlinuz = found.get(name, (name, ""))
        error = "" if vmlinuz else "no such kernel is to be had from Debian"
        chosen.append(matrix.Kernel(release + tail, options.arch, vmlinuz, path, paths, error=error))
    return chosen


def report(cells, stale, options):
    """The table and the last line; whether all is well."""
    print(f"\n{matrix.table_text(cells)}\n")
    for entry in stale:
        print(f"{entry}: forbids nothing any more")
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write(matrix.table_markdown(cells))
    passed, failed, denied = (sum(counts) for counts in zip(*(cell.counts for cell in cells)))
    failed += len(stale)
    print(f"{passed} passed, {failed} failed" + (f", {denied} skipped" if denied else ""))
    return passed > 0 and failed == 0


def main(args):
    options = arguments(args)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mmaptrace-vm-") as folder:
        path = os.path.join(folder, "image")
        chosen = kernels_chosen(options, path)
        system = image.System(options.system)
        image.make(path, os.path.join(folder, "tree"), system, options.program, options.workloads)
        if options.exec:
            return exec_in(options, chosen)
        forbidden = deny.read()
        cells = matrix.run(chosen, forbidden, options.jobs, options.patience, options.verbose)
    complete = options.kernel == "all" and not options.hooks
    stale = forbidden.stale([(cell.kernel.name, cell.path) for cell in cells], complete)
    print(f"{len(cells)} cells in {time.monotonic() - began:.0f} s")
    return 0 if report(cells, stale, options) else 1


def end(signum, _):
    machine.stop_all()
    sys.exit(128 + signum)


if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    sys.exit(main(sys.argv[1:]))
