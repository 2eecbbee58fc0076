#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Keeps of a recording what the processes of one cgroup did, so that nothing else of the machine is in the corpus.

    corpus_trim.py RECORDING CGROUP OUT

`mmaptrace record` keeps all processes of the machine. Entries are kept or left out as they are (user/core/recording.h),
but for accounts, which are told by what has changed since the last one that is kept. A process that came and went
between two ticks has no cgroup in the recording, and is left out.
"""
import struct
import sys
import zlib

MAGIC = b"mmtrace1"
BLOCK_BYTES = 256 << 10
CONTRACT = 1  # MT_VERSION, bpf/mmaptrace.h
# struct mt_process: mm and start_ns are its first words, tgid is in this one.
TGID_WORD = 8
# enum entry_type, user/core/recording.h; EXITS and LIVING belong to nobody, and are kept like ticks.
(
    HEADER, EVENT, ALARM, ACCOUNT, TICK, LIMIT, GONE, TARGET, LOSS, END, PATH, CGROUP, AROUND, SITES, FILES, STACK,
    EXITS, LIVING,
) = range(1, 19)  # fmt: skip
ANSWERS = {PATH, CGROUP, AROUND, SITES, FILES}
OP_RECORD, EXIT_RECORD, STACK_RECORD = 1, 4, 7
U64 = (1 << 64) - 1


class Take:
    """Numbers and bytes as user/base/pack.c puts them."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def u64(self):
        value = shift = 0
        while True:
            byte = self.data[self.at]
            self.at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def i64(self):
        value = self.u64()
        return value >> 1 ^ -(value & 1)

    def bytes(self):
        size = self.u64()
        self.at += size
        return self.data[self.at - size : self.at]


