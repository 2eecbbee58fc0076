# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Boots a kernel under QEMU and runs a job in it. The first disk is the image, which stays as it is;
the second brings the job and takes back its exit status, with the files that it left in $OUT: who
never wrote one never came to its end."""

import io
import os
import re
import subprocess
import tarfile
import threading

import image

# What a machine of each architecture is made of. Found by trial with QEMU 7.2: with cmpxchg16b or a thread
# per processor, 6.12 guests crash half the time on x86.
MACHINES = {
    "amd64": {
        "qemu": "qemu-system-x86_64",
        "options": ["-accel", "tcg,thread=single", "-cpu", "max,cx16=off"],
        "console": "ttyS0",
    },
    "arm64": {
        "qemu": "qemu-system-aarch64",
        "options": ["-M", "virt", "-accel", "tcg,thread=multi", "-cpu", "neoverse-n1"],
        "console": "ttyAMA0",
    },
}
PROCESSORS = 2
# What is dear under emulation and changes nothing that is tested here: page tables of the kernel's own, and
# waiting for grace periods at each of the hundred programs that are detached.
KERNEL_OPTIONS = "quiet loglevel=3 panic=-1 mitigations=off rcupdate.rcu_expedited=1"
MEMORY = "2G"
EXCHANGE_BYTES = 64 << 20
# Said by every kernel that restarts, however quiet it was told to be.
FAREWELL = re.compile(r"\[ *[\d.]+\] reboot: ")


running = set()
stopping = threading.Event()


class Unfinished(Exception):
    """The machine stopped, or was stopped, before the job came to its end."""


def stop_all():
    """Ends the machines that run, and lets no other begin."""
    stopping.set()
    for process in list(running):
        process.kill()


def exchange_write(path, job):
    with tarfile.open(path, "w") as tar:
        data = job.encode()
        info = tarfile.TarInfo("job.sh")
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
    os.truncate(path, EXCHANGE_BYTES)


def exchange_read(path):
    """(exit status, {name: text} of $OUT), None if there is no status."""
    files = {}
    try:
        with tarfile.open(path, "r") as tar:
            for member in tar:
                if member.isfile():
                    files[os.path.basename(member.name)] = tar.extractfile(member).read().decode(errors="replace")
        return int(files.pop("status")), files
    except (KeyError, ValueError, tarfile.TarError):
        return None


def disks(disk, exchange):
    """By NVMe, whose driver is built in. Disks come up in any order, and are told apart by what they say:
    the image by the identity of its partition, the other by its number."""
    common = "if=none,format=raw,cache=unsafe"
    return [
        "-drive", f"file={disk},id=image,snapshot=on,{common}", "-drive", f"file={exchange},id=exchange,{common}",
        "-device", "nvme,serial=disks", "-device", "nvme-ns,drive=image,nsid=1",
        "-device", "nvme-ns,drive=exchange,nsid=2",
    ]  # fmt: skip


def command(arch, kernel, disk, exchange):
    machine = MACHINES[arch]
    append = f"console={machine['console']} {KERNEL_OPTIONS} root=PARTUUID={image.PARTITION} rootwait rw init=/init"
    return [
        # Never without us, whatever ends us.
        "setpriv", "--pdeathsig", "KILL", machine["qemu"], *machine["options"], "-smp", str(PROCESSORS), "-m", MEMORY,
        "-nodefaults", "-no-user-config", "-display", "none", "-serial", "stdio", "-no-reboot", "-kernel", kernel,
        "-append", append,
        *disks(disk, exchange),
    ]  # fmt: skip


def wait_cpu_s(process):
    """Its end, and the processor time it had."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def boot(arch, kernel, disk, job, folder, line_seen, patience_s):
    """Runs the job (a shell script) to its end: its exit status, what it left in $OUT as {name: text}, and the
    processor time it took in seconds. Each line of the console is given to line_seen."""
    exchange = os.path.join(folder, "exchange")
    exchange_write(exchange, job)
    process = subprocess.Popen(
        command(arch, kernel, disk, exchange), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, env={**os.environ, "TMPDIR": folder},
    )  # fmt: skip
    over = threading.Timer(patience_s, process.kill)
    over.start()
    running.add(process)
    try:
        if stopping.is_set():
            process.kill()
        for raw in process.stdout:
            line = raw.decode(errors="replace").rstrip("\r\n")
            if not FAREWELL.match(line):
                line_seen(line)
        cpu_s = wait_cpu_s(process)
    finally:
        late = not over.is_alive()
        over.cancel()
        process.kill()
        process.wait()
        running.discard(process)
    result = exchange_read(exchange)
    if result is None:
        raise Unfinished(f"stopped after {patience_s} s" if late else f"QEMU ended with {process.returncode}")
    return *result, cpu_s
