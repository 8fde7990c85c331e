"""Time of day and day of week of every series, shrunk to what all series share, and that to flat.

Each block is set against the mean of the week around it, so the shape needs no level and the level no shape. Deviations
are gamma-Poisson shrunk, day by day and cell by cell, with strengths estimated over all cells.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
KEEP_WEEKLY = 0.96
TYPICAL = 0.1
LEAST2 = 1e-7
MOST2 = 1.0
ALIKE = 6.0
OUTLIER = 3.5
FEW = 4.0
ROUNDS = 3
MANY = 200


class Units(NamedTuple):
    """Expectation at level one for slots (rows) and series, its relative variance within a day, and over days."""

    unit: Floats
    within2: Floats
    across2: Floats


class WeekShape:
    """Contacts and week's means per slot of the week and series."""

    def __init__(self, series: int, *, per_day: int) -> None:
        self.per_day = per_day
        self.seen = np.zeros((7, per_day, series))
        self.around = np.zeros((7, per_day, series))

    def teach(self, slot: int, count: Floats, around: Floats) -> None:
        """One block's contacts and the mean of the week around it (both 0 where they teach nothing)."""
        weekday, part = divmod(slot, self.per_day)
        self.seen[weekday, part] *= KEEP_WEEKLY
        self.seen[weekday, part] += count
        self.around[weekday, part] *= KEEP_WEEKLY
        self.around[weekday, part] += around


def fit_day(seen: Floats, around: Floats, weekday: int, dispersion: Floats, *, wander2: Floats | float = 0.0) -> Units:
    """Shape of one weekday from contacts and means around them, both (7, parts of a day, series).

    ``wander2`` is the relative variance of a day's level over that many weeks: one odd weekend makes no shape.
    """
    total = around.sum(axis=(0, 1))
    weight = 1.0 / (dispersion + around.max(axis=(0, 1)) / ALIKE)
    common = np.ones((*seen.shape[:2], 1))
    together = (seen @ weight)[:, :, None], (around @ weight)[:, :, None]
    noise = np.array([max(float((weight**2 * dispersion) @ total) / max(float(weight @ total), 1e-9), 1e-9)])
    for day in range(7):
        common[day] = _chain(*together, np.ones_like(common), day, dispersion=noise, wander2=0.0, rounds=ROUNDS).unit
    return _chain(seen, around, common, weekday, dispersion=dispersion, wander2=wander2)


def _chain(
    seen: Floats,
    around: Floats,
    base: Floats,
    weekday: int,
    *,
    dispersion: Floats,
    wander2: Floats | float,
    rounds: int = 1,
) -> Units:
    """Parts of the day and days, in turn, then single cells, each shrunk to what came before."""
    expected = around * base
    expected *= seen.sum(axis=(0, 1)) / np.maximum(expected.sum(axis=(0, 1)), 1e-9)
    plain, day = expected, np.ones((7, expected.shape[2]))
    for _ in range(rounds):
        parts = (plain * day[:, None]).sum(axis=0)
        part, part2 = _shrunk(seen.sum(axis=0), parts, dispersion + wander2 * parts / 7)
        days = (plain * part).sum(axis=1)
        day, day2 = _shrunk(seen.sum(axis=1), days, dispersion + wander2 * days)
    expected = plain * part * day[:, None]
    cell, cell2 = _shrunk(seen, expected, dispersion + wander2 * expected, only=weekday)
    unit = base[weekday] * part * day[weekday] * cell
    return Units(unit, part2 + cell2, np.asarray(day2[weekday]))


def _shrunk(seen: Floats, expected: Floats, dispersion: Floats, only: int | None = None) -> tuple[Floats, Floats]:
    """Ratio of seen to expected, drawn to 1, and its variance; of row ``only`` of the first axis, if given."""
    if only is not None and seen.shape[-1] >= MANY:
        seen, expected, dispersion, only = seen[only], expected[only], dispersion[only], None
    spread = spread2(seen, expected, dispersion)
    strength = dispersion / spread
    if only is not None:
        seen, expected, strength, dispersion = seen[only], expected[only], strength[only], dispersion[only]
    reach = OUTLIER * np.sqrt(expected * (dispersion + spread * expected)) + FEW
    seen = np.clip(seen, expected - reach, expected + reach)
    return (seen + strength) / (expected + strength), dispersion / (expected + strength)


def spread2(seen: Floats, expected: Floats, dispersion: Floats) -> float:
    """Variance of the true ratios around 1, by moments over all cells and series."""
    usual = dispersion * expected
    typical2 = (TYPICAL * expected) ** 2
    weight = (expected / (usual + typical2 + 1e-9)) ** 2
    square = np.minimum((seen - expected) ** 2, OUTLIER**2 * (usual + typical2) + FEW**2)
    square -= usual
    over = float(np.vdot(weight, square))
    return float(np.clip(over / max(float(np.vdot(weight, typical2)) / TYPICAL**2, 1e-9), LEAST2, MOST2))
