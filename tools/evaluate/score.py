# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What a detector has said of a trace, held against the truth; and the sums of many traces.

An alarm is right if it is raised while maps are being leaked. An exhaustion is called if an alarm is open when it
comes; its lead is counted from when the first of those began without which there was none until then, and not from
before the leak began. Life is the time from the leak's beginning to the exhaustion."""
import bisect
import math
import statistics
from dataclasses import dataclass, field

WAYS = (50, 75, 90)  # per cent of the life, at which the forecast is held against the truth
SLOW_S = 600  # what is slower leaves time to act
DAY_S = 86400
HIDDEN_RATIO = 0.6


@dataclass
class Alarm:
    kind: str  # leak, exhaustion, or alarm
    from_s: float
    ratio: float  # of the limit, when it was raised
    to_s: float = math.inf


@dataclass
class Forecast:
    """Moments, on the trace's clock: when the limit will be reached, at the earliest and at the latest."""

    t: float
    at_s: float
    low_s: float = math.nan
    high_s: float = math.nan

    def covers(self, moment):
        return self.low_s <= moment <= self.high_s


@dataclass
class Sayings:
    """forecasts: regular, by time; told: those that findings brought."""

    alarms: list = field(default_factory=list)
    forecasts: list = field(default_factory=list)
    told: list = field(default_factory=list)
    has_range: bool = False
    has_forecast: bool = True

    def is_open(self, t):
        return any(alarm.from_s <= t < alarm.to_s for alarm in self.alarms)

    def forecast_before(self, t):
        i = bisect.bisect_right(self.forecasts, t, key=lambda forecast: forecast.t)
        return self.forecasts[i - 1] if i else None


@dataclass
class Score:
    """Of one trace. None: there was nothing to judge."""

    name: str
    family: str
    days: float
    healthy: bool
    hidden: bool
    exhausted: bool
    false_alarms: int
    alarmed: bool
    leak_alarmed: bool
    flaps: int
    life_s: float | None = None
    called: bool | None = None
    lead_s: float | None = None
    share: float | None = None
    ratio: float | None = None  # at the alarm that called it
    covered: float | None = None  # share of the moments with an alarm at which the range was right
    told: int = 0
    told_covered: int = 0
    errors: dict = field(default_factory=dict)  # by way


def ways_of(trace):
    """{per cent: moment} of those that are to be judged: since the limit is what it is in the end."""
    if trace.exhaustion_s is None:
        return {}
    life = trace.exhaustion_s - trace.leak_from_s
    moments = {way: trace.leak_from_s + life * way / 100 for way in WAYS}
    return {way: t for way, t in moments.items() if t >= trace.settled_s}


def stretch_of(trace, t):
    """Which of its leaks; None: none goes on then. The row after its end is the first that does not show it alone."""
    return next((i for i, (begin, end) in enumerate(trace.leaks) if begin <= t <= end + trace.tick_s), None)


def unbroken_until(alarms, moment):
    """The alarm from which on there has always been one until a moment; None if there is none then."""
    first, reach = None, moment
    for alarm in sorted(alarms, key=lambda alarm: alarm.to_s, reverse=True):
        if alarm.to_s >= reach and alarm.from_s < reach:
            first, reach = alarm, alarm.from_s
    return first


def error_of(forecast, t, exhaustion_s):
    """Relative to the time that is left; 1 if there is no forecast."""
    if forecast is None or not math.isfinite(forecast.at_s):
        return 1.0
    return abs(forecast.at_s - exhaustion_s) / (exhaustion_s - t)


def judge_ranges(score, trace, sayings):
    """Since it leaks, and the limit is what it is in the end."""
    since = max(trace.leak_from_s, trace.settled_s)
    open_ones = [line for line in sayings.forecasts if line.t >= since and sayings.is_open(line.t)]
    lines = [line.covers(trace.exhaustion_s) for line in open_ones]
    told = [line.covers(trace.exhaustion_s) for line in sayings.told if line.t >= since]
    score.covered = statistics.fmean(lines) if lines else None
    score.told, score.told_covered = len(told), sum(told)


def judge_end(score, trace, sayings):
    """Of a trace that ends in exhaustion."""
    end, begin = trace.exhaustion_s, trace.leak_from_s
    alarm = unbroken_until(sayings.alarms, end)
    score.life_s = end - begin
    score.called = alarm is not None
    score.lead_s = end - max(alarm.from_s, begin) if alarm else 0.0
    score.share = score.lead_s / score.life_s
    score.ratio = alarm.ratio if alarm else 1.0
    if sayings.has_forecast:
        score.errors = {way: error_of(sayings.forecast_before(t), t, end) for way, t in ways_of(trace).items()}
    if sayings.has_range:
        judge_ranges(score, trace, sayings)


def judge(trace, sayings):
    seen, flaps = set(), 0
    for alarm in sorted(sayings.alarms, key=lambda alarm: alarm.from_s):
        which = (alarm.kind, stretch_of(trace, alarm.from_s))
        flaps += which in seen
        seen.add(which)
    score = Score(trace.name, trace.family, trace.seconds / DAY_S, trace.healthy, trace.hidden,
                  trace.exhaustion_s is not None,
                  false_alarms=sum(1 for alarm in sayings.alarms if stretch_of(trace, alarm.from_s) is None),
                  alarmed=bool(sayings.alarms), leak_alarmed=any(alarm.kind == "leak" for alarm in sayings.alarms),
                  flaps=flaps)
    if score.exhausted:
        judge_end(score, trace, sayings)
    return score


# ---- of many ----


def median(values):
    return statistics.median(values) if values else None


def mean(values):
    return statistics.fmean(values) if values else None


def present(scores, what):
    return [value for value in (getattr(score, what) for score in scores) if value is not None]


def total(scores):
    """The columns of a row, by name; None where there is nothing to say."""
    exhausted = [score for score in scores if score.exhausted]
    slow = [score for score in exhausted if score.life_s > SLOW_S]
    hidden = [score for score in exhausted if score.hidden]
    healthy = [score for score in scores if score.healthy]
    days, told = sum(score.days for score in scores), sum(score.told for score in exhausted)
    columns = {
        "traces": len(scores), "exhausted": len(exhausted), "days": days, "healthy": len(healthy),
        "called": mean([score.called for score in exhausted]),
        "lead_median_s": median([score.lead_s for score in exhausted]),
        "lead_worst_s": min((score.lead_s for score in exhausted), default=None),
        "share": median([score.share for score in slow]),
        "false": sum(score.false_alarms for score in scores),
        "false_per_100_days": sum(score.false_alarms for score in scores) / days * 100 if days else None,
        "healthy_alarmed": sum(score.alarmed for score in healthy),
        "healthy_leaks": sum(score.leak_alarmed for score in healthy),
        "flaps": mean([score.flaps for score in scores]),
        "covered": mean(present(exhausted, "covered")),
        "told_covered": sum(score.told_covered for score in exhausted) / told if told else None,
        "hidden": mean([score.called and score.ratio < HIDDEN_RATIO for score in hidden]),
    }
    for way in WAYS:
        columns[f"error_{way}"] = median([score.errors[way] for score in exhausted if way in score.errors])
    return columns
