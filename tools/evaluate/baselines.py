# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What people use today, on the same rows: fixed thresholds, Prometheus' predict_linear, the average since the start,
Holt-Winters.

Each is a rule that sees a sample every 15 s, or as often as there are rows if that is more seldom, and is evaluated
as often. Its alarm is open once its condition has held for so long (Prometheus' `for:`), until it no longer holds. In
gaps nothing is evaluated, and what is open stays open: to their advantage. They tell a point, no range; the point is
taken at its word at any time, with an alarm or without."""
import math
from collections import deque

from score import Alarm, Forecast, Sayings, ways_of

SCRAPE_S = 15
MINUTE_S, HOUR_S = 60, 3600
RATE_MIN = 1e-9  # maps a second: one in 30 years


def time_until(room, rate_per_s):
    return max(0.0, room / rate_per_s) if rate_per_s > RATE_MIN else math.inf


class Threshold:
    """A share of the limit."""

    has_forecast = False

    def __init__(self, share):
        self.share = share

    def see(self, _t, count, limit, _opened):
        return count > limit * self.share, math.inf


class PredictLinear:
    """Least squares over a window, continued to a horizon. The sums are of integers: they stay exact."""

    has_forecast = True

    def __init__(self, window_s, horizon_s):
        self.window_s, self.horizon_s = window_s, horizon_s
        self.samples = deque()
        self.t = self.v = self.tt = self.tv = 0

    def move(self, t, count, sign):
        self.t += sign * t
        self.v += sign * count
        self.tt += sign * t * t
        self.tv += sign * t * count

    def see(self, t, count, limit, _opened):
        samples = self.samples
        samples.append((t, count))
        self.move(t, count, 1)
        while samples[0][0] <= t - self.window_s:
            self.move(*samples.popleft(), -1)
        n = len(samples)
        if n < 2:
            return False, math.inf
        slope = (n * self.tv - self.t * self.v) / (n * self.tt - self.t * self.t)
        now = self.v / n + slope * (t - self.t / n)
        return now + slope * self.horizon_s > limit, time_until(limit - now, slope)


class Lifetime:
    """All growth since the start, by the time since then. A process that begins anew does so here."""

    has_forecast = True

    def __init__(self, horizon_s):
        self.horizon_s = horizon_s
        self.start, self.opened = None, 0

    def see(self, t, count, limit, opened):
        if self.start is None or opened < self.opened:
            self.start = (t, count)
        self.opened = opened
        age_s, growth = t - self.start[0], count - self.start[1]
        eta_s = time_until(limit - count, growth / age_s) if age_s else math.inf
        return eta_s < self.horizon_s, eta_s


class HoltWinters:
    """Double exponential smoothing of an hour, both factors 0.5, continued to a horizon. What is before the last 60
    samples weighs less than 1e-8: the running value is that of the window, which begins anew after an hour's gap."""

    has_forecast = True
    FACTOR = 0.5

    def __init__(self, window_s, horizon_s, step_s):
        self.window_s, self.horizon_s, self.step_s = window_s, horizon_s, step_s
        self.last_t = self.level = self.trend = None

    def see(self, t, count, limit, _opened):
        if self.last_t is None or t - self.last_t > self.window_s:
            self.level, self.trend = count, None
        elif self.trend is None:
            self.level, self.trend = count, count - self.level
        else:
            level = self.FACTOR * count + (1 - self.FACTOR) * (self.level + self.trend)
            self.trend = self.FACTOR * (level - self.level) + (1 - self.FACTOR) * self.trend
            self.level = level
        self.last_t = t
        rate = (self.trend or 0) / self.step_s
        return self.level + rate * self.horizon_s > limit, time_until(limit - self.level, rate)


# name: (step between samples -> rule, for how long its condition has to hold)
BASELINES = {
    "60 % of the limit": (lambda _: Threshold(0.6), 0),
    "60 %, for 1m": (lambda _: Threshold(0.6), MINUTE_S),
    "80 % of the limit": (lambda _: Threshold(0.8), 0),
    "80 %, for 1m": (lambda _: Threshold(0.8), MINUTE_S),
    "predict_linear 10m, 1h": (lambda _: PredictLinear(10 * MINUTE_S, HOUR_S), 5 * MINUTE_S),
    "predict_linear 1h, 4h": (lambda _: PredictLinear(HOUR_S, 4 * HOUR_S), 15 * MINUTE_S),
    "predict_linear 6h, 24h": (lambda _: PredictLinear(6 * HOUR_S, 24 * HOUR_S), 30 * MINUTE_S),
    "lifetime average, 1h": (lambda _: Lifetime(HOUR_S), 5 * MINUTE_S),
    "lifetime average, 24h": (lambda _: Lifetime(24 * HOUR_S), 5 * MINUTE_S),
    "Holt-Winters 1h, 4h": (lambda step_s: HoltWinters(HOUR_S, 4 * HOUR_S, step_s), 15 * MINUTE_S),
}


class Watcher:
    """A rule, its `for:`, and what it has said."""

    def __init__(self, rule, for_s, ways):
        self.rule, self.for_s = rule, for_s
        self.since = self.last = self.alarm = None
        self.ways = deque(sorted(ways))
        self.sayings = Sayings(has_forecast=rule.has_forecast)

    def sample(self, t, count, opened, limit):
        self.pass_ways(t)
        holds, eta_s = self.rule.see(t, count, limit, opened)
        self.last = (t, eta_s)
        if not holds:
            if self.alarm:
                self.alarm.to_s = t
            self.since = self.alarm = None
            return
        if self.since is None:
            self.since = t
        if not self.alarm and t - self.since >= self.for_s:
            self.alarm = Alarm("alarm", t, count / limit)
            self.sayings.alarms.append(self.alarm)

    def pass_ways(self, t):
        """Only the forecasts that will be judged are kept: the last before each way."""
        while self.ways and self.ways[0] < t:
            self.ways.popleft()
            if self.last:
                self.sayings.forecasts.append(Forecast(self.last[0], self.last[0] + self.last[1]))


def scrape(rows, step_s):
    """The rows that are sampled."""
    due = 0
    for t, count, opened, _, _, limit in rows:
        if t >= due:
            yield t, count, opened, limit
            due = due + step_s if t < due + step_s else t - t % step_s + step_s


def watch(trace):
    """{name: what that baseline says of the trace}"""
    ways, step_s = ways_of(trace).values(), max(SCRAPE_S, trace.tick_s)
    watchers = {name: Watcher(rule(step_s), for_s, ways) for name, (rule, for_s) in BASELINES.items()}
    for sample in scrape(trace.rows, step_s):
        for watcher in watchers.values():
            watcher.sample(*sample)
    for watcher in watchers.values():
        watcher.pass_ways(math.inf)
    return {name: watcher.sayings for name, watcher in watchers.items()}
