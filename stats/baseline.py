"""What to expect on every slice: level, time of day and day of week, shrunk to everywhere where contacts are thin.

Column 0 is everywhere. Its shape is fitted by alternating ratios over the history, its level by discounted
daily sums. Every other slice has everywhere's shape times its own deviation (gamma-Poisson shrinkage, strength
estimated from all slices), everywhere's level times its share, and its own recent drift. Daily sums far from what is
expected are cut back (as Farrington-flexible down-weights past outbreaks), blocks marked unused do not teach at all.

After Farrington et al. 1996, Noufaily et al. 2013; discounting after West and Harrison 1997, ch. 10.
Expect the level of a steady stream to be off by about 1 / sqrt(worth) of itself.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from stats.errors import DomainError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LEVEL_HALF_LIFE_D = 7.0
SHARE_HALF_LIFE_D = 28.0
DRIFT_HALF_LIFE_D = 10.0
CUT_SD = 3.5
CUT_SPREAD = 0.12
FAR = 2.0


@dataclass(frozen=True, slots=True)
class History:
    """Counts per block and slice (blocks in rows, oldest first) with each block's place in local time.

    ``use`` is 0 where a block must not teach a slice. ``day`` numbers whole days from 0.
    """

    count: Floats
    use: Floats
    hour: Ints
    weekday: Ints
    day: Ints


@dataclass(frozen=True, slots=True)
class Shape:
    """Time of day (24 rows) and day of week (7 rows) per slice, each about 1 on average."""

    hour: Floats
    weekday: Floats

    def unit(self, hour: Ints, weekday: Ints) -> Floats:
        """Expectation at level one for blocks at these times."""
        whole = self.hour[:, None] * self.weekday
        return np.asarray(whole[hour, weekday])


@dataclass(frozen=True, slots=True)
class Level:
    """Expected contacts per block at shape one, and how many contacts (discounted) that rests on."""

    level: Floats
    worth: Floats


def fit_shape(history: History) -> Shape:
    """Time of day and day of week per slice.

    Raises:
        DomainError: the history has no block.
    """
    _check(history)
    slices = history.count.shape[1]
    hour, weekday = np.ones((24, slices)), np.ones((7, slices))
    path = _level_path(history, Shape(hour, weekday))
    for _ in range(3):
        base = history.use[:, :1] * path
        hour[:, :1] = _ratios(history, history.hour, 24, base * weekday[history.weekday, :1], 0)
        weekday[:, :1] = _ratios(history, history.weekday, 7, base * hour[history.hour, :1], 0)
        path = _level_path(history, Shape(hour, weekday))
    if slices > 1:
        hour[:, 1:], weekday[:, 1:] = _slice_shape(history, Shape(hour, weekday), path)
    return Shape(hour, weekday)


def fit_level(history: History, shape: Shape) -> Level:
    """The level that the next day starts from."""
    _check(history)
    counts, units = _daily(history, shape)
    age = float(history.day.max()) - np.arange(len(counts), dtype=np.float64)[:, None]
    level = _discounted(counts, units, age, SHARE_HALF_LIFE_D)
    cut = _cut(counts, units * level)
    level0 = _discounted(cut[:, :1], units[:, :1], age, LEVEL_HALF_LIFE_D)
    cut[:, :1] = _cut(counts[:, :1], units[:, :1] * level0)
    level0 = _discounted(cut[:, :1], units[:, :1], age, LEVEL_HALF_LIFE_D)
    path = _smoothed(cut[:, 0], units[:, 0], float(level0[0]))
    share = _discounted(cut, units * path, age, SHARE_HALF_LIFE_D)
    expected = units * path * share
    cut = _cut(counts, expected)
    drift = _drift(cut, expected, age)
    discount = 0.5 ** (age / LEVEL_HALF_LIFE_D)
    worth = np.sum(discount * cut, axis=0)
    worth[1:] = np.minimum(np.sum(0.5 ** (age / SHARE_HALF_LIFE_D) * cut[:, 1:], axis=0), worth[0] + 1e9)
    levels = share * drift * level0[0]
    levels[0] = level0[0]
    return Level(np.maximum(levels, 1e-7), np.maximum(worth, 0.5))


def _check(history: History) -> None:
    if len(history.count) == 0:
        raise DomainError("history", "empty", "at least one block")


def _daily(history: History, shape: Shape) -> tuple[Floats, Floats]:
    """Counts and units per day and slice."""
    starts = np.searchsorted(history.day, np.arange(int(history.day.max()) + 1))
    unit = shape.unit(history.hour, history.weekday) * history.use
    count = history.count * history.use
    return _sum_runs(count, starts), _sum_runs(unit, starts)


def _sum_runs(values: Floats, starts: Ints) -> Floats:
    """Sums of the rows from each start to the next; none where two starts are the same."""
    sums = np.add.reduceat(values, starts, axis=0)
    sums[np.diff(starts, append=len(values)) == 0] = 0.0
    return np.asarray(sums)


def _discounted(counts: Floats, units: Floats, age: Floats, half_life_d: float) -> Floats:
    """Counts per unit, days weighing half as much every half-life."""
    weight = 0.5 ** (age / half_life_d)
    return np.asarray(np.sum(weight * counts, axis=0) / np.maximum(np.sum(weight * units, axis=0), 1e-9))


def _cut(counts: Floats, expected: Floats) -> Floats:
    """Daily sums with what lies beyond reach cut back to it, and what lies far beyond taken as expected."""
    reach = CUT_SD * np.sqrt(1.3 * expected + (CUT_SPREAD * expected) ** 2) + 1.0
    cut = np.clip(counts, expected - reach, expected + reach)
    return np.where(np.abs(counts - expected) > FAR * reach, expected, cut)


def _smoothed(counts: Floats, units: Floats, level: float) -> Floats:
    """Everywhere's level around each day: a week centred on it, pulled to the current level by half a day."""
    kernel = np.ones(7)
    around = np.convolve(counts, kernel, mode="same") if len(counts) >= 7 else np.full(len(counts), counts.sum())
    exposure = np.convolve(units, kernel, mode="same") if len(units) >= 7 else np.full(len(units), units.sum())
    pull = 0.5 * max(float(units.mean()), 1e-9)
    return np.asarray((around + pull * level) / (exposure + pull))[:, None]