def pack_u64(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def pack_i64(value):
    value = (value & U64) - ((value & 1 << 63) << 1)  # two's complement
    return pack_u64((value << 1 ^ value >> 63) & U64)


def pack_bytes(data):
    return pack_u64(len(data)) + data


def entries_of(data):
    """Yields (type, payload) of each entry."""
    at = 0
    while at < len(data):
        magic, raw, size, crc = struct.unpack_from("<8sIII", data, at)
        block = data[at + 20 : at + 20 + size]
        if magic != MAGIC or zlib.crc32(block) != crc:
            sys.exit(f"corpus_trim.py: damaged at byte {at}")
        at += 20 + size
        take = Take(zlib.decompress(block, bufsize=raw))
        while take.at < len(take.data):
            kind = take.u64()
            yield kind, take.bytes()


def take_header(payload):
    take = Take(payload)
    contract, account_bytes = take.u64(), take.u64()
    if contract != CONTRACT:
        sys.exit(f"corpus_trim.py: contract {contract}, made for {CONTRACT}: compare with bpf/mmaptrace.h")
    numbers = [contract, account_bytes] + [take.u64() for _ in range(9)]  # the last is in zigzag order, left so
    stream = bool(numbers[6] & 1)
    _host, kernel, plan, command = (take.bytes() for _ in range(4))
    return numbers, stream, account_bytes, kernel, plan, command


def put_header(numbers, kernel, plan, command):
    """Without the machine's name, and without the folder of the program."""
    first, _, rest = command.partition(b"\0")
    command = first.rpartition(b"/")[2] + b"\0" + rest
    return b"".join(map(pack_u64, numbers)) + b"".join(map(pack_bytes, (b"corpus\0", kernel, plan, command)))


def put_account(told, when, words):
    """As recorder_add_account() does: which words have changed, and by how much."""
    last = told.get(words[0], [0] * len(words))
    changed = [i for i in range(len(words)) if words[i] != last[i]]
    masks = [0] * ((len(words) + 63) // 64)
    for i in changed:
        masks[i // 64] |= 1 << i % 64
    told[words[0]] = list(words)
    return b"".join(map(pack_u64, [when, words[0], *masks])) + b"".join(pack_i64(words[i] - last[i]) for i in changed)


class Owners:
    """Tells whose an entry is: (pid, start); None for what belongs to nobody."""

    def __init__(self, account_bytes):
        self.account_bytes = account_bytes
        self.accounts = {}  # mm: words, as last told
        self.account = None  # the last one: its time and words
        self.ended = None  # the address space that an entry has ended

    def of_account(self, payload):
        take = Take(payload)
        when = take.u64()
        words = self.accounts.setdefault(take.u64(), [0] * (self.account_bytes // 8))
        masks = [take.u64() for _ in range((len(words) + 63) // 64)]
        for i in range(len(words)):
            if masks[i // 64] >> i % 64 & 1:
                words[i] = (words[i] + take.i64()) & U64
        self.account = when, words
        return words[TGID_WORD] & 0xFFFFFFFF, words[1]

    def of_record(self, payload):
        kind = struct.unpack_from("<H", payload, 2)[0]
        if kind == OP_RECORD:
            return struct.unpack_from("<I", payload, 32)[0], struct.unpack_from("<Q", payload, 24)[0]
        if kind == STACK_RECORD:
            return struct.unpack_from("<I", payload, 40)[0], struct.unpack_from("<Q", payload, 32)[0]
        process = payload[-self.account_bytes :]  # births, ends, alarms: at their end
        mm, start = struct.unpack_from("<QQ", process)
        if kind == EXIT_RECORD:
            self.end(mm)
        return struct.unpack_from("<I", process, TGID_WORD * 8)[0], start

    def end(self, mm):
        self.accounts.pop(mm, None)
        self.ended = mm

    def of(self, kind, payload):
        self.ended = None
        if kind == ACCOUNT:
            return self.of_account(payload)
        if kind in (EVENT, ALARM):
            return self.of_record(payload)
        take = Take(payload)
        if kind in (GONE, TARGET):
            take.u64()  # when
            key = take.u64(), take.u64()
            if kind == GONE:
                self.end(take.u64())
            return key
        if kind in ANSWERS or kind == STACK:
            return take.u64(), take.u64()
        return None


def members(entries, owners, group, stream):
    """Of the cgroup; where operations were streamed, those whose were."""
    ours = set()
    for kind, payload in entries:
        key = owners.of(kind, payload)
        if stream and kind in (EVENT, ACCOUNT, TARGET):
            ours.add(key)
        elif kind == CGROUP:
            take = Take(payload)
            take.u64(), take.u64()
            if (take.bytes().rstrip(b"\0") + b"/").startswith(group.encode() + b"/"):
                ours.add(key)
    return ours


def kept(entries, owners, ours):
    dropped_input, told = False, {}
    for kind, payload in entries:
        key = owners.of(kind, payload)
        foreign = key is not None and key not in ours
        if kind not in ANSWERS and kind != STACK:
            dropped_input = foreign
        elif dropped_input and kind != CGROUP and kind != STACK:
            foreign = True  # an answer to what is not there
        if foreign:
            continue
        yield kind, put_account(told, *owners.account) if kind == ACCOUNT else payload
        told.pop(owners.ended, None)


def seal(entries):
    block = zlib.compress(entries, 9)
    return struct.pack("<8sIII", MAGIC, len(entries), len(block), zlib.crc32(block)) + block


def main(source, group, target):
    with open(source, "rb") as file:
        entries = list(entries_of(file.read()))
    numbers, stream, account_bytes, kernel, plan, command = take_header(entries.pop(0)[1])
    ours = members(entries, Owners(account_bytes), group, stream)
    if not ours:
        sys.exit(f"corpus_trim.py: {source}: nothing of {group}")
    out, block = b"", pack_u64(HEADER) + pack_bytes(put_header(numbers, kernel, plan, command))
    for kind, payload in kept(entries, Owners(account_bytes), ours):
        block += pack_u64(kind) + pack_bytes(payload)
        if len(block) > BLOCK_BYTES:
            out, block = out + seal(block), b""
    with open(target, "wb") as file:
        file.write(out + seal(block))


if __name__ == "__main__":
    main(*sys.argv[1:])
