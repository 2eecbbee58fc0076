# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The guest's disk: the built program, its workloads and the test suite, with what they call, taken
from a system (this one, or the tree of one for another architecture) along with its libraries."""

import os
import re
import shutil
import struct
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
# Everything else is busybox's: these do more than it, or are what a test is about.
PROGRAMS = ["dash", "xargs", "mount", "umount", "unshare", "setpriv", "bpftool", "strace", "python3"]
FOLDERS = ["usr/local/sbin", "usr/sbin", "usr/bin", "sbin", "bin"]
# Of Python's library what a test may import; the rest is half of it.
UNUSED_MODULES = (
    "test", "idlelib", "lib2to3", "ensurepip", "tkinter", "pydoc_data", "turtledemo", "distutils", "config-*",
    "dist-packages", "site-packages", "sqlite3", "sitecustomize.py",
)  # fmt: skip
SPARE_MB = 64
# The image has a partition table, for without help a kernel finds its root by the identity of a partition alone.
DISK_ID = 0x6D6D6170
PARTITION = f"{DISK_ID:08x}-01"
PARTITION_START = 1 << 20
SECTOR = 512


class Missing(Exception):
    """What the guest needs and the system does not have."""


# ---- files of a system ----

class System:
    """A root directory that programs and libraries are taken from."""

    def __init__(self, root="/"):
        self.root = root

    def real(self, path):
        """Where a path of the system leads: links are followed within it."""
        for _ in range(40):
            folder, name = os.path.split(path)
            folder = self.real(folder) if folder not in ("", "/") else "/"
            path = os.path.join(folder, name)
            host = self.host(path)
            if not os.path.islink(host):
                return path
            path = os.path.normpath(os.path.join(folder, os.readlink(host)))
        raise Missing(f"{path} leads nowhere")

    def host(self, path):
        return os.path.join(self.root, path.lstrip("/"))

    def find(self, name, folders):
        for folder in folders:
            path = os.path.join("/", folder, name)
            if os.path.exists(self.host(self.real(path))):
                return path
        return None

    def program(self, name):
        path = self.find(name, FOLDERS)
        if path is None:
            raise Missing(f"{name} is not in {self.root}")
        return path

    def library_folders(self):
        """Those of the dynamic linker: its configuration, then the defaults."""
        folders = []
        config = self.host("etc/ld.so.conf.d")
        for name in sorted(os.listdir(config)) if os.path.isdir(config) else []:
            with open(os.path.join(config, name), encoding="utf-8") as file:
                folders += [line.strip() for line in file if line.startswith("/")]
        return [*folders, "/lib", "/usr/lib", "/lib64", "/usr/lib64"]


def elf_needs(path):
    """(interpreter or None, libraries needed, machine) of an ELF file, by binutils, of any architecture."""
    done = subprocess.run(
        ["readelf", "--wide", "--file-header", "--program-headers", "--dynamic", path],
        capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C"},
    )  # fmt: skip
    interpreter = re.search(r"program interpreter: (.*)\]", done.stdout)
    machine = re.search(r"Machine: +(.*)", done.stdout)
    needed = re.findall(r"\(NEEDED\).*\[(.*)\]", done.stdout)
    return interpreter and interpreter[1], needed, machine and machine[1]


class Tree:
    """The guest's files, gathered from a system."""

    def __init__(self, folder, system):
        self.folder = folder
        self.system = system
        self._libraries = system.library_folders()
        self._known = set()

    def path(self, name):
        return os.path.join(self.folder, name.lstrip("/"))

    def copy(self, source, name, follow=True):
        """A file of this machine as a file of the guest."""
        target = self.path(name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copy2(source, target, follow_symlinks=follow)

    def link(self, name, target):
        path = self.path(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.symlink(target, path)

    def add_elf(self, source, name):
        """With the libraries it needs and their own."""
        self.copy(source, name)
        self.add_libraries(source)

    def add_libraries(self, source):
        interpreter, needed, machine = elf_needs(source)
        if interpreter and interpreter not in self._known:
            self._known.add(interpreter)
            self.copy(self.system.host(self.system.real(interpreter)), interpreter)
        for library in needed:
            self.add_library(library, machine, source)

    def add_library(self, library, machine, source):
        if library in self._known:
            return
        self._known.add(library)
        for folder in self._libraries:
            host = self.system.host(self.system.real(os.path.join(folder, library)))
            if os.path.exists(host) and elf_needs(host)[2] == machine:
                self.copy(host, f"/lib/{library}")
                self.add_libraries(host)
                return
        raise Missing(f"{library}, which {source} needs, is not in {self.system.root}")

    def add_program(self, name):
        path = self.system.host(self.system.real(self.system.program(name)))
        with open(path, "rb") as file:
            if file.read(4) != b"\x7fELF":
                raise Missing(f"{path} is no program of its own")
        self.add_elf(path, f"/bin/{name}")

    def add_python(self):
        """Debian's, for it is where a system has it; its compiled modules stay valid with their times."""
        self.add_program("python3")
        version = re.search(r"python3\.\d+", self.system.real("/usr/bin/python3"))[0]
        source = self.system.host(f"/usr/lib/{version}")
        ignore = shutil.ignore_patterns(*UNUSED_MODULES)
        shutil.copytree(source, self.path(f"/usr/lib/{version}"), symlinks=True, ignore=ignore)
        # Loaded when a thread ends, so nothing says that it is needed.
        self.add_library("libgcc_s.so.1", elf_needs(self.path("/bin/python3"))[2], "python3")
        modules = self.path(f"/usr/lib/{version}/lib-dynload")
        for module in sorted(os.listdir(modules)):
            self.add_libraries(os.path.join(modules, module))

    def add_busybox(self):
        path = self.system.host(self.system.real(self.system.program("busybox")))
        self.copy(path, "/bin/busybox")

    def add_folders(self):
        for name in ("proc", "sys", "dev", "tmp", "run", "root", "etc", "lib", "usr/bin", "usr/sbin", "sbin"):
            os.makedirs(self.path(name), exist_ok=True)
        # The dynamic linker of a multi-arch system looks in folders that are not here.
        if not os.path.lexists(self.path("lib64")):
            self.link("lib64", "lib")

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(self.path(name), mode)


# ---- what the guest runs ----

def add_ours(tree, program, workloads):
    tree.add_elf(program, "/build/mmaptrace")
    tree.link("/sbin/mmaptrace", "/build/mmaptrace")
    # Those of 32 bits, where there are any, lie beside them.
    for folder in (workloads.rstrip("/"), workloads.rstrip("/") + "32"):
        for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK) and os.path.isfile(path):
                tree.add_elf(path, f"/build/tests/{os.path.basename(folder)}/{name}")
    ignore = shutil.ignore_patterns("__pycache__", "build")
    shutil.copytree(os.path.join(ROOT, "tests", "kernel"), tree.path("/tests/kernel"), ignore=ignore)


def make_tree(folder, system, program, workloads):
    tree = Tree(folder, system)
    # First the links: what is copied later lands where they lead.
    tree.add_folders()
    tree.add_busybox()
    for name in PROGRAMS:
        if name == "python3":
            tree.add_python()
        else:
            tree.add_program(name)
    tree.link("/bin/sh", "dash")
    for name in ("passwd", "group"):
        tree.write(f"/etc/{name}", {"passwd": "root:x:0:0::/root:/bin/sh\n", "group": "root:x:0:\n"}[name])
    tree.copy(os.path.join(HERE, "init.sh"), "/init")
    os.chmod(tree.path("/init"), 0o755)
    add_ours(tree, program, workloads)


def size_mb(folder):
    total = 0
    for parent, _, names in os.walk(folder):
        total += sum(os.lstat(os.path.join(parent, name)).st_blocks for name in names)
    return total // 2048


def partition_table(size):
    """The first sector of a disk with one Linux partition of this size."""
    entry = struct.pack("<B3sB3sII", 0, b"\0\0\0", 0x83, b"\0\0\0", PARTITION_START // SECTOR, size // SECTOR)
    return b"\0" * 440 + struct.pack("<IH", DISK_ID, 0) + entry.ljust(64, b"\0") + b"\x55\xaa"


def make(path, scratch, system, program, workloads):
    """The image at path; scratch is a directory to build in."""
    make_tree(scratch, system, program, workloads)
    size = size_mb(scratch) * 5 // 4 + SPARE_MB
    with open(path, "wb") as file:
        file.write(partition_table(size << 20))
        file.truncate(PARTITION_START + (size << 20))
    command = [
        "mke2fs", "-q", "-t", "ext4", "-d", scratch, "-E", f"root_owner=0:0,offset={PARTITION_START}",
        "-O", "^has_journal", path, f"{size}M",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"mke2fs: {done.stderr.strip()}")
