# SPDX-License-Identifier: GPL-2.0
"""Make the small kernel types header of one architecture from a kernel's BTF.

FILE is a BTF file (/sys/kernel/btf/vmlinux), an ELF vmlinux, a raw arm64 Image, or a compressed kernel
(vmlinuz): the BTF is found by its header, behind whatever compression. The architecture is told from the
BTF itself. types.txt says what to keep; what a kernel lacks is warned about and left out.
"""
import argparse
import json
import lzma
import os
import platform
import re
import subprocess
import sys
import tempfile
import textwrap
import zlib

HEADER = re.compile(rb"\x9f\xeb\x01\x00\x18\0\0\0")  # magic, version 1, flags 0, hdr_len 24
SMALL_BYTES = 64  # an unlisted struct up to this size may be embedded in full
MODIFIERS = {"CONST": "const ", "VOLATILE": "", "RESTRICT": "", "TYPE_TAG": ""}
WIDTH = 112


def warn(text):
    print(f"vmlinux.py: {text}", file=sys.stderr)


# --- finding the BTF ---------------------------------------------------------------------------------


def btf_find(image):
    """The largest plausible BTF blob in image, or None."""
    best = None
    for match in HEADER.finditer(image):
        at = match.start()
        if len(image) < at + 24:
            continue
        type_off, type_len, str_off, str_len = (
            int.from_bytes(image[at + i : at + i + 4], "little") for i in (8, 12, 16, 20)
        )
        end = at + 24 + str_off + str_len
        if type_off or not type_len or str_off != type_len or end > len(image):
            continue
        if image[at + 24 + str_off] or image[end - 1]:
            continue  # the strings begin and end with a NUL
        if best is None or end - at > len(best):
            best = image[at:end]
    return best


