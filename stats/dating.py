"""When a rise began and ended, how sure that is, and what it leaves open about its size.

Posterior over the moment of a change point by its likelihood, moments within a step included. What is not known is
integrated over: the forecast's own error (one factor over the whole stretch, gamma, learnt from the steps before the
rise), the height of the rise (Laplace) and its shape: steady, growing, or fading at one of several speeds, each as likely. Counts and
expectations are divided by the dispersion (quasi-likelihood).

Assumes independent steps and one rise that lasts to the end of the stretch. Intervals of made-up rises cover about what
they state (``tests/stats/test_dating.py``; in the detector's hands: ``benchmarks.detection_planted``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from stats.errors import DomainError

Floats = NDArray[np.float64]
PARTS = 4
FADES = (0.15, 0.5)
SURE = 1e-6
LEAST = 1e-6
SPLIT = 1e-12


@dataclass(frozen=True, slots=True)
class Dated:
    """A posterior over moments, in steps from the start of the stretch: ``at[i]`` with weight ``weight[i]``."""

    at: Floats
    weight: Floats

    @property
    def mode(self) -> int:
        """The step in which the change most likely lies."""
        steps = np.bincount(self.at.astype(np.int64), weights=self.weight)
        return int(np.argmax(steps))

    def interval(self, level: float) -> tuple[float, float]:
        """Central interval, in steps.

        >>> Dated(np.array([0.0, 1.0, 2.0, 3.0]), np.array([0.0, 0.5, 0.5, 0.0])).interval(0.5)
        (1.5, 2.5)
        """
        width = self.at[1] - self.at[0] if len(self.at) > 1 else 1.0
        edges = np.append(self.at, self.at[-1] + width)
        below = np.concatenate([[0.0], np.cumsum(self.weight)])
        below /= below[-1]
        low, high = np.interp([(1 - level) / 2, (1 + level) / 2], below, edges)
        return float(low), float(high)


def date_rise(count: Floats, mean: Floats, *, dispersion: float = 1.0, spread2: float = 0.0) -> Dated:
    """When a rise began that lasts to the end of the stretch, each moment as likely before looking.

    Args:
        count: Contacts per step, oldest first.
        mean: Expected contacts per step; where it is 0 (a gap) nothing begins.
        dispersion: Variance of a count over its mean, 1 or more.
        spread2: Relative variance of the forecast over the stretch.

    Raises:
        DomainError: there is no step, or a count is negative.
    """
    if len(count) == 0 or len(count) != len(mean):
        raise DomainError("count", len(count), "one or more steps, as many as means")
    if float(count.min()) < 0:
        raise DomainError("count", float(count.min()), "0 or more")
    steps = len(count)
    at = np.arange(steps * PARTS) / PARTS
    seen, usual = count / dispersion, np.maximum(mean / dispersion, LEAST)
    ages, share = _ages(at, steps)
    known, factor = _before(seen, usual, 1.0 / max(spread2, SURE))
    scaled, during = usual * factor[:, None], np.arange(steps) >= np.floor(at)[:, None]
    known += np.where(during, seen * np.log(factor)[:, None] - scaled, 0.0).sum(axis=1)
    scores = [known + _score(seen, scaled, shape * share) for shape in _shapes(ages, steps)]
    score = np.logaddexp.reduce(np.array(scores), axis=0)
    score[np.repeat(mean <= 0, PARTS)] = -np.inf
    if not np.isfinite(score).any():
        score[-PARTS:] = 0.0
    weight = np.exp(score - score.max())
    return Dated(at, weight / weight.sum())


def date_end(count: Floats, mean: Floats, *, dispersion: float = 1.0, spread2: float = 0.0) -> Dated:
    """When a rise ended that began with the first step: :func:`date_rise` backwards."""
    back = date_rise(count[::-1], mean[::-1], dispersion=dispersion, spread2=spread2)
    return Dated(len(count) - back.at[::-1] - 1 / PARTS, back.weight[::-1])


def excess_moments(count: Floats, mean: Floats, begin: Dated, end: Dated) -> tuple[float, float]:
    """Mean and variance of the excess that come from not knowing its beginning and its end.

    A step in which a rise begins or ends holds what it adds there, so it counts whole.
    """
    sums = np.concatenate([[0.0], np.cumsum(count - mean)])
    ends = np.minimum(np.ceil(end.at + 1e-9), len(count)).astype(np.int64)
    first, last = sums[begin.at.astype(np.int64)], sums[ends]
    middle = float(last @ end.weight - first @ begin.weight)
    spread = [
        float(some**2 @ dated.weight - (some @ dated.weight) ** 2) for some, dated in ((first, begin), (last, end))
    ]
    return middle, max(sum(spread), 0.0)


def _ages(at: Floats, steps: int) -> tuple[Floats, Floats]:
    """Per moment (rows) and step: how long the rise has lasted in its middle, and the share of the step it covers."""
    starts = np.arange(steps, dtype=np.float64)
    share = np.clip(starts + 1.0 - at[:, None], 0.0, 1.0)
    return np.maximum(starts + 1.0 - share / 2 - at[:, None], 0.0), share


def _shapes(ages: Floats, steps: int) -> list[Floats]:
    """A rise's height by its age: steady, growing, fading."""
    return [np.ones_like(ages), ages / steps, *(np.exp(-ages / (fade * steps)) for fade in FADES)]


def _before(seen: Floats, usual: Floats, strength: float) -> tuple[Floats, Floats]:
    """Per moment: log-likelihood of the steps before it with the forecast's factor integrated over, and that factor."""
    count = np.repeat(np.cumsum(seen) - seen, PARTS)
    mean = np.repeat(np.cumsum(usual) - usual, PARTS)
    factor = (strength + count) / (strength + mean)
    score = gammaln(strength + count) - gammaln(strength) - count * np.log(strength)
    score -= (strength + count) * np.log1p(mean / strength)
    return np.asarray(score), np.asarray(factor)


def _score(seen: Floats, usual: Floats, shape: Floats) -> Floats:
    """Per moment: log-likelihood of a rise from it on against none, the height integrated over (Laplace)."""
    weight = (shape * usual).sum(axis=1)
    excess = np.maximum(np.where(shape > SPLIT, seen - usual, 0.0).sum(axis=1), 0.0)
    height = excess / np.maximum(weight, LEAST)
    for _ in range(2):
        ratio = 1.0 + height[:, None] * shape
        slope = (shape * (seen / ratio - usual)).sum(axis=1)
        bend = np.maximum((shape**2 * seen / ratio**2).sum(axis=1), LEAST)
        height = np.maximum(height + np.clip(slope / bend, -height / 2, height + 1.0), 0.0)
    ratio = 1.0 + height[:, None] * shape
    bend = (shape**2 * usual / ratio).sum(axis=1)
    gain = (seen * np.log(ratio)).sum(axis=1) - height * weight
    wide = -0.5 * np.log1p(bend * (1.0 + height) ** 2)
    return np.asarray(gain + wide)
