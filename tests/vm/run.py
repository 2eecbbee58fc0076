#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's kernels under QEMU, with this tree's build in them: the suite of tests/kernel by each hook
path that each kernel offers; the last line is 'N passed, N failed, N skipped', which counts tests.

    tests/vm/run.py
    tests/vm/run.py --kernel 6.12,6.12/arm64 --hooks witness
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kernel", default="all", help=f"{', '.join(matrix.KERNELS)} (default: all of these)")
    parser.add_argument("--hooks", action="append", metavar="PATH",
                        help=f"one of {'; '.join(matrix.PATHS)}; may be repeated")
    parser.add_argument("--exec", metavar="SCRIPT", help="run this as root in the guest instead of the tests")
    parser.add_argument("--build", default=os.path.join(image.ROOT, "build"), metavar="DIR", help="what to test")
    parser.add_argument("--patience", type=int, default=1800, metavar="SECONDS", help="for one guest")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() + 1, metavar="N", help="guests at a time")
    parser.add_argument("--markdown", metavar="FILE", help="write the table there as well")
    parser.add_argument("--thorough", action="store_true", help="every test by every path; hours")
    parser.add_argument("--verbose", action="store_true", help="show the guests' consoles")
    return parser.parse_args(args)


def kernel_names(options):
    """[(release, architecture)]"""
    names = matrix.KERNELS if options.kernel == "all" else options.kernel.split(",")
    return [(name.partition("/")[0], name.partition("/")[2] or matrix.NATIVE) for name in names]


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


def image_make(options, arch, folder):
    """The path of the disk for an architecture: built here with this machine's programs, or by tools/cross.sh with
    those that it was built against."""
    native = arch == matrix.NATIVE
    build = options.build if native else os.path.join(options.build, arch)
    system = image.System("/" if native else os.path.join(build, "system"))
    path = os.path.join(folder, f"{arch}.image")
    workloads = os.path.join(build, "tests", "workloads")
    image.make(path, os.path.join(folder, f"{arch}.tree"), system, os.path.join(build, "mmaptrace"), workloads)
    return path


def kernels_chosen(options, folder):
    """What to boot, in the order asked for; a kernel that is not to be had is in it with its error."""
    names = kernel_names(options)
    paths = tuple(options.hooks or matrix.PATHS)
    found, images = {}, {}
    for arch in {arch for _, arch in names}:
        found[arch] = kernels.find(arch, [name for name, other in names if other == arch])
        images[arch] = image_make(options, arch, folder)
    chosen = []
    for name, arch in names:
        release, vmlinuz = found[arch].get(name, (name, ""))
        error = "" if vmlinuz else "no such kernel is to be had from Debian"
        name = release if arch == matrix.NATIVE else f"{release}/{arch}"
        chosen.append(matrix.Kernel(name, arch, vmlinuz, images[arch], paths, error=error))
    return chosen


def report(cells, stale, options):
    """The table and the last line; whether all is well."""
    print(f"\n{matrix.table_text(cells)}\n")
    if not options.thorough:
        print(matrix.SHARED)
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
        chosen = kernels_chosen(options, folder)
        if options.exec:
            return exec_in(options, chosen)
        forbidden = deny.read()
        cells = matrix.run(chosen, forbidden, options.jobs, options.patience, options.verbose, options.thorough)
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
