# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs in the guest of part vm: the price of each way of hooking that its kernel offers, as JSON on stdout.
`guest.py ROUNDS PATH...`, a PATH being what --hooks takes."""

import json
import sys

sys.dont_write_bytecode = True

import lib  # noqa: E402 (no bytecode)
import part_pair  # noqa: E402
import peers  # noqa: E402


def tools_of(path, folder, pid, other):
    """Gears by one way of hooking, and empty programs on what they attach."""
    option = f"--hooks={path}"
    chosen = []
    if path == "witness":
        chosen.append(peers.Mmaptrace(f"{path}: watch", option, target=False))
    else:
        chosen.append(part_pair.Other(f"{path}: trace someone else", other, option, json=True))
        chosen.append(peers.Mmaptrace(f"{path}: trace us", option, json=True))
    hooks = part_pair.hooks_attached(chosen[-1], folder, pid)
    return [part_pair.EmptyTool(f"{path}: empty ({len(hooks)})", hooks), *chosen]


def main(rounds, paths):
    samples, refused = {}, {}
    with lib.scratch() as folder, lib.Sleeper() as other, lib.Ops(folder) as ops:
        tools = []
        for path in paths:
            try:
                tools += tools_of(path, folder, ops.pid, other.pid)
            except lib.CannotRun as why:
                refused[path] = str(why)
        solitude = lib.Solitude()
        for turn in range(rounds):
            round_ = part_pair.Round(ops, folder, 1, solitude)
            for tool in tools:
                taken = round_.measure(tool)
                if turn:  # the first is not like the others: caches of the emulator, tables of the kernel
                    for kind in part_pair.KINDS:
                        samples.setdefault(tool.name, {}).setdefault(kind, []).append(taken[kind])
    rows = [part_pair.summary(name, taken) for name, taken in samples.items()]
    json.dump({"rows": rows, "refused": refused}, sys.stdout)


main(int(sys.argv[1]), sys.argv[2:])
