"""What the past of daily and weekly series says of the next step: regression, local level, dispersion, together.

Past outbreaks are taken out by :mod:`stats.outbursts`; coefficients that a series does not need shrink to nothing
(automatic relevance: MacKay 1994); how fast the level wanders is chosen by how well past steps were forecast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.signal import lfilter

from stats.calendar_columns import SHUT, WEEK_D, CalendarColumns
from stats.loglinear import Fit, fit
from stats.outbursts import Background, background, dispersion

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
HALF_LIVES_D = (182.0, 56.0, 14.0)
TRUSTS = (0.85, 0.08, 0.04, 0.03)
SCORE_HALF_LIFE = 60.0
FREE = 1e-6
STAYS_D = 35
STAYS_STEPS = 8
WEEKDAYS_FROM_D = 28
WORTH, USUAL = 5.0, 1.5
WELL_TOLD = 30.0
BIN, NEAR, FARTHEST_BIN = 0.5, 1.5, 40
WIDEST = 25.0
_FEWEST = 8


@dataclass(frozen=True, slots=True)
class Known:
    """What is carried from one fit to the next, per series.

    ``level`` is the ratio of the local level to the regression, ``dispersion`` variance over mean of a forecast's
    error, ``joint`` how much larger the variance of a window's error is than the sum of its steps'.
    """

    fit: Fit
    precision: Floats
    dispersion: Floats
    joint: Floats
    level: Floats
    outbreak: Floats
    local: Floats


def start(series: int, width: int) -> Known:
    """Nothing known yet."""
    precision = np.full((series, width), 20.0)
    precision[:, 0] = FREE
    none = np.zeros((series, 0))
    unknown = Fit(np.zeros((series, width)), np.tile(np.eye(width), (series, 1, 1)))
    ones = np.ones(series)
    return Known(unknown, precision, np.full(series, USUAL), ones, ones, none, none)


def learn(
    known: Known,
    calendar: CalendarColumns,
    columns: Floats,
    count: Floats,
    use: Floats,
    *,
    windows: Sequence[int],
    rounds: int,
) -> Known:
    """Fit anew to all history.

    Args:
        known: The last fit; ``rounds`` improve on it.
        calendar: Which columns share a prior.
        columns: Steps x columns.
        count: Series x steps, 0 where not collected.
        use: Series x steps, 0 where not collected.
        windows: Steps over which errors may add up; the length over which they do most counts.
        rounds: Of splitting off outbreaks and fitting.
    """
    steps = len(columns)
    if not known.fit.coefficients.any():
        known = _cold(known, calendar, columns, count, use)
    beta, precision, phi = known.fit.coefficients, known.precision, known.dispersion
    outbreak = np.pad(known.outbreak, ((0, 0), (0, steps - known.outbreak.shape[1])))
    local = np.pad(known.local, ((0, 0), (0, steps - known.local.shape[1])), constant_values=1.0)
    local[:, known.local.shape[1] :] = known.level[:, None]
    told = use.sum(axis=1)
    awake = (count.sum(axis=1) > 0)[:, None]
    trusting = _trusting(known, calendar, steps, rounds)
    for turn in range(rounds):
        mean = np.exp(np.clip(beta @ columns.T, -30, 30))
        here = mean * local
        found = background(count, here, phi, outbreak) if turn >= trusting else _as_counted(count, here)
        outbreak = found.outbreak * use
        stays = _stays(outbreak, calendar.step_d)
        clean = np.where(stays, count, found.count)
        fitted = fit(columns, clean, use, precision=precision, start=beta, steps=1)
        beta = fitted.coefficients
        precision = _relevant(fitted, precision, phi, calendar, steps * calendar.step_d)
        phi = dispersion(found, here, use * ~stays, phi, worth=WORTH, usual=_usual(phi, here, use * awake))
        phi = np.maximum(phi * told / np.maximum(told - _spent(fitted, precision), _FEWEST), 1.0)
    mean = np.exp(np.clip(beta @ columns.T, -30, 30))
    local, level = _wander(clean, mean, use, phi, calendar.step_d)
    off, here = (clean - mean * local) * use, mean * local * use
    joint = np.max([_joint(off, here, window) for window in windows], axis=0)
    return Known(fitted, precision, phi, joint, level, outbreak, local)


def _cold(known: Known, calendar: CalendarColumns, columns: Floats, count: Floats, use: Floats) -> Known:
    """Begin from the usual count, with its highest tenth cut off."""
    many = np.maximum(use.sum(axis=1), 1.0)
    cut = np.minimum(count, np.quantile(count, 0.9, axis=1)[:, None] + 1.0)
    begin = known.fit.coefficients.copy()
    begin[:, 0] = np.log((cut.sum(axis=1) + 0.25) / (many + 0.25))
    precision = known.precision.copy()
    for group in calendar.shut(len(columns) * calendar.step_d):
        precision[:, group] = SHUT
    return Known(
        fit(columns, cut, use, precision=precision, start=begin, steps=6),
        precision, known.dispersion, known.joint, known.level, known.outbreak, known.local,
    )  # fmt: skip


def _relevant(fitted: Fit, precision: Floats, phi: Floats, calendar: CalendarColumns, known_d: int) -> Floats:
    """The prior's precision of each group of coefficients: from their size were there no prior, beyond their error."""
    renewed = np.full(precision.shape, FREE)
    left = np.diagonal(fitted.inverse, axis1=1, axis2=2)
    told = np.maximum(1.0 - precision * left, 1e-7)
    free, error = fitted.coefficients / told, phi[:, None] * left / told
    for group in calendar.groups():
        many = group.stop - group.start
        noise = error[:, group].mean(axis=1)
        spread = np.sum(free[:, group] ** 2, axis=1) / (many + 1) - noise
        renewed[:, group] = (phi / np.clip(spread, np.minimum(0.05 * noise + 1e-9, WIDEST), WIDEST))[:, None]
    for group in calendar.shut(known_d):
        renewed[:, group] = SHUT
    return np.asarray(np.minimum(renewed, SHUT))


