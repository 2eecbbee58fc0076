# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""JSON lines, schema 1: parses strictly, and names what is wrong with a line."""

import json
import os
import re
from datetime import datetime, timezone

# The witness alone sees changes and who made them, not calls: no arguments, no results, no failures, no files.
CALLS_SEEN = "--hooks=witness" not in os.environ.get("MMAPTRACE_ARGS", "").split()
RESULTLESS = "ret is null without an errno"
CALL_FIELDS = ("addr", "len", "prot", "flags", "fd", "file", "ret", "errno", "duration_ns")

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z")
HEX = re.compile(r"0x[0-9a-f]+")
ERRNO = re.compile(r"E[A-Z0-9]+")

OPS = set(
    "mmap munmap mprotect pkey_mprotect mremap brk madvise process_madvise mlock mlock2 munlock mlockall munlockall"
    " mbind set_mempolicy_home_node mseal prctl shmat shmdt io_setup io_destroy remap_file_pages map_shadow_stack"
    " execve execveat other".split()
)
STATES = {"steady", "growing", "leaking", "exhausting", "failing"}
KINDS = {"leak", "exhaustion", "enomem"}
SEVERITIES = {"info", "warning", "critical"}
REASONS = {
    "max_map_count", "rlimit_as", "rlimit_data", "overcommit", "address_space",
    "length", "memlock", "kernel_memory", "not_mapped", "no_room", "unknown",
}  # fmt: skip


