"""How many contacts did a change cause, spike or not? Counts after it against a counterfactual learnt before it.

The counterfactual is a local level times the day of the week, alone or relative to contacts that the change cannot
touch (its control): the structural time series of Brodersen et al. 2015 (*Inferring causal impact using Bayesian
structural time-series models*, Annals of Applied Statistics 9:247), on counts. How fast the level wanders, how
over-dispersed counts are and whether the control helps are not chosen but averaged over a grid by how well each
foretold every day of the history, so that the interval holds what is not known about them.

Assumes that nothing else began at the change's moment, and that the control is not touched by it. On histories
without an effect a 90% interval leaves out nought in about one of ten cases (``benchmarks/impact_rates.py``).
"""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammaln

from stats.errors import DomainError

Floats = NDArray[np.float64]
WEEK = 7
FEWEST_DAYS = 14
LONGEST_DAYS = 182
OUTLYING_SD = 4.0
SEASON_STRENGTH = 25.0
"""Contacts of a day that all days share, before its own weekday is believed."""
WANDERINGS = (0.0005, 0.002, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Sd of the level's relative step from a day to the next."""
DISPERSIONS = (1.0, 1.3, 1.8, 2.5, 4.0, 7.0, 12.0, 25.0)
_GRID = np.array([*product(WANDERINGS, DISPERSIONS)])


class Effect(NamedTuple):
    """Contacts beyond expectation since the start, with their interval; the same by day (arrays, NaN where nothing was
    collected); ``expected`` without the change; ``control`` is how much of the weight rests on the control."""

    contacts: float
    low: float
    high: float
    expected: float
    control: float
    observed_by_day: Floats
    expected_by_day: Floats
    low_by_day: Floats
    high_by_day: Floats


class _Track(NamedTuple):
    """One model's state over the grid when the history ends."""

    level: Floats
    variance: Floats
    log_weight: Floats
    season: Floats
    season_variance: float


def effect(counts: Floats, *, start: int, control: Floats | None = None, coverage: float = 0.9) -> Effect:
    """Contacts caused since day ``start``.

    Args:
        counts: Contacts per day inside the change's scope, shape ``(days,)``; NaN where nothing was collected.
            Days may begin at any hour; the change's own moment is best.
        start: The first day with the change; at least 14 days lie before it.
        control: Contacts on the same days outside the scope, or None.
        coverage: Of the intervals.

    Raises:
        DomainError: too short a history, no day after the start, a negative count, or shapes that differ.
    """
    _check(counts, start, control)
    first = max(0, start - LONGEST_DAYS)
    counts, start = counts[first:], start - first
    kept = counts.astype(float)
    tracks: list[tuple[_Track, Floats, Floats]] = []
    for beside in (None, control[first:] if control is not None else None):
        if beside is None and tracks:
            continue
        exposure, noise = _exposure(kept, beside)
        tracks.append((_follow(kept, exposure, noise, start), exposure, noise))
    return _told(kept, start, tracks, coverage)


def _check(counts: Floats, start: int, control: Floats | None) -> None:
    if start < FEWEST_DAYS:
        raise DomainError("start", start, f"{FEWEST_DAYS} days of history or more")
    if start >= len(counts):
        raise DomainError("start", start, f"a day before the last, {len(counts) - 1}")
    if np.any(counts < 0):
        raise DomainError("counts", float(np.nanmin(counts)), "0 or more")
    if control is not None and control.shape != counts.shape:
        raise DomainError("control", len(control), f"as many days as counts, {len(counts)}")


def _exposure(counts: Floats, control: Floats | None) -> tuple[Floats, Floats]:
    """What a level of one would give each day, and its relative variance by the control's own noise."""
    if control is None:
        return np.ones(len(counts)), np.zeros(len(counts))
    smooth = control + 0.5
    return smooth / max(float(np.nanmean(smooth)), 1e-9), 1.0 / smooth


def _season(counts: Floats, exposure: Floats) -> tuple[Floats, float]:
    """Share of each day of the week, shrunk to one, mean one; and how uncertain a share is (relative variance)."""
    days = np.arange(len(counts)) % WEEK
    seen = ~(np.isnan(counts) | np.isnan(exposure))
    level = np.nansum(counts[seen]) / max(float(np.sum(exposure[seen])), 1e-9)
    weeks = np.arange(len(counts)) // WEEK
    trend = np.array([_ratio(counts, exposure * level, (weeks == week) & seen) for week in range(weeks.max() + 1)])[
        weeks
    ]
    expected = exposure * level * trend
    reach = 3 * np.sqrt(2 * expected + 0.04 * expected**2) + 1
    cut = np.minimum(counts, expected * 2 + reach)
    ratio = np.array([_ratio(cut, expected, (days == day) & seen, SEASON_STRENGTH) for day in range(WEEK)])
    ratio = ratio / ratio.mean()
    error = (cut - expected * ratio[days])[seen] / np.maximum(
        expected[seen] + SEASON_STRENGTH / max(weeks.max(), 1), 1e-9
    )
    return np.asarray(ratio), float(np.mean(error**2)) / (weeks.max() + 1)


def _ratio(counts: Floats, expected: Floats, where: NDArray[np.bool_], strength: float = 1e-9) -> float:
    return float((np.sum(counts[where]) + strength) / (np.sum(expected[where]) + strength))


def _follow(counts: Floats, exposure: Floats, noise: Floats, start: int) -> _Track:
    """Filter the level through the history for every point of the grid."""
    season, season_variance = _season(counts[:start], exposure[:start])
    wander, dispersion = _GRID[:, 0], _GRID[:, 1]
    begin = ~np.isnan(counts[:start] * exposure[:start])
    early = np.flatnonzero(begin)[:WEEK]
    usual = float((counts[early].sum() + 0.5) / (np.sum(exposure[early] * season[early % WEEK]) + 0.5))
    level, variance = np.full(len(_GRID), usual), np.full(len(_GRID), (0.5 * usual) ** 2 + usual)
    weight = _prior()
    for day in range(start):
        variance = variance + (wander * level) ** 2
        if np.isnan(counts[day]) or np.isnan(exposure[day]):
            continue
        unit = exposure[day] * season[day % WEEK]
        mean = level * unit
        own = dispersion * mean + noise[day] * mean**2
        total = own + variance * unit**2
        error = counts[day] - mean
        if day >= WEEK:
            weight = weight + _log_chance(counts[day], mean, total)
        trust = np.minimum(1.0, OUTLYING_SD * np.sqrt(total) / np.maximum(np.abs(error), 1e-9))
        gain = variance * unit / total
        level = np.maximum(level + gain * error * trust * (trust > 0.5), 1e-3)
        variance = variance * (1 - gain * unit * (trust > 0.5))
    return _Track(level, variance, weight, season, season_variance)


def _prior() -> Floats:
    """Levels that wander by two in a hundred a day, counts over-dispersed by half, each within a factor of a few."""
    wander, dispersion = np.log(_GRID[:, 0] / 0.02) / 2.0, np.log(_GRID[:, 1] / 1.5) / 0.9
    return np.asarray(-0.5 * (wander**2 + dispersion**2))


def _log_chance(count: float, mean: Floats, variance: Floats) -> Floats:
    """Log chance of a negative binomial, bounded below so that one wild day rules nothing out."""
    extra = np.maximum(variance / mean - 1.0, 1e-3)
    size = mean / extra
    log = gammaln(count + size) - gammaln(size) - gammaln(count + 1) - size * np.log1p(extra)
    log = log + count * (np.log(extra) - np.log1p(extra))
    floor = -0.5 * OUTLYING_SD**2 - 0.5 * np.log(2 * np.pi * np.maximum(variance, 0.2))
    return np.asarray(np.maximum(log, floor))


def _told(counts: Floats, start: int, tracks: list[tuple[_Track, Floats, Floats]], coverage: float) -> Effect:
    log = np.concatenate([track.log_weight for track, _, _ in tracks])
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    after = np.arange(start, len(counts))
    means, daily, wholes = [], [], []
    for track, exposure, noise in tracks:
        unit = exposure[after] * track.season[after % WEEK]
        seen = ~np.isnan(counts[after] * unit)
        mean, by_day, whole = _foretold(track, np.where(seen, unit, 0.0), noise[after])
        means.append(np.where(seen, mean, np.nan))
        daily.append(by_day)
        wholes.append(whole)
    mean, by_day, whole = np.concatenate(means), np.concatenate(daily), np.concatenate(wholes)
    missing = np.isnan(mean).all(axis=0)
    observed = np.where(missing, np.nan, counts[after])
    expected = np.where(missing, np.nan, weight @ np.nan_to_num(mean))
    tail = (1 - coverage) / 2
    bounds = np.array(
        [
            [_quantile(share, weight, np.nan_to_num(mean[:, day]), by_day[:, day]) for day in range(len(after))]
            for share in (tail, 1 - tail)
        ]
    )
    total, sums = float(np.nansum(observed)), np.nansum(mean, axis=1)
    least, most = (_quantile(share, weight, sums, whole) for share in (tail, 1 - tail))
    everything = float(weight @ sums)
    return Effect(
        contacts=total - everything,
        low=total - most,
        high=total - least,
        expected=everything,
        control=float(weight[len(_GRID) :].sum()),
        observed_by_day=observed,
        expected_by_day=expected,
        low_by_day=observed - bounds[1],
        high_by_day=observed - bounds[0],
    )


def _foretold(track: _Track, unit: Floats, noise: Floats) -> tuple[Floats, Floats, Floats]:
    """Mean by day, variance by day, and variance of the sum, for every point of the grid."""
    wander, dispersion = _GRID[:, :1] * track.level[:, None], _GRID[:, 1:]
    mean = track.level[:, None] * unit
    own = dispersion * mean + noise * mean**2
    steps = np.arange(1, len(unit) + 1)
    shares = np.square(track.level) * track.season_variance
    by_day = own + unit**2 * (track.variance[:, None] + steps * wander**2 + shares[:, None])
    later = np.cumsum(unit[::-1])[::-1]
    drift = wander[:, 0] ** 2 * float(np.sum(later**2))
    by_weekday = np.bincount(np.arange(len(unit)) % WEEK, weights=unit, minlength=WEEK)
    uneven = float(np.sum((by_weekday - by_weekday.mean()) ** 2))
    whole = np.nansum(own, axis=1) + track.variance * float(unit.sum()) ** 2 + drift + shares * uneven
    return mean, by_day, whole


def _quantile(share: float, weight: Floats, mean: Floats, variance: Floats) -> float:
    """Quantile of a mixture of negative binomials, between whole counts."""
    mean = np.maximum(mean, 1e-9)
    extra = np.maximum(variance / mean - 1.0, 1e-3)
    size = mean / extra
    low, high = 0.0, float(np.max(mean + 12 * np.sqrt(variance))) + 20.0
    for _ in range(40):
        middle = (low + high) / 2
        below = 1.0 - float(weight @ betainc(middle + 0.5, size, extra / (1.0 + extra)))
        low, high = (middle, high) if below < share else (low, middle)
    return low if low > 1e-6 else 0.0
