"""Improved Farrington (Noufaily et al. 2013), as read from the paper and from R's ``surveillance::farringtonFlexible``.

Weekly reference points of the last five years up to half a year ago, a ten-level seasonal factor, a trend, two fits,
the second with counts weighed down whose scaled Anscombe residual exceeds 2.58; alarm above the negative binomial
quantile of the plug-in mean and dispersion, if there were five cases in the last four points. All series at once.
Beside R on the 420 weekly reference series (fpr .0109, pod .576, f1 .405) ``docs/series.md`` states what this gives.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import nbinom, poisson

from stats.loglinear import fit

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
YEARS, POINTS, HALF_WINDOW, LEFT_OUT, LEVELS = 5, 52, 3, 26, 10
THRESHOLD = 2.58


def alarms(counts: Floats, *, share: float) -> Bools:
    """Is the last weekly point of each series (series x points) an alarm at tail chance ``share``?"""
    mean, dispersion = expectation(counts)
    tail = tail_chance(counts[:, -1], mean, dispersion)
    return np.asarray((tail < share) & (counts[:, -4:].sum(axis=1) >= 5))


def expectation(counts: Floats) -> tuple[Floats, Floats]:
    """Expected count of the last point, and the dispersion around it."""
    age = np.arange(counts.shape[1])[::-1]
    use = (age > LEFT_OUT) & (age <= YEARS * POINTS + HALF_WINDOW)
    columns = design(age)
    past, now = columns[use], columns[-1]
    y = counts[:, use]
    shape = (len(y), columns.shape[1])
    precision = np.full(shape, 1e-3)
    begin = np.zeros(shape)
    begin[:, 0] = np.log(y.mean(axis=1) + 0.05)
    weight = np.ones_like(y)
    beta = fit(past, y, weight, precision=precision, start=begin, steps=8).coefficients
    weight = _weights(y, np.exp(beta @ past.T), shape[1])
    beta = fit(past, y, weight, precision=precision, start=beta, steps=5).coefficients
    mean = np.exp(beta @ past.T)
    freedom = y.shape[1] - shape[1]
    dispersion = np.maximum(np.sum(weight * (y - mean) ** 2 / np.maximum(mean, 1e-3), axis=1) / freedom, 1.0)
    return np.asarray(np.exp(beta @ now)), dispersion


def design(age: NDArray[np.int64]) -> Floats:
    """One, trend, and the seasonal factor: level 0 within three weeks of the point judged, nine more over the year."""
    place = (age + HALF_WINDOW) % POINTS
    width = (POINTS - 2 * HALF_WINDOW - 1) / (LEVELS - 1)
    level = np.where(place <= 2 * HALF_WINDOW, 0, 1 + (place - 2 * HALF_WINDOW - 1) // width).astype(np.int64)
    columns = [np.ones(len(age)), -age / POINTS]
    columns += [(level == one).astype(np.float64) for one in range(1, LEVELS)]
    return np.stack(columns, axis=1)


def _weights(y: Floats, mean: Floats, parameters: int) -> Floats:
    """Weights falling with the square of the scaled Anscombe residual beyond the threshold, one on average."""
    m = np.maximum(mean, 1e-3)
    dispersion = np.maximum(np.sum((y - m) ** 2 / m, axis=1) / (y.shape[1] - parameters), 1.0)
    residual = 1.5 * (y ** (2 / 3) - m ** (2 / 3)) / (m ** (1 / 6) * np.sqrt(dispersion)[:, None])
    weight = np.where(residual > THRESHOLD, np.maximum(residual, THRESHOLD) ** -2, 1.0)
    return np.asarray(weight / weight.mean(axis=1, keepdims=True))


def tail_chance(count: Floats, mean: Floats, dispersion: Floats) -> Floats:
    """P(X >= count)."""
    extra = np.maximum(dispersion - 1.0, 1e-6)
    dispersed = nbinom.sf(count - 1, mean / extra, 1 / (1 + extra))
    return np.asarray(np.where(dispersion > 1.0 + 1e-6, dispersed, poisson.sf(count - 1, mean)))