def _pairs_unique(pairs):
    keys = [key for key, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError(f"a key twice in {keys}")
    return dict(pairs)


def _no_constant(name):
    raise ValueError(f"{name} is no JSON")


def parse(raw):
    """One line of bytes; ValueError unless it is one valid object in valid UTF-8."""
    try:
        line = json.loads(raw.decode("utf-8"), object_pairs_hook=_pairs_unique, parse_constant=_no_constant)
    except ValueError as error:
        raise AssertionError(f"no valid JSON: {error}: {raw[:300]!r}") from None
    if not isinstance(line, dict) or "type" not in line:
        raise AssertionError(f"no JSON line: {raw[:300]!r}")
    return line


def is_type(raw, kind):
    """Whether a raw line is of a type, without parsing it; any line is of type None."""
    return kind is None or re.search(rb'"type":\s*"%s"' % kind.encode(), raw[:200]) is not None


def parse_fast(raw):
    """For millions of lines."""
    return json.loads(raw)


def time_ns(text):
    """RFC 3339 with nanoseconds, to CLOCK_REALTIME ns."""
    whole = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return int(whole.timestamp()) * 1_000_000_000 + int(text[20:29])


def _is_int(value):
    return isinstance(value, int) and not isinstance(value, bool)


def _is_count(value):
    return _is_int(value) and value >= 0


def _is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_text(value):
    return isinstance(value, str)


def _is_hex(value):
    return isinstance(value, str) and HEX.fullmatch(value) is not None


def _or_null(check):
    return lambda value: value is None or check(value)


def _is_errno(value):
    return isinstance(value, str) and ERRNO.fullmatch(value) is not None


def _is_file(value):
    return isinstance(value, dict) and not _fields(value, {
        "path": _or_null(_is_text), "dev": _is_text, "inode": _is_count, "kind": _is_text,
        "deleted": lambda v: isinstance(v, bool),
    })  # fmt: skip


def _is_credits(value):
    return isinstance(value, dict) and set(value) <= OPS and all(_is_int(delta) for delta in value.values())


STACK_ENDS = ("complete", "no_rule", "unread", "depth", "early")
FRAME = {
    "function": _or_null(_is_text), "file": _or_null(_is_text), "line": _or_null(_is_count),
    "module": _or_null(_is_text), "offset": _is_hex, "build_id": _or_null(_is_text),
    "inlined": lambda v: isinstance(v, bool),
}  # fmt: skip


def _is_stack(value):
    return isinstance(value, list) and not any(_fields(frame, FRAME) for frame in value)


SITE = {
    "op": OPS.__contains__, "live": _is_count, "delta": _is_int, "share": lambda v: _is_number(v) and 0 <= v <= 1,
    "calls": _is_count, "unmapped": _is_count, "cut": _is_count, "bytes": _is_count, "file": _or_null(_is_text),
    "deleted": _is_count, "stacks": _is_count, "many_files": lambda v: isinstance(v, bool), "stack": _or_null(_is_stack),
}  # fmt: skip


def _is_evidence(value):
    if not isinstance(value, dict):
        return False
    ops, files, sites = value.get("ops"), value.get("files"), value.get("sites")
    return (
        isinstance(ops, list)
        and isinstance(files, list)
        and isinstance(sites, list)
        and isinstance(value.get("live_is_exact"), bool)
        and not any(_fields(site, SITE) for site in sites)
        and not any(_fields(op, {"op": OPS.__contains__, "calls": _is_count, "failed": _is_count, "delta": _is_int})
                    for op in ops)
        and not any(_fields(file, {"maps": _is_int, "calls": _is_count, "unmapped": _is_count, "bytes": _is_int,
                                   "deleted": lambda v: isinstance(v, bool), "file": lambda v: True})
                    for file in files)
    )  # fmt: skip


ACCOUNT = {
    "map_count": _is_count, "baseline": _is_count, "high_water": _is_count, "opened": _is_count, "closed": _is_count,
    "mmap_calls": _is_count, "munmap_calls": _is_count, "failed": _is_count, "credits": _is_credits,
}  # fmt: skip

TYPES = {
    "start": {
        "version": _is_text, "kernel": _is_text, "plan": lambda v: isinstance(v, dict), "limit": _is_count,
        "argv": lambda v: isinstance(v, list) and all(map(_is_text, v)),
    },
    "op": {
        "tid": _is_count, "op": OPS.__contains__, "addr": _or_null(_is_hex), "len": _or_null(_is_count),
        "prot": _or_null(_is_text), "flags": _or_null(_is_text), "fd": _or_null(_is_int), "file": _or_null(_is_file),
        "ret": lambda v: v is None or _is_int(v) or _is_hex(v), "errno": _or_null(_is_errno),
        "duration_ns": _or_null(_is_count), "map_count": _is_count, "delta": _is_int,
    },
    "process": {
        **ACCOUNT, "limit": _is_count, "ratio": _is_number, "net_calls": _is_int, "rate_per_s": _is_number,
        "eta_s": _or_null(_is_number), "eta_low_s": _or_null(_is_number), "eta_high_s": _or_null(_is_number),
        "state": STATES.__contains__,
    },
    "finding": {
        "kind": KINDS.__contains__, "severity": SEVERITIES.__contains__, "map_count": _is_count, "limit": _is_count,
        "rate_per_s": _or_null(_is_number), "eta_s": _or_null(_is_number), "eta_low_s": _or_null(_is_number),
        "eta_high_s": _or_null(_is_number), "evidence": _is_evidence,
        "advice": lambda v: _is_text(v) and v,
    },
    "cleared": {
        "kind": KINDS.__contains__, "severity": SEVERITIES.__contains__,
        "raised_ts": lambda v: _is_text(v) and TIME.fullmatch(v),
    },
    "enomem": {
        "tid": _is_count, "op": OPS.__contains__, "errno": _is_errno, "reason": REASONS.__contains__,
        "estimated": lambda v: isinstance(v, bool),
        "facts": lambda v: isinstance(v, dict), "stack": _or_null(_is_stack),
    },
    "exit": {**ACCOUNT, "sites": lambda v: isinstance(v, list) and not any(_fields(site, SITE) for site in v)},
    "loss": {"what": lambda v: _is_text(v) and v, "count": _is_count},
    "end": {"duration_s": _is_number, "events": _is_count, "lost": _is_count, "findings": _is_count,
            "stacks": lambda v: isinstance(v, dict) and not _fields(v, dict.fromkeys(STACK_ENDS, _is_count))},
}  # fmt: skip

COMMON = {
    "schema": lambda v: v == 1, "type": TYPES.__contains__, "host": lambda v: _is_text(v) and v,
    "ts": lambda v: _is_text(v) and TIME.fullmatch(v),
}  # fmt: skip
PROCESS_TYPES = {"op", "process", "finding", "cleared", "enomem", "exit"}
PROCESS = {
    "pid": lambda v: _is_count(v) and v > 0, "comm": _is_text,
    "start_time": lambda v: _is_int(v) or _is_text(v) and bool(v),
}  # fmt: skip


# What a line may have besides.
OPTIONAL = {
    "op": {"stack": _or_null(_is_stack)},
    "finding": {"basis": lambda v: not _fields(v, BASIS)},
}
BASIS = {
    "span_s": _is_number, "steps": _is_count, "growth": _is_number, "first_half": _is_number,
    "second_half": _is_number, "jump": _is_number, "swing": _is_number, "tau": _is_number, "credit": _is_number,
    "opened": _is_number, "closed": _is_number, "mapped": _is_number, "share": _is_number, "need": _is_number,
    "one_file": lambda v: isinstance(v, bool),
}  # fmt: skip


def _fields(value, checks):
    """What is missing or of a wrong form."""
    if not isinstance(value, dict):
        return ["no object"]
    wrong = []
    for name, check in checks.items():
        if name not in value:
            wrong.append(f"no {name}")
        elif not check(value[name]):
            wrong.append(f"{name} is {value[name]!r}")
    return wrong


def law_problems(line):
    """The conservation law within a process or exit line."""
    wrong = []
    if line["baseline"] + line["opened"] - line["closed"] != line["map_count"]:
        wrong.append("law: baseline + opened - closed is not map_count")
    if line["baseline"] + sum(line["credits"].values()) != line["map_count"]:
        wrong.append("law: baseline + credits is not map_count")
    if line["high_water"] < line["map_count"]:
        wrong.append("high_water is under map_count")
    return wrong


def op_problems(line, calls_seen):
    """Results where calls are seen; nothing made up where they are not; None: it depends on the call."""
    if calls_seen is None:
        return []
    if calls_seen:
        nothing = line["errno"] is None and line["op"] != "other" and line["ret"] is None
        return [RESULTLESS] if nothing else []
    if line["op"] in ("execve", "execveat") and line["ret"] == 0:
        return []  # sched_process_exec tells, whatever else is hooked
    return [f"{field} of a call that is not seen" for field in CALL_FIELDS if line[field] is not None]


def problems(line, calls_seen=CALLS_SEEN):
    """Everything wrong with a parsed line."""
    kind = line.get("type")
    wrong = _fields(line, COMMON)
    if kind in PROCESS_TYPES:
        wrong += _fields(line, PROCESS)
    wrong += _fields(line, TYPES.get(kind, {}))
    wrong += _fields(line, {name: check for name, check in OPTIONAL.get(kind, {}).items() if name in line})
    if not wrong and kind in ("process", "exit"):
        wrong += law_problems(line)
    if not wrong and kind == "op":
        wrong += op_problems(line, calls_seen)
    return wrong
