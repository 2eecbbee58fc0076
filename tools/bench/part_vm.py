# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Ways of hooking that this machine's kernel may lack, on Debian's kernels under QEMU, by counting instructions.

With `-icount shift=0,sleep=off` and one processor a nanosecond of the guest is an instruction: what else the machine
does changes nothing, and ratios come out the same to the per cent. It is no time: a cache miss costs as much as a hit.
The machines are those of tests/vm."""

import base64
import concurrent.futures
import glob
import io
import json
import os
import shutil
import sys
import tarfile
import tempfile

import lib
import part_pair

TESTS_VM = os.path.join(lib.ROOT, "tests", "vm")
PATIENCE_S = 900
WITNESS_PATHS = ("witness", "witness,syscalls", "witness,kprobe", "witness,fentry")
OTHER_PATHS = ("syscalls", "kprobe", "fentry")
PROGRAMS = ("ops", "empty")
COUNTING = ["-icount", "shift=0,sleep=off"]


def modules():
    """Those of tests/vm, for machines that count."""
    if not os.path.exists(os.path.join(TESTS_VM, "machine.py")):
        raise lib.CannotRun("tests/vm is not there")
    if TESTS_VM not in sys.path:
        sys.path.insert(0, TESTS_VM)
    import image
    import kernels
    import machine
    import matrix

    options = machine.MACHINES["amd64"]["options"]
    if COUNTING[0] not in options:
        options += COUNTING
    machine.PROCESSORS = 1
    return image, kernels, machine, matrix


def image_make(image, folder):
    """The image of the tests with our programs in place of their workloads."""
    programs = os.path.join(folder, "workloads")  # as the folder is called, so it is in the guest
    os.makedirs(programs)
    for name in PROGRAMS:
        shutil.copy2(lib.program(name), programs)
    path = os.path.join(folder, "image")
    image.make(path, os.path.join(folder, "tree"), image.System(), lib.PROGRAM, programs)
    return path


def scripts():
    """These files, as a word of a shell script."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for path in glob.glob(os.path.join(lib.FOLDER, "*.py")):
            tar.add(path, os.path.basename(path))
    return base64.b64encode(packed.getvalue()).decode()


def job(rounds, paths):
    return f"""mkdir -p /tools/bench
echo {scripts()} | base64 -d | tar -xz -C /tools/bench
export MMAPTRACE_BENCH_PROGRAMS=/build/tests/workloads
python3 /tools/bench/guest.py {rounds} {' '.join(paths)} >$OUT/rows
"""


def paths_of(kernel):
    """With the witness where there is one, and without."""
    offered = [path for path in WITNESS_PATHS if not kernel.lacks(path)]
    return offered or [path for path in OTHER_PATHS if not kernel.lacks(path)]


def measure(matrix, kernel, rounds):
    """Rows of one kernel."""
    matrix.survey(kernel, PATIENCE_S)
    if kernel.error and not kernel.features:
        raise lib.CannotRun(kernel.error)
    console = []
    _, files, _ = matrix.boot_patiently(kernel, job(rounds, paths_of(kernel)), console, PATIENCE_S)
    try:
        return json.loads(files["rows"])
    except (KeyError, ValueError):
        raise lib.CannotRun("the guest said: " + " / ".join(console[-5:])) from None


def run_kernels(report, quick, folder):
    image, kernels, machine, matrix = modules()
    try:
        path = image_make(image, folder)
    except image.Missing as why:
        raise lib.CannotRun(f"{why}: tools/setup.sh vm") from None
    names = ["6.12"] if quick else list(kernels.WANTED)
    found = kernels.find("amd64", names)
    with concurrent.futures.ThreadPoolExecutor(len(lib.CPUS)) as pool:
        futures = {}
        for name in names:
            if name not in found:
                report.add("vm", {"kernel": name, "name": "", "why_not": "no such kernel is to be had from Debian"})
                continue
            release, vmlinuz = found[name]
            kernel = matrix.Kernel(release, "amd64", vmlinuz, path, ())
            futures[release] = pool.submit(measure, matrix, kernel, 2 if quick else 3)
        for release, future in futures.items():
            add_rows(report, release, future, machine)


def add_rows(report, release, future, machine):
    try:
        result = future.result()
    except (lib.CannotRun, machine.Unfinished) as why:
        report.add("vm", {"kernel": release, "name": "", "why_not": str(why)})
        return
    for row in result["rows"]:
        report.add("vm", {"kernel": release, **row})
    for path, why in result["refused"].items():
        report.add("vm", {"kernel": release, "name": path, "why_not": why})
    lib.progress(f"vm: {release} measured")


def show(rows):
    def cell(kind, what, digits):
        return lambda row: "-" if "why_not" in row else lib.number(row[kind][what], digits)

    columns = [("instructions", lambda row: f"{row['kernel']} {row['name']}")]
    for kind in part_pair.KINDS:
        columns += [(kind, cell(kind, "ratio", 3)), ("+", cell(kind, "added_ns", 0))]
    lib.table([*columns, ("", lambda row: row.get("why_not", ""))], rows)


def goals(report, rows):
    for kernel in dict.fromkeys(row["kernel"] for row in rows):
        mine = [row for row in rows if row["kernel"] == kernel and "why_not" not in row]
        for path in dict.fromkeys(row["name"].split(":")[0] for row in mine):
            for gear, limit in (("trace someone else", 1.1), ("trace us", 1.5)):
                ratio = part_pair.quotient(mine, "anon", f"{path}: {gear}", f"{path}: empty")
                if ratio is not None:
                    text = f"{kernel} {path}, {gear}: instructions added to a pair / by empty programs"
                    report.goal_below(text, limit, ratio)


def run(report, quick):
    with tempfile.TemporaryDirectory(prefix="mmaptrace-bench-vm-") as folder:
        run_kernels(report, quick, folder)
    rows = report.parts.get("vm", [])
    show(rows)
    goals(report, rows)
