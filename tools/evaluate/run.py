#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""How good the detectors are, beside what people use today.

    run.py [--part design|held|all] [--family NAME] [--quick] [--worst N] [--json FILE] [--program PATH]

Goes through the generated traces of tests/replay/families.py, whose truth is known. Ours is `mmaptrace replay`; the
others are in baselines.py; what is right and what is wrong is told in score.py. Detectors are tuned on the part
`design`, which is what runs without --part; `held` is for the final table alone."""

import argparse
import json
import os
import subprocess
import sys
from dataclasses import asdict
from datetime import datetime

sys.dont_write_bytecode = True
FOLDER = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(FOLDER))
sys.path[:0] = [FOLDER, os.path.join(ROOT, "tests", "replay")]

import baselines  # noqa: E402 (found by the line above)
import families  # noqa: E402
import score  # noqa: E402

OURS = "mmaptrace"
LINES = 200  # process lines asked for of each trace
ALARMING = ("warning", "critical")
KINDS = ("leak", "exhaustion")

# (heading, column of score.total, how it is written, whether more is better; None: beside the point)
COLUMNS = (
    ("called %", "called", "share", True),
    ("lead, med.", "lead_median_s", "time", True),
    ("worst", "lead_worst_s", "time", True),
    ("% of life", "share", "share", True),
    ("false", "false", "count", None),
    ("/100d", "false_per_100_days", "number", False),
    ("well:alarm", "healthy_alarmed", "count", False),
    ("leak", "healthy_leaks", "count", None),
    ("flaps", "flaps", "number", False),
    ("range %", "covered", "share", None),
    ("told %", "told_covered", "share", None),
    ("err 50", "error_50", "number", False),
    ("err 75", "error_75", "number", False),
    ("err 90", "error_90", "number", False),
    ("hidden %", "hidden", "share", True),
)
LEGEND = """\
called: an alarm was open when the limit was reached. lead: from when on it was, 0 if none was. % of life: lead by the
time from the leak's beginning on, median of those slower than 10 min. false: alarms while nothing leaked, and in 100
process-days. well: of the traces that are well, how many had an alarm, and one of a leak. flaps: alarms raised again, a
trace. range: how often the truth lay in the forecast's range while an alarm was open; told: in those that findings
brought. err: median error of the forecast at 50, 75 and 90 % of the life, by the time that was left. hidden: leaks in a
saw-tooth or behind a warm-up called before 60 % of the limit."""


# ---- ours ----


def seconds_of(text):
    return datetime.fromisoformat(text).timestamp() - families.EPOCH


def forecast_of(line):
    t = seconds_of(line["ts"])
    moments = (t + (float("inf") if line[key] is None else line[key]) for key in ("eta_s", "eta_low_s", "eta_high_s"))
    return score.Forecast(t, *moments)


class Listener:
    """Makes of mmaptrace's lines what it has said."""

    def __init__(self):
        self.sayings, self.open = score.Sayings(has_range=True), {}

    def close(self, kind, t):
        alarm = self.open.pop(kind, None)
        if alarm:
            alarm.to_s = t

    def finding(self, line):
        kind, forecast = line["kind"], forecast_of(line)
        if kind not in KINDS:
            return
        if line["severity"] not in ALARMING:
            self.close(kind, forecast.t)
            return
        self.sayings.told.append(forecast)
        if kind not in self.open:
            self.open[kind] = score.Alarm(kind, forecast.t, line["map_count"] / line["limit"])
            self.sayings.alarms.append(self.open[kind])

    def take(self, line):
        if line["type"] == "process":
            self.sayings.forecasts.append(forecast_of(line))
        elif line["type"] == "finding":
            self.finding(line)
        elif line["type"] == "cleared":
            self.close(line["kind"], seconds_of(line["ts"]))
        elif line["type"] == "exit":
            for kind in KINDS:
                self.close(kind, seconds_of(line["ts"]))


def replay(program, trace):
    """What mmaptrace says of a trace."""
    interval_s = max(1, int(trace.seconds / LINES))
    argv = [program, "replay", "--json", "-i", f"{interval_s}s", "-"]
    lines = "".join(families.json_lines(trace))
    done = subprocess.run(argv, input=lines, stdout=subprocess.PIPE, text=True, check=True)
    listener = Listener()
    for line in done.stdout.splitlines():
        listener.take(json.loads(line))
    return listener.sayings


# ---- all ----


def evaluate(names, program):
    """{detector: the scores of all traces}"""
    scores = {}
    for i, name in enumerate(names):
        if sys.stderr.isatty():
            print(f"\r{i + 1}/{len(names)} {name:30}", end="", file=sys.stderr)
        trace = families.GALLERY.trace(name)
        for detector, sayings in {OURS: replay(program, trace), **baselines.watch(trace)}.items():
            scores.setdefault(detector, []).append(score.judge(trace, sayings))
    if sys.stderr.isatty():
        print("\r" + " " * 60 + "\r", end="", file=sys.stderr)
    return scores


# ---- tables ----


def time_text(seconds):
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.0f} s"


def text(value, style):
    if value is None:
        return "-"
    if style == "share":
        return f"{value * 100:.1f}"
    if style == "time":
        return time_text(value)
    return f"{value:.2f}" if style == "number" else str(value)