def _drift(counts: Floats, expected: Floats, age: Floats) -> Floats:
    """How far each slice has lately moved from its share, shrunk to not at all."""
    weight = 0.5 ** (age / DRIFT_HALF_LIFE_D)
    observed, forecast = np.sum(weight * counts, axis=0), np.sum(weight * expected, axis=0)
    strength = _strength(observed, forecast, at_most=0.25)
    return np.asarray((observed + strength) / (forecast + strength))


def _strength(observed: Floats, expected: Floats, *, at_most: float) -> float:
    """Prior contacts of a gamma whose variance is that of the true ratios, estimated from all cells."""
    weight = expected**2 / (1.3 * expected + 0.01 * expected**2 + 1e-9) ** 2
    over = np.sum(weight * ((observed - expected) ** 2 - 1.3 * expected))
    variance = over / max(float(np.sum(weight * expected**2)), 1e-9)
    return 1.0 / float(np.clip(variance, 1e-3, at_most))


def _cells(values: Floats, place: Ints, many: int) -> Floats:
    member = csr_array((np.ones(len(place)), (place, np.arange(len(place)))), shape=(many, len(place)))
    return np.asarray(member @ values)


def _ratios(history: History, place: Ints, many: int, expected: Floats, column: int) -> Floats:
    observed = _cells(history.count[:, column : column + 1] * history.use[:, column : column + 1], place, many)
    forecast = _cells(expected, place, many)
    strength = _strength(observed, forecast, at_most=1.0)
    ratio = (observed + strength) / (forecast + strength)
    return np.asarray(ratio / max(float(ratio.mean()), 1e-9))


def _level_path(history: History, shape: Shape) -> Floats:
    counts, units = _daily(
        History(history.count[:, :1], history.use[:, :1], history.hour, history.weekday, history.day),
        Shape(shape.hour[:, :1], shape.weekday[:, :1]),
    )
    level = float(counts.sum() / max(float(units.sum()), 1e-9))
    cut = _cut(counts, units * level)
    return _smoothed(cut[:, 0], units[:, 0], level)[history.day]


def _slice_shape(history: History, shape: Shape, path: Floats) -> tuple[Floats, Floats]:
    """Every slice's shape: everywhere's times its own deviation."""
    counts = history.count[:, 1:] * history.use[:, 1:]
    base = history.use[:, 1:] * (path * shape.hour[history.hour, :1] * shape.weekday[history.weekday, :1])
    base = base * (counts.sum(axis=0) / np.maximum(base.sum(axis=0), 1e-9))
    by_hour = (_cells(counts, history.hour, 24), _cells(base, history.hour, 24))
    by_day = (_cells(counts, history.weekday, 7), _cells(base, history.weekday, 7))
    hour = _deviation(*(_blurred(cells) for cells in by_hour))
    weekday = _deviation(*by_day)
    return shape.hour[:, :1] * hour, shape.weekday[:, :1] * weekday


def _blurred(cells: Floats) -> Floats:
    return np.asarray((np.roll(cells, 1, axis=0) + 2 * cells + np.roll(cells, -1, axis=0)) / 4)


def _deviation(observed: Floats, expected: Floats) -> Floats:
    strength = _strength(observed, expected, at_most=0.25)
    return (observed + strength) / (expected + strength)
