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
AGAIN = 1.5
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

    def renew(self, one: int, slots: NDArray[np.int64], count: Floats) -> None:
        """Series ``one`` has been taught nothing but these blocks, each slot once."""
        weekday, part = np.divmod(slots, self.per_day)
        self.seen[:, :, one] = self.around[:, :, one] = 0.0
        self.seen[weekday, part, one], self.around[weekday, part, one] = count, count.mean() if len(count) else 0.0


class Rows(NamedTuple):
    """Parts of the day and days of every series: ratios to the common shape, drawn to 1, and their relative variances.

    ``scale`` makes means of the week out of what the common shape expects.
    """

    common: Floats
    scale: Floats
    part: Floats
    part2: Floats
    day: Floats
    day2: Floats


def fit_day(seen: Floats, around: Floats, weekday: int, dispersion: Floats, *, wander2: Floats | float = 0.0) -> Units:
    """Shape of one weekday from contacts and means around them, both (7, parts of a day, series).

    ``wander2`` is the relative variance of a day's level over that many weeks: one odd weekend makes no shape.
    """
    rows = fit_rows(seen, around, fit_common(seen, around, dispersion), dispersion, wander2=wander2)
    return fit_cells(seen, around, rows, dispersion, weekday, wander2=wander2)


def fit_common(seen: Floats, around: Floats, dispersion: Floats) -> Floats:
    """The week that all series share, (7, parts of a day, 1); a thick series says no more than one that is sure of itself.

    A single cell counts against what every series' own hours and days make of it: where each opens and rests as it likes, the sum of
    all has cells that no series has.
    """
    total = around.sum(axis=(0, 1))
    weight = 1.0 / (dispersion + around.max(axis=(0, 1)) / ALIKE)
    whole, base = (seen @ weight)[:, :, None], (around @ weight)[:, :, None]
    noise = np.array([max(float((weight**2 * dispersion) @ total) / max(float(weight @ total), 1e-9), 1e-9)])
    rows = fit_rows(whole, base, np.ones_like(whole), noise, rounds=ROUNDS)
    common = rows.scale * rows.part * rows.day[:, None]
    own = fit_rows(seen, around, common, dispersion)
    expected = np.einsum("dpn,pn,dn->dp", around, own.scale * own.part * weight, own.day)[:, :, None] * common
    cell, _ = _shrunk(whole, expected, noise)
    return np.asarray(common * cell)


def fit_rows(
    seen: Floats,
    around: Floats,
    common: Floats,
    dispersion: Floats,
    *,
    wander2: Floats | float = 0.0,
    rounds: int = 1,
) -> Rows:
    """Parts of the day and days, in turn. Sums over products, so that no copy of all cells is made."""
    by_part, by_day = seen.sum(axis=0), seen.sum(axis=1)
    parts = np.einsum("dpn,dpz->pn", around, common)
    scale = by_part.sum(axis=0) / np.maximum(parts.sum(axis=0), 1e-9)
    for after in reversed(range(rounds)):
        parts *= scale
        part, part2 = _shrunk(by_part, parts, dispersion, wander2=wander2 / 7)
        days = np.einsum("dpn,dpz,pn->dn", around, common, part) * scale
        day, day2 = _shrunk(by_day, days, dispersion, wander2=wander2)
        if after:
            parts = np.einsum("dpn,dpz,dn->pn", around, common, day)
    return Rows(common, scale, part, part2, day, day2)


def fit_cells(
    seen: Floats, around: Floats, rows: Rows, dispersion: Floats, weekday: int, *, wander2: Floats | float = 0.0
) -> Units:
    """Single cells of one weekday, on top of parts and days; few series learn their spread from the whole week.

    ``wander2`` is the relative variance of a single block over that many weeks: one odd hour makes no shape.
    """
    here = slice(weekday, weekday + 1) if seen.shape[2] >= MANY else slice(None)
    only = 0 if seen.shape[2] >= MANY else weekday
    expected = _expected(around, rows, here)
    cell, cell2 = _shrunk(seen[here], expected, dispersion, wander2=wander2)
    unit = rows.common[weekday] * rows.part * rows.day[weekday] * cell[only]
    return Units(unit, rows.part2 + cell2[only], rows.day2[weekday])


def _expected(around: Floats, rows: Rows, here: slice = slice(None)) -> Floats:
    """Contacts of every cell, given parts and days."""
    return np.asarray(around[here] * rows.common[here] * (rows.scale * rows.part * rows.day[here, None]))


def _shrunk(
    seen: Floats, expected: Floats, dispersion: Floats, *, wander2: Floats | float = 0.0
) -> tuple[Floats, Floats]:
    """Ratio of seen to expected, drawn to 1, and its relative variance.

    A level that wanders by ``wander2`` blurs what is seen in proportion: a day that is clearly shut is not doubted for it.
    """
    spread = spread2(seen, expected, dispersion + wander2 * expected)
    strength = dispersion / spread
    noise = dispersion + wander2 * expected * (seen + strength) / (expected + strength)
    strength = noise / spread
    return (seen + strength) / (expected + strength), noise / (seen + strength)


def spread2(seen: Floats, expected: Floats, dispersion: Floats) -> float:
    """Variance of the true ratios around 1, by moments over all cells and series.

    Cells far off are cut by what is typical; where that proves half as much again or more, once more by what was found (three
    times at most), so that shapes which truly differ are not taken for outliers.
    """
    about2 = TYPICAL**2
    for _ in range(ROUNDS):
        found = _spread2(seen, expected, dispersion, about2)
        if found <= AGAIN * about2:
            break
        about2 = found
    return found


def _spread2(seen: Floats, expected: Floats, dispersion: Floats, about2: float) -> float:
    usual = dispersion * expected
    typical2 = about2 * expected**2
    weight = (expected / (usual + typical2 + 1e-9)) ** 2
    square = np.minimum((seen - expected) ** 2, OUTLIER**2 * (usual + typical2) + FEW**2)
    square -= usual
    over = float(np.vdot(weight, square))
    return float(np.clip(over / max(float(np.vdot(weight, typical2)) / about2, 1e-9), LEAST2, MOST2))