def _usual(phi: Floats, mean: Floats, use: Floats) -> Floats:
    """The dispersion that the other series make likely for each: theirs at about its volume, weighed by what they tell.

    A kernel mean of logarithms over the logarithm of the mean count. ``use`` is 0 for series without a count.
    """
    many = use.sum(axis=1)
    volume = np.maximum(np.sum(mean * use, axis=1) / np.maximum(many, 1.0), 1e-6)
    told = np.minimum(many * 2 * phi**2 / (2 * phi**2 + phi * (1 + 6 * phi * (phi - 1)) / volume), WELL_TOLD)
    at = np.rint(np.clip(np.log(volume) / BIN, -FARTHEST_BIN, FARTHEST_BIN)).astype(np.int64) + FARTHEST_BIN
    bins = np.arange(2 * FARTHEST_BIN + 1)
    kernel = np.exp(-0.5 * (np.subtract.outer(bins, bins) * BIN / NEAR) ** 2)
    whole, logs = (kernel @ np.bincount(at, one, minlength=len(bins)) for one in (told, told * np.log(phi)))
    weight, total = np.maximum(whole[at] - told, 0.0), logs[at] - told * np.log(phi)
    return np.asarray(np.exp((total + WELL_TOLD * np.log(USUAL)) / (weight + WELL_TOLD)))


def _spent(fitted: Fit, precision: Floats) -> Floats:
    """Degrees of freedom that the coefficients took."""
    kept = np.diagonal(fitted.inverse, axis1=1, axis2=2) * precision
    return np.asarray(np.sum(1.0 - np.clip(kept, 0.0, 1.0), axis=1))


