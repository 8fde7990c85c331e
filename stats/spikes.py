"""When is a count too high for chance? Tail of one window, rate of clumps over time, and the share of a budget.

Overlapping windows alarm in clumps. What a budget must count is clumps, so a window's tail probability is turned
into the rate at which independent clumps of that height begin (Siegmund 1985, *Sequential Analysis*, ch. 8;
Siegmund and Yakir 2007), and alarm is given when that rate, divided by the window's and slice's share, is within
the budget.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, gammainc, ndtr, ndtri

from stats.errors import DomainError

Floats = NDArray[np.float64]
_SMALLEST = 1e-300
_NEARLY_POISSON = 1e-4


def at_least(count: Floats, *, mean: Floats, variance: Floats) -> Floats:
    """P(X >= count) of a negative binomial with that mean and variance; Poisson where variance does not exceed mean.

    Raises:
        DomainError: a mean is not positive or a count is negative.

    >>> bool(abs(at_least(np.array([9.0]), mean=np.array([3.0]), variance=np.array([3.0]))[0] - 0.003803) < 1e-6)
    True
    """
    if np.any(mean <= 0):
        raise DomainError("mean", float(np.min(mean)), "a number above 0")
    if np.any(count < 0):
        raise DomainError("count", float(np.min(count)), "0 or more")
    k = np.maximum(count, 1e-9)
    extra = (variance - mean) / mean**2
    dispersed = variance - mean > _NEARLY_POISSON * mean
    size = 1.0 / np.where(dispersed, extra, 1.0)
    tail = np.where(dispersed, betainc(k, size, mean / (mean + size)), gammainc(k, mean))
    return np.where(count <= 0, 1.0, np.maximum(tail, _SMALLEST))


def tail_chance(count: Floats, *, mean: Floats, variance: Floats) -> Floats:
    """How likely chance alone reaches ``count``, free of the steps of a lattice.

    The logarithmic mean of P(X >= count) and P(X > count). Comparing it with a threshold spends, averaged over
    thresholds, exactly the threshold; P(X >= count) alone would spend a fifth of it where means are small.
    """
    upper = at_least(count, mean=mean, variance=variance)
    lower = at_least(count + 1.0, mean=mean, variance=variance)
    ratio = np.log(upper) - np.log(lower)
    return np.where(ratio > 1e-9, (upper - lower) / np.maximum(ratio, 1e-9), upper)


def by_factors(chance: Floats, *, mean: Floats, variance: Floats, spread2: Floats) -> Floats:
    """The tail chance where forecasts err by factors: ``spread2`` of the relative variance is log-normal and not gamma.

    A negative binomial gives that part a skewness of 2 cv, a log-normal has 3 cv. The difference moves the normal quantile (Cornish
    and Fisher 1938, first order, inverted): at 5 sd and an error of 5% the chance is 2.6 times as high. Unlikely counts only; chances above
    one in six stay.

    >>> one, mean, spread2 = np.array([ndtr(-5.0)]), np.array([1e6]), np.array([0.05**2])
    >>> round(float((by_factors(one, mean=mean, variance=mean + spread2 * mean**2, spread2=spread2) / one)[0]), 1)
    2.6
    """
    z = -ndtri(np.clip(chance, _SMALLEST, 0.5))
    more = spread2**2 * mean**3 / variance**1.5 / 6.0
    moved = 2.0 * (z + more) / (1.0 + np.sqrt(1.0 + 4.0 * more * (z + more)))
    return np.asarray(np.where(z > 1.0, np.maximum(ndtr(-np.minimum(moved, z)), _SMALLEST), chance))


def clump_rate(chance: Floats, length: NDArray[np.int64]) -> Floats:
    """Clumps begun per step by a sliding window of ``length`` steps that alarms below ``chance``.

    ``z / w * pdf(z) * nu(z * sqrt(2 / w))`` with ``z`` the normal quantile of ``chance``; for one step this is
    ``chance`` itself. Assumes independent steps; good for chances below 0.01.
    """
    z = -ndtri(np.clip(chance, _SMALLEST, 0.4))
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    rate = z / length * density * overshoot(z * np.sqrt(2.0 / length))
    return np.asarray(np.minimum(rate, chance))


def overshoot(x: Floats) -> Floats:
    """Siegmund's discreteness correction, nu(x): 1 at 0, falling like 2 / x**2."""
    half = np.maximum(x, 1e-6) / 2
    density = np.exp(-0.5 * half * half) / np.sqrt(2 * np.pi)
    return np.asarray((ndtr(half) - 0.5) / half / (half * ndtr(half) + density))
