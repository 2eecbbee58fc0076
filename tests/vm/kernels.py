# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Debian's own kernels: which there are is asked of the archive's package index, by an apt of its own
that leaves this machine's alone; what was fetched is kept in the user's cache."""

import contextlib
import fcntl
import functools
import glob
import json
import os
import re
import subprocess
import sys
import tempfile
import time

# The oldest that is supported, those of the releases since, and the newest that Debian carries.
WANTED = ("5.10", "6.1", "6.12", "newest")

MIRROR = os.environ.get("MIRROR", "http://deb.debian.org/debian")
SECURITY = "http://deb.debian.org/debian-security"
# A release that is given up moves to the archive.
ARCHIVE = "http://archive.debian.org/debian"
SOURCES = [
    (MIRROR, "bullseye"), (SECURITY, "bullseye-security"), (MIRROR, "bookworm"), (MIRROR, "trixie"),
    (MIRROR, "trixie-backports"), (MIRROR, "sid"),
]  # fmt: skip
ARCHIVED_SOURCES = [(ARCHIVE, "bullseye"), (ARCHIVE + "-security", "bullseye-security")]
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
CACHE = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "mmaptrace", "kernels")
INDEX_FRESH_S = 24 * 3600
APT_PATIENCE_S = 600


class Missing(Exception):
    """A kernel that is not to be had, in one line."""


def say(text):
    print(f"kernels: {text}", file=sys.stderr, flush=True)


class Apt:
    """apt with lists, sources and status of its own, in a directory that goes with it."""

    def __init__(self, folder, arch, sources):
        self._folder = folder
        for name in ("state/lists/partial", "cache/archives/partial"):
            os.makedirs(os.path.join(folder, name), exist_ok=True)
        self._write("status", "")
        lines = [f"deb [signed-by={KEYRING}] {uri} {suite} main\n" for uri, suite in sources]
        self._write("sources.list", "".join(lines))
        self._write("apt.conf", f"""
#clear APT::Update;
#clear DPkg;
Dir::Etc::SourceList "{folder}/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::State "{folder}/state";
Dir::State::status "{folder}/status";
Dir::Cache "{folder}/cache";
Dir::Cache::pkgcache "pkgcache.bin";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::Check-Valid-Until "false";
APT::Sandbox::User "root";
APT::Architecture "{arch}";
#clear APT::Architectures;
APT::Architectures {{ "{arch}"; }};
""")

    def _write(self, name, text):
        with open(os.path.join(self._folder, name), "w", encoding="ascii") as file:
            file.write(text)

    def _run(self, program, *args, **options):
        argv = [program, "-c", os.path.join(self._folder, "apt.conf"), *args]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=APT_PATIENCE_S, check=False, **options
        )  # fmt: skip

    def update(self):
        """What apt complains of, empty if nothing. Suites that did not answer leave the others usable."""
        done = self._run("apt-get", "-q", "update")
        return "" if done.returncode == 0 else done.stderr.strip()

    def paragraphs(self):
        """Each package of the index as {field: value}, of the fields that matter here."""
        names = self._run("apt-get", "indextargets", "--format", "$(FILENAME)", "Created-By: Packages").stdout.split()
        for name in filter(os.path.exists, names):
            text = self._run("/usr/lib/apt/apt-helper", "cat-file", name).stdout
            for paragraph in re.findall(r"^Package: linux-.*?(?=\n\n|\Z)", text, re.M | re.S):
                yield dict(re.findall(r"^(Package|Version|Depends): (.*)$", paragraph, re.M))

    def download(self, package, version):
        """The path of the .deb, its signature checked."""
        folder = os.path.join(self._folder, "debs")
        os.makedirs(folder, exist_ok=True)
        done = self._run("apt-get", "-q", "download", f"{package}={version}", cwd=folder)
        found = glob.glob(os.path.join(folder, f"{package}_*.deb"))
        if done.returncode or not found:
            raise Missing(f"{package} {version} could not be fetched: {done.stderr.strip()}")
        return found[0]


# ---- which ----

@functools.cmp_to_key
def by_version(one, other):
    """Debian's order of versions is dpkg's to know."""
    if one == other:
        return 0
    return -1 if subprocess.run(["dpkg", "--compare-versions", one, "lt", other], check=False).returncode == 0 else 1


def release_of(version):
    """5.10 of 5.10.262-1"""
    return ".".join(re.split(r"[.~+-]", version)[:2])


def depends_of(paragraph, prefix):
    names = re.split(r"[,|]\s*", paragraph.get("Depends", ""))
    return [name.split()[0] for name in names if name.startswith(prefix)]


def index_read(apt, arch):
    """{wanted: [{release, version, packages}]}: of what is wanted, what the index has, the newest version first."""
    packages = {}
    for paragraph in apt.paragraphs():
        packages.setdefault(paragraph["Package"], {})[paragraph["Version"]] = paragraph
    versions = sorted(packages.get(f"linux-image-cloud-{arch}", {}), key=by_version)
    index = {}
    for wanted in WANTED:
        fitting = [version for version in reversed(versions) if wanted in ("newest", release_of(version))]
        if fitting:
            index[wanted] = [entry_of(packages, arch, version) for version in fitting]
    return index


def entry_of(packages, arch, version):
    names = depends_of(packages[f"linux-image-cloud-{arch}"][version], "linux-image-")
    # From 7.2 on the image is a stub, and what it depends on has the kernel.
    for name in list(names):
        names += depends_of(packages.get(name, {}).get(version, {}), "linux-binary-")
    return {"release": release_of(version), "version": version, "packages": names}


def index_fetch(arch, folder):
    """The index and an apt to fetch from it."""
    apt = Apt(folder, arch, SOURCES)
    complaint = apt.update()
    index = index_read(apt, arch)
    if set(index) != set(WANTED):
        say(f"not in Debian's archive: {', '.join(set(WANTED) - set(index))}; asking {ARCHIVE}")
        apt = Apt(folder, arch, SOURCES + ARCHIVED_SOURCES)
        complaint = apt.update()
        index = index_read(apt, arch)
    if complaint and set(index) != set(WANTED):
        say(complaint)
    return index, apt


# ---- fetch ----

def vmlinuz_extract(deb, target):
    """The kernel in a package, put in its place in one step; False if it has none."""
    with tempfile.TemporaryDirectory(dir=os.path.dirname(target)) as folder:
        subprocess.run(["dpkg-deb", "-x", deb, folder], check=True)
        found = glob.glob(os.path.join(folder, "boot", "vmlinuz-*"))
        found += glob.glob(os.path.join(folder, "usr", "lib", "modules", "*", "vmlinuz"))
        if not found:
            return False
        os.replace(found[0], target)
        return True


def kernel_path(arch, entry):
    return os.path.join(CACHE, arch, f"vmlinuz-{entry['version']}")


def is_cached(arch, entry):
    return entry is not None and os.path.exists(kernel_path(arch, entry))


def kernel_fetch(apt, arch, entry):
    say(f"fetching {', '.join(entry['packages'])} {entry['version']} for {arch}")
    for package in reversed(entry["packages"]):
        if vmlinuz_extract(apt.download(package, entry["version"]), kernel_path(arch, entry)):
            return
    raise Missing(f"no kernel in {', '.join(entry['packages'])}")


def kernel_fetch_first(apt, arch, entries):
    """The newest of these that is to be had, None if none: an index may be ahead of its mirror's files."""
    for entry in entries:
        if is_cached(arch, entry):
            return entry
        try:
            kernel_fetch(apt, arch, entry)
            return entry
        except (Missing, subprocess.SubprocessError) as error:
            say(f"{entry['version']} for {arch}: {error}")
    return None


