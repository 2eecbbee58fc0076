#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Replays the recordings of real programs (tools/corpus.sh) and holds what is said against recordings/LABELS. No root.

    judge_recordings.py [--program MMAPTRACE] [NAME...]

healthy: no leak is called, and nothing else that is not taken back by its `cleared`. A note (info) is no verdict.
leak, exhaustion: some process is found to leak or to run out, and none gets to the limit before that was said of it.

Each recording is a test, told as cmocka tells its own (tests/unit/run.sh counts them). The last line is
'N passed, N failed'.
"""
import argparse
import json
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
RECORDINGS = os.path.join(HERE, "recordings")
BUILT = os.path.join(HERE, "..", "..", "build", "mmaptrace")
PATIENCE_S = 60
LABELS = ("healthy", "leak", "exhaustion")
FORETOLD = ("leak", "exhaustion")


def labels():
    """{name: label} of recordings/LABELS: "NAME: LABEL, why"."""
    told = {}
    with open(os.path.join(RECORDINGS, "LABELS"), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            name, _, rest = line.partition(": ")
            label = rest.partition(",")[0].strip()
            if label not in LABELS or name in told:
                sys.exit(f"LABELS:{number}: not a name, one of {', '.join(LABELS)}, and why: {line.rstrip()}")
            told[name] = label
    return told


def replay(program, name):
    """The lines, and what is wrong with the replay itself."""
    command = [program, "replay", os.path.join(RECORDINGS, f"{name}.rec"), "--json"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired:
        return [], [f"takes longer than {PATIENCE_S} s"]
    wrong = []
    try:
        lines = [json.loads(line) for line in done.stdout.splitlines()]
    except ValueError as error:
        return [], [f"writes what is no JSON: {error}"]
    if done.returncode != 0 or not lines or lines[-1]["type"] != "end":
        error = done.stderr.decode(errors="replace").strip()
        wrong.append(f"does not replay to its end (status {done.returncode}): {error}")
    return lines, wrong


def process_of(line):
    return line["pid"], line["start_time"]


def in_words(line):
    return (
        f"{line['severity']} {line['kind']} of {line['comm']} ({line['pid']}): {line['map_count']} maps,"
        f" {line['rate_per_s']} a second, eta {line['eta_s']}"
    )


def is_verdict(line):
    return line["type"] == "finding" and line["severity"] != "info"


def judge_healthy(lines):
    standing, wrong = {}, []
    for line in lines:
        if line["type"] == "cleared":
            standing.pop((process_of(line), line["kind"]), None)
        elif not is_verdict(line):
            continue
        elif line["kind"] == "leak":
            wrong.append(in_words(line))
        else:
            standing[process_of(line), line["kind"]] = line
    return wrong + [f"{in_words(line)}, not taken back" for line in standing.values()]


def at_limit(line, limit):
    """Refused a map, or about to be: the table hears of mmap's refusals alone, and of none at a pretended limit."""
    if line["type"] == "enomem":
        return line["reason"] == "max_map_count"
    return line["type"] in ("process", "exit") and line["high_water"] >= limit


def judge_unhealthy(lines):
    limit = next(line["limit"] for line in lines if line["type"] == "start")
    foretold, late = set(), {}
    for line in lines:
        if is_verdict(line) and line["kind"] in FORETOLD and line["map_count"] < limit:
            foretold.add(process_of(line))
        elif at_limit(line, limit) and process_of(line) not in foretold:
            late[process_of(line)] = f"{line['comm']} ({line['pid']}) is at the limit, and nothing was said before"
    return list(late.values()) if foretold or late else ["nothing is said of any process"]


def judge(program, name, label):
    if not os.path.exists(os.path.join(RECORDINGS, f"{name}.rec")):
        return ["there is no such recording"]
    lines, wrong = replay(program, name)
    if not lines:
        return wrong
    return wrong + (judge_healthy(lines) if label == "healthy" else judge_unhealthy(lines))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", default=os.environ.get("MMAPTRACE", BUILT))
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    told = labels()
    recorded = {name[: -len(".rec")] for name in os.listdir(RECORDINGS) if name.endswith(".rec")}
    for name in sorted(recorded - set(told)):
        sys.exit(f"{name}.rec has no line in LABELS")
    failed = 0
    names = options.names or list(told)
    for name in names:
        if name not in told:
            sys.exit(f"{name} has no line in LABELS")
        wrong = judge(options.program, name, told[name])
        failed += bool(wrong)
        for text in wrong:
            print(f"{name} ({told[name]}): {text}")
        print(f"[  FAILED  ] {name}" if wrong else f"[       OK ] {name}")
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed or not names else 0


if __name__ == "__main__":
    sys.exit(main())
