"""Counts of many series judged in the order of time, one row at a time told: what ``whence detect`` runs on.

Steps below a day go to :class:`stats.flat.FlatDetector`, longer ones to :class:`stats.dated.DatedDetector`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from stats.dated import DatedDetector
from stats.flat import NO_SPIKE, FlatDetector, Verdict

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
DAY_S = 86_400
TOLD_EVERY = 50


@dataclass(frozen=True, slots=True)
class Rows:
    """Counts by row: the number of its series, the start of its step (epoch seconds, UTC), the count (NaN: not collected)."""

    series: Ints
    start_s: Ints
    count: Floats

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True)
class Judged:
    """What detection says of every row, in the rows' order; ``spike`` numbers the spikes of one series from 0, -1 outside."""

    expected: Floats
    lower: Floats
    upper: Floats
    surprise: Floats
    spike: Ints
    mismeasured: Bools


class _Detector(Protocol):
    def push(self, start: int, counts: Floats, /) -> Verdict: ...


def judge(
    rows: Rows,
    *,
    series: int,
    step_s: int,
    budget_per_week: float,
    holidays: frozenset[int] = frozenset(),
    told: Callable[[int], object] = int,
) -> Judged:
    """Judge every row by what came before it.

    Args:
        rows: In any order; no step of a series twice.
        series: How many there are.
        step_s: Length of a step; from a day on, whole days.
        budget_per_week: False spikes allowed a week over all series.
        holidays: Day numbers since 1970-01-01.
        told: Called now and then with the number of rows judged.
    """
    order = np.argsort(rows.start_s, kind="stable")
    starts, first = np.unique(rows.start_s[order], return_index=True)
    ends = np.append(first[1:], len(order))
    judged = _empty(len(rows))
    detector, unit_s = _detector(series, step_s, budget_per_week, holidays)
    for at, start_s in enumerate(starts.tolist()):
        here = order[first[at] : ends[at]]
        which = rows.series[here]
        counts = np.full(series, np.nan)
        counts[which] = rows.count[here]
        _keep(judged, detector.push(start_s // unit_s, counts), here, which)
        if at % TOLD_EVERY == 0:
            told(int(ends[at]))
    told(len(rows))
    return judged


def _detector(series: int, step_s: int, budget: float, holidays: frozenset[int]) -> tuple[_Detector, int]:
    """The detector for a step's length, and the unit of its times in seconds."""
    if step_s < DAY_S:
        return FlatDetector(series=series, step_s=step_s, budget_per_week=budget, holidays=holidays), 1
    return DatedDetector(series=series, step_d=step_s // DAY_S, budget_per_week=budget, holidays=holidays), DAY_S


def _empty(rows: int) -> Judged:
    expected, lower, upper, surprise = (np.full(rows, np.nan) for _ in range(4))
    spike = np.full(rows, NO_SPIKE, dtype=np.int64)
    return Judged(expected, lower, upper, surprise, spike, np.zeros(rows, dtype=bool))


def _keep(judged: Judged, verdict: Verdict, rows: Ints, series: Ints) -> None:
    for name in ("expected", "lower", "upper", "surprise", "spike", "mismeasured"):
        getattr(judged, name)[rows] = getattr(verdict, name)[series]