# ---- what was found before ----

@contextlib.contextmanager
def locked(path):
    """One at a time: two runs would fetch the same."""
    with open(path, "w", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def chosen_read(path):
    """{wanted: {release, version, packages}} of the last time, and its age in seconds; nothing is infinitely old."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file), time.time() - os.stat(path).st_mtime
    except (FileNotFoundError, ValueError):
        return {}, float("inf")


def chosen_keep(path, chosen):
    with tempfile.NamedTemporaryFile("w", dir=os.path.dirname(path), delete=False, encoding="utf-8") as file:
        json.dump(chosen, file, indent=1)
    os.replace(file.name, path)


def choose(arch, names, before, scratch):
    """{name: entry}, fetched; what the archive has no more stays as it was cached."""
    index, apt = index_fetch(arch, scratch)
    chosen = {**before}
    for name in names:
        entry = kernel_fetch_first(apt, arch, index.get(name, []))
        if entry:
            chosen[name] = entry
        else:
            does = f"{chosen[name]['version']} of before does" if is_cached(arch, chosen.get(name)) else "it is missing"
            say(f"{name} for {arch} is not to be had from Debian; {does}")
    return chosen


def find(arch, names):
    """{name: (release, path of its kernel)} for names of WANTED, fetched where need be. One that is not to be had is
    not in it. The index is asked once a day."""
    folder = os.path.join(CACHE, arch)
    os.makedirs(folder, exist_ok=True)
    with locked(os.path.join(folder, "lock")), tempfile.TemporaryDirectory() as scratch:
        path = os.path.join(folder, "chosen.json")
        chosen, age_s = chosen_read(path)
        if age_s > INDEX_FRESH_S or not all(is_cached(arch, chosen.get(name)) for name in names):
            chosen = choose(arch, names, chosen, scratch)
            chosen_keep(path, chosen)
    entries = {name: chosen[name] for name in names if is_cached(arch, chosen.get(name))}
    return {name: (entry["release"], kernel_path(arch, entry)) for name, entry in entries.items()}