def print_row(name, cells):
    print(f"{name:23}" + "".join(f" {cell:>{max(7, len(head[0]))}}" for cell, head in zip(cells, COLUMNS)))


def print_table(totals):
    print_row("", [heading for heading, *_ in COLUMNS])
    for name, columns in totals.items():
        print_row(name, [text(columns[key], style) for _, key, style, _ in COLUMNS])


def by_family(scores):
    groups = {}
    for one in scores:
        groups.setdefault(one.family, []).append(one)
    return {family: score.total(group) for family, group in groups.items()}


# ---- what it must show ----


def ahead(totals):
    """Where a baseline is better than ours, a line each."""
    ours, lines = totals[OURS], []
    for heading, key, style, more in COLUMNS:
        others = {name: columns[key] for name, columns in totals.items() if name != OURS and columns[key] is not None}
        if more is None or not others or ours[key] is None:
            continue
        name = (max if more else min)(others, key=others.get)
        if (others[name] > ours[key]) if more else (others[name] < ours[key]):
            lines.append(f"{heading}: {name} {text(others[name], style)}, ours {text(ours[key], style)}")
    return lines


def print_targets(totals):
    ours, behind = totals[OURS], ahead(totals)
    targets = (
        ("at least 99 % of exhaustions called", ours["called"], lambda x: x >= 0.99, "share"),
        ("at most one false alarm in 100 process-days", ours["false_per_100_days"], lambda x: x <= 1, "number"),
        ("half of the life as lead, median, if slower than 10 min", ours["share"], lambda x: x >= 0.5, "share"),
        ("the truth in the range 85 to 97 % of the time", ours["covered"], lambda x: 0.85 <= x <= 0.97, "share"),
        ("hidden leaks called before 60 % of the limit", ours["hidden"], lambda x: x >= 1, "share"),
        ("none that is well called a leak", ours["healthy_leaks"], lambda x: x == 0, "count"),
        ("ahead of every baseline: columns where not", len(behind), lambda x: x == 0, "count"),
    )
    for what, value, good, style in targets:
        print(f"{'?' if value is None else 'pass' if good(value) else 'FAIL':4} {what}: {text(value, style)}")
    for line in behind:
        print(f"     {line}")


WORST = (
    ("not called", lambda one: None if one.called in (None, True) else one.life_s, "time"),
    ("least of life as lead", lambda one: -one.share if one.called else None, "share"),
    ("false alarms", lambda one: one.false_alarms or None, "count"),
    ("well, and called a leak", lambda one: one.healthy and one.leak_alarmed or None, "count"),
    ("flaps", lambda one: one.flaps or None, "count"),
    ("range misses the truth", lambda one: None if one.covered is None else 1 - one.covered, "share"),
    ("error at 50 %", lambda one: one.errors.get(50), "number"),
    ("error at 75 %", lambda one: one.errors.get(75), "number"),
    ("error at 90 %", lambda one: one.errors.get(90), "number"),
    ("hidden until, of the limit", lambda one: one.ratio if one.hidden else None, "share"),
)


def print_worst(scores, count):
    for what, key, style in WORST:
        found = sorted(((key(one), one.name) for one in scores if key(one) is not None), reverse=True)[:count]
        print(f"\n{what}:")
        for value, name in found:
            print(f"  {name:26} {text(abs(value), style)}")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--part", choices=(*families.PARTS, "all"), default="design", help="which traces (design)")
    parser.add_argument("--salt", default="", metavar="TEXT", help="other draws of the same families: nobody has seen them")
    parser.add_argument("--family", metavar="NAME", help="only this family")
    parser.add_argument("--quick", action="store_true", help="a tenth of the traces")
    parser.add_argument("--worst", type=int, default=0, metavar="N", help="the N worst traces of ours, by column")
    parser.add_argument("--json", metavar="FILE", help="write all scores to FILE")
    parser.add_argument("--program", default=os.path.join(ROOT, "build", "mmaptrace"), metavar="PATH")
    return parser.parse_args()


def chosen_names(chosen):
    families.GALLERY.salt = chosen.salt
    names = families.GALLERY.names(None if chosen.part == "all" else chosen.part)
    if chosen.family:
        names = [name for name in names if name.rsplit("-", 1)[0] == chosen.family]
    if not names:
        sys.exit(f"no family {chosen.family}: " + ", ".join(families.GALLERY.makers))
    return names[::10] if chosen.quick else names


def main():
    chosen = arguments()
    scores = evaluate(chosen_names(chosen), chosen.program)
    totals = {name: score.total(group) for name, group in scores.items()}
    ours = totals[OURS]
    print(f"part {chosen.part}: {ours['traces']} traces, {ours['exhausted']} end in exhaustion, {ours['healthy']} are "
          f"well; {ours['days']:.0f} process-days\n")
    print_table(totals)
    print("\n" + LEGEND + "\n\nmmaptrace, by family:")
    print_table(by_family(scores[OURS]))
    print()
    print_targets(totals)
    if chosen.worst:
        print_worst(scores[OURS], chosen.worst)
    if chosen.json:
        with open(chosen.json, "w", encoding="utf-8") as file:
            json.dump({name: [asdict(one) for one in group] for name, group in scores.items()}, file)


if __name__ == "__main__":
    main()