def _trusting(known: Known, calendar: CalendarColumns, steps: int, rounds: int) -> int:
    """Rounds that take all counts as background: before weekdays are known, busy ones would pass for outbreaks."""
    if calendar.step_d > 1:
        return 0
    if steps < WEEKDAYS_FROM_D:
        return rounds
    return min(rounds - 1, 5) if known.outbreak.shape[1] == 0 else 0


def _as_counted(count: Floats, mean: Floats) -> Background:
    return Background(count, (count - mean) ** 2, np.zeros_like(count))


def _stays(outbreak: Floats, step_d: int) -> Bools:
    """Steps of a new level or a new habit of a weekday, no outbreak: above nearly always for five weeks, a weekday for eight."""
    stays = _runs(outbreak, max(STAYS_D // step_d, STAYS_STEPS))
    if step_d == 1:
        for weekday in range(WEEK_D):
            stays[:, weekday::WEEK_D] |= _runs(outbreak[:, weekday::WEEK_D], STAYS_STEPS)
    return stays


def _runs(outbreak: Floats, steps: int) -> Bools:
    """Steps in a run of that many of which four in five were above."""
    if outbreak.shape[1] < steps:
        return np.zeros(outbreak.shape, dtype=bool)
    sums = np.cumsum(np.pad(outbreak, ((0, 0), (1, 0))), axis=1)
    full = (sums[:, steps:] - sums[:, :-steps]) > 0.8 * steps
    ends = np.cumsum(np.pad(full, ((0, 0), (steps, steps))), axis=1)
    return np.asarray(ends[:, steps:-1] - ends[:, : -steps - 1] > 0)[:, : outbreak.shape[1]]


def _wander(clean: Floats, mean: Floats, use: Floats, phi: Floats, step_d: int) -> tuple[Floats, Floats]:
    """The local level before every step, and the next: half-lives weighed by how well each has forecast."""
    paths, scores = [np.ones(clean.shape)], []
    ends = [np.ones(len(clean))]
    pull = phi[:, None] * 2.0
    for half_life_d in HALF_LIVES_D:
        keep = 0.5 ** (step_d / half_life_d)
        above, below = (lfilter([1.0], [1.0, -keep], one * use, axis=1) for one in (clean, mean))
        ratio = (np.maximum(above, 0.0) + pull) / (below + pull)  # what is left of a wild outbreak may be below zero
        paths.append(np.concatenate([np.ones((len(clean), 1)), ratio[:, :-1]], axis=1))
        ends.append(ratio[:, -1])
    age = np.arange(clean.shape[1])[::-1]
    weight = use * 0.5 ** (age / SCORE_HALF_LIFE)
    for path in paths:
        off = np.minimum((clean - path * mean) ** 2 / (phi[:, None] * mean), 12.0)
        scores.append(-0.5 * np.sum(weight * off, axis=1))
    log = np.array(scores) + np.log(TRUSTS)[:, None]
    trust = np.exp(log - log.max(axis=0))
    trust /= trust.sum(axis=0)
    local = sum(one[:, None] * path for one, path in zip(trust, paths, strict=True))
    return np.asarray(local), np.asarray(np.sum(trust * np.array(ends), axis=0))


def _joint(off: Floats, mean: Floats, window: int) -> Floats:
    """Variance of a window's error over the sum of its steps' variances, pulled to one, at least one."""
    if off.shape[1] < 4 * window:
        return np.ones(len(off))
    scaled = off / np.sqrt(np.maximum(mean.mean(axis=1), 1e-9))[:, None]
    sums = np.cumsum(np.pad(scaled, ((0, 0), (1, 0))), axis=1)
    over = sums[:, window:] - sums[:, :-window]
    reach = 4.0 * np.sqrt(np.mean(over**2, axis=1))[:, None]
    windows = off.shape[1] / window
    ratio = np.mean(np.clip(over, -reach, reach) ** 2, axis=1) / np.maximum(window * np.mean(scaled**2, axis=1), 1e-9)
    return np.asarray(np.maximum((ratio * windows + 10.0) / (windows + 10.0), 1.0))