def command_output(*argv):
    """A decompressor for which the standard library has none; what follows the stream is not its business."""

    def run(data):
        try:
            return subprocess.run(argv, input=data, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        except FileNotFoundError:
            warn(f"{argv[0]} is not installed, a stream of its kind is skipped")
            return b""

    return run


COMPRESSIONS = (
    (b"\x1f\x8b\x08", lambda data: zlib.decompressobj(31).decompress(data)),
    (b"\xfd7zXZ\0", lambda data: lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(data)),
    (b"\x28\xb5\x2f\xfd", command_output("zstd", "-dcq")),
    (b"\x02\x21\x4c\x18", command_output("lz4", "-dcq")),
)


def images_in(image):
    """The image itself, then what its compressed streams hold."""
    yield image
    for magic, unpack in COMPRESSIONS:
        for match in re.finditer(re.escape(magic), image):
            try:
                yield unpack(image[match.start() :])
            except (zlib.error, lzma.LZMAError):
                pass  # the magic was chance


def kernel_version(image, path):
    match = re.search(rb"Linux version (\d\S+) \(", image)
    if match:
        return match.group(1).decode()
    return platform.release() if path.startswith("/sys/kernel/btf/") else "unknown"


def kernel_read(path):
    """(BTF bytes, kernel version)"""
    with open(path, "rb") as file:
        whole = file.read()
    for image in images_in(whole):
        btf = btf_find(image)
        if btf:
            return btf, kernel_version(image, path)
    sys.exit(f"vmlinux.py: {path}: no BTF found")


def btf_types(btf):
    """{id: type} as bpftool tells it."""
    with tempfile.NamedTemporaryFile(suffix=".btf") as file:
        file.write(btf)
        file.flush()
        argv = [os.environ.get("BPFTOOL", "bpftool"), "-j", "btf", "dump", "file", file.name]
        out = subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout
    return {t["id"]: t for t in json.loads(out)["types"]}


# --- the list ----------------------------------------------------------------------------------------


def list_read(path, arch):
    """[(kind, name, fields or None, {optional fields})] of the lines for this architecture."""
    line_form = re.compile(r"(?:\[(\w+)\]\s*)?(struct|union|enum with|enum|typedef)\s+(\w+)(?::\s*(.*))?$")
    wanted = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.split("#")[0].strip()
            if not line:
                continue
            match = line_form.match(line)
            if not match:
                sys.exit(f"vmlinux.py: {path}:{number}: not understood: {line}")
            only, kind, name, fields = match.groups()
            if only not in (None, arch):
                continue
            words = None if fields is None else fields.split()
            wanted.append(
                (
                    kind,
                    name,
                    None if words is None else {word.rstrip("?") for word in words},
                    {word[:-1] for word in words or () if word.endswith("?")},
                )
            )
    return wanted


# --- BTF to C ----------------------------------------------------------------------------------------


class Emitter:
    """Walks the type graph from what is listed; definitions come out in the order C needs."""

    def __init__(self, types):
        self.types = types
        self.fields = {}  # (kind, name) -> the fields to keep, None for all
        self.done = set()
        self.declared = set()
        self.declarations = []
        self.definitions = []
        self.named = {}
        for t in types.values():
            known = self.named.get((t["kind"], t["name"]))
            if known is None or len(t.get("members", ())) > len(known.get("members", ())):
                self.named[t["kind"], t["name"]] = t  # of several with one name, the fullest

    def find(self, kind, name):
        if kind == "enum with":
            return self.enum_with(name)
        if kind == "enum":
            return self.named.get(("ENUM", name)) or self.named.get(("ENUM64", name))
        return self.named.get((kind.upper(), name))

    def enum_with(self, enumerator):
        for t in self.types.values():
            if t["kind"] in ("ENUM", "ENUM64") and any(v["name"] == enumerator for v in t["values"]):
                return t
        return None

    # Definitions

    def define(self, t):
        """What must be complete before a value of type t may be declared."""
        kind, name = t["kind"], t["name"]
        key = ("ENUM" if kind == "ENUM64" else kind, name if name != "(anon)" else t["id"])
        if key in self.done:
            return
        self.done.add(key)
        if kind in ("STRUCT", "UNION"):
            body = self.record_text(self.named[kind, name], self.fields.get((kind, name)))
            self.definitions.append(f"{body};\n")
        elif kind in ("ENUM", "ENUM64"):
            self.definitions.append(f"{self.enum_text(t)};\n")
        elif kind == "TYPEDEF":
            text = self.declare(t["type_id"], name)
            self.definitions.append(f"typedef {text};\n")

    def enum_text(self, t):
        wide = t["kind"] == "ENUM64"
        values = ", ".join(f"{v['name']} = {self.enum_value(v['val'], wide)}" for v in t["values"])
        # An enumerator and its value stay on one line.
        lines = textwrap.wrap(values.replace(" = ", "\1=\1"), WIDTH - 8, break_long_words=False)
        inner = "\n".join("\t" + line.replace("\1", " ") for line in lines)
        name = "" if t["name"] == "(anon)" else t["name"] + " "
        return f"enum {name}{{\n{inner},\n}}"

    @staticmethod
    def enum_value(value, wide):
        if not wide:
            return str(value)
        return f"{value}ULL" if value >= 0 else f"{value}LL"

    def record_text(self, t, keep):
        lines = []
        for member in t["members"]:
            text = self.member_text(member, keep)
            if text:
                lines += ["\t" + line for line in text.split("\n")]
        head = t["kind"].lower() + ("" if t["name"] == "(anon)" else " " + t["name"])
        return "\n".join([head + " {", *lines, "}"])

    def member_text(self, member, keep):
        name = "" if member["name"] == "(anon)" else member["name"]
        t = self.types[member["type_id"]]
        if not name and t["kind"] in ("STRUCT", "UNION"):
            if not self.has_field(t, keep):
                return None
            return self.record_text(t, keep) + ";"
        if not name or (keep is not None and name not in keep):
            return None  # unnamed bit fields only pad
        if not self.embeddable(member):
            return None
        bits = member.get("bitfield_size")
        return self.declare(member["type_id"], name) + (f": {bits};" if bits else ";")

    def has_field(self, t, keep):
        """Whether t, or an unnamed record in it, holds one of these fields."""
        return any(
            self.has_field(self.types[m["type_id"]], keep)
            if m["name"] == "(anon)" and self.types[m["type_id"]]["kind"] in ("STRUCT", "UNION")
            else keep is None or m["name"] in keep
            for m in t["members"]
        )

    def embeddable(self, member):
        """A record embedded by value is listed, unnamed, or small: or else one field would pull in a forest."""
        t = self.types[member["type_id"]]
        while t["kind"] in MODIFIERS or t["kind"] in ("TYPEDEF", "ARRAY"):
            if not t["type_id"]:
                return True
            t = self.types[t["type_id"]]
        if t["kind"] not in ("STRUCT", "UNION") or t["name"] == "(anon)":
            return True
        if (t["kind"], t["name"]) in self.fields or t["size"] <= SMALL_BYTES:
            return True
        warn(f"{member['name']}: struct {t['name']} ({t['size']} bytes) is embedded but not listed, left out")
        return False

    # Declarators

    def declare(self, type_id, name):
        """The C declaration of name as a type_id."""
        if not type_id:
            return f"void {name}" if name else "void"
        t = self.types[type_id]
        kind = t["kind"]
        if kind in MODIFIERS:
            target = self.types.get(t["type_id"])
            if target and target["kind"] == "PTR":  # a const pointer, not a pointer to const
                return self.declare(t["type_id"], (MODIFIERS[kind] + name).rstrip())
            return MODIFIERS[kind] + self.declare(t["type_id"], name)
        if kind == "ARRAY":
            return self.declare(t["type_id"], f"{name}[{t['nr_elems']}]")
        if kind == "PTR":
            return self.declare_pointer(t["type_id"], name)
        if kind in ("STRUCT", "UNION", "ENUM", "ENUM64") and t["name"] == "(anon)":
            text = self.enum_text(t) if kind.startswith("ENUM") else self.record_text(t, None)
            return f"{text} {name}"
        self.define(t)
        return f"{self.spelling(t)} {name}"

    def declare_pointer(self, type_id, name):
        """Only the name of what a pointer points to is needed, unless it is an array or a base type."""
        target, prefix = self.types.get(type_id), ""
        while target and target["kind"] in MODIFIERS:
            prefix = prefix or MODIFIERS[target["kind"]]
            target = self.types.get(target["type_id"])
        if target and target["kind"] == "FUNC_PROTO":
            return f"void *{name}"  # no BPF program calls through one
        if target and target["kind"] in ("STRUCT", "UNION", "FWD") and target["name"] != "(anon)":
            return f"{prefix}{self.forward(target)} *{name}"
        inner = f"(*{name})" if target and target["kind"] == "ARRAY" else f"*{name}"
        return prefix + self.declare(target["id"] if target else 0, inner)

    def forward(self, t):
        spelling = self.spelling(t)
        if spelling not in self.declared:
            self.declared.add(spelling)
            self.declarations.append(f"{spelling};\n")
        return spelling

    @staticmethod
    def spelling(t):
        kind = t.get("fwd_kind") or t["kind"].lower().replace("enum64", "enum")
        return f"{kind} {t['name']}" if kind in ("struct", "union", "enum") else t["name"]


def list_apply(emitter, wanted):
    """Emits what the list asks for, and warns of what this kernel lacks."""
    for kind, name, fields, _ in wanted:
        if kind in ("struct", "union"):
            emitter.fields[kind.upper(), name] = fields
    for kind, name, fields, optional in wanted:
        t = emitter.find(kind, name)
        if not t:
            warn(f"{kind} {name}: not in this kernel")
            continue
        if t["kind"] == "ENUM" and any(abs(v["val"]) >> 32 for v in t["values"]):
            warn(f"{kind} {name}: wider than this BTF can tell, its values are wrong: take Linux 6.1 or later")
        for field in sorted((fields or set()) - optional):
            if not emitter.has_field(t, {field}):
                warn(f"{kind} {name}: no field {field} in this kernel")
        emitter.define(t)


def header_text(emitter, arch, version, source):
    guard = f"VMLINUX_{arch.upper()}_H"
    return "".join(
        [
            "/* SPDX-License-Identifier: GPL-2.0 */\n",
            f"/*\n * GENERATED from Linux {version} ({arch}) and types.txt: edit that, not this. The command was\n",
            f" * tools/vmlinux.sh {source}\n */\n",
            f"#ifndef {guard}\n#define {guard}\n\n",
            "#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)\n\n",
            *sorted(emitter.declarations),
            "\n" if emitter.declarations else "",
            *emitter.definitions,
            "\n#pragma clang attribute pop\n\n#endif\n",
        ]
    )


def arch_of(types):
    """By the registers that a system call's number is kept in."""
    names = {m["name"] for t in types.values() if t["kind"] == "STRUCT" and t["name"] == "pt_regs" for m in t["members"]}
    if "orig_ax" in names:
        return "x86_64"
    if "syscallno" in names:
        return "arm64"
    sys.exit("vmlinux.py: neither an x86-64 nor an arm64 kernel")


def source_name(path):
    """Paths of one machine say nothing on another, but for the kernel's own."""
    return path if path.startswith("/sys/") else os.path.basename(path)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    folder = os.path.join(here, "..", "vmlinux")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="BTF, vmlinux, Image or vmlinuz")
    parser.add_argument("-l", "--list", default=os.path.join(folder, "types.txt"), help="the types (vmlinux/types.txt)")
    parser.add_argument("-o", "--output", help="the header (vmlinux/ARCH.h)")
    parser.add_argument("-k", "--kernel", help="the version to name, when the file does not tell it")
    parser.add_argument("-f", "--from", dest="source", help="the file to name, when it is a part of another")
    args = parser.parse_args()

    btf, version = kernel_read(args.file)
    version = args.kernel or version
    types = btf_types(btf)
    arch = arch_of(types)
    emitter = Emitter(types)
    list_apply(emitter, list_read(args.list, arch))
    text = header_text(emitter, arch, version, args.source or source_name(args.file))
    output = args.output or os.path.normpath(os.path.join(folder, arch + ".h"))
    with open(output, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"{os.path.relpath(output)}: {text.count(chr(10))} lines from Linux {version}")


if __name__ == "__main__":
    try:
        main()
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"vmlinux.py: {error}")
