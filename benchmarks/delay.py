"""How soon does the alarm come? Bursts and creeps of stated strength, beside the rules people use, at one false-alarm rate.

    python -m benchmarks.delay [--runs 3] [--per-hour 20] [--dispersion 1.5] [--wander 0.1] [--json]

Hour buckets, seasonal (time of day, day of week), over-dispersed, one series, so that every rule looks at the same. Eight weeks of
history, then eight judged. First every rule judges null streams, and its threshold is set so that on them it alarms
(alarms within a day are one) as often as Whence did there. Then, on other
seeds, a spike begins at a random hour: bursts of 3 hours and creeps of 5 days, by stated multiples of the usual contacts.
Found: alarmed before it ended. Delay: median hours from onset to the end of the alarming hour, of those found. Seeded.

Rules, each with its estimates from the eight weeks before: ``3 sigma`` (hour against mean and sd of the same hour of the
week), ``+50% on last week`` (last 24 h against the same 24 h a week ago), ``EWMA`` (weight .1) and ``CUSUM`` (allowance .5)
of standardised hours, ``seasonal band`` (hour against the quantiles of its hour of the day, a Poisson tail beyond them).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from benchmarks.buckets import buckets_of
from schemas.workspace import Dimension, Workspace
from streams.detect.detector import Detector
from streams.detect.settings import DetectSettings

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
START = datetime(2024, 1, 1, tzinfo=UTC)
WEEK_H = 168
HISTORY_H = 8 * WEEK_H
JUDGED_H = 8 * WEEK_H
APART_H = 24
ALLOWANCE = 0.5
SETTINGS = DetectSettings(shares=(("contacts", 1.0), ("low_scores", 1.0)))
DIMENSIONS: tuple[Dimension, ...] = ("topic",)
SPIKES = (
    ("burst x2", 3, 2.0),
    ("burst x3", 3, 3.0),
    ("burst x5", 3, 5.0),
    ("day x1.5", 24, 1.5),
    ("creep x1.2", 120, 1.2),
    ("creep x1.35", 120, 1.35),
    ("creep x1.5", 120, 1.5),
)
RULES = ("3 sigma", "+50% on last week", "EWMA", "CUSUM", "seasonal band")


def mean_of(per_hour: float, wander: float, random: np.random.Generator) -> Floats:
    """Expected contacts per hour; their level wanders by that much, forgetting over two days."""
    hours = np.arange(HISTORY_H + JUDGED_H)
    shape = np.exp(0.9 * np.sin((hours % 24 - 9) / 24 * 2 * np.pi)) * np.where(hours // 24 % 7 >= 5, 0.5, 1.0)
    level = np.zeros(len(hours))
    if wander > 0.0:
        keep = np.exp(-1.0 / 48.0)
        noise = random.normal(size=len(hours)) * np.sqrt(1.0 - keep**2)
        for hour in range(1, len(hours)):
            level[hour] = keep * level[hour - 1] + noise[hour]
    return np.asarray(per_hour * shape / shape.mean() * np.exp(wander * level))


def counted(mean: Floats, dispersion: float, random: np.random.Generator) -> Ints:
    """Counts with that mean and variance over mean."""
    if dispersion > 1.0:
        mean = random.gamma(mean / (dispersion - 1.0)) * (dispersion - 1.0)
    return np.asarray(random.poisson(mean), dtype=np.int64)


def statistics(counts: Ints) -> dict[str, Floats]:
    """Every rule's statistic at every judged hour; it alarms where this exceeds the rule's threshold."""
    past = counts[:HISTORY_H].reshape(8, WEEK_H)
    mean, sd = past.mean(axis=0), np.sqrt(past.var(axis=0, ddof=1))
    sd = np.sqrt(np.maximum((sd**2 + mean) / 2, 0.25))
    judged = counts[HISTORY_H:]
    weeks = len(judged) // WEEK_H
    z = (judged - np.tile(mean, weeks)) / np.tile(sd, weeks)
    days = np.convolve(counts, np.ones(24))[: len(counts)]
    last_week = days[HISTORY_H:] / np.maximum(days[HISTORY_H - WEEK_H : -WEEK_H], 1.0)
    by_hour = past.reshape(8 * 7, 24)
    middle, high = np.median(by_hour, axis=0), np.quantile(by_hour, 0.95, axis=0)
    band = (judged - np.tile(middle, weeks * 7)) / np.tile(np.maximum(high - middle, 1.0), weeks * 7)
    ewma, level = np.empty_like(z), 0.0
    for hour, one in enumerate(z):
        level = 0.9 * level + 0.1 * one
        ewma[hour] = level
    return {"3 sigma": z, "+50% on last week": last_week, "EWMA": ewma, "CUSUM": z, "seasonal band": band}


def alarms(rule: str, values: Floats, cut: float) -> list[int]:
    """Hours at which a rule alarms, at least a day apart; CUSUM starts anew after each."""
    if rule != "CUSUM":
        above = np.flatnonzero(values > cut).tolist()
    else:
        above, total = [], 0.0
        for hour, one in enumerate(values.tolist()):
            total = max(total + one - ALLOWANCE, 0.0)
            if total > cut:
                above.append(hour)
                total = 0.0
    apart: list[int] = []
    for hour in above:
        if not apart or hour - apart[-1] >= APART_H:
            apart.append(hour)
    return apart


def threshold(rule: str, values: list[Floats], allowed: int) -> float:
    """The lowest threshold at which a rule alarms on these streams together no more often than allowed."""
    low, high = 0.0, 200.0
    for _ in range(30):
        middle = (low + high) / 2
        if sum(len(alarms(rule, some, middle)) for some in values) <= allowed:
            high = middle
        else:
            low = middle
    return high


def whence_alarms(counts: Ints, budget: float) -> list[int]:
    """Judged hours at whose end Whence opened a spike."""
    workspace = Workspace(name="delay", bucket_s=3600, dimensions=DIMENSIONS, budget_per_week=budget)
    detector = Detector(workspace, "contacts", SETTINGS)
    opened: dict[str, int] = {}
    buckets = buckets_of(counts[:, None], [("",)], dimensions=DIMENSIONS, start=START, bucket_s=3_600)
    for hour, bucket in enumerate(buckets):
        for spike in detector.judge(bucket).spikes:
            opened.setdefault(spike.spike_id, hour - HISTORY_H)
    return sorted(hour for hour in opened.values() if hour >= 0)


@dataclass(frozen=True, slots=True)
class Setting:
    """The stream, how many runs, and the budget."""

    per_hour: float
    dispersion: float
    runs: int
    budget: float
    wander: float = 0.0


def calibrated(setting: Setting) -> tuple[dict[str, float], dict[str, int]]:
    """Thresholds of the rules, and how often every rule alarmed on the null streams."""
    streams = []
    for seed in range(4 * setting.runs):
        random = np.random.default_rng((seed, 1))
        streams.append(counted(mean_of(setting.per_hour, setting.wander, random), setting.dispersion, random))
    allowed = max(sum(len(whence_alarms(some, setting.budget)) for some in streams), 1)
    values = [statistics(some) for some in streams]
    cuts = {rule: threshold(rule, [one[rule] for one in values], allowed) for rule in RULES}
    made = {rule: sum(len(alarms(rule, one[rule], cuts[rule])) for one in values) for rule in RULES}
    return cuts, {"whence": allowed, **made}


def delays(setting: Setting, cuts: dict[str, float], spike: tuple[str, int, float]) -> dict[str, list[float]]:
    """Hours from onset to alarm per rule; not found: infinite. Six spikes a run, nine days apart."""
    _, length, times = spike
    found: dict[str, list[float]] = {rule: [] for rule in ("whence", *RULES)}
    for seed in range(setting.runs):
        random = np.random.default_rng((seed, 2, SPIKES.index(spike)))
        mean = mean_of(setting.per_hour, setting.wander, random)
        begins = [24 * 9 * number + 48 + int(random.integers(24)) for number in range(6)]
        for begin in begins:
            mean[HISTORY_H + begin : HISTORY_H + begin + length] *= times
        counts = counted(mean, setting.dispersion, random)
        values = statistics(counts)
        alarmed = {rule: alarms(rule, values[rule], cuts[rule]) for rule in RULES}
        alarmed["whence"] = whence_alarms(counts, setting.budget)
        for rule, hours in alarmed.items():
            for begin in begins:
                during = [hour - begin + 1.0 for hour in hours if begin <= hour < begin + length + 1]
                found[rule].append(min(during, default=np.inf))
    return found


def main() -> None:
    """Calibrate, then measure every spike."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--per-hour", type=float, default=20.0)
    parser.add_argument("--dispersion", type=float, default=1.5)
    parser.add_argument("--wander", type=float, default=0.0)
    parser.add_argument("--budget", type=float, default=0.5)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    setting = Setting(args.per_hour, args.dispersion, args.runs, args.budget, args.wander)
    cuts, alarms = calibrated(setting)
    print(f"alarms on {4 * args.runs * 8} weeks of null streams: {alarms}", flush=True)
    for spike in SPIKES:
        row: dict[str, object] = {"spike": spike[0]}
        for rule, hours in delays(setting, cuts, spike).items():
            seen = [one for one in hours if np.isfinite(one)]
            delay = f"{np.median(seen):.0f} h" if seen else "-"
            row[rule] = f"{len(seen) / len(hours):.0%} {delay}"
        print(json.dumps(row) if args.json else "  ".join(f"{k}: {v}" for k, v in row.items()), flush=True)


if __name__ == "__main__":
    main()
