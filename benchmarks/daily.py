"""Daily series with weekday and holiday effects and outbreaks of 3 to 30 days: ours beside improved Farrington.

    python -m benchmarks.daily [--replicates 12] [--seed 5] [--json]
    python -m benchmarks.daily --calibrate               the threshold, from the method's own simulation

Series of ``benchmarks.noufaily_daily``; 49 weeks are judged day by day, by nothing later. Ours: an
alarm begins where chance alone shows as much on less than ``SHARE`` of days, and goes on until it has been above ``HOLD``
for ``BACK`` days; ``SHARE`` is such that ``NOMINAL`` of quiet days are alarmed on simulated series with a seed of their
own (``--calibrate``). Beside it the same with mean and dispersion known. Farrington at tail chances
``FARRINGTON_SHARES`` on totals of the last seven days, judged every day (raw days would break on weekdays and
holidays). Rates are by open day: false positives with the outbreak taken out, sensitivity over days with its cases.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import farrington
from benchmarks.noufaily_daily import DAYS, JUDGED_D, SIZES, YEAR_D, Daily, make, truth
from stats.dated import JOIN, DatedDetector
from stats.evidence import DAILY, Evidence
from stats.evidence_table import CAUTION, table_of

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SHARE = 0.00615
HOLD, BACK = 0.2, JOIN["daily"]
NOMINAL = 0.0185
CALIBRATED_ON = 2019
FARRINGTON_SHARES = (0.01, 0.02, 0.03)
FIRST = DAYS - JUDGED_D
WARM_D = 28
TAUGHT_D = 1_090
MONDAY = 4


class Rates(NamedTuple):
    """Per open day, and share of outbreaks found on any of their days."""

    fpr: float
    sensitivity: float
    pod: float


def chances(counts: Floats, holidays: frozenset[int]) -> Floats:
    """How likely chance alone shows as much, per series and judged day."""
    detector = DatedDetector(
        series=len(counts),
        step_d=1,
        budget_per_week=1.0,
        holidays=frozenset(day + MONDAY for day in holidays),
        year_d=YEAR_D,
    )
    taught = range(FIRST - WARM_D - TAUGHT_D, FIRST - WARM_D)
    detector.teach([day + MONDAY for day in taught], counts[:, taught.start : taught.stop])
    told = []
    for day in range(taught.stop, DAYS):
        detector.push(day + MONDAY, counts[:, day])
        told.append(detector.chance)
    return np.stack(told[WARM_D:], axis=1)


def farrington_chances(counts: Floats) -> Floats:
    """The same by improved Farrington on seven-day totals; 1 where it holds back."""
    sums = np.cumsum(np.pad(counts, ((0, 0), (1, 0))), axis=1)
    totals = sums[:, 7:] - sums[:, :-7]
    told = []
    for day in range(FIRST, DAYS):
        points = totals[:, (day - 6) % 7 : day - 5 : 7]
        mean, dispersion = farrington.expectation(points)
        tail = farrington.tail_chance(points[:, -1], mean, dispersion)
        told.append(np.where(points[:, -4:].sum(axis=1) >= 5, tail, 1.0))
    return np.stack(told, axis=1)


def rates(alarm: Bools, clean: Bools, daily: Daily, which: Bools) -> Rates:
    """Of the series in ``which``."""
    opened = ~daily.shut[which, FIRST:]
    outbreak = (daily.outbreak[which, FIRST:] > 0) & opened
    hit = alarm[which] & outbreak
    return Rates(
        fpr=float(clean[which][opened].mean()),
        sensitivity=float(hit.sum() / outbreak.sum()),
        pod=float(hit.any(axis=1).mean()),
    )


def measure(replicates: int, *, seed: int) -> Iterator[dict[str, object]]:
    """Rows of the comparison."""
    daily = make(replicates, seed=seed)
    pair = [one.astype(np.float64) for one in (daily.counts, daily.clean)]
    began = time.process_time()
    ours = [chances(one, daily.holidays) for one in pair]
    spent_ms = 1e3 * (time.process_time() - began) / (2 * ours[0].size)
    yield from _rows("ours", [running(one, SHARE) for one in ours], SHARE, daily, spent_ms)
    known = [running(knowing(one, daily), SHARE) for one in pair]
    yield from _rows("ours, truth known", known, SHARE, daily, 0.0)
    blind = [running(chances(one, frozenset()), SHARE) for one in pair]
    yield from _rows("ours, no calendar", blind, SHARE, daily, spent_ms)
    began = time.process_time()
    theirs = [farrington_chances(one) for one in pair]
    spent_ms = 1e3 * (time.process_time() - began) / (2 * theirs[0].size)
    for share in FARRINGTON_SHARES:
        yield from _rows("farrington", [one < share for one in theirs], share, daily, spent_ms)


def knowing(counts: Floats, daily: Daily) -> Floats:
    """The same evidence with mean and dispersion known."""
    mean, variance = truth(daily)
    weigher, told = Evidence(DAILY), []
    for day in range(FIRST, DAYS):
        here = slice(day + 1 - weigher.steps, day + 1)
        found = weigher.weigh(counts[:, here], mean[:, here], CAUTION * variance[:, here])
        dispersion = variance[:, day] / mean[:, day]
        told.append(table_of("daily").chance(found, mean=mean[:, day], dispersion=dispersion).step)
    return np.stack(told, axis=1)


def running(chance: Floats, share: float) -> Bools:
    """Days on which an alarm goes on."""
    on = np.zeros(len(chance), dtype=bool)
    quiet = np.zeros(len(chance), dtype=np.int64)
    alarmed = []
    for today in chance.T:
        begins = today < share
        quiet = np.where(begins | (on & (today < HOLD)), 0, quiet + 1)
        on = begins | (on & (quiet < BACK))
        alarmed.append(on)
    return np.stack(alarmed, axis=1)


def calibrate(replicates: int = 8) -> float:
    """The chance at which alarms begin such that a share ``NOMINAL`` of open days without outbreak is alarmed."""
    daily = make(replicates, seed=CALIBRATED_ON)
    told, opened = chances(daily.clean.astype(np.float64), daily.holidays), ~daily.shut[:, FIRST:]
    least, most = 1e-5, HOLD
    for _ in range(20):
        share = float(np.sqrt(least * most))
        most, least = (share, least) if running(told, share)[opened].mean() > NOMINAL else (most, share)
    return least


def _rows(name: str, alarms: list[Bools], share: float, daily: Daily, spent_ms: float) -> Iterator[dict[str, object]]:
    everything = np.ones(len(daily.signal), dtype=bool)
    groups = {"all": everything} | {f"{size} sd": daily.size == size for size in SIZES}
    for group, which in groups.items():
        told = rates(alarms[0], alarms[1], daily, which)._asdict()
        yield {"method": name, "share": share, "series": group, **told, "ms_per_day": round(spent_ms, 3)}


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--replicates", type=int, default=12)
    parser.add_argument("--seed", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--calibrate", action="store_true")
    args = parser.parse_args()
    if args.calibrate:
        print(f"SHARE = {calibrate():.5f}")
        return
    for row in measure(args.replicates, seed=args.seed):
        text = "{method:20} {share:<6} {series:6} fpr {fpr:.4f}  sensitivity {sensitivity:.3f}  pod {pod:.3f}  {ms_per_day} ms"
        print(json.dumps(row) if args.json else text.format(**row), flush=True)


if __name__ == "__main__":
    main()
