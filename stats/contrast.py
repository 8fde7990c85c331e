"""Inside against outside: is the excess where the change could touch, and absent where it could not?"""

from __future__ import annotations

import math

from stats.errors import DomainError

WITHIN = (1.0, 0.92, 0.84)
"""Shares of a cause's excess that lie inside its scope: some contacts are filed elsewhere."""
ASTRAY = 0.05
"""How often a cause's contacts are spread as usual, whatever its record says."""
LOCAL = 0.4
"""How often a spike of another cause keeps to some place of its own, which may happen to be this one."""
ALIKE = 0.15
"""How far what touches all alike strays from the usual share."""


def scope_weight(
    *,
    inside: float,
    expected_inside: float,
    outside: float,
    expected_outside: float,
    overdispersion: float = 1.5,
    level_sd: float = 0.08,
) -> float:
    """Log-odds in nats that an excess comes from a change with this scope rather than from anything else.

    A cause's excess lies inside (:data:`WITHIN`), that of anything else is spread as usual, or keeps to a place of its own
    (:data:`LOCAL`), which is within this scope as often as contacts usually are: a small place speaks more than a large
    one. Each is held against both sides' excess by the least squares of a point from a line (both sides are measured with
    error: Deming, 1943); a side's variance is counting noise times ``overdispersion`` plus a relative forecast error
    ``level_sd``. So a noisy outside takes nothing from an inside that is sure. Bounded to [-4, 4].

    Args:
        inside, outside: Contacts seen during the spike, inside and outside the scope.
        expected_inside, expected_outside: What was expected there. Must be >= 0.

    Raises:
        DomainError: naming the argument outside its range.

    >>> small = dict(expected_inside=10.0, outside=90.0, expected_outside=90.0)
    >>> round(scope_weight(inside=60.0, **small), 1), round(scope_weight(inside=11.0, **small), 1)
    (3.2, 0.0)
    """
    for name, value in (("expected_inside", expected_inside), ("expected_outside", expected_outside)):
        if not value >= 0:
            raise DomainError(name, value, ">= 0")
    total = expected_inside + expected_outside
    if total <= 0:
        return 0.0
    usual = min(max(expected_inside / total, 0.01), 0.99)
    gained = (inside - expected_inside, outside - expected_outside)
    variance = (
        overdispersion * (max(inside, expected_inside) + 1.0) + (level_sd * expected_inside) ** 2,
        overdispersion * (max(outside, expected_outside) + 1.0) + (level_sd * expected_outside) ** 2,
    )
    here = _likeness(gained, variance, WITHIN)
    elsewhere = _likeness(gained, variance, tuple(1.0 - share for share in WITHIN))
    alike = _likeness(gained, variance, (max(usual - ALIKE, 0.0), usual, min(usual + ALIKE, 1.0)))
    cause = (1.0 - ASTRAY) * here + ASTRAY * alike
    other = (1.0 - LOCAL) * alike + LOCAL * (usual * here + (1.0 - usual) * elsewhere)
    return max(-4.0, min(4.0, math.log(cause / other)))


def _likeness(gained: tuple[float, float], variance: tuple[float, float], shares: tuple[float, ...]) -> float:
    """Mean likelihood that both sides' excess is one total shared out so: by its distance from the nearest total."""
    return sum(math.exp(-0.5 * _distance(gained, variance, share)) for share in shares) / len(shares) + 1e-6


def _distance(gained: tuple[float, float], variance: tuple[float, float], share: float) -> float:
    """Squared distance, in standard deviations, of both sides' excess from ``share`` of one total >= 0 and the rest of it."""
    parts = (share, 1.0 - share)
    slope = sum(part * got / var for part, got, var in zip(parts, gained, variance, strict=True))
    weight = sum(part * part / var for part, var in zip(parts, variance, strict=True))
    whole = max(slope / weight, 0.0)
    return sum((got - part * whole) ** 2 / var for part, got, var in zip(parts, gained, variance, strict=True))


def stop_weight(
    *,
    before: float,
    expected_before: float,
    after: float,
    expected_after: float,
    hours_before: float,
    hours_after: float,
) -> float:
    """Log-odds in nats that an excess went with the change: it was there while the change lasted and stopped after.

    A cause leaves a fifth of its excess rate behind, a bystander all of it. Normal with doubled counting noise,
    bounded to [-2.5, 0.3], as spikes also end by themselves.

    Raises:
        DomainError: naming the argument outside its range.
    """
    for name, value in (("hours_before", hours_before), ("hours_after", hours_after)):
        if not value > 0:
            raise DomainError(name, value, "> 0")
    rate = (before - expected_before) / hours_before
    if rate <= 0:
        return 0.0
    goes_on, seen = rate * hours_after, after - expected_after
    variance = 2.0 * (after + expected_after + 1.0) + before * (hours_after / hours_before) ** 2
    weight = 0.5 * ((seen - goes_on) ** 2 - (seen - 0.2 * goes_on) ** 2) / variance
    return max(-2.5, min(0.3, weight))
