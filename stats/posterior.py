"""From log-odds to probabilities, and from probabilities to contacts per cause."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from stats.errors import DomainError

Floats = NDArray[np.float64]
_Z90 = 1.6448536269514722
_COVERED = 0.9


def posterior(log_odds: Floats, *, temperature: float, ceiling: float) -> Floats:
    """Probabilities of competing causes from their log-odds against one of them.

    ``temperature`` > 1 makes them more modest: evidence lines are not independent, and a stated map from score to
    probability has to hold on streams not seen. No cause exceeds ``ceiling``; what it gives up goes to the others
    in equal parts of their own share.

    Raises:
        DomainError: naming the argument outside its range.

    >>> posterior(np.array([0.0, 3.0]), temperature=1.5, ceiling=0.98).round(3).tolist()
    [0.119, 0.881]
    """
    if len(log_odds) < 2:
        raise DomainError("log_odds", len(log_odds), "at least two causes")
    if not temperature > 0:
        raise DomainError("temperature", temperature, "> 0")
    if not 0.5 <= ceiling < 1:
        raise DomainError("ceiling", ceiling, "in [0.5, 1)")
    scaled = log_odds / temperature
    p: Floats = np.exp(scaled - scaled.max())
    p /= p.sum()
    top = int(p.argmax())
    if p[top] > ceiling:
        others = np.delete(np.arange(len(p)), top)
        share = np.maximum(p[others], 1e-12)
        p[others] = (1.0 - ceiling) * share / share.sum()
        p[top] = ceiling
    return p


def cause_interval(probability: float, *, excess: float, low: float, high: float) -> tuple[float, float]:
    """90% interval of a spike's contacts due to one cause: all of the excess with ``probability``, else none.

    It holds 90% of this mixture: around the excess, where the cause is likelier than 90% and that leaves it above zero,
    else from zero. ``low`` and ``high`` are the 90% interval of the spike's own excess, taken as normal on either side.
    If the probability and that interval are right, it covers in 90% of cases.

    Raises:
        DomainError: naming the argument outside its range.

    >>> [round(end) for end in cause_interval(0.5, excess=100.0, low=80.0, high=120.0)]
    [0, 110]
    >>> [round(end) for end in cause_interval(0.98, excess=100.0, low=80.0, high=120.0)]
    [79, 121]
    """
    if not 0 <= probability <= 1:
        raise DomainError("probability", probability, "in [0, 1]")
    if not low <= excess <= high:
        raise DomainError("excess", excess, f"within its interval {low} to {high}")
    if probability <= 1.0 - _COVERED:
        return 0.0, 0.0
    tail = (1.0 - _COVERED / probability) / 2
    if probability > _COVERED and (least := _quantile(tail, excess, low, high)) > 0:
        return least, _quantile(1.0 - tail, excess, low, high)
    return 0.0, _quantile(1.0 - (1.0 - _COVERED) / probability, excess, low, high)


def _quantile(q: float, excess: float, low: float, high: float) -> float:
    """Of the spike's own excess, not below zero."""
    z = float(ndtri(min(max(q, 1e-9), 1 - 1e-9)))
    side = (high - excess) if z > 0 else (excess - low)
    return max(0.0, excess + z * side / _Z90)


def sum_interval(parts: list[tuple[float, float, float]]) -> tuple[float, float, float]:
    """Sum of independent estimates ``(value, low, high)`` with its 90% interval, errors added in squares."""
    value = math.fsum(part[0] for part in parts)
    down = math.sqrt(math.fsum((part[0] - part[1]) ** 2 for part in parts))
    up = math.sqrt(math.fsum((part[2] - part[0]) ** 2 for part in parts))
    return value, value - down, value + up
